# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger under new keys: every seal by the newest sealing key, and a new key over the fingerprints.

All of it happens in one transaction of the ledger, so that a crash leaves either the old keys or the new ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from ....module_utils._core.fingerprints import Fingerprints
from .sealing import Sealer

_FINGERPRINT = re.compile("[0-9a-f]{12}")
_AT_ONCE = 200


class Rekeying:
    """Works on the tables within the transaction ``tx``."""

    def __init__(self, tx: Any, sa: Any, tables: Any, sealer: Sealer) -> None:
        self._tx = tx
        self._sa = sa
        self._t = tables
        self._sealer = sealer

    def stale(self) -> bool:
        """Whether anything is sealed with an older key than the newest."""
        return any(self._sealer.renewed(seal) != seal for seal in self._seals())

    def seal_anew(self) -> None:
        t = self._t.credentials
        self._update(t, "sealed", lambda fields: {name: self._sealer.renewed(seal) for name, seal in fields.items()})
        self._update(self._t.runs, "plan", self._sealer.renewed)

    def cover(self, new_key: bytes) -> None:
        """Bring every fingerprint in force under ``new_key``: those of credentials, and those in evidence."""
        covered = Fingerprints(b"", [new_key]).covered
        self._update(self._t.credentials, "fingerprint", lambda old: old and covered(old))
        for table, column in (
            (self._t.credentials, "baseline"),
            (self._t.holdings, "evidence"),
            (self._t.intents, "progress"),
        ):
            self._update(table, column, lambda evidence: _replaced(evidence, covered))

    def _seals(self) -> Iterator[str]:
        t = self._t
        wrapped = self._sa.select(t.meta.c.value).where(t.meta.c.name.in_(["fingerprint_key", "audit_key"]))
        yield from self._tx.execute(wrapped).scalars()
        for fields in self._tx.execute(self._sa.select(t.credentials.c.sealed)).scalars():
            yield from fields.values()
        yield from self._tx.execute(self._sa.select(t.runs.c.plan)).scalars()

    def _update(self, table: Any, name: str, new: Callable[[Any], Any]) -> None:
        """Give ``new`` each row's value, a few rows at a time, in the order of the primary key."""
        key, column = list(table.primary_key.columns), table.c[name]
        last: Any = None
        while True:
            query = self._sa.select(*key, column).order_by(*key).limit(_AT_ONCE)
            if last is not None:
                query = query.where(self._sa.tuple_(*key) > self._sa.tuple_(*last))
            rows = self._tx.execute(query).all()
            if not rows:
                return
            last = rows[-1][:-1]
            for *where, old in rows:
                if (value := new(old)) != old:
                    same = self._sa.and_(*(part == known for part, known in zip(key, where, strict=True)))
                    self._tx.execute(table.update().where(same).values({name: value}))


def _replaced(evidence: Any, covered: Callable[[str], str]) -> Any:
    """``evidence`` with another fingerprint wherever it has one, however deep."""
    if not isinstance(evidence, dict):
        return evidence
    return {
        name: covered(value)
        if name == "fingerprint" and isinstance(value, str) and _FINGERPRINT.fullmatch(value)
        else _replaced(value, covered)
        for name, value in evidence.items()
    }
