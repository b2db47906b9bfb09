# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The thin modules for AWS, as a task runs them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.rotor.secrets.plugins.modules import (
    aws_secretsmanager_secret,
    aws_secretsmanager_secret_info,
    aws_ssm_secret,
    aws_ssm_secret_info,
)
from tests.conformance.proxy import Proxy
from tests.servers.moto import REGION, Moto, alone

OLD, NEW = "value-before-of-the-module-tests", "value-after-of-the-module-tests"

Task = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with alone():
        running = Moto()
    yield running
    running.stop()


@pytest.fixture
def proxy(moto: Moto) -> Iterator[Proxy]:
    with Proxy(moto.url) as proxy:
        yield proxy


@pytest.fixture
def task(
    moto: Moto, proxy: Proxy, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Task]:
    """Run a module as a task does, with AWS's own variables; returns its result, which never holds a value."""

    def run(module: ModuleType, *, check: bool = False, **options: Any) -> dict[str, Any]:
        arguments = options | {"_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        output = capsys.readouterr().out
        result = json.loads(output)
        result.pop("invocation", None)
        assert not any(hidden in output for hidden in (OLD, NEW, moto.admin["secret_access_key"]))
        return result

    with alone():
        monkeypatch.setenv("AWS_REGION", REGION)
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto.admin["access_key_id"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto.admin["secret_access_key"])
        yield run


@pytest.fixture
def path() -> str:
    return f"/module-{secrets.token_hex(6)}"


@pytest.fixture
def name() -> str:
    return f"module/{secrets.token_hex(6)}"


def value_of(moto: Moto, name: str) -> str:
    return str(moto.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])


def text_of(moto: Moto, name: str) -> str:
    return str(moto.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])


# aws_ssm_secret


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"path": "molecule"}, "path: does not match"),
        ({"path": ""}, "path: does not match"),
        ({"tags": {"owner": None}}, "tags.owner: expected a string"),
        ({"tags": {"owner": {"team": "platform"}}}, "tags.owner: expected a string"),
    ],
)
def test_options_that_misfit_the_schema_send_nothing(
    task: Task, proxy: Proxy, options: dict[str, Any], complaint: str
) -> None:
    result = task(aws_ssm_secret, name="KEY", value=NEW, **options)
    assert (complaint in result["msg"], proxy.requests) == (True, [])


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("days", [6, 31])
def test_recovery_window_out_of_range_is_refused(task: Task, name: str, proxy: Proxy, days: int, check: bool) -> None:
    options = {"secret": name, "format": "text", "state": "absent", "recovery_window_days": days}
    result = task(aws_secretsmanager_secret, check=check, **options)
    assert ("recovery_window_days: AWS takes from 7 to 30" in result["msg"], proxy.requests) == (True, [])


def test_empty_description_is_written_once(task: Task, path: str) -> None:
    task(aws_ssm_secret, path=path, name="KEY", value=NEW, description="of the old team")
    first, second = (task(aws_ssm_secret, path=path, name="KEY", value=NEW, description="") for _turn in range(2))
    assert (first["changed"], first["secrets"][0]["description"]) == (True, "")
    assert (second["changed"], second["secrets"][0]["version"]) == (False, 2)


def test_key_of_a_plain_parameter_is_refused(task: Task, proxy: Proxy) -> None:
    """AWS takes no key for it, so that every run saw a key that was missing, and wrote."""
    result = task(aws_ssm_secret, name="KEY", value=NEW, parameter_type="String", key_id="alias/molecule")
    assert ("key_id: a parameter of type String" in result["msg"], proxy.requests) == (True, [])


def test_tags_are_written_as_json_spells_them(task: Task, path: str) -> None:
    result = task(aws_ssm_secret, path=path, name="KEY", value=NEW, tags={"flag": True, "rate": 1.5, "text": "yes"})
    assert result["secrets"][0]["tags"] == {"flag": "true", "rate": "1.5", "text": "yes"}


def test_a_parameter_is_set_and_the_same_again_changes_nothing(task: Task, moto: Moto, path: str, proxy: Proxy) -> None:
    first = task(aws_ssm_secret, name=f"{path}/KEY", value=NEW)
    sent = proxy.mutating
    second = task(aws_ssm_secret, name=f"{path}/KEY", value=NEW)
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["secrets"] == second["secrets"]
    assert first["secrets"][0]["name"] == f"{path}/KEY"
    assert (first["secrets"][0]["version"], first["secrets"][0]["tier"]) == (1, "Standard")
    assert (value_of(moto, f"{path}/KEY"), proxy.mutating) == (NEW, sent)


