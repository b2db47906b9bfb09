# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which secrets a run works on: a slip in what a person asks for is told, and a guarded secret asks back."""

from __future__ import annotations

import pytest

from tests.sandbox.visitor import Visitor

from .conftest import Desk
from .facts import effects, minted, paragraph, working

SLIPS = {
    "rotate_only=FLY_API_TOKN": "there is no secret FLY_API_TOKN in secret_map. Did you mean FLY_API_TOKEN?",
    '{"rotate_only": [1]}': "rotate_only is neither a list of names nor names with commas between",
    '{"rotate_where": {"stor": "fly"}}': "rotate_where: unknown criterion stor. Did you mean store?",
    '{"rotate_where": {"store": "flyy"}}': "rotate_where: no secret has the store flyy. Did you mean fly?",
    "rotate_environments=staging": "rotate_environments: no secret has the environment staging. There are: none",
    "rotate_adopt=FLY_API_TOKEN": "argument 'adopt' is of type str and we were unable to convert to dict",
    "rotate_force=perhaps": "The value 'perhaps' is not a valid boolean",
    "rotate_resume=backward": "value of resume must be one of: forward, rollback, roll_out, revoke, got: backward",
    '{"rotate_hooks": {"befor_issue": "approval.yml"}}': "befor_issue",
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_told_and_nothing_is_asked_of_anybody(world: Visitor, desk: Desk, slip: str) -> None:
    outcome = desk.play("rotor.secrets.rotate", "-e", slip)

    assert outcome.code != 0
    assert SLIPS[slip] in outcome.output
    assert "Traceback" not in outcome.output
    assert world.ask("counts")["total"] == 0
    assert not desk.ledger.exists()


def test_a_guarded_secret_is_rotated_only_when_it_is_confirmed_and_after_a_compromise_with_a_reason(
    world: Visitor, desk: Desk
) -> None:
    guard = "    guard: {reason: every tenant restarts, allow: compromised}\n"
    desk.edit("    owner: platform\n", f"    owner: platform\n{guard}")

    plain = desk.rotate()
    confirmed = desk.rotate("-e", "rotate_confirm=FLY_API_TOKEN")

    assert plain.code != 0
    said = paragraph(plain.output, "FLY_API_TOKEN")
    assert "it is guarded (every tenant restarts): confirm with -e rotate_confirm=FLY_API_TOKEN" in said
    assert confirmed.code != 0
    assert "only after a compromise; say which with -e rotate_reason=" in paragraph(confirmed.output, "FLY_API_TOKEN")
    assert effects(world) == []

    rotated = desk.rotate("-e", "rotate_confirm=FLY_API_TOKEN", "-e", "rotate_reason='seen in a log'")

    assert rotated.code == 0, rotated
    assert working(world)
    assert len(minted(world)) == 1
