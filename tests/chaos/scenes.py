# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is rotated while it is killed: each scene is a user's map in front of a world, and knows what rest looks like."""

from __future__ import annotations

import json
import re
import sqlite3
from abc import ABC, abstractmethod
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

from tests.integration.conftest import OLD_TOKEN, open_desk
from tests.integration.facts import is_alive, minted, working
from tests.sandbox.visitor import Visitor

_ENVIRONMENT = re.compile(r"\{\{ lookup\('ansible\.builtin\.env', '(\w+)'.*?\) \}\}")


class Scene(ABC):
    """One user's desk; the world is as new."""

    name: ClassVar[str]
    secrets: tuple[str, ...]

    def __init__(self, world: Visitor, home: Path) -> None:
        self.world = world
        self.desk = open_desk(world, home)
        world.tell("switch", rate_limits=False, machine_seconds=0.01, run_seconds=0.01)
        self.arrange()

    def arrange(self) -> None:
        """Beyond the example's own inventory."""

    @property
    def variables(self) -> dict[str, Any]:
        """The inventory's variables as Ansible would expand them."""
        overridden = sorted((self.desk.inventory / "host_vars" / "localhost").glob("*.json"))
        given = self.desk.example | {key: value for f in overridden for key, value in json.loads(f.read_text()).items()}
        text = json.dumps({name: value for name, value in given.items() if name.startswith("secret_")})
        text = text.replace("{{ molecule_url }}", self.desk.environment["MOLECULE_URL"])
        expanded: dict[str, Any] = json.loads(
            _ENVIRONMENT.sub(lambda found: self.desk.environment[found.group(1)], text)
        )
        return expanded

    def values(self) -> list[str]:
        """All that must not be found anywhere."""
        values: list[str] = self.world.ask("credentials")["values"]
        return values

    @abstractmethod
    def mints(self) -> dict[str, str]:
        """What has been minted: a word that the ledger knows it by -> its secret."""

    @abstractmethod
    def assert_at_rest(self) -> None:
        """One working credential everywhere, and nothing else of ours alive."""

    def recorded(self) -> set[str]:
        """The provider's ids, or where there are none the names, of the credentials that the ledger knows."""
        if not self.desk.ledger.exists():
            return set()
        with closing(sqlite3.connect(f"file:{self.desk.ledger}?mode=ro", uri=True)) as ledger:
            if not ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'credentials'").fetchone():
                return set()
            return {row[0] or row[1] for row in ledger.execute("SELECT provider_id, name FROM credentials")}

    def effects(self) -> int:
        """How often anything was changed so far."""
        count: int = self.world.ask("counts")["effects"]
        return count


class TwoPlaces(Scene):
    """One Fly token in an app and in a repository, both valid until the old one is revoked."""

    name = "two-place Fly token"
    secrets = ("FLY_API_TOKEN",)

    def mints(self) -> dict[str, str]:
        return dict.fromkeys(minted(self.world), "FLY_API_TOKEN")

    def assert_at_rest(self) -> None:
        assert working(self.world)
        assert not is_alive(self.world, OLD_TOKEN)
        assert len(minted(self.world, alive=True)) == 1


SCENES: dict[str, type[Scene]] = {scene.name: scene for scene in (TwoPlaces,)}
