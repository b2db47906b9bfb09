# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge that the tests ask, and the hands with which they change the world. Never part of any provider."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from .provider import RefusedError
from .world import World


def routes(world: World) -> Mount:
    oracle = Oracle(world)
    table: list[tuple[str, str, Callable[..., Any]]] = [
        ("GET", "/violations", oracle.violations),
        ("GET", "/moments", oracle.moments),
        ("GET", "/state", oracle.state),
        ("GET", "/requests", oracle.requests),
        ("GET", "/counts", oracle.counts),
        ("GET", "/mints", oracle.mints),
        ("GET", "/credentials", oracle.credentials),
        ("POST", "/probe", oracle.probe),
        ("POST", "/holds", oracle.holds),
        ("POST", "/reset", oracle.reset),
        ("POST", "/faults", oracle.add_fault),
        ("DELETE", "/faults", oracle.clear_faults),
        ("GET", "/gate", oracle.held),
        ("POST", "/gate", oracle.add_gate),
        ("POST", "/gate/release", oracle.release),
        ("POST", "/switch", oracle.switch),
        ("POST", "/act", oracle.act),
        ("POST", "/fly/token", lambda wish: oracle.act({"deed": "mint_fly_token"} | wish)),
        ("POST", "/github/token", lambda wish: oracle.act({"deed": "mint_github_token"} | wish)),
    ]
    return Mount("/oracle", routes=[Route(path, endpoint(answer), methods=[method]) for method, path, answer in table])


def endpoint(answer: Callable[..., Any]) -> Callable[[Request], Any]:
    """A function of the query or of the JSON body; a mistake in these is the test's mistake, and is named."""

    async def run(request: Request) -> Response:
        given = await request.json() if await request.body() else dict(request.query_params)
        try:
            result = answer(given)
            return JSONResponse(await result if hasattr(result, "__await__") else result)
        except (ValueError, TypeError, LookupError, StopIteration, re.error, RefusedError) as exc:
            return JSONResponse({"error": f"{type(exc).__name__}: {exc}"}, 400)

    return run


class Oracle:
    def __init__(self, world: World) -> None:
        self.world = world

    # Questions

    def violations(self, given: dict[str, Any]) -> Any:
        self.world.judge("the passing of time")
        return {"violations": [asdict(item) for item in self.world.violations]}

    def moments(self, given: dict[str, Any]) -> Any:
        """All that was so since the beginning: who lived, and what each place held."""
        self.world.judge("the passing of time")
        return {"moments": [asdict(moment) for moment in self.world.moments]}

    def state(self, given: dict[str, Any]) -> Any:
        return self.world.picture()

    def requests(self, given: dict[str, Any]) -> Any:
        since = int(given.get("since", 0))
        return {"requests": [asdict(entry) for entry in self.world.requests if entry.n > since]}

    def counts(self, given: dict[str, Any]) -> Any:
        entries = self.world.requests
        by = Counter(" ".join([entry.provider, entry.method, entry.path, *entry.operations]) for entry in entries)
        return {
            "total": len(entries),
            "mutating": sum(entry.mutating for entry in entries),
            "effects": sum(entry.effect for entry in entries),
            "by_provider": Counter(entry.provider for entry in entries),
            "by": by,
        }

    def mints(self, given: dict[str, Any]) -> Any:
        """The tokens that were minted over the API, by name; `prefix` picks."""
        prefix = given.get("prefix", "")
        names = [name for name in self.world.minted if name.startswith(prefix)]
        return {"count": len(names), "names": names}

    def credentials(self, given: dict[str, Any]) -> Any:
        return self.world.credentials | {"values": sorted(self.world.values)}

    def probe(self, given: dict[str, Any]) -> Any:
        return {"status": self.world.probe(given["token_id"])}

    def holds(self, given: dict[str, Any]) -> Any:
        """Whether somebody's possession, by its kind and its name, is this very value; None where there is none."""
        key = (given["kind"], given["name"])
        states = [item.compare(key, given["value"]) for item in self.world.providers.values()]
        return {"holds": next((state for state in states if state is not None), None)}

    # Hands

    def reset(self, given: dict[str, Any]) -> Any:
        self.world.reset()
        return {}

    def add_fault(self, given: dict[str, Any]) -> Any:
        self.world.faults.add(**given)
        return {}

    def clear_faults(self, given: dict[str, Any]) -> Any:
        self.world.faults.clear()
        return {}

    def add_gate(self, given: dict[str, Any]) -> Any:
        self.world.gates.add(**given)
        return {}

    async def held(self, given: dict[str, Any]) -> Any:
        """Which requests stand at a gate; `wait` seconds for the first one."""
        await self.world.until(lambda: bool(self.world.gates.held()), float(given.get("wait", 0)))
        held = self.world.gates.held()
        return {"held": [asdict(entry) for entry in self.world.requests if entry.n in held]}

    def release(self, given: dict[str, Any]) -> Any:
        self.world.gates.release(drop=bool(given.get("drop", False)))
        return {}

    def switch(self, given: dict[str, Any]) -> Any:
        with self.world.people("switch"):
            self.world.switches.set(**given)
        return vars(self.world.switches)

    def act(self, given: dict[str, Any]) -> Any:
        """A deed of a person: whatever it breaks is put down to it, and it is no change by the client."""
        details = dict(given)
        deed = details.pop("deed")
        deeds = {name: act for provider in self.world.providers.values() for name, act in provider.acts().items()}
        if deed not in deeds:
            raise ValueError(f"unknown deed {deed}; known: {', '.join(deeds)}")
        with self.world.people(deed):
            return deeds[deed](**details)
