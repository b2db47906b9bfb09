# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of the engine's room ledger."""

from __future__ import annotations

from tests.mutants.engine_helpers import dropped, mutant

MUTANTS = (
    mutant(
        "what a check has made outlasts a write",
        "for name in (MADE, CLEANED) if name in",
        "for name in () if name in",
        "left_behind",
    ),
    mutant(
        "approval: given once",
        'tx.update(self._t.intents, {"secret": secret, "id": one.id}, answer, (IntentState.WAITING,))',
        'tx.update(self._t.intents, {"secret": secret, "id": one.id}, answer)',
        "approval",
    ),
    mutant(
        "a copy is forgotten, what its other keys hold is not",
        "                self._keep_unmapped_keys(tx, secret, target, mapped[target], now)\n",
        "                pass\n",
        "edited",
    ),
    mutant(
        "a role that has left a list is not the one in use",
        'values["credential"] = max((one for one in ids if ids[one] == key), default=row["credential"])',
        "pass",
        "accepting",
    ),
    mutant(
        "a key that left while a write was in doubt",
        'tx.insert(t.intents, {**_without(row, "id"), "target": key_id(copy, key)})',
        "pass",
        "edited",
    ),
    dropped(
        "memory: dropped where another process has written",
        '        return last is None or last["mac"] != self._head',
        "ledger",
        instead="        return last is None or not self._head",
    ),
    dropped(
        "memory: forgotten with what was not committed",
        "                    self._undo()\n",
        "ledger",
        instead="",
    ),
    dropped(
        "memory: adopted once",
        "if row.provider_id and tx.select(self._t.credentials, known):",
        "ledger",
        instead="if False:",
    ),
    dropped(
        "group commit: nobody returns before it",
        "        while not error and not group.ended.wait(_RESCUE_SECONDS):",
        "ledger_commits",
        instead="        while False:",
    ),
    dropped(
        "clocks: the issuer's, at the closing",
        'times = {"closed_by_issuer": by_issuer, ',
        "clocks",
        instead='times = {"closed_by_issuer": None, ',
    ),
    dropped(
        "clocks: the database's, at the closing",
        '"closed_by_database": postgres.server_time(tx.connection)}',
        "clocks",
        instead='"closed_by_database": None}',
    ),
    dropped(
        "a sealed value is what was minted",
        "if fields and self.fingerprint(row.secret, fields) != row.fingerprint:",
        "ledger",
        "damaged",
        instead="if False:",
    ),
    dropped(
        "the rows of a secret add up to its digest",
        "            if (total - (self.macs.unmask(digest) if digest else 0)) % _MODULUS:",
        "ledger_tampered",
        instead="            if False:",
    ),
    dropped(
        "the digests add up to the one in the trail",
        "if total is None or (self.macs.sum(self._t.digests, rows) - total) % _MODULUS:",
        "ledger_tampered",
        instead="if False:",
    ),
    dropped(
        "an altered row is named",
        "            elif tag != self.macs.tag(table, row):",
        "ledger_tampered",
        "audit_log",
        instead="            elif False:",
    ),
    dropped(
        "lock",
        "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "ledger",
        "processes",
        instead="pass",
    ),
    dropped(
        "a session of locks is nobody else's",
        "    if others:\n",
        "ledger_postgres",
        instead="    if False:\n",
    ),
    dropped(
        "a sealed value is bound to its row",
        '(bound["secret"], bound["credential"], bound["field"]) != (secret, credential, field)',
        "ledger",
        "damaged",
        instead="False",
    ),
    dropped(
        "no ledger where a job runner empties the place",
        "(why := loss(path, job, by_default=by_default))",
        "ledger_location",
        instead='(why := "")',
    ),
    dropped(
        "no ledger that everybody can alter",
        "if mode & stat.S_IWOTH and not mode & harmless:",
        "ledger_location",
        instead="if False:",
    ),
    dropped(
        "a ledger has one lock by all of its names",
        'Path(f"{path.resolve()}.locks")',
        "ledger_location",
        instead='Path(f"{path}.locks")',
    ),
    mutant("a ledger has one name", "if path.exists() and path.stat().st_nlink > 1:", "if False:", "ledger_location"),
    dropped("a lock is no link", " | os.O_NOFOLLOW", "ledger_location"),
    mutant("ledger: what the system refuses is no damage", "if path and not _is_damage(error):", "if False:", "claims"),
    dropped(
        "new keys: of a value before a mint", '("fingerprint", IN_FORCE)', "ledger_rekey", instead='("fingerprint",)'
    ),
    dropped(
        "new keys: of what a plan was compared with",
        '_replace_fingerprints(plan["orders"], rekeyed)',
        "ledger_rekey",
        instead='plan["orders"]',
    ),
    mutant(
        "new keys: the new one comes first",
        "if {*self._ledger.keys.sealer.older} - replaced:",
        "if False:",
        "ledger_rekey",
    ),
    dropped("what reads a list reads it anew", 'row["evidence"], LAGS: True}', "accepting", instead='row["evidence"]}'),
)
