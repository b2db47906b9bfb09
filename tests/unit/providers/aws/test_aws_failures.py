# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS answers when it does not do it, and moto never says."""

from __future__ import annotations

import traceback

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.client import SsmConnection
from tests.unit.core.doubles import Scripted, VirtualClock

QUOTED = "a-value-that-aws-quotes-in-its-error"


def read(connection: SsmConnection) -> object:
    return connection.call("GetParameters", "reading it", resource="/molecule/KEY", Names=["/molecule/KEY"])


def put(connection: SsmConnection, *, repeatable: bool = False) -> object:
    settings = {"Name": "/molecule/KEY", "Value": "any", "Type": "SecureString"}
    return connection.call(
        "PutParameter",
        "writing it",
        needs={"Version": int},
        resource="/molecule/KEY",
        repeatable=repeatable,
        **settings,
    )


@pytest.mark.parametrize(
    ("code", "kind", "hint"),
    [
        ("AccessDeniedException", errors.PermissionDeniedError, "It needs ssm:PutParameter on /molecule/KEY, and the"),
        ("ExpiredTokenException", errors.AuthenticationError, "Renew the session"),
        ("UnrecognizedClientException", errors.AuthenticationError, "Check the access key"),
        ("InvalidSignatureException", errors.AuthenticationError, "this machine's clock"),
        ("ParameterAlreadyExists", errors.ConflictError, "Somebody else has just made it"),
        ("ParameterMaxVersionLimitExceeded", errors.ConflictError, "move_labels"),
        ("HierarchyTypeMismatchException", errors.ConflictError, "does not change the type"),
        ("ParameterPatternMismatchException", errors.InvalidRequestError, "allowed pattern"),
        ("InvalidKeyId", errors.InvalidRequestError, "KMS key is disabled, deleted"),
        ("ParameterLimitExceeded", errors.InvalidRequestError, "quota"),
        ("ParameterNotFound", errors.NotFoundError, ""),
        ("ValidationException", errors.InvalidRequestError, ""),
        ("SomethingNew", errors.InvalidRequestError, ""),
    ],
)
def test_each_refusal_is_an_error_of_ours_that_quotes_nothing(
    scripted: SsmConnection, script: Scripted, code: str, kind: type[RotorError], hint: str
) -> None:
    script.answer(400, {"__type": code, "message": QUOTED}, x_amzn_requestid="request-7")
    with pytest.raises(kind) as caught:
        put(scripted)
    text = "".join(traceback.format_exception(caught.value))
    assert f"writing it: PutParameter at {script.url} answered 400 {code} (request request-7)" in text
    assert hint in caught.value.hint
    assert QUOTED not in text
    assert len(script.received) == 1


def test_the_right_that_is_missing_may_be_that_of_kms(scripted: SsmConnection, script: Scripted) -> None:
    message = f"User: {QUOTED} is not authorized to perform: kms:Decrypt on resource: {QUOTED}"
    script.answer(400, {"__type": "AccessDeniedException", "message": message})
    with pytest.raises(errors.PermissionDeniedError) as caught:
        read(scripted)
    assert caught.value.hint == "It needs kms:Decrypt on /molecule/KEY"


def test_a_status_tells_where_the_body_is_no_answer(scripted: SsmConnection, script: Scripted) -> None:
    script.answer(403, f"<html>{QUOTED}</html>")
    with pytest.raises(errors.PermissionDeniedError) as caught:
        read(scripted)
    assert QUOTED not in str(caught.value)


# Waiting


def test_a_throttled_change_waits_and_is_sent_again(
    scripted: SsmConnection, script: Scripted, clock: VirtualClock
) -> None:
    for code in ("ThrottlingException", "TooManyUpdates"):
        script.answer(400, {"__type": code, "message": "Rate exceeded"})
    script.answer(200, {"Version": 4})
    assert put(scripted)
    assert len(script.received) == 3
    assert 1 <= sum(clock.slept) <= 6


def test_it_waits_as_long_as_it_is_told(scripted: SsmConnection, script: Scripted, clock: VirtualClock) -> None:
    script.answer(429, None, retry_after="17").answer(200, {"Version": 4})
    put(scripted)
    assert sum(clock.slept) == 17


def test_it_does_not_wait_for_hours(scripted: SsmConnection, script: Scripted, clock: VirtualClock) -> None:
    script.answer(429, None, retry_after="3600")
    with pytest.raises(errors.RateLimitedError):
        put(scripted)
    assert (len(script.received), clock.slept) == (1, [])


def test_it_gives_up_after_five_attempts(scripted: SsmConnection, script: Scripted) -> None:
    for _attempt in range(6):
        script.answer(400, {"__type": "ThrottlingException"})
    with pytest.raises(errors.RateLimitedError):
        read(scripted)
    assert len(script.received) == 5


# No answer


def test_a_change_without_an_answer_is_not_sent_again(scripted: SsmConnection, script: Scripted) -> None:
    script.drop()
    with pytest.raises(errors.OutcomeUnknownError, match="no answer"):
        put(scripted)
    assert len(script.received) == 1


def test_an_error_of_the_server_leaves_a_change_in_doubt(scripted: SsmConnection, script: Scripted) -> None:
    script.answer(500, {"__type": "InternalServerError"})
    with pytest.raises(errors.OutcomeUnknownError):
        put(scripted)


def test_a_change_that_may_be_repeated_is(scripted: SsmConnection, script: Scripted) -> None:
    script.drop().answer(503).answer(200, {"Version": 4})
    assert put(scripted, repeatable=True)


def test_a_doubt_is_not_forgotten_when_the_last_word_is_another(scripted: SsmConnection, script: Scripted) -> None:
    script.drop()
    for _attempt in range(4):
        script.answer(400, {"__type": "ThrottlingException"})
    with pytest.raises(errors.OutcomeUnknownError):
        put(scripted, repeatable=True)


def test_reading_is_repeated_and_then_the_server_is_unavailable(scripted: SsmConnection, script: Scripted) -> None:
    script.drop().answer(200, {"Parameters": []})
    read(scripted)
    for _attempt in range(5):
        script.answer(500)
    with pytest.raises(errors.UnavailableError):
        read(scripted)


def test_an_answer_without_what_it_must_have_is_no_success(scripted: SsmConnection, script: Scripted) -> None:
    script.answer(200, "<html>Sign in</html>")
    with pytest.raises(errors.UnexpectedAnswerError, match="answered without Version"):
        put(scripted)


@pytest.mark.parametrize("page", ["<html>Sign in</html>", "<html><h1>Sign in</h1></html>", "Sign in", ""])
def test_a_page_in_place_of_an_identity_is_none(scripted: SsmConnection, script: Scripted, page: str) -> None:
    script.answer(200, page)
    with pytest.raises(errors.UnexpectedAnswerError, match="asking AWS who we are: GetCallerIdentity at http"):
        scripted.probe()


def test_what_boto3_itself_refuses_is_not_quoted(scripted: SsmConnection, script: Scripted) -> None:
    with pytest.raises(errors.UnexpectedAnswerError, match="ParamValidationError") as caught:
        scripted.call("PutParameter", "writing it", Name="/molecule/KEY", Value=[QUOTED])
    assert QUOTED not in "".join(traceback.format_exception(caught.value))
    assert script.received == []
