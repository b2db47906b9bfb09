# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API of keys behind a published description in ``described``; its answers are made from that one's schemas.

A POST creates a key, or changes one as a PUT does, the GET that lists what it belongs to lists keys, a DELETE revokes
one, any other GET shows that the caller may come in. What a description leaves open stands in subclasses. Our own
descriptions are never asked.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..provider import Provider, RefusedError, read_json
from ..specs import Description, Found
from .examples import Examples

if TYPE_CHECKING:
    from ..world import World

DESCRIBED = Path(__file__).with_name("described")
ADMIN = "APIS_ADMIN_KEY"
UNKNOWN = "unknown key"


@dataclass
class Key:
    number: int
    name: str
    value: str
    home: str
    """The path under which it is listed."""
    created: datetime
    expires: datetime | None = None
    used: datetime | None = None
    unknown_for: int = 0
    """So many more times it is refused, as one is that is not known everywhere yet."""
    body: dict[str, Any] = field(default_factory=dict)
    """What was sent to make it, and has changed since."""


class DescribedApi(Provider):
    @classmethod
    def credentials(cls) -> tuple[str, ...]:
        """One for the administrator of all of them."""
        return (ADMIN,)

    statuses: ClassVar[Mapping[str, int]] = {"unknown": 401}
    begins: ClassVar[str] = ""
    """What every value begins with; the name of the API, unless said."""
    given: Collection[str] = ()
    """The ids of all keys that there have been."""

    def __init__(self, world: World) -> None:
        self.spec = self.spec or str(DESCRIBED / f"{self.name}.json")
        super().__init__(world)

    @cached_property
    def description(self) -> Description:
        return Description(Path(str(self.spec)))

    @cached_property
    def examples(self) -> Examples:
        return Examples(self.description)

    def seed(self) -> None:
        self.keys: dict[str, Key] = {}
        self.made = 0
        self.given = ()
        self.slow = 0
        self.quota: int | None = None

    def routes(self) -> list[BaseRoute]:
        return [Route("/{path:path}", self._answer, methods=["GET", "POST", "PUT", "DELETE"])]

    def problem(self, status: int, message: str) -> Response:
        schema = {"$ref": f"#/components/schemas/{self.error_schema}"}
        return JSONResponse(self.examples.make(schema, {"message": message, "error": message}), status)

    def caller(self, headers: Mapping[str, str]) -> str | None:
        value = headers.get("authorization", "").removeprefix("Bearer ")
        return "admin" if value == self.world.credentials[ADMIN] else self.identify(value)

    def identify(self, value: str) -> str | None:
        return next((id_ for id_, key in self.keys.items() if key.value == value), None)

    def living(self) -> Iterable[str]:
        """Nothing of an API that shows no client the ids of its keys."""
        now = self.world.now()
        if not self._makes_keys:
            return []
        return [id_ for id_, key in self.keys.items() if key.expires is None or key.expires > now]

    # The API

    async def _answer(self, request: Request) -> Response:
        found = self.description.find(request.method, "/" + request.path_params["path"])
        if found is None:
            raise RefusedError(404, "no such operation")
        self._admit(request)
        if request.method in ("POST", "PUT"):
            body = await self.read(request)
            return self._change(found, body) if found.template.endswith("}") else self._create(found, body)
        if request.method == "DELETE":
            return self._revoke(found)
        if self.home(found) == found.path and self._makes_keys:
            return self._list(found, request.query_params)
        return JSONResponse(self.shown(found, self.caller(request.headers) or ""))

    async def read(self, request: Request) -> dict[str, Any]:
        return await read_json(request, optional=True)

    def shown(self, found: Found, caller: str) -> Any:
        """The answer to a GET that lists no keys."""
        return self.examples.make(found.answer, {})

    @cached_property
    def _makes_keys(self) -> bool:
        """Whether it has keys, which have their end by a DELETE, or by a POST to one."""
        return any(
            "delete" in item or ("post" in item and path[-1] == "}") for path, item in self.description.paths.items()
        )

    def _admit(self, request: Request) -> None:
        caller = self.caller(request.headers)
        key = self.keys.get(caller or "")
        if key and key.unknown_for:
            key.unknown_for -= 1
            caller = None
        if caller is None:
            raise RefusedError(self.statuses["unknown"], UNKNOWN)
        if key:
            key.used = self.world.now()

    def home(self, found: Found) -> str:
        """The path of the list that a path's keys are in: its own, or the nearest with the same last name."""
        last = found.template.rpartition("/")[2]
        if last.startswith("{"):
            return found.path.rpartition("/")[0]
        if "get" in self.description.paths[found.template]:
            return found.path if last.lower().endswith(("keys", "tokens", "webhook_endpoints")) else ""
        nearest = [path for path, item in self.description.paths.items() if "get" in item and path.endswith(f"/{last}")]
        place = max(nearest, key=lambda path: len(path) if found.template.startswith(path.rpartition("/")[0]) else 0)
        for name, value in found.params.items():
            place = place.replace(f"{{{name}}}", value)
        return self.description.base + place

    def _create(self, found: Found, body: Mapping[str, Any]) -> Response:
        name = self.named(body)
        if "409" in found.operation["responses"] and any(key.name == name for key in self.keys.values()):
            raise RefusedError(409, "the name is taken")
        if self.quota is not None and len(self.keys) >= self.quota:
            raise RefusedError(400, "there are as many as there can be")
        lives = body.get("secondsToLive") or body.get("expires_in_seconds")
        key = self.put(self.home(found), name, self.world.now() + timedelta(seconds=lives) if lives else None)
        key.body = dict(body)
        return JSONResponse(self.created(found, key), found.status)

    def named(self, body: Mapping[str, Any]) -> str:
        return str(body.get("name") or body.get("key_name") or "")

    def created(self, found: Found, key: Key) -> Any:
        facts = {**self._facts(key), "key": key.value, "token": key.value, "value": key.value}
        return self.examples.make(found.answer, facts)

    def _change(self, found: Found, body: Mapping[str, Any]) -> Response:
        key = self.own(found)
        key.body |= body
        self.world.touch()
        return JSONResponse(self.shown(found, self._id(key)))

    def own(self, found: Found) -> Key:
        """The key that a path is of."""
        key = self.keys.get(found.path.rpartition("/")[2])
        if key is None or key.home != self.home(found):
            raise RefusedError(404, "no such key")
        return key

    def put(self, home: str, name: str, expires: datetime | None = None) -> Key:
        self.made += 1
        value = f"{self.begins or f'{self.name}-'}{secrets.token_urlsafe(24)}"
        key = Key(self.made, name, value, home, self.world.now(), expires, unknown_for=self.slow)
        others = [
            api.given for api in self.world.providers.values() if isinstance(api, DescribedApi) and api is not self
        ]
        while any(self._id(key) in given for given in others):  # the oracle tells keys apart by their ids
            key.number = self.made = self.made + 1
        self.given = [*self.given, self._id(key)]
        self.keys[self._id(key)] = key
        self.world.remember(value)
        self.world.touch()
        return key

    def _list(self, found: Found, query: Mapping[str, str]) -> Response:
        every = [key for key in self.keys.values() if key.home == found.path and self.is_wanted(key, query)]
        known = {item["name"] for item in found.parameters}
        cursor = next((name for name in ("after", "after_id", "starting_after", "cursor", "page") if name in known), "")
        if not cursor:
            return JSONResponse(self.listed(found, every, more=None))
        size = min(self.world.switches.page_size, int(query.get("limit") or query.get("per_page") or 20))
        ids = [self._id(key) for key in every]
        start = (int(query.get("page", 1)) - 1) * size
        start = ids.index(query[cursor]) + 1 if query.get(cursor) in ids and cursor != "page" else start
        return JSONResponse(self.listed(found, every[start : start + size], more=start + size < len(every)))

    def is_wanted(self, key: Key, query: Mapping[str, str]) -> bool:
        """Whether a list that was asked for with a query has the key."""
        return True

    def listed(self, found: Found, keys: Sequence[Key], more: bool | None) -> Any:
        facts = [self._facts(key) for key in keys]
        ends = {"first_id": self._id(keys[0]), "last_id": self._id(keys[-1])} if keys else {}
        has_more = {} if more is None else {"has_more": more, **ends}
        return self.examples.make_list(found.answer, facts, **has_more)

    def _revoke(self, found: Found) -> Response:
        key = self.own(found)
        del self.keys[self._id(key)]
        self.world.touch()
        return Response(status_code=204) if found.status == 204 else JSONResponse(self.ended(found, key))

    def ended(self, found: Found, key: Key) -> Any:
        facts = {**self._facts(key), "revoked": True, "deleted": True, "success": True, "message": "deleted"}
        return self.examples.make(found.answer, facts)

    def _facts(self, key: Key) -> dict[str, Any]:
        return {
            "id": self._id(key),
            "name": key.name,
            **dict.fromkeys(("created_at", "created"), key.created),
            **dict.fromkeys(("last_used_at", "lastUsedAt"), key.used),
            **dict.fromkeys(("expiration", "expires_at"), key.expires),
        }

    def _id(self, key: Key) -> str:
        return str(key.number)

    # For people and the oracle

    def picture(self) -> dict[str, Any]:
        return {"keys": [{"id": id_, "name": key.name, "home": key.home} for id_, key in self.keys.items()]}

    def acts(self) -> dict[str, Any]:
        named = {"make": self._make, "use": self._use, "tune": self._tune}
        return {f"{deed}_{self.name}_key": act for deed, act in named.items()}

    def _make(self, path: str, name: str) -> dict[str, Any]:
        """Somebody makes a key by hand; ``path`` is that of the list."""
        key = self.put(self.description.base + path, name)
        return {"id": self._id(key), "value": key.value}

    def _use(self, id: str) -> dict[str, Any]:
        self.keys[id].used = self.world.now()
        return {}

    def _tune(self, slow: int = 0, quota: int | None = None) -> dict[str, Any]:
        self.slow, self.quota = slow, quota
        return {}
