# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in every state that a rotation can be in, as plain data."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    Maker,
    Overlap,
    Recover,
    Revocation,
    Traits,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import (
    ActionKind,
    CredentialRow,
    CredentialState,
    Intent,
    IntentState,
    Mark,
    Order,
    Origin,
    SecretState,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.model import (
    CheckSpec,
    Copy,
    PartSpec,
    Secret,
    Step,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)
API = Traits(Maker.PROVIDER, Overlap.OPEN, Revocation.API, Recover.RECONCILE)
OURS = Traits(Maker.OURS, Overlap.OPEN, Revocation.AUTO, Recover.OURS)
KEYS = {"TOKEN": "${token}"}
USE = CheckSpec("http", None, {"url": "a"}, "use")
LIFE = CheckSpec("http", None, {"url": "b"}, "life")
OLD, NEW = 1, 2


def copy(name: str) -> Copy:
    return Copy("fly", "fly", {"app": name}, KEYS, f"fly:{name}", f"fly app {name}")


APP, CI = copy("app"), copy("ci")
SECRET = Secret(
    "S",
    PartSpec("token", None, {}),
    (Step("one", (APP,), ("app",), (USE,)), Step("two", (CI,), ("ci",), (USE,), environment="production")),
)


def row(number: int, state: CredentialState, origin: Origin = Origin.MINTED, *, value: bool = True, **more: Any) -> Any:
    sealed = {"token": "sealed"} if value else {}
    return CredentialRow(number, "S", f"rotor-{number}", f"id-{number}", state, origin, "f", sealed, {}, **more)


def mark(credential: int, label: str = "", keys: Any = None) -> Mark:
    return Mark(credential, {}, NOW, label, KEYS if keys is None else keys)


def on(credential: int, *copies: Copy) -> dict[str, Mark]:
    return {copy.id: mark(credential, copy.label) for copy in copies}


def proven(credential: int, *steps: str, check: CheckSpec = USE) -> dict[tuple[str, str], Mark]:
    return {(step, check.key): mark(credential, check.proves) for step in steps}


def everywhere(credential: int, *rows: CredentialRow, **more: Any) -> SecretState:
    """Every copy holds it, every consumer runs on it, every step has proven it."""
    return replace(
        SecretState(
            credentials=rows,
            holdings=on(credential, APP, CI),
            running={"app": mark(credential), "ci": mark(credential)},
            proofs=proven(credential, "one", "two"),
            distributed=frozenset({one.id for one in rows}),
        ),
        **more,
    )


CURRENT = row(OLD, CredentialState.CURRENT, closed_at=NOW - timedelta(days=9))
PREVIOUS = row(OLD, CredentialState.PREVIOUS)
PENDING = row(NEW, CredentialState.PENDING)
FINISHED = everywhere(NEW, PREVIOUS, row(NEW, CredentialState.CURRENT, closed_at=NOW))
MINT = Order("S", mint=True, base=OLD)
FORWARD = Order("S")
BACK = Order("S", rollback=True)


def intent(kind: str, target: str, credential: int | None, state: IntentState = IntentState.UNKNOWN) -> Intent:
    return Intent(9, "run", ActionKind(kind), target, credential, state)
