# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several controllers at the same secrets: each is rotated once, and nobody fails because another one has it.

ROTOR_CONTROLLERS and ROTOR_SHARED_SECRETS scale the first test. With them, all controllers are ``ansible-playbook``
itself; without, all but one are played: processes like those of ``ansible-playbook``, without its start-up time.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Any

import psutil
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.location import open_ledger
from tests.chaos import tally
from tests.sandbox.visitor import Visitor
from tests.servers import openbao, postgres
from tests.servers.openbao import OpenBao
from tests.servers.postgres import PASSWORD, Postgres

from .conftest import ROOT, Desk, Outcome

pytestmark = [
    pytest.mark.xdist_group("postgres"),
    pytest.mark.skipif(bool(postgres.is_missing()), reason=postgres.is_missing()),
]
SCALED = "ROTOR_CONTROLLERS" in os.environ
CONTROLLERS = int(os.environ.get("ROTOR_CONTROLLERS", "3"))
SECRETS = int(os.environ.get("ROTOR_SHARED_SECRETS", "6"))
PATIENCE = 600 + 20 * CONTROLLERS + 2 * SECRETS
"""Seconds until a run counts as stuck."""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    running = Postgres()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    running = OpenBao()
    yield running
    running.stop()


class Team:
    """People at one map and one ledger, each with a controller of their own."""

    def __init__(self, world: Visitor, desk: Desk, bao: OpenBao) -> None:
        self.world = world
        self.desk = desk
        self._bao, self._mount = bao, bao.mount(2)
        path = os.pathsep.join([str(ROOT), *sys.path[1:]])
        desk.environment |= {"VAULT_TOKEN": openbao.ROOT, "PYTHONPATH": path}
        token = {"env": "VAULT_TOKEN"}
        fly = {"url": f"{world.url}/fly/v1", "graphql_url": f"{world.url}/fly/graphql"}
        self._variables: dict[str, Any] = {
            "secret_connections": {
                "fly": {"type": "fly", "token": {"env": "FLY_ADMIN_TOKEN"}, **fly},
                "vault": {"type": "vault", "url": bao.url, "auth": {"method": "token", "token": token}},
            },
            "secret_consumers": {},
        }

    def share(self, *names: str, **copies: dict[str, Any]) -> None:
        """Secrets without a provider that could tell two rotations from one: a document for each counts its versions.

        ``copies``: those that stand elsewhere.
        """
        documents = {name: {"store": "vault", "mount": self._mount, "path": name} for name in names}
        random = {"issuer": {"type": "random", "format": "hex"}, "max_age": "90d"}
        self._set(secret_map={name: {**random, "copies": [copy]} for name, copy in (documents | copies).items()})

    def _set(self, **variables: Any) -> None:
        self._variables |= variables
        self.desk.override(**self._variables)

    def start(self, *names: str, real: bool = SCALED) -> subprocess.Popen[str]:
        """A run over these secrets, or over what is due."""
        if real:
            only = ("-e", f"rotate_only={','.join(names)}") if names else ()
            return self.desk.start(*self.desk.command("rotor.secrets.rotate", *only))
        order = json.dumps({"variables": self._variables, "options": {"only": names}})
        return self.desk.start(sys.executable, "-m", "tests.chaos.player", order)

    def rotate(self, *names: str) -> Outcome:
        return finished([self.start(*names)])[0]

    def writes(self) -> dict[str, int]:
        """How often each secret was written, as the store itself has counted."""
        names = self._bao.ask("LIST", f"{self._mount}/metadata")["data"]["keys"]
        return {name: self._bao.metadata(self._mount, name)["current_version"] for name in names}

    def known(self) -> dict[str, int]:
        """How many credentials of each secret the ledger knows."""
        with self.ledger() as ledger:
            return dict(ledger.execute("SELECT secret, count(*) FROM credentials GROUP BY secret").fetchall())

    @contextmanager
    def ledger(self) -> Iterator[Any]:
        with closing(sqlite3.connect(self.desk.ledger, isolation_level=None)) as connection:
            yield connection

    def grow_old(self) -> None:
        """Date every credential back, with the ledger's key: a bare UPDATE would be refused."""
        setting = {"key": self.desk.environment["ROTOR_LEDGER_KEY"], **self._variables.get("secret_ledger", {})}
        setting.setdefault("url", f"sqlite:///{self.desk.ledger}")
        ledger, names = open_ledger(setting, clock=Clock(), holder="a test").ledger, self.known()
        with ledger._transaction("", "", "grown old", {}) as (tx, _now):
            for name in names:
                tx.update(ledger._t.credentials, {"secret": name}, {"minted_at": "2020-01-01T00:00:00+00:00"})
        ledger.close()


