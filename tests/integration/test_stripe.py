# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A webhook's signing secret, by the engine: a second endpoint as the first one, which is disabled and then deleted."""

from __future__ import annotations

from tests.sandbox.apis import ADMIN
from tests.sandbox.visitor import Visitor

from .conftest import Desk


def test_webhook_secret_moves_to_a_second_endpoint_and_the_first_one_ends(world: Visitor, desk: Desk) -> None:
    world.tell("switch", named=["STRIPE_WEBHOOK_SECRET", "molecule-cp"], machine_seconds=0)
    stripe = {"type": "stripe", "url": f"{world.url}/stripe", "token": {"env": "STRIPE_KEY"}}
    url = "https://shop.example.com/stripe"
    issuer = {"type": "stripe_webhook_secret", "connection": "stripe", "url": url, "idempotent": True}
    check = {"type": "http", "url": "{{ molecule_url }}/health", "proves": "use"}
    copies = [{"store": "fly", "app": "molecule-cp"}]
    secret = {
        "issuer": {**issuer, "current_id": "we_1"},
        "copies": copies,
        "reload": ["molecule-cp"],
        "verify": [check],
    }
    known = desk.example["secret_connections"]
    desk.override(secret_connections={**known, "stripe": stripe}, secret_map={"STRIPE_WEBHOOK_SECRET": secret})
    desk.environment["STRIPE_KEY"] = world.credentials[ADMIN]

    run = desk.play("rotor.secrets.rotate", "-e", "rotate_only=STRIPE_WEBHOOK_SECRET")
    assert run.code == 0, run
    assert "up to three days" in run.output
    assert "revoked, proof: provider" in run.output
    (left,) = world.ask("state")["stripe"]["keys"]
    assert left["name"].startswith("rotor-")
    changes = [entry for entry in world.ask("requests")["requests"] if entry["provider"] == "stripe"]
    assert [(entry["method"], entry["path"]) for entry in changes if entry["method"] != "GET"] == [
        ("POST", "/v1/webhook_endpoints"),
        ("POST", "/v1/webhook_endpoints/we_1"),
        ("DELETE", "/v1/webhook_endpoints/we_1"),
    ]
    assert world.violations("spec", "foreign", "leak") == []
