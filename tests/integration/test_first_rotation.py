# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first rotation knows no credential: it revokes nothing that nobody has named, and says how to name it."""

from __future__ import annotations

import pytest

from tests.sandbox.visitor import Visitor

from .conftest import OLD_TOKEN, Desk
from .facts import effects, is_alive, minted, paragraph, tokens, working

CURRENT_ID = f"      current_id: {OLD_TOKEN}\n"
OTHERS = ("litefs", "ci-deploy")


@pytest.fixture
def nameless(world: Visitor, desk: Desk) -> Desk:
    """An inventory that does not say which token is in use; the world takes its revocation for a violation."""
    desk.edit(CURRENT_ID, "")
    world.tell("switch", named=["FLY_API_TOKEN", "molecule-cp"])
    return desk


def test_without_a_name_nothing_is_revoked_and_naming_it_afterwards_revokes_that_one_only(
    world: Visitor, nameless: Desk
) -> None:
    first = nameless.rotate()

    assert first.code == 0, first
    assert working(world)
    assert "revoke" not in effects(world)
    assert is_alive(world, OLD_TOKEN)
    assert world.violations() == []
    plan, summary = first.output.split("DONE  ")
    row = next(line for line in plan.splitlines() if line.strip().startswith(OLD_TOKEN))
    for part in ("molecule-cp-rotation-20260801", "created ", "last used", "organization deploy"):
        assert part in row
    assert "issuer.current_id of FLY_API_TOKEN" in plan
    assert "not known to this ledger; nothing was revoked" in summary

    world.tell("switch", named=["FLY_API_TOKEN", "molecule-cp", OLD_TOKEN])
    adopt = f'{{"rotate_adopt": {{"FLY_API_TOKEN": "{OLD_TOKEN}"}}}}'
    second = nameless.rotate("-e", adopt)

    assert second.code == 0, second
    assert effects(world)[-1] == "revoke"
    assert effects(world).count("mint") == 1
    assert {token["name"] for token in tokens(world) if not token["alive"]} == {"molecule-cp-rotation-20260801"}
    assert world.violations() == []


def test_a_wrong_name_is_refused_with_the_list_of_those_that_may_be_meant(world: Visitor, nameless: Desk) -> None:
    outcome = nameless.rotate("-e", '{"rotate_adopt": {"FLY_API_TOKEN": "TGltaXRlZA"}}')

    assert outcome.code != 0
    said = paragraph(outcome.output, "FLY_API_TOKEN")
    assert "TGltaXRlZA is not among the tokens of organization molecule-ai" in said
    assert "molecule-cp-rotation-20260801" in said
    assert not any(name in said for name in OTHERS)  # they are for something else, and would be refused
    assert world.ask("counts")["mutating"] == 0


def test_a_name_given_before_the_first_rotation_is_revoked_by_it_and_no_other_is(
    world: Visitor, nameless: Desk
) -> None:
    world.tell("switch", named=["FLY_API_TOKEN", "molecule-cp", OLD_TOKEN])

    outcome = nameless.rotate("-e", f'{{"rotate_adopt": {{"FLY_API_TOKEN": "{OLD_TOKEN}"}}}}')

    assert outcome.code == 0, outcome
    assert not is_alive(world, OLD_TOKEN)
    assert [token["alive"] for token in tokens(world) if token["name"] in OTHERS] == [True, True]
    assert is_alive(world, minted(world)[0])
    assert world.violations() == []
