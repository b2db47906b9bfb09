# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns of issuers that are not run, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Maker
from tests.conformance.bench import Front

from .bench import IssuerBench


def not_asked(name: str) -> type[IssuerBench]:
    traits = registry.find("issuers", name).traits
    if traits.value is Maker.NOBODY:
        return column(name, "Nobody makes, lists, verifies or revokes anything.")
    if traits.value is Maker.PERSON:
        return column(name, "A person makes its values: what its provider is asked is in tests/unit/providers.")
    if traits.activates:
        return column(name, "A value of our own that its provider takes: nobody is asked to list or to verify it.")
    return column(name, "A value of our own: nobody is asked to make, to list, to verify or to revoke it.")


def without_bench(name: str) -> type[IssuerBench]:
    raise LookupError(f"issuer {name} has no bench: write one into tests/conformance/issuers/benches")


def column(name: str, why: str) -> type[IssuerBench]:
    facts: dict[str, Any] = {"title": name, "issuer_type": name, "server": "nobody", "not_run": why, "connection": None}
    return type(name, (IssuerBench,), facts)


@contextmanager
def open_bench(kind: Any, front: Front) -> Iterator[Any]:
    yield kind(None)
