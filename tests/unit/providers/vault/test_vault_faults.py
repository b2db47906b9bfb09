# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is sealed, a standby, short of quota or not Vault at all; and what each of them asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    PendingApprovalError,
    RateLimitedError,
    UnavailableError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.client import VaultConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.store import VaultSecrets
from tests.servers.openbao import Cluster, OpenBao, OverTls, wait_until
from tests.unit.core.doubles import Scripted, VirtualClock
from tests.unit.providers.vault.place import ALL, Place, secret

CONTAINER = {"path": "agenticverz/database"}
TOKEN = "token-of-the-fault-tests"


class Interrupted(VirtualClock):
    """Something happens while we wait for the first time."""

    def __init__(self, deed: Callable[[], object]) -> None:
        super().__init__()
        self._deed: Callable[[], object] | None = deed

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if deed := self._deed:
            self._deed = None
            deed()


@pytest.fixture
def scripted(script: Scripted, clock: VirtualClock) -> VaultSecrets:
    return VaultSecrets(VaultConnection({"url": script.url, "token": SecretValue(TOKEN)}, clock=clock), clock=clock)


# Sealed, standby


def test_a_sealed_server_says_so_whatever_is_asked_of_it(clock: Clock) -> None:
    with _own_server() as server:
        place = Place(server, clock, server.mount(2), "a")
        store = place.store()
        store.write(place.container, secret(A="one"))
        server.ask("PUT", "sys/seal")
        for attempt in (
            store.connection.probe,
            lambda: store.observe(place.container, ["A"]),
            lambda: store.write(place.container, secret(A="two")),
            lambda: store.delete(place.container, ["A"]),
            lambda: place.connect(auth={"method": "approle", "role_id": "any"}).probe(),
        ):
            with pytest.raises(UnavailableError, match=r"answered 503: the server is sealed\. Unseal it"):
                attempt()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.stop()


def test_through_a_standby_we_read_what_we_have_written(cluster: Cluster, clock: Clock) -> None:
    """Its own copy lags behind: one read in five was stale, before requests showed what they must have seen."""
    place = Place(cluster.active, clock, cluster.mount(2), "a")
    store = place.store(url=cluster.standby.url)
    evidence: Any = None
    for number in range(60):
        evidence = store.write(place.container, secret(A=f"value {number}"), evidence)
        assert store.unchanged(evidence, store.observe(place.container, ["A"]))


def test_a_login_through_a_standby_is_good_at_once(cluster: Cluster, clock: Clock) -> None:
    mount = cluster.active.auth("userpass")
    cluster.active.ask("POST", f"auth/{mount}/users/nova", {"password": "secret-of-nova"})
    login = (f"auth/{mount}/login/nova", {"password": "secret-of-nova"})
    wait_until(lambda: "auth" in cluster.standby.ask("POST", *login, ok=False))  # until it knows of the new way in
    auth = {"method": "userpass", "mount": mount, "username": "nova", "password": SecretValue("secret-of-nova")}
    for _turn in range(8):
        options = {"url": cluster.standby.url, "auth": auth}
        assert VaultConnection(options, clock=clock).probe().startswith("token")


def test_a_standby_without_its_active_node_is_told_apart(clock: Clock) -> None:
    cluster = Cluster()
    try:
        place = Place(cluster.active, clock, cluster.mount(2), "a")
        store = place.store(url=cluster.standby.url)
        store.write(place.container, secret(A="one"))
        cluster.active.ask("PUT", "sys/seal")
        with pytest.raises(UnavailableError, match="standby") as no:
            store.write(place.container, secret(A="two"))
        assert "sealed" not in str(no.value)
    finally:
        cluster.stop()


@pytest.mark.parametrize(
    ("status", "health", "why"),
    [
        (429, {"initialized": True, "sealed": False, "standby": True}, "it is a standby, and its active node"),
        (473, {"initialized": True, "sealed": False, "standby": True}, "it is a standby, and its active node"),
        (503, {"initialized": True, "sealed": True, "standby": True}, "the server is sealed"),
        (501, {"initialized": False, "sealed": True, "standby": True}, "the server was never initialized"),
    ],
)
def test_the_servers_health_tells_what_a_bad_answer_does_not(
    scripted: VaultSecrets, script: Scripted, status: int, health: dict[str, bool], why: str
) -> None:
    script.answer(500, {"errors": ["internal error"]}).answer(status, health)
    with pytest.raises(UnavailableError, match=f"answered 500: {why}"):
        scripted.observe(CONTAINER, ["A"])
    assert script.asked[-1] == "GET /v1/sys/health"
    assert "X-Vault-Token" not in script.received[-1].headers


