# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a provider whether a credential lives. Absence from a list is no end, nor is an answer that says nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from ....module_utils._core.clock import Clock
from ....module_utils._core.contracts import Answer, Issuer, Listed, Recover
from ....module_utils._core.errors import RotorError, StoppedError, UntrustedServerError
from ..decide.case import Case
from ..decide.state import CredentialRow, CredentialState, Life, SecretState
from ..ledger.writer import Ledger
from ..secret_map.model import Secret
from .context import PROPAGATION

SETTLE = 2.0
"""Seconds between the two refusals that prove an end: two within a second look like an attack to some."""


def lists(issuer: type[Issuer]) -> bool:
    return issuer.listed is not Issuer.listed


def shows(issuer: type[Issuer]) -> bool:
    return issuer.verify is not Issuer.verify


def disables(issuer: type[Issuer]) -> bool:
    """Whether its provider can make a credential useless for a while."""
    return issuer.disable is not Issuer.disable


def switches(issuer: type[Issuer]) -> bool:
    """Whether its provider works with one of several valid credentials, and has to be told with which."""
    return issuer.put_in_use is not Issuer.put_in_use


def tells_life(issuer: type[Issuer]) -> bool:
    """Whether its provider can be asked at all whether a credential lives."""
    return lists(issuer) or shows(issuer)


def holds_use(secret: Secret, issuer: type[Issuer]) -> bool:
    """Whether a use of an old credential holds its revoke, our own showing of it included."""
    return "unused" in secret.revoke.require and issuer.reports_last_used(secret.issuer.options)


def may_show(secret: Secret, issuer: type[Issuer], row: CredentialRow) -> bool:
    """Whether to show a credential to its provider is no use that would hold its revoke."""
    in_use = row.state in (CredentialState.PENDING, CredentialState.CURRENT)
    return in_use or not holds_use(secret, issuer)


def life(
    issuer: Issuer,
    ledger: Ledger,
    clock: Clock,
    secret: Secret,
    state: SecretState,
    row: CredentialRow,
    listed: Callable[[], Sequence[Listed]] | None = None,
    *,
    show: bool = True,
) -> Life:
    """Ask what its provider says of ``row``; ``listed`` spares asking twice for what it lists.

    Without ``show``, the value of a credential that is listed is not shown.
    """
    if secret.made_elsewhere(row.made_by):
        return Life.ELSEWHERE
    found = _found(issuer, listed or issuer.listed) if row.provider_id else None
    entry = next((item for item in found or () if item.id == row.provider_id), None)
    if entry and (over := over_by_list(issuer, clock, entry)):
        return over
    if _is_overwritten(issuer, ledger, row):
        return Life.OVERWRITTEN
    shown = row.has_value and (show or entry is None)
    answer = issuer.answer(ledger.unseal(row)) if shown else Answer.UNCLEAR
    if answer is Answer.ACCEPTED:
        return Life.LIVES
    if answer is Answer.REFUSED and _is_known_everywhere(clock, row):
        refused = _refused(issuer, ledger, clock, state, row)
        return Life.REFUSED_LISTED if entry and refused is Life.REFUSED else refused
    if entry:
        return Life.UNKNOWN if answer is Answer.REFUSED else Life.LIVES
    return Life.UNKNOWN if found is None else Life.ABSENT


def _found(issuer: Issuer, listed: Callable[[], Sequence[Listed]]) -> Sequence[Listed] | None:
    """List credentials; None where the provider lists none, or cannot be asked."""
    if not lists(type(issuer)):
        return None
    try:
        return listed()
    except (StoppedError, UntrustedServerError):
        raise
    except RotorError:
        return None


def demand_in_use_listed(case: Case, listed: Sequence[Listed], about: str) -> None:
    """RotorError where the credential in use is not listed either, as by another account: absence tells nothing then.

    Where it has ended, or may have, that is no wonder.
    """
    row = case.state.in_use
    if not row or not (row.alive and row.provider_id) or case.secret.made_elsewhere(row.made_by):
        return
    ended = case.past_point_of_no_return or row.given_up_at or row.id == case.order.given_up
    if not ended and all(one.id != row.provider_id for one in listed):
        what = f"nobody can tell what became of {about}: its provider does not list {row.name} either, which is in use"
        raise RotorError(what, hint="See whether the issuer's connection opens another account than before")


def over_by_list(issuer: Issuer, clock: Clock, entry: Listed) -> Life | None:
    """Tell how a credential is listed as ended; one expires when our clock and the issuer's say so."""
    if entry.revoked:
        return Life.REVOKED
    theirs = their_time(issuer)
    now = min(clock.now(), theirs) if theirs else clock.now()
    return Life.EXPIRED if entry.expires_at is not None and entry.expires_at <= now else None


def their_time(issuer: Issuer) -> datetime | None:
    """Return the issuer's own time, by its last answer; None where it tells none."""
    time: datetime | None = issuer.connection.server_time() if issuer.connection else None
    return time


def _is_overwritten(issuer: Issuer, ledger: Ledger, row: CredentialRow) -> bool:
    """Whether there is but one value, which its provider shows, and it is another."""
    traits = issuer.traits
    if not (traits.cuts_over and traits.recover is Recover.READABLE and row.fingerprint):
        return False
    try:
        shown = issuer.recover(row.name)
    except (StoppedError, UntrustedServerError):
        raise
    except RotorError:
        return False
    return shown is not None and ledger.fingerprint(row.secret, shown.fields) != row.fingerprint


def _is_known_everywhere(clock: Clock, row: CredentialRow) -> bool:
    """Whether a refusal can no longer be that of a credential which its provider has yet to spread."""
    times = [time for time in (row.minted_at, row.in_force_at) if time]
    return not times or clock.now() - max(times) > timedelta(seconds=PROPAGATION)


def _refused(issuer: Issuer, ledger: Ledger, clock: Clock, state: SecretState, row: CredentialRow) -> Life:
    """Ask again after a while, and show the same call another credential that may be accepted."""
    clock.sleep(SETTLE)
    credential = ledger.unseal(row)
    if issuer.answer(credential) is not Answer.REFUSED:
        return Life.UNKNOWN
    others = [other for other in state.credentials if other.alive and other.has_value and other.id != row.id]
    alone = any(issuer.answer(ledger.unseal(other)) is Answer.ACCEPTED for other in others)
    return Life.REFUSED_ALONE if alone else Life.REFUSED
