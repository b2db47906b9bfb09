# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims about credentials: what is said of which one, by whom it was seen, and when.

Plans, holds, results and status render their lines from these, so that no line says more than somebody has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from ....module_utils._core import registry
from ....module_utils._core.outside_text import NAME, identifier, printable
from ..decide import rule
from ..decide.case import Case
from ..decide.state import ActionKind, CredentialRow, CredentialState, Origin, Proof
from ..effects.life import shows


class Basis(StrEnum):
    """Name the source of a claim."""

    ASKED = "asked"  # the system answered just now
    RECORDED = "recorded"  # this ledger saw it at that time
    NAMED = "named"  # a person said so
    UNKNOWN = "unknown"  # nobody was asked, or no answer came


class Fact(StrEnum):
    """Name what a claim says, with its basis and its words."""

    HOLDS = "holds", Basis.RECORDED, "{who} (written {at})"
    RUNS = "runs", Basis.RECORDED, "{who} (reloaded {at})"
    MAY_HOLD = "may_hold", Basis.UNKNOWN, "{who} may hold it"
    MAY_RUN = "may_run", Basis.UNKNOWN, "{who} may run on it"
    LET_IN = "let_in", Basis.RECORDED, "let in by {who} (seen {at})"
    NAMED = "named", Basis.NAMED, "{who} (by your word; nobody has looked)"
    NOWHERE = "nowhere", Basis.RECORDED, "held by nobody known here"

    ACCEPTED = "accepted", Basis.ASKED, "accepted by its provider"
    REFUSED = "refused", Basis.ASKED, "REFUSED by its provider"
    LISTED = "listed", Basis.ASKED, "listed as valid"
    LISTED_ENDED = "listed_ended", Basis.ASKED, "NOT listed as valid, but as ended"
    UNLISTED = "unlisted", Basis.ASKED, "NOT listed as valid, nor as ended"
    UNANSWERED = "unanswered", Basis.UNKNOWN, "cannot be asked: {note}"
    UNCLEAR = "unclear", Basis.UNKNOWN, "its provider gives no clear answer"

    WAS_ACCEPTED = "was_accepted", Basis.RECORDED, "accepted by its provider {at}"
    NOT_REVOKED = "not_revoked", Basis.RECORDED, "no revocation recorded"
    MAY_BE_REVOKED = "may_be_revoked", Basis.UNKNOWN, "may be revoked: the answer was lost"
    GIVEN_UP = "given_up", Basis.RECORDED, "given up {at}, no revocation recorded"
    INACTIVE = "inactive", Basis.RECORDED, "not valid yet"
    MAY_BE_ACTIVE = "may_be_active", Basis.UNKNOWN, "may be valid already: the answer was lost"
    REPLACED = "replaced", Basis.RECORDED, "dead since the new one is in force, {at}"
    MAY_BE_DEAD = "may_be_dead", Basis.UNKNOWN, "dead, or may be"
    ENDS = "ends", Basis.RECORDED, "ended by its provider {at}, at the earliest"
    REVOKED = "revoked", Basis.RECORDED, "revoked {at}, proof: {note}"
    ENDED = "ended", Basis.RECORDED, "ended {at}, proof: {note}"

    UNCHANGED = "unchanged", Basis.ASKED, ""
    CHANGED = "changed", Basis.ASKED, "CHANGED since by somebody else"
    GONE = "gone", Basis.ASKED, "GONE: somebody else has deleted it"
    IN_DOUBT = "in_doubt", Basis.UNKNOWN, "changed since, perhaps by a write of ours whose answer was lost"
    UNSEEN = "unseen", Basis.UNKNOWN, "nobody can see whether it was changed"
    ABSENT = "absent", Basis.ASKED, "new{note}"
    PRESENT = "present", Basis.ASKED, "over a value that is not known here and then lost{note}"
    UNLOOKED = "unlooked", Basis.UNKNOWN, "over what nobody has seen, and a value there is then lost{note}"

    basis: Basis
    words: str

    def __new__(cls, value: str, basis: Basis, words: str) -> Self:
        fact = str.__new__(cls, value)
        fact._value_, fact.basis, fact.words = value, basis, words
        return fact


_DOUBTS = {ActionKind.WRITE: Fact.MAY_HOLD, ActionKind.RELOAD: Fact.MAY_RUN}


@dataclass(frozen=True)
class Claim:
    """Say one thing of one credential; the text is what people read."""

    fact: Fact
    name: str = ""
    """The credential's, if it is about one."""
    provider_id: str | None = None
    target: str = ""
    """A copy's id or a consumer's name, where the claim is about one."""
    who: str = ""
    """The target for people."""
    at: datetime | None = None
    note: str = ""

    def __str__(self) -> str:
        return self.fact.words.format(who=self.who, at=when(self.at), note=self.note)

    @property
    def credential(self) -> str:
        return known_as(self)


