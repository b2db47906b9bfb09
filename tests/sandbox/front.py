# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every request to a provider passes: journal, gates, faults, rate limit, and the provider's description."""

from __future__ import annotations

import asyncio
import json
from email.utils import format_datetime
from typing import Any

from graphql import GraphQLSyntaxError, OperationType, parse
from graphql.language import FieldNode, OperationDefinitionNode
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from . import address, texts
from .answer import Answer, read_body, until_gone
from .provider import Provider
from .specs import Descriptions
from .world import Entry, World


class Front:
    def __init__(self, app: ASGIApp, world: World, descriptions: Descriptions) -> None:
        self.app, self.world, self.descriptions = app, world, descriptions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = address.find(scope, self.world.providers.values()) if scope["type"] == "http" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        provider, scope = found
        body = await read_body(receive)
        if body is None:
            return
        entry = self._record(provider, scope, body)
        answer = await self._answer(provider, entry, scope, body, receive)
        entry.status = answer.status or None
        answer.add_headers(date=format_datetime(self.world.now(), usegmt=True))
        await answer.leave(receive, send)

    def _record(self, provider: Provider, scope: Scope, body: bytes) -> Entry:
        path = scope["path"].removeprefix(provider.prefix)
        operations, mutating = graphql_operations(body) if path == "/graphql" else ([], scope["method"] not in SAFE)
        headers = Headers(scope=scope)
        scheme, _blank, presented = headers.get("authorization", "").partition(" ")
        self.world.remember(*filter(None, [presented or scheme]))  # a signed token is made by who calls
        return self.world.record(
            provider=provider.name,
            method=scope["method"],
            path=path,
            operations=operations,
            mutating=mutating,
            token=provider.caller(headers),
            agent=headers.get("user-agent", ""),
        )

    async def _answer(self, provider: Provider, entry: Entry, scope: Scope, body: bytes, receive: Receive) -> Answer:
        lost = Answer(0, [], b"", cut=0)
        if not await self.world.gates.pass_through(entry, "before"):
            return lost
        answer = await self._with_faults(provider, entry, scope, body, receive)
        return answer if await self.world.gates.pass_through(entry, "after") else lost

    async def _with_faults(
        self, provider: Provider, entry: Entry, scope: Scope, body: bytes, receive: Receive
    ) -> Answer:
        fault = self.world.faults.take(entry)
        if fault is None:
            return await self._ask(provider, entry, scope, body)
        await asyncio.sleep(fault.seconds)
        answer = await self._ask(provider, entry, scope, body) if fault.lets_through else None
        if fault.kind == "hang":
            await until_gone(receive)
        spoilt = fault.spoil(answer, provider)
        if fault.kind == "status":
            provider.decorate(entry, spoilt)
        return spoilt

    async def _ask(self, provider: Provider, entry: Entry, scope: Scope, body: bytes) -> Answer:
        headers = Headers(scope=scope)
        for mistake in self.descriptions.mistakes_in_request(provider, entry, scope, body):
            self.world.violate("spec", f"request: {mistake}", str(entry))
        refusal = provider.throttle(entry, headers) if self.world.switches.rate_limits else None
        answer = Answer.of(refusal) if refusal else await Answer.from_app(self.app, scope, body)
        provider.decorate(entry, answer)
        if self.world.switches.note_texts:
            entry.texts = texts.places(answer.body)
        if entry.effect:
            self.world.judge(str(entry))
        for mistake in self.descriptions.mistakes_in_answer(provider, entry, answer):
            self.world.violate("spec", f"answer: {mistake}", str(entry))
        return answer


SAFE = ("GET", "HEAD", "OPTIONS")


def graphql_operations(body: bytes) -> tuple[list[str], bool]:
    """The root fields that a GraphQL request asks for, and whether it is a mutation."""
    try:
        request: Any = json.loads(body)
        document = parse(request["query"])
    except (ValueError, KeyError, TypeError, GraphQLSyntaxError):
        return [], False
    operations = [item for item in document.definitions if isinstance(item, OperationDefinitionNode)]
    fields = [field for item in operations for field in item.selection_set.selections if isinstance(field, FieldNode)]
    return [field.name.value for field in fields], any(item.operation is OperationType.MUTATION for item in operations)
