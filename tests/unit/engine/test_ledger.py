# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger, its file and its seals."""

from __future__ import annotations

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, PublicValue, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError, LedgerError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import (
    CredentialRow,
    CredentialState,
    IntentState,
    Origin,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger import ephemeral, sealing
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.audit import AuditLog
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.database import (
    SECRET_TABLES,
    Transaction,
    reading,
    tables,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.location import open_ledger
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.sealing import Sealer
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.writer import Ledger
from tests.unit.engine.world import FakeClock

KEY = "3jlIz5gMDFcuTBLsSeDyUe-U1Hz-8kXFzYbGJTWtu_4="
OTHER_KEY = Fernet.generate_key().decode()
VALUE = "a-value-nobody-may-see"


def opened(path: Path, key: Any = KEY, *, readonly: bool = False, **more: Any) -> Ledger:
    setting = {"url": f"sqlite:///{path}", "key": key, **more}
    return open_ledger(setting, clock=FakeClock(), holder="a test", readonly=readonly).ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Ledger:
    return opened(path)


def mint(ledger: Ledger, name: str = "rotor-1", value: str = VALUE, run: str = "run") -> int:
    intent = ledger.intend(run, "S", "mint", name)
    ledger.minted(run, "S", intent, Credential(name, name, {"token": SecretValue(value)}), {})
    newest = ledger.state("S").newest
    assert newest
    return newest


def change(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


# -- the file ---------------------------------------------------------------------------------------------------------


def test_the_file_and_its_folder_are_private(path: Path, ledger: Ledger) -> None:
    mint(ledger)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("ledger.db*")} == {0o600}


def test_no_value_is_on_the_disk_in_clear_nor_after_it_is_dropped(path: Path, ledger: Ledger) -> None:
    row = mint(ledger)
    sealed = ledger.state("S").credentials[0].sealed["token"]
    ledger.value_dropped("run", "S", row)
    ledger.close()
    data = b"".join(file.read_bytes() for file in path.parent.glob("ledger.db*"))
    assert VALUE.encode() not in data
    assert sealed.encode() not in data


def test_reading_only_makes_no_file_and_finds_nothing(path: Path) -> None:
    assert opened(path, readonly=True).state("S").credentials == ()
    assert not path.parent.exists()


def test_reading_only_sees_what_another_process_has_written_and_cannot_write(path: Path, ledger: Ledger) -> None:
    mint(ledger)
    reading = opened(path, readonly=True)
    assert reading.state("S").credentials[0].name == "rotor-1"
    with pytest.raises(Exception, match="readonly"):
        mint(reading, "rotor-2")


def test_reading_only_works_after_the_last_writer_is_gone(path: Path, ledger: Ledger) -> None:
    mint(ledger)
    ledger.close()
    before = sorted(path.parent.iterdir())
    reading = opened(path, readonly=True)
    assert reading.state("S").pending
    reading.close()
    assert sorted(path.parent.iterdir()) == before


@pytest.mark.parametrize("readonly", [False, True])
def test_a_file_that_a_crash_left_without_tables_is_an_empty_ledger(path: Path, readonly: bool) -> None:
    path.parent.mkdir()
    change(path, "PRAGMA journal_mode=WAL")
    assert path.stat().st_size
    assert opened(path, readonly=readonly).state("S").credentials == ()


def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    path = tmp_path / "a b#c%20d?e" / "ledger.db"
    mint(opened(path))
    assert opened(path).state("S").pending
    assert path.exists()


def test_the_default_place_is_the_users_state_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("ROTOR_LEDGER_KEY", KEY)
    opened = open_ledger(None, clock=FakeClock(), holder="a test")
    assert opened.where == str(tmp_path / "rotor.secrets" / "ledger.db")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(ephemeral, "_MARKERS", ())  # whatever the tests run in
    assert open_ledger({}, clock=FakeClock(), holder="a test").where.startswith(str(tmp_path / "home" / ".local"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"url": "sqlite:///ledger.db"}, "relative path"),
        ({"url": "mysql://db/rotor"}, "neither a SQLite nor a PostgreSQL URL"),
        ({"url": 5}, "neither a SQLite nor a PostgreSQL URL"),
        ({"path": "/a"}, "unknown option path"),
        ("sqlite:////a/ledger.db", "no mapping"),
        ({"key": {"env": "ROTOR_TEST_UNSET"}}, "unset or empty"),
        ({"key": ""}, "unset or empty"),
        ({"key": "not a key"}, "not a Fernet key"),
        ({"url": "sqlite:////proc/nowhere/ledger.db"}, "cannot make the ledger"),
    ],
)
def test_a_wrong_setting_is_refused(setting: Any, message: str) -> None:
    if isinstance(setting, dict):
        setting = {"key": KEY, **setting}
    with pytest.raises(ConfigurationError, match=message):
        open_ledger(setting, clock=FakeClock(), holder="a test")


