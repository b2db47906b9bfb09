# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reset the password of an Upstash Redis database, which ends the old one. Clients connect by ``rediss://`` only.

Source: the OpenAPI document in upstash/docs (devops/developer-api). Its schema of a database has neither password nor
REST tokens, though a GET shows them unless told to hide them; their names are in upstash/terraform-provider-upstash.
Not verified: whether a reset changes the REST tokens as well; that a short ``endpoint`` lies in upstash.io; that a dead
password is refused with Redis' own word, WRONGPASS.

More than a description: a password is shown to Redis, whose place has to be read; and there are two issuers.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import ClassVar

from .._core import redis
from .._core.contracts import Answer, Options, Provider, Schema
from .._core.credential import Credential
from .._core.http.key_api import ApiConnection, Call, ResetApi
from .._core.http.key_issuers import ResetIssuer
from .._core.http.shapes import checked
from .._core.references import SCHEMA as CREDENTIAL

_DATABASE = {"type": "string", "pattern": "^[A-Za-z0-9-]+$", "description": "Id of the database."}
_PLACE = {"endpoint": str, "port": int, "tls": bool}


class UpstashConnection(ApiConnection):
    where = ("url", "email")
    schema = Schema(
        {
            "email": {
                "type": "string",
                "minLength": 3,
                "description": "Email address of the account that has the key.",
            },
            "api_key": CREDENTIAL,
            **{name: option for name, option in ApiConnection.schema.properties.items() if name != "token"},
        },
        required=("email", "api_key"),
    )
    references = in_headers = ("api_key",)
    system = "Upstash"
    base_url = "https://api.upstash.com/v2"
    whoami = Call("GET", "/redis/databases")

    @classmethod
    def authorization(cls, options: Options) -> str:
        pair = f"{options['email']}:{options['api_key'].reveal()}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"


class UpstashRedisPasswords(ResetIssuer):
    where = ("database",)
    schema = Schema({"database": _DATABASE}, required=("database",))
    fields: ClassVar[tuple[str, ...]] = ("password",)
    rights = "a management key of the account, with the account's email"
    blast_radius = "whatever connects to the database, such as caches and rate limits"
    console = "Upstash Console, the database, Configuration, Reset Password"
    connection: UpstashConnection
    api = ResetApi(
        reset=Call("POST", "/redis/reset-password/<database>"),
        read=Call("GET", "/redis/database/<database>"),
        value={"password": "password"},
        id="database_id",
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"upstash_redis_password of database {options['database']}"

    def preflight(self, current: str | None) -> list[str]:
        problems = super().preflight(current)
        return problems or ([] if self._place()[2] else [f"{self._where}: the database does without TLS. Turn it on"])

    def verify(self, credential: Credential) -> Answer:
        host, port, _tls = self._place()
        doing = f"showing the password of database {self.options['database']}"
        database = redis.Server(host, port, ca_cert=self.connection.ca_cert, via=self.connection.via)
        self.clock.check()
        return database.authenticate(doing, credential.fields["password"])

    def _place(self) -> tuple[str, int, bool]:
        call = Call("GET", self.api.read.path, params={"credentials": "hide"})
        answer = self._send(call, f"looking where {self._where} is")
        found = checked(answer.json, _PLACE, answer.where)
        host = found["endpoint"] if "." in found["endpoint"] else f"{found['endpoint']}.upstash.io"
        return host, found["port"], found["tls"]


class UpstashRedisCredentials(UpstashRedisPasswords):
    """Issue the password and the REST tokens, whichever of them a reset changes; verify shows the password alone."""

    fields = ("password", "rest_token", "read_only_rest_token")
    api = replace(UpstashRedisPasswords.api, value={field: field for field in fields})

    @classmethod
    def label(cls, options: Options) -> str:
        return f"upstash_redis_credentials of database {options['database']}"


PROVIDER = Provider(
    "Upstash",
    connections={"upstash": UpstashConnection},
    issuers={
        "upstash_redis_password": UpstashRedisPasswords,
        "upstash_redis_credentials": UpstashRedisCredentials,
    },
    contact="support@upstash.com",
)
