# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any history of runs, kills, faults, hands and edits: nothing in use is revoked, and all can be brought to rest."""

from __future__ import annotations

import copy
import itertools
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    CheckFailedError,
    OutcomeUnknownError,
    UnavailableError,
)
from tests.unit.rotation.conftest import machines, token_map
from tests.unit.rotation.driver import Play
from tests.unit.rotation.quick import quick_runs
from tests.unit.rotation.world import WORLDS, Killed, World, commits_as_points

_numbers = itertools.count(1)
BOXES = ("app", "ci")
KINDS = st.sampled_from(["mint", "write", "update", "test", "revoke", "list", "show", "observe"])
ERRORS = st.sampled_from([OutcomeUnknownError("no answer"), UnavailableError("down"), CheckFailedError("no")])


class Histories(RuleBasedStateMachine):
    @initialize(retain=st.booleans(), grace=st.sampled_from(["0s", "2d"]))
    def begin(self, retain: bool, grace: str) -> None:
        self.quick = quick_runs()
        self.folder = self.quick.__enter__()
        self.world = World(f"history-{next(_numbers)}")
        old = self.world.issue("made by hand")
        for box in BOXES:
            self.world.put(box, {"TOKEN": old.value})
            self.world.serve(box, [box])
        self.whole = token_map(retain="current" if retain else "none", revoke={"after": grace})
        consumers = {box: machines(box) for box in BOXES}
        self.play = Play(self.world, self.folder, {"TOKEN": self.whole}, consumers=consumers)

    def run(self, **wishes: Any) -> Any:
        try:
            with commits_as_points(self.world):
                return self.play.rotate("TOKEN", **wishes)
        except Killed:
            return None
        finally:
            self.world.revive()

    @rule(force=st.booleans(), point=st.none() | st.integers(1, 70), when=st.sampled_from(["before", "after"]))
    def rotate(self, force: bool, point: int | None, when: str) -> None:
        self.world.crash_at = (point, when) if point else None
        self.run(force=force)

    @rule(point=st.none() | st.integers(1, 40))
    def go_back(self, point: int | None) -> None:
        self.world.crash_at = (point, "after") if point else None
        self.run(rollback=True)

    @rule(kind=KINDS, error=ERRORS, after=st.booleans(), box=st.sampled_from(["", *BOXES]))
    def fault(self, kind: str, error: Exception, after: bool, box: str) -> None:
        certain = not isinstance(error, OutcomeUnknownError)
        self.world.fail(kind, error, box, after=after and not (certain and kind in ("mint", "write", "revoke")))

    @rule(box=st.sampled_from(BOXES))
    def hand(self, box: str) -> None:
        self.world.put(box, {"TOKEN": self.world.issue("made by hand at 3 a.m.").value})

    @rule(box=st.sampled_from(BOXES), breaks=st.none() | st.integers(0, 1))
    def illness(self, box: str, breaks: int | None) -> None:
        self.world.services[box].breaks_at = breaks

    @rule(leaves=st.booleans(), spare=st.booleans())
    def edit(self, leaves: bool, spare: bool) -> None:
        entry = copy.deepcopy(self.whole)
        if spare:
            keys = {"TOKEN": "${token}", "SPARE": "${token}"}
            entry["rollout"][0]["copies"][0]["keys"] = keys
        if leaves:
            entry["rollout"].pop()
        self.play.map["TOKEN"] = entry

    @rule()
    def days_pass(self) -> None:
        self.world.clock.pass_(days=3)

    @rule(box=st.sampled_from(BOXES))
    def overwrite(self, box: str) -> None:
        if any(copy["box"] == box for step in self.play.map["TOKEN"]["rollout"] for copy in step["copies"]):
            self.run(forget=(f"cloud:{box}",))

    @invariant()
    def nothing_in_use_and_nothing_foreign_was_revoked(self) -> None:
        if hasattr(self, "world"):
            assert self.world.violations == []
            assert not any(one.value in self.play.output for one in self.world.issued.values())

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self._bring_to_rest()
        assert self.world.violations == []
        del WORLDS[self.world.name]
        self.quick.__exit__(None, None, None)

    def _bring_to_rest(self) -> None:
        world, play = self.world, self.play
        world.mend()
        for service in world.services.values():
            service.breaks_at = None
        play.map["TOKEN"] = self.whole
        world.containers["app"].pop("SPARE", None)  # a person removes what has left the map, and says so
        for machine in world.services["app"].machines:
            machine.pop("app/SPARE", None)
        moved = (*(f"cloud:{box}" for box in BOXES), "cloud:app#SPARE")
        first = self.run(forget=moved)
        if first["failed"] or play.state("TOKEN").current is None:  # such as a value in use that nobody keeps any more
            self.run(force=True, forget=moved)
        world.clock.pass_(days=3)
        self.run()
        before = len(world.mutations)
        last = self.run()
        assert not last["go"], play.output
        assert not last["failed"], play.output
        assert world.mutations[before:] == []
        current = play.state("TOKEN").current
        assert current
        value = world.issued[str(current.provider_id)].value
        assert world.values_in("app") == world.values_in("ci") == {value}
        assert [one.id for one in world.alive if one.id in world.made] == [current.provider_id]


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=int(os.environ.get("ROTOR_HISTORIES", "60")),
    stateful_step_count=8,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
