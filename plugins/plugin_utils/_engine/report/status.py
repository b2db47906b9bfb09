# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what the ledger says with what the providers and the copies say now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ....module_utils._core import guard, registry
from ....module_utils._core.clock import Clock
from ....module_utils._core.contracts import Answer, Revocation
from ..decide import selection
from ..decide.case import Case
from ..decide.rule import watched
from ..decide.selection import RunOptions
from ..decide.state import CredentialRow, Order
from ..effects.systems import Systems
from ..ledger.location import LedgerAccess
from ..preflight.preflight import Selected
from ..secret_map.model import SecretMap

if TYPE_CHECKING:
    from .report import Report

_WORKS = {Answer.ACCEPTED: "accepted by its provider", Answer.REFUSED: "REFUSED by its provider"}


class Status:
    """Asks the systems of each secret once; an error is part of the answer."""

    def __init__(
        self, secret_map: SecretMap, options: RunOptions, systems: Systems, access: LedgerAccess, clock: Clock
    ) -> None:
        self._map = secret_map
        self._options = options
        self._systems = systems
        self._ledger = access.ledger
        self._clock = clock

    def tell(self, report: Report) -> tuple[list[str], list[Mapping[str, Any]]]:
        """Return lines for people and rows for machines."""
        lines: list[str] = []
        rows: list[Mapping[str, Any]] = []
        reached = [s for s in self._map.secrets.values() if selection.picked_by(self._options, s, self._map)]
        states = self._ledger.states([secret.name for secret in reached])
        for secret in reached:
            now, traits = self._clock.now(), registry.find("issuers", secret.issuer.type).traits
            case = Case(secret, states[secret.name], Order(secret.name), traits, now)
            item = Selected(case, selection.assess(secret, case.state, now))
            works, drift = self._works(item), self._drift(item)
            lines += report.status(item, works, drift)
            rows.append(_row(item, works, drift))
        return lines, rows

    def _works(self, item: Selected) -> dict[int, str]:
        """Ask the provider about each credential that is alive by the ledger."""
        alive = [row for row in item.case.state.credentials if row.alive]
        if not alive or item.case.traits.revoke is not Revocation.API:
            return {}
        try:
            issuer = self._systems.issuer(item.case.secret)
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

    def _drift(self, item: Selected) -> dict[str, str]:
        """Compare each copy with how this ledger left it."""
        found: dict[str, str] = {}
        for copy in item.case.secret.copies:
            mark = item.case.state.holdings.get(copy.id)
            if mark is None or copy.host:
                continue
            try:
                seen = self._systems.store(copy).observe(copy.container, watched(copy, mark))
                unchanged = registry.find("stores", copy.type).unchanged
                if not unchanged(mark.evidence, seen):  # a run may have written it after the ledger was read
                    mark = self._ledger.state(item.name).holdings[copy.id]
                found[copy.id] = "" if unchanged(mark.evidence, seen) else "; CHANGED since by somebody else"
            except BaseException as error:  # noqa: BLE001 - it is about this copy alone
                found[copy.id] = f"; cannot be asked: {guard.as_rotor_error(error)}"
        return found


def _row(item: Selected, works: Mapping[int, str], drift: Mapping[str, str]) -> Mapping[str, Any]:
    def name(row: int) -> str | None:
        found = item.case.state.credential(row)
        return found.name if found else None

    return {
        "name": item.case.secret.name,
        "status": item.due.status,
        "why": item.due.why,
        "credentials": [
            {"name": row.name, "id": row.provider_id, "state": str(row.state), "works": works.get(row.id, "")}
            for row in item.case.state.credentials
            if row.alive
        ],
        "copies": {mark.label: name(mark.credential) for mark in item.case.state.holdings.values()},
        "changed_by_others": [copy.label for copy in item.case.secret.copies if drift.get(copy.id)],
        "consumers": {consumer: name(mark.credential) for consumer, mark in item.case.state.running.items()},
    }
