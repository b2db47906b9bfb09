# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key of any issuer: made once, kept in a file of its owner's, listed without a value, revoked."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.apis import ADMIN
from tests.sandbox.visitor import Visitor
from tests.unit import bad_credentials
from tests.unit.bad_credentials import BAD
from tests.unit.core.doubles import ScriptedServer

from .conftest import Act

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def options(brisk: Visitor) -> dict[str, Any]:
    known = {"issuer": "neon_api_key", "options": {"organization": "acme"}}
    return {**known, "url": f"{brisk.url}/neon/api/v2", "token": brisk.credentials[ADMIN]}


@pytest.fixture
def run(act: Act, options: dict[str, Any]) -> Run:
    def run(action: str = "api_key", **more: Any) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(act(action, **{**options, **more}))
        return result

    return run


def values(world: Visitor) -> list[str]:
    return [value for value in world.ask("credentials")["values"] if value.startswith("neon-")]


def test_key_is_made_once_and_goes_to_a_file_alone(run: Run, brisk: Visitor, tmp_path: Path) -> None:
    dest = tmp_path / "neon"
    first, second = (run(name="ci", dest=str(dest)) for _turn in range(2))
    assert [result["changed"] for result in (first, second)] == [True, False]
    told = {name: first["keys"][0][name] or second["keys"][0][name] for name in first["keys"][0]}
    assert second["keys"] == [told], "what the making did not tell is empty, and the rest is the same"
    assert [dest.read_text()] == values(brisk)
    assert dest.stat().st_mode & 0o777 == 0o600
    assert dest.read_text() not in json.dumps([first, second])
    assert [file.name for file in tmp_path.iterdir()] == ["neon"]


def test_value_is_returned_where_the_task_asks(run: Run, brisk: Visitor) -> None:
    assert [run(name="ci", return_value=True)["value"]] == values(brisk)


def test_key_is_revoked_by_its_id_where_names_are_alike(
    run: Run, brisk: Visitor, act: Act, options: dict[str, Any]
) -> None:
    ids = [brisk.act("make_neon_key", path="/organizations/acme/api_keys", name="twin")["id"] for _turn in range(2)]
    with pytest.raises(json.JSONDecodeError):
        run(name="twin", state="absent")
    assert run(name="twin", id=ids[0], state="absent")["changed"]
    assert [key["id"] for key in run("api_key_info")["keys"]] == [ids[1]]
    said = act("api_key", **options, name="twin", id=ids[0], state="absent")
    assert f"id: {ids[0]} is not listed, and others of that name work: {ids[1]}" in said
    assert not run(name="nobody", id=ids[0], state="absent")["changed"]


def test_id_beside_present_is_refused(act: Act, options: dict[str, Any], brisk: Visitor, tmp_path: Path) -> None:
    said = act("api_key", **options, name="ci", id="7", dest=str(tmp_path / "neon"))
    assert "id: it says which one to revoke, and state is present" in said
    assert values(brisk) == []


def test_key_that_cannot_be_kept_is_not_made(act: Act, options: dict[str, Any], brisk: Visitor, tmp_path: Path) -> None:
    said = act("api_key", **options, name="ci", dest=str(tmp_path / "nowhere" / "neon"))
    assert "dest: cannot write into" in said
    assert values(brisk) == []


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("dest", "told"),
    [
        (".", "is no file"),
        ("not-there/", "is no file"),
        ("not-there/key", "cannot write into {}/not-there: there is no such directory"),
        ("closed/key", "cannot write into {}/closed: it may not be written to"),
    ],
)
def test_unfit_dest_is_refused_before_a_key_is_made(
    act: Act,
    options: dict[str, Any],
    brisk: Visitor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    check_mode: bool,
    dest: str,
    told: str,
) -> None:
    (tmp_path / "closed").mkdir()
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "closed" not in str(path) and allowed(path, mode))
    said = act("api_key", **options, name="ci", dest=f"{tmp_path}/{dest}", check_mode=check_mode)
    assert told.format(tmp_path) in said
    assert values(brisk) == []
    assert [path.name for path in tmp_path.rglob("*")] == ["closed"]


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("content", [None, ""])
def test_key_that_is_not_in_dest_is_told_with_its_id(
    act: Act, options: dict[str, Any], brisk: Visitor, tmp_path: Path, check_mode: bool, content: str | None
) -> None:
    dest = tmp_path / "neon"
    if content is not None:
        dest.write_text(content)
    made = brisk.act("make_neon_key", path="/organizations/acme/api_keys", name="ci")["id"]
    said = act("api_key", **options, name="ci", dest=str(dest), check_mode=check_mode)
    assert f"there is a key ci, and {dest} does not have it" in said
    assert f"revoke it by its id, {made}, and run again" in said


def test_lost_answer_to_the_making_says_to_revoke_what_it_may_have_made(
    act: Act, options: dict[str, Any], tmp_path: Path
) -> None:
    with ScriptedServer() as server:
        given = {**options, "url": server.answer(200, []).drop().url, "name": "ci", "dest": str(tmp_path / "neon")}
        said = act("api_key", **given)
        assert "look for ci with api_key_info, and revoke it by its id before you run again" in said
        key = {"id": 9, "name": "ci", "created_at": "2026-01-01T00:00:00Z"}
        assert "revoke it by its id, 9, and run again" in act(
            "api_key", **{**given, "url": server.answer(200, [key]).url}
        )
        assert [line.partition(" ")[0] for line in server.asked] == ["GET", "POST", "GET"]


def test_key_of_another_name_is_not_revoked_by_its_id(act: Act, run: Run, options: dict[str, Any]) -> None:
    (made,) = run(name="ci", return_value=True)["keys"]
    assert f"id: {made['id']} has another name: ci. Correct name or id" in act(
        "api_key", **options, name="nobody", id=made["id"], state="absent"
    )
    assert [key["id"] for key in run("api_key_info")["keys"]] == [made["id"]]


PAIR: dict[str, Any] = {
    "create": {"path": "/keys", "body": {"label": "<name>"}, "value": {"key_id": "id", "secret": "secret"}},
    "list": {"path": "/keys"},
    "revoke": {"path": "/keys/<id>"},
    "verify": {"path": "/me", "basic": "${key_id}:${secret}"},
}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"issuer": "random"}, "does not make keys that are listed"),
        ({"issuer": "nobody"}, "there is no issuer type nobody"),
        ({"options": {"organisation": "acme"}}, "options.organisation: unknown option"),
        ({"options": {"project": "p"}}, "only an organization's key"),
        ({"account": {"organization": "acme"}}, "account.organization: unknown option"),
        ({"issuer": "key_api", "options": PAIR, "url": "https://acme.test"}, "a key of several parts has no one value"),
        ({"dest": None}, "has nowhere to go. Name a file, or set return_value"),
    ],
)
def test_wrong_options_are_refused(act: Act, options: dict[str, Any], wrong: dict[str, Any], told: str) -> None:
    given = {**options, "name": "ci", "dest": "/nowhere", **wrong}
    assert told in act("api_key", **{name: value for name, value in given.items() if value is not None})


@pytest.mark.parametrize("bad", BAD)
def test_no_bad_token_is_shown(act: Act, options: dict[str, Any], bad: str) -> None:
    canary = bad_credentials.canary()
    said = act("api_key_info", **{**options, "token": BAD[bad](canary)})
    assert not any(piece in said for piece in bad_credentials.pieces(canary))
    assert "AnsibleActionFail" in said
