# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret of whichever issuer there is a bench for, in the places of two stores, and what that looks like at rest."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Maker, Overlap
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from tests.conformance.issuers.bench import IssuerBench

from .conftest import Desk
from .facts import REPOSITORY
from .stores import TENANT


class Issued:
    """The world is that of the bench. What was there before is named by its id, and its values are in one place."""

    def __init__(self, bench: IssuerBench, secret: str) -> None:
        self.bench, self.secret = bench, secret
        issuer = bench.issuer()
        self.traits = issuer.traits
        self.names = {field: f"{secret}_{field.upper()}" for field in issuer.fields_of(bench.of_issuer)}
        self.old: str | None = None
        if self.traits.value is Maker.PROVIDER:
            made = issuer.mint(issuer.spell("by-hand"))
            self.old = made.id
            for field, value in made.fields.items():
                bench.world.put_github(self.names[field], value.reveal())
        self._by_hand = len(self._mints())

    def connection(self, desk: Desk) -> dict[str, Any]:
        """As an inventory has it; the credential is in the environment."""
        return {name: self._unresolved(option, desk) for name, option in self.bench.connection().items()}

    def _unresolved(self, option: Any, desk: Desk) -> Any:
        if isinstance(option, dict):
            return {name: self._unresolved(inner, desk) for name, inner in option.items()}
        if not isinstance(option, SecretValue):
            return option
        desk.environment[f"ADMIN_OF_{self.secret}"] = option.reveal()
        return {"env": f"ADMIN_OF_{self.secret}"}

    def entry(self) -> dict[str, Any]:
        """Of the map; the connection goes by the secret's name."""
        current = {"current_id": self.old} if self.old and self.traits.overlap is Overlap.OPEN else {}
        return {
            "issuer": {"type": self.bench.issuer_type, "connection": self.secret, **self.bench.of_issuer, **current},
            **placed({name: f"${{{field}}}" for field, name in self.names.items()}),
        }

    def alive(self) -> list[dict[str, Any]]:
        """The provider's live credentials, the newest last."""
        state = self.bench.world.ask("state")[self.bench.provider]
        return [key for key in state.get("tokens") or state["keys"] if key.get("alive", True)]

    def minted(self) -> int:
        """How many have been made since, whether or not anybody has heard of it."""
        return len(self._mints()) - self._by_hand

    def _mints(self) -> list[Any]:
        mint = self.bench.calls["mint"]
        return [
            entry
            for entry in self.bench.world.ask("requests")["requests"]
            if entry["effect"]
            and entry["provider"] == self.bench.provider
            and entry["method"] == mint.get("method", "POST")
            and mint.get("graphql", "") in ["", *entry["operations"]]
            and re.search(mint.get("path", ""), entry["path"])
        ]

    def assert_at_rest(self) -> None:
        """The newest one is in the places; where old and new could live side by side, the old one is gone."""
        held = self.bench.world.ask("state")["github"][REPOSITORY]["secrets"]
        homes = {key["id"]: key.get("home") for key in self.alive()}
        found = {held[name]["token_id"] for name in self.names.values()} - {None}
        newest = next(id_ for id_ in reversed(homes) if homes[id_] in [homes.get(one) for one in found])
        assert found == {newest}, f"{found} of {self.secret} in the repository, not {newest}"
        if self.traits.overlap is Overlap.OPEN:
            assert [key["id"] for key in self.alive() if key["name"].startswith("rotor")] == [newest]
            assert self.old not in [key["id"] for key in self.alive()]


def placed(keys: dict[str, str]) -> dict[str, Any]:
    """In a store that shows nothing, and in one that somebody has described."""
    copies = [{"store": "github", "repository": REPOSITORY, "keys": keys}, {**TENANT, "keys": keys}]
    return {"copies": copies, "revoke": {"accept": "life"}}


def arrange(desk: Desk, every: list[Issued], **more: Any) -> None:
    """Write the inventory; ``more`` are other entries of the map."""
    world = every[0].bench.world
    world.tell("switch", named=[*(name for one in every for name in (one.secret, *one.names.values())), *more])
    desk.environment["TENANT_TOKEN"] = world.credentials["TENANT_ADMIN_TOKEN"]
    tenant = {"type": "http", "url": f"{world.url}/tenant", "token": {"env": "TENANT_TOKEN"}}
    own = {one.secret: one.connection(desk) for one in every}
    desk.override(
        secret_connections={**desk.example["secret_connections"], "tenant": tenant, **own},
        secret_map={**{one.secret: one.entry() for one in every}, **more},
    )
