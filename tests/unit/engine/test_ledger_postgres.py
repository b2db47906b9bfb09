# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger in a real PostgreSQL: the same promises as in a file, for many controllers at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    BusyError,
    ConfigurationError,
    LedgerError,
    RotorError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger import postgres as our_postgres
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.location import LedgerAccess, open_ledger
from tests.servers import postgres
from tests.servers.postgres import PASSWORD, Postgres
from tests.unit.engine.driver import KEY, Play
from tests.unit.engine.world import FakeClock, World

pytestmark = [
    pytest.mark.xdist_group("postgres"),
    pytest.mark.skipif(bool(postgres.is_missing()), reason=postgres.is_missing()),
]
END_OURS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE application_name LIKE 'rotor.secrets%' AND datname = current_database()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    running = Postgres()
    yield running
    running.stop()


@pytest.fixture
def database(server: Postgres) -> str:
    return server.database()


Open = Callable[..., LedgerAccess]


@pytest.fixture
def opened(server: Postgres, database: str) -> Iterator[Open]:
    """Opens the database's ledger, each time as another process would."""
    ledgers: list[LedgerAccess] = []

    def open_it(holder: str = "a test", port: int = 0, readonly: bool = False, **more: Any) -> LedgerAccess:
        setting = {"url": server.url(database, port), "password": PASSWORD, "key": KEY, **more}
        ledgers.append(open_ledger(setting, clock=FakeClock(), holder=holder, readonly=readonly))
        return ledgers[-1]

    yield open_it
    for ledger in ledgers:
        ledger.ledger.close()


def mint(ledger: LedgerAccess, name: str = "S") -> None:
    intent = ledger.ledger.intend("run", name, "mint", "rotor-1")
    ledger.ledger.minted("run", name, intent, Credential("1", "rotor-1", {"token": SecretValue("abc")}), {})


# -- the ledger -------------------------------------------------------------------------------------------------------


def test_a_rotation_ends_as_it_does_with_a_file(
    make_play: Callable[..., Play], world: World, server: Postgres, database: str
) -> None:
    play = make_play()
    play.setting = {"url": server.url(database), "password": PASSWORD, "key": KEY}
    assert not play.rotate("TOKEN")["failed"], play.output
    again = play.rotate("TOKEN", force=True)
    assert not again["failed"], play.output
    assert len(world.made) == 2
    assert len([one for one in world.alive if one.id in world.made]) == 1
    assert play.ledger().audit_log.examine("").problems == []


def test_first_starts_at_once_make_one_ledger(opened: Open) -> None:
    with ThreadPoolExecutor(8) as pool:
        ledgers = list(pool.map(lambda _turn: opened(), range(8)))
    assert len({ledger.ledger.id for ledger in ledgers}) == 1


