# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that live on for a while after their roll, behind stand-ins made from published descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from tests.conformance.benches import sandboxed
from tests.conformance.issuers.benches.described import DescribedBench, open_bench

__all__ = ["open_bench"]


class RolledBench(DescribedBench):
    tunable = False

    def pass_overlap(self) -> None:
        self.world.act(f"expire_{self.provider}_keys")


class Clerk(RolledBench):
    title = issuer_type = "clerk_secret_key"
    provider = "clerk"
    server = "a stand-in made from Clerk's published description"
    base = "/clerk/v1"
    options: ClassVar[Options] = {"application": "app_1", "environment": "production", "overlap": "2h"}
    calls: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "mint": {"method": "POST", "path": "/rotate_secret_keys$"},
        "list": {"method": "GET", "path": "/applications$"},
        "verify": {"method": "GET", "path": "/instance$"},
    }


class Trigger(RolledBench):
    title = issuer_type = "trigger_secret_key"
    provider = "trigger"
    server = "a stand-in made from Trigger.dev's published description and source"
    base = "/trigger"
    options: ClassVar[Options] = {"project": "proj_1", "environment": "prod"}
    calls: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "mint": {"method": "POST", "path": "/regenerate-api-key$"},
        "list": {"method": "GET", "path": "/projects$"},
        "verify": {"method": "GET", "path": "/deployments$"},
    }


BENCHES = [Clerk, Trigger]
stop_all = sandboxed.stop