def test_several_parameters_are_set_by_one_task(task: Task, moto: Moto, path: str) -> None:
    wanted = [{"name": "USER", "value": OLD}, {"name": "PASSWORD", "value": NEW}]
    result = task(aws_ssm_secret, path=path, secrets=wanted, tags={"rank": 7})
    assert [item["name"] for item in result["secrets"]] == ["USER", "PASSWORD"]
    assert result["secrets"][0]["tags"] == {"rank": "7"}
    assert (value_of(moto, f"{path}/USER"), value_of(moto, f"{path}/PASSWORD")) == (OLD, NEW)


@pytest.mark.parametrize(
    "options",
    [{"description": "For mail"}, {"tier": "advanced"}, {"key_id": "alias/molecule"}, {"tags": {"owner": "platform"}}],
)
def test_an_option_that_differs_is_a_change_once(task: Task, path: str, proxy: Proxy, options: dict[str, Any]) -> None:
    task(aws_ssm_secret, path=path, name="KEY", value=NEW)
    wanted = {"path": path, "name": "KEY", "value": NEW, **options}
    sent = proxy.mutating
    foreseen = task(aws_ssm_secret, check=True, **wanted)
    assert (foreseen["changed"], proxy.mutating) == (True, sent)
    assert task(aws_ssm_secret, **wanted)["changed"]
    assert not task(aws_ssm_secret, **wanted)["changed"]


def test_in_check_mode_no_parameter_is_written_or_deleted(task: Task, moto: Moto, path: str, proxy: Proxy) -> None:
    task(aws_ssm_secret, path=path, name="KEY", value=OLD)
    sent = proxy.mutating
    assert task(aws_ssm_secret, check=True, path=path, name="KEY", value=NEW)["changed"]
    assert task(aws_ssm_secret, check=True, path=path, name="OTHER", value=NEW)["changed"]
    assert task(aws_ssm_secret, check=True, path=path, name="KEY", state="absent")["changed"]
    assert not task(aws_ssm_secret, check=True, path=path, name="KEY", value=OLD)["changed"]
    assert (value_of(moto, f"{path}/KEY"), proxy.mutating) == (OLD, sent)


def test_the_difference_of_a_parameter_is_shown_by_versions(task: Task, path: str) -> None:
    task(aws_ssm_secret, path=path, name="KEY", value=OLD)
    diff = task(aws_ssm_secret, path=path, name="KEY", value=NEW)["diff"]
    assert [diff[side]["secrets"]["KEY"]["version"] for side in ("before", "after")] == [1, 2]


@pytest.mark.parametrize("options", [{"state": "absent"}, {"value": NEW}])
def test_a_list_is_neither_replaced_nor_deleted(task: Task, moto: Moto, path: str, options: dict[str, Any]) -> None:
    moto.client("ssm").put_parameter(Name=f"{path}/KEY", Value=f"{OLD},{OLD}", Type="StringList")
    said = task(aws_ssm_secret, path=path, name="KEY", **options)
    assert "is a StringList, which is not managed here" in said["msg"]
    assert moto.client("ssm").get_parameter(Name=f"{path}/KEY")["Parameter"]["Value"] == f"{OLD},{OLD}"


def test_a_parameter_is_deleted_once_whatever_it_is(task: Task, moto: Moto, path: str) -> None:
    moto.client("ssm").put_parameter(Name=f"{path}/KEY", Value=OLD, Type="String")
    assert task(aws_ssm_secret, path=path, name="KEY", value=NEW)["failed"]
    first, second = (task(aws_ssm_secret, path=path, name="KEY", state="absent") for _turn in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    assert task(aws_ssm_secret, path=path, name="KEY", value=NEW)["changed"]


def test_where_values_may_not_be_read_that_is_said(task: Task, path: str, proxy: Proxy) -> None:
    task(aws_ssm_secret, path=path, name="KEY", value=OLD)
    proxy.fault(operation="GetParameters", times=0, status=400, body={"__type": "AccessDeniedException"})
    foreseen = task(aws_ssm_secret, check=True, path=path, name="KEY", value=OLD)
    assert "cannot be known" in foreseen["note"]
    written = task(aws_ssm_secret, path=path, name="KEY", value=OLD)
    assert (written["changed"], written["secrets"][0]["version"]) == (True, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "A KEY", "value": NEW}, "A KEY: AWS takes letters"),
        ({"name": "KEY"}, "KEY: its value is missing or empty"),
        ({"name": "KEY", "value": NEW + "{{ x }}"}, "takes {{…}} in a value for a reference"),
        ({"name": "KEY", "value": NEW, "access_key_id": "AKIA"}, "required together"),
        ({"name": "KEY", "value": NEW, "profile": "nowhere"}, "There is no such profile"),
        ({"name": "KEY", "value": NEW, "endpoint_url": "http://ssm.example.com"}, "in clear"),
    ],
)
def test_a_failure_says_what_to_do(task: Task, proxy: Proxy, options: dict[str, str], message: str) -> None:
    result = task(aws_ssm_secret, **options)
    assert result["failed"]
    assert message in result["msg"]
    assert proxy.requests == []


