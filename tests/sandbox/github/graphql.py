# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the GraphQL API that `gh` asks on its way to secrets and workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, build_schema, graphql_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..provider import RefusedError, json_object, read_json

if TYPE_CHECKING:
    from . import GitHub

SCHEMA = build_schema("""
    type Query { repository(owner: String!, name: String!): Repository viewer: User! }
    type User { login: String! }
    type Ref { name: String! }
    type Environment { name: String! }
    type EnvironmentConnection { totalCount: Int! nodes: [Environment] }
    type Repository {
        id: ID! databaseId: Int name: String! owner: User! sshUrl: String! description: String
        hasIssuesEnabled: Boolean! hasWikiEnabled: Boolean! viewerPermission: String
        nameWithOwner: String! isArchived: Boolean! isDisabled: Boolean!
        defaultBranchRef: Ref parent: Repository
        environments(first: Int): EnvironmentConnection!
        mergeCommitAllowed: Boolean! rebaseMergeAllowed: Boolean! squashMergeAllowed: Boolean!
    }
""")


def routes(github: GitHub) -> list[Route]:
    async def execute(request: Request) -> Response:
        token, body = github.authenticate(request), await read_json(request)
        if not isinstance(body.get("query"), str):
            raise RefusedError(400, "A query attribute must be specified and must be a string.")

        def repository(_info: Any, owner: str, name: str) -> dict[str, Any]:
            found = github.repositories.get(f"{owner}/{name}".lower())
            if found is None or not token.sees(found.full_name):
                raise GraphQLError(f"Could not resolve to a Repository with the name '{owner}/{name}'.")

            def environments(_info: Any, first: int) -> dict[str, Any]:
                if not token.may("actions", "read"):
                    raise GraphQLError("Resource not accessible by personal access token")
                names = found.environment_names
                return {"totalCount": len(names), "nodes": [{"name": name} for name in names[:first]]}

            return {
                "id": f"R_{found.id}",
                "environments": environments,
                "databaseId": found.id,
                "name": found.name,
                "nameWithOwner": found.full_name,
                "isArchived": False,
                "isDisabled": False,
                "owner": {"login": found.owner},
                "sshUrl": f"git@github.com:{found.full_name}.git",
                "viewerPermission": "ADMIN",
                "defaultBranchRef": {"name": found.branches[0]},
            } | dict.fromkeys(SWITCHES, True)

        root = {"repository": repository, "viewer": {"login": token.name}}
        variables = json_object(body.get("variables") or {})
        result = graphql_sync(SCHEMA, body["query"], root_value=root, variable_values=variables)
        return JSONResponse(result.formatted)

    return [Route("/graphql", execute, methods=["POST"])]


SWITCHES = (
    "hasIssuesEnabled", "hasWikiEnabled", "mergeCommitAllowed", "rebaseMergeAllowed", "squashMergeAllowed",
)  # fmt: skip
