# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.preflight import preflight
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.progress import Counts, ProgressReport
from tests.unit.core.doubles import VirtualClock
from tests.unit.engine.driver import Play


def test_a_few_secrets_have_a_line_for_each_effect() -> None:
    said: list[str] = []
    progress = ProgressReport(10, lambda: Counts(20, 0), VirtualClock(), said.append)
    progress.effect("written")
    progress.effect("reloaded")
    assert said == ["written", "reloaded"]


def test_many_secrets_have_a_line_every_few_seconds_with_pace_and_rest() -> None:
    said: list[str] = []
    left = [500]
    clock = VirtualClock()
    progress = ProgressReport(500, lambda: Counts(left[0], 1), clock, said.append)
    for _effect in range(40):
        left[0] -= 10
        clock.sleep(0.25)
        progress.effect("written")
    assert said[0] == "ROLL OUT  80/500 copies  40/s  1 held  10s left"
    assert len(said) == 5


def test_as_long_as_nothing_is_written_no_time_is_promised() -> None:
    said: list[str] = []
    clock = VirtualClock()
    progress = ProgressReport(11, lambda: Counts(22, 0), clock, said.append)
    clock.sleep(3)
    progress.effect("minted")
    assert said == ["ROLL OUT  0/22 copies  0/s  0 held"]


def test_an_effect_that_takes_long_has_a_line_at_first_and_one_a_minute() -> None:
    said: list[str] = []
    clock = VirtualClock()
    progress = ProgressReport(2, lambda: Counts(2, 0), clock, said.append)
    with clock.busy("A  verify workflow build.yml"):
        for _second in range(150):
            clock.sleep(1)
            clock.waits_for("run 7, https://github.example/runs/7, in_progress")
            progress.waiting()
    progress.waiting()
    what, where = "A  verify workflow build.yml", "run 7, https://github.example/runs/7, in_progress"
    assert said == [f"  {what}: under way for {time}, waits for {where}" for time in ("2s", "1m2s", "2m2s")]


def test_many_secrets_have_a_line_about_the_longest_once_all_is_quiet_for_a_minute() -> None:
    said: list[str] = []
    clock = VirtualClock()
    progress = ProgressReport(500, lambda: Counts(500, 0), clock, said.append)
    with clock.busy("A  write vault a"):
        for second in range(190):
            clock.sleep(1)
            if second == 30:
                progress.effect("written")
            progress.waiting()
    assert len(said) == 3
    assert said[1:] == [f"  A  write vault a: under way for {time}" for time in ("1m31s", "2m31s")]


class Listener(list[str]):
    """Lines of a run; ``heard`` is set once one of them has some words."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words
        self.heard = threading.Event()

    def append(self, line: str) -> None:
        super().append(line)
        if self.words in line:
            self.heard.set()


def test_run_tells_what_an_effect_waits_for_while_it_lasts(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, call = play.world.clock, play.world.call
    play.lines = lines = Listener("TOKEN  reload app: under way for 5s, waits for run 7")

    def slow(kind: str, *rest: Any) -> Any:
        if kind == "update" and not lines.heard.is_set():
            clock.waits_for("run 7")
            clock.sleep(5)
            assert lines.heard.wait(60)
        return call(kind, *rest)

    monkeypatch.setattr(play.world, "call", slow)
    assert not play.rotate("TOKEN").get("failed")
    assert lines.heard.is_set()


def test_plan_tells_that_it_waits_for_answers(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    call = play.world.call
    play.lines = lines = Listener("  asking: ")
    monkeypatch.setattr(preflight, "REMINDER", 0.01)

    def slow(*arguments: Any) -> Any:
        assert lines.heard.wait(60)
        return call(*arguments)

    monkeypatch.setattr(play.world, "call", slow)
    assert play.plan("TOKEN")["go"]
    assert lines.heard.is_set()
