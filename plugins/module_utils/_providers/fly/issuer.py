# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fly's access tokens as an issuer: several may live at once, each until it is revoked or expires.

More than a description: GraphQL, tokens of an app that are in its organization's list as well, and a proof of what a
token reaches.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from ..._core import durations
from ..._core.contracts import Answer, Issuer, Listed, Maker, Options, Overlap, Recover, Revocation, Schema, Traits
from ..._core.credential import Credential, SecretValue
from ..._core.errors import (
    AuthenticationError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    UnexpectedAnswerError,
    after_an_effect,
)
from ..._core.http import limits
from ..._core.http.shapes import Maybe, checked
from ..._core.http.shapes import moment as a_moment
from .client import APP, FlyConnection, moment

# Never the field "token": it is the root of the macaroon, from which anybody could make tokens.
_TOKENS = """limitedAccessTokens(first: 100, after: $after) {
  nodes {id name profile createdAt expiresAt revokedAt}
  pageInfo {hasNextPage endCursor}
}"""
_OF_ORGANIZATION = f"query($name: String!, $after: String) {{organization(slug: $name) {{id slug {_TOKENS}}}}}"
_OF_APP = f"query($name: String!, $after: String) {{app(name: $name) {{id organization {{id slug}} {_TOKENS}}}}}"
_CREATE = """mutation($input: CreateLimitedAccessTokenInput!) {createLimitedAccessToken(input: $input) {
  limitedAccessToken {id name createdAt expiresAt profile tokenHeader}
}}"""
_DELETE = "mutation($id: ID!) {deleteLimitedAccessToken(input: {id: $id}) {revokedBy}}"
_TOKEN = {
    "id": str,
    "name": Maybe(str),
    "profile": Maybe(str),
    "createdAt": Maybe(a_moment),
    "expiresAt": Maybe(a_moment),
}
_MADE = {"createLimitedAccessToken": {"limitedAccessToken": {"id": str, "tokenHeader": str}}}
_PAGE = {"nodes": Maybe([Maybe(_TOKEN)]), "pageInfo": {"hasNextPage": bool, "endCursor": Maybe(str)}}
_OWNER = {"id": str, "slug": str}
_OWNERS = {
    "organization": {**_OWNER, "limitedAccessTokens": _PAGE},
    "app": {"id": str, "organization": _OWNER, "limitedAccessTokens": _PAGE},
}
_MINT_HINT = (
    "The connection's token may not make tokens: take that of a person who may (fly auth login, then fly auth token)"
)
_SCOPES = {"deploy": "app deploy", "deploy_organization": "organization deploy"}


