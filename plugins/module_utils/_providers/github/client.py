# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub's REST API, of github.com or of an Enterprise Server."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.budget import Budget
from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Connection, Options, Schema
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.http import Answer, HttpClient
from ansible_collections.rotor.secrets.plugins.module_utils._core.references import SCHEMA as REFERENCE

URL = "https://api.github.com"
WRITES_PER_MINUTE = 60  # GitHub asks for a second between two writes
REPOSITORY = {
    "type": "string",
    "pattern": r"^[A-Za-z0-9](?:[A-Za-z0-9_-]*)/[A-Za-z0-9._-]+$",
    "description": "The repository, as owner/name.",
}

_BURST = 5
_PER_PAGE = 100
_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')


class GitHubConnection(Connection):
    """One GitHub account, seen with one token."""

    schema = Schema(
        properties={
            "token": REFERENCE,
            "url": {
                "type": "string",
                "default": URL,
                "description": "Base address of the REST API; of an Enterprise Server https://HOST/api/v3.",
            },
            "writes_per_minute": {
                "type": "integer",
                "minimum": 1,
                "maximum": 180,
                "default": WRITES_PER_MINUTE,
                "description": "How many changes to send in a minute at most. GitHub takes 180.",
            },
        },
        required=("token",),
    )
    references = ("token",)

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        self.clock = clock
        self._token: SecretValue = options["token"]
        self._budget = Budget((options.get("writes_per_minute") or WRITES_PER_MINUTE) / 60, _BURST, clock)
        self._http = HttpClient(
            "GitHub",
            options.get("url") or URL,
            lambda: f"Bearer {self._token.reveal()}",
            clock=clock,
            run=run,
            headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
            request_id_header="x-github-request-id",
            throttled=self._budget.hold,
        )
        self._ahead = timedelta(0)
        self._once = _Once()

    def probe(self) -> str:
        """``/rate_limit`` takes every kind of token and costs nothing; a server without limits answers 404."""
        answer = self._request("GET", "/rate_limit", "asking GitHub for its rate limit", ok=(200, 404))
        if answer.status == 404:
            return "no rate limit"
        core = _object(answer, ("resources",))["resources"]["core"]
        return f"{core['remaining']} of {core['limit']} requests are left in this hour"

    def now(self) -> datetime:
        """GitHub's time, as its last answer had it: what it dates is compared with what it dated."""
        return self.clock.now() + self._ahead

    # Requests

    def get(
        self, path: str, doing: str, params: Mapping[str, Any] | None = None, *, needs: Collection[str] = ()
    ) -> dict[str, Any]:
        """An object that has what it ``needs``."""
        return _object(self._request("GET", path, doing, params=params), needs)

    def pages(self, path: str, key: str, doing: str, params: Mapping[str, Any] | None = None) -> Iterator[list[Any]]:
        """The lists under ``key``, page by page."""
        answer = self._request("GET", path, doing, params={"per_page": _PER_PAGE, **(params or {})})
        while True:
            yield _object(answer, (key,))[key]
            following = _NEXT.search(answer.headers.get("Link", ""))
            if not following:
                return
            answer = self._request("GET", following.group(1), doing)

    def change(
        self, method: str, path: str, doing: str, *, body: Any = None, ok: tuple[int, ...], idempotent: bool
    ) -> Answer:
        self._budget.spend()
        return self._request(method, path, doing, ok=ok, body=body, idempotent=idempotent)

    def _request(self, method: str, path: str, doing: str, **more: Any) -> Answer:
        try:
            answer = self._http.request(method, path, doing=doing, **more)
        except NotFoundError as error:
            hint = "It is missing, or the token may not see it"
            raise NotFoundError(error.message, hint=hint, status=404, request_id=error.request_id) from None
        self._ahead = answer.date - self.clock.now()
        return answer

    # What several parts ask, and nobody needs to ask twice in a run

    def repository(self, name: str) -> dict[str, Any]:
        """NotFoundError if there is none, ConfigurationError if it was renamed: a write follows no redirect."""
        return self._once.get(f"/repos/{name}", lambda: self._ask_repository(name))

    def _ask_repository(self, name: str) -> dict[str, Any]:
        answer = self._request("GET", f"/repos/{name}", f"looking at repository {name}")
        found = _object(answer, ("full_name", "default_branch"))
        if found["full_name"].lower() != name.lower():
            raise ConfigurationError(f"repository {name} is called {found['full_name']} now", hint="Write its new name")
        self._refuse_powerless_token(name, found, answer)
        return found

    def _refuse_powerless_token(self, name: str, found: Mapping[str, Any], answer: Answer) -> None:
        """What can be known of a token's rights without a write.

        Only classic tokens name scopes. The permissions are those of the token's owner; an installation has no owner.
        """
        scopes = answer.headers.get("X-OAuth-Scopes", "").replace(",", " ").split()
        if scopes and "repo" not in scopes:
            raise PermissionDeniedError(f"the token lacks the scope repo for repository {name}")
        may_push = found.get("permissions", {}).get("push", True)
        if not (may_push or self._token.reveal().startswith("ghs_")):
            raise PermissionDeniedError(f"the token's owner may only read repository {name}")

    def public_key(self, scope: str, *, fresh: bool = False) -> dict[str, Any]:
        """The key to seal secrets with; each scope, such as ``/repos/o/n/actions``, has one of its own."""
        path = f"{scope}/secrets/public-key"
        if fresh:
            self._once.forget(path)
        doing = f"fetching the public key of {scope.removeprefix('/')}"
        return self._once.get(path, lambda: self.get(path, doing, needs=("key", "key_id")))


class _Once:
    """Remembers answers. Threads that want the same one wait for each other, others do not."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._locks: dict[str, Lock] = {}
        self._answers: dict[str, dict[str, Any]] = {}

    def get(self, key: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        with self._guard:
            lock = self._locks.setdefault(key, Lock())
        with lock:
            if key not in self._answers:
                self._answers[key] = ask()
            return self._answers[key]

    def forget(self, key: str) -> None:
        self._answers.pop(key, None)


def _object(answer: Answer, needs: Collection[str]) -> dict[str, Any]:
    said = answer.json
    missing = set(needs) - said.keys() if isinstance(said, dict) else needs or ("an object",)
    if missing:
        raise UnexpectedAnswerError(f"{answer.where} answered without {', '.join(missing)}", status=answer.status)
    return dict(said)
