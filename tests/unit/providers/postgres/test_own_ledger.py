# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger is opened with the very role that is rotated, on a real server."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from tests.servers import postgres
from tests.servers.postgres import Postgres
from tests.unit.engine.conftest import token_map
from tests.unit.engine.driver import KEY, Play
from tests.unit.engine.test_kill import killed_at
from tests.unit.engine.world import WORLDS, World

pytestmark = pytest.mark.xdist_group("postgres")
MANAGER = "the-password-of-the-manager"
FIRST = "the-password-that-a-person-set"
ROLES = f"""
CREATE ROLE books NOLOGIN;
CREATE ROLE books_a LOGIN NOINHERIT IN ROLE books PASSWORD '{FIRST}';
CREATE ROLE books_b NOLOGIN NOINHERIT IN ROLE books;
CREATE ROLE books_c NOLOGIN NOINHERIT IN ROLE books;
ALTER ROLE books_c SET role = books;
ALTER ROLE books_b SET role = books;
CREATE ROLE manager LOGIN CREATEROLE PASSWORD '{MANAGER}';
"""
ANEW = f"""
ALTER ROLE books_a LOGIN NOINHERIT PASSWORD '{FIRST}';
ALTER ROLE books_a SET role = books;
ALTER ROLE books_b NOLOGIN PASSWORD NULL;
ALTER ROLE books_c NOLOGIN PASSWORD NULL;
"""
TURNS = {"type": "postgres_roles", "connection": "pg", "roles": ["books_a", "books_b"], "owner": "books"}
URL = "postgresql://${username|url}:${password|url}@127.0.0.1:"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    if missing := postgres.is_missing():
        pytest.skip(missing)
    running = Postgres()
    with running.connect() as admin:
        admin.execute(ROLES)
    yield running
    running.stop()


class Desk:
    """A ledger whose URL is in a file, which the copy of a secret is."""

    def __init__(self, server: Postgres, folder: Path) -> None:
        self.server, self.file = server, folder / "url"
        self.database = server.database()
        with server.connect(self.database) as admin:
            admin.execute(ANEW)
            admin.execute("GRANT ALL ON SCHEMA public TO books")
        self.where = f"{server.port}/{self.database}"
        self.file.write_text(f"postgresql://books_a:{FIRST}@127.0.0.1:{self.where}")
        self.world = World(f"ledger-{self.database}")
        self.world.put("app", {})
        manager = {"host": "127.0.0.1", "port": server.port, "user": "manager", "password": MANAGER}
        entry = token_map(
            issuer={**TURNS, "current_id": "books_a"},
            connections=["secret_ledger"],
            rollout=[{"copies": [{"store": "cloud", "box": "app", "keys": {"URL": f"{URL}{self.where}"}}]}],
            revoke={"accept": "life"},
        )
        self.play = Play(
            self.world,
            folder,
            {"LEDGER": entry},
            connections={
                "pg": {"type": "postgres", **manager},
                "cloud": {"type": "test.fake.cloud", "world": self.world.name},
            },
        )
        self.play.setting = {"url": {"file": str(self.file)}, "key": KEY}

    def deliver(self) -> None:
        """Put into the file what the copy holds, as an agent does."""
        self.file.write_text(self.held())

    def deliver_at_once(self) -> None:
        put = self.world.put

        def delivered(container: str, values: dict[str, str]) -> None:
            put(container, values)
            self.deliver()

        self.world.put = delivered  # type: ignore[method-assign]

    def held(self) -> str:
        return str(self.world.containers["app"]["URL"][0])

    def logins(self) -> dict[str, bool]:
        with self.server.connect() as admin:
            found = admin.execute("SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname IN ('books_a', 'books_b')")
            return dict(found.fetchall())

    def opens(self) -> bool:
        try:
            psycopg.connect(self.file.read_text()).close()
        except psycopg.OperationalError:
            return False
        return True


