# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of things, asked afresh: what the ledger says, and whether the providers and the copies agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ....module_utils._core import guard, registry
from ....module_utils._core.clock import Clock
from ....module_utils._core.contracts import Answer, Revocation
from ..decide import selection
from ..decide.rule import watched
from ..decide.selection import RunOptions
from ..decide.state import CredentialRow
from ..effects.systems import Systems
from ..ledger.location import LedgerAccess
from ..preflight.preflight import Planned
from ..secret_map.model import SecretMap

if TYPE_CHECKING:
    from .report import Report

_WORKS = {Answer.ACCEPTED: "accepted by its provider", Answer.REFUSED: "REFUSED by its provider"}


class Status:
    """Asks once for each secret; an error is part of the answer."""

    def __init__(
        self, secret_map: SecretMap, options: RunOptions, systems: Systems, access: LedgerAccess, clock: Clock
    ) -> None:
        self._map = secret_map
        self._options = options
        self._systems = systems
        self._ledger = access.ledger
        self._clock = clock

    def tell(self, report: Report) -> tuple[list[str], list[Mapping[str, Any]]]:
        """Lines for people and rows for machines."""
        lines: list[str] = []
        rows: list[Mapping[str, Any]] = []
        reached = [s for s in self._map.secrets.values() if selection.picked_by(self._options, s, self._map)]
        states = self._ledger.states([secret.name for secret in reached])
        for secret in reached:
            item = Planned(secret, states[secret.name])
            item.due = selection.assess(secret, item.state, self._clock.now())
            works, drift = self._works(item), self._drift(item)
            lines += report.status(item, works, drift)
            rows.append(_row(item, works, drift))
        return lines, rows

    def _works(self, item: Planned) -> dict[int, str]:
        """What the provider says of each credential that is alive here."""
        alive = [row for row in item.state.credentials if row.alive]
        if not alive or item.traits.revoke is not Revocation.API:
            return {}
        try:
            issuer = self._systems.issuer(item.secret)
            valid = {one.id for one in issuer.listed() if not one.revoked}
            return {row.id: self._works_one(issuer, row, valid) for row in alive}
        except BaseException as error:  # noqa: BLE001 - it is about this secret alone
            problem = guard.as_rotor_error(error)
            return {row.id: f"cannot be asked: {problem}" for row in alive}

    def _works_one(self, issuer: Any, row: CredentialRow, valid: set[str]) -> str:
        if row.has_value:
            answer = issuer.answer(self._ledger.unseal(row))
            if answer in _WORKS:
                return _WORKS[answer]
        return "listed as valid" if row.provider_id in valid else "NOT listed as valid"

    def _drift(self, item: Planned) -> dict[str, str]:
        """Whether each copy is as this ledger left it."""
        found: dict[str, str] = {}
        for copy in item.secret.copies:
            mark = item.state.holdings.get(copy.id)
            if mark is None or copy.host:
                continue
            try:
                seen = self._systems.store(copy).observe(copy.container, watched(copy, mark))
                same = registry.find("stores", copy.type).unchanged(mark.evidence, seen)
                found[copy.id] = "" if same else "; CHANGED since by somebody else"
            except BaseException as error:  # noqa: BLE001 - it is about this copy alone
                found[copy.id] = f"; cannot be asked: {guard.as_rotor_error(error)}"
        return found


def _row(item: Planned, works: Mapping[int, str], drift: Mapping[str, str]) -> Mapping[str, Any]:
    def name(row: int) -> str | None:
        found = item.state.credential(row)
        return found.name if found else None

    return {
        "name": item.secret.name,
        "status": item.due.status,
        "why": item.due.why,
        "credentials": [
            {"name": row.name, "id": row.provider_id, "state": str(row.state), "works": works.get(row.id, "")}
            for row in item.state.credentials
            if row.alive
        ],
        "copies": {mark.label: name(mark.credential) for mark in item.state.holdings.values()},
        "changed_by_others": [copy.label for copy in item.secret.copies if drift.get(copy.id)],
        "consumers": {consumer: name(mark.credential) for consumer, mark in item.state.running.items()},
    }
