# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all random histories share: runs that are killed, calls that fail, days that pass, and what is true throughout.

ROTOR_HISTORIES says how many there are in all; they are spread over the machines and over SHARDS of each, so that
several processes can share them. Their course depends on ROTOR_SEED alone.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    CheckFailedError,
    OutcomeUnknownError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.approval import Yes
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import CredentialRow
from tests.chaos import tally
from tests.conftest import forget_values
from tests.unit.engine import printed
from tests.unit.engine.driver import Play
from tests.unit.engine.quick import quick_runs
from tests.unit.engine.world import WORLDS, Issued, Killed, World, commits_as_points

MACHINES = 5
A_DAY = timedelta(hours=24, minutes=5)
"""For how long a yes is good, and what a run may take."""
MOST_RUNS = 12
"""So many printed commands bring any rotation to rest."""
SHARDS = range(4)
_numbers = itertools.count(1)
POINTS = st.none() | st.integers(1, 70)
"""Where a run is killed, if it is."""
ERRORS = st.sampled_from([OutcomeUnknownError("no answer"), UnavailableError("down"), CheckFailedError("no")])
_CERTAIN = ("mint", "write", "revoke", "activate")


def _reasons(output: str) -> list[str]:
    """Why a run did not go on; names and times differ from run to run."""
    return [line for line in output.splitlines() if line.startswith(("HELD", "CUTOVER", "  - "))]


