# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any history with old, lost and second ledgers: what the one at hand does not know of stays as it is."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.unit.engine.conftest import machines, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.histories import POINTS, SHARDS, History, drive

BOXES = ("app", "ci")
MOVED = (*(f"cloud:{box}" for box in BOXES), *BOXES)


class Ledgers(History):
    """Two users with a ledger each; ledgers are lost, and put back from old backups."""

    name = "old, lost and second ledgers"

    @initialize(retain=st.booleans(), grace=st.sampled_from(["0s", "2d"]))
    def begin(self, retain: bool, grace: str) -> None:
        self.open()
        old = self.world.issue("made by hand")
        for box in BOXES:
            self.world.put(box, {"TOKEN": old.value})
            self.world.serve(box, [box])
        secret_map = {"TOKEN": token_map(retain="current" if retain else "none", revoke={"after": grace})}
        consumers = {box: machines(box) for box in BOXES}
        self.plays = [Play(self.world, self.folder, secret_map, consumers=consumers) for _user in range(2)]
        self.files = (self.folder / f"{number}.db" for number in itertools.count(1))
        self.backups: list[tuple[Play, Path]] = []
        for user in self.plays:
            user.setting["url"] = f"sqlite:///{next(self.files)}"
        self.play = self.plays[0]

    def _take(self, file: Path) -> None:
        """From now on this is the current user's ledger."""
        self.play.setting = {**self.play.setting, "url": f"sqlite:///{file}"}

    @property
    def in_use(self) -> str:
        """The id of the credential in the first copy, as a person reads it off its provider's page."""
        return self.holder(self.world.containers["app"]["TOKEN"][0]).id

    @rule(user=st.integers(0, 1), force=st.booleans(), point=POINTS, when=st.sampled_from(["before", "after"]))
    def rotate(self, user: int, force: bool, point: int | None, when: str) -> None:
        self.play = self.plays[user]
        self.step("run")
        self.run(force=force, point=point, when=when)

    @rule(user=st.integers(0, 1), marks=st.sampled_from([(), MOVED, MOVED[:1]]))
    def go_back(self, user: int, marks: tuple[str, ...]) -> None:
        self.play = self.plays[user]
        self.step("way back")
        self.run(rollback=True, forget=marks)

    @rule(user=st.integers(0, 1), marks=st.sampled_from([MOVED, MOVED[:1], MOVED[1:2]]), force=st.booleans())
    def overwrite(self, user: int, marks: tuple[str, ...], force: bool) -> None:
        self.play = self.plays[user]
        self.step("copies forgotten")
        self.run(forget=marks, force=force)

    @rule(user=st.integers(0, 1), point=POINTS)
    def adopt(self, user: int, point: int | None) -> None:
        self.play = self.plays[user]
        self.step("adopted")
        self.world.named.add(self.in_use)
        self.run(forget=MOVED, adopt={"TOKEN": self.in_use}, force=True, point=point)

    @rule(box=st.sampled_from(BOXES), which=st.integers(0, 5))
    def hand_with_an_old_one(self, box: str, which: int) -> None:
        if alive := self.world.alive:
            self.put(box, alive[which % len(alive)].value)

    @rule(user=st.integers(0, 1))
    def back_up(self, user: int) -> None:
        self.step("backup")
        self.play = self.plays[user]
        self.backups.append((self.play, self._copy_of(self._ledger())))

    @rule(which=st.integers(0, 5))
    def restore(self, which: int) -> None:
        if self.backups:
            self.step("ledger restored")
            self.play, file = self.backups[which % len(self.backups)]
            self._take(self._copy_of(file))

    @rule(user=st.integers(0, 1))
    def lose(self, user: int) -> None:
        self.step("ledger lost")
        self.play = self.plays[user]
        self._take(next(self.files))

    def _ledger(self) -> Path:
        self.play.ledger().clear_log()
        return Path(self.play.setting["url"].removeprefix("sqlite:///"))

    def _copy_of(self, file: Path) -> Path:
        return Path(shutil.copy(file, next(self.files)))

    def bring_to_rest(self) -> None:
        """By docs/recovery.md, for a ledger that is gone or old, and then by what is printed alone.

        What only other ledgers know of stays valid.
        """
        self.world.named.add(self.in_use)
        old: dict[str, Any] = {"force": True, "forget": MOVED} if self.play.state("TOKEN").credentials else {}
        self.follow({"only": self.secrets, "adopt": {"TOKEN": self.in_use}, **old})
        self.assert_rest()
        self.assert_newest_everywhere(BOXES)


@pytest.mark.parametrize("shard", SHARDS)
def test_no_history_of_ledgers_revokes_what_is_in_use_and_each_can_be_brought_to_rest(shard: int) -> None:
    drive(Ledgers, shard)
