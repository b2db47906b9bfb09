# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand repositories, as fast as GitHub's published limits and the pace that is set allow, and never faster.

The least time is made from what GitHub publishes and from what a write needs to be asked, whatever the code does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Evidence
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.store import GitHubSecrets
from tests.unit.core.threads import ThreadsClock
from tests.unit.providers.github.simulated import (
    HOUR,
    MINUTE,
    PER_HOUR,
    POINTS,
    READ,
    SECONDARY,
    WRITE,
    SimulatedGitHub,
)

MANY = 1000
THREADS = 8
LOOKS = 3  # the repository, its secrets, its key
AT_ONCE = GitHubSecrets.looks_at_once
REQUESTS = LOOKS + 2  # the write, and the evidence of it
COST = LOOKS * READ + WRITE + READ
TOLERANCE = 1.05
VALUE = "value-for-a-thousand-repositories"
Work = Callable[[GitHubSecrets, dict[str, str]], object]


def least(*, per_minute: int = 60, writes: int = MANY, points: int = 0, counted: int = 0) -> float:
    """Seconds below which nobody can be: by the pace, by points in any minute, by requests in an hour."""
    return max((writes - 1) * MINUTE / per_minute, (points - 1) // POINTS * MINUTE, (counted - 1) // PER_HOUR * HOUR, 0)


@pytest.fixture
def clock() -> ThreadsClock:
    return ThreadsClock()


@pytest.fixture
def github(clock: ThreadsClock, monkeypatch: pytest.MonkeyPatch) -> SimulatedGitHub:
    simulated = SimulatedGitHub(clock)
    monkeypatch.setattr(requests.Session, "get_adapter", lambda session, url: simulated)
    return simulated


def store(clock: ThreadsClock, **options: object) -> GitHubSecrets:
    connection = GitHubConnection({"token": SecretValue("ghp_of-the-simulation"), **options}, clock=clock)
    return GitHubSecrets(connection, clock=clock)


def look(store: GitHubSecrets, container: dict[str, str]) -> object:
    return store.observe(container, ["TOKEN"])


def write(store: GitHubSecrets, container: dict[str, str]) -> object:
    return store.write(container, {"TOKEN": SecretValue(VALUE)})


def look_and_write(store: GitHubSecrets, container: dict[str, str]) -> object:
    look(store, container)
    return write(store, container)


def worker(store: GitHubSecrets, containers: Iterator[dict[str, str]], work: Work) -> Callable[[], None]:
    def run() -> None:
        for container in containers:
            work(store, container)

    return run


def worker_of(items: Iterator[int], work: Callable[[int], None]) -> Callable[[], None]:
    def run() -> None:
        for item in items:
            work(item)

    return run


def in_all(clock: ThreadsClock, stores: list[GitHubSecrets], work: Work) -> None:
    """In each of the repositories, by the threads of all stores."""
    containers = iter([{"repository": f"acme/service-{number}"} for number in range(MANY)])
    clock.run([worker(store, containers, work) for store in stores for _turn in range(THREADS // len(stores))])


def assert_all_written(github: SimulatedGitHub) -> None:
    assert github.violations == []
    assert len(github.written) == MANY
    assert github.values == {VALUE}


def test_a_thousand_repositories_at_the_pace_that_is_set(clock: ThreadsClock, github: SimulatedGitHub) -> None:
    in_all(clock, [store(clock)], look_and_write)
    assert_all_written(github)
    assert github.statuses[403] == 0
    assert clock.time <= TOLERANCE * least(points=MANY * COST, counted=MANY * REQUESTS)


def test_two_connections_with_one_credential_are_one_account(clock: ThreadsClock, github: SimulatedGitHub) -> None:
    in_all(clock, [store(clock), store(clock, url="https://api.github.com/")], look_and_write)
    assert_all_written(github)
    assert github.statuses[403] == 0
    assert clock.time <= TOLERANCE * least(points=MANY * COST, counted=MANY * REQUESTS)


def test_as_the_engine_does_it_all_are_looked_at_first_and_each_again_before_its_write(
    clock: ThreadsClock, github: SimulatedGitHub
) -> None:
    """Repositories are asked for ten at a time, and the last write has told the key: the hour is long enough."""
    one = store(clock)
    containers = [{"repository": f"acme/service-{number}"} for number in range(MANY)]
    key = one.connection.public_key("/repos/acme/service-0/actions", "the first")
    seen: dict[str, Evidence] = {}

    def look_at(first: int) -> None:
        bundle = containers[first : first + AT_ONCE]
        for container, each in zip(bundle, one.observe_all([(box, ["TOKEN"]) for box in bundle]), strict=True):
            assert not isinstance(each, RotorError)
            seen[container["repository"]] = {**each, "public_key": key}

    def again(store: GitHubSecrets, box: dict[str, str]) -> object:
        return store.write(box, {"TOKEN": SecretValue(VALUE)}, seen[box["repository"]])

    starts = iter(range(0, MANY, AT_ONCE))
    clock.run([worker_of(starts, look_at) for _turn in range(THREADS)])
    in_all(clock, [one], again)
    assert_all_written(github)
    assert github.statuses == {200: 1 + MANY // AT_ONCE + 3 * MANY, 204: MANY}
    looking = MANY * READ + MANY // AT_ONCE * WRITE
    writing = least(points=MANY * (READ + WRITE + READ), counted=MANY * 4)
    assert clock.time <= TOLERANCE * (least(writes=MANY // AT_ONCE, points=looking) + writing)


def test_at_the_highest_pace_the_points_of_a_minute_are_the_limit(clock: ThreadsClock, github: SimulatedGitHub) -> None:
    github.gap = 0
    in_all(clock, [store(clock, writes_per_minute=180)], look_and_write)
    assert_all_written(github)
    assert github.statuses[403] == 0
    points = least(per_minute=180, points=MANY * COST)
    assert points > least(per_minute=180)
    assert clock.time <= TOLERANCE * points


def test_an_hour_that_another_client_has_half_of(clock: ThreadsClock, github: SimulatedGitHub) -> None:
    """It goes on reading; what it leaves us of this hour is used, and the rest is done right after the reset."""
    per_second = PER_HOUR / 2 / HOUR
    done: list[bool] = []

    def other() -> None:
        while len(done) < THREADS:
            clock.sleep(1 / per_second)
            github.somebody_else()

    one, containers = store(clock), iter([{"repository": f"acme/service-{number}"} for number in range(MANY)])

    def ours() -> None:
        worker(one, containers, look_and_write)()
        done.append(True)

    clock.run([*[ours] * THREADS, other])
    assert_all_written(github)
    assert github.statuses[403] == 0
    in_this_hour = int(PER_HOUR / (REQUESTS + per_second))  # at one write in a second
    assert clock.time <= TOLERANCE * (HOUR + least(writes=MANY - in_this_hour))


def test_an_hour_that_is_nearly_over_is_used_to_its_end(clock: ThreadsClock, github: SimulatedGitHub) -> None:
    github.left, github.resets = 3 * REQUESTS, 600.0
    in_all(clock, [store(clock)], look_and_write)
    assert_all_written(github)
    assert github.statuses[403] == 0
    assert clock.time <= TOLERANCE * (600 + least(writes=MANY - 3))


def test_a_secondary_limit_that_says_nothing_more_is_a_minute_of_silence_for_all(
    clock: ThreadsClock, github: SimulatedGitHub
) -> None:
    github.refuse_writes = [200, 600]
    in_all(clock, [store(clock)], write)
    assert_all_written(github)
    assert github.statuses[403] == 2
    assert clock.time <= TOLERANCE * (least() + 2 * SECONDARY)
