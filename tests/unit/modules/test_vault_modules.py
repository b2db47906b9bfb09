# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The thin modules for Vault, as a task runs them, on a real OpenBao."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.rotor.secrets.plugins.modules import vault_kv_secret, vault_kv_secret_info
from tests.conformance.proxy import Proxy
from tests.servers.openbao import ROOT, OpenBao

VALUE = "value-of-the-module-tests"
OTHER = "other-value-of-the-module-tests"

Task = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    server = OpenBao()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def mounts(bao: OpenBao) -> dict[int, str]:
    return {version: bao.mount(version) for version in (1, 2)}


@dataclass
class Place:
    server: OpenBao
    mount: str
    path: str
    version: int

    @property
    def values(self) -> dict[str, Any] | None:
        return self.server.values(self.mount, self.path, version=self.version)

    def put(self, **values: Any) -> None:
        self.server.put(self.mount, self.path, values, version=self.version)

    @property
    def custom(self) -> dict[str, str]:
        return self.server.metadata(self.mount, self.path)["custom_metadata"] or {}


@pytest.fixture(params=[2, 1], ids=["kv2", "kv1"])
def place(request: pytest.FixtureRequest, bao: OpenBao, mounts: dict[int, str]) -> Place:
    return Place(bao, mounts[request.param], f"agenticverz/{secrets.token_hex(4)}", request.param)


@pytest.fixture
def kv2(bao: OpenBao, mounts: dict[int, str]) -> Place:
    return Place(bao, mounts[2], f"agenticverz/{secrets.token_hex(4)}", 2)


