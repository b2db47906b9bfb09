# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An old copy of the ledger in a world that has moved on, and no ledger at all: nothing in use is revoked."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.unit.engine.conftest import current_id, rotate_once
from tests.unit.engine.driver import Play
from tests.unit.engine.world import World


def restored(play: Play, folder: Path, rotations: int) -> str:
    """Put a copy of the ledger back over which the world has moved on; the id of what is in use."""
    rotate_once(play)
    ledger = Path(play.setting["url"].removeprefix("sqlite:///"))
    play.ledger().clear_log()
    shutil.copy(ledger, folder / "backup.db")
    for _rotation in range(rotations):
        assert not play.rotate("TOKEN", force=True)["failed"], play.output
        play.world.clock.pass_(days=1)
    used = current_id(play)
    play.setting = {**play.setting, "url": f"sqlite:///{folder}/backup.db"}
    play.world.log.clear()
    play.lines.clear()
    return used


def test_an_old_ledger_begins_nothing_and_says_why(play: Play, world: World, tmp_path: Path) -> None:
    used = restored(play, tmp_path, rotations=2)
    play.world.clock.pass_(days=365)
    for options in ({}, {"force": True}, {"adopt": {"TOKEN": used}}):
        play.rotate("TOKEN", **options)
    play.rotate()
    assert "changed by somebody else" in play.output
    assert world.mutations == []
    assert not world.issued[used].revoked


def test_forgetting_what_an_old_ledger_knows_and_adopting_what_is_in_use_brings_it_to_rest(
    play: Play, world: World, tmp_path: Path
) -> None:
    used = restored(play, tmp_path, rotations=2)
    result = play.rotate("TOKEN", forget=("cloud:app", "cloud:ci", "app", "ci"), adopt={"TOKEN": used}, force=True)
    assert not result["failed"], play.output
    assert world.issued[used].revoked
    new = world.issued[current_id(play)]
    assert world.values_in("app") == world.values_in("ci") == {new.value}
    assert [one.id for one in world.alive if one.id in world.made] == [new.id]
    assert not play.rotate("TOKEN")["go"]


def test_forgetting_alone_revokes_nothing_that_the_old_ledger_does_not_know(
    play: Play, world: World, tmp_path: Path
) -> None:
    used = restored(play, tmp_path, rotations=2)
    assert not play.rotate("TOKEN", forget=("cloud:app", "cloud:ci", "app", "ci"), force=True)["failed"], play.output
    assert not world.issued[used].revoked
    assert world.values_in("app") == world.values_in("ci") == {world.issued[current_id(play)].value}


def test_a_backup_from_the_middle_of_a_rotation_that_was_finished_since_is_held_too(
    play: Play, world: World, tmp_path: Path
) -> None:
    rotate_once(play)
    world.services["ci"].breaks_at = 1
    assert play.rotate("TOKEN", force=True)["failed"]
    world.services["ci"].breaks_at = None
    used = restored_here(play, tmp_path)
    assert play.rotate("TOKEN")["failed"]
    assert "changed by somebody else" in play.output
    assert world.counted("revoke") == world.counted("write") == 0
    assert not world.issued[used].revoked


def restored_here(play: Play, folder: Path) -> str:
    ledger = Path(play.setting["url"].removeprefix("sqlite:///"))
    play.ledger().clear_log()
    shutil.copy(ledger, folder / "backup.db")
    assert not play.rotate("TOKEN")["failed"], play.output
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    used = current_id(play)
    play.setting = {**play.setting, "url": f"sqlite:///{folder}/backup.db"}
    play.world.log.clear()
    play.lines.clear()
    return used


def test_what_was_rotated_by_hand_is_refused_until_the_ledger_is_told(play: Play, world: World) -> None:
    old = rotate_once(play)
    by_hand = world.issue("by hand")
    for name in ("app", "ci"):
        world.put(name, {"TOKEN": by_hand.value})
    assert play.rotate("TOKEN", force=True)["failed"]
    assert "was changed by somebody else since this ledger last saw it" in play.output
    assert world.mutations == []
    for name in ("app", "ci"):
        world.serve(name, [name])
    world.named.add(by_hand.id)
    told = {"forget": ("cloud:app", "cloud:ci", "app", "ci"), "adopt": {"TOKEN": by_hand.id}}
    assert not play.rotate("TOKEN", force=True, **told)["failed"], play.output
    assert world.issued[by_hand.id].revoked
    assert world.issued[old].revoked
    assert world.values_in("app") == world.values_in("ci") == {world.issued[current_id(play)].value}


def test_what_another_ledger_has_ended_is_written_nowhere_and_another_takes_its_place(
    play: Play, world: World, tmp_path: Path
) -> None:
    play.map["TOKEN"]["retain"] = "current"
    rotate_once(play)
    world.services["ci"].breaks_at = 1
    assert play.rotate("TOKEN", force=True)["failed"]
    world.services["ci"].breaks_at = None
    restored_here(play, tmp_path)
    told = {"forget": ("cloud:app", "cloud:ci", "app", "ci")}
    assert not play.rotate("TOKEN", **told)["failed"], play.output
    assert "is listed as revoked: another takes its place" in play.output
    assert world.values_in("app") == world.values_in("ci") == {world.issued[current_id(play)].value}
