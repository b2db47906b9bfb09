# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds every claim of a report against the world: one that says more than is so, or the contrary, is a violation.

It stands in for the session's own Report, so that each line of each test and of each random history is judged in the
moment in which it is printed.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from unittest import mock

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine import session
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.report.claims import Claim, Fact
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.report.report import Report
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.model import Copy, SecretMap
from tests.unit.engine.world import WORLDS, Moment, World


class JudgedReport(Report):
    """Prints the same, and judges it."""

    def say(self, *claims: Claim) -> str:
        for world in {connection.get("world") for connection in self._map.connections.values()} & WORLDS.keys():
            judge = Judge(WORLDS[str(world)], self._map)
            judge.world.violations += [
                f"said {claim.credential} {claim}, which is not so" for claim in claims if not judge.may_say(claim)
            ]
        return super().say(*claims)


def install() -> None:
    mock.patch.object(session, "Report", JudgedReport).start()


class Judge:
    """Compares claims with a world."""

    def __init__(self, world: World, secret_map: SecretMap) -> None:
        world.remember()
        self.world = world
        self.consumers = secret_map.consumers
        self.copies: dict[str, list[Copy]] = {}
        """Several secrets may have keys in one container, and a claim about it is about one of them."""
        for secret in secret_map.secrets.values():
            for copy in secret.copies:
                self.copies.setdefault(copy.id, []).append(copy)

    def may_say(self, claim: Claim) -> bool:
        """Whether the world agrees with a claim, at the time of which it speaks; or knows nothing of it."""
        agrees = AGREES.get(claim.fact)
        if agrees is None or (claim.name and not self.values(claim)):
            return True
        moments = self.world.moments_at(claim.at) if claim.at else self.world.moments[-1:]
        return any(agrees(self, claim, moment) for moment in moments)

    def values(self, claim: Claim) -> set[str]:
        """The credential's values: of one that a person has made, the one with that id."""
        issued = self.world.issued.values()
        by_id = {one.value for one in issued if one.id == claim.provider_id}
        return by_id or {one.value for one in issued if one.name == claim.name}

    def box(self, claim: Claim, moment: Moment) -> dict[str, tuple[str, int]]:
        """The contents of a copy, by its id: ``cloud:app``, ``cloud:app#KEY``, ``hosts:app1:/a/file``."""
        place = claim.target.partition("#")[0].partition(":")[2].removeprefix("app1:")
        return moment.boxes.get(place, {})

    def keys(self, claim: Claim) -> list[set[str]]:
        """What the claim may be about."""
        named = claim.note.removeprefix(": ")
        return [set(named.split(", "))] if named else [set(copy.keys) for copy in self.copies[claim.target]]

    def lives(self, claim: Claim, moment: Moment) -> bool:
        at = claim.at or self.world.clock.now()
        return any(moment.lives(value, at) for value in self.values(claim))

    def is_dead(self, claim: Claim, moment: Moment) -> bool:
        return not self.lives(claim, moment)

    def ends(self, claim: Claim, _moment: Moment) -> bool:
        """Nobody can tell when exactly: not before the time that is said, as far as is known by now."""
        valid = self.world.moments[-1].valid
        ends = [valid[value] for value in self.values(claim) if value in valid]
        return all(end is not None and claim.at is not None and end >= claim.at for end in ends)

    def holds(self, claim: Claim, moment: Moment) -> bool:
        held = [value for value, _version in self.box(claim, moment).values()]
        return any(value in text for text in held for value in self.values(claim))

    def runs(self, claim: Claim, moment: Moment) -> bool:
        part = self.consumers.get(claim.target)
        machines = moment.machines.get(part.options.get("service", "")) if part else None
        return machines is None or all(self.values(claim) & set(machine.values()) for machine in machines)

    def nowhere(self, claim: Claim, moment: Moment) -> bool:
        """No copy has it that an engine has written, unless a person has told the ledger to forget that."""
        entries = [entry for box in moment.boxes.values() for entry in box.values() if entry[1] in self.world.ours]
        return self.world.forgetful or not any(value in self.values(claim) for value, _version in entries)

    def not_revoked(self, claim: Claim, moment: Moment) -> bool:
        """Not by the ledger that says so; of others it knows nothing."""
        takes_turns = any(one.role == claim.provider_id for one in self.world.issued.values() if one.role)
        return takes_turns or (self.world.ledger, claim.provider_id) not in self.world.revoked_by

    def unchanged(self, claim: Claim, moment: Moment) -> bool:
        then, now = self.box(claim, moment), self.box(claim, self.world.moments[-1])
        return any(all(then.get(key, ("",))[0] == now.get(key, ("",))[0] for key in keys) for keys in self.keys(claim))

    def changed(self, claim: Claim, moment: Moment) -> bool:
        then, now = self.box(claim, moment), self.box(claim, self.world.moments[-1])
        return any(then.get(key) != now.get(key) for key in {*then, *chain(*self.keys(claim))})

    def absent(self, claim: Claim, moment: Moment) -> bool:
        return any(not keys & self.box(claim, moment).keys() for keys in self.keys(claim))

    def present(self, claim: Claim, moment: Moment) -> bool:
        return any(keys <= self.box(claim, moment).keys() for keys in self.keys(claim))


AGREES: dict[Fact, Callable[[Judge, Claim, Moment], bool]] = {
    **dict.fromkeys((Fact.HOLDS, Fact.LET_IN), Judge.holds),
    Fact.RUNS: Judge.runs,
    Fact.NOWHERE: Judge.nowhere,
    **dict.fromkeys((Fact.ACCEPTED, Fact.LISTED, Fact.WAS_ACCEPTED), Judge.lives),
    **dict.fromkeys((Fact.REFUSED, Fact.LISTED_ENDED, Fact.UNLISTED, Fact.INACTIVE), Judge.is_dead),
    **dict.fromkeys((Fact.REPLACED, Fact.REVOKED, Fact.ENDED), Judge.is_dead),
    **dict.fromkeys((Fact.NOT_REVOKED, Fact.GIVEN_UP), Judge.not_revoked),
    Fact.ENDS: Judge.ends,
    Fact.UNCHANGED: Judge.unchanged,
    **dict.fromkeys((Fact.CHANGED, Fact.GONE), Judge.changed),
    Fact.ABSENT: Judge.absent,
    Fact.PRESENT: Judge.present,
}
"""What the world is asked; a claim that says that nobody knows contradicts nothing."""