def test_a_bad_answer_of_a_healthy_server_stays_what_it_is(scripted: VaultSecrets, script: Scripted) -> None:
    script.answer(500).answer(200, {"initialized": True, "sealed": False, "standby": False})
    with pytest.raises(UnavailableError, match=r"answered 500\."):
        scripted.observe(CONTAINER, ["A"])


def test_what_does_not_know_of_mounts_is_named(scripted: VaultSecrets, script: Scripted) -> None:
    script.answer(200, {"data": None, "errors": [{"message": "quoted by nobody"}]})
    with pytest.raises(UnexpectedAnswerError, match=f"the answer of {script.url} does not say"):
        scripted.observe(CONTAINER, ["A"])


def test_a_standby_that_sends_us_elsewhere_gets_no_token_there(scripted: VaultSecrets, script: Scripted) -> None:
    script.answer(307, location="https://another-node.example.com:8200/v1/secret/data/x")
    with pytest.raises(UnavailableError, match="a standby that sends its clients to another node") as no:
        scripted.observe(CONTAINER, ["A"])
    assert "Let url name the active node" in str(no.value)


def test_a_node_that_has_not_caught_up_is_asked_again(
    scripted: VaultSecrets, script: Scripted, clock: VirtualClock
) -> None:
    script.answer(403).answer(403)  # which version the mount has
    script.answer(412, {"errors": ["required index state not present"]}).answer(200, _document(A="one"))
    assert "A" in scripted.observe({**CONTAINER, "version": 2}, ["A"])["keys"]
    assert 0 < sum(clock.slept) < 1


def test_a_node_that_never_catches_up_is_an_error(scripted: VaultSecrets, script: Scripted) -> None:
    for _turn in range(6):
        script.answer(412)
    with pytest.raises(UnavailableError, match="does not catch up with the active node"):
        scripted.observe(CONTAINER, ["A"])


# Quotas


def test_a_quota_is_waited_for_as_long_as_the_server_says(bao: OpenBao, kv2: Place) -> None:
    mount = bao.mount(2)
    name = f"sys/quotas/rate-limit/{mount}"
    clock = Interrupted(lambda: bao.ask("DELETE", name))
    place = replace(kv2, clock=clock, mount=mount)
    store = place.store()
    store.write(place.container, secret(A="one"))
    bao.ask("POST", "sys/quotas/config", {"enable_rate_limit_response_headers": True})
    bao.ask("POST", name, {"rate": 1, "interval": "60s", "path": mount})
    store.observe(place.container, ["A"])
    store.write(place.container, secret(A="two"))
    assert 30 < sum(clock.slept) <= 61
    assert place.values == {"A": "two"}


def test_a_quota_that_stays_used_up_is_told_apart_from_a_server_that_is_away(bao: OpenBao, kv2: Place) -> None:
    mount = bao.mount(2)
    bao.ask("POST", f"sys/quotas/rate-limit/{mount}", {"rate": 1, "interval": "3600s", "path": mount})
    place = replace(kv2, mount=mount)
    store = place.store()
    store.observe(place.container, ["A"])
    with pytest.raises(RateLimitedError, match="answered 429"):
        store.observe(place.container, ["A"])


# Not done, with a good status


def test_what_a_control_group_holds_back_is_no_success(bao: OpenBao, kv2: Place) -> None:
    """A real one: the write is stored until somebody has agreed to it."""
    kv2.put(A="one")
    factor = """factor "two" {{ controlled_capabilities = ["patch", "update"]
        identity {{ group_names = ["managers"] approvals = 1 }} }}"""
    group = f'path "{kv2.api_path}" {{ capabilities = {list(ALL)} control_group = {{ ttl = "1h" {factor} }} }}'
    policy = bao.policy({}, more=group.replace("'", '"').replace("{{", "{").replace("}}", "}"))
    bao.ask("POST", "identity/group", {"name": "managers"}, ok=False)
    mount = bao.auth("userpass")
    bao.ask("POST", f"auth/{mount}/users/nova", {"password": "secret-of-nova", "token_policies": [policy]})
    auth = {"method": "userpass", "mount": mount, "username": "nova", "password": SecretValue("secret-of-nova")}
    with pytest.raises(PendingApprovalError, match="once its control group has authorized it") as no:
        kv2.store(auth=auth).write(kv2.container, secret(A="two"))
    assert "accessor " in str(no.value)
    assert "s." not in str(no.value).split("accessor")[1]
    assert kv2.values == {"A": "one"}


# Not Vault