class TeamOnPostgres(Team):
    def __init__(self, world: Visitor, desk: Desk, bao: OpenBao, server: Postgres) -> None:
        super().__init__(world, desk, bao)
        self._server, self._database = server, server.database()
        password = desk.home / "password"
        password.write_text(PASSWORD)
        self._set(secret_ledger={"url": server.url(self._database), "password": {"file": str(password)}})

    @contextmanager
    def ledger(self) -> Iterator[Any]:
        with self._server.connect(self._database) as connection:
            yield connection


@pytest.fixture(params=["sqlite", "postgresql"])
def team(request: pytest.FixtureRequest, brisk: Visitor, desk: Desk, bao: OpenBao, server: Postgres) -> Team:
    return Team(brisk, desk, bao) if request.param == "sqlite" else TeamOnPostgres(brisk, desk, bao, server)


def finished(jobs: Sequence[subprocess.Popen[str]]) -> list[Outcome]:
    """All of them are read at once: none waits for another's reader, with a lock in its hand."""
    with ThreadPoolExecutor(len(jobs)) as readers:
        try:
            outputs = list(readers.map(lambda job: job.communicate(timeout=PATIENCE)[0], jobs))
        finally:
            for job in jobs:
                job.kill()
    return [Outcome(job.returncode, output) for job, output in zip(jobs, outputs, strict=True)]


def test_each_secret_that_is_due_is_rotated_once_whoever_gets_it(
    brisk: Visitor, desk: Desk, bao: OpenBao, server: Postgres
) -> None:
    team = TeamOnPostgres(brisk, desk, bao, server)
    names = [f"SHARED_{number:03}" for number in range(SECRETS)]
    team.share(*names)
    first = team.rotate(*names)
    assert first.code == 0, first
    assert team.writes() == dict.fromkeys(names, 1)
    team.grow_old()

    runs = finished([team.start(real=SCALED or number == 0) for number in range(CONTROLLERS)])

    assert [run.code for run in runs] == [0] * CONTROLLERS, "\n".join(run.output for run in runs if run.code)
    writes = team.writes()
    assert team.known() == writes == dict.fromkeys(names, 2)
    assert {name for name in names if any(f"DONE  {name}\n" in run.output for run in runs)} == set(names)
    last = team.rotate()
    assert last.code == 0, last
    assert team.writes() == writes
    tally.add(f"controllers: {CONTROLLERS} at once", secrets=SECRETS, twice=0, lost=0)


def test_two_that_begin_at_once_rotate_each_secret_once(team: Team) -> None:
    names = [f"SHARED_{number}" for number in range(6)]
    team.share(*names)
    runs = finished([team.start(*names) for _turn in range(2)])
    assert [run.code for run in runs] == [0, 0], runs
    assert team.known() == team.writes() == dict.fromkeys(names, 1)


def test_a_stopped_worker_keeps_its_locks_and_a_killed_one_has_none(team: Team) -> None:
    team.share("FREE", STUCK={"store": "fly", "app": "molecule-cp"})
    team.world.tell("switch", named=["STUCK", "molecule-cp"])
    team.world.tell("gate", when="before", provider="fly", method="POST", path="/apps/molecule-cp/secrets$")
    stuck = team.start("STUCK")
    assert team.world.ask("gate", wait=60)["held"]
    with worker_of(stuck) as worker:
        worker.suspend()
        team.world.tell("gate/release")

        others = team.rotate("STUCK", "FREE")

        assert others.code == 0, others
        assert "DONE  FREE" in others.output
        holder = rf"run \w+ \(process {worker.pid} on {re.escape(os.uname().nodename)}, .+\) since 20\d\d-"
        assert re.search(f"LOCKED  STUCK: secret STUCK is being worked on by {holder}", others.output), others
        assert "FAILED" not in others.output
        assert worker.status() == psutil.STATUS_STOPPED
        worker.kill()
    after = team.rotate("STUCK")
    assert after.code == 0, after
    assert "DONE  STUCK" in after.output
    assert team.known() == {"STUCK": 1, "FREE": 1}


@contextmanager
def worker_of(job: subprocess.Popen[str]) -> Iterator[psutil.Process]:
    """The process that makes the effects; in the end neither it nor the one that has started it is left."""
    worker = psutil.Process(job.pid).children()[-1]
    try:
        yield worker
    finally:
        with suppress(psutil.NoSuchProcess):
            worker.kill()
        job.communicate(timeout=120)
