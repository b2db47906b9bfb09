# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""APIs that make a new value and let the old one live on for a while."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..provider import RefusedError, read_json
from ..specs import Found
from .service import DescribedApi, Key


class RolledApi(DescribedApi):
    """The home of a key is what it belongs to, such as ``prod``; the newest one of each is in force."""

    shows: ClassVar[str]
    """The path that is asked with a key."""

    @abstractmethod
    def home_of(self, found: Found) -> str: ...

    @abstractmethod
    def body(self, found: Found, key: Key) -> Any:
        """What a roll or a reading answers."""

    def acts(self) -> dict[str, Any]:
        return {**super().acts(), f"expire_{self.name}_keys": self._expire}

    def _expire(self) -> dict[str, Any]:
        """The overlap is over: of each home, only the newest lives."""
        newest = {key.home: id_ for id_, key in self.keys.items()}
        self.keys = {id_: key for id_, key in self.keys.items() if newest[key.home] == id_}
        return {}

    def identify(self, value: str) -> str | None:
        now = self.world.now()
        alive = ((id_, key) for id_, key in self.keys.items() if key.expires is None or key.expires > now)
        return next((id_ for id_, key in alive if key.value == value), None)

    async def _answer(self, request: Request) -> Response:
        found = self.description.find(request.method, "/" + request.path_params["path"])
        if found is None:
            raise RefusedError(404, "no such operation")
        caller = self.caller(request.headers)
        if caller is None or (caller == "admin") == (found.template == self.shows):
            raise RefusedError(401, "unknown key")
        if found.template == self.shows or not found.params:
            return JSONResponse(self.examples.make(found.answer, {}))
        home = self.home_of(found)
        if request.method == "POST":
            self._roll(home, await read_json(request, optional=True))
        return JSONResponse(self.body(found, self._newest(home)))

    def _roll(self, home: str, body: Mapping[str, Any]) -> None:
        lives = timedelta(hours=body.get("delay_old_secrets_expiration_hours", 24))
        self._newest(home).expires = self.world.now() + lives
        self.put(home, "rolled")

    def _newest(self, home: str) -> Key:
        return next((key for key in reversed(self.keys.values()) if key.home == home), None) or self.put(home, "first")


class Clerk(RolledApi):
    name, prefix, error_schema, shows = "clerk", "/clerk", "ClerkErrors", "/instance"

    def home_of(self, found: Found) -> str:
        return found.params.get("envOrInsID", "production")

    def body(self, found: Found, key: Key) -> Any:
        of_one = "envOrInsID" in found.params
        kept = {"instance_id": f"ins_{key.home}", "environment_type": key.home, "secret_key": key.value}
        other = {"instance_id": "ins_development", "environment_type": "development"}
        application = {"application_id": found.params["applicationID"], "name": "shop"}
        return {**application, "instances": [kept] if of_one else [other, kept]}


class Trigger(RolledApi):
    name, prefix, error_schema, shows = "trigger", "/trigger", "Error", "/api/v1/deployments"

    def home_of(self, found: Found) -> str:
        return found.params["env"]

    def body(self, found: Found, key: Key) -> Any:
        facts = {"apiKey": key.value, "name": "shop", "apiUrl": "https://api.trigger.dev", "projectId": "1"}
        return self.examples.make(found.answer, facts)
