# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What boto3 raises, as errors of ours: by class, code and status only, since its texts may quote what was sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..._core import errors
from ..._core.deps import library
from ..._core.http import wire
from ..._core.http.limits import number

Kind = type[errors.RotorError]

_KEY_HINT = "Check the access key, and whether its account is in this partition"
_CLOCK_HINT = "Check the secret access key, and this machine's clock"
_EXPIRED_HINT = "Renew the session; with role_arn, it is renewed by itself"
_NONE_HINT = (
    "Give access_key_id and secret_access_key or a profile, or what boto3 finds by itself: AWS_ACCESS_KEY_ID, "
    "~/.aws, a role of this machine"
)
_KMS_HINT = "Its KMS key is disabled, deleted or in another region; or the key's policy does not allow this"
_LABEL_HINT = "Its oldest version has a label, so that AWS does not drop it: move the label, or set move_labels: true"

_BY_CODE: dict[str, tuple[Kind, str]] = {
    **dict.fromkeys(
        ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "KMSAccessDeniedException"),
        (errors.PermissionDeniedError, ""),
    ),
    **dict.fromkeys(
        ("UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "AuthFailure"),
        (errors.AuthenticationError, _KEY_HINT),
    ),
    **dict.fromkeys(
        ("SignatureDoesNotMatch", "InvalidSignatureException", "RequestExpired", "IncompleteSignature"),
        (errors.AuthenticationError, _CLOCK_HINT),
    ),
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"), (errors.AuthenticationError, _EXPIRED_HINT)
    ),
    **dict.fromkeys(
        ("MissingAuthenticationToken", "MissingAuthenticationTokenException"),
        (errors.AuthenticationError, _NONE_HINT),
    ),
    **dict.fromkeys(
        ("ThrottlingException", "Throttling", "RequestThrottled", "RequestLimitExceeded", "TooManyRequestsException"),
        (errors.RateLimitedError, "Others use the account's rate, too. Run again in a minute"),
    ),
    "TooManyUpdates": (errors.RateLimitedError, "Somebody else changes it at this moment. Run again"),
    **dict.fromkeys(
        ("ParameterNotFound", "ParameterVersionNotFound", "ResourceNotFoundException", "InvalidResourceId"),
        (errors.NotFoundError, ""),
    ),
    **dict.fromkeys(
        ("ParameterAlreadyExists", "ResourceExistsException"),
        (errors.ConflictError, "Somebody else has just made it. Run again"),
    ),
    "ParameterMaxVersionLimitExceeded": (errors.ConflictError, _LABEL_HINT),
    "HierarchyTypeMismatchException": (
        errors.ConflictError,
        "AWS does not change the type of a parameter: delete it, and run again",
    ),
    "ParameterPatternMismatchException": (
        errors.InvalidRequestError,
        "The value does not fit the allowed pattern that was set for the parameter",
    ),
    "InvalidRequestException": (errors.InvalidRequestError, "The secret is not in a state for this"),
    **dict.fromkeys(
        ("ParameterLimitExceeded", "LimitExceededException", "TooManyTagsError"),
        (errors.InvalidRequestError, "A quota of the account is used up"),
    ),
    **dict.fromkeys(
        ("InvalidKeyId", "DecryptionFailure", "EncryptionFailure", "KMSInvalidStateException", "DisabledException"),
        (errors.InvalidRequestError, _KMS_HINT),
    ),
}
_BY_STATUS: dict[int, Kind] = {
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    429: errors.RateLimitedError,
}
_ON_THE_WIRE = ("ConnectionError", "HTTPClientError", "IncompleteReadError")
_BY_CLASS: dict[str, tuple[Kind, str]] = {
    **dict.fromkeys(
        ("NoCredentialsError", "CredentialRetrievalError", "MetadataRetrievalError"),
        (errors.AuthenticationError, _NONE_HINT),
    ),
    **dict.fromkeys(
        ("SSOError", "LoginError", "TokenRetrievalError"),
        (errors.AuthenticationError, "The login has ended: log in again, with aws sso login or aws login"),
    ),
    "RecursionError": (errors.UnexpectedAnswerError, ""),
    "RuntimeError": (errors.AuthenticationError, _CLOCK_HINT),
    "PartialCredentialsError": (errors.ConfigurationError, "access_key_id and secret_access_key come together"),
    "ProfileNotFound": (errors.ConfigurationError, "There is no such profile in ~/.aws/config or ~/.aws/credentials"),
    **dict.fromkeys(
        ("ConfigParseError", "ConfigNotFound", "InvalidConfigError"),
        (errors.ConfigurationError, "See AWS's configuration files, ~/.aws/config and ~/.aws/credentials"),
    ),
    **dict.fromkeys(
        ("NoRegionError", "InvalidRegionError", "EndpointResolutionError", "UnknownEndpointError"),
        (errors.ConfigurationError, "Check the region"),
    ),
}
_ODD = {"ResponseParserError", "LookupError", "ArithmeticError", "AttributeError", "TypeError", "ValueError"}
_WITH_VALUES = ("GetParameters", "PutParameter", "GetSecretValue", "PutSecretValue", "CreateSecret")
_ACTION = re.compile(r"perform: ([a-z0-9-]+:[A-Za-z]+)")


