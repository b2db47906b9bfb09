# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Infisical's refusals are about. The status alone does not tell: a token that has expired is 403, too."""

from __future__ import annotations

import re
from typing import Any

from ..._core.errors import (
    AuthenticationError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RotorError,
    UnexpectedAnswerError,
)
from ..._core.http.answers import Answer

REFUSALS: dict[int, type[RotorError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    422: InvalidRequestError,
}
PROJECT = "project"
"""The code of a NotFoundError that is about the project; other things are told apart by asking further."""
FOREIGN = "foreign"
"""The code of a refusal that is not in Infisical's words."""
_ID = re.compile(r"[\w-]{1,64}")
_LOGINS = {
    "temporarily locked": "Refused logins have locked the identity out: wait for as long as its settings say, or have "
    "an administrator clear the lockout",
    "expired client secret": "The client secret has expired: make a new one",
    "usage limit": "The client secret has been used as often as it may be: make one without such a limit",
    "ip address": "The identity does not trust the address of this machine: see its trusted IPs",
}
_WRONG_LOGIN = (
    "Correct auth.client_id or auth.client_secret: one is wrong, or the client secret was revoked; each refused login "
    "counts towards the identity's lockout"
)
_RIGHTS = {"GET": "describe", "PATCH": "create and edit", "DELETE": "delete"}


def is_about_the_token(answer: Answer) -> bool:
    return answer.status == 401 or (answer.status == 403 and _word(answer) == "TokenError")


def refusal(answer: Answer, method: str, where: str) -> RotorError:
    kind = AuthenticationError if is_about_the_token(answer) else REFUSALS[answer.status]
    request = _request(answer)
    message = f"{answer.where} answered {answer.status}" + (f" (request {request})" if request else "")
    code = _code(answer)
    return kind(message, hint=_hint(kind, method, where, code), status=answer.status, request_id=request, code=code)


def login_refusal(answer: Answer) -> RotorError:
    """Say why a login is refused, where one of the server's sentences is known."""
    request, sentence = _request(answer), str(_said(answer).get("message", "")).lower()
    message = f"{answer.where} answered {answer.status}" + (f" (request {request})" if request else "")
    hint = next((hint for phrase, hint in _LOGINS.items() if phrase in sentence), _WRONG_LOGIN)
    return AuthenticationError(message, hint=hint, status=answer.status, request_id=request)


def _hint(kind: type[RotorError], method: str, where: str, code: str) -> str:
    if code == FOREIGN:
        return "That is not Infisical's answer: is url its address, and does it have version 4 of the API?"
    if kind is AuthenticationError:
        return "The access token has expired or is unknown: see the connection"
    if kind is PermissionDeniedError:
        return (
            f"The identity must be a member of the project, and may {_RIGHTS.get(method, 'create')} secrets in {where}"
        )
    if kind is InvalidRequestError:
        return f"A rule of the project may refuse a name or a value: see its settings. It was {where}"
    return f"It was {where}"


def _code(answer: Answer) -> str:
    word = _word(answer)
    if not word:
        return FOREIGN
    about_project = answer.status == 404 and str(_said(answer).get("message", "")).startswith("Project")
    return PROJECT if about_project else word


def _request(answer: Answer) -> str:
    named = _said(answer).get("reqId")
    return named if isinstance(named, str) and _ID.fullmatch(named) else ""


def _word(answer: Answer) -> str:
    """Return Infisical's word for an error; its web framework's (``Not Found``) has a blank, and does not count."""
    word = _said(answer).get("error")
    return word if isinstance(word, str) and word.isalnum() else ""


def _said(answer: Answer) -> dict[str, Any]:
    try:
        body = answer.json
    except UnexpectedAnswerError:
        return {}
    return body if isinstance(body, dict) else {}
