# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GraphQL API: apps, organizations and limited access tokens. What goes wrong comes back with HTTP 200."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, GraphQLResolveInfo, build_schema, graphql_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..provider import RefusedError, json_object, read_json
from .state import ADMIN, App, Organization, Release, Secret, Token, go_duration, node_id, rfc3339

if TYPE_CHECKING:
    from . import Fly

SCHEMA = build_schema((Path(__file__).parent / "schema.graphql").read_text())
MINTABLE = ("deploy", "deploy_organization")


def routes(fly: Fly) -> list[Route]:
    async def execute(request: Request) -> Response:
        body = await read_json(request)
        if not isinstance(body.get("query"), str):
            raise RefusedError(400, "query is required")
        token = fly.find(request.headers.get("authorization", ""))
        result = graphql_sync(
            SCHEMA,
            body["query"],
            root_value=Root(fly, token if token and token.alive else None),
            variable_values=json_object(body.get("variables") or {}),
            operation_name=body.get("operationName"),
            field_resolver=resolve,
        )
        return JSONResponse(result.formatted)

    return [Route("/graphql", execute, methods=["POST"])]


def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    """The schema's camelCase on Python's names."""
    value = source.get(info.field_name) if isinstance(source, dict) else getattr(source, snake(info.field_name))
    return value(**{snake(name): item for name, item in arguments.items()}) if callable(value) else value


def snake(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def refuse(message: str, code: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})


class Root:
    def __init__(self, fly: Fly, token: Token | None) -> None:
        self.fly, self.token = fly, token

    def _caller(self) -> Token:
        if self.token is None:
            raise refuse("You must be authenticated to view this.", "UNAUTHORIZED")
        return self.token

    def _operator(self) -> Token:
        caller = self._caller()
        if not caller.is_user:
            raise refuse("Not authorized: this token cannot manage access tokens", "FORBIDDEN")
        return caller

    def app(self, name: str | None = None, internal_id: str | None = None, **_deprecated: str) -> AppNode:
        caller = self._caller()
        found = next(
            (app for app in self.fly.apps.values() if name == app.name or internal_id == str(app.number)), None
        )
        if found is None or not caller.covers(found.organization, found):
            raise refuse("Could not find App", "NOT_FOUND")
        return AppNode(self.fly, found)

    def organization(self, slug: str | None = None, id: str | None = None, name: str | None = None) -> OrganizationNode:
        caller = self._caller()
        for found in self.fly.organizations.values():
            if (slug == found.slug or id == found.id or name == found.name) and caller.covers(found):
                return OrganizationNode(self.fly, found)
        raise refuse("Could not find Organization", "NOT_FOUND")

    def create_release(self, input: dict[str, Any]) -> dict[str, Any]:
        caller = self._caller()
        app = next((app for app in self.fly.apps.values() if app.id == input["appId"]), None)
        if app is None or not caller.covers(app.organization, app):
            raise refuse("Could not find App", "NOT_FOUND")
        if input["platformVersion"] != "machines":
            raise refuse("platformVersion is not supported", "UNPROCESSABLE")
        release = app.release(input["definition"], input["image"], self.fly.world.now())
        return {"clientMutationId": None, "app": AppNode(self.fly, app), "release": ReleaseNode(release)}

    def update_release(self, input: dict[str, Any]) -> dict[str, Any]:
        caller = self._caller()
        for app in self.fly.apps.values():
            for release in app.releases:
                if release.id == input["releaseId"] and caller.covers(app.organization, app):
                    release.status = input.get("status") or release.status
                    return {"clientMutationId": None, "release": ReleaseNode(release)}
        raise refuse("Could not find Release", "NOT_FOUND")

    def create_limited_access_token(self, input: dict[str, Any]) -> dict[str, Any]:
        self._operator()
        organization = self._by_id(input["organizationId"])
        if input["profile"] not in MINTABLE:
            raise refuse("Profile is not supported", "UNPROCESSABLE")
        app_id = (input.get("profileParams") or {}).get("app_id")
        if (input["profile"] == "deploy") != any(app_id == app.id for app in self.fly.apps.values()):
            raise refuse("profileParams do not fit the profile", "UNPROCESSABLE")
        expiry = self._expiry(input.get("expiry"))
        token = self.fly.mint(input["name"], input["profile"], organization, app_id=app_id, expiry=expiry)
        self.fly.world.minted.append(token.name)
        node = TokenNode(self.fly, token, token_header=token.value)
        return {"clientMutationId": input.get("clientMutationId"), "limitedAccessToken": node}

    def _by_id(self, identity: str) -> Organization:
        for organization in self.fly.organizations.values():
            if organization.id == identity:
                return organization
        raise refuse("Could not find Organization", "NOT_FOUND")

    @staticmethod
    def _expiry(text: str | None) -> str | None:
        try:
            if text:
                go_duration(text)
        except ValueError:
            raise refuse("expiry is not a duration", "UNPROCESSABLE") from None
        return text or None

    def delete_limited_access_token(self, input: dict[str, Any]) -> dict[str, Any]:
        self._operator()
        try:
            self.fly.revoke(input.get("id") or "")
        except RefusedError:
            raise refuse("Could not find LimitedAccessToken", "NOT_FOUND") from None
        return {"clientMutationId": input.get("clientMutationId"), "revokedBy": ADMIN, "token": None}


