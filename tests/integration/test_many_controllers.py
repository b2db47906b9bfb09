# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several controllers at the same secrets: each is rotated once, and nobody fails because another one has it.

ROTOR_CONTROLLERS and ROTOR_SHARED_SECRETS scale the first test.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psutil
import pytest

from tests.sandbox.visitor import Visitor
from tests.servers import postgres
from tests.servers.postgres import PASSWORD, Postgres

from .conftest import Desk, Outcome
from .facts import REPOSITORY, effects

pytestmark = [
    pytest.mark.xdist_group("postgres"),
    pytest.mark.skipif(bool(postgres.is_missing()), reason=postgres.is_missing()),
]
CONTROLLERS = int(os.environ.get("ROTOR_CONTROLLERS", "3"))
SECRETS = int(os.environ.get("ROTOR_SHARED_SECRETS", "6"))
WRITE = {"provider": "fly", "method": "POST", "path": "/apps/molecule-cp/secrets$"}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    running = Postgres()
    yield running
    running.stop()


class Team:
    """People at one map and one ledger, each with ``ansible-playbook`` of their own."""

    def __init__(self, world: Visitor, desk: Desk) -> None:
        self.world = world
        self.desk = desk

    def share(self, **secrets: dict[str, Any]) -> None:
        """Secrets without a provider that could tell two rotations from one: only the writes can."""
        self.world.tell("switch", named=[*secrets, "molecule-cp", REPOSITORY])
        random = {"issuer": {"type": "random", "format": "hex"}, "max_age": "90d"}
        self.desk.override(secret_map={name: {**random, "copies": [copy]} for name, copy in secrets.items()})

    def start(self, *arguments: str) -> Any:
        return self.desk.start(*self.desk.command("rotor.secrets.rotate", *arguments))

    def rotate(self, *arguments: str) -> Outcome:
        return self.desk.play("rotor.secrets.rotate", *arguments)

    def writes(self) -> int:
        return sum(effect.startswith("write") for effect in effects(self.world))

    @contextmanager
    def ledger(self) -> Iterator[Any]:
        with closing(sqlite3.connect(self.desk.ledger, isolation_level=None)) as connection:
            yield connection

    def grow_old(self) -> None:
        """Every credential was minted long ago."""
        with self.ledger() as connection:
            connection.execute("UPDATE credentials SET minted_at = '2020-01-01T00:00:00+00:00'")


class TeamOnPostgres(Team):
    def __init__(self, world: Visitor, desk: Desk, server: Postgres) -> None:
        super().__init__(world, desk)
        self._server, self._database = server, server.database()
        password = desk.home / "password"
        password.write_text(PASSWORD)
        journal = {"url": server.url(self._database), "password": {"file": str(password)}}
        desk.override(secret_journal=journal)

    @contextmanager
    def ledger(self) -> Iterator[Any]:
        with self._server.connect(self._database) as connection:
            yield connection


@pytest.fixture(params=["sqlite", "postgresql"])
def team(request: pytest.FixtureRequest, brisk: Visitor, desk: Desk, server: Postgres) -> Team:
    return Team(brisk, desk) if request.param == "sqlite" else TeamOnPostgres(brisk, desk, server)


def app(name: str = "molecule-cp") -> dict[str, Any]:
    return {"store": "fly", "app": name}


def test_each_secret_that_is_due_is_rotated_once_whoever_gets_it(brisk: Visitor, desk: Desk, server: Postgres) -> None:
    team = TeamOnPostgres(brisk, desk, server)
    names = [f"SHARED_{number:03}" for number in range(SECRETS)]
    team.share(**{name: app() for name in names})
    first = team.desk.play("rotor.secrets.rotate", "-e", f"rotate_only={','.join(names)}", timeout=500)
    assert first.code == 0, first
    assert team.writes() == SECRETS
    team.grow_old()

    jobs = [team.start() for _turn in range(CONTROLLERS)]
    outputs = [job.communicate(timeout=500)[0] for job in jobs]

    assert [job.returncode for job in jobs] == [0] * CONTROLLERS, outputs
    assert team.writes() == 2 * SECRETS
    with team.ledger() as ledger:
        rows = ledger.execute("SELECT secret, count(*) FROM credentials GROUP BY secret").fetchall()
        assert dict(rows) == dict.fromkeys(names, 2)
    assert sum(output.count("DONE  SHARED_") for output in outputs) >= SECRETS
    assert brisk.violations() == []
    last = team.rotate()
    assert last.code == 0, last
    assert team.writes() == 2 * SECRETS


def test_two_of_one_machine_rotate_each_secret_once(brisk: Visitor, desk: Desk) -> None:
    team = Team(brisk, desk)
    team.share(**{f"SHARED_{number}": app() for number in range(6)})
    jobs = [
        team.start("-e", f"rotate_only={','.join(f'SHARED_{number}' for number in range(6))}") for _turn in range(2)
    ]
    outputs = [job.communicate(timeout=120)[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], outputs
    with team.ledger() as ledger:
        assert set(ledger.execute("SELECT count(*) FROM credentials GROUP BY secret").fetchall()) == {(1,)}
    assert team.writes() == 6


def test_a_stopped_worker_keeps_its_locks_and_a_killed_one_has_none(team: Team) -> None:
    team.share(STUCK=app(), FREE={"store": "github", "repository": REPOSITORY})
    team.world.tell("gate", when="before", **WRITE)
    stuck = team.start("-e", "rotate_only=STUCK")
    assert team.world.ask("gate", wait=60)["held"]
    with everybody(stuck) as send:
        send(signal.SIGSTOP)
        team.world.tell("gate/release")

        others = team.rotate("-e", "rotate_only=STUCK,FREE")

        assert others.code == 0, others
        assert "DONE  FREE" in others.output
        assert "BUSY  STUCK: secret STUCK is being worked on by run " in others.output
        assert f"(process {worker_of(stuck)} on {os.uname().nodename}, " in others.output
        assert "FAILED" not in others.output

        send(signal.SIGKILL)
        stuck.wait(30)
    after = team.rotate("-e", "rotate_only=STUCK")
    assert after.code == 0, after
    assert "DONE  STUCK" in after.output
    with team.ledger() as ledger:
        assert ledger.execute("SELECT count(*) FROM credentials WHERE secret = 'STUCK'").fetchall() == [(1,)]


def worker_of(job: Any) -> int:
    return int(psutil.Process(job.pid).children()[-1].pid)


@contextmanager
def everybody(job: Any) -> Iterator[Callable[[int], None]]:
    """Sends a signal to a run and all its processes; in the end, none of them is left."""
    members = [*psutil.Process(job.pid).children(recursive=True), psutil.Process(job.pid)]

    def send(number: int) -> None:
        for member in members:
            if member.is_running():
                member.send_signal(number)

    try:
        yield send
    finally:
        send(signal.SIGKILL)
        psutil.wait_procs(members, timeout=20)