@pytest.mark.parametrize("body", ["<html>not found</html>", "", {"message": "no such page"}])
def test_a_404_that_is_not_vaults_is_not_taken_for_absent(scripted: VaultSecrets, script: Scripted, body: Any) -> None:
    script.answer(404, body)
    with pytest.raises(UnexpectedAnswerError, match="answered 404, and not as Vault does"):
        scripted.observe(CONTAINER, ["A"])


@pytest.mark.parametrize("body", [[], {}, {"data": None}, {"data": []}, {"data": {"path": 7}}])
def test_an_answer_of_another_shape_is_none(scripted: VaultSecrets, script: Scripted, body: Any) -> None:
    script.answer(200, body)
    with pytest.raises(UnexpectedAnswerError):
        scripted.observe(CONTAINER, ["A"])


@pytest.mark.parametrize("data", [None, {}, {"data": []}, {"data": {}, "metadata": {"version": "7"}}])
def test_a_document_of_another_shape_is_none(scripted: VaultSecrets, script: Scripted, data: Any) -> None:
    script.answer(200, {"data": {"path": "secret/", "type": "kv", "options": {"version": "2"}}})
    script.answer(200, {"data": data})
    with pytest.raises(UnexpectedAnswerError, match="reading vault secret/agenticverz/database"):
        scripted.observe(CONTAINER, ["A"])


def test_a_mount_that_is_missing_is_not_taken_for_an_empty_document(kv2: Place) -> None:
    store = kv2.store()
    for attempt in (
        lambda: store.observe({"mount": "nowhere", "path": "a"}, ["A"]),
        lambda: store.write({"mount": "nowhere", "path": "a"}, secret(A="one")),
        lambda: store.observe({"mount": "nowhere", "path": "a", "version": 1}, ["A"]),
    ):
        with pytest.raises(NotFoundError, match="The mount or the namespace is missing"):
            attempt()


def test_a_mount_that_is_being_set_up_is_not_taken_for_a_mistake_of_ours(
    scripted: VaultSecrets, script: Scripted
) -> None:
    script.answer(400, {"errors": ["Upgrading from non-versioned to versioned data. It will resume service shortly."]})
    with pytest.raises(UnavailableError, match="the mount is being set up"):
        scripted.observe(CONTAINER, ["A"])


def test_a_document_that_is_too_large_is_told_without_its_text(
    kv2: Place, scripted: VaultSecrets, script: Scripted
) -> None:
    with pytest.raises(InvalidRequestError, match="The whole document is too large") as no:
        kv2.store().write(kv2.container, secret(**{f"KEY_{number}": "x" for number in range(5000)}))
    assert "KEY_" not in str(no.value)
    script.answer(403).answer(403).answer(404, {"errors": []}).answer(413, {"errors": ["http: request body too large"]})
    with pytest.raises(InvalidRequestError, match=r"answered 413\. The whole document is too large"):
        scripted.write({**CONTAINER, "version": 2}, secret(A="x"))


# Addresses


def test_a_certificate_that_nobody_knows_is_refused_unless_it_is_given(clock: Clock) -> None:
    server = OverTls()
    try:
        place = Place(server, clock, "secret", "a")
        assert place.connect(ca_cert=str(server.ca_cert)).probe() == "token token, policies root"
        with pytest.raises(UnavailableError, match="no CA that is trusted has signed it"):
            place.connect().probe()
    finally:
        server.stop()


def test_a_missing_file_of_certificates_is_a_mistake(kv2: Place, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ca_cert: there is no file"):
        kv2.connect(ca_cert=str(tmp_path / "nowhere.pem"))


@pytest.mark.parametrize("url", ["http://vault.example.com:8200", "vault.example.com:8200", "unix:///run/vault.sock"])
def test_a_token_is_sent_over_tls_alone(kv2: Place, url: str) -> None:
    with pytest.raises(ConfigurationError):
        kv2.connect(url=url)


def test_every_request_says_who_sends_it(script: Scripted, clock: Clock) -> None:
    options = {"url": script.url, "token": SecretValue(TOKEN), "namespace": "/admin/team/"}
    script.answer(200, {"data": {"display_name": "me", "policies": ["ci", "default"]}})
    assert VaultConnection(options, clock=clock, run="7f3a").probe() == "token me, policies ci, default"
    headers = script.received[0].headers
    assert headers["User-Agent"].endswith("(run 7f3a)")
    assert (headers["X-Vault-Namespace"], headers["X-Vault-Request"]) == ("admin/team", "true")


@contextmanager
def _own_server() -> Iterator[OpenBao]:
    server = OpenBao()
    try:
        yield server
    finally:
        server.stop()


def _document(**values: str) -> dict[str, Any]:
    return {"data": {"data": values, "metadata": {"version": 1}}}