def test_a_ledger_of_another_version_is_refused(path: Path, ledger: Ledger) -> None:
    ledger.close()
    change(path, "UPDATE meta SET value = '99' WHERE name = 'schema'")
    with pytest.raises(ConfigurationError, match="schema 99"):
        opened(path)


def test_each_ledger_has_an_id_of_its_own_that_stays(path: Path, ledger: Ledger, tmp_path: Path) -> None:
    assert opened(path).id == ledger.id
    assert opened(tmp_path / "other.db").id != ledger.id


# -- seals ------------------------------------------------------------------------------------------------------------


def test_what_was_sealed_opens_again(ledger: Ledger, path: Path) -> None:
    mint(ledger)
    row = opened(path).state("S").pending
    assert row
    assert opened(path).unseal(row).fields == {"token": SecretValue(VALUE)}


def test_a_wrong_key_opens_nothing_and_says_so(path: Path, ledger: Ledger) -> None:
    mint(ledger)
    with pytest.raises(ConfigurationError, match="does not open with the key"):
        opened(path, OTHER_KEY)


def test_the_sealing_key_can_be_rotated_and_fingerprints_stay(path: Path, ledger: Ledger) -> None:
    mint(ledger)
    both = opened(path, f"{OTHER_KEY},{KEY}")
    assert both.unseal(both.state("S").credentials[0]).fields["token"].reveal() == VALUE
    assert both.fingerprint("S", {"token": SecretValue(VALUE)}) == ledger.state("S").credentials[0].fingerprint
    mint(both, "rotor-2")
    assert set(
        Sealer(SecretValue(OTHER_KEY))
        .open("S", "rotor-2", "token", both.state("S").credentials[1].sealed["token"])
        .reveal()
    )


@pytest.mark.parametrize("moved", [("T", "c", "f"), ("S", "d", "f"), ("S", "c", "g")])
def test_a_seal_is_bound_to_its_secret_credential_and_field(moved: tuple[str, str, str]) -> None:
    sealer = Sealer(SecretValue(KEY))
    sealed = sealer.seal("S", "c", "f", SecretValue(VALUE))
    assert sealer.open("S", "c", "f", sealed).reveal() == VALUE
    with pytest.raises(ConfigurationError, match="belongs to something else") as caught:
        sealer.open(*moved, sealed)
    assert VALUE not in str(caught.value)


def test_name_that_is_no_secret_comes_out_of_its_seal_as_one() -> None:
    sealer = Sealer(SecretValue(KEY))
    sealed = {kind: sealer.seal("S", "c", "f", kind("the-name-of-a-role")) for kind in (SecretValue, PublicValue)}
    assert {kind: type(sealer.open("S", "c", "f", text)) for kind, text in sealed.items()} == {
        kind: kind for kind in sealed
    }


def test_unseal_refuses_a_value_of_another_fingerprint(ledger: Ledger) -> None:
    mint(ledger)
    with pytest.raises(ConfigurationError, match="not what was minted"):
        ledger.unseal(replace(ledger.state("S").credentials[0], fingerprint="beef"))


