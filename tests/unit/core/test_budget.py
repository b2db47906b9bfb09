# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rate limits that all threads of an account share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RateLimitedError, StoppedError
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.budget import (
    AtOnce,
    Budget,
    Pace,
    Quota,
    Request,
    Window,
    shared,
)
from tests.unit.core.doubles import START, VirtualClock
from tests.unit.core.threads import ThreadsClock

NOW = START.timestamp()


def spend(budget: Budget, method: str = "GET", path: str = "/", says: Mapping[str, str] | None = None) -> None:
    with budget.turn(method, path) as heard:
        if says is not None:
            heard(says, NOW)


# A pace


def test_a_burst_goes_at_once_and_then_everybody_waits_for_a_turn(clock: VirtualClock) -> None:
    budget = Budget(clock, Pace(1, burst=3))
    for _turn in range(5):
        spend(budget)
    assert clock.slept == [1, 1]


def test_idle_time_fills_the_burst_up_and_no_further(clock: VirtualClock) -> None:
    budget = Budget(clock, Pace(1, burst=2))
    spend(budget)
    spend(budget)
    clock.time += 600
    for _turn in range(3):
        spend(budget)
    assert clock.slept == [1]


def test_buckets_have_a_pace_of_their_own(clock: VirtualClock) -> None:
    budget = Budget(clock, Pace(1, bucket=lambda request: request.path))
    spend(budget, path="/app-1")
    spend(budget, path="/app-2")
    assert clock.slept == []


def test_what_has_no_bucket_has_no_pace(clock: VirtualClock) -> None:
    budget = Budget(clock, Pace(1, bucket=lambda request: "" if request.writes else None))
    for method in ("PUT", "GET", "HEAD", "GET", "DELETE"):
        spend(budget, method)
    assert clock.slept == [1]


def test_the_slowest_of_several_paces_counts(clock: VirtualClock) -> None:
    budget = Budget(clock, Pace(3))
    budget.add(Pace(1))
    budget.add(Pace(2))
    spend(budget)
    spend(budget)
    assert clock.time == 1


# A window


def points(request: Request) -> int:
    return 5 if request.writes else 1


def test_a_window_is_used_to_its_last_point(clock: VirtualClock) -> None:
    budget = Budget(clock, Window(12, 60, points))
    for method in ("PUT", "PUT", "GET", "GET"):
        spend(budget, method)
    assert clock.slept == []
    spend(budget)
    assert clock.slept == [60]


def test_points_come_back_when_their_answer_is_a_window_old(clock: VirtualClock) -> None:
    budget = Budget(clock, Window(2, 60))
    with budget.turn("GET", "/"):
        clock.time = 10
    clock.time = 20
    spend(budget)
    spend(budget)
    assert clock.time == 70


def test_a_write_waits_for_as_many_points_as_it_costs(clock: VirtualClock) -> None:
    budget = Budget(clock, Window(5, 60, points))
    for at in (0, 10, 20, 30, 40):
        clock.time = at
        spend(budget)
    spend(budget, "PUT")
    assert clock.time == 100


def test_no_more_go_at_once_than_may() -> None:
    clock, under_way, most = ThreadsClock(), Counter[str](), Counter[str]()
    budget = Budget(clock, AtOnce(4))

    def work() -> None:
        for _turn in range(3):
            with budget.turn("GET", "/"):
                under_way["now"] += 1
                most["seen"] = max(most["seen"], under_way["now"])
                clock.sleep(1)
                under_way["now"] -= 1

    clock.run([work] * 8)
    assert most["seen"] == 4
    assert 6 <= clock.time < 7


# A quota


@pytest.mark.parametrize(
    "says",
    [
        {"x-ratelimit-remaining": "1", "x-ratelimit-reset": f"{NOW + 40:.0f}"},
        {"x-ratelimit-remaining": "1", "x-ratelimit-reset": f"{(NOW + 40) * 1000:.0f}"},
        {"x-ratelimit-remaining": "1", "x-ratelimit-reset": "40"},
        {"ratelimit-limit": "9", "ratelimit-remaining": "1", "ratelimit-reset": "40"},
        {"ratelimit-policy": '"default";q=9;w=60', "ratelimit": '"default";r=1;t=40'},
    ],
)
def test_when_all_is_spent_it_waits_for_the_reset(clock: VirtualClock, says: Mapping[str, str]) -> None:
    budget = Budget(clock, Quota())
    spend(budget, says=says)
    assert clock.slept == []
    spend(budget, says={name: value.replace("=1;", "=0;") if value != "1" else "0" for name, value in says.items()})
    assert clock.slept == []
    spend(budget)
    assert clock.slept == [40]


def quota(left: int, reset: float = 3600) -> dict[str, str]:
    return {"x-ratelimit-remaining": str(left), "x-ratelimit-reset": f"{NOW + reset:.0f}"}


