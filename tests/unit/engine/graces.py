# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A token with a grace, and a copy of each kind: in a write-only store, in a readable one, in a file on a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from tests.unit.engine.driver import Play
from tests.unit.engine.world import Issued, World

COPIES = {
    "box": {"store": "cloud", "box": "box"},
    "window": {"store": "window", "box": "window"},
    "/env": {"store": "hosts", "host": "app1", "path": "/env"},
}
"""Container -> the copy in it."""
LABELS = {"box": "box box", "window": "box window", "/env": "file app1:/env"}
IDS = {"box": "cloud:box", "window": "window:window", "/env": "hosts:app1:/env"}


def secret(**more: Any) -> dict[str, Any]:
    revoke = {"after": "1d", "accept": "life", **more.pop("revoke", {})}
    issuer = {"type": "test.fake.token", "connection": "cloud"}
    return {"issuer": issuer, "copies": list(COPIES.values()), "revoke": revoke, **more}


def play_of(world: World, folder: Path, **more: Any) -> Play:
    """A person's token is in every copy; what is in a copy is what a service starts with."""
    old = world.issue("made by hand")
    for container in COPIES:
        world.put(container, {"TOKEN": old.value})
        world.serve(container, [container], machines=0)
    clouds = {name: {"type": f"test.fake.{name}", "world": world.name} for name in ("cloud", "window", "dark")}
    connections = {**clouds, "hosts": {"type": "test.fake.hosts"}}
    return Play(world, folder, {"TOKEN": secret(**more)}, connections=connections)


def in_grace(play: Play) -> tuple[Issued, Issued]:
    """Rotate twice; the old credential in its grace, and the one in use."""
    for _turn in range(2):
        assert not play.rotate("TOKEN", force=True)["failed"], play.output
    old, new = (row.provider_id for row in play.state("TOKEN").credentials)
    play.lines.clear()
    play.world.log.clear()
    return play.world.issued[str(old)], play.world.issued[str(new)]


def rolled_out(play: Play, **options: Any) -> str:
    """The run of a further rotation, as a hook before the revoke finds it."""
    plan = play.plan("TOKEN", **options)
    for phase in (Phase.ISSUED, Phase.ROLLED_OUT):
        play.through(plan["run"], phase)
    return str(plan["run"])
