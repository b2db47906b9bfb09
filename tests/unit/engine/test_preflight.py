# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands in the way is found before anything is minted, and nobody is asked twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine import session
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.selection import RunOptions
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.builders import Builders
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError
from tests.unit.engine.conftest import machines, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.fake_stores import Shelf
from tests.unit.engine.world import World


def lacks_a_box(world: World, play: Play) -> None:
    del world.containers["ci"]
    world.services["ci"].machines.clear()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda world, play: world.fail("probe", UnavailableError("no route")), "connection cloud: no route"),
        (lambda world, play: world.fail("observe", PermissionDeniedError("lacks secrets:read"), "ci"), "secrets:read"),
        (lambda world, play: world.fail("observe", NotFoundError("no repository"), "ci"), "no repository"),
        (lacks_a_box, "there is no box ci"),
        (lambda world, play: world.problems.update(issuer=["may not mint"]), "may not mint"),
        (lambda world, play: world.fail("ask", UnavailableError("issuer is down"), "issuer"), "issuer is down"),
        (lambda world, play: world.problems.update(check=["no such workflow"]), "no such workflow"),
        (lambda world, play: setattr(world.services["ci"], "sick", True), "ci is sick"),
        (lambda world, play: world.fail("ask", UnavailableError("app does not answer"), "service app"), "not answer"),
    ],
)
def test_a_problem_is_said_and_nothing_is_minted(
    play: Play, world: World, spoil: Callable[[World, Play], None], said: str
) -> None:
    spoil(world, play)
    plan = play.rotate("TOKEN")
    assert plan["failed"]
    assert said in play.output
    assert world.mutations == []


def test_a_wrong_credential_of_a_connection_is_a_problem_of_its_secrets(
    make_play: Callable[..., Play], world: World
) -> None:
    play = make_play(connections={"cloud": {"type": "test.fake.refused", "world": world.name}})
    assert play.rotate("TOKEN")["failed"]
    assert "connection cloud: who are you? (status 401, request r-1)" in play.output
    assert world.log == []


def test_a_health_check_that_fails_is_found_before_the_mint(make_play: Callable[..., Play], world: World) -> None:
    healthy = [{"type": "test.fake.selftest", "service": "ci"}]
    play = make_play(consumers={"app": {**machines("app"), "healthy": healthy}, "ci": machines("ci")})
    world.services["ci"].sick = True
    assert play.rotate("TOKEN")["failed"]
    assert world.mutations == []


def test_every_problem_is_said_at_once(play: Play, world: World) -> None:
    world.problems.update(issuer=["may not mint"], check=["no such workflow"])
    world.services["app"].sick = True
    play.plan("TOKEN")
    assert all(said in play.output for said in ("may not mint", "no such workflow", "app is sick"))


def test_a_sick_consumer_is_only_noted_when_a_rotation_is_under_way(play: Play, world: World) -> None:
    world.services["ci"].breaks_at = 1
    play.rotate("TOKEN")
    world.services["ci"].breaks_at = None
    world.services["ci"].sick = True
    assert play.plan("TOKEN")["go"]
    assert "note: ci is not well" in play.output