def test_fingerprints_are_equal_for_equal_values_of_one_secret_only(ledger: Ledger) -> None:
    one = ledger.fingerprint("S", {"a": SecretValue("x"), "b": SecretValue("y")})
    assert one == ledger.fingerprint("S", {"b": SecretValue("y"), "a": SecretValue("x")})
    assert one != ledger.fingerprint("T", {"a": SecretValue("x"), "b": SecretValue("y")})
    assert one != ledger.fingerprint("S", {"a": SecretValue("xb"), "b": SecretValue("y")})
    assert sealing.mac(b"k", "ab", "c") != sealing.mac(b"k", "a", "bc")


# -- intents and the trail --------------------------------------------------------------------------------------------


def test_an_attempt_of_unknown_outcome_stays_in_doubt_until_one_succeeds(ledger: Ledger) -> None:
    row = mint(ledger)
    first = ledger.intend("run", "S", "write", "copy", row)
    ledger.fail("run", "S", first, "no answer", IntentState.UNKNOWN)
    second = ledger.intend("next", "S", "write", "copy", row)
    ledger.fail("next", "S", second, "refused")
    assert [intent.id for intent in ledger.state("S").intents] == [first]
    third = ledger.intend("next", "S", "write", "copy", row)
    ledger.written(
        "next",
        "S",
        third,
        copy="copy",
        label="c",
        keys={},
        credential=row,
        evidence={},
        unproven={"step": "", "consumers": ()},
    )
    state = ledger.state("S")
    assert state.intents == ()
    assert state.distributed == {row}


def test_a_write_that_was_refused_has_handed_nothing_out(ledger: Ledger) -> None:
    row = mint(ledger)
    ledger.fail("run", "S", ledger.intend("run", "S", "write", "copy", row), "refused")
    assert ledger.state("S").distributed == frozenset()


def test_a_run_remembers_what_it_failed_at_and_no_other_run_does(ledger: Ledger) -> None:
    row = mint(ledger)
    ledger.fail("run", "S", ledger.intend("run", "S", "write", "copy", row), "refused")
    assert ledger.failures("run") == {"S": [("write", "copy", "refused")]}
    assert ledger.failures("next") == {}


def test_an_effects_own_memory_outlives_a_failed_attempt_but_not_a_success(ledger: Ledger) -> None:
    row = mint(ledger)
    first = ledger.intend("run", "S", "verify", "check", row)
    ledger.progress("run", "S", first, {"run_id": 7})
    ledger.fail("run", "S", first, "time-out")
    second = ledger.intend("run", "S", "verify", "check", row)
    assert ledger.last_progress("S", second) == {"run_id": 7}
    ledger.verified("run", "S", second, step="s", check="check", credential=row, proves="use", evidence={})
    assert ledger.last_progress("S", ledger.intend("run", "S", "verify", "check", row)) == {}


def test_a_write_makes_void_what_a_check_had_got_done(ledger: Ledger) -> None:
    row = mint(ledger)
    first = ledger.intend("run", "S", "verify", "check", row)
    ledger.progress("run", "S", first, {"run_id": 7})
    ledger.written(
        "run", "S", ledger.intend("run", "S", "write", "copy", row), copy="copy", label="c", keys={}, credential=row,
        evidence={}, unproven={"step": "s", "consumers": ()},
    )  # fmt: skip
    assert ledger.last_progress("S", ledger.intend("run", "S", "verify", "check", row)) == {}


def test_forgetting_takes_doubts_away_too_and_says_whether_there_was_anything(ledger: Ledger) -> None:
    row = mint(ledger)
    ledger.intend("run", "S", "write", "copy", row)
    assert ledger.forgotten("run", "S", "copy", {})
    assert ledger.state("S").intents == ()
    assert ledger.state("S").distributed == {row}
    assert not ledger.forgotten("run", "S", "copy", {})


