# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All ways in, on the real server; and how a long run outlives its token."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import certifi
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    AuthenticationError,
    ConfigurationError,
    PermissionDeniedError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault import tokens
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.client import VaultConnection
from tests.conformance.proxy import Proxy
from tests.servers.openbao import OpenBao
from tests.unit.core.doubles import Scripted, VirtualClock
from tests.unit.providers.vault.place import ALL, Place, secret

PASSWORD = "password-of-nova"


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def public_key() -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key().public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def signed(place: Place, **claims: Any) -> str:
    now = place.server.now()
    return jwt.encode({"iat": now - 60, "nbf": now - 60, "exp": now + 600, **claims}, key(), algorithm="RS256")


def approle(place: Place, **role: Any) -> dict[str, Any]:
    """The options of a connection through an AppRole of its own, which may do all with the document."""
    server, policy = place.server, place.server.policy({place.api_path: ALL}, namespace=place.namespace)
    mount = server.auth("approle", namespace=place.namespace)
    path = f"auth/{mount}/role/ci"
    server.ask("POST", path, {"token_policies": [policy], **role}, namespace=place.namespace)
    role_id = server.ask("GET", f"{path}/role-id", namespace=place.namespace)["data"]["role_id"]
    auth = {"method": "approle", "mount": mount, "role_id": role_id}
    if not role.get("bind_secret_id", True):
        return auth
    secret_id = server.ask("POST", f"{path}/secret-id", namespace=place.namespace)["data"]["secret_id"]
    return {**auth, "secret_id": SecretValue(secret_id)}


def userpass(place: Place) -> dict[str, Any]:
    mount, policy = place.server.auth("userpass"), place.server.policy({place.api_path: ALL})
    place.server.ask("POST", f"auth/{mount}/users/nova.ops", {"password": PASSWORD, "token_policies": [policy]})
    return {"method": "userpass", "mount": mount, "username": "nova.ops", "password": SecretValue(PASSWORD)}


def by_jwt(place: Place) -> dict[str, Any]:
    mount, policy = place.server.auth("jwt"), place.server.policy({place.api_path: ALL})
    place.server.ask("POST", f"auth/{mount}/config", {"jwt_validation_pubkeys": [public_key()], "default_role": "ci"})
    role = {"role_type": "jwt", "bound_audiences": ["rotor"], "user_claim": "sub", "token_policies": [policy]}
    place.server.ask("POST", f"auth/{mount}/role/ci", role)
    return {"method": "jwt", "mount": mount, "role": "ci", "jwt": SecretValue(signed(place, sub="job", aud="rotor"))}


def kubernetes(place: Place, api: Scripted) -> dict[str, Any]:
    """``api`` is the cluster's: all that is asked of it is whose token that is."""
    mount, policy = place.server.auth("kubernetes"), place.server.policy({place.api_path: ALL})
    any_authority = Path(certifi.where()).read_text(encoding="utf-8").partition("-----BEGIN")[2].partition("\n\n")[0]
    cluster = {"kubernetes_host": api.url, "kubernetes_ca_cert": f"-----BEGIN{any_authority}\n"}
    reviewer = {"token_reviewer_jwt": "reviewer", "disable_local_ca_jwt": True}
    place.server.ask("POST", f"auth/{mount}/config", {**cluster, **reviewer})
    bound = {"bound_service_account_names": ["rotor"], "bound_service_account_namespaces": ["ops"]}
    place.server.ask("POST", f"auth/{mount}/role/ci", {**bound, "token_policies": [policy]})
    user = {"username": "system:serviceaccount:ops:rotor", "uid": "uid-of-rotor", "groups": []}
    api.answer(201, {"kind": "TokenReview", "status": {"authenticated": True, "user": user}}, content_type="text/json")
    return {"method": "kubernetes", "mount": mount, "role": "ci"}


