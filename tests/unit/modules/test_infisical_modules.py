# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The thin modules for Infisical, as a task runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.rotor.secrets.plugins.modules import infisical_secret, infisical_secret_info
from tests.sandbox.visitor import Visitor

PLACE = "infisical secret of molecule prod:/backend"
VALUE = "value-of-the-module-tests"

Task = Callable[..., dict[str, Any]]


@pytest.fixture
def task(world: Visitor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Task:
    """Run a module as a task does, with the identity in the environment; its result never holds the value."""
    for name in ("CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.setenv(f"INFISICAL_UNIVERSAL_AUTH_{name}", world.credentials[f"INFISICAL_{name}"])
    monkeypatch.setenv("INFISICAL_API_URL", f"{world.url}/infisical/api")
    monkeypatch.delenv("INFISICAL_TOKEN", raising=False)

    def run(module: ModuleType, *, check: bool = False, **options: Any) -> dict[str, Any]:
        options = {"project": "molecule", "environment": "prod", "path": "/backend"} | options
        with (
            patch_module_args(options | {"_ansible_check_mode": check, "_ansible_diff": True}),
            pytest.raises(SystemExit),
        ):
            module.main()
        output = capsys.readouterr().out
        assert VALUE not in output
        result: dict[str, Any] = json.loads(output)
        return result

    return run


def holds(world: Visitor) -> Any:
    return world.tell("holds", kind=PLACE, name="API_KEY", value=VALUE)["holds"]


def test_a_secret_is_set_once(task: Task, world: Visitor) -> None:
    first = task(infisical_secret, name="API_KEY", value=VALUE)
    again = task(infisical_secret, name="API_KEY", value=VALUE)

    assert (first["changed"], again["changed"]) == (True, False)
    assert first["secrets"][0]["version"] == again["secrets"][0]["version"] == 1
    assert holds(world)


def test_one_secret_is_looked_at_with_one_request(task: Task, world: Visitor) -> None:
    task(infisical_secret, name="API_KEY", value=VALUE)
    since = len(world.ask("requests")["requests"])
    task(infisical_secret, name="API_KEY", value=VALUE)
    entries = world.ask("requests", since=since)["requests"]
    assert [entry["path"].rsplit("/", 1)[-1] for entry in entries] == ["login", "API_KEY"]


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"name": "API_KEY", "value": {"key": VALUE}}, "value"),
        ({"secrets": [{"name": "API_KEY", "value": [VALUE]}]}, "secrets.value"),
        ({"name": "API_KEY", "value": VALUE, "environment": ["prod"]}, "environment"),
    ],
)
def test_what_is_no_text_is_refused(task: Task, world: Visitor, options: dict[str, Any], option: str) -> None:
    failed = task(infisical_secret, **options)
    assert failed["msg"] == f"{option}: a mapping or a list is not text; use the filter to_json"
    assert world.ask("requests")["requests"] == []


def test_a_name_that_stands_twice_is_refused(task: Task) -> None:
    failed = task(infisical_secret, secrets=[{"name": "API_KEY", "value": one} for one in (VALUE, f"{VALUE}-2")])
    assert "API_KEY: it is named 2 times" in failed["msg"]


def test_check_mode_changes_nothing(task: Task, world: Visitor) -> None:
    assert task(infisical_secret, name="API_KEY", value=VALUE, check=True)["changed"]
    assert holds(world) is None


def test_a_pending_approval_fails_the_task(task: Task, world: Visitor) -> None:
    world.act("guard_infisical_folder")
    failed = task(infisical_secret, name="API_KEY", value=VALUE)
    assert failed["failed"]
    assert "pending approval" in failed["msg"]


def test_a_secret_is_deleted_once(task: Task, world: Visitor) -> None:
    task(infisical_secret, name="API_KEY", value=VALUE)
    assert task(infisical_secret, name="API_KEY", state="absent")["changed"]
    assert not task(infisical_secret, name="API_KEY", state="absent")["changed"]
    assert holds(world) is None


def test_the_folder_is_listed_without_values(task: Task) -> None:
    listed = task(infisical_secret_info)
    assert [one["name"] for one in listed["secrets"]] == ["SENTRY_DSN"]
    assert not listed["changed"]


def test_without_a_login_the_task_says_what_to_set(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFISICAL_UNIVERSAL_AUTH_CLIENT_ID")
    failed = task(infisical_secret_info)
    assert "there is nothing to log in with. Set client_id or INFISICAL_UNIVERSAL_AUTH_CLIENT_ID" in failed["msg"]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_no_secrets_are_nothing_to_do(task: Task, state: str) -> None:
    result = task(infisical_secret, secrets=[], state=state)
    assert (result["changed"], result["secrets"]) == (False, [])
