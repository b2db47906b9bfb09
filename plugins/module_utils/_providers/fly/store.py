# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fly's app secrets as a store: write-only, with a digest and a version as evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..._core.contracts import Evidence, Options, Schema, Store
from ..._core.credential import SecretValue
from .client import APP, FlyConnection

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class FlySecrets(Store):
    """A container is an app. Setting never restarts anything: machines pick it up when they are updated."""

    schema = Schema(properties={"app": APP}, required=("app",))
    connection: FlyConnection

    @classmethod
    def label(cls, container: Options) -> str:
        return f"fly app {container['app']}"

    @classmethod
    def identity(cls, container: Options) -> str:
        return str(container["app"])

    @classmethod
    def validate(cls, container: Options, keys: Sequence[str]) -> list[str]:
        wrong = [key for key in keys if not _NAME.fullmatch(key)]
        return [f"{key}: a Fly secret is an environment variable: letters, digits and _ only" for key in wrong]

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        there = self.connection.secrets(container["app"])
        return {"keys": {key: there[key] for key in keys if key in there}}

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        return self.connection.set_secrets(container["app"], values)

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        return self.connection.set_secrets(container["app"], dict.fromkeys(keys))

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        """Compare digests with earlier digests; dates may stay the same with a new value."""
        before, now = _digests(recorded), _digests(observed)
        return before == now and None not in before.values()

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        if "version" in evidence:
            return f"version {evidence['version']}"
        return ", ".join(f"{key} {digest}" for key, digest in _digests(evidence).items()) or "absent"


def _digests(evidence: Evidence) -> dict[str, str | None]:
    return {key: facts.get("digest") for key, facts in evidence.get("keys", {}).items()}