class AppNode:
    def __init__(self, fly: Fly, app: App) -> None:
        self.fly, self.app = fly, app
        self.id, self.name, self.internal_numeric_id, self.status = app.id, app.name, app.number, "deployed"

    def organization(self) -> OrganizationNode:
        return OrganizationNode(self.fly, self.app.organization)

    def current_release_unprocessed(self) -> ReleaseNode | None:
        return ReleaseNode(self.app.releases[-1]) if self.app.releases else None

    def secrets(self) -> list[SecretNode]:
        return [SecretNode(self.app, secret) for secret in self.app.visible.secrets.values()]

    def limited_access_tokens(self, **page: Any) -> Connection:
        """Tokens of this app alone: an organization's token is not among them."""
        return Connection(self.fly, [token for token in self.fly.tokens if token.app_id == self.app.id], **page)


class OrganizationNode:
    def __init__(self, fly: Fly, organization: Organization) -> None:
        self.fly, self._organization = fly, organization
        self.id, self.name, self.slug = organization.id, organization.name, organization.slug
        self.raw_slug, self.internal_numeric_id = organization.slug, str(organization.number)

    def limited_access_tokens(self, **page: Any) -> Connection:
        return Connection(
            self.fly, [item for item in self.fly.tokens if item.organization is self._organization], **page
        )


class SecretNode:
    def __init__(self, app: App, secret: Secret) -> None:
        self.id, self.name, self.digest = (
            node_id(f"Secret:{app.id}", app.number) + secret.name,
            secret.name,
            secret.digest,
        )
        self.created_at = rfc3339(secret.created_at)


class ReleaseNode:
    def __init__(self, release: Release) -> None:
        self.id, self.version, self.status = release.id, release.version, release.status
        self.created_at, self.image_ref = rfc3339(release.created_at), release.image
        self.config_definition = release.definition


class TokenNode:
    def __init__(self, fly: Fly, token: Token, token_header: str | None = None) -> None:
        self.fly, self._token, self.token_header = fly, token, token_header
        self.id, self.name, self.profile = token.id, token.name, token.profile
        self.profile_params = {"app_id": token.app_id} if token.app_id else None
        self.created_at, self.expires_at = rfc3339(token.created_at), rfc3339(token.expires_at)
        self.revoked_at = rfc3339(token.revoked_at) if token.revoked_at else None
        self.revoked_by = ADMIN if token.revoked_at else None
        self.user = {"id": node_id("User", 1), "email": ADMIN, "name": "Operator"}

    def organization(self) -> OrganizationNode:
        assert self._token.organization is not None
        return OrganizationNode(self.fly, self._token.organization)

    def token(self) -> str:
        """The root of the macaroon, with which anybody could make tokens: nobody has reason to read it."""
        self.fly.world.violate("leak", f"the macaroon root of {self._token.name} was read")
        root = f"root-{self._token.id}"
        self.fly.world.remember(root)
        return root


class Connection:
    def __init__(
        self, fly: Fly, tokens: list[Token], first: int | None = None, after: str | None = None,
        last: int | None = None, before: str | None = None,
    ) -> None:  # fmt: skip
        start = self._position(after) + 1 if after else 0
        end = self._position(before) if before else len(tokens)
        limit = fly.world.switches.page_size
        if last is not None:
            start = max(start, end - min(last, limit))
        end = min(end, start + min(limit if first is None else first, limit))
        self.total_count = len(tokens)
        self.nodes = [TokenNode(fly, token) for token in tokens[start:end]]
        self.edges = [{"cursor": self._cursor(start + i), "node": node} for i, node in enumerate(self.nodes)]
        self.page_info = {
            "startCursor": self._cursor(start) if self.nodes else None,
            "endCursor": self._cursor(end - 1) if self.nodes else None,
            "hasNextPage": end < len(tokens),
            "hasPreviousPage": start > 0,
        }

    @staticmethod
    def _cursor(position: int) -> str:
        return base64.b64encode(str(position).encode()).decode()

    @staticmethod
    def _position(cursor: str) -> int:
        try:
            return int(base64.b64decode(cursor))
        except ValueError:
            raise refuse("invalid cursor", "BAD_REQUEST") from None