def test_a_missing_right_is_named(task: Task, moto: Moto, path: str) -> None:
    result = task(aws_ssm_secret, path=path, name="KEY", value=NEW, **moto.stranger)
    assert result["failed"]
    assert "ssm:DescribeParameters" in result["msg"]


# aws_ssm_secret_info


def test_parameters_are_listed_from_all_pages_and_without_values(task: Task, moto: Moto, path: str) -> None:
    for number in range(12):
        moto.client("ssm").put_parameter(Name=f"{path}/KEY_{number:02}", Value=OLD, Type="SecureString")
    moto.client("ssm").put_parameter(Name=f"{path}/deeper/KEY", Value=OLD, Type="String", Description="In clear")
    found = task(aws_ssm_secret_info, path=path)
    assert not found["changed"]
    assert [item["name"] for item in found["secrets"][:2]] == [f"{path}/KEY_00", f"{path}/KEY_01"]
    assert len(found["secrets"]) == 13
    deeper = found["secrets"][-1]
    assert (deeper["type"], deeper["description"], deeper["version"]) == ("String", "In clear", 1)
    assert len(task(aws_ssm_secret_info, path=path, recursive=False)["secrets"]) == 12
    assert len(task(aws_ssm_secret_info)["secrets"]) >= 13


# aws_secretsmanager_secret


def test_keys_are_set_and_the_same_again_changes_nothing(task: Task, moto: Moto, name: str, proxy: Proxy) -> None:
    wanted = [{"name": "USER", "value": OLD}, {"name": "PASSWORD", "value": NEW}]
    first = task(aws_secretsmanager_secret, secret=name, secrets=wanted)
    sent = proxy.mutating
    second = task(aws_secretsmanager_secret, secret=name, secrets=wanted)
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["version"] == second["version"]
    assert [item["name"] for item in first["secrets"]] == ["USER", "PASSWORD"]
    assert (json.loads(text_of(moto, name)), proxy.mutating) == ({"USER": OLD, "PASSWORD": NEW}, sent)


def test_a_secret_is_made_unless_that_is_not_wanted(task: Task, name: str, proxy: Proxy) -> None:
    result = task(aws_secretsmanager_secret, secret=name, name="KEY", value=NEW, create=False)
    assert result["failed"]
    assert "With create: true, it is made" in result["msg"]
    assert task(aws_secretsmanager_secret, check=True, secret=name, name="KEY", value=NEW)["changed"]
    assert proxy.mutating == 0
    assert task(aws_secretsmanager_secret, secret=name, name="KEY", value=NEW)["changed"]


