# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report that a run has ended: what is in it, where it goes, and that its failure changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError, UnavailableError
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import HostAnswer, HostCommand
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from tests.unit.engine.conftest import current_id
from tests.unit.engine.driver import Play
from tests.unit.engine.fakes import Cloud
from tests.unit.engine.world import World

TO = {"connection": "cloud", "path": "/pings/rotor"}


def reported(play: Play, monkeypatch: pytest.MonkeyPatch, plan: Mapping[str, Any], progress: Mapping[str, Any]) -> Any:
    found: list[tuple[str, Any]] = []
    monkeypatch.setattr(Cloud, "put", lambda _cloud, path, document: found.append((path, document)))
    assert play.session().report(TO, plan, progress, nowhere)["reported"]
    [(path, document)] = found
    assert path == TO["path"]
    return document


def nowhere(_command: HostCommand) -> HostAnswer:
    raise UnavailableError("host app1 cannot be reached")


def test_a_report_has_time_run_counts_and_states_and_no_value(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = play.plan("TOKEN")
    for phase in Phase:
        progress = play.through(plan["run"], phase)
    document = reported(play, monkeypatch, plan, progress)
    assert document == {
        "time": f"{world.clock.now():%Y-%m-%dT%H:%M:%SZ}",
        "run": plan["run"],
        "failed": False,
        "counts": {"secrets": 1, "done": 1},
        "states": {"TOKEN": "done"},
    }
    assert world.issued[current_id(play)].value not in str(document)


def test_a_report_of_nothing_to_do_shows_that_the_run_took_place(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    play.rotate("TOKEN")
    document = reported(play, monkeypatch, play.plan(only_revoke=True), {})
    assert (document["failed"], document["counts"], document["states"]) == (False, {"secrets": 1}, {})


def test_a_report_of_what_could_not_begin_is_a_failure(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    play.rotate("TOKEN")
    world.put("app", {"TOKEN": "by hand"})
    document = reported(play, monkeypatch, play.plan("TOKEN", force=True), {})
    assert (document["failed"], document["states"]) == (True, {"TOKEN": "not_begun"})


def test_a_report_of_a_run_that_a_hook_has_ended_is_a_failure(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = play.plan("TOKEN")
    document = reported(play, monkeypatch, plan, play.through(plan["run"], Phase.ISSUED))
    assert (document["failed"], document["states"]) == (True, {"TOKEN": "ready"})


def test_a_report_leaves_out_the_progress_of_another_run(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a role registers outlives it, and it may be included twice."""
    earlier = play.plan("TOKEN")["run"]
    for phase in Phase:
        progress = play.through(earlier, phase)
    plan = play.plan("TOKEN", force=True)
    document = reported(play, monkeypatch, plan, progress)
    assert (document["run"], document["failed"], document["states"]) == (plan["run"], True, {})


@pytest.mark.parametrize("code", [None, 1])
def test_a_report_that_cannot_be_written_is_told(play: Play, code: int | None) -> None:
    host = nowhere if code is None else lambda _command: HostAnswer(1)
    result = play.session().report({"host": "app1", "path": "/var/report.json"}, {}, {}, host)
    assert result == {"changed": False, "reported": False}
    assert "NOT REPORTED  app1: /var/report.json: " in play.output


def test_a_report_on_a_host_is_written_whole_or_not_at_all(play: Play) -> None:
    commands: list[HostCommand] = []

    def host(command: HostCommand) -> HostAnswer:
        commands.append(command)
        return HostAnswer(0)

    assert play.session().report({"host": "app1", "path": "/var/a b.json"}, {}, {}, host)["reported"]
    [command] = commands
    assert command.command.endswith(">'/var/a b.json.rotor' && mv -f '/var/a b.json.rotor' '/var/a b.json'")
    assert command.stdin is None


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"path": "/x"}, "give either host or connection"),
        ({"host": "app1"}, "path has to begin with a slash"),
        ({"host": "ap1", "path": "/x"}, "there is no host ap1; did you mean app1?"),
        ({"connection": "clod", "path": "/x"}, "there is no connection clod; did you mean cloud?"),
        ({"host": "app1", "path": "/x", "fold": 1}, "unknown option fold"),
        ({"connection": "cloud", "path": "/x"}, "nothing is put to the connection cloud"),
    ],
)
def test_a_place_that_is_wrong_is_refused(play: Play, place: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=f"rotate_report_to: .*{words.replace('?', '.')}"):
        play.session().check_report(place)
