# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger as a thing to be kept: its trail is examined and shown, its keys are changed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from ....module_utils._core.outside_text import printable, shown
from .location import LedgerAccess

Row = Mapping[str, Any]
_SHOWN = 50


class Maintenance:
    """Of one opened access; ``say`` prints a line."""

    def __init__(self, access: LedgerAccess, say: Callable[[str], None]) -> None:
        self._access = access
        self._ledger = access.ledger
        self._say = say

    def verify(self, head: str, secret: str) -> Row:
        """Examine the trail, and show the part of it that concerns ``secret``."""
        head = head.strip().lower()
        found = self._ledger.examine(head)
        if secret and found.bad_row is None:
            for line in _story(self._ledger.history(), secret):
                self._say(line)
        self._say(f"audit trail: {found.rows} rows checked in {self._access.where}")
        self._say(f"audit trail: {found.head}")
        told = shown({"changed": False, "rows": found.rows, "head": found.head, "bad_row": found.bad_row})
        if not found.problems:
            self._say(f"the chain is whole{', and the head that was given is in it' if head else ''}")
            return {**told, "failed": False, "problems": []}
        some = [printable(problem) for problem in found.problems[:_SHOWN]]
        more = [f"and {len(found.problems) - _SHOWN} more"] if len(found.problems) > _SHOWN else []
        msg = "\n".join(["the audit trail does not hold", *some, *more])
        return {**told, "failed": True, "problems": some, "msg": msg}

    def rekey(self, by: str, reason: str, *, check: bool) -> Row:
        """Change the keys; nothing is done where everything is under the newest one already."""
        if not self._ledger.needs_rekeying():
            self._say(f"{self._access.where}: everything is sealed with the first key of secret_ledger.key")
            return {"changed": False}
        if check:
            self._say(f"{self._access.where}: would be sealed anew with the first key of secret_ledger.key")
            return {"changed": True}
        with ExitStack() as held:
            names = self._ledger.secrets()
            for name in sorted(names):
                held.enter_context(self._access.locks.hold(f"secret {name}"))
            self._ledger.rekey(secrets.token_hex(4), by, reason, names)
        self._say(f"{self._access.where}: sealed anew; the older keys of secret_ledger.key open nothing any more")
        self._say(f"audit trail: {self._ledger.audit_head()}")
        self._ledger.clear_log()
        return {"changed": True}


def _story(history: Iterator[Row], secret: str) -> Iterator[str]:
    """Who did what when and why, with evidence and grade of proof, a line for each row."""
    runs: dict[str, Row] = {}
    for row in history:
        if row["event"] == "run":
            runs[row["run"]] = row["details"]
        elif secret in (row["secret"], *row["details"].get("secrets", ())):
            run = runs.get(row["run"], {})
            reason = f"; reason: {run['reason']}" if run.get("reason") else ""
            details = " ".join(f"{name}={_plain(value)}" for name, value in row["details"].items())
            who = f"run {row['run']} by {run.get('by', 'unknown')}{reason}"
            yield f"{row['id']}  {row['at']}  {row['event']}  {details}  ({who})"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