@pytest.fixture
def proxy(bao: OpenBao) -> Iterator[Proxy]:
    with Proxy(bao.url, reads=r"/(login|renew-self)") as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ADDR", "TOKEN", "NAMESPACE", "CACERT"):
        monkeypatch.delenv(f"BAO_{name}", raising=False)
        monkeypatch.delenv(f"VAULT_{name}", raising=False)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Task:
    """Run a module as a task does; returns its result, which never holds a value."""

    def run(module: ModuleType, *, check: bool = False, **options: Any) -> dict[str, Any]:
        arguments = options | {"_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        output = capsys.readouterr().out
        assert VALUE not in output
        assert OTHER not in output
        result: dict[str, Any] = json.loads(output)
        result.pop("invocation", None)
        return result

    return run


@pytest.fixture
def task(run: Task, proxy: Proxy) -> Task:
    def task(module: ModuleType, where: Place, **options: Any) -> dict[str, Any]:
        return run(module, **({"url": proxy.url, "token": ROOT, "mount": where.mount, "path": where.path} | options))

    return task


# vault_kv_secret


def test_a_key_is_set_once_and_its_siblings_stay(task: Task, place: Place) -> None:
    place.put(PORT=5432, SIBLING="here")
    first, second = (task(vault_kv_secret, place, name="A", value=VALUE) for _turn in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    assert place.values == {"PORT": 5432, "SIBLING": "here", "A": VALUE}
    assert first["secrets"][0]["name"] == "A"
    assert first["secrets"] == second["secrets"]


def test_several_keys_take_one_write(task: Task, place: Place, proxy: Proxy) -> None:
    place.put(SIBLING="here")
    pair = [{"name": "USER", "value": "nova_b"}, {"name": "PASSWORD", "value": VALUE}]
    assert task(vault_kv_secret, place, secrets=pair)["changed"]
    assert proxy.mutating == 1
    assert place.values == {"SIBLING": "here", "USER": "nova_b", "PASSWORD": VALUE}


def test_keys_are_removed_once(task: Task, place: Place) -> None:
    place.put(A=VALUE, B=OTHER, SIBLING="here")
    gone = {"secrets": [{"name": "A"}, {"name": "B"}], "state": "absent"}
    first, second = (task(vault_kv_secret, place, **gone) for _turn in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["secrets"] == []
    assert place.values == {"SIBLING": "here"}


@pytest.mark.parametrize("wish", [{"value": OTHER}, {"state": "absent"}], ids=["present", "absent"])
def test_in_check_mode_nothing_is_sent_that_changes_something(
    task: Task, place: Place, proxy: Proxy, wish: dict[str, str]
) -> None:
    place.put(A=VALUE)
    assert task(vault_kv_secret, place, check=True, name="A", **wish)["changed"]
    assert proxy.mutating == 0
    assert place.values == {"A": VALUE}


def test_check_mode_knows_what_is_set_already(task: Task, place: Place) -> None:
    place.put(A=VALUE)
    assert not task(vault_kv_secret, place, check=True, name="A", value=VALUE)["changed"]
    assert not task(vault_kv_secret, place, check=True, name="B", state="absent")["changed"]


def test_the_difference_is_shown_by_versions_and_fingerprints(task: Task, kv2: Place) -> None:
    kv2.put(A=VALUE)
    diff = task(vault_kv_secret, kv2, name="A", value=OTHER)["diff"]
    before, after = (diff[side]["secrets"]["A"] for side in ("before", "after"))
    assert (before["version"], after["version"]) == (1, 2)
    assert before["fingerprint"] != after["fingerprint"]


def test_notes_are_added_to_what_is_noted_and_that_is_a_change(task: Task, kv2: Place) -> None:
    kv2.put(A=VALUE)
    kv2.server.ask("POST", f"{kv2.mount}/metadata/{kv2.path}", {"custom_metadata": {"team": "nova", "old": "x"}})
    wish = {"name": "A", "value": VALUE, "custom_metadata": {"owner": "platform", "tier": 1, "old": None}}
    foreseen = task(vault_kv_secret, kv2, check=True, **wish)
    assert kv2.custom == {"team": "nova", "old": "x"}
    first, second = (task(vault_kv_secret, kv2, **wish) for _turn in range(2))
    noted = {"team": "nova", "owner": "platform", "tier": "1"}
    assert (foreseen["changed"], first["changed"], second["changed"]) == (True, True, False)
    assert kv2.custom == foreseen["custom_metadata"] == first["custom_metadata"] == noted
    assert first["diff"]["before"]["custom_metadata"] == {"team": "nova", "old": "x"}
    assert first["secrets"][0]["version"] == 1


def test_notes_come_with_the_first_version(task: Task, kv2: Place) -> None:
    task(vault_kv_secret, kv2, name="A", value=VALUE, custom_metadata={"owner": "platform"})
    assert (kv2.values, kv2.custom) == ({"A": VALUE}, {"owner": "platform"})


def test_what_may_be_merged_and_not_read_is_written_every_time_and_says_so(task: Task, kv2: Place) -> None:
    kv2.put(A=VALUE, SIBLING="here")
    rules = {f"{kv2.mount}/data/{kv2.path}": ("create", "patch"), f"{kv2.mount}/subkeys/{kv2.path}": ("read",)}
    token = kv2.server.token(kv2.server.policy(rules))
    foreseen = task(vault_kv_secret, kv2, check=True, token=token, name="A", value=VALUE)
    assert "cannot be known" in foreseen["note"]
    written = task(vault_kv_secret, kv2, token=token, name="A", value=OTHER)
    assert (foreseen["changed"], written["changed"]) == (True, True)
    assert written["secrets"][0]["written"]
    assert kv2.values == {"A": OTHER, "SIBLING": "here"}


def test_it_logs_in_with_an_approle(run: Task, kv2: Place, proxy: Proxy) -> None:
    server, mount = kv2.server, kv2.server.auth("approle")
    policy = server.policy({f"{kv2.mount}/data/{kv2.path}": ("create", "read", "update")})
    server.ask("POST", f"auth/{mount}/role/ci", {"token_policies": [policy]})
    login = {
        "auth_method": "approle",
        "auth_mount": mount,
        "role_id": server.ask("GET", f"auth/{mount}/role/ci/role-id")["data"]["role_id"],
        "secret_id": server.ask("POST", f"auth/{mount}/role/ci/secret-id")["data"]["secret_id"],
    }
    where = {"url": proxy.url, "mount": kv2.mount, "path": kv2.path}
    assert run(vault_kv_secret, check=True, **where, **login, name="A", value=VALUE)["changed"]
    assert proxy.mutating == 0
    assert run(vault_kv_secret, **where, **login, name="A", value=VALUE)["changed"]
    assert kv2.values == {"A": VALUE}


@pytest.mark.parametrize("tool", ["VAULT", "BAO"])
def test_the_environment_of_the_tools_is_used(
    run: Task, kv2: Place, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    namespace = f"team-{secrets.token_hex(4)}"
    kv2.server.ask("POST", f"sys/namespaces/{namespace}")
    mount = kv2.server.mount(2, namespace=namespace)
    for name, value in {"ADDR": kv2.server.url, "TOKEN": ROOT, "NAMESPACE": namespace}.items():
        monkeypatch.setenv(f"{tool}_{name}", value)
    monkeypatch.setenv("VAULT_CACERT", "/nowhere/ca.pem")
    assert "ca_cert: there is no file /nowhere/ca.pem" in run(vault_kv_secret_info, mount=mount, path="a")["msg"]
    monkeypatch.delenv("VAULT_CACERT")
    run(vault_kv_secret, mount=mount, path="a", name="A", value=VALUE)
    assert kv2.server.values(mount, "a", namespace=namespace) == {"A": VALUE}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "A"}, "A: its value is missing or empty"),
        ({"name": "A", "value": VALUE, "path": "data/x"}, "looks like a part of the API's path"),
        ({"name": "A", "value": VALUE, "token": ""}, "there is no token. Set token, BAO_TOKEN or VAULT_TOKEN"),
        ({"name": "A", "value": VALUE, "token": "nobody"}, "the token has expired, was revoked"),
        ({"name": "A", "value": VALUE, "mount": "nowhere"}, "The mount or the namespace is missing"),
        ({"name": "A", "value": VALUE, "namespace": "nowhere"}, "The mount or the namespace is missing"),
        ({"name": "A", "value": VALUE, "url": "http://vault.example.com"}, "plain http is for loopback only"),
        ({"name": "A", "value": VALUE, "auth_method": "approle"}, "role_id"),
    ],
)
def test_a_failure_says_what_to_do(task: Task, kv2: Place, proxy: Proxy, options: dict[str, str], message: str) -> None:
    result = task(vault_kv_secret, kv2, **options)
    assert result["failed"]
    assert message in result["msg"]
    assert proxy.mutating == 0


