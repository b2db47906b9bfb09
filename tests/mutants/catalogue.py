# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards, and how each is taken out: an exact text that must stand once in its file, and what replaces it."""

from __future__ import annotations

from dataclasses import dataclass

ROTATION = "plugins/plugin_utils/_rotation"
RUNS = ("rotation", "revoking", "kill")
PLANS = ("planner", *RUNS)


@dataclass(frozen=True)
class Mutant:
    safeguard: str
    file: str
    """In the rotation's folder."""
    text: str
    instead: str
    tests: tuple[str, ...]
    """Names of test files in tests/unit/rotation, the likeliest first."""


def dropped(safeguard: str, clause: str, *tests: str, file: str = "planner.py", instead: str = "") -> Mutant:
    return Mutant(safeguard, file, clause, instead, tests or PLANS)


_MINT_INTENT = (
    '        intent = self._ledger.intend(self._run, secret.name, "mint", name, progress={"baseline": baseline})\n'
)
_MINT = (
    "        with self._outcome({secret.name: intent}):\n"
    "            credential = self._made(work, issuer, name, intent, baseline)\n"
)
_WRITE_INTENT = (
    '            intent = self._ledger.intend(self._run, secret.name, "write", copy.id, action.credential)\n'
)
_WRITE = (
    "            with self._outcome({secret.name: intent}):\n"
    "                evidence = store.write(copy.container, render(secret, copy, credential), since)\n"
)

MUTANTS = (
    Mutant(
        "intent before effect: mint",
        "issuing.py",
        _MINT_INTENT + _MINT,
        "        credential = self._made(work, issuer, name, 0, baseline)\n" + _MINT_INTENT,
        ("kill", "rotation"),
    ),
    Mutant(
        "intent before effect: write",
        "effects.py",
        _WRITE_INTENT + _WRITE,
        "            evidence = store.write(copy.container, render(secret, copy, credential), since)\n" + _WRITE_INTENT,
        ("rotation", "kill"),
    ),
    dropped(
        "verify gate", "return writes + reloads + checks", "rotation", "planner", instead="return writes + reloads"
    ),
    dropped("rule: asked before a revoke", "if in_the_way:", *RUNS, "edited", file="revoking.py", instead="if False:"),
    dropped(
        "rule: no copy holds it",
        "for mark in state.holdings.values() if mark.credential == row.id]\n    found +=",
        *PLANS,
        instead="for mark in ()]\n    found +=",
    ),
    dropped(
        "rule: no consumer runs on it",
        "for name, mark in state.running.items() if mark.credential == row.id]",
        *PLANS,
        instead="for name, mark in ()]",
    ),
    dropped("rule: a write in doubt counts", 'for i in doubts if i.kind == "write"]', *PLANS, instead="for i in ()]"),
    dropped("rule: a reload in doubt counts", 'for i in doubts if i.kind == "reload"]', *PLANS, instead="for i in ()]"),
    dropped("rule: a replacement is there", '[*found, "there is nothing in its place"]', instead="found"),
    dropped("rule: a moved copy may hold it", " and not order.moved", "planner", "going_back", *RUNS),
    dropped(
        "rule: the replacement in every copy",
        "for copy in secret.copies if not holds(state, copy, replacement.id)]",
        instead="for copy in ()]",
    ),
    dropped(
        "rule: every consumer on the replacement",
        "for who in secret.consumers if not on_it(state.running.get(who))]",
        instead="for who in ()]",
    ),
    dropped("rule: every check holds", "if not all(map(on_it, marks)):", instead="if False:"),
    dropped("rule: use is proven", 'elif secret.revoke.accept == "use" and not', instead="elif False and not"),
    dropped(
        "evidence compared before a write",
        "if baseline is not None and not store.unchanged(",
        "edited",
        "rotation",
        "damaged",
        "stores",
        file="effects.py",
        instead="if False and not store.unchanged(",
    ),
    dropped(
        "unfit values refused before the first write",
        "unfit = [] if work.row.id in work.state.handed_out else unfit_values(work.secret, credential)",
        "stores",
        "rotation",
        file="effects.py",
        instead="unfit = []",
    ),
    dropped(
        "proof: two refusals",
        "        self._clock.sleep(SETTLE)\n        return self._refused(issuer, old, new)",
        "revoking",
        "rotation",
        file="revoking.py",
        instead="        return True",
    ),
    dropped(
        "proof: the new one is accepted",
        " and issuer.verify(new) is Answer.ACCEPTED\n\n    def _end",
        "revoking",
        "rotation",
        file="revoking.py",
        instead="\n\n    def _end",
    ),
    dropped(
        "proof: an unclear answer proves nothing",
        "issuer.verify(old) is Answer.REFUSED",
        "revoking",
        "rotation",
        file="revoking.py",
        instead="issuer.verify(old) is not Answer.ACCEPTED",
    ),
    dropped(
        "parent check",
        "        if os.getppid() != self._parent:\n            self.stop()",
        "processes",
        file="worker.py",
        instead="        if False:\n            self.stop()",
    ),
    dropped(
        "lock",
        "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "ledger",
        "processes",
        file="locks.py",
        instead="pass",
    ),
    dropped(
        "a session of locks is nobody else's",
        "    if others:\n",
        "ledger_postgres",
        file="postgres.py",
        instead="    if False:\n",
    ),
    dropped(
        "a sealed value is bound to its row",
        '(bound["secret"], bound["credential"], bound["field"]) != (secret, credential, field)',
        "ledger",
        "damaged",
        file="sealing.py",
        instead="False",
    ),
    dropped(
        "a foreign ledger's stamp is refused",
        "elif stamp != self._ledger.id:",
        "preflight",
        "stores",
        file="preflight.py",
        instead="elif False:",
    ),
    dropped(
        "evidence compared before a plan",
        "elif seen is not None and known is not None and self._is_foreign(item, copy, known, seen):",
        "preflight",
        "edited",
        "rotation",
        file="preflight.py",
        instead="elif False:",
    ),
)
