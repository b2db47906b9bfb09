# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret-ids of an AppRole on a real server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RotorError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.client import VaultConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.secret_ids import VaultSecretIds
from tests.conformance.proxy import Proxy
from tests.servers.openbao import OpenBao
from tests.unit.core.doubles import VirtualClock

NAME = "rotor-7f3a-1"
RIGHTS = ("create", "read", "update", "list", "delete")


@dataclass
class Role:
    """An AppRole of its own; whoever has one of its secret-ids may make and end others."""

    bao: OpenBao
    mount: str
    clock: VirtualClock
    name: str = "ci"

    def __post_init__(self) -> None:
        self.policy = self.bao.policy({f"auth/{self.mount}/role/{self.name}*": RIGHTS})
        self.set(token_policies=[self.policy])

    def set(self, **how: Any) -> None:
        self.bao.ask("POST", f"auth/{self.mount}/role/{self.name}", how)

    def login(self, secret_id: SecretValue | None = None) -> VaultConnection:
        path = f"auth/{self.mount}/role/{self.name}"
        role_id = self.bao.ask("GET", f"{path}/role-id")["data"]["role_id"]
        secret_id = secret_id or SecretValue(self.bao.ask("POST", f"{path}/secret-id")["data"]["secret_id"])
        auth = {"method": "approle", "mount": self.mount, "role_id": role_id, "secret_id": secret_id}
        return VaultConnection({"url": self.bao.url, "auth": auth}, clock=self.clock)

    def issuer(self, connection: VaultConnection | None = None, **options: Any) -> VaultSecretIds:
        given = {"role": self.name, "mount": self.mount, **options}
        return VaultSecretIds(given, connection or self.login(), clock=self.clock)

    def by_root(self, url: str = "", **options: Any) -> VaultSecretIds:
        connection = {"url": url or self.bao.url, "token": SecretValue(self.bao.root)}
        return self.issuer(VaultConnection(connection, clock=self.clock), **options)


@pytest.fixture
def role(bao: OpenBao, clock: VirtualClock) -> Role:
    return Role(bao, bao.auth("approle"), clock)


def test_secret_id_is_listed_by_its_name_accepted_and_refused_when_destroyed(role: Role) -> None:
    issuer = role.issuer(lifetime="20d", cidr_list=["127.0.0.0/8"])
    made, other = issuer.mint(NAME), issuer.mint("rotor-7f3a-2")
    assert issuer.preflight(made.id) == []
    [found] = [one for one in issuer.listed() if one.name == NAME]
    assert found.id == made.id
    assert found.created_at
    assert found.expires_at
    assert (found.expires_at - found.created_at).days == 20
    assert issuer.answer(made) is issuer.answer(other) is Answer.ACCEPTED
    for _turn in range(2):
        issuer.revoke(Credential(made.id, NAME, {}))
    assert issuer.answer(made) is Answer.REFUSED
    assert issuer.answer(other) is Answer.ACCEPTED
    assert made.id not in {one.id for one in issuer.listed()}
    assert any("is not one of the role" in problem for problem in issuer.preflight(made.id))


def test_new_secret_id_revokes_the_old_one_and_leaves_no_token_behind(role: Role) -> None:
    old = role.by_root().mint(NAME)
    new = role.issuer(role.login(old.fields["secret_id"])).mint("rotor-7f3a-2")
    role.issuer(role.login(new.fields["secret_id"])).revoke(Credential(old.id, NAME, {}))
    assert role.by_root().answer(old) is Answer.REFUSED


@pytest.mark.parametrize("fault", [{"kind": "reset_after"}, {"kind": "status_after", "status": 200, "body": "<html>"}])
def test_mint_without_an_answer_is_unknown_and_found_by_its_name(role: Role, proxy: Proxy, fault: Any) -> None:
    proxy.fault("POST", r"/secret-id$", **fault)
    with pytest.raises(OutcomeUnknownError):
        role.by_root(proxy.url).mint(NAME)
    [orphan] = [one for one in role.by_root().listed() if one.name == NAME]
    role.by_root().revoke(Credential(orphan.id, NAME, {}))
    assert NAME not in {one.name for one in role.by_root().listed()}


def test_preflight_looks_at_the_limits_of_role_and_current_one(role: Role) -> None:
    role.set(secret_id_num_uses=3, secret_id_ttl="24h")
    path = f"auth/{role.mount}/role/{role.name}/secret-id"
    old = role.bao.ask("POST", path, {"cidr_list": ["10.0.0.0/8"], "metadata": json.dumps({})})["data"]
    issuer = role.issuer(lifetime="90d")
    problems = "\n".join(issuer.preflight(old["secret_id_accessor"]))
    assert "is used up after 3 logins" in problems
    assert "lives for 24h at most" in problems or "lives for 1d at most" in problems
    assert "can be used from 10.0.0.0/8" in problems
    assert issuer.preview() != []
    role.set(secret_id_num_uses=0, secret_id_ttl=0)
    [problem] = role.by_root(lifetime="90d").preflight(None)
    assert "lives for 32d at most" in problem  # the server says nothing of it, and shortens
    issuer = role.issuer(lifetime="90d")
    before = role.by_root().listed()
    with pytest.raises(ConfigurationError, match="would live for 32d only, and was ended"):
        issuer.mint(NAME)
    assert role.by_root().listed() == before


def test_own_secret_id_is_told_by_its_accessor(role: Role) -> None:
    old, new = (role.by_root().mint(name) for name in (NAME, "rotor-7f3a-2"))
    issuer = role.issuer(role.login(old.fields["secret_id"]))
    assert issuer.is_own(str(old.id))
    assert not issuer.is_own(str(new.id))
    assert not role.by_root().is_own(str(old.id))


def test_secret_id_of_another_role_is_not_its_own(role: Role) -> None:
    made = role.by_root().mint(NAME)
    own = role.login()
    role.name = "deploy"
    role.set(token_policies=[])
    path = f"auth/{role.mount}/role/deploy*"
    role.bao.ask("POST", f"auth/{role.mount}/role/ci", {"token_policies": [role.bao.policy({path: RIGHTS})]})
    assert not role.issuer(own).is_own(str(made.id))


def test_shortfall_is_what_the_role_has_lost(role: Role) -> None:
    own = role.login()
    own.probe()  # its token keeps the policies of its login
    issuer = role.issuer(own)
    assert issuer.shortfall(issuer.mint(NAME)) == []
    role.set(token_policies=[role.policy, "more"])
    assert issuer.shortfall(issuer.mint(NAME)) == []
    role.set(token_policies=["more"])
    assert issuer.shortfall(issuer.mint(NAME)) == [f"the policy {role.policy}"]


def test_missing_right_and_missing_role_are_told(role: Role, bao: OpenBao) -> None:
    stranger = VaultConnection({"url": bao.url, "token": SecretValue(bao.token("default"))}, clock=role.clock)
    with pytest.raises(PermissionDeniedError):
        role.issuer(stranger).preflight(None)
    with pytest.raises(RotorError):
        role.issuer(stranger).mint(NAME)
    role.name = "nobody"
    [problem] = role.by_root().preflight(None)
    assert f"the role nobody at auth/{role.mount} is not there" in problem


def test_secret_id_that_ends_while_it_is_listed_is_left_out(role: Role, proxy: Proxy) -> None:
    made = role.by_root().mint(NAME)
    proxy.before(lambda: role.by_root().revoke(made), "POST", r"/secret-id-accessor/lookup$")
    assert role.by_root(proxy.url).listed() == []
