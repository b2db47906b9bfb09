# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub's rate limits for one account, as its documentation has them.

Its limit on content (80 in a minute, 500 in an hour) is for what other people get to see and are notified of, such as
issues and comments; a secret or the start of a workflow is nothing of the kind. Should GitHub see it otherwise, it says
so with a secondary limit, which holds the whole account back for as long as it asks.
"""

from __future__ import annotations

from ..._core.clock import Clock
from ..._core.contracts import Options
from ..._core.http.answers import Answer
from ..._core.http.budget import AtOnce, Budget, Limit, Pace, Quota, Window, shared
from ..._core.http.client import checked_url, origin
from ..._core.http.dialect import Dialect

WRITES_PER_MINUTE = 60  # GitHub asks for a second between two writes
_AT_ONCE = 100
_POINTS_PER_MINUTE = 900
_POINTS = {False: 1, True: 5}  # for reading and for writing
MOST_WRITES_PER_MINUTE = _POINTS_PER_MINUTE // _POINTS[True]
_HOUR = 3600.0
_LATE = 60.0
"""Seconds by which an answer may lag behind the reset that it tells of."""
_SECONDARY_PAUSE = 60.0
_POLICIES = {
    "saml enforcement": "The organization enforces SAML single sign-on: authorize the token for it, on GitHub under "
    "Settings, Developer settings, Personal access tokens, Configure SSO",
    "ip allow list": "The organization has an IP allow list, on which this machine's address is not",
    "forbids access via a personal access token (classic)": "The organization takes no classic personal access token: "
    "use a fine-grained one, or a GitHub App",
    "forbids access via a fine-grained personal access token": "The organization's policy refuses this fine-grained "
    "personal access token, perhaps for its lifetime: see the policy, or use a GitHub App",
    "oauth app access restrictions": "The organization restricts OAuth apps: have an owner approve the token's app",
}
"""What a 403 says where no permission of the token would help (in lower case), and what to do about it."""


class GitHubDialect(Dialect):
    """GitHub's 403: a rate limit (docs: rate limits for the REST API), a policy, or a missing permission."""

    def throttles(self, answer: Answer) -> bool:
        spent = answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers
        return super().throttles(answer) or (answer.status == 403 and (spent or _is_secondary(answer)))

    def default_pause(self, answer: Answer, attempt: int) -> float:
        if _is_secondary(answer):
            return _SECONDARY_PAUSE * float(2 ** (attempt - 1))
        return super().default_pause(answer, attempt)

    def permission_hint(self, answer: Answer) -> str:
        text = answer.text.lower()
        if policy := next((hint for phrase, hint in _POLICIES.items() if phrase in text), ""):
            return policy
        permission = answer.headers.get("X-Accepted-GitHub-Permissions")
        return f"It needs the permission {permission}" if permission else ""


def _is_secondary(answer: Answer) -> bool:
    """Return whether an answer is of the secondary rate limit, which may come without any header."""
    return answer.status in (403, 429) and "secondary rate limit" in answer.text


def budget(clock: Clock, url: str, options: Options) -> Budget:
    """Return the budget that all connections of a token, or of an App's installation, share.

    Where they name different paces, each of them is kept, so that the slowest counts.
    """
    app = options.get("app")
    account = f"{origin(checked_url(url))} {app.get('installation') if app else ''}"
    credential = app["private_key"] if app else options["token"]
    budget = shared(clock, account, credential, lambda: Budget(clock, *_published(), patience=_HOUR + _LATE))
    budget.add(_pace(options.get("writes_per_minute") or WRITES_PER_MINUTE))
    return budget


def _pace(per_minute: int) -> Limit:
    """Return the limit for writes: evenly spread up to one a second, as GitHub asks."""
    if per_minute > WRITES_PER_MINUTE:
        return Window(per_minute, 60, cost=lambda request: int(request.writes))
    return Pace(per_minute / 60, bucket=lambda request: "" if request.writes else None)


def _published() -> tuple[Limit, ...]:
    points = Window(_POINTS_PER_MINUTE, 60, cost=lambda request: _POINTS[request.writes])
    return points, AtOnce(_AT_ONCE), Quota("core")