@dataclass(frozen=True)
class Call:
    """A request, as an error tells of it."""

    service: str
    operation: str
    doing: str
    address: str
    resource: str
    changes: bool

    @property
    def where(self) -> str:
        return f"{self.doing}: {self.operation}" + (f" at {self.address}" if self.address else "")


def kinds() -> tuple[type[Exception], ...]:
    """Return the exception classes that boto3 raises.

    A RuntimeError says that a new session is over already. Its parsers raise whatever an answer of another shape than
    AWS's leads them to, such as a KeyError for STS's in XML, or a RecursionError for a thousand lists.
    """
    exceptions, parsers = library("botocore.exceptions"), library("botocore.parsers")
    own = (exceptions.BotoCoreError, exceptions.ClientError, parsers.ResponseParserError)
    return (*own, RuntimeError, LookupError, ArithmeticError, AttributeError, TypeError, ValueError)


def translate(exception: Exception, call: Call, transmission: wire.Transmission) -> errors.RotorError:
    """Turn an exception of boto3 into an error of ours; it may come from assuming a role before the call."""
    ours = getattr(exception, "kwargs", {}).get("error")
    if isinstance(ours, errors.UnreadableAnswerError):
        return errors.OutcomeUnknownError(ours.message) if call.changes and transmission.sent else ours
    response = getattr(exception, "response", None)
    if not isinstance(response, dict):
        return _not_answered(exception, call, transmission)
    operation = str(getattr(exception, "operation_name", call.operation))
    if operation != call.operation:
        call = Call("sts", operation, call.doing, address="", resource="the role", changes=False)
    return _answered(response, call)


def asked_pause(exception: Exception) -> float | None:
    """Return the seconds of ``Retry-After``; None where AWS sends none."""
    retry_after = _metadata(getattr(exception, "response", None) or {}).get("HTTPHeaders", {}).get("retry-after")
    seconds = number(retry_after)
    return None if seconds is None else float(seconds)


def _answered(response: dict[str, Any], call: Call) -> errors.RotorError:
    metadata = _metadata(response)
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(metadata.get("HTTPStatusCode") or 0)
    request_id = str(metadata.get("RequestId", ""))
    kind, hint = _BY_CODE.get(code) or (_kind_of_status(status, call), "")
    if kind is errors.PermissionDeniedError:
        hint = f"It needs {_missing_right(response, call)}"
    named = f" {code}" if code in _BY_CODE or re.fullmatch(r"[A-Za-z]{1,60}", code) else ""
    message = f"{call.where} answered {status}{named}" + (f" (request {request_id})" if request_id else "")
    return kind(message, hint=hint, status=status, request_id=request_id, code=named.strip())


def _kind_of_status(status: int, call: Call) -> Kind:
    if status >= 500:
        return errors.OutcomeUnknownError if call.changes else errors.UnavailableError
    return _BY_STATUS.get(status, errors.InvalidRequestError if status >= 400 else errors.UnexpectedAnswerError)


def _missing_right(response: dict[str, Any], call: Call) -> str:
    """Name the missing action: the one in AWS's message, which may be of KMS, or the one that was called."""
    named = _ACTION.search(str(response.get("Error", {}).get("Message", "")))
    if named:
        return f"{named.group(1)} on {call.resource}"
    also = ", and the use of its KMS key" if call.operation in _WITH_VALUES else ""
    return f"{call.service}:{call.operation} on {call.resource}{also}"


def _not_answered(exception: Exception, call: Call, transmission: wire.Transmission) -> errors.RotorError:
    names = [kind.__name__ for kind in type(exception).__mro__]
    found = next((_BY_CLASS[name] for name in names if name in _BY_CLASS), None)
    if found:
        return found[0](f"{call.where}: {names[0]}", hint=found[1])
    if not transmission.connected and (refused := wire.refused_certificate(exception)):
        why, hint = refused
        return errors.UntrustedServerError(f"{call.where}: the server's certificate is refused: {why}", hint=hint)
    if any(name in _ON_THE_WIRE for name in names):
        what = "no answer" if transmission.connected else "cannot connect"
        lost = errors.OutcomeUnknownError if call.changes and transmission.sent else errors.UnavailableError
        return lost(f"{call.where}: {what} ({names[0]})")
    if _ODD.intersection(names):
        return errors.UnexpectedAnswerError(f"{call.where}: the answer is not AWS's ({names[0]})")
    return errors.UnexpectedAnswerError(f"{call.where}: {names[0]}")


def _metadata(response: dict[str, Any]) -> dict[str, Any]:
    return response.get("ResponseMetadata") or {}