def test_a_key_is_deleted_once_and_others_stay(task: Task, moto: Moto, name: str, proxy: Proxy) -> None:
    moto.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps({"KEY": OLD, "SIBLING": "stays"}))
    foreseen = task(aws_secretsmanager_secret, check=True, secret=name, name="KEY", state="absent")
    assert (foreseen["changed"], proxy.mutating) == (True, 0)
    first, second = (task(aws_secretsmanager_secret, secret=name, name="KEY", state="absent") for _turn in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    assert json.loads(text_of(moto, name)) == {"SIBLING": "stays"}


def test_a_key_of_a_secret_that_is_missing_is_absent(task: Task, name: str) -> None:
    assert not task(aws_secretsmanager_secret, secret=name, name="KEY", state="absent")["changed"]


def test_a_secret_that_is_one_value_is_set_and_deleted_as_a_whole(
    task: Task, moto: Moto, name: str, proxy: Proxy
) -> None:
    wanted = {"secret": name, "format": "text"}
    assert task(aws_secretsmanager_secret, value=OLD, **wanted)["changed"]
    changed = task(aws_secretsmanager_secret, value=NEW, **wanted)
    assert (changed["changed"], changed["secrets"][0]["name"]) == (True, name)
    assert not task(aws_secretsmanager_secret, value=NEW, **wanted)["changed"]
    assert text_of(moto, name) == NEW
    sent = proxy.mutating
    assert task(aws_secretsmanager_secret, check=True, state="absent", **wanted)["changed"]
    assert proxy.mutating == sent
    gone, again = (
        task(aws_secretsmanager_secret, state="absent", recovery_window_days=7, **wanted) for _turn in range(2)
    )
    assert (gone["changed"], again["changed"]) == (True, False)
    back = task(aws_secretsmanager_secret, value=NEW, **wanted)
    assert "Restore it" in back["msg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"value": NEW}, "format is json but any of the following are missing: name, secrets"),
        ({"format": "text", "name": "KEY", "value": NEW}, "has no names in it"),
        ({"format": "text"}, "its value is missing or empty"),
        ({"name": "KEY", "value": "x" * 65536}, "at most 65536 bytes"),
        ({"secret": "no blanks", "name": "KEY", "value": NEW}, "no blanks: AWS takes letters"),
    ],
)
def test_a_wrong_option_is_said_before_anything_is_sent(
    task: Task, name: str, proxy: Proxy, options: dict[str, str], message: str
) -> None:
    result = task(aws_secretsmanager_secret, **{"secret": name, **options})
    assert result["failed"]
    assert message in result["msg"]
    assert proxy.requests == []


# aws_secretsmanager_secret_info


def test_secrets_are_listed_from_all_pages(task: Task, moto: Moto, name: str, proxy: Proxy) -> None:
    client = moto.client("secretsmanager")
    for number in range(103):
        client.create_secret(Name=f"{name}/{number:03}", SecretString=OLD)
    client.delete_secret(SecretId=f"{name}/102")
    found = [item for item in task(aws_secretsmanager_secret_info)["secrets"] if item["name"].startswith(name)]
    assert [item["name"] for item in found] == [f"{name}/{number:03}" for number in range(102)]
    assert "GetSecretValue" not in [seen.operation for seen in proxy.requests]


def test_one_secret_tells_its_keys(task: Task, moto: Moto, name: str) -> None:
    made = moto.client("secretsmanager").create_secret(
        Name=name, SecretString=json.dumps({"USER": OLD, "PASSWORD": NEW}), Tags=[{"Key": "owner", "Value": "platform"}]
    )
    (found,) = task(aws_secretsmanager_secret_info, secret=name)["secrets"]
    assert found["keys"] == ["USER", "PASSWORD"]
    assert (found["version"], found["arn"]) == (made["VersionId"], made["ARN"])
    assert (found["tags"], found["rotates"], found["deleted_at"]) == ({"owner": "platform"}, False, None)


def test_a_secret_that_is_no_object_has_no_keys(task: Task, moto: Moto, name: str) -> None:
    moto.client("secretsmanager").create_secret(Name=name, SecretString=OLD)
    assert task(aws_secretsmanager_secret_info, secret=name)["secrets"][0]["keys"] == []
    assert task(aws_secretsmanager_secret_info, secret=f"{name}-nowhere")["failed"]


def test_the_keys_go_by_the_names_of_other_collections_too(
    task: Task, moto: Moto, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    keys = {"access_key": moto.admin["access_key_id"], "secret_key": moto.admin["secret_access_key"]}
    assert task(aws_ssm_secret, path=path, name="KEY", value=NEW, **keys)["changed"]


def test_what_changes_nothing_has_no_difference_to_show(task: Task, path: str) -> None:
    assert "diff" in task(aws_ssm_secret, path=path, name="KEY", value=NEW)
    assert "diff" not in task(aws_ssm_secret, path=path, name="KEY", value=NEW)
    assert "diff" not in task(aws_ssm_secret_info, path=path)


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("module", [aws_ssm_secret, aws_secretsmanager_secret])
def test_no_secrets_are_nothing_to_do(task: Task, proxy: Proxy, name: str, module: ModuleType, state: str) -> None:
    container = {"secret": name} if module is aws_secretsmanager_secret else {}
    result = task(module, secrets=[], state=state, **container)
    assert (result["changed"], result["secrets"], proxy.mutating) == (False, [], 0)