def test_what_others_spend_is_believed(clock: VirtualClock) -> None:
    budget = Budget(clock, Quota(), patience=3600)
    spend(budget, says=quota(4000))
    spend(budget, says=quota(0))
    spend(budget)
    assert clock.time == 3600


def test_what_takes_longer_than_it_has_patience_is_refused(clock: VirtualClock) -> None:
    budget = Budget(clock, Quota(), patience=120)
    spend(budget, says=quota(0))
    with pytest.raises(RateLimitedError, match="Run again in 3600 s"):
        spend(budget)
    assert clock.slept == []


def test_an_answer_that_was_overtaken_gives_nothing_back(clock: VirtualClock) -> None:
    budget = Budget(clock, Quota(), patience=3600)
    spend(budget, says=quota(2))
    with budget.turn("GET", "/slow") as slow:
        spend(budget, says=quota(0))
        slow(quota(1), NOW)
    spend(budget)
    assert clock.time == 3600


def test_an_answer_of_the_last_hour_says_nothing_of_this_one(clock: VirtualClock) -> None:
    budget = Budget(clock, Quota())
    with budget.turn("GET", "/slow") as slow:
        clock.time = 1
        slow(quota(100, reset=3700), NOW)
        slow(quota(0, reset=100), NOW)
    spend(budget)
    assert clock.time == 1


def test_the_last_requests_of_an_hour_are_for_whoever_comes_first() -> None:
    clock, left = ThreadsClock(), [3]
    budget, sent = Budget(clock, Quota(), patience=3600), []

    def work() -> None:
        with budget.turn("GET", "/") as heard:
            sent.append(clock.time)
            left[0] = left[0] - 1 if clock.time < 3600 else 4999
            said = quota(left[0], reset=3600 if clock.time < 3600 else 7200)
            clock.sleep(1)
            heard(said, NOW + clock.time)

    clock.run([work] * 8)
    assert [at < 3600 for at in sent] == [True] * 3 + [False] * 5


def test_where_nothing_is_said_nothing_is_limited() -> None:
    clock = ThreadsClock()
    budget = Budget(clock, Quota())

    def work() -> None:
        with budget.turn("GET", "/") as heard:
            clock.sleep(1)
            heard({}, NOW)

    clock.run([work] * 8)
    assert clock.time < 2.1


def test_what_is_said_late_is_believed_as_well(clock: VirtualClock) -> None:
    budget = Budget(clock, Quota(), patience=3600)
    for says in ({}, quota(0)):
        spend(budget, says=says)
    spend(budget)
    assert clock.time == 3600


def test_another_resources_quota_is_none_of_ours(clock: VirtualClock) -> None:
    budget = Budget(clock, Quota("core"))
    spend(budget, says={**quota(0), "x-ratelimit-resource": "search"})
    spend(budget, says={**quota(7), "x-ratelimit-resource": "core"})
    spend(budget)
    assert clock.slept == []


def test_a_request_without_an_answer_blocks_nobody(clock: VirtualClock) -> None:
    budget = Budget(clock, Quota(), AtOnce(1))
    with pytest.raises(OSError, match="gone"), budget.turn("GET", "/"):
        raise OSError("gone")
    spend(budget)
    assert clock.slept == []


# Silence


def test_a_hold_silences_everybody_until_it_is_over(clock: VirtualClock) -> None:
    budget = Budget(clock, Pace(1, bucket=lambda request: request.path))
    budget.hold(30)
    budget.hold(10)
    spend(budget, path="/app-1")
    spend(budget, path="/app-2")
    assert clock.time == 30


def test_a_hold_reaches_those_who_wait_already(clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    budget = Budget(clock, Pace(1))
    spend(budget)
    sleep = clock.sleep

    def held_meanwhile(seconds: float) -> None:
        monkeypatch.setattr(clock, "sleep", sleep)
        budget.hold(20)
        sleep(seconds)

    monkeypatch.setattr(clock, "sleep", held_meanwhile)
    spend(budget)
    assert clock.time == 20


def test_a_spender_goes_no_further_when_the_run_is_stopped(clock: VirtualClock) -> None:
    budget = Budget(clock, Pace(1))
    spend(budget)
    clock.stop()
    with pytest.raises(StoppedError):
        spend(budget)


# Who shares


def test_an_account_has_one_budget_whoever_asks(clock: VirtualClock) -> None:
    def of(account: str, token: str) -> Budget:
        return shared(clock, account, SecretValue(token), lambda: Budget(clock))

    assert of("https://a.example", "token-of-one") is of("https://a.example", "token-of-one")
    assert of("https://a.example", "token-of-one") is not of("https://a.example", "token-of-another")
    assert of("https://a.example", "token-of-one") is not of("https://b.example", "token-of-one")