def pod_token(place: Place) -> str:
    account = {"name": "rotor", "uid": "uid-of-rotor"}
    owner = {"namespace": "ops", "serviceaccount": account}
    return signed(place, iss="cluster", sub="system:serviceaccount:ops:rotor", **{"kubernetes.io": owner})


def works(place: Place, auth: dict[str, Any]) -> VaultConnection:
    store = place.store(auth=auth)
    store.write(place.container, secret(A="one"))
    assert place.values == {"A": "one"}
    return store.connection


# The five ways


def test_a_token_is_used_as_it_is(kv2: Place) -> None:
    token = kv2.token(data=ALL)
    assert works(kv2, {"method": "token", "token": SecretValue(token)}).probe().startswith("token token, policies ")


def test_an_approle_logs_in(kv2: Place) -> None:
    assert works(kv2, approle(kv2)).probe().startswith("token approle")


def test_an_approle_may_do_without_a_secret_id(kv2: Place) -> None:
    works(kv2, approle(kv2, bind_secret_id=False, token_bound_cidrs=["127.0.0.1/32"]))


def test_a_user_logs_in(kv2: Place) -> None:
    assert "nova.ops" in works(kv2, userpass(kv2)).probe()


def test_a_job_logs_in_with_its_jwt(kv2: Place) -> None:
    auth = by_jwt(kv2)
    works(kv2, auth)
    del auth["role"]
    works(kv2, auth)


