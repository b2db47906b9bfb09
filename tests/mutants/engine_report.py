# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of the engine's room report."""

from __future__ import annotations

from tests.mutants.engine_helpers import dropped, mutant

MUTANTS = (
    mutant(
        "status: what a run has changed meanwhile is looked at again",
        "if self._ledger.audit_head() != head and",
        "if False and",
        "preflight",
    ),
    mutant(
        "claims: an effect without an answer may have been made",
        "i.credential == row.id and i.unresolved]\n",
        "i.credential == row.id and not i.unresolved]\n",
        "claims",
    ),
    mutant(
        "claims: a revoke without an answer may have been made",
        "    if state.intent(ActionKind.REVOKE, row.name):\n",
        "    if state.intent(ActionKind.REVOKE, row.name) and not row.id:\n",
        "claims",
    ),
    mutant(
        "claims: what nobody issued is not revoked",
        " or row.proof in (Proof.NEVER_IN_FORCE, Proof.UNISSUED)\n",
        "\n",
        "claims",
    ),
    mutant(
        "report: the command after drift names what may be overwritten",
        '[extra_var("rotate_forget", changed)] if changed else []',
        "[]",
        "claims",
    ),
    mutant(
        "report: no run revokes what a person ends",
        '("is to be ended by a person", ", and the next run says how")',
        '("is revoked", _NEXT)',
        "claims",
    ),
    mutant(
        "report: a write without an answer may have made a key",
        "if not unseen or item.case.state.intent(ActionKind.WRITE, copy.id):",
        "if not unseen:",
        "claims",
    ),
    mutant("status: absence from a list is no end", "return Fact.UNLISTED", "return Fact.LISTED_ENDED", "claims"),
    mutant(
        "report: another run's progress is left out",
        'progress if progress.get("run") == plan.get("run") else {}',
        "progress",
        "reported",
    ),
    dropped(
        "status names what a revoke waits for",
        "if case.is_settled and not case.secret",
        "own",
        instead="if False and not case.secret",
    ),
    dropped("what nobody was shown to was not accepted", "row.accepted_at and shows(", "unshown", instead="bool("),
    dropped(
        "a command over a changed copy repeats that a credential is dead",
        "(dead and dead.given_up_at is None) or (due.status",
        "loss",
        instead="(due.status",
    ),
)
