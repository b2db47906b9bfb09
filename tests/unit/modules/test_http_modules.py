# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from tests.sandbox.visitor import Visitor

NAME, VALUE = "OPENAI_API_KEY", "sk-proj-of-the-module"
WRITE = {"body": {"key": "<key>", "value": "<value>"}, "success": {"status": "saved"}}
READ = {"evidence": {"updated_at": "[key=<key>].updated_at"}}
DELETE = {"path": "/settings/secrets/<key>"}
Runner = Callable[..., dict[str, Any]]


@pytest.fixture
def run(world: Visitor, capsys: pytest.CaptureFixture[str]) -> Runner:
    def run(*, check: bool = False, **options: Any) -> dict[str, Any]:
        main = importlib.import_module("ansible_collections.rotor.secrets.plugins.modules.http_secret").main
        token = world.credentials["TENANT_ADMIN_TOKEN"]
        given = {"url": f"{world.url}/tenant", "token": token, "path": "/settings/secrets", "read": READ, **options}
        given |= {"_ansible_check_mode": check, "_ansible_diff": True}
        given = {key: value for key, value in given.items() if value is not None}
        with patch_module_args(given), pytest.raises(SystemExit):
            main()
        text = capsys.readouterr().out
        assert token not in text
        assert VALUE not in text
        return json.loads(text)

    return run


def there(world: Visitor) -> dict[str, str]:
    return world.ask("state")["tenants"]["secrets"]


def holds(world: Visitor, name: str, value: str) -> bool:
    return bool(world.tell("holds", kind="tenant secret", name=name, value=value)["holds"])


def test_a_secret_is_set_and_every_write_is_a_change(world: Visitor, run: Runner) -> None:
    first, second = (run(name=NAME, value=VALUE, write=WRITE) for _turn in range(2))
    assert first["changed"]
    assert second["changed"]
    assert holds(world, NAME, VALUE)
    assert second["secrets"] == [{"name": NAME, "updated_at": there(world)[NAME], "written": True}]
    assert second["diff"]["before"]["secrets"] == {NAME: {"updated_at": first["secrets"][0]["updated_at"]}}


def test_check_mode_sends_nothing_and_says_what_it_cannot_know(world: Visitor, run: Runner) -> None:
    result = run(check=True, name=NAME, value=VALUE, write=WRITE)
    assert result["changed"]
    assert "cannot be known" in result["note"]
    assert NAME not in there(world)
    assert world.ask("counts")["mutating"] == 0


def test_several_secrets_are_set(world: Visitor, run: Runner) -> None:
    pair = [{"name": "PGUSER", "value": "nova_b"}, {"name": "PGPASSWORD", "value": VALUE}]
    result = run(secrets=pair, write=WRITE)
    assert {item["name"] for item in result["secrets"]} == {"PGUSER", "PGPASSWORD"}
    assert holds(world, "PGPASSWORD", VALUE)


def test_what_is_deleted_twice_is_changed_once(world: Visitor, run: Runner) -> None:
    run(name=NAME, value=VALUE, write=WRITE)
    checked = run(check=True, name=NAME, state="absent", delete=DELETE)
    assert checked["changed"]
    assert NAME in there(world)
    results = [run(name=NAME, state="absent", delete=DELETE) for _turn in range(2)]
    assert [result["changed"] for result in results] == [True, False]
    assert NAME not in there(world)


def test_where_nothing_is_read_every_deletion_is_sent(world: Visitor, run: Runner) -> None:
    run(name=NAME, value=VALUE, write=WRITE)
    checked = run(check=True, name=NAME, state="absent", delete=DELETE, read=None)
    assert "cannot be known" in checked["note"]
    assert NAME in there(world)
    assert run(name=NAME, state="absent", delete=DELETE, read=None)["changed"]
    assert NAME not in there(world)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"value": VALUE}, "state is present but all of the following are missing: write"),
        ({"state": "absent"}, "state is absent but all of the following are missing: delete"),
        ({"write": WRITE}, f"http /settings/secrets: {NAME}: its value is missing or empty"),
        ({"value": VALUE, "write": {"body": {"k": "<key>"}}}, "write.body: it needs <value>"),
        ({"value": VALUE, "write": WRITE, "token": "wrong-token"}, "does not accept the connection's token"),
        ({"value": VALUE, "write": WRITE, "path": "/nowhere"}, "Are the connection's url and the container's path"),
    ],
)
def test_what_is_wrong_is_said(world: Visitor, run: Runner, options: dict[str, Any], complaint: str) -> None:
    result = run(name=NAME, **options)
    assert result["failed"]
    assert complaint in result["msg"]
    assert world.ask("counts")["mutating"] == 0


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"write": {**WRITE, "ok": [700]}}, "write.ok[0]: must be at most 499"),
        ({"write": {**WRITE, "path": "settings"}}, "write.path: does not match"),
        ({"write": {**WRITE, "success": {"status": {}}}}, "write.success.status: expected a string or a number"),
        ({"write": {**WRITE, "body": "<key>=<value>"}}, "write.body: expected a mapping or a list"),
        ({"path": "settings/secrets"}, "path: does not match"),
        ({"read": {"evidence": {}}}, "read.evidence: must not be empty"),
        ({"read": {"evidence": {"name": "[key=<key>].updated_at"}}}, "read.evidence: name is in the result anyway"),
        ({"read": {"evidence": {"updated_at": 5}}}, "read.evidence.updated_at: expected a string"),
    ],
)
def test_description_that_misfits_the_schema_sends_nothing(
    world: Visitor, run: Runner, options: dict[str, Any], complaint: str
) -> None:
    before = world.ask("counts")
    result = run(name=NAME, value=VALUE, **{"write": WRITE, **options})
    assert complaint in result["msg"]
    assert world.ask("counts") == before


def test_deletion_without_evidence_is_refused(world: Visitor, run: Runner) -> None:
    """It said ok, sent nothing, and the secret was still there."""
    run(name=NAME, value=VALUE, write=WRITE)
    result = run(name=NAME, state="absent", delete=DELETE, read={"path": DELETE["path"], "evidence": {}})
    assert "read.evidence: must not be empty" in result["msg"]


@pytest.mark.parametrize("options", [{"write": WRITE}, {"state": "absent", "delete": DELETE}])
@pytest.mark.parametrize("read", [READ, None])
def test_no_secrets_are_nothing_to_do(world: Visitor, run: Runner, options: dict[str, Any], read: Any) -> None:
    result = run(secrets=[], read=read, **options)
    assert (result["changed"], result["secrets"], world.ask("counts")["mutating"]) == (False, [], 0)
