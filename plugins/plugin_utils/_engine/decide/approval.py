# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's yes to the end of a credential, where the map wants one. Pure functions.

A question names the run that has asked, and a yes names that run. Both are about one credential and what has taken its
place: whatever is written or reloaded later, or minted, is another rotation, and asks anew.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .case import Case
from .state import ActionKind, CredentialRow, Intent, IntentState, SecretState


@dataclass(frozen=True)
class Yes:
    """What ``rotate_approve`` says: the secret, and the run that has asked."""

    secret: str
    run: str


def lacks_yes(case: Case, row: CredentialRow) -> bool:
    """Whether a person has yet to say yes to the end of ``row``."""
    found = question(case, row)
    return case.secret.revoke.confirm and not (found and found.state is IntentState.DONE)


def question(case: Case, row: CredentialRow) -> Intent | None:
    """Find the question about ``row`` that is still open, or whose yes still holds."""
    found = case.state.approvals.get(row.id)
    replacement = case.replacement.id if case.replacement else None
    if found is None or found.progress.get("replacement") != replacement or found.id < _last_change(case):
        return None
    ends = ends_at(case, found)
    return None if ends and ends <= case.now else found


def questions(case: Case) -> list[Intent]:
    """List all questions that are still open, or whose yes still holds."""
    found = (question(case, row) for row in case.state.credentials if row.alive)
    return [one for one in found if one]


def unanswered(case: Case) -> list[Intent]:
    """List the questions that are still open, and to which nobody has said yes."""
    return [one for one in questions(case) if one.state is IntentState.WAITING]


def ends_at(case: Case, found: Intent) -> datetime | None:
    """Return until when a yes holds; None where it was not given."""
    given = found.progress.get("given_at")
    return datetime.fromisoformat(given) + case.secret.revoke.yes_lasts if given else None


def about(case: Case, job: str) -> dict[str, Any]:
    """Build what a question is to remember: what has taken the credential's place, and the job that asks."""
    return {"replacement": case.replacement.id if case.replacement else None, "job": job}


def with_yes(state: SecretState, runs: Collection[str], now: datetime) -> SecretState:
    """Return the state after a yes to what these runs have asked."""
    at = {"given_at": now.isoformat()}
    given = {
        row: replace(one, state=IntentState.DONE, progress={**one.progress, **at})
        for row, one in state.approvals.items()
        if one.run in runs and one.state is IntentState.WAITING
    }
    return replace(state, approvals={**state.approvals, **given}) if given else state


def refusal(case: Case, run: str, job: str) -> str:
    """Say why a yes to what ``run`` has asked is not taken in this job; empty where it is."""
    name, open_ones = case.secret.name, questions(case)
    if not case.secret.revoke.confirm:
        return f"{name} needs no yes: its revoke has no confirm"
    meant = [one for one in open_ones if one.run == run]
    if not meant:
        runs = ", ".join(dict.fromkeys(f"{name}:{one.run}" for one in open_ones))
        return f"nothing of {name} waits for a yes to run {run}; {f'there is {runs}' if runs else 'a run asks anew'}"
    if not case.secret.revoke.same_job and any(one.progress.get("job") == job for one in meant):
        return f"{name} was rolled out in this very job, whose own yes counts only with revoke.same_job in the map"
    return ""


def _last_change(case: Case) -> int:
    """Return the number of the newest write or reload; what lets credentials in is reloaded by the end itself, too."""
    changes = (ActionKind.WRITE, ActionKind.RELOAD)
    narrowed = {name for _index, step in case.secret.accepting for name in step.reload}
    done = case.state.done.items()
    return max((number for (kind, target), number in done if kind in changes and target not in narrowed), default=0)
