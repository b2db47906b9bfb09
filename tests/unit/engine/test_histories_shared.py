# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any history of secrets that share a container and a consumer: each is as safe as one that is alone."""

from __future__ import annotations

import copy

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.unit.engine.conftest import machines, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.histories import ERRORS, POINTS, SHARDS, History, drive

BOXES = ("app", "ci")
SECRETS = ("ONE", "TWO", "THREE")
KINDS = st.sampled_from(["mint", "write", "update", "test", "revoke", "observe"])
SOME = st.lists(st.sampled_from(SECRETS), min_size=1, unique=True)


class Shared(History):
    """Every box has a key for each secret, and one service runs on all of them."""

    name = "secrets in shared places"
    secrets = SECRETS

    @initialize(retain=st.booleans(), grace=st.sampled_from(["0s", "2d"]))
    def begin(self, retain: bool, grace: str) -> None:
        self.open()
        for box in BOXES:
            self.world.put(box, {name: self.world.issue("made by hand").value for name in SECRETS})
            self.world.serve(box, [box])
        whole = token_map(retain="current" if retain else "none", revoke={"after": grace})
        secret_map = {name: copy.deepcopy(whole) for name in SECRETS}
        self.play = Play(self.world, self.folder, secret_map, consumers={box: machines(box) for box in BOXES})

    @rule(
        some=SOME, force=st.booleans(), point=st.none() | st.integers(1, 150), when=st.sampled_from(["before", "after"])
    )
    def rotate(self, some: list[str], force: bool, point: int | None, when: str) -> None:
        self.step("run")
        self.run(*some, force=force, point=point, when=when)

    @rule(some=SOME, point=POINTS)
    def go_back(self, some: list[str], point: int | None) -> None:
        self.step("way back")
        self.run(*some, rollback=True, point=point)

    @rule(kind=KINDS, error=ERRORS, after=st.booleans(), box=st.sampled_from(["", *BOXES]))
    def fault(self, kind: str, error: Exception, after: bool, box: str) -> None:
        self.fail(kind, error, box, after=after)

    @rule(box=st.sampled_from(BOXES), secret=st.sampled_from(SECRETS))
    def hand(self, box: str, secret: str) -> None:
        self.put(box, self.world.issue("made by hand at 3 a.m.").value, secret)

    @rule(box=st.sampled_from(BOXES), secret=st.sampled_from(SECRETS), which=st.integers(0, 9))
    def hand_with_an_old_one(self, box: str, secret: str, which: int) -> None:
        """One that the secret had before."""
        names = {row.provider_id for row in self.play.state(secret).credentials}
        alive = [one for one in self.world.alive if one.id in names]
        if alive:
            self.put(box, alive[which % len(alive)].value, secret)

    @rule(box=st.sampled_from(BOXES), breaks=st.none() | st.integers(0, 1))
    def illness(self, box: str, breaks: int | None) -> None:
        self.step("illness")
        self.world.services[box].breaks_at = breaks

    def bring_to_rest(self) -> None:
        self.follow_the_lines()
        self.assert_rest(*SECRETS)
        for secret in SECRETS:
            self.assert_newest_everywhere(BOXES, secret)


@pytest.mark.parametrize("shard", SHARDS)
def test_no_history_of_secrets_in_shared_places_revokes_what_is_in_use_and_each_can_be_brought_to_rest(
    shard: int,
) -> None:
    drive(Shared, shard)
