# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions for what a person makes, ends or has made before: what they hand on, and what they refuse at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Handwork
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible import invocation
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.selection import RunOptions
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.session import Session

from .conftest import Act

VALUE = "m0-a value of a person"
HANDWORK = Handwork("console.test, Keys", "press New", "press Delete")


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the session was handed; a value that a deposit reads is among it."""
    found: list[Any] = []

    def deposit(_session: Session, options: Any, read: Any, *, check: bool) -> dict[str, Any]:
        found.extend([options.only, read(HANDWORK, ["token"])["token"].reveal(), check])
        return {"changed": True}

    def attest(_session: Session, options: Any, credential: str, *, check: bool) -> dict[str, Any]:
        found.extend([options.only, credential, options.reason, check])
        return {"changed": True}

    def adopt(_session: Session, options: Any, *, check: bool) -> dict[str, Any]:
        found.extend([options.only, options.adopt, check])
        return {"changed": True}

    def freeze(_session: Session, reason: str, until: str, *, check: bool) -> dict[str, Any]:
        found.extend([reason, until, check])
        return {"changed": True}

    def thaw(_session: Session, reason: str, *, check: bool) -> dict[str, Any]:
        found.extend([reason, check])
        return {"changed": True}

    def drop(_session: Session, *named: str, check: bool) -> dict[str, Any]:
        found.extend([*named, check])
        return {"changed": True}

    for method in (deposit, attest, adopt, freeze, thaw, drop):
        monkeypatch.setattr(Session, method.__name__, method)

    def stored(_session: Session, place: Any, keys: list[str]) -> tuple[list[SecretValue], str]:
        return [SecretValue(VALUE) for _key in keys], f"box {place['box']}: {', '.join(keys)}"

    monkeypatch.setattr(Session, "stored", stored)
    monkeypatch.setattr(Session, "made_by_person", lambda *_asked: None)
    return found


def test_word_and_adoption_are_handed_on(act: Act, handed: list[Any]) -> None:
    act("rotation_attest", {}, secret="KEY", credential="7", reason="deleted it")
    act("rotation_adopt", {}, only="A, B", adopt={"A": "7"})
    assert handed == [("KEY",), "7", "deleted it", False, ("A", "B"), {"A": "7"}, False]


def test_what_is_forgotten_is_handed_on_and_refused_where_it_would_be_ignored(
    act: Act, handed: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[RunOptions] = []

    def deposit(_session: Session, options: RunOptions, *_read: Any, **_check: bool) -> dict[str, Any]:
        asked.append(options)
        return {"changed": False}

    monkeypatch.setattr(Session, "deposit", deposit)
    act("rotation_deposit", {}, secret="KEY", file=str(tmp_path / "value"), forget="cloud:app")
    assert [one.forget for one in asked] == [("cloud:app",)]
    assert "rotate_forget: adopting overwrites nothing" in act("rotation_adopt", {}, only="A", forget="cloud:app")
    assert handed == []


def test_name_of_no_such_secret_is_told_before_a_terminal_is_looked_for(act: Act) -> None:
    known = {"secret_map": {"TOKEN": {}}, "secret_connections": {}, "awx_job_id": 7}
    said = act("rotation_deposit", known, secret="TOKNE")
    assert "deposit_secret: there is no secret TOKNE in secret_map. In secret_map: did you mean TOKEN?" in said


def test_blank_name_is_asked_for_by_its_variable(act: Act) -> None:
    assert "attest_secret: missing required arguments: secret. Give -e attest_secret=" in act(
        "rotation_attest", {}, secret=" "
    )


def test_freeze_and_its_end_are_handed_on(act: Act, handed: list[Any]) -> None:
    act("rotation_freeze", {}, reason="holidays", end="3d")
    act("rotation_freeze", {}, state="absent", reason="all are back")
    assert handed == ["holidays", "3d", False, "all are back", False]


def test_drop_is_handed_on(act: Act, handed: list[Any]) -> None:
    act("rotation_drop", {}, secret="A", identity="shop_a", confirm="shop_a", reason="it has left")
    assert handed == ["A", "shop_a", "shop_a", "it has left", False]


@pytest.mark.parametrize(
    ("action", "options", "undone"),
    [
        ("rotation_adopt", {"only": "A"}, "ADOPTED"),
        ("rotation_attest", {"secret": "A"}, "ATTESTED"),
        ("rotation_deposit", {"secret": "A"}, "DEPOSITED"),
        ("rotation_drop", {"secret": "A", "identity": "a"}, "DROPPED"),
        ("rotation_freeze", {}, "FROZEN OR THAWED"),
        ("ledger_rekey", {}, "SEALED ANEW"),
    ],
)
def test_action_whose_tags_are_left_out_does_nothing(
    act: Act, handed: list[Any], monkeypatch: pytest.MonkeyPatch, action: str, options: dict[str, Any], undone: str
) -> None:
    """Its tag ``always`` is for a person's own command, which would end green without a word."""
    monkeypatch.setattr(invocation, "leaving_out", lambda _tags: "--tags deploy")
    said = act(action, {}, **options)
    assert f"NOTHING WAS {undone}  --tags deploy leaves it out; run it again without" in said
    assert '{"changed": false' in said
    assert handed == []


def test_value_comes_from_the_file_which_is_named_afterwards(act: Act, handed: list[Any], tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text(f"{VALUE}\n")
    file.chmod(0o600)
    said = act("rotation_deposit", {}, secret="KEY", file=str(file))
    assert handed == [("KEY",), VALUE, False]
    assert f"  delete:   {file}, which still holds the value" in said
    assert VALUE not in said


def test_value_comes_from_the_key_of_a_store_which_is_named_afterwards(act: Act, handed: list[Any]) -> None:
    said = act("rotation_deposit", {}, secret="KEY", **{"from": {"store": "vault", "box": "inbox", "key": "NEW"}})
    assert handed == [("KEY",), VALUE, False]
    assert "  delete:   box inbox: NEW, in all of its versions, which still holds the value" in said
    assert VALUE not in said


@pytest.mark.parametrize(
    ("variables", "options", "said"),
    [
        ({"deposit_value": VALUE}, {"file": "x"}, "deposit_value: a value never comes as a variable"),
        ({}, {"file": "x", "from": {"store": "vault"}}, "deposit_file and deposit_from are given"),
        ({"semaphore_vars": {}}, {}, "Semaphore runs this, so no person can type a value"),
        ({"awx_job_id": 7}, {}, "AWX runs this, so no person can type a value"),
    ],
)
def test_value_that_cannot_come_so_is_refused_at_once(
    act: Act, handed: list[Any], variables: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    told = act("rotation_deposit", variables, secret="KEY", **options)
    assert said in told
    assert VALUE not in told
    assert handed == []