@pytest.fixture
def desk(server: Postgres, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(server, tmp_path)
    yield made
    assert FIRST not in made.play.output
    del WORLDS[made.world.name]


def test_run_that_rotates_it_goes_on_and_one_with_the_new_one_revokes(desk: Desk) -> None:
    play = desk.play
    result = play.rotate("LEDGER")
    assert result["counts"] == {"waiting": 1}, play.output
    assert "connection secret_ledger uses it: the old one is revoked by a run that is given the new one" in play.output
    assert "give the job the new credential (it is at box app: URL)" in play.output
    assert "connection that may still use it (secret_ledger)" in play.output
    assert desk.logins() == {"books_a": True, "books_b": True}
    assert play.rotate()["counts"] == {"waiting": 1}, play.output

    desk.deliver()
    assert play.rotate()["counts"] == {"done": 1}, play.output
    assert desk.logins() == {"books_a": False, "books_b": True}
    assert desk.opens()
    assert "/books_b" not in play.output


def test_session_that_is_open_is_no_run_that_came_with_the_new_one(desk: Desk) -> None:
    """All phases in one go: the file has the new one by the time of the revoke, and the session has the old one."""
    desk.deliver_at_once()
    run = desk.play.plan("LEDGER")["run"]
    assert desk.play.advance(run, Phase.REVOKED)["counts"] == {"waiting": 1}, desk.play.output
    assert desk.logins()["books_a"]
    assert desk.play.rotate()["counts"] == {"done": 1}, desk.play.output
    assert not desk.logins()["books_a"]


def test_password_alone_is_a_reference_too_and_that_of_the_environment_is_seen(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = {"url": f"postgresql://books_a@127.0.0.1:{desk.where}", "key": KEY}
    monkeypatch.setenv("PGPASSWORD", FIRST)
    desk.play.setting = bare
    assert desk.play.rotate("LEDGER")["counts"] == {"waiting": 1}, desk.play.output
    monkeypatch.delenv("PGPASSWORD")
    desk.play.setting = {**bare, "password": FIRST}
    assert desk.play.rotate()["counts"] == {"waiting": 1}, desk.play.output
    assert desk.logins()["books_a"]


def test_password_that_nobody_can_see_is_a_problem_before_anything_is_made(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passfile = tmp_path / "pgpass"
    passfile.touch(0o600)
    passfile.write_text(f"*:*:*:books_a:{FIRST}\n")
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    desk.play.setting = {"url": f"postgresql://books_a@127.0.0.1:{desk.where}", "key": KEY}
    assert desk.play.rotate("LEDGER")["failed"]
    assert "has no password that can be seen here. Name it as secret_ledger.password" in desk.play.output
    assert not desk.logins()["books_b"]
    desk.play.setting = {"url": f"sqlite:///{tmp_path}/ledger.db", "key": KEY}
    assert desk.play.rotate("LEDGER")["failed"]
    assert f"the ledger {tmp_path}/ledger.db has no password that can be seen here" in desk.play.output


def test_role_that_may_less_is_given_to_nobody(desk: Desk) -> None:
    assert not desk.play.plan("LEDGER")["failed"], desk.play.output
    with desk.server.connect(desk.database) as admin:
        admin.execute("ALTER TABLE audit OWNER TO books_a")
        admin.execute("GRANT SELECT ON audit TO books")
        admin.execute("ALTER ROLE books_a INHERIT; ALTER ROLE books_a RESET role")
    desk.play.map["LEDGER"]["issuer"] = {**TURNS, "current_id": "books_a", "roles": ["books_b", "books_c"]}
    desk.play.map["LEDGER"]["issuer"].pop("current_id")
    assert desk.play.rotate("LEDGER")["held"] == ["LEDGER"]
    assert "it lacks what the connection has now: DELETE audit, INSERT audit, UPDATE audit" in desk.play.output
    assert desk.world.containers["app"] == {}


def test_single_role_ends_with_its_new_password_and_is_refused(desk: Desk) -> None:
    desk.play.map["LEDGER"]["issuer"] = {"type": "postgres_role", "connection": "pg", "role": "books_a"}
    assert desk.play.rotate("LEDGER")["failed"]
    assert "connection secret_ledger uses the credential that is to be rotated" in desk.play.output
    assert desk.opens()


def test_ledgers_own_role_is_found_by_its_value(desk: Desk) -> None:
    """Without a word in the map, once the ledger keeps the value."""
    del desk.play.map["LEDGER"]["connections"]
    desk.play.map["LEDGER"]["retain"] = "current"
    desk.deliver_at_once()
    assert desk.play.rotate("LEDGER", force=True)["counts"] == {"done": 1}, desk.play.output
    del desk.world.put
    assert desk.play.rotate("LEDGER", force=True)["counts"] == {"waiting": 1}, desk.play.output
    assert "(secret_ledger)" in desk.play.output
    assert desk.logins() == {"books_a": True, "books_b": True}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sqlite:////tmp/ledger.db", "secret_ledger.url leads to what is no URL of a PostgreSQL database"),
        (FIRST, "secret_ledger.url leads to what is no URL of a PostgreSQL database"),
        ("", "secret_ledger.url: the file .* is unset or empty"),
    ],
)
def test_reference_that_leads_to_no_database_is_an_error_without_its_text(desk: Desk, text: str, said: str) -> None:
    desk.file.write_text(text)
    with pytest.raises(ConfigurationError, match=said) as raised:
        desk.play.plan("LEDGER")
    assert FIRST not in str(raised.value)


@pytest.mark.no_cover
@pytest.mark.parametrize("when", ["before", "after"])
def test_ledger_can_be_opened_wherever_its_rotation_was_killed(server: Postgres, tmp_path: Path, when: str) -> None:
    step = 1 if os.environ.get("ROTOR_SWEEP") == "all" else 9
    for point in itertools.count(2 if when == "after" else 6, step):
        folder = tmp_path / str(point)
        folder.mkdir()
        desk = Desk(server, folder)
        desk.deliver_at_once()
        killed = killed_at(desk.play, point, when, partial(desk.play.rotate, "LEDGER"))
        assert desk.opens(), f"killed {when} {point}"
        if killed:
            assert not desk.play.rotate("LEDGER")["failed"], desk.play.output
        assert desk.logins() == {"books_a": False, "books_b": True}, desk.play.output
        assert desk.opens()
        del WORLDS[desk.world.name]
        if not killed:
            assert point > 10
            return