def test_every_change_adds_a_link_that_depends_on_all_before_it(ledger: Ledger, path: Path) -> None:
    heads = [ledger.audit_head()]
    for action in (lambda: mint(ledger), lambda: ledger.abandoned("run", "S", 1), lambda: ledger.closed("run", "S", 1)):
        action()
        heads.append(ledger.audit_head())
    assert len(set(heads)) == len(heads)
    assert ledger.audit_log.examine().problems == []
    for tampering in (
        "UPDATE audit SET event = 'nothing' WHERE id = 2",
        "DELETE FROM audit WHERE id = 2",
    ):
        change(path, "CREATE TABLE kept AS SELECT * FROM audit")
        change(path, tampering)
        assert ledger.audit_log.examine().bad_row in (2, 3)
        change(path, "DELETE FROM audit")
        change(path, "INSERT INTO audit SELECT * FROM kept")
        change(path, "DROP TABLE kept")
    assert ledger.audit_log.examine().problems == []


def test_what_another_process_has_written_is_seen(path: Path, ledger: Ledger) -> None:
    other = opened(path)
    first = mint(ledger)
    assert other.state("S").newest == first
    second = mint(other, "rotor-2")
    assert ledger.state("S").newest == second
    ledger.abandoned("run", "S", first)
    assert other.state("S") == ledger.state("S") == opened(path).state("S")


@pytest.mark.parametrize(("what", "fails"), [(AuditLog, "append"), (Transaction, "flush")])
def test_what_was_not_committed_is_not_remembered(
    path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, what: type, fails: str
) -> None:
    row = mint(ledger)
    with monkeypatch.context() as broken:
        broken.setattr(what, fails, failing)
        with pytest.raises(LedgerError, match="the disk"):
            ledger.abandoned("run", "S", row)
    assert ledger.state("S") == opened(path).state("S")
    ledger.abandoned("run", "S", row)
    assert ledger.audit_log.examine().problems == []


def failing(*_arguments: object) -> None:
    raise LedgerError("the disk is gone")


def test_a_credential_that_two_controllers_name_is_adopted_once(path: Path, ledger: Ledger) -> None:
    row = CredentialRow(
        0, "S", "by hand", "id-1", CredentialState.CURRENT, Origin.ADOPTED, None, {}, {}, {"copy": {}}, minted_at=None
    )
    for controller in (ledger, opened(path)):
        controller.adopted("run", row)
    assert [one.provider_id for one in opened(path).state("S").credentials] == ["id-1"]
    assert ledger.audit_log.examine().problems == []


def test_a_secrets_rows_do_not_grow_with_its_age(ledger: Ledger) -> None:
    sizes = []
    for number in range(20):
        run = f"run-{number}"
        row = mint(ledger, f"rotor-{number}", run=run)
        write = ledger.intend(run, "S", "write", "copy", row)
        unproven = {"step": "", "consumers": ()}
        written: dict[str, Any] = {"copy": "copy", "label": "c", "keys": {}, "credential": row, "evidence": {}}
        ledger.written(run, "S", write, **written, unproven=unproven)
        ledger.closed(run, "S", row)
        old = [one for one in ledger.state("S").credentials if one.alive and one.id != row]
        for one in old:
            ledger.revoked(run, "S", ledger.intend(run, "S", "revoke", one.name, one.id), one, "refused")
        with reading(ledger.engine) as tx:
            tables_of = tables()
            sizes.append(sum(len(tx.select(getattr(tables_of, name), {"secret": "S"})) for name in SECRET_TABLES))
    assert len(set(sizes[10:])) == 1
    assert ledger.audit_log.examine().problems == []


def test_a_failed_transaction_leaves_neither_the_change_nor_a_link(ledger: Ledger) -> None:
    head = ledger.audit_head()
    with pytest.raises(Exception, match="JSON"):
        ledger.begin_run("run", {"plan": object()}, "me", "")
    assert ledger.audit_head() == head
