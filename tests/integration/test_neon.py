# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key of Neon's, by the engine, when the answer to its making is lost: one orphan, found by its name and ended."""

from __future__ import annotations

from tests.sandbox.apis import ADMIN
from tests.sandbox.visitor import Visitor

from .conftest import Desk


def keys(world: Visitor) -> list[str]:
    return [key["id"] for key in world.ask("state")["neon"]["keys"]]


def test_lost_answer_to_a_mint_leaves_no_key_behind(world: Visitor, desk: Desk) -> None:
    world.tell("switch", named=["NEON_API_KEY", "molecule-cp"], machine_seconds=0)
    old = world.act("make_neon_key", path="/organizations/acme/api_keys", name="made by hand")["id"]
    known = desk.example["secret_connections"]
    neon = {"type": "neon", "url": f"{world.url}/neon/api/v2", "token": {"env": "NEON_KEY"}}
    issuer = {"type": "neon_api_key", "connection": "neon", "organization": "acme", "current_id": old}
    copies = [{"store": "fly", "app": "molecule-cp"}]
    check = {"type": "http", "url": "{{ molecule_url }}/health", "proves": "use"}
    secret = {"issuer": issuer, "copies": copies, "reload": ["molecule-cp"], "verify": [check]}
    desk.override(secret_connections={**known, "neon": neon}, secret_map={"NEON_API_KEY": secret})
    desk.environment["NEON_KEY"] = world.credentials[ADMIN]
    world.tell("faults", provider="neon", method="POST", kind="reset_after")

    first = desk.play("rotor.secrets.rotate", "-e", "rotate_only=NEON_API_KEY")
    assert first.code != 0, first
    assert len(keys(world)) == 2  # the old one, and the orphan

    second = desk.play("rotor.secrets.rotate", "-e", "rotate_only=NEON_API_KEY")
    assert second.code == 0, second
    (left,) = keys(world)
    assert left not in (old, "2")
    assert "refused" in second.output or "provider" in second.output
    assert world.violations("spec", "foreign", "leak") == []