def test_a_pod_logs_in_with_the_token_that_is_in_its_file(
    kv2: Place, script: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text(pod_token(kv2), encoding="utf-8")
    monkeypatch.setattr(tokens, "_POD_TOKEN", str(file))
    works(kv2, kubernetes(kv2, script))
    assert script.asked == ["POST /apis/authentication.k8s.io/v1/tokenreviews"]


def test_outside_of_a_pod_the_jwt_is_missed(kv2: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_POD_TOKEN", "/nowhere/token")
    with pytest.raises(ConfigurationError, match="cannot read the file /nowhere/token"):
        kv2.connect(auth={"method": "kubernetes", "role": "ci"}).probe()


def test_a_pods_token_may_be_given(kv2: Place, script: Scripted) -> None:
    works(kv2, {**kubernetes(kv2, script), "jwt": SecretValue(pod_token(kv2))})


def test_a_login_in_a_namespace_is_for_that_namespace(namespaced: Place) -> None:
    works(namespaced, approle(namespaced))


def test_a_login_in_another_namespace_is_for_this_one_where_its_policy_says_so(kv2: Place, namespaced: Place) -> None:
    """As an administrator has it who logs in at the top."""
    policy = kv2.server.policy({f"{namespaced.namespace}/{namespaced.api_path}": ALL})
    auth = approle(kv2, token_policies=[policy])
    works(namespaced, {**auth, "namespace": "root"})


# Refused


@pytest.mark.parametrize(
    "change",
    [{"secret_id": SecretValue("wrong-secret-id")}, {"role_id": "wrong-role-id"}],
    ids=["secret_id", "role_id"],
)
def test_a_refused_login_names_what_to_check(kv2: Place, change: dict[str, Any]) -> None:
    auth = {**approle(kv2), **change}
    with pytest.raises(AuthenticationError, match=r"by approle: .* answered 400: the login is") as no:
        kv2.connect(auth=auth).probe()
    assert "Check role_id, secret_id" in str(no.value)
    assert "wrong-secret" not in str(no.value)


def test_a_jwt_of_somebody_else_is_refused(kv2: Place) -> None:
    auth = {**by_jwt(kv2), "jwt": SecretValue(signed(kv2, sub="job", aud="another"))}
    with pytest.raises(AuthenticationError, match="the login is refused"):
        kv2.connect(auth=auth).probe()


def test_a_method_that_is_not_mounted_may_be_the_reason(kv2: Place) -> None:
    """Without a token, the server says no more than 403."""
    with pytest.raises(AuthenticationError, match="and the mount auth/approle"):
        kv2.connect(auth={"method": "approle", "role_id": "ci"}).probe()


@pytest.mark.parametrize(
    ("auth", "missing"),
    [
        ({"method": "approle"}, "role_id"),
        ({"method": "userpass", "username": "nova"}, "password"),
        ({"method": "jwt", "role": "ci"}, "jwt"),
        ({"method": "kubernetes"}, "role"),
        ({"method": "token"}, "token"),
    ],
)
def test_an_option_that_a_method_needs_is_missed_before_anything_is_sent(
    kv2: Place, auth: dict[str, Any], missing: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"auth method {auth['method']} needs {missing}$"):
        kv2.connect(auth=auth)


def test_a_second_factor_is_told_of(script: Scripted, clock: VirtualClock) -> None:
    script.answer(200, {"auth": {"client_token": "", "mfa_requirement": {"mfa_request_id": "x"}}})
    auth = {"method": "userpass", "username": "nova", "password": SecretValue(PASSWORD)}
    with pytest.raises(UnexpectedAnswerError, match=r"has no token\. It asks for a second factor"):
        VaultConnection({"url": script.url, "auth": auth}, clock=clock).probe()


def test_a_dead_token_is_told_apart_from_one_without_a_right(kv2: Place) -> None:
    token = kv2.token(metadata=("read",))
    store = kv2.store(token)
    assert store.connection.probe().startswith("token token")
    with pytest.raises(PermissionDeniedError, match=f"The token needs create and update on {kv2.api_path}$"):
        store.write(kv2.container, secret(A="one"), store.observe(kv2.container, ["A"]))
    kv2.server.ask("POST", "auth/token/revoke", {"token": token})
    for attempt in (store.connection.probe, lambda: store.observe(kv2.container, ["A"])):
        with pytest.raises(AuthenticationError, match="the token has expired, was revoked, or is bound to") as no:
            attempt()
        assert "Give the connection a new one" in str(no.value)


def test_a_token_that_may_not_look_at_itself_lives_all_the_same(kv2: Place) -> None:
    policy = kv2.server.policy({kv2.api_path: ALL})
    store = kv2.store(kv2.server.token(policy, no_default_policy=True))
    assert store.connection.probe() == "a token that may not look at itself"
    store.write(kv2.container, secret(A="one"))
    assert kv2.values == {"A": "one"}


def test_what_refuses_without_vaults_words_leaves_both_open(kv2: Place, proxy: Proxy) -> None:
    proxy.fault(status=403, times=0)
    store = kv2.store(url=proxy.url)
    with pytest.raises(PermissionDeniedError, match=f"needs read on {kv2.api_path}; or it has expired"):
        store.observe(kv2.container, ["A"])
    with pytest.raises(PermissionDeniedError, match="something before the server refuses it"):
        store.connection.probe()


# Long runs


def logins(proxy: Proxy) -> list[str]:
    return [seen.path.rsplit("/", 1)[1] for seen in proxy.requests if "/auth/" in seen.path]


def test_there_is_one_login_for_all_threads(kv2: Place, proxy: Proxy) -> None:
    store = kv2.store(auth=approle(kv2), url=proxy.url)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _turn: store.observe(kv2.container, ["A"]), range(16)))
    assert logins(proxy) == ["login"]


def test_nothing_is_sent_before_something_is_asked(kv2: Place, proxy: Proxy) -> None:
    kv2.store(auth=approle(kv2), url=proxy.url)
    assert proxy.requests == []


def test_a_login_changes_nothing_as_far_as_others_are_concerned(kv2: Place, proxy: Proxy) -> None:
    kv2.store(auth=approle(kv2), url=proxy.url).observe(kv2.container, ["A"])
    assert proxy.mutating == 0


def test_a_token_is_renewed_before_it_ends(kv2: Place, proxy: Proxy, clock: VirtualClock) -> None:
    store = kv2.store(auth=approle(kv2, token_ttl="60s", token_max_ttl="1h"), url=proxy.url)
    for _turn in range(6):
        store.observe(kv2.container, ["A"])
        clock.sleep(21)
    assert logins(proxy) == ["login", "renew-self", "renew-self"]


