# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens on a real server, made and revoked by one of them."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    OutcomeUnknownError,
    PermissionDeniedError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.client import VaultConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.own_tokens import VaultTokens
from tests.conformance.proxy import Proxy
from tests.servers.openbao import OpenBao
from tests.unit.core.doubles import VirtualClock

NAME = "rotor-7f3a-1"
ADMIN = {
    "auth/token/create-orphan": ("create", "update"),
    "auth/token/create/*": ("create", "update"),
    "auth/token/roles/*": ("read",),
    "auth/token/accessors*": ("list", "sudo"),
    "auth/token/lookup-accessor": ("create", "update"),
    "auth/token/revoke-accessor": ("create", "update"),
}


@pytest.fixture
def admin(bao: OpenBao) -> str:
    """A policy for whoever makes and revokes tokens, and nothing else."""
    return bao.policy(ADMIN)


def tokens(bao: OpenBao, clock: VirtualClock, value: str, url: str = "", **options: Any) -> VaultTokens:
    connection = VaultConnection({"url": url or bao.url, "token": SecretValue(value)}, clock=clock)
    return VaultTokens({"lifetime": "20d", **options}, connection, clock=clock)


def test_token_is_listed_accepted_and_refused_when_revoked(bao: OpenBao, clock: VirtualClock, admin: str) -> None:
    issuer = tokens(bao, clock, bao.token(admin))
    made, other = issuer.mint(NAME), issuer.mint("rotor-7f3a-2")
    assert issuer.preflight(made.id) == []
    [found] = [one for one in issuer.listed() if one.id == made.id]
    assert found.name == NAME
    assert found.created_at
    assert found.expires_at
    assert (found.expires_at - found.created_at).days == 20
    for _turn in range(2):
        issuer.revoke(Credential(made.id, NAME, {}))
    assert issuer.answer(made) is Answer.REFUSED
    assert issuer.answer(other) is Answer.ACCEPTED
    assert issuer.preflight(made.id) == [f"the token with the accessor {made.id} is not valid"]


def test_new_token_survives_the_old_one_that_has_made_it_and_revokes_it(
    bao: OpenBao, clock: VirtualClock, admin: str
) -> None:
    old = tokens(bao, clock, bao.token(admin)).mint(NAME)
    first = tokens(bao, clock, old.fields["token"].reveal())
    new = first.mint("rotor-7f3a-2")
    assert first.is_own(str(old.id))
    assert not first.is_own(str(new.id))
    assert first.shortfall(new) == []
    second = tokens(bao, clock, new.fields["token"].reveal())
    second.revoke(Credential(old.id, NAME, {}))
    assert second.answer(old) is Answer.REFUSED
    assert second.answer(new) is Answer.ACCEPTED


def test_shortfall_is_a_policy_that_the_new_one_lacks(bao: OpenBao, clock: VirtualClock, admin: str) -> None:
    issuer = tokens(bao, clock, bao.token(admin), policies=["default"])
    assert issuer.shortfall(issuer.mint(NAME)) == [f"the policy {admin}"]


def test_role_has_to_make_tokens_without_a_parent_that_live_long(bao: OpenBao, clock: VirtualClock, admin: str) -> None:
    role = f"role-{secrets.token_hex(4)}"
    issuer = tokens(bao, clock, bao.token(admin), role=role)
    assert issuer.preflight(None) == [f"there is no token role {role}"]
    bao.ask("POST", f"auth/token/roles/{role}", {"orphan": False, "token_explicit_max_ttl": "24h"})
    ends_with_parent, too_short = issuer.preflight(None)
    assert "ends with its parent" in ends_with_parent
    assert "at most" in too_short
    bao.ask("POST", f"auth/token/roles/{role}", {"orphan": True, "token_explicit_max_ttl": 0})
    assert issuer.preflight(None) == []
    assert issuer.answer(issuer.mint(NAME)) is Answer.ACCEPTED
    assert "lives for 32d at most" in tokens(bao, clock, bao.root, lifetime="120d").preflight(None)[0]


def test_mint_without_an_answer_is_unknown_and_found_by_its_name(
    bao: OpenBao, clock: VirtualClock, admin: str, proxy: Proxy
) -> None:
    proxy.fault("POST", r"/create-orphan$", kind="reset_after")
    name = f"rotor-{secrets.token_hex(4)}"
    with pytest.raises(OutcomeUnknownError):
        tokens(bao, clock, bao.token(admin), proxy.url).mint(name)
    issuer = tokens(bao, clock, bao.token(admin))
    [orphan] = [one for one in issuer.listed() if one.name == name]
    issuer.revoke(Credential(orphan.id, name, {}))
    assert name not in {one.name for one in issuer.listed()}


def test_answers_that_prove_nothing_are_no_refusal(bao: OpenBao, clock: VirtualClock, admin: str, proxy: Proxy) -> None:
    made = tokens(bao, clock, bao.token(admin)).mint(NAME)
    issuer = tokens(bao, clock, bao.token(admin), proxy.url)
    for status in (403, 500):
        proxy.fault("GET", "/lookup-self$", kind="status", status=status, times=0)
        with pytest.raises((PermissionDeniedError, UnavailableError)):
            issuer.verify(made)
        proxy.clear()


def test_token_that_is_bound_to_other_addresses_is_no_dead_one(bao: OpenBao, clock: VirtualClock, admin: str) -> None:
    role = f"role-{secrets.token_hex(4)}"
    bao.ask("POST", f"auth/token/roles/{role}", {"orphan": True, "token_bound_cidrs": ["192.0.2.0/24"]})
    issuer = tokens(bao, clock, bao.token(admin), role=role)
    assert issuer.preflight(None) == []
    [note] = issuer.preview()
    assert "works from 192.0.2.0/24 only" in note
    made = issuer.mint(NAME)
    assert issuer.answer(made) is Answer.UNCLEAR
    issuer.revoke(made)
    assert issuer.answer(made) is Answer.REFUSED


def test_token_without_an_accessor_is_not_said_to_be_dead(bao: OpenBao, clock: VirtualClock, admin: str) -> None:
    unknown = Credential(None, NAME, {"token": SecretValue("s.of-nobody")})
    assert tokens(bao, clock, bao.token(admin)).answer(unknown) is Answer.UNCLEAR


def test_token_that_may_not_list_is_told_before_a_mint(bao: OpenBao, clock: VirtualClock) -> None:
    with pytest.raises(PermissionDeniedError):
        tokens(bao, clock, bao.token("default")).preflight(None)


def test_token_that_ends_while_it_is_listed_is_left_out(
    bao: OpenBao, clock: VirtualClock, admin: str, proxy: Proxy
) -> None:
    issuer = tokens(bao, clock, bao.token(admin))
    made = issuer.mint(NAME)
    proxy.before(lambda: issuer.revoke(made), "POST", r"/lookup-accessor$")
    assert made.id not in {one.id for one in tokens(bao, clock, bao.token(admin), proxy.url).listed()}