def test_an_issuers_preview_is_a_note_and_never_a_problem(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def preview(_issuer: Any) -> list[str]:
        if world.problems:
            raise UnavailableError("the list is down")
        return ["3 of 10 keys are left"]

    monkeypatch.setattr(registry.find("issuers", "test.fake.token"), "preview", preview)
    assert play.plan("TOKEN")["go"]
    assert "note: 3 of 10 keys are left" in play.output
    world.problems["issuer"] = []
    assert play.plan("TOKEN")["go"]
    assert "note: the list is down" in play.output


def test_each_question_is_asked_once_however_many_secrets_want_to_know(
    make_play: Callable[..., Play], world: World
) -> None:
    def entry(box: str) -> dict[str, Any]:
        steps = token_map()["rollout"]
        steps[0]["copies"][0]["keys"] = {f"TOKEN_{box}": "${token}"}
        steps[1]["copies"][0]["keys"] = {f"TOKEN_{box}": "${token}"}
        return {**token_map(), "rollout": steps}

    play = make_play(secret_map={name: entry(name) for name in ("A", "B", "C")})
    assert play.plan("A", "B", "C")["go"]
    counts = Counter(world.log)
    assert counts["probe", "cloud"] == 1
    assert counts["ask", "service app"] == 1
    assert counts["ask", "test ci"] == 1
    assert counts["ask", "issuer"] == 3, "once for each secret"


@pytest.fixture
def two(make_play: Callable[..., Play], world: World) -> Play:
    """TOKEN, and GOOD with a copy of its own."""
    world.put("spare", {})
    good = {
        "issuer": token_map()["issuer"],
        "copies": [{"store": "cloud", "box": "spare"}],
        "revoke": {"accept": "life"},
    }
    return make_play(secret_map={"TOKEN": token_map(), "GOOD": good})


def test_unforeseen_answer_is_a_problem_of_its_secret_alone(two: Play, world: World) -> None:
    world.fail("observe", TypeError("of s3cr3t"), "ci")
    result = two.rotate("TOKEN", "GOOD")
    assert result["held"] == ["TOKEN"]
    assert "unexpected TypeError in" in two.output
    assert "s3cr3t" not in two.output
    assert world.containers["spare"]["GOOD"]


def test_unforeseen_evidence_is_a_problem_of_its_secret_alone(
    two: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not two.rotate("TOKEN", "GOOD")["failed"]

    def unchanged(recorded: Any, observed: Any) -> bool:
        if "TOKEN" in recorded["keys"]:
            raise KeyError("odd")
        return bool(recorded == observed)

    monkeypatch.setattr(registry.find("stores", "test.fake.cloud"), "unchanged", staticmethod(unchanged))
    result = two.rotate("TOKEN", "GOOD", force=True)
    assert result["held"] == ["TOKEN"]
    assert "unexpected KeyError in unchanged" in two.output


def test_a_problem_of_one_secret_stops_no_other(two: Play, world: World) -> None:
    play = two
    world.services["app"].sick = True
    result = play.rotate("TOKEN", "GOOD")
    assert result["failed"]
    assert result["held"] == ["TOKEN"]
    assert world.containers["spare"]["GOOD"]


def test_candidates_that_cannot_be_listed_are_a_note(play: Play, world: World) -> None:
    world.fail("list", PermissionDeniedError("may not list"))
    assert play.plan("TOKEN")["go"]
    assert "cannot be listed: may not list" in play.output


def test_a_named_credential_that_cannot_be_looked_up_stops_the_plan(play: Play, world: World) -> None:
    world.fail("list", UnavailableError("down"))
    assert play.rotate("TOKEN", adopt={"TOKEN": "some-id"})["failed"]
    assert world.mutations == []


def test_a_connection_whose_own_credential_is_unset_is_a_problem(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROTOR_TEST_UNSET", raising=False)
    connection = {"type": "test.fake.cloud", "world": world.name, "token": {"env": "ROTOR_TEST_UNSET"}}
    play = make_play(connections={"cloud": connection})
    assert play.rotate("TOKEN")["failed"]
    assert "ROTOR_TEST_UNSET is unset or empty" in play.output


def test_credentials_that_cannot_be_used_are_told_with_all_other_mistakes(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROTOR_TEST_UNSET", raising=False)
    cloud = {"type": "test.fake.cloud", "world": world.name}
    connections = {
        "cloud": {**cloud, "token": {"env": "ROTOR_TEST_UNSET"}},
        "second": {**cloud, "token": "canary\udcff"},
        "unused": {**cloud, "token": "unused\udcff"},
    }
    copies = [{"store": "cloud", "box": "app"}, {"store": "second", "box": "ci"}, {"store": "thrid", "box": "ci"}]
    play = make_play(connections=connections, secret_map={"TOKEN": {**token_map(), "rollout": [{"copies": copies}]}})
    with pytest.raises(MapError) as caught:
        play.plan("TOKEN")
    assert {line.partition("; ")[0] for line in caught.value.errors} >= {
        "secret_connections.cloud.token: the environment variable ROTOR_TEST_UNSET is unset or empty",
        "secret_connections.second.token: is not text: it has bytes that are none in UTF-8",
        "secret_map.TOKEN.rollout[0].copies[2].store: there is no such connection",
    }
    assert "secret_connections.unused" not in str(caught.value)
    assert "canary" not in str(caught.value)


def test_an_unforeseen_error_of_a_connection_is_about_its_own_secrets(play: Play, world: World) -> None:
    world.fail("probe", ValueError("Invalid header value b'canary'"), "cloud")
    assert play.rotate("TOKEN")["failed"]
    assert "connection cloud: unexpected ValueError in " in play.output
    assert "canary" not in play.output


def test_a_copy_as_it_was_before_the_mint_is_what_counts_for_one_never_written(play: Play, world: World) -> None:
    world.fail("write", UnavailableError("down"), "app")
    play.rotate("TOKEN")
    world.put("ci", {"TOKEN": "fixed at 3 a.m."})
    assert play.rotate("TOKEN")["failed"]
    assert "box ci was changed by somebody else" in play.output


def test_map_is_parsed_and_validated_once_an_action(
    make_play: Callable[..., Play], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()

    def counted(owner: Any, name: str, about: Callable[..., str]) -> None:
        really = getattr(owner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            calls[about(*arguments)] += 1
            return really(*arguments, **options)

        monkeypatch.setattr(owner, name, call)

    counted(session, "parse", lambda *_parts: "map")
    counted(Builders, "validate", lambda _self, kind, name, _raw, path, *_rest: f"{kind} {name} {path}")
    play = make_play()
    run = play.plan("TOKEN")["run"]
    assert set(calls.values()) == {1}
    play.advance(run, Phase.REVOKED)
    assert set(calls.values()) == {2}
    play.status(only=("TOKEN",))
    assert set(calls.values()) == {3}


@pytest.mark.parametrize("looks", ["plan", "status"])
def test_copy_written_by_another_run_meanwhile_has_not_drifted(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch, looks: str
) -> None:
    """The ledger was read before the copies were looked at, and both have changed in between."""
    play.map["TOKEN"]["max_age"] = "90d"
    assert not play.rotate("TOKEN")["failed"]
    really, others = Shelf.observe, iter([lambda: play.rotate("TOKEN", force=True)])

    def observe(store: Shelf, *asked: Any) -> Any:
        for rotate in others:
            assert not rotate()["failed"], play.output
        return really(store, *asked)

    world.clock.pass_(days=100)
    monkeypatch.setattr(Shelf, "observe", observe)
    result = play.plan() if looks == "plan" else play.session().status(RunOptions())
    assert len(play.state("TOKEN").credentials) == 2, "the other run has rotated"
    assert not result.get("failed")
    assert not result.get("go")
    assert "changed by somebody else" not in play.output.lower()
    assert "changed since by somebody else" not in play.output.lower()
