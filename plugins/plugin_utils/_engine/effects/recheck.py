# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one rule's clauses, asked of the world right before a revoke: what the ledger has of it may be days old."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from ....module_utils._core import registry
from ....module_utils._core.contracts import Answer, Issuer, Listed
from ....module_utils._core.errors import RotorError, StoppedError
from ..decide import cutover, rule
from ..decide.clocks import Reading
from ..decide.copies import changed_by_hand, forget_hint, watched
from ..decide.state import CredentialRow, Origin, replacement_of
from ..ledger.writer import Ledger
from ..secret_map.model import Copy, Secret
from .context import Work
from .systems import Systems

_REPLACE = "Find out who has ended it. With -e rotate_force=true, another one takes its place"


def lists(issuer: type[Issuer]) -> bool:
    return issuer.listed is not Issuer.listed


def tells_life(issuer: type[Issuer]) -> bool:
    """Whether its provider can be asked at all whether a credential lives."""
    return lists(issuer) or issuer.verify is not Issuer.verify


class Recheck:
    """Asks whether the replacement lives, and whether every copy is as it was left. What cannot be asked holds."""

    def __init__(self, work: Work, systems: Systems, ledger: Ledger, now: datetime) -> None:
        self._work = work
        self._systems = systems
        self._ledger = ledger
        self._now = now

    def demand(self, issuer: Issuer, listed: Callable[[], Sequence[Listed]]) -> None:
        """RotorError with everything that speaks against the revoke now."""
        work = self._work
        if work.row.origin is Origin.ORPHAN and cutover.old_expired(work.state, issuer.traits, self._now):
            return  # nobody has its value, and the one in use is dead: nothing may hold up the next one
        changed, problems = self._copies()
        try:
            ended = self._ended(issuer, listed)
        except StoppedError:
            raise
        except RotorError as error:
            ended = None
            problems.insert(0, f"its provider cannot be asked whether what has taken its place lives: {error}")
        found = [*([ended] if ended else []), *map(changed_by_hand, changed), *problems]
        if found:
            hints = [_REPLACE] * bool(ended) + ([forget_hint(*changed)] if changed else [])
            raise RotorError(f"{work.row.name} is not revoked: {'; '.join(found)}", hint=". ".join(hints))

    # -- the replacement ----------------------------------------------------------------------------------------

    def _ended(self, issuer: Issuer, listed: Callable[[], Sequence[Listed]]) -> str | None:
        """Why the replacement may not live; None where it does, or where there is nothing to replace."""
        work = self._work
        replacement = replacement_of(work.state, work.order)
        valueless = work.row.origin is Origin.ORPHAN and rule.never_handed_out(work.state, work.row, work.order)
        if valueless or replacement is None or replacement.id == work.row.id or not tells_life(type(issuer)):
            return None
        name = replacement.name
        if replacement.has_value and type(issuer).verify is not Issuer.verify:
            answer = issuer.verify(self._ledger.unseal(replacement))
            if answer is Answer.REFUSED:
                return f"{name}, which has taken its place, is refused by its provider"
            if answer is Answer.UNCLEAR:
                raise RotorError(f"it says neither that {name} lives nor that it is dead")
            return None
        if not lists(type(issuer)):
            return f"nobody can say whether {name} lives: its value is not kept here, and its provider lists nothing"
        found = next((one for one in listed() if one.id == replacement.provider_id), None)
        if found is None:
            return f"{name}, which has taken its place, is not listed by its provider"
        expired = found.expires_at is not None and found.expires_at <= self._now
        ended = "revoked" if found.revoked else "expired" if expired else ""
        return f"{name}, which has taken its place, is listed as {ended}" if ended else None

    # -- the copies ---------------------------------------------------------------------------------------------

    def _copies(self) -> tuple[list[Copy], list[str]]:
        """The copies that somebody has changed, and what is to be said of those that could not be seen."""
        changed, problems = [], []
        for copy in self._work.secret.copies:
            left = rule.as_left(self._work.state, self._work.row, self._work.order, copy)
            if left is None or self._work.state.intent("write", copy.id):
                continue  # never seen before; or a write of ours that may have changed it
            try:
                seen = self._seen_on_host(copy) if copy.host else self._seen(copy)
            except StoppedError:
                raise
            except RotorError as error:
                problems.append(f"{copy.label} cannot be seen: {error}")
                continue
            if not registry.find("stores", copy.type).unchanged(left, seen):
                changed.append(copy)
        return changed, problems

    def _seen(self, copy: Copy) -> Any:
        keys = watched(copy, self._work.state.holdings.get(copy.id))
        return self._systems.store(copy).observe(copy.container, keys)

    def _seen_on_host(self, copy: Copy) -> Any:
        work = self._work
        replacement = replacement_of(work.state, work.order)
        about = None if work.action.kind == "clean" or replacement is None else replacement.id
        look = rule.look_of(work.state, work.order, copy, about)
        if look is None:
            raise RotorError("this run has not looked at it", hint="Run again: Ansible looks at it before the revoke")
        return look.progress


class Clocks:
    """Reads the clocks beside ours."""

    def __init__(self, systems: Systems, ledger: Ledger) -> None:
        self._systems = systems
        self._ledger = ledger

    def issuer_time(self, secret: Secret) -> datetime | None:
        """Return the issuer's time, after one question where it has not answered yet; None where it tells none."""
        connection = self._systems.issuer(secret).connection
        if connection is None:
            return None
        if connection.server_time() is None:
            connection.probe()
        time: datetime | None = connection.server_time()
        return time

    def after_a_grace(self, secret: Secret, replacement: CredentialRow | None) -> list[Reading]:
        """Readings, with the end of the grace that began when ``replacement`` was closed."""
        began = (replacement.closed_by_issuer, replacement.closed_by_database) if replacement else (None, None)
        ends = [time + secret.revoke.after if time else None for time in began]
        return self._readings(secret, ends)

    def at_the_providers_end(self, secret: Secret, ends: Sequence[datetime | None]) -> list[Reading]:
        return self._readings(secret, ends)

    def _readings(self, secret: Secret, ends: Sequence[datetime | None]) -> list[Reading]:
        times = (self.issuer_time(secret), self._ledger.database_time())
        whose = (f"connection {secret.issuer.connection}", "the ledger's database")
        return [Reading(who, time, end) for who, time, end in zip(whose, times, ends, strict=True) if time]