def test_what_many_write_at_once_is_one_unbroken_trail(opened: Open) -> None:
    ledgers = [opened() for _turn in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for number in range(5):
            list(pool.map(lambda pair, n=number: mint(pair[1], f"S{pair[0]}-{n}"), enumerate(ledgers)))
    assert ledgers[0].ledger.audit_log.examine("").problems == []
    assert len(ledgers[0].ledger.known_ids()) == 1


def test_reading_only_makes_no_table_and_finds_nothing(opened: Open, server: Postgres, database: str) -> None:
    assert opened(readonly=True).ledger.state("S").credentials == ()
    with server.connect(database) as somebody:
        assert somebody.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_reading_only_sees_what_others_write_and_cannot_write(opened: Open) -> None:
    mint(opened())
    reading = opened(readonly=True)
    assert reading.ledger.state("S").credentials[0].name == "rotor-1"
    with pytest.raises(LedgerError, match="read-only transaction"):
        mint(reading)


def test_somebody_elses_tables_are_left_alone(opened: Open, server: Postgres, database: str) -> None:
    with server.connect(database) as somebody:
        somebody.execute("CREATE TABLE runs (marathon text)")
    with pytest.raises(ConfigurationError, match=r"tables of somebody else's.*of its own"):
        opened()


def test_a_commit_is_on_the_disk_before_the_effect(opened: Open, server: Postgres, database: str) -> None:
    with server.connect(database) as somebody:
        somebody.execute(f"ALTER DATABASE {database} SET synchronous_commit = off")
    with opened().ledger.engine.begin() as tx:
        assert tx.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


def test_a_lost_connection_stops_the_write_in_hand_and_the_next_one_gets_through(
    opened: Open, server: Postgres, database: str
) -> None:
    ledger = opened()
    with (
        server.connect(database) as somebody,
        pytest.raises(LedgerError, match="Run again"),
        ledger.ledger._transaction("run", "S", "nothing", {}),
    ):
        somebody.execute(END_OURS)
    mint(ledger)
    assert ledger.ledger.audit_log.examine("").problems == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "wrong-password-here"}, "password authentication failed"),
        ({"url": "postgresql://rotor@127.0.0.1:1/ledger"}, "Connection refused"),
        ({"url": "postgresql://rotor:in-the-url@127.0.0.1:1/ledger", "password": None}, "127.0.0.1:1/ledger"),
        ({"url": "postgresql://rotor@127.0.0.1:port/ledger"}, "url cannot be read"),
        ({"url": "postgresql://h/l?password=in-the-url"}, "Give it as secret_ledger.password"),
        ({"password": {"env": "NOT_SET_AT_ALL"}}, "NOT_SET_AT_ALL is unset or empty"),
    ],
)
def test_what_cannot_be_opened_is_told_without_the_password(opened: Open, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        opened(**change)
    assert said in str(caught.value)
    assert not any(word in str(caught.value) for word in ("wrong-password-here", "in-the-url", PASSWORD))


def test_the_password_shows_in_nothing_that_is_printed(opened: Open) -> None:
    ledger = opened()
    shown = f"{ledger} {ledger.ledger.engine} {ledger.ledger.engine.url!r} {ledger.where}"
    assert PASSWORD not in shown
    assert "rotor@127.0.0.1" in ledger.where


# -- locks ------------------------------------------------------------------------------------------------------------


def test_a_lock_that_another_has_names_its_holder(opened: Open) -> None:
    one, other = opened("run 1 (process 7 on h, ada)"), opened()
    with one.locks.hold("secret S"):
        with (
            pytest.raises(BusyError, match=r"secret S is being worked on by run 1 \(process 7 on h, ada\) since 20"),
            other.locks.hold("secret S"),
        ):
            pass
        with other.locks.hold("secret T"):
            pass
    with other.locks.hold("secret S"):
        pass


def test_threads_of_one_process_exclude_each_other_and_may_wait(opened: Open) -> None:
    locks = opened().locks
    with locks.hold("secret S"), pytest.raises(BusyError, match="by a test since"), locks.hold("secret S", wait=0.15):
        pass
    with locks.hold("secret S", wait=5):
        pass


def test_the_name_of_one_who_is_gone_is_not_believed(opened: Open, server: Postgres, database: str) -> None:
    one = opened("run 1")
    with server.connect(database) as somebody, one.locks.hold("secret S"):
        somebody.execute(END_OURS)
        with opened("run 2").locks.hold("secret S"), pytest.raises(BusyError, match="by run 2"):
            opened().locks.hold("secret S").__enter__()


def test_a_holder_that_has_written_no_name_holds_all_the_same(opened: Open, server: Postgres, database: str) -> None:
    with opened("run 1").locks.hold("secret S"), server.connect(database) as somebody:
        somebody.execute("DELETE FROM holders")
        with pytest.raises(BusyError, match="by another process"), opened().locks.hold("secret S"):
            pass


def test_who_has_lost_its_locks_begins_nothing_more(opened: Open, server: Postgres, database: str) -> None:
    locks = opened().locks
    with server.connect(database) as somebody, locks.hold("secret S"):
        locks.check()
        somebody.execute(END_OURS)
        for _turn in range(2):
            with pytest.raises(LedgerError, match=r"connection that holds the locks is lost.*Run again"):
                locks.check()
    with pytest.raises(LedgerError), locks.hold("secret T"):
        pass


def test_a_run_that_loses_its_locks_makes_no_effect_and_the_next_one_goes_on(
    make_play: Callable[..., Play], world: World, server: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = make_play()
    play.setting = {"url": server.url(database), "password": PASSWORD, "key": KEY}
    really_put = world.put

    def cut_off(container: str, values: dict[str, str]) -> None:
        really_put(container, values)
        monkeypatch.setattr(world, "put", really_put)
        with server.connect(database) as somebody:
            somebody.execute(END_OURS)

    monkeypatch.setattr(world, "put", cut_off)
    plan = play.plan("TOKEN")
    play.advance(plan["run"], Phase.ISSUED)
    before = len(world.mutations)
    result = play.advance(plan["run"], Phase.REVOKED)
    assert result["failed"]
    assert world.mutations[before:] == ["write app"]
    assert not play.rotate("TOKEN")["failed"], play.output
    assert len(world.made) == 1


def test_closing_notes_the_time_of_the_server(opened: Open, server: Postgres, database: str) -> None:
    ledger = opened()
    mint(ledger)
    with server.connect(database) as somebody:
        (before,) = somebody.execute("SELECT clock_timestamp()").fetchone()
    ledger.ledger.closed("run", "S", 1)
    closed = ledger.ledger.state("S").credentials[0].closed_by_database
    after = ledger.ledger.database_time()
    assert closed
    assert after
    assert before <= closed <= after


# -- proxies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["transaction", "statement"])
@pytest.mark.parametrize("readonly", [False, True])
def test_a_proxy_that_lends_sessions_is_refused(opened: Open, server: Postgres, mode: str, readonly: bool) -> None:
    opened()
    with pytest.raises(RotorError, match=r"pools transactions or statements.*session mode"):
        opened(port=server.pgbouncer(mode), readonly=readonly)


def test_a_session_that_is_lent_to_two_gives_its_locks_to_one_of_them_even_where_nobody_saw_the_proxy(
    opened: Open, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(our_postgres, "refuse_pooling", lambda engine: None)
    port = server.pgbouncer("transaction")
    one, other = opened("run 1", port), opened("run 2", port)
    with one.locks.hold("secret S"):
        for _turn in range(2):
            with pytest.raises(RotorError, match="pools transactions"), other.locks.hold("secret S"):
                pass
        one.locks.check()


def test_a_proxy_in_session_mode_is_as_good_as_none(opened: Open, server: Postgres) -> None:
    port = server.pgbouncer("session")
    one, other = opened("run 1", port), opened("run 2")
    with one.locks.hold("secret S"), pytest.raises(BusyError, match="by run 1"), other.locks.hold("secret S"):
        pass
    one.locks.check()


def test_the_cluster_is_nobodys_who_may_do_everything(server: Postgres, tmp_path: Path) -> None:
    with server.connect() as somebody:
        (folder,) = somebody.execute("SHOW data_directory").fetchone()
    assert Path(folder).stat().st_uid != 0
