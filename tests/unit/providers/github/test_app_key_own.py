# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection is opened with the very key of a GitHub App that a person makes anew."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Proof
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import VirtualClock
from tests.unit.engine.conftest import token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.test_kill import killed_at
from tests.unit.engine.world import WORLDS
from tests.unit.engine.world import World as Boxes

NAME = "TOKEN"


class Desk:
    """A connection to GitHub as an App, whose key is in a file that a copy of the secret is."""

    def __init__(self, github: Visitor, folder: Path, name: str) -> None:
        self.github, self.file = github, folder / "app.pem"
        made = github.act("install_github_app", account="Molecule-AI", permissions={"secrets": "write"}, slug=name)
        self.app = made["app_id"]
        [self.old] = self.fingerprints()
        self.seen = [made["private_key"]]
        self.file.write_text(made["private_key"])
        self.boxes = Boxes(name)
        self.boxes.put("app", {NAME: made["private_key"].strip()})
        self.boxes.serve("app", ["app"])
        url = f"{github.url}/github"
        self.reference: dict[str, Any] = {"file": str(self.file)}
        self.app_options = {"id": self.app, "installation": made["installation"], "private_key": self.reference}
        entry = token_map(
            issuer={"type": "github_app_key", "app": self.app, "url": url, "current_id": self.old},
            connections=["github"],
            retain="current",
            rollout=[{"copies": [{"store": "cloud", "box": "app"}]}],
            revoke={"accept": "life"},
        )
        self.play = Play(
            self.boxes,
            folder,
            {NAME: entry},
            connections={
                "github": {"type": "github", "url": url, "app": self.app_options},
                "cloud": {"type": "test.fake.cloud", "world": name},
            },
        )

    def deliver_at_once(self) -> None:
        put = self.boxes.put

        def delivered(container: str, values: dict[str, str]) -> None:
            put(container, values)
            self.file.write_text(self.boxes.containers["app"][NAME][0])

        self.boxes.put = delivered  # type: ignore[method-assign]

    def press_generate(self) -> tuple[str, str]:
        made = self.github.act("make_github_app_key", app=self.app)
        self.seen.append(made["private_key"])
        return made["fingerprint"], made["private_key"].strip()

    def delete(self, fingerprint: str) -> None:
        self.github.act("delete_github_app_key", app=self.app, fingerprint=fingerprint)

    def fingerprints(self) -> list[str]:
        found: list[str] = self.github.act("github_app_keys", app=self.app)
        return found

    def opens(self) -> bool:
        """Whether what the file has now lets the connection in."""
        options = {**self.app_options, "private_key": SecretValue(self.file.read_text())}
        connection = GitHubConnection({"app": options, "url": f"{self.github.url}/github"}, clock=VirtualClock())
        return "left" in connection.probe()


@pytest.fixture
def desk(world: Visitor, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(world, tmp_path, "own-app")
    yield made
    assert not any(key.splitlines()[1] in made.play.output for key in made.seen)
    del WORLDS[made.boxes.name]


def test_key_is_told_by_its_fingerprint_and_deleted_once_the_connection_has_the_new_one(desk: Desk) -> None:
    new, key = desk.press_generate()
    desk.play.deposit_fields({"private_key": key})
    assert f"({new}) is sealed" in desk.play.output
    assert desk.play.rotate()["counts"] == {"waiting": 1}, desk.play.output
    assert "may still use it (github)" in desk.play.output
    with pytest.raises(RotorError, match="give the job the new credential"):
        desk.play.attest()

    desk.file.write_text(key)
    desk.play.lines.clear()
    assert desk.play.rotate()["counts"] == {"awaiting": 1}, desk.play.output
    assert "github.com/settings/apps, the App, Private keys: delete the old key, by its fingerprint" in desk.play.output
    assert desk.old in desk.play.output
    assert desk.fingerprints() == [desk.old, new]

    desk.delete(desk.old)
    assert desk.play.attest()["changed"]
    assert [row.proof for row in desk.play.state(NAME).credentials] == [Proof.ATTESTED, None]
    assert desk.opens()


def test_end_of_a_key_that_the_ledger_keeps_is_seen(desk: Desk) -> None:
    desk.deliver_at_once()
    first, key = desk.press_generate()
    desk.play.deposit_fields({"private_key": key})
    assert desk.play.rotate()["counts"] == {"awaiting": 1}, desk.play.output
    desk.delete(desk.old)
    desk.play.attest()

    second, key = desk.press_generate()
    desk.play.deposit_fields({"private_key": key})
    assert desk.play.rotate()["counts"] == {"awaiting": 1}, desk.play.output
    desk.delete(first)
    assert not desk.play.rotate()["failed"], desk.play.output
    assert [row.proof for row in desk.play.state(NAME).credentials] == [Proof.ATTESTED, Proof.REFUSED, None]
    assert desk.fingerprints() == [second]
    assert desk.opens()


def test_key_of_another_app_is_not_taken(desk: Desk, world: Visitor) -> None:
    other = world.act("install_github_app", account="Molecule-AI", permissions={}, slug="another")
    desk.seen.append(other["private_key"])
    with pytest.raises(RotorError, match="its provider refuses it"):
        desk.play.deposit_fields({"private_key": other["private_key"].strip()})
    assert desk.play.state(NAME).pending is None


@pytest.mark.no_cover
def test_connection_can_be_opened_wherever_the_rotation_was_killed(world: Visitor, tmp_path: Path) -> None:
    step = 1 if os.environ.get("ROTOR_SWEEP") == "all" else 9
    for point in itertools.count(2, step):
        folder = tmp_path / str(point)
        folder.mkdir()
        desk = Desk(world, folder, f"own-app-{point}")
        desk.deliver_at_once()
        new, key = desk.press_generate()

        def whole(desk: Desk = desk, key: str = key) -> None:
            desk.play.deposit_fields({"private_key": key})
            desk.play.rotate()

        killed = killed_at(desk.play, point, "after", partial(whole))
        assert desk.opens(), f"killed at {point}"
        if killed:
            state = desk.play.state(NAME)
            if not (state.pending or (state.current and state.current.provider_id == new)):
                desk.play.deposit_fields({"private_key": key})
            assert desk.play.rotate()["counts"] == {"awaiting": 1}, desk.play.output
        assert desk.fingerprints() == [desk.old, new]
        desk.delete(desk.old)
        desk.play.attest()
        assert desk.opens()
        assert not desk.play.rotate()["go"]
        del WORLDS[desk.boxes.name]
        if not killed:
            assert point > 15
            return