class FlyTokens(Issuer):
    where = ("organization", "app")
    schema = Schema(
        properties={
            "organization": {
                "type": "string",
                "minLength": 1,
                "description": "Slug of the organization all of whose apps the token may deploy.",
            },
            "app": {**APP, "description": "Name of the one app that the token may deploy."},
            "lifetime": {
                "type": "string",
                "pattern": durations.PATTERN,
                "description": "How long the token is valid, such as 120d; longer than max_age.",
            },
            "reaches": {
                "type": "array",
                "items": APP,
                "description": "Apps that the new token must be able to reach; verified before it is made.",
            },
        },
        required=("lifetime",),
        one_of=("organization", "app"),
    )
    rights = "the token of a person's session; those of an app or an organization are said not to do"
    blast_radius = "calls of the Machines API, deployments, and images that are pushed to Fly's registry"
    unverifiable = "whether the connection's token may make tokens: Fly does not document how to tell"
    traits = Traits(value=Maker.PROVIDER, overlap=Overlap.OPEN, revoke=Revocation.API, recover=Recover.RECONCILE)
    fields = ("token",)
    connection: FlyConnection
    _ids: dict[str, str] | None = None

    @classmethod
    def label(cls, options: Options) -> str:
        kind = "app" if "app" in options else "organization"
        return f"fly_token for {kind} {options[kind]}"

    # Before

    def preflight(self, current: str | None) -> list[str]:
        try:
            tokens = {token.id: token for token in self.all_listed()}
        except NotFoundError:
            return [f"{self._where} does not exist, or the connection's token may not see it"]
        return [*(self._unfit(current, tokens) if current else []), *self._unreached()]

    def is_own(self, credential_id: str) -> bool:
        return credential_id in {grant.get("token_id") for grant in self.connection.current_token()}

    def _unfit(self, current: str, tokens: dict[str, Listed]) -> list[str]:
        """Say why the current token cannot be replaced by what the map asks for."""
        token = f"the current token {current}"
        if current in tokens:
            return self._unlike(token, tokens[current])
        if self._app:
            for node in self._pages(_OF_ORGANIZATION, "organization", self._scope()["slug"]):
                if node["id"] == current:
                    advice = "Name the organization in place of the app"
                    return [f"{token} is no token of {self._where}: a new one would be too narrow. {advice}"]
        return [f"{token} is not among the tokens of {self._where}. Correct current_id, or the issuer's scope"]

    def _unlike(self, token: str, found: Listed) -> list[str]:
        if found.revoked:
            advice = "Find out which one is in use, and name that; a ledger from a backup: docs/recovery.md"
            return [f"{token} is revoked already. {advice}"]
        if found.scope != self._kind:
            advice = "Correct current_id, or the issuer's scope"
            return [f"{token} is one for {found.scope or 'who knows what'}, a new one is for {self._kind}. {advice}"]
        return []

    def _unreached(self) -> list[str]:
        wanted = set(self.options.get("reaches", ()))
        within = {self._app}
        if wanted and not self._app:
            within = set(self.connection.apps(self.options["organization"]))
        advice = "Correct reaches, or the issuer's scope"
        return [f"reaches: app {app} is not within {self._where}. {advice}" for app in sorted(wanted - within)]

    # The token's life

    def listed(self) -> list[Listed]:
        """List tokens like those that are made here, also revoked ones, which Fly goes on listing."""
        return [token for token in self.all_listed() if token.scope == self._kind]

    def all_listed(self) -> list[Listed]:
        """List all tokens of the app or organization; an organization's have those of its apps among them."""
        return self.connection.recent.get(self._where, lambda: [_listed(node) for node in self._pages(*self._root())])

    def mint(self, name: str) -> Credential:
        scope = self._scope()
        payload: dict[str, Any] = {
            "name": name,
            "organizationId": scope["organization"],
            "profile": self._profile,
            "expiry": _go_duration(durations.parse(self.options["lifetime"])),
        }
        if self._app:
            payload["profileParams"] = {"app_id": scope["app"]}
        doing = f"making a token for {self._where}"
        try:
            data = self._mutate(_CREATE, doing=doing, input=payload)
        except PermissionDeniedError as error:
            error.hint = _MINT_HINT
            raise
        try:
            made = checked(data, _MADE, doing)["createLimitedAccessToken"]["limitedAccessToken"]
        except UnexpectedAnswerError:
            made = {}
        if not made.get("id") or not made.get("tokenHeader"):
            raise OutcomeUnknownError(f"{doing}: the answer has no token in it")
        facts = {"scope": _scope(made), "created_at": made.get("createdAt"), "expires_at": made.get("expiresAt")}
        value = SecretValue(made["tokenHeader"])
        return Credential(
            made["id"],
            name,
            {"token": value},
            {key: fact for key, fact in facts.items() if isinstance(fact, str) and fact},
        )

    def verify(self, credential: Credential) -> Answer:
        try:
            self.connection.show(credential.fields["token"])
        except AuthenticationError:
            return Answer.REFUSED
        return Answer.ACCEPTED

    def revoke(self, credential: Credential) -> None:
        doing = f"revoking token {credential.name} of {self._where}"
        try:
            self._mutate(_DELETE, doing=doing, idempotent=True, id=credential.id)
        except NotFoundError as error:
            with after_an_effect(isinstance(error, OutcomeUnknownError)):
                alive = any(token.id == credential.id and not token.revoked for token in self.all_listed())
            if alive:
                raise

    def _mutate(self, text: str, **options: Any) -> dict[str, Any]:
        try:
            return self.connection.mutate(text, **options)
        finally:
            self.connection.recent.forget(self._where)

    # Where

    @property
    def _app(self) -> str | None:
        return self.options.get("app")

    @property
    def _profile(self) -> str:
        return "deploy" if self._app else "deploy_organization"

    @property
    def _kind(self) -> str:
        return _SCOPES[self._profile]

    @property
    def _where(self) -> str:
        return f"app {self._app}" if self._app else f"organization {self.options['organization']}"

    def _root(self) -> tuple[str, str, str]:
        if self._app:
            return _OF_APP, "app", self._app
        return _OF_ORGANIZATION, "organization", self.options["organization"]

    def _scope(self) -> dict[str, str]:
        """Return the ids that a mint needs, which every listing has."""
        if self._ids is None:
            next(self._pages(*self._root()), None)
        return self._ids or {}

    def _pages(self, query: str, root: str, name: str) -> Iterator[dict[str, Any]]:
        after = None
        doing = f"listing the tokens of {root} {name}"
        cursors = limits.Cursors(doing)
        while True:
            found = self.connection.query(query, doing=doing, name=name, after=after).get(root)
            if not found:
                raise NotFoundError(f"{doing}: there is none of that name, or the token may not see it")
            checked(found, _OWNERS[root], f"{doing}: the answer is")
            self._remember(root, found)
            page = found["limitedAccessTokens"]
            yield from filter(None, page.get("nodes") or ())
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = cursors.next(page["pageInfo"]["endCursor"])

    def _remember(self, root: str, found: dict[str, Any]) -> None:
        if root != self._root()[1]:
            return
        owner = found if root == "organization" else found["organization"]
        self._ids = {"organization": owner["id"], "slug": owner["slug"]}
        if root == "app":
            self._ids["app"] = found["id"]


def _listed(node: dict[str, Any]) -> Listed:
    return Listed(
        id=node["id"],
        name=node["name"] or "",
        created_at=moment(node.get("createdAt")),
        expires_at=moment(node.get("expiresAt")),
        scope=_scope(node),
        revoked=bool(node.get("revokedAt")),
    )


def _scope(node: dict[str, Any]) -> str:
    profile = node.get("profile")
    return _SCOPES.get(profile, profile) if isinstance(profile, str) else ""


def _go_duration(duration: timedelta) -> str:
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    return f"{minutes // 60}h{minutes % 60}m{seconds}s"
