# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests ask of the world itself."""

from __future__ import annotations

import re
from typing import Any

from tests.sandbox.visitor import Visitor

REPOSITORY = "Molecule-AI/molecule-monorepo"
_MUTATIONS = {"createLimitedAccessToken": "mint", "deleteLimitedAccessToken": "revoke"}
_EFFECTS = (
    ("POST", r"/apps/[^/]+/secrets$", "write fly"),
    ("POST", r"/machines/[^/]+/lease$", "lease"),
    ("DELETE", r"/machines/[^/]+/lease$", "release"),
    ("POST", r"/machines/[^/]+$", "update"),
    ("PUT", r"/actions/secrets/", "write github"),
    ("POST", r"/dispatches$", "dispatch"),
)


def tokens(world: Visitor) -> list[dict[str, Any]]:
    return world.ask("state")["fly"]["tokens"]


def minted(world: Visitor, *, alive: bool = False) -> list[str]:
    """The ids of the tokens that were minted by a ledger."""
    ours = [token for token in tokens(world) if token["name"].startswith("rotor-")]
    return [token["id"] for token in ours if token["alive"] or not alive]


def is_alive(world: Visitor, token: str) -> bool:
    return world.tell("probe", token_id=token)["status"] == 200


def holders(world: Visitor) -> dict[str, str]:
    """Where FLY_API_TOKEN stands or runs, and which token that is."""
    state = world.ask("state")
    app = state["fly"]["apps"]["molecule-cp"]
    running = {name: m["token_id"] for name, m in app["machines"].items() if m["state"] == "started"}
    return {
        "fly": app["secrets"]["FLY_API_TOKEN"]["token_id"],
        "github": state["github"][REPOSITORY]["secrets"]["FLY_API_TOKEN"]["token_id"],
        **running,
    }


def working(world: Visitor) -> bool:
    """Whether every place holds one and the same token, and that one works."""
    found = set(holders(world).values())
    return len(found) == 1 and is_alive(world, found.pop())


def value_of(world: Visitor, token: str) -> str:
    """A token's value, which nobody can read: found among all values by what Fly says to it."""
    for value in world.ask("credentials")["values"]:
        answer = world.fly("GET", "/v1/tokens/current", value) if value.startswith("FlyV1 ") else None
        if answer is not None and answer.status_code == 200 and answer.json()["tokens"][0]["token_id"] == token:
            return value
    raise AssertionError(f"no value is known of token {token}")


def effects(world: Visitor) -> list[str]:
    """The requests that changed something, in order, by what they are."""
    found = []
    for request in world.ask("requests")["requests"]:
        if not request["effect"]:
            continue
        found += [_MUTATIONS[name] for name in request["operations"] if name in _MUTATIONS] or [_rest(request)]
    return found


def paragraph(output: str, name: str) -> str:
    """What a plan, a status or a summary says of one secret: its line, and what is indented below it."""
    found = re.search(rf"^(?:[A-Z]+  )?{re.escape(name)}\b.*\n(?:  .*\n)*", output, re.MULTILINE)
    assert found, f"nothing about {name} in:\n{output}"
    return found.group()


def command_after(output: str, label: str) -> str:
    """The command that the last such line offers."""
    return re.findall(rf"^\s+{label}:\s+(ansible-playbook .*)$", output, re.MULTILINE)[-1]


def _rest(request: dict[str, Any]) -> str:
    verb, path = request["method"], request["path"]
    known = (what for method, pattern, what in _EFFECTS if verb == method and re.search(pattern, path))
    return next(known, f"{verb} {path}")


_READS = (
    (r"/machines/[^/]+$", "machine"),
    (r"/actions/secrets/public-key$", "public-key"),
    (r"/actions/secrets/[^/]+$", "secret"),
    (r"/actions/workflows/[^/]+$", "workflow"),
    (r"/actions/runs/[^/]+$", "run"),
    (r"/repos/[^/]+/[^/]+$", "repository"),
    (r"/tokens/current$", "tokens/current"),
    (r"([^/]+)$", r"\1"),
)


def last_word(request: dict[str, Any]) -> str:
    """A reading request by what it asks for: ``fly machines``, ``github secret``."""
    for pattern, word in _READS:
        if found := re.search(pattern, request["path"]):
            return f"{request['provider']} {' '.join(request['operations']) or found.expand(word)}"
    raise AssertionError(request["path"])
