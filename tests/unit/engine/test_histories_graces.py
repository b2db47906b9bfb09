# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any history of graces: never are old and new both dead, nothing that a copy holds is revoked, no clock hastens."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.approval import Yes
from tests.unit.engine.graces import COPIES, IDS, play_of
from tests.unit.engine.histories import ERRORS, POINTS, SHARDS, History, drive

CONTAINERS = st.sampled_from(list(COPIES))
CALLS = st.sampled_from(["mint", "write", "disable", "enable", "revoke", "list", "show", "observe", "execute"])


class Graces(History):
    """A copy of each kind; tokens die, and copies are put back, while the old one has its grace or a run its hooks."""

    name = "graces"
    reloads = False

    @initialize(
        retain=st.booleans(), grace=st.sampled_from(["0s", "1d", "5d"]), confirm=st.booleans(), disables=st.booleans()
    )
    def begin(self, retain: bool, grace: str, confirm: bool, disables: bool) -> None:
        self.open()
        retain_what = "current" if retain else "none"
        self.play = play_of(self.world, self.folder, retain=retain_what, revoke={"after": grace, "confirm": confirm})
        self.play.map["TOKEN"]["issuer"]["type"] = f"test.fake.{'switchable' if disables else 'token'}"
        self.runs: list[str] = []
        """Those that have asked for a yes."""
        self.world.named.add(next(iter(self.world.issued)))
        self.run(adopt={"TOKEN": next(iter(self.world.issued))}, force=True)
        self.hook: Any = None
        through = self.play.through

        def hooked(run: str, until: Any) -> Any:
            if until.name == "REVOKED" and self.hook:
                hook, self.hook = self.hook, None
                hook()
            return through(run, until)

        self.play.through = hooked  # type: ignore[method-assign]

    @rule(force=st.booleans(), point=POINTS, when=st.sampled_from(["before", "after"]))
    def rotate(self, force: bool, point: int | None, when: str) -> None:
        self.step("run")
        self.run(force=force, point=point, when=when)

    @rule(point=POINTS, when=st.sampled_from(["before", "after"]), which=st.integers(0, 9), hours=st.integers(0, 30))
    def somebody_says_yes(self, point: int | None, when: str, which: int, hours: int) -> None:
        """To what is asked now, or was before; the run after that may be killed, and the next one come late."""
        self.runs += [one.run for one in self.play.state("TOKEN").approvals.values() if one.run not in self.runs]
        if self.runs:
            self.step("yes")
            yes = (Yes("TOKEN", self.runs[-1 - which % len(self.runs)]),)
            with suppress(ConfigurationError):  # nothing waits for that any more
                self.run(only_revoke=True, approve=yes, point=point, when=when)
            self.world.clock.pass_(hours=hours)

    @rule(point=POINTS)
    def go_back(self, point: int | None) -> None:
        self.step("way back")
        self.run(rollback=True, point=point)

    @rule(kind=CALLS, error=ERRORS, after=st.booleans(), where=st.sampled_from(["", *COPIES]))
    def fault(self, kind: str, error: Exception, after: bool, where: str) -> None:
        self.fail(kind, error, where, after=after and kind != "execute")

    @rule(in_hook=st.booleans())
    def the_one_in_use_dies(self, in_hook: bool) -> None:
        self._do(in_hook, self._end_the_one_in_use)

    def _end_the_one_in_use(self) -> None:
        current = self.play.state("TOKEN").current
        if current and current.provider_id:
            self.step("replacement died")
            self.world.end(current.provider_id)

    @rule(container=CONTAINERS, which=st.integers(0, 5), in_hook=st.booleans())
    def a_copy_is_put_back(self, container: str, which: int, in_hook: bool) -> None:
        self._do(in_hook, lambda: self._put_back(container, which))

    def _put_back(self, container: str, which: int) -> None:
        alive = self.world.alive
        if alive:
            self.put(container, alive[which % len(alive)].value)

    def _do(self, in_hook: bool, deed: Any) -> None:
        if in_hook:
            self.hook = deed
        else:
            deed()

    @rule(point=POINTS)
    def the_grace_ends(self, point: int | None) -> None:
        self.step("grace ended")
        self.world.clock.pass_(days=6)
        self.run(point=point)

    @rule(container=CONTAINERS)
    def overwrite(self, container: str) -> None:
        self.step("copy forgotten")
        self.run(forget=(IDS[container],))

    @rule(days=st.sampled_from([-2, 2]))
    def our_clock_is_wrong(self, days: int) -> None:
        """And set right again after a run that met it."""
        self.step("wrong clock")
        waiting = [row for row in self.play.state("TOKEN").credentials if row.alive and row.state == "previous"]
        before = len(self.world.log)
        self._move_our_clock(days)
        self.run()
        self._move_our_clock(-days)
        ended = {what for kind, what in self.world.log[before:] if kind == "revoke"}
        if self.play.map["TOKEN"]["revoke"]["after"] != "0s":
            assert not ended & {row.provider_id for row in waiting}

    def _move_our_clock(self, days: int) -> None:
        self.world.clock.pass_(days=days)
        self.world.ahead -= timedelta(days=days)
        self.world.moments.append(replace(self.world.moments[-1], at=self.world.clock.now()))

    def bring_to_rest(self) -> None:
        self.hook = None
        self.follow_the_lines()
        self.assert_rest("TOKEN")
        current = self.play.state("TOKEN").current
        assert current
        value = self.world.issued[str(current.provider_id)].value
        assert {self.world.containers[container]["TOKEN"][0] for container in COPIES} == {value}
        known = {row.provider_id for row in self.play.state("TOKEN").credentials} & self.world.made
        assert [one.id for one in self.world.alive if one.id in known] == [current.provider_id]
        assert not [one.id for one in self.world.issued.values() if one.disabled and not one.revoked]


@pytest.mark.parametrize("shard", SHARDS)
def test_no_history_of_graces_leaves_old_and_new_dead(shard: int) -> None:
    drive(Graces, shard)
