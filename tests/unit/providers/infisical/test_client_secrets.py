# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client secrets of a machine identity; what all issuers do is in tests/conformance."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    AuthenticationError,
    PermissionDeniedError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical.client import InfisicalConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical.client_secrets import (
    InfisicalClientSecrets,
)
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import VirtualClock

NAME = "rotor-7f3a-1"


def secrets_of(world: Visitor, client_secret: SecretValue | None = None, **more: Any) -> InfisicalClientSecrets:
    given = client_secret or SecretValue(world.credentials["INFISICAL_CLIENT_SECRET"])
    auth = {"method": "universal", "client_id": world.credentials["INFISICAL_CLIENT_ID"], "client_secret": given}
    options = {"url": f"{world.url}/infisical", "auth": {**auth, **more.pop("auth", {})}}
    clock = VirtualClock()
    return InfisicalClientSecrets(
        {"identity": "operator", **more}, InfisicalConnection(options, clock=clock), clock=clock
    )


def test_new_client_secret_revokes_the_old_one(world: Visitor) -> None:
    first = secrets_of(world)
    [old] = first.listed()
    assert first.preflight(old.id) == []
    made = first.mint(NAME)
    assert first.shortfall(made) == []
    second = secrets_of(world, made.fields["client_secret"])
    for _turn in range(2):
        second.revoke(Credential(old.id, old.name, {}))
    assert [(one.id, one.name, one.expires_at) for one in second.listed()] == [(made.id, NAME, None)]
    with pytest.raises(AuthenticationError):
        secrets_of(world).listed()
    assert second.preflight(old.id) == [f"the client secret {old.id} is no valid one of the identity operator"]


def test_own_client_secret_is_told_by_how_it_begins(world: Visitor) -> None:
    first = secrets_of(world)
    [old] = first.listed()
    made = first.mint(NAME)
    second = secrets_of(world, made.fields["client_secret"])
    for issuer, own, other in ((first, old.id, made.id), (second, made.id, old.id)):
        assert issuer.is_own(str(own))
        assert not issuer.is_own(str(other))
    assert not first.is_own("unknown")


def test_token_has_no_client_secret_of_its_own(world: Visitor) -> None:
    [old] = secrets_of(world).listed()
    given = world.act("mint_infisical_token", rights=["read"])
    by_token = secrets_of(world, auth={"method": "token", "token": SecretValue(given["token"])})
    assert not by_token.is_own(str(old.id))


def test_lifetime_is_the_servers_and_a_missing_identity_is_told(world: Visitor) -> None:
    issuer = secrets_of(world, lifetime="120d")
    made = issuer.mint(NAME)
    [found] = [one for one in issuer.listed() if one.id == made.id]
    assert found.created_at
    assert found.expires_at
    assert (found.expires_at - found.created_at).days == 120
    [problem] = secrets_of(world, identity="nobody").preflight(None)
    assert "the identity nobody is not there" in problem


def test_missing_right_is_told_and_a_token_has_nothing_to_compare(world: Visitor) -> None:
    given = world.act("mint_infisical_token", rights=["read"])
    limited = secrets_of(world, auth={"method": "token", "token": SecretValue(given["token"])})
    with pytest.raises(PermissionDeniedError) as denied:
        limited.preflight(None)
    assert "right to edit identities" in denied.value.hint
    assert limited.shortfall(Credential("x", NAME, {"client_secret": SecretValue("y")})) == []


def test_new_one_without_the_right_falls_short(world: Visitor) -> None:
    given = world.act("mint_infisical_token", rights=["read"])
    issuer = secrets_of(world)
    issuer.listed()
    weak = issuer.connection.__class__(
        {
            "url": f"{world.url}/infisical",
            "auth": {
                "method": "universal",
                "client_id": given["client_id"],
                "client_secret": SecretValue(given["client_secret"]),
            },
        },
        clock=issuer.clock,
    )
    issuer.connection.opened_with = lambda _value: weak  # type: ignore[assignment, method-assign]
    lacking = issuer.shortfall(Credential("x", NAME, {"client_secret": SecretValue(given["client_secret"])}))
    assert lacking == ["the right to list the client secrets of the identity operator"]
