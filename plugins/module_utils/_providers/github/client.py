# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub's REST API, of github.com or of an Enterprise Server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from ..._core.clock import Clock
from ..._core.contracts import Connection, Options, Schema
from ..._core.errors import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    RotorError,
    StoppedError,
)
from ..._core.http import certificates
from ..._core.http import limits as limits_of_answers
from ..._core.http.answers import Answer
from ..._core.http.client import HttpClient
from ..._core.http.shapes import Maybe, Shape, checked
from ..._core.memo import Memo
from ..._core.references import SCHEMA as REFERENCE
from . import app, limits
from .paging import PER_PAGE, next_page

URL = "https://api.github.com"
REPOSITORY = {
    "type": "string",
    "pattern": r"^[A-Za-z0-9](?:[A-Za-z0-9_-]*)/[A-Za-z0-9._-]+$",
    "description": "The repository, as owner/name.",
}


_REPOSITORY = {"full_name": str, "default_branch": str, "permissions": Maybe({"push": Maybe(bool)})}
_FIELDS = "nameWithOwner isArchived isDisabled viewerPermission defaultBranchRef {name}"
_OF_GRAPHQL = {
    "nameWithOwner": str,
    "isArchived": bool,
    "isDisabled": bool,
    "viewerPermission": Maybe(str),
    "defaultBranchRef": {"name": str},
}
_ENVIRONMENTS = "environments(first: 100) {totalCount nodes {name}}"
_ENVIRONMENTS_OF_GRAPHQL = {"environments": {"totalCount": int, "nodes": [{"name": str}]}}
_MAY_PUSH = ("ADMIN", "MAINTAIN", "WRITE")


