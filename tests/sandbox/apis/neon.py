# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Neon: keys, and roles with a password for each branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..specs import Found
from .service import DescribedApi, Key


class Neon(DescribedApi):
    """Beside keys, roles with a password for each branch; ``preview`` is a branch of ``main``."""

    name, prefix, error_schema = "neon", "/neon", "GeneralError"
    polls = 2
    """How often an operation is still running when it is asked for."""

    def seed(self) -> None:
        super().seed()
        self.place = "ep-cool.eu.aws.neon.tech:5432"
        self.operations: dict[str, int] = {}

    def acts(self) -> dict[str, Any]:
        return {**super().acts(), "place_neon_compute": self._place}

    def _place(self, address: str) -> dict[str, Any]:
        self.place = address
        return {}

    async def _answer(self, request: Request) -> Response:
        found = self.description.find(request.method, "/" + request.path_params["path"])
        last = found.template.rpartition("/")[2] if found else ""
        special = {
            "reset_password": self._reset,
            "{operation_id}": self._operation,
            "connection_uri": self._uri,
            "branches": self._branches,
        }
        if found is None or last not in special:
            return await super()._answer(request)
        self._admit(request)
        return JSONResponse(special[last](found, request.query_params), found.status)

    def _role(self, branch: str, role: str) -> Key:
        home = f"{branch}/{role}"
        return next((key for key in self.keys.values() if key.home == home), None) or self.put(home, role)

    def _reset(self, found: Found, _query: Mapping[str, str]) -> Any:
        branch, role = found.params["branch_id"], found.params["role_name"]
        del self.keys[self._id(self._role(branch, role))]
        facts = {"branch_id": branch, "name": role, "password": self._role(branch, role).value}
        operation = f"00000000-0000-4000-8000-{self.made:012}"
        self.operations[operation] = self.polls
        return {
            "role": self.examples.make({"$ref": "#/components/schemas/Role"}, facts),
            "operations": [self._shown(operation)],
        }

    def _operation(self, found: Found, _query: Mapping[str, str]) -> Any:
        operation = found.params["operation_id"]
        self.operations[operation] -= 1
        return {"operation": self._shown(operation)}

    def _shown(self, operation: str) -> dict[str, Any]:
        status = "running" if self.operations[operation] > 0 else "finished"
        facts = {"id": operation, "project_id": "shiny"}
        return {**self.examples.make({"$ref": "#/components/schemas/Operation"}, facts), "status": status}

    def _uri(self, found: Found, query: Mapping[str, str]) -> Any:
        key = self._role(query["branch_id"], query["role_name"])
        place = self.place.replace(".", "-pooler.", 1) if query.get("pooled") == "true" else self.place
        return {"uri": f"postgresql://{key.name}:{key.value}@{place}/{query['database_name']}?sslmode=require"}

    def _branches(self, found: Found, query: Mapping[str, str]) -> Any:
        branches = [{"id": "main", "name": "main"}, {"id": "preview", "name": "preview", "parent_id": "main"}]
        schema = {"$ref": "#/components/schemas/Branch"}
        made = [self.examples.make(schema, {"project_id": found.params["project_id"], **facts}) for facts in branches]
        return {**self.examples.make(found.answer, {}), "branches": made}
