# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access keys of an IAM user, as moto has them."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    AuthenticationError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.access_keys import IamAccessKeys
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.client import SsmConnection
from tests.conformance.proxy import Proxy
from tests.servers.moto import EVERYTHING, Keys, Moto
from tests.unit.core.doubles import VirtualClock
from tests.unit.providers.aws.conftest import Connect

NAME = "rotor-7f3a-1"
GONE = Credential("AKIAIOSFODNN7EXAMPLE", "old", {})
DENIED = "<ErrorResponse><Error><Code>AccessDenied</Code></Error><RequestId>r</RequestId></ErrorResponse>"
Issue = Callable[..., IamAccessKeys]


@pytest.fixture
def user() -> str:
    return f"user-{secrets.token_hex(4)}"


@pytest.fixture
def pair(moto: Moto, user: str) -> Keys:
    """The only key of a user who may do everything."""
    return moto.user(user, EVERYTHING)


@pytest.fixture
def issue(connect: Connect, clock: VirtualClock, user: str, pair: Keys) -> Issue:
    """The user's keys, seen with one of them, or with another pair."""

    def issue(keys: Keys | None = None, **options: str) -> IamAccessKeys:
        return IamAccessKeys({"user": user, **options}, connect(SsmConnection, keys or pair), clock=clock)

    return issue


def keys_of(credential: Credential) -> Keys:
    return {name: value.reveal() for name, value in credential.fields.items()}


def test_new_key_disables_and_deletes_the_old_one(issue: Issue, pair: Keys, moto: Moto, user: str) -> None:
    first, old = issue(), Credential(pair["access_key_id"], "old", {})
    assert first.preflight(old.id) == []
    assert first.is_own(str(old.id))
    made = first.mint(NAME)
    assert first.answer(made) is Answer.ACCEPTED
    assert first.shortfall(made) == []
    assert not first.is_own(str(made.id))
    second = issue(keys_of(made))
    second.disable(old)
    assert {key.id: key.scope for key in second.listed()} == {old.id: "Inactive", made.id: "Active"}
    second.enable(old)
    second.disable(old)
    for _turn in range(2):
        second.revoke(old)
    assert [key.id for key in second.listed()] == [made.id]
    second.disable(old)
    assert [key["AccessKeyId"] for key in moto.client("iam").list_access_keys(UserName=user)["AccessKeyMetadata"]] == [
        made.id
    ]


def test_key_of_another_account_is_not_taken_for_ended(issue: Issue, proxy: Proxy) -> None:
    answer = "<GetAccessKeyInfoResult><Account>999999999999</Account></GetAccessKeyInfoResult>"
    body = f"<GetAccessKeyInfoResponse>{answer}</GetAccessKeyInfoResponse>"
    proxy.fault("POST", "", operation="GetAccessKeyInfo", kind="status", status=200, body=body, times=0)
    for end in (issue().disable, issue().revoke):
        with pytest.raises(NotFoundError) as raised:
            end(GONE)
        assert "is another account's, or another user's" in raised.value.hint


def test_key_of_another_user_is_not_taken_for_ended(issue: Issue, pair: Keys, moto: Moto, user: str) -> None:
    moto.client("iam").create_user(UserName=f"other-{user}")
    wrong, old = issue(user=f"other-{user}"), Credential(pair["access_key_id"], "old", {})
    for end in (wrong.disable, wrong.revoke):
        with pytest.raises(NotFoundError):
            end(old)
    assert [(key.id, key.scope) for key in issue().listed()] == [(old.id, "Active")]


def test_gone_key_is_no_error_where_aws_does_not_say_whose_it_was(issue: Issue, proxy: Proxy) -> None:
    for operation in ("GetAccessKeyInfo", "GetAccessKeyLastUsed"):
        proxy.fault("POST", "", operation=operation, kind="status", status=403, body=DENIED, times=0)
    issue().disable(GONE)
    issue().revoke(GONE)


def test_second_key_is_listed_and_left_alone(issue: Issue, pair: Keys, moto: Moto, user: str) -> None:
    other = moto.client("iam").create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    assert issue().quota() == len(issue().listed()) == 2
    with pytest.raises(InvalidRequestError):
        issue().mint(NAME)
    assert {key.id for key in issue().listed()} == {other, pair["access_key_id"]}


def test_missing_user_and_key_that_is_not_active_are_told(issue: Issue, pair: Keys, moto: Moto, user: str) -> None:
    assert issue(user="nobody").preflight(None) == ["there is no user nobody in the account"]
    other = moto.client("iam").create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    moto.client("iam").update_access_key(UserName=user, AccessKeyId=other, Status="Inactive")
    assert any(f"{other} is no active one of the user" in problem for problem in issue().preflight(other))
    assert any("AKIANOBODY is no active one" in problem for problem in issue().preflight("AKIANOBODY"))


def test_lost_answer_is_unknown_and_not_sent_again(issue: Issue, proxy: Proxy, moto: Moto, user: str) -> None:
    issuer = issue()
    issuer.listed()
    proxy.fault("POST", "", operation="CreateAccessKey", kind="reset_after")
    with pytest.raises(OutcomeUnknownError):
        issuer.mint(NAME)
    assert len(moto.client("iam").list_access_keys(UserName=user)["AccessKeyMetadata"]) == 2


def test_key_of_another_user_or_with_fewer_rights_falls_short(issue: Issue, moto: Moto, user: str) -> None:
    stranger = {name: SecretValue(text) for name, text in moto.stranger.items()}
    [lacking] = issue().shortfall(Credential("x", NAME, stranger))
    assert lacking.endswith(f"user/{user}")
    made = issue().mint(NAME)
    moto.client("iam").delete_user_policy(UserName=user, PolicyName="rights")
    with pytest.raises(PermissionDeniedError):
        issue().listed()
    assert issue().shortfall(made) == ["iam:ListAccessKeys"]


@pytest.mark.parametrize(
    ("code", "refused"), [("InvalidClientTokenId", True), ("SignatureDoesNotMatch", False), ("ExpiredToken", False)]
)
def test_only_an_unknown_key_is_a_refusal(issue: Issue, proxy: Proxy, pair: Keys, code: str, refused: bool) -> None:
    body = f"<ErrorResponse><Error><Code>{code}</Code></Error><RequestId>r</RequestId></ErrorResponse>"
    issuer, shown = issue(), {name: SecretValue(text) for name, text in pair.items()}
    proxy.fault("POST", "", kind="status", status=403, body=body, times=0)
    if refused:
        assert issuer.verify(Credential("x", NAME, shown)) is Answer.REFUSED
        return
    with pytest.raises(AuthenticationError):
        issuer.verify(Credential("x", NAME, shown))
