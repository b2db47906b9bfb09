# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a system of the world has to offer; each one is a folder with a subclass of `Provider`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

if TYPE_CHECKING:
    from .answer import Answer
    from .world import Entry, World


class RefusedError(HTTPException):
    """A request that the provider refuses; it becomes an answer in the provider's own shape."""


@dataclass(frozen=True)
class Use:
    """A consumer, or a copy that a consumer will start with (`latent`), and what the issuer says to its credential."""

    consumer: str
    credential: str
    status: int
    latent: bool = False


class Provider:
    name: str
    prefix: str
    doors: tuple[str, ...] = ()  # its other addresses: a path, or a URL for clients that take us for their proxy
    spec: str | None = None  # the file of its published description
    error_schema: str = ""
    undescribed: tuple[str, ...] = ()
    takes_empty_object = False  # as the body of any request, as the vendor's own client sends it
    is_scenario = False  # it lives in other providers, and is seeded after them
    switches: ClassVar[Mapping[str, Any]] = {}  # its own among the world's switches, as they are at the start

    @classmethod
    def credentials(cls) -> tuple[str, ...]:
        """The names of the operator's credentials."""
        return (f"{cls.prefix.strip('/').upper()}_ADMIN_TOKEN",)

    def __init__(self, world: World) -> None:
        self.world = world

    def seed(self) -> None:
        """Forget everything and be as the world is at the start."""
        raise NotImplementedError

    def routes(self) -> list[BaseRoute]:
        raise NotImplementedError

    def problem(self, status: int, message: str) -> Response:
        """An error in the provider's own shape."""
        raise NotImplementedError

    def caller(self, headers: Mapping[str, str]) -> str | None:
        """The name of the credential that a request carries, for the journal."""
        return None

    def throttle(self, entry: Entry, headers: Mapping[str, str]) -> Response | None:
        """The provider's refusal where a request comes too fast."""
        return None

    def decorate(self, entry: Entry, answer: Answer) -> None:
        """Headers that the provider puts on every answer."""

    def identify(self, value: str) -> str | None:
        """The id of the credential that a value is, where this provider has issued it."""
        return None

    def probe(self, credential_id: str) -> int | None:
        """The status that this provider answers to a credential of its own."""
        return None

    def living(self) -> Iterable[str]:
        """The credentials that it accepts now, as `identify` calls them."""
        return ()

    def contents(self) -> Iterable[tuple[str, str, str]]:
        """What copies and machines hold: the place as reports call it, the key, and the value."""
        return ()

    def uses(self) -> Iterable[Use]:
        """Who depends on a credential at this moment."""
        return ()

    def possessions(self) -> dict[tuple[str, str], Any]:
        """What a rotation may not touch unless it is named: (kind, name) and the state of it."""
        return {}

    def compare(self, key: tuple[str, str], value: str) -> bool | None:
        """Whether this possession is that value; None where there is no such possession."""
        held = self.possessions()
        return held[key] == value if key in held else None

    def picture(self) -> dict[str, Any]:
        """The state without any value."""
        return {}

    def acts(self) -> dict[str, Any]:
        """Deeds of people, by name: functions of keyword arguments."""
        return {}

    def app(self) -> Starlette:
        def refused(request: Request, exc: Exception) -> Response:
            assert isinstance(exc, HTTPException)
            answer = self.problem(exc.status_code, exc.detail)
            answer.headers.update(exc.headers or {})
            return answer

        return Starlette(routes=self.routes(), exception_handlers={HTTPException: refused})


def json_object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise RefusedError(400, "The request's body must be a JSON object")
    return body


async def read_json(request: Request, *, optional: bool = False) -> dict[str, Any]:
    """The request's JSON object; providers refuse anything else."""
    if not await request.body():
        if optional:
            return {}
        raise RefusedError(400, "A JSON body is required")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError(415, "Content-Type must be application/json")
    try:
        return json_object(await request.json())
    except ValueError:
        raise RefusedError(400, "The request's body is not JSON") from None
