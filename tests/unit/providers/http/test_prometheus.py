# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters that grow while time passes, in front of a server that answers as Prometheus' page says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Evidence
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import CheckFailedError, UnexpectedAnswerError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.http.client import HttpConnection
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map import schema
from tests.unit.core.doubles import MemoryCheckpoint, Received, Scripted, ScriptedServer, VirtualClock

Growth = registry.find("checks", "prometheus")
ERRORS = 'errors_total{job="shop"}'
NOW = 1_000_000.0
"""The server's time when the clock of the tests stands at 0."""
Count = Callable[[float], float | None]
"""A counter's value by the seconds since NOW; None where it is not scraped."""


@dataclass
class Prometheus(Scripted):
    """Scrapes its series every ten seconds, a second before the full ten."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    series: list[Count] = field(default_factory=list)

    def next(self, received: Received) -> tuple[int, bytes, Mapping[str, str]]:
        if self._answers:
            return super().next(received)
        self.received.append(received)
        (query,) = parse_qs(urlsplit(received.path).query)["query"]
        now = NOW + self.clock.time
        if query == "time()":
            return self._told("scalar", [now, str(now)])
        seconds = re.fullmatch(re.escape(ERRORS) + r"\[(\d+)s\]", query)
        assert seconds, query
        samples = [self._samples(count, now - int(seconds[1]), now) for count in self.series]
        return self._told("matrix", [{"metric": {}, "values": some} for some in samples if some])

    @staticmethod
    def _samples(count: Count, first: float, last: float) -> list[tuple[float, str]]:
        times = [NOW + second for second in range(-601, 1200, 10) if first < NOW + second <= last]
        return [(time, str(value)) for time in times if (value := count(time - NOW)) is not None]

    @staticmethod
    def _told(kind: str, result: Any) -> tuple[int, bytes, Mapping[str, str]]:
        return 200, json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode(), {}


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    with ScriptedServer(Prometheus()) as server:
        assert isinstance(server, Prometheus)
        yield server


def check(server: Prometheus, **options: Any) -> Any:
    connection = HttpConnection({"url": server.url}, clock=server.clock)
    return Growth({"counter": ERRORS, **options}, connection, clock=server.clock)


def run(server: Prometheus, **options: Any) -> Evidence:
    evidence: Evidence = check(server, **options).run(None, MemoryCheckpoint())
    return evidence


def failure(server: Prometheus, **options: Any) -> str:
    with pytest.raises(CheckFailedError) as caught:
        run(server, **options)
    return caught.value.message


def steady(_seconds: float) -> float:
    return 41


def test_old_errors_do_not_count(prometheus: Prometheus) -> None:
    prometheus.series = [steady, lambda seconds: 7 if seconds > -300 else 6]
    assert run(prometheus, at_most=0)["grown"] == 0
    assert prometheus.clock.time == 300


def test_one_error_fails_at_once(prometheus: Prometheus) -> None:
    prometheus.series = [steady, lambda seconds: 7 if seconds < 60 else 8]
    message = f"{ERRORS} grows by at most 0: it has grown by 1 since the check began"
    assert failure(prometheus, at_most=0, **{"for": "15m"}) == message
    assert prometheus.clock.time == 75


def test_restarted_counter_counts_from_zero(prometheus: Prometheus) -> None:
    prometheus.series = [lambda seconds: 41 if seconds < 20 else 2 if seconds < 40 else 1]
    assert run(prometheus, at_most=3)["grown"] == 3


def test_series_that_was_not_there_counts_from_zero(prometheus: Prometheus) -> None:
    prometheus.series = [lambda seconds: None if seconds < 20 else 5]
    assert failure(prometheus, at_most=4, may_be_absent=True).endswith("it has grown by 5 since the check began")


def test_enough_uses_end_the_wait(prometheus: Prometheus) -> None:
    prometheus.series = [lambda seconds: max(0, seconds // 20), steady]
    evidence = run(prometheus, at_least=3, every="5s")
    assert evidence == {"grown": 3, "since": NOW, "scraped": True}
    assert prometheus.clock.time == 70


@pytest.mark.parametrize("before", [100, None], ids=["scraped", "not there"])
def test_uses_of_before_the_check_do_not_count(prometheus: Prometheus, before: int | None) -> None:
    """They came after the last sample before it, or nobody knows when."""
    prometheus.series = [lambda seconds: before if seconds < 0 else 130]
    assert failure(prometheus, at_least=1).endswith("it has grown by 0 within 5m")


def test_uses_after_a_restart_count(prometheus: Prometheus) -> None:
    prometheus.series = [lambda seconds: 41 if seconds < 20 else 2]
    assert run(prometheus, at_least=2)["grown"] == 2


def test_too_few_uses_fail_in_the_end(prometheus: Prometheus) -> None:
    prometheus.series = [steady]
    message = f"{ERRORS} grows by at least 1: it has grown by 0 within 2m"
    assert failure(prometheus, at_least=1, **{"for": "2m"}) == message


@pytest.mark.parametrize("count", [lambda seconds: 41 if seconds < 0 else None, lambda _seconds: None])
def test_counter_that_is_not_scraped_has_not_stood_still(prometheus: Prometheus, count: Count) -> None:
    prometheus.series = [count]
    assert "Prometheus has no sample of it since the check began" in failure(prometheus, at_most=0)
    assert run(prometheus, at_most=0, may_be_absent=True)["scraped"] is False


# Resumed


def test_killed_check_goes_on_from_the_same_moment(prometheus: Prometheus) -> None:
    prometheus.series = [lambda seconds: 7 if seconds < 60 else 8]
    prometheus.clock.time = 120
    with pytest.raises(CheckFailedError, match="it has grown by 1"):
        check(prometheus, at_most=0).run(None, MemoryCheckpoint({"since": NOW}))
    assert prometheus.clock.time == 120


def test_attempt_after_a_failure_begins_anew(prometheus: Prometheus) -> None:
    prometheus.series = [lambda seconds: 7 if seconds < 60 else 8]
    made, checkpoint = check(prometheus, at_most=0), MemoryCheckpoint()
    with pytest.raises(CheckFailedError):
        made.run(None, checkpoint)
    evidence = made.run(None, checkpoint)
    assert (evidence["grown"], evidence["since"]) == (0, NOW + 75)


# Before anything is minted


def test_unknown_counter_is_a_problem_of_the_plan(prometheus: Prometheus) -> None:
    assert check(prometheus, at_most=0).preflight() == [f"Prometheus has no series {ERRORS}"]
    assert check(prometheus, at_most=0, may_be_absent=True).preflight() == []
    prometheus.series = [steady]
    assert check(prometheus, at_most=0).preflight() == []


@pytest.mark.parametrize(
    "body",
    [
        {"status": "error", "data": {"resultType": "matrix", "result": []}},
        {"status": "success", "data": {"resultType": "vector", "result": []}},
        {"status": "success", "data": {"resultType": "matrix", "result": [{"histograms": []}]}},
        {"status": "success", "data": {"resultType": "matrix", "result": [{"values": [[1, 2]]}]}},
        {"status": "success", "data": {"resultType": "matrix", "result": [{"values": [7]}]}},
        {"status": "success"},
    ],
    ids=str,
)
def test_odd_answers_prove_nothing(prometheus: Prometheus, body: Any) -> None:
    prometheus.answer(200, body)
    with pytest.raises(UnexpectedAnswerError):
        check(prometheus, at_most=0).preflight()


# The map


@pytest.mark.parametrize(
    ("options", "good"),
    [
        ({"at_most": 0}, True),
        ({"counter": "errors_total", "at_least": 1, "for": "15m", "every": "1m"}, True),
        ({}, False),
        ({"at_most": 0, "at_least": 1}, False),
        ({"at_least": 0}, False),
        ({"counter": "rate(errors_total[5m])", "at_most": 0}, False),
        ({"counter": "a_total or b_total", "at_most": 0}, False),
    ],
)
def test_its_schema_takes_one_counter_and_one_bound(options: dict[str, Any], good: bool) -> None:
    entry = {"type": "prometheus", "connection": "prometheus", "counter": ERRORS, **options}
    assert jsonschema.Draft202012Validator(schema.check("prometheus")).is_valid(entry) is good


def test_absent_counter_cannot_grow() -> None:
    assert Growth.validate({"counter": ERRORS, "at_least": 1, "may_be_absent": True}) == [
        "may_be_absent: what is absent does not grow at_least by anything"
    ]
    assert Growth.validate({"counter": ERRORS, "at_most": 1, "may_be_absent": True}) == []