class History(RuleBasedStateMachine):
    """A world, a user in it, and the properties that hold in every moment."""

    name: str
    secrets: tuple[str, ...] = ("TOKEN",)
    world: World
    play: Play
    reloads = True
    """Whether the map names what runs on the copies."""

    def open(self) -> None:
        forget_values()
        self._quick = quick_runs(compared=True)
        self.folder = self._quick.__enter__()
        self.world = World(f"{self.name}-{next(_numbers)}")
        self.hands = 0
        """How often a person has written to a copy."""
        self.ended = 0
        """How many revocations have been judged."""
        self.said: dict[str, datetime] = {}
        """Credential -> when a person last said yes to its end."""

    def step(self, event: str) -> None:
        tally.add(f"histories: {self.name}", **{event: 1})

    def run(self, *only: str, point: int | None = None, when: str = "before", **options: Any) -> Any:
        """A run of the current user's, perhaps killed; None if it was."""
        return self.run_all(*(only or self.secrets), point=point, when=when, **options)

    def run_all(self, *only: str, point: int | None = None, when: str = "before", **options: Any) -> Any:
        """A run that names nobody, unless somebody is named."""
        if options.get("forget"):
            options["forget"] = self.play.nameable(*options["forget"])
        self.play.job = f"job {next(_numbers)}"
        self._remember_what_is_said_yes_to(options.get("approve", ()))
        self.world.crash_at = (point, when) if point else None
        try:
            with commits_as_points(self.world):
                return self.play.rotate(*only, **options)
        except Killed:
            self.step("killed")
            return None
        finally:
            self.world.revive()
            self.nothing_of_somebody_elses_was_revoked()

    def _remember_what_is_said_yes_to(self, given: Iterable[Yes]) -> None:
        for yes in given:
            state = self.play.state(yes.secret)
            asked = [row for row, one in state.approvals.items() if (one.run, one.state) == (yes.run, "waiting")]
            now = self.world.clock.now()
            self.said |= {str(row.provider_id): now for row in state.credentials if row.id in asked}

    def fail(self, kind: str, error: Exception, what: str, *, after: bool) -> None:
        """An error that says for certain that nothing was done comes before the effect."""
        certain = not isinstance(error, OutcomeUnknownError)
        self.world.fail(kind, error, what, after=after and not (certain and kind in _CERTAIN))
        self.step("failing call")

    def put(self, box: str, value: str, key: str = "TOKEN") -> None:
        self.hands += 1
        self.world.put(box, {key: value})
        self.step("copy changed by hand")

    @rule()
    def days_pass(self) -> None:
        self.step("days")
        self.world.clock.pass_(days=3)

    @rule()
    def look(self) -> None:
        """What status says is held against the world, too."""
        self.step("status")
        self.play.status()

    @rule(secret=st.integers(0, 9))
    def the_new_one_dies(self, secret: int) -> None:
        self._end(self.play.state(self._which(secret)).pending, "new one died")

    @rule(secret=st.integers(0, 9))
    def the_one_in_use_is_dead_already(self, secret: int) -> None:
        self._end(self.play.state(self._which(secret)).current, "one in use died")

    def _which(self, secret: int) -> str:
        return self.secrets[secret % len(self.secrets)]

    def _end(self, row: CredentialRow | None, event: str) -> None:
        """Somebody ends it at its provider; where there is but one value, by making another."""
        one = self._issued(row)
        if one is None or one.revoked:
            return
        self.step(event)
        self.world.end(one.id)
        if self.play.map[self.secrets[0]]["issuer"]["type"] == "test.fake.reset":
            self.world.issue("reset by hand")
        self.world.clock.pass_(minutes=5)

    def _issued(self, row: CredentialRow | None) -> Issued | None:
        if row and row.has_value:
            return self.holder(self.play.ledger().unseal(row).fields["token"].reveal())
        return self.world.issued.get(str(row.provider_id)) if row else None

    @rule(which=st.integers(0, 9), comes=st.booleans())
    def machines_come_and_go(self, which: int, comes: bool) -> None:
        """A new one starts on what is in its copies; the last one may go, too."""
        service = list(self.world.services.values())[which % len(self.world.services)]
        if not self.reloads:
            return
        self.step("machine comes" if comes else "machine goes")
        if comes:
            self.world.start_machine(service)
        elif service.machines:
            service.machines.pop(0)

    @rule(force=st.booleans())
    def all_consumers_fall_ill_after_the_mint(self, force: bool) -> None:
        def fall_ill() -> None:
            for service in self.world.services.values():
                service.sick = True

        self.step("all fall ill")
        self.world.after["mint"] = fall_ill
        self.run(force=force)
        self.world.after.clear()

    @rule()
    def all_consumers_are_well(self) -> None:
        self._make_well()

    def _make_well(self) -> None:
        for service in self.world.services.values():
            service.sick, service.breaks_at = False, None

    def holder(self, value: str) -> Issued:
        return next(one for one in self.world.issued.values() if one.value == value)

    def nothing_of_somebody_elses_was_revoked(self) -> None:
        """Neither what people have made, nor what another ledger has."""
        ended = [what for kind, what in self.world.log if kind == "revoke"]
        new, self.ended = ended[self.ended :], len(ended)
        for one in new if self.play.map[self.secrets[0]].get("revoke", {}).get("confirm") else ():
            assert self.world.clock.now() - self.said[one] <= A_DAY, "nobody had said yes"
        mark = f"rotor-{self.play.ledger().id}-" if new else ""
        foreign = [one for one in new if one in self.world.issued and one not in self.world.named]
        assert [one for one in foreign if not self.world.issued[one].name.startswith(mark)] == []

    @invariant()
    def nothing_in_use_was_revoked_and_nothing_has_leaked(self) -> None:
        if hasattr(self, "play"):
            assert self.world.violations == []
            assert not any(one.value in self.play.output for one in self.world.issued.values())

    def teardown(self) -> None:
        if not hasattr(self, "play"):
            return
        try:
            self.world.mend()
            self.world.unclear.clear()
            self._make_well()
            for service in self.world.services.values():
                if self.reloads and not service.machines:
                    self.world.start_machine(service)
            self.bring_to_rest()
            self.nothing_in_use_was_revoked_and_nothing_has_leaked()
            self.step("brought to rest")
        finally:
            del WORLDS[self.world.name]
            self._quick.__exit__(None, None, None)

    def bring_to_rest(self) -> None:
        raise NotImplementedError

    def follow_the_lines(self) -> None:
        """Run what is printed, and nothing else; a copy that a person has changed is no business of a nightly run's."""
        self.follow({})
        if self.hands:
            self.follow({"only": self.secrets, "force": True})

    def follow(self, options: dict[str, Any]) -> None:
        """Run until a run says that nothing is left; days pass where it waits."""
        tried: list[str] = []
        for _turn in range(MOST_RUNS):
            self.play.lines.clear()
            before = len(self.world.mutations)
            result = self.run_all(*options.pop("only", ()), **options)
            assert not any(one.value in self.play.output for one in self.world.issued.values())
            tried.append(self.play.output)
            options = printed.way_on(self.play.lines) or {}
            if result["failed"] and _reasons(tried[-1]) in map(_reasons, tried[:-1]):
                options = printed.way_back(self.play.lines) or options
            self.world.clock.pass_(days=3)
            if not result["failed"] and not options and self.world.mutations[before:] == []:
                return
        raise AssertionError("\n\n".join(["the printed commands lead nowhere", *tried]))

    def assert_rest(self, *secrets: str) -> None:
        """A further run does nothing at all."""
        before = len(self.world.mutations)
        last = self.run(*secrets)
        assert not last["go"], self.play.output
        assert not last["failed"], self.play.output
        assert self.world.mutations[before:] == []

    def assert_newest_everywhere(self, boxes: Iterable[str], secret: str = "TOKEN") -> None:  # noqa: S107 - its name
        """Every copy and machine has the ledger's current one; nothing else that this ledger made is valid."""
        current = self.play.state(secret).current
        assert current
        value = self.world.issued[str(current.provider_id)].value
        for box in boxes:
            assert self.world.containers[box][secret][0] == value
            assert {machine[f"{box}/{secret}"] for machine in self.world.services[box].machines} == {value}
        known = {row.provider_id for row in self.play.state(secret).credentials} & self.world.made
        assert [one.id for one in self.world.alive if one.id in known] == [current.provider_id]


def drive(machine: type[History], shard: int) -> None:
    """One shard's histories."""
    wanted = int(os.environ.get("ROTOR_HISTORIES", "80"))
    chosen = settings(
        max_examples=max(1, wanted // (MACHINES * len(SHARDS))),
        stateful_step_count=8,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    number = int(os.environ.get("ROTOR_SEED", "0")) * len(SHARDS) + shard
    run_state_machine_as_test(seed(number)(type(machine.__name__, (machine,), {})), settings=chosen)
