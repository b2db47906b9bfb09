# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value of our own making, for what takes any value: written, reloaded, proven, and nothing to revoke."""

from __future__ import annotations

import re
from typing import Any

from tests.sandbox.visitor import Visitor

from .conftest import Desk
from .facts import effects, paragraph

NAMES = ("COOKIE_KEY", "WEBHOOK_KEY")


def entry(shape: str) -> dict[str, Any]:
    return {
        "issuer": {"type": "random", "format": shape},
        "copies": [{"store": "fly", "app": "molecule-cp"}],
        "reload": ["molecule-cp"],
        "verify": [{"type": "http", "url": "{{ molecule_url }}/health"}],
    }


def digests(world: Visitor) -> dict[str, str]:
    secrets = world.ask("state")["fly"]["apps"]["molecule-cp"]["secrets"]
    return {name: secrets[name]["digest"] for name in NAMES if name in secrets}


def test_two_random_secrets_of_one_app_are_written_and_reload_it_once(world: Visitor, desk: Desk) -> None:
    world.tell("switch", named=[*NAMES, "molecule-cp"])
    desk.override(secret_map=dict(zip(NAMES, (entry("hex"), entry("alphanumeric")), strict=True)))

    outcome = desk.play("rotor.secrets.rotate", "-e", f"rotate_only={','.join(NAMES)}")

    assert outcome.code == 0, outcome
    first = digests(world)
    assert set(first) == set(NAMES)
    assert effects(world) == ["write fly"] * 2 + ["lease", "update", "release"] * 3
    for name in NAMES:
        assert "DONE  " in paragraph(outcome.output[outcome.output.index("DONE") :], name)
    assert not re.search(r"\brevoke[sd]?\b", outcome.output.split("PLAN ")[1].split("TASK")[0])
    assert world.violations() == []

    again = desk.play("rotor.secrets.rotate", "-e", "rotate_only=COOKIE_KEY", "-e", "rotate_force=true")

    assert again.code == 0, again
    second = digests(world)
    assert second["COOKIE_KEY"] != first["COOKIE_KEY"]
    assert second["WEBHOOK_KEY"] == first["WEBHOOK_KEY"]
    assert world.violations() == []
