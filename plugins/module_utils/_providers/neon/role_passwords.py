# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reset the password of a PostgreSQL role on one branch, and read the URIs with it. A reset ends the old password.

Source: the OpenAPI document in neondatabase/neon-api-python (v2.json): the new password is ready when the last
operation of the reset has finished, the old one works until then, and connections are dropped. Not verified: that a
branch keeps the password that its parent had when it was made; that the proxy forgets an old password at once.

More than a description: a reset has operations that are awaited, and a password is shown to PostgreSQL.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from ..._core import errors, postgres
from ..._core.contracts import Answer, Options, Schema
from ..._core.credential import Credential
from ..._core.http import paths
from ..._core.http.answers import Answer as HttpAnswer
from ..._core.http.key_api import Call, Facts, ResetApi
from ..._core.http.key_issuers import ResetIssuer
from ..._core.http.shapes import checked
from .client import ID, NeonConnection

_NAME = {"type": "string", "minLength": 1}
_PROJECT = "/projects/<project>"
_WHOSE = {"branch_id": "<branch>", "database_name": "<database>", "role_name": "<role>", "pooled": "<pooled>"}
_BRANCHES = Call("GET", f"{_PROJECT}/branches", params={"limit": 1000})
_OPERATION = Call("GET", f"{_PROJECT}/operations/<operation>")
_UNDER_WAY = ("scheduling", "running", "cancelling")
_POLLS, _SECONDS = 60, 2


class NeonRolePasswords(ResetIssuer):
    where = ("project", "branch", "role")
    schema = Schema(
        {
            "project": {**ID, "description": "Id of the project."},
            "branch": {**ID, "description": "Id of the branch; each has passwords of its own."},
            "role": {**_NAME, "description": "Name of the role."},
            "database": {**_NAME, "description": "Name of a database that the role may connect to, for the URIs."},
        },
        required=("project", "branch", "role", "database"),
    )
    fields = ("password", "uri", "pooled_uri")
    connection: NeonConnection
    rights = "a key that may edit the project"
    blast_radius = "whatever connects as the role on this branch"
    console = "console.neon.tech, the project, Branches, the branch, Roles & Databases, Reset password"
    api = ResetApi(
        reset=Call("POST", f"{_PROJECT}/branches/<branch>/roles/<role>/reset_password"),
        read=Call("GET", f"{_PROJECT}/connection_uri", params=_WHOSE),
        value={field: field for field in fields},
        id="id",
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"neon_role_password of {options['role']}, branch {options['branch']} of project {options['project']}"

    def recover(self, name: str) -> Credential:
        doing = f"reading {self._where}"
        pooled = {"uri": "false", "pooled_uri": "true"}
        answers = {field: self._send(self.api.read, doing, {"pooled": on}, reads=True) for field, on in pooled.items()}
        uris = {field: checked(answer.json, {"uri": str}, answer.where)["uri"] for field, answer in answers.items()}
        passwords = {unquote(urlsplit(uri).password or "") for uri in uris.values()}
        if len(passwords) > 1:
            raise errors.UnexpectedAnswerError(f"{doing}: its URIs have two passwords; another reset is under way")
        document = {"id": self.options["role"], "password": passwords.pop(), **uris}
        return self._credential(document, self.api.value, Facts(), name, doing)

    def verify(self, credential: Credential) -> Answer:
        doing = f"showing the password of {self._where}"
        self.clock.check()
        return postgres.authenticate(credential.fields["uri"], doing, self.connection.ca_cert, self.connection.via)

    def preview(self) -> list[str]:
        doing = f"looking which branches keep the old password of {self._where}"
        answer = self._send(_BRANCHES, doing, reads=True)
        branches = checked(answer.json, {"branches": [{"name": str}]}, answer.where)["branches"]
        children = [branch["name"] for branch in branches if branch.get("parent_id") == self.options["branch"]]
        names = ", ".join(sorted(children))
        return [f"the old password lives on in what was branched off: {names}"] if names else []

    def _settle(self, answer: HttpAnswer) -> None:
        operations = checked(answer.json, {"operations": [{"id": str}]}, answer.where)["operations"]
        for operation in operations:
            self._await(operation["id"])

    def _await(self, id_: str) -> None:
        doing = f"waiting for operation {id_}, after the reset of {self._where}"
        for _turn in range(_POLLS):
            status = paths.at(self._send(_OPERATION, doing, {"operation": id_}, reads=True).json, "operation.status")
            if status in ("finished", "skipped"):
                return
            if status not in _UNDER_WAY:
                break
            self.clock.sleep(_SECONDS)
        raise errors.OutcomeUnknownError(f"{doing}: it did not finish. See the project's operations in the console")