def known_as(credential: CredentialRow | Claim | None) -> str:
    """Name a credential for people, with its provider's id."""
    if credential is None:
        return "unknown"
    name, provider_id = printable(credential.name, NAME), credential.provider_id
    return f"{name} ({identifier(provider_id)})" if provider_id and provider_id != credential.name else name


def claim(
    fact: Fact, row: CredentialRow, target: str = "", who: str = "", *, at: datetime | None = None, note: str = ""
) -> Claim:
    """Claim something of the credential of a row."""
    return Claim(fact, row.name, row.provider_id, target, who or target, at, note)


def places(case: Case, row: CredentialRow) -> list[Claim]:
    """Say who has a credential, by the ledger alone."""
    secret, state = case.secret, case.state
    labels = {copy.id: copy.label for copy in secret.copies}
    holdings = [(copy, mark) for copy, mark in state.holdings.items() if mark.credential == row.id]
    found = [claim(Fact.HOLDS, row, copy, mark.label, at=mark.at) for copy, mark in holdings]
    lists = [copy for copy in secret.copies if copy.id in state.holdings and rule.admits(case, copy, row)]
    for copy in (copy for copy in lists if state.holdings[copy.id].credential != row.id):
        fact = Fact.MAY_HOLD if rule.in_doubt(state, copy) else Fact.LET_IN
        found.append(claim(fact, row, copy.id, copy.label, at=state.holdings[copy.id].at))
    running = [(consumer, mark) for consumer, mark in state.running.items() if mark.credential == row.id]
    found += [claim(Fact.RUNS, row, consumer, at=mark.at) for consumer, mark in running]
    unresolved = [i for i in state.intents if i.credential == row.id and i.unresolved]
    doubts = [(i.target, _DOUBTS[i.kind]) for i in unresolved if i.kind in _DOUBTS]
    if row.origin is Origin.ADOPTED:  # until somebody changes them, it is where this ledger has not been
        found += [claim(Fact.NAMED, row, copy, who) for copy, who in labels.items() if copy not in state.holdings]
        found += [claim(Fact.NAMED, row, name) for name in rule.untracked_holders(secret, state, row)]
        doubts = [(name, Fact.MAY_RUN) for name in secret.consumers if name not in state.running]
    found += [claim(fact, row, target, labels.get(target, "")) for target, fact in dict.fromkeys(doubts)]
    return found or [claim(Fact.NOWHERE, row)]


def life(case: Case, row: CredentialRow) -> list[Claim]:
    """Say whether a credential lives, by the ledger alone: nobody is asked."""
    state, pending = case.state, row.state is CredentialState.PENDING
    if row.revoked_at:
        unrevoked = case.traits.ends_the_old or row.proof in (Proof.NEVER_IN_FORCE, Proof.UNISSUED)
        fact = Fact.ENDED if unrevoked else Fact.REVOKED
        return [claim(fact, row, at=row.revoked_at, note=row.proof or "unknown")]
    if state.intent(ActionKind.REVOKE, row.name):
        return [claim(Fact.MAY_BE_REVOKED, row)]
    if row.given_up_at:
        return [claim(Fact.GIVEN_UP, row, at=row.given_up_at)]
    if pending and case.traits.activates and not row.in_force_since:
        return [claim(Fact.MAY_BE_ACTIVE if state.intent(ActionKind.ACTIVATE, row.name) else Fact.INACTIVE, row)]
    if not pending and row.origin is not Origin.ORPHAN and case.past_point_of_no_return:
        return [_end(case, row)]
    shown = row.accepted_at and shows(registry.find("issuers", case.secret.issuer.type))
    accepted = [claim(Fact.WAS_ACCEPTED, row, at=row.accepted_at)] if shown else []
    return [*accepted, claim(Fact.NOT_REVOKED, row)]


def _end(case: Case, row: CredentialRow) -> Claim:
    """Say what becomes of a credential that does not survive the one that is under way."""
    new = case.state.pending
    if new and new.in_force_at and case.traits.cuts_over:
        return claim(Fact.REPLACED, row, at=new.in_force_at)
    ends = [later.old_ends_at for later in case.state.credentials if later.id > row.id and later.old_ends_at]
    if new and ends and row is case.state.current:
        return claim(Fact.ENDS, row, at=min(ends))
    return claim(Fact.MAY_BE_DEAD, row)


def when(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}Z" if time else "never"
