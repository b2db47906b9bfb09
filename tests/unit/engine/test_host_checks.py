# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that Ansible runs on inventory hosts: in the roll-out, and once more before the revoke and after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError, UnavailableError
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import HostAnswer, HostCommand
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide import planner
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.approval import Yes
from tests.unit.engine.driver import Play
from tests.unit.engine.world import World

LOG = {"type": "log", "host": "app1", "command": "cat @<since>", "must_not_match": "denied", "proves": "use"}
LABEL = "the output of cat @<since> must not match denied"


class AppHost:
    """The host app1 at a time of its own, with a log that has so many lines of the pattern."""

    def __init__(self) -> None:
        self.time, self.lines = 1000, 0
        self.ran: list[str] = []

    def __call__(self, command: HostCommand) -> HostAnswer:
        if "date" in command.command:
            return HostAnswer(0, f"rotor found {self.time}\n")
        self.ran.append(command.command.partition("cat ")[2].partition("\n")[0].strip("'"))
        return HostAnswer(0, f"rotor exit 0\nrotor grep {int(not self.lines)}\nrotor found {self.lines}\n")


@pytest.fixture
def host() -> AppHost:
    return AppHost()


Make = Callable[..., Play]


@pytest.fixture
def make(make_play: Callable[..., Play], world: World, host: AppHost) -> Make:
    def make(check: dict[str, Any] | None = None, **options: Any) -> Play:
        world.put("box", {})
        secret = {
            "issuer": {"type": "test.fake.token", "connection": "cloud"},
            "copies": [{"store": "cloud", "box": "box"}],
            "verify": [check or LOG],
            **options,
        }
        play = make_play(secret_map={"TOKEN": secret})
        play.execute = host
        return play

    return make


def test_check_is_run_on_its_host_and_proves(make: Make, host: AppHost) -> None:
    play = make()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert f"verify  {LABEL}, on host app1, by Ansible (proves use)" in play.output
    assert f"{LABEL} holds (proves use)" in play.output
    assert [piece["host"] for piece in play.pieces] == ["app1"]
    assert [piece["what"] for piece in play.pieces] == [f"verify {LABEL}"]
    assert host.ran == ["@1000"]
    (mark,) = play.state("TOKEN").proofs.values()
    assert (mark.evidence["since"], mark.label) == (1000, "use")


def test_check_that_fails_on_its_host_holds_until_it_is_mended(make: Make, host: AppHost) -> None:
    play = make()
    host.lines = 2
    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert f"{LABEL}: 2 lines of it since 1000 (<since>). On host app1. See its log there" in play.output
    host.lines, host.time = 0, 2000
    assert not play.rotate("TOKEN")["failed"], play.output
    assert host.ran == ["@1000", "@2000"]


def test_check_on_a_host_that_went_away_goes_on_from_the_same_moment(make: Make, host: AppHost) -> None:
    play = make()

    def away(command: HostCommand) -> HostAnswer:
        if "date" in command.command:
            return host(command)
        raise UnavailableError("host app1 cannot be reached")

    play.execute = away
    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert "host app1 cannot be reached" in play.output
    host.time, play.execute = 2000, host
    assert not play.rotate("TOKEN")["failed"], play.output
    assert host.ran == ["@1000"]


def test_grace_is_looked_at_before_the_revoke(make: Make, host: AppHost, world: World) -> None:
    play = make(revoke={"after": "1d"})
    assert not play.rotate("TOKEN")["failed"], play.output
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    world.clock.pass_(days=2)
    host.ran.clear()
    host.time, host.lines = 9000, 1
    assert play.rotate()["failed"]
    assert f"{LABEL}: 1 line of it since 1000" in play.output
    assert host.ran == ["@1000"]
    assert world.counted("revoke") == 0

    host.lines = 0
    assert not play.rotate()["failed"], play.output
    assert host.ran == ["@1000", "@1000", "@1000"], "held, then before the revoke, and after it"
    assert world.counted("revoke") == 1


def test_nothing_is_revoked_that_a_check_on_a_host_has_not_seen_in_this_run(
    make: Make, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = make(revoke={"after": "1d"})
    play.rotate("TOKEN")
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    world.clock.pass_(days=2)
    monkeypatch.setattr(planner, "_verify_before_revoke", lambda _scope: [])
    assert play.rotate()["failed"]
    assert f"{LABEL} no longer holds: this run has not asked it. Run again" in play.output
    assert world.counted("revoke") == 0


def test_run_that_rolls_out_and_revokes_asks_in_it_and_after_it(make: Make, host: AppHost, world: World) -> None:
    play = make()
    play.rotate("TOKEN")
    host.ran.clear()
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert (host.ran, world.counted("revoke")) == (["@1000", "@1000"], 1)


def test_host_of_a_check_is_one_of_the_inventory(make: Make) -> None:
    with pytest.raises(ConfigurationError, match=r"verify\[0\]\.host: there is no such host in the inventory"):
        make({**LOG, "host": "app2"}).plan("TOKEN")


def test_check_on_a_host_tells_no_health(make: Make) -> None:
    play = make()
    play.consumers = {"web": {"type": "test.fake.machines", "connection": "cloud", "service": "box", "healthy": [LOG]}}
    play.map["TOKEN"]["reload"] = ["web"]
    with pytest.raises(ConfigurationError, match=r"web\.healthy: log is run on a host: it is for verify"):
        play.plan("TOKEN")


def complains_after_the_revoke(play: Play, host: AppHost) -> None:
    def complain() -> None:
        host.lines = 3

    play.world.after["revoke"] = complain


def test_check_on_a_host_runs_once_more_after_the_revoke(make: Make, host: AppHost, world: World) -> None:
    play = make(retain="current")
    assert not play.rotate("TOKEN")["failed"], play.output
    complains_after_the_revoke(play, host)
    assert play.rotate("TOKEN", force=True)["failed"]
    assert world.counted("revoke") == 1
    assert "the old credential is revoked, which cannot be taken back, and " in play.output
    assert f"{LABEL} no longer holds" in play.output
    host.lines = 0
    assert not play.rotate()["failed"], play.output
    assert not play.plan()["go"]


def test_check_on_a_host_that_fails_withdraws_a_yes(make: Make, host: AppHost, world: World) -> None:
    play = make(revoke={"confirm": True})
    for _turn in range(2):
        assert not play.rotate("TOKEN", force=True)["failed"], play.output
    (run,) = {one.run for one in play.state("TOKEN").approvals.values()}
    play.job, host.lines = "another job", 1
    assert play.rotate("TOKEN", only_revoke=True, approve=(Yes("TOKEN", run),))["failed"]
    host.lines = 0
    assert not play.rotate("TOKEN")["failed"], play.output
    assert world.counted("revoke") == 0
    assert {one.run for one in play.state("TOKEN").approvals.values()} != {run}