def test_a_token_that_cannot_be_renewed_is_replaced_by_a_login(kv2: Place, proxy: Proxy, clock: VirtualClock) -> None:
    store = kv2.store(auth=approle(kv2, token_ttl="60s", token_type="batch"), url=proxy.url)
    store.observe(kv2.container, ["A"])
    clock.sleep(41)
    store.observe(kv2.container, ["A"])
    assert logins(proxy) == ["login", "renew-self", "login"]


def test_a_token_whose_longest_life_is_almost_over_is_replaced_by_a_login(
    kv2: Place, proxy: Proxy, clock: VirtualClock
) -> None:
    """The server gives what is left of it and no more."""
    auth = approle(kv2, token_ttl="600s", token_max_ttl="600s")
    store = kv2.store(auth=auth, url=proxy.url)
    store.observe(kv2.container, ["A"])
    clock.sleep(401)
    proxy.fault("POST", "/renew-self", status=200, body={"auth": {"client_token": "", "lease_duration": 199}})
    store.observe(kv2.container, ["A"])
    assert logins(proxy) == ["login", "renew-self", "login"]


def test_a_token_that_was_given_is_renewed_as_well_once_it_was_looked_at(
    kv2: Place, proxy: Proxy, clock: VirtualClock
) -> None:
    policy = kv2.server.policy({kv2.api_path: ALL})
    store = kv2.store(kv2.server.token(policy, ttl="600s"), url=proxy.url)
    store.connection.probe()
    clock.sleep(401)
    store.observe(kv2.container, ["A"])
    store.observe(kv2.container, ["A"])
    assert logins(proxy) == ["lookup-self", "renew-self"]


def test_a_run_outlives_a_token_that_was_revoked(kv2: Place, proxy: Proxy) -> None:
    auth = approle(kv2)
    store = kv2.store(auth=auth, url=proxy.url)
    store.write(kv2.container, secret(A="one"))
    _revoke_all(kv2.server, auth["mount"])
    store.write(kv2.container, secret(A="two"))
    assert kv2.values == {"A": "two"}
    assert logins(proxy).count("login") == 2


def test_threads_whose_token_was_revoked_log_in_once(kv2: Place, proxy: Proxy) -> None:
    auth = approle(kv2)
    store = kv2.store(auth=auth, url=proxy.url)
    store.observe(kv2.container, ["A"])
    _revoke_all(kv2.server, auth["mount"])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _turn: store.observe(kv2.container, ["A"]), range(8)))
    assert logins(proxy).count("login") == 2


def test_a_used_up_secret_id_ends_the_run_only_when_its_token_ends(
    kv2: Place, proxy: Proxy, clock: VirtualClock
) -> None:
    auth = approle(kv2, token_ttl="60s", token_type="batch", secret_id_num_uses=1)
    store = kv2.store(auth=auth, url=proxy.url)
    store.observe(kv2.container, ["A"])
    clock.sleep(41)
    store.write(kv2.container, secret(A="one"))
    proxy.fault(status=403, path=r"/(kv-|lookup-self)", times=0, body={"errors": ["permission denied"]})
    with pytest.raises(AuthenticationError, match="the login is refused"):
        store.observe(kv2.container, ["A"])


def test_a_right_that_is_missing_takes_no_login(kv2: Place, proxy: Proxy) -> None:
    auth = approle(kv2, token_policies=["default"])
    store = kv2.store(auth=auth, url=proxy.url)
    with pytest.raises(PermissionDeniedError):
        store.observe(kv2.container, ["A"])
    assert logins(proxy) == ["login"]


def _revoke_all(server: OpenBao, mount: str) -> None:
    server.ask("PUT", f"sys/leases/revoke-prefix/auth/{mount}")