class GitHubConnection(Connection):
    """One GitHub account, seen with one token or as one installation of an App."""

    schema = Schema(
        properties={
            "token": REFERENCE,
            "app": app.SCHEMA,
            "url": {
                "type": "string",
                "default": URL,
                "description": "Base address of the REST API; of an Enterprise Server https://HOST/api/v3.",
            },
            certificates.OPTION: certificates.SCHEMA,
            "writes_per_minute": {
                "type": "integer",
                "minimum": 1,
                "maximum": limits.MOST_WRITES_PER_MINUTE,
                "default": limits.WRITES_PER_MINUTE,
                "description": "How many changes to send in a minute at most; up to 60, they are evenly spread. GitHub "
                "asks for a second between two, and takes 180 in a minute.",
            },
        },
        one_of=("token", "app"),
    )
    references = ("token", "app.private_key")
    in_headers = ("token",)

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        self.clock = clock
        url = options.get("url") or URL
        connect = partial(
            HttpClient,
            "GitHub",
            url,
            clock=clock,
            run=run,
            headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
            request_id_header="x-github-request-id",
            ca_cert=options.get("ca_cert"),
            via=options.get("via"),
            dialect=limits.GitHubDialect(),
        )
        self._presented: app.TokenSource = (
            app.InstallationToken(options["app"], connect, clock)
            if options.get("app")
            else app.StaticToken(options["token"])
        )
        budget = limits.budget(clock, url, options)
        self._http = connect(lambda: f"Bearer {self._presented.current().reveal()}", budget=budget)
        self._once = Memo[dict[str, Any]]()
        self._tagged: dict[str, Answer] = {}
        self._expires_at: datetime | None = None

    def server_time(self) -> datetime | None:
        return self._http.server_time()

    def expires_at(self) -> datetime | None:
        return self._expires_at

    def probe(self) -> str:
        """Ask for the rate limit, which every kind of token may; a server without limits answers 404."""
        answer = self._request("GET", "/rate_limit", "asking GitHub for its rate limit", ok=(200, 404))
        if answer.status == 404:
            return "no rate limit"
        core = answer.shaped({"resources": {"core": {"remaining": int, "limit": int}}})["resources"]["core"]
        return f"{core['remaining']} of {core['limit']} requests are left in this hour"

    def now(self) -> datetime:
        """Return GitHub's time, which alone is compared with GitHub's dates: our clock may be a day off."""
        return self.date_of(self.clock.monotonic())

    def date_of(self, moment: float) -> datetime:
        """Return GitHub's time at a moment of our monotonic clock; asks for the rate limit if nothing was asked yet."""
        if self.server_time() is None:
            self.probe()
        now = self.server_time() or self.clock.now()
        return now - timedelta(seconds=self.clock.monotonic() - moment)

    # Requests

    def get(
        self, path: str, doing: str, params: Mapping[str, Any] | None = None, *, shape: Mapping[str, Shape]
    ) -> dict[str, Any]:
        """Get an object of this shape, with its ETag: an unchanged one does not count against the hourly limit."""
        known = self._tagged.get(path) if not params else None
        headers = {"If-None-Match": known.headers["ETag"]} if known else None
        answer = self._request("GET", path, doing, params=params, headers=headers, ok=(200, 304))
        if known and answer.status == 304:
            return dict(known.shaped(shape))
        if "ETag" in answer.headers and not params:
            self._tagged[path] = answer
        return dict(answer.shaped(shape))

    def pages(
        self, path: str, key: str, doing: str, item: Shape, params: Mapping[str, Any] | None = None
    ) -> Iterator[list[Any]]:
        """Yield the lists under ``key``, page by page; ``item`` is the shape of their items."""
        cursors = limits_of_answers.Cursors(doing)
        answer = self._request("GET", path, doing, params={"per_page": PER_PAGE, **(params or {})})
        while True:
            yield answer.shaped({key: [item]})[key]
            following = next_page(answer)
            if not following:
                return
            answer = self._request("GET", cursors.next(following), doing)

    def change(
        self, method: str, path: str, doing: str, *, body: Any = None, ok: tuple[int, ...], idempotent: bool
    ) -> Answer:
        return self._request(method, path, doing, ok=ok, body=body, idempotent=idempotent)

    def _request(self, method: str, path: str, doing: str, **more: Any) -> Answer:
        try:
            return self._authorized(method, path, doing=doing, **more)
        except NotFoundError as error:
            hint = error.hint or "It is missing, or the token may not see it"
            raise NotFoundError(error.message, hint=hint, status=404, request_id=error.request_id) from None

    def _authorized(self, method: str, path: str, **more: Any) -> Answer:
        """Send a request, and after a 401, which had no effect, once more with another token."""
        shown = self._presented.current()
        try:
            answer = self._http.request(method, path, **more)
        except AuthenticationError:
            if not self._presented.replace(shown):
                raise
            return self._http.request(method, path, **more)
        self._expires_at = token_expiry(answer) or self._expires_at
        return answer

    # What several parts ask, and nobody needs to ask twice in a run

    def repository(self, name: str) -> dict[str, Any]:
        """Return a repository; ConfigurationError if it was renamed, since a write follows no redirect."""
        return self._once.get(f"/repos/{name}", lambda: self._ask_repository(name))

    def ask_repositories(self, names: Sequence[str]) -> None:
        """Ask for several repositories in one request; what that does not tell, :meth:`repository` asks for."""
        variables = {f"{part}{at}": one for at, name in enumerate(names) for part, one in _parts(name)}
        declared = ", ".join(f"${variable}: String!" for variable in variables)
        wanted = {"r": _FIELDS, "e": _ENVIRONMENTS}  # apart, since some tokens may not see environments
        fields = [
            f"{alias}{at}: repository(owner: $o{at}, name: $n{at}) {{{told}}}"
            for at in range(len(names))
            for alias, told in wanted.items()
        ]
        body = {"query": f"query({declared}) {{{' '.join(fields)}}}", "variables": variables}
        try:
            answer = self._request("POST", self._graphql, "looking at repositories", body=body, reads=True)
            data = answer.shaped({"data": {}})["data"]
        except StoppedError:
            raise
        except RotorError:
            return
        for at, name in enumerate(names):
            with suppress(RotorError):
                found = _as_in_rest(checked(data.get(f"r{at}"), _OF_GRAPHQL, "GitHub's answer is"))
                self._refuse_other_name(name, found)
                self._refuse_powerless_token(name, found, answer)
                self._once.get(f"/repos/{name}", lambda found=found: found)  # type: ignore[misc]
            with suppress(RotorError):
                told = checked(data.get(f"e{at}"), _ENVIRONMENTS_OF_GRAPHQL, "GitHub's answer is")["environments"]
                if told["totalCount"] == len(told["nodes"]):
                    self._once.get(environments_of(name), lambda told=told: {"environments": told["nodes"]})  # type: ignore[misc]

    @property
    def _graphql(self) -> str:
        """Return the address of the GraphQL API, which an Enterprise Server has beside its REST API."""
        return f"{self._http.base_url.removesuffix('/v3')}/graphql"

    def _ask_repository(self, name: str) -> dict[str, Any]:
        answer = self._request("GET", f"/repos/{name}", f"looking at repository {name}")
        found: dict[str, Any] = answer.shaped(_REPOSITORY)
        self._refuse_other_name(name, found)
        self._refuse_powerless_token(name, found, answer)
        return found

    @staticmethod
    def _refuse_other_name(name: str, found: Mapping[str, Any]) -> None:
        if found["full_name"].lower() != name.lower():
            raise ConfigurationError(f"repository {name} is called {found['full_name']} now", hint="Write its new name")

    def _refuse_powerless_token(self, name: str, found: Mapping[str, Any], answer: Answer) -> None:
        """Refuse a token whose scopes or owner's role cannot write.

        Only classic tokens name scopes. The permissions are those of the token's owner; an installation has no owner.
        """
        scopes = answer.headers.get("X-OAuth-Scopes", "").replace(",", " ").split()
        if scopes and "repo" not in scopes:
            raise PermissionDeniedError(f"the token lacks the scope repo for repository {name}")
        may_push = (found.get("permissions") or {}).get("push")
        if may_push is False and not self._presented.current().reveal().startswith("ghs_"):
            raise PermissionDeniedError(f"the token's owner may only read repository {name}")

    def repository_id(self, name: str) -> int:
        doing = f"looking for repository {name}"
        return int(self._once.get(f"id of {name}", lambda: self.get(f"/repos/{name}", doing, shape={"id": int}))["id"])

    def listed(
        self, path: str, key: str, doing: str, item: Mapping[str, Shape], *, fresh: bool
    ) -> list[dict[str, Any]]:
        """List what has several pages, once in a run unless ``fresh``."""
        if fresh:
            self._once.forget(path)
        return list(
            self._once.get(path, lambda: {key: [one for page in self.pages(path, key, doing, item) for one in page]})[
                key
            ]
        )

    def public_key(self, path: str, label: str, *, fresh: bool = False) -> dict[str, Any]:
        """Return the public key to seal secrets with; each scope (``/repos/o/n/actions``) has its own."""
        path = f"{path}/secrets/public-key"
        if fresh:
            self._once.forget(path)
        doing = f"fetching the public key of {label}"
        return self._once.get(path, lambda: self.get(path, doing, shape={"key": str, "key_id": str}))


def _parts(name: str) -> Iterator[tuple[str, str]]:
    owner, _slash, repository = name.partition("/")
    yield from (("o", owner), ("n", repository))


def environments_of(repository: str) -> str:
    """Return the path of a repository's environments."""
    return f"/repos/{repository}/environments"


def _as_in_rest(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a repository of the GraphQL API as the REST API has it."""
    permission = found["viewerPermission"]
    return {
        "full_name": found["nameWithOwner"],
        "default_branch": found["defaultBranchRef"]["name"],
        "archived": found["isArchived"],
        "disabled": found["isDisabled"],
        "permissions": {"push": permission in _MAY_PUSH} if permission else None,
    }


def token_expiry(answer: Answer) -> datetime | None:
    """Read when the token that was shown expires: ``2027-02-01 00:00:00 UTC``, or the same with an offset.

    Source: github.blog/changelog, 2021-07-26, Expiration options for personal access tokens: every answer to a token
    says it. google/go-github knows both spellings.
    """
    text = answer.headers.get("GitHub-Authentication-Token-Expiration", "").replace(" UTC", " +0000")
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
