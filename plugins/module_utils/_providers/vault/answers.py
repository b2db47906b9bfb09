# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Vault's answers mean, beyond their status. Its error texts are only compared with known phrases, never shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._core.errors import (
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PendingApprovalError,
    PermissionDeniedError,
    RotorError,
    UnavailableError,
    UnexpectedAnswerError,
)
from ..._core.http.answers import Answer

UNDERSTOOD = (200, 204, 400, 403, 404, 405, 413)
"""The statuses whose meaning is in the body."""
BY_POLICY, BY_TOKEN = "policy", "token"
"""The ``code`` of what is denied: the token lives and lacks a right, or the server does not know it."""


class AbsentError(NotFoundError):
    """Nothing is there. ``metadata`` is the newest version's, where there is one that was deleted or destroyed."""

    def __init__(self, message: str, metadata: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, status=404)
        self.metadata = metadata or {}


class MismatchError(ConflictError):
    """Check-and-set failed: the document has another version than the one that was meant."""


class UnsupportedError(RotorError):
    """405: this server, or this engine, has no such operation."""


def result(answer: Answer) -> dict[str, Any]:
    """Return the body of a success (empty for 204); raise any other answer as an error."""
    if answer.status == 204:
        return {}
    if answer.status != 200:
        raise _refusal(answer)
    body = answer.json
    if not isinstance(body, dict):
        raise UnexpectedAnswerError(f"{answer.where} answered without an object", status=200)
    if body.get("wrap_info"):
        raise PendingApprovalError(
            f"{answer.where} was wrapped, and is carried out once its control group has authorized it",
            hint=f"Let it be authorized and unwrapped (accessor {_accessor(body)}), or use a token without that policy",
        )
    return body


def _refusal(answer: Answer) -> RotorError:
    message, status = f"{answer.where} answered {answer.status}", answer.status
    body = _body(answer)
    phrases = " ".join(item for item in _list(body.get("errors")) if isinstance(item, str))
    if status == 404:
        return _missing(answer, message, body)
    if status == 403:
        return PermissionDeniedError(message, status=403, code=_denied_by(phrases))
    if status == 405:
        return UnsupportedError(message, status=405)
    if "check-and-set parameter did not match" in phrases:
        return MismatchError(f"{message}: somebody else has changed it meanwhile", status=status)
    if "Upgrading from non-versioned" in phrases:
        return UnavailableError(f"{message}: the mount is being set up", hint="Run again in a moment", status=status)
    hint = ""
    if "check-and-set parameter required" in phrases:
        hint = "It takes no write without check-and-set: the token must be able to read it, or its metadata"
    elif status == 413 or "high complexity" in phrases:
        hint = "The whole document is too large for the server's storage, or for its limits on requests"
    return InvalidRequestError(message, hint=hint, status=status)


def _denied_by(phrases: str) -> str:
    """Tell a policy's refusal from that of an unknown token, by the phrases of both servers."""
    if "invalid token" in phrases or "bad token" in phrases or phrases == "permission denied":
        return BY_TOKEN
    return BY_POLICY if "permission denied" in phrases or "capability check" in phrases else ""


def _missing(answer: Answer, message: str, body: Mapping[str, Any]) -> RotorError:
    """Return the error for a 404: AbsentError only where Vault itself says so, not for a missing mount or HTML."""
    data = body.get("data")
    data = data if isinstance(data, dict) else {}
    metadata = data.get("metadata", data)
    if isinstance(metadata, dict) and "version" in metadata:
        return AbsentError(message, metadata)
    if "error" in data and "request_id" in body:  # an accessor that it does not know
        return AbsentError(message)
    if body.get("errors") == [] or (not answer.text and "application/json" in answer.headers.get("Content-Type", "")):
        return AbsentError(message)
    if any("versioned K/V" in str(warning) for warning in _list(body.get("warnings"))):
        return ConfigurationError(f"{message}: this mount is of KV version 2", hint="Say version: 2, or leave it out")
    if "errors" in body:
        return NotFoundError(message, hint="The mount or the namespace is missing", status=404)
    return UnexpectedAnswerError(f"{message}, and not as Vault does", hint="Check the connection's url", status=404)


def _body(answer: Answer) -> dict[str, Any]:
    try:
        body = answer.json
    except UnexpectedAnswerError:
        return {}
    return body if isinstance(body, dict) else {}


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _accessor(body: Mapping[str, Any]) -> str:
    wrapped = body["wrap_info"]
    return str(wrapped.get("accessor", "unknown")) if isinstance(wrapped, dict) else "unknown"