def test_version_1_has_no_room_for_notes(task: Task, bao: OpenBao, mounts: dict[int, str], proxy: Proxy) -> None:
    place = Place(bao, mounts[1], f"a/{secrets.token_hex(4)}", 1)
    result = task(vault_kv_secret, place, name="A", value=VALUE, custom_metadata={"owner": "platform"})
    assert "KV version 1 has no custom metadata" in result["msg"]
    assert proxy.mutating == 0


@pytest.mark.parametrize("state", ["present", "absent"])
def test_no_secrets_are_nothing_to_do(task: Task, place: Place, proxy: Proxy, state: str) -> None:
    result = task(vault_kv_secret, place, secrets=[], state=state)
    assert (result["changed"], result["secrets"], place.values, proxy.mutating) == (False, [], None, 0)


# vault_kv_secret_info


def test_the_keys_of_a_document_are_listed_without_a_value(task: Task, place: Place) -> None:
    place.put(B=VALUE, A=OTHER)
    result = task(vault_kv_secret_info, place)
    assert not result["changed"]
    assert result["secrets"] == [{"name": "A"}, {"name": "B"}]
    if place.version == 2:
        assert (result["version"], result["custom_metadata"]) == (1, {})
        assert result["created_time"].startswith("20")


def test_a_document_that_is_not_there_has_no_keys(task: Task, place: Place) -> None:
    assert task(vault_kv_secret_info, place)["secrets"] == []


def test_a_document_that_may_not_be_seen_is_no_empty_list(task: Task, place: Place) -> None:
    place.put(A=VALUE)
    assert task(vault_kv_secret_info, place, token=place.server.token("default"))["failed"]


def test_a_path_that_cannot_be_meant_is_a_mistake(task: Task, kv2: Place) -> None:
    assert "path: it is empty" in task(vault_kv_secret_info, kv2, path="/")["msg"]
