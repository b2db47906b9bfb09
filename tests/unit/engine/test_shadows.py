# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hides a copy is in the plan, and holds the rotation as long as an older value is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import PermissionDeniedError
from tests.unit.engine.conftest import machines, rotate_once, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.world import World
from tests.unit.providers.dotenv.local_host import LocalHost

Nested = Callable[..., Play]
OWN = "box app/prod has a TOKEN of its own, which hides it"
HELD = "an older value hides box app in box app/prod: TOKEN"


@pytest.fixture
def nested(make_play: Callable[..., Play], world: World) -> Nested:
    """A token in the box ``app``, which an inner box may hide, and then in ``ci``."""
    connections = {name: {"type": f"test.fake.{name}", "world": world.name} for name in ("cloud", "nested")}

    def nested(*more: dict[str, Any], **copy: Any) -> Play:
        token = token_map()
        token["rollout"][0]["copies"] = [{"store": "nested", "box": "app", **copy}, *more]
        return make_play(secret_map={"TOKEN": token}, connections=connections)

    return nested


def looks(world: World) -> list[str]:
    return [what for kind, what in world.log if kind == "shadows"]


def alive(world: World) -> list[str]:
    return [one.name for one in world.issued.values() if not one.revoked]


def test_an_older_value_that_hides_a_copy_holds_before_the_next_step(nested: Nested, world: World) -> None:
    play = nested()
    old = rotate_once(play)
    world.put("app/prod", {"TOKEN": "of old"})

    play.plan("TOKEN", check=True, force=True)
    assert OWN in play.output
    assert world.mutations == []
    assert play.rotate("TOKEN", force=True)["held"] == ["TOKEN"]
    assert HELD in play.output
    assert "Delete it there, name it as a copy of this secret, or list it in ignore_shadows" in play.output
    assert not world.issued[old].revoked
    assert play.rotate("TOKEN")["held"] == ["TOKEN"], "as long as it is there"

    del world.containers["app/prod"]
    assert not play.rotate("TOKEN")["failed"], play.output
    assert world.counted("mint") == 1
    assert world.issued[old].revoked


def test_where_nothing_hides_a_copy_one_list_is_all_that_is_asked(nested: Nested, world: World) -> None:
    world.put("app/prod", {"ANOTHER": "of old"})
    play = nested()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert "hides" not in play.output
    assert looks(world) == ["app"]


def test_a_value_written_later_is_in_the_plan_and_holds_nothing(nested: Nested, world: World) -> None:
    world.put("app/prod", {"TOKEN": "of another hand"})
    play = nested()
    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    world.put("app/prod", {"TOKEN": "the new one, by hand"})
    play.lines.clear()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert OWN in play.output


@pytest.mark.parametrize("ignored", ["all", ["prod"]])
def test_what_the_map_expects_holds_nothing(nested: Nested, world: World, ignored: Any) -> None:
    world.put("app/prod", {"TOKEN": "meant so"})
    play = nested(ignore_shadows=ignored)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert "hides" not in play.output
    assert looks(world) == ([] if ignored == "all" else ["app"])


def test_another_place_than_the_expected_one_holds(nested: Nested, world: World) -> None:
    for box in ("app/prod", "app/staging"):
        world.put(box, {"TOKEN": "of old"})
    play = nested(ignore_shadows=["staging"])
    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert HELD in play.output
    assert "app/staging" not in play.output


def test_a_copy_of_the_secret_itself_hides_nothing(nested: Nested, world: World) -> None:
    world.put("app/prod", {"TOKEN": "of old"})
    play = nested({"store": "nested", "box": "app/prod"})
    assert not play.rotate("TOKEN")["failed"], play.output
    assert "hides" not in play.output


def test_another_key_of_the_secret_in_that_place_hides_nothing_else(nested: Nested, world: World) -> None:
    world.put("app/prod", {"TOKEN": "of old", "DEPLOY": "of old"})
    play = nested({"store": "nested", "box": "app/prod", "keys": {"DEPLOY": "${token}"}})
    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert HELD in play.output


@pytest.mark.parametrize(("url", "held"), [({}, False), ({"url": "https://b.example"}, True)])
def test_a_copy_through_another_connection_hides_nothing_in_its_own_system(
    make_play: Callable[..., Play], world: World, url: dict[str, str], held: bool
) -> None:
    world.put("app", {"TOKEN": "of old"})
    world.put("app/prod", {"TOKEN": "of old"})
    token = token_map(revoke={"accept": "life"})
    token["rollout"] = [
        {"name": name, "copies": [{"store": store, "box": box}]}
        for name, store, box in (("inner", "beside", "app/prod"), ("outer", "nested", "app"))
    ]
    nested = {"type": "test.fake.nested", "world": world.name}
    cloud = {"type": "test.fake.cloud", "world": world.name}
    play = make_play(
        secret_map={"TOKEN": token}, connections={"cloud": cloud, "nested": nested, "beside": {**nested, **url}}
    )
    assert (play.rotate("TOKEN")["held"] == ["TOKEN"]) is held, play.output


def test_places_that_may_not_be_seen_are_noted(nested: Nested, world: World) -> None:
    world.fail("shadows", PermissionDeniedError("the token may not list them"), "app")
    play = nested()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert "note: whether anything hides box app cannot be seen: the token may not list them" in play.output


def test_a_dotenv_file_beside_holds_until_it_has_the_new_value(
    make_play: Callable[..., Play], world: World, tmp_path: Path
) -> None:
    file, beside = tmp_path / "app.env", tmp_path / ".env"
    beside.write_text("TOKEN='of old'\n")
    token = token_map()
    copy = {"store": "files", "host": "app1", "path": str(file), "create": True, "hidden_by": [str(beside)]}
    token["rollout"][0]["copies"].append(copy)
    connections = {"cloud": {"type": "test.fake.cloud", "world": world.name}, "files": {"type": "dotenv"}}
    play = make_play(
        secret_map={"TOKEN": token}, connections=connections, consumers={name: machines(name) for name in ("app", "ci")}
    )
    play.execute = LocalHost()

    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert f"an older value hides dotenv file app1:{file} in dotenv file app1:{beside}: TOKEN" in play.output
    assert len(alive(world)) == 2
    beside.write_text(file.read_text())
    assert not play.rotate("TOKEN")["failed"], play.output
    beside.unlink()
    world.clock.pass_(days=1)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert world.counted("mint") == 2
    world.violations.clear()  # it knows no files, and takes what is said of them for untrue
