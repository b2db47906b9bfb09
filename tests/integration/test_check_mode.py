# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``--check`` and the playbook ``plan`` tell what would be done, and change nothing anywhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.sandbox.visitor import Visitor

from .conftest import OLD_TOKEN, ROOT, Desk
from .facts import holders, paragraph, working

ANSIBLES_OWN = (".ansible", "tmp")
WOULD_ROTATE = ("plan", "roll_out", "rotate", "rotate_fly_token")
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))


def kept(desk: Desk) -> dict[str, str]:
    """Every file below the home that is not Ansible's own nor the inventory; of the ledger, what is in its tables."""
    own = {desk.home / name for name in ANSIBLES_OWN} | {desk.inventory}
    found = [path for path in desk.home.rglob("*") if path.is_file() and not own & set(path.parents)]
    files = {str(path): path.read_text() for path in found if not path.name.startswith("ledger.db")}
    if desk.ledger in found:
        with closing(sqlite3.connect(desk.ledger)) as ledger:
            files[str(desk.ledger)] = "\n".join(ledger.iterdump())
    return files


def steps(output: str) -> list[str]:
    """The plan's lines about what is to be done, without the run's name."""
    return paragraph(output, "FLY_API_TOKEN").splitlines()


@pytest.mark.core
def test_check_mode_and_plan_change_nothing_and_the_plan_is_what_is_then_carried_out(
    world: Visitor, desk: Desk
) -> None:
    before = world.ask("state")

    checked = desk.rotate("--check", "--diff")
    planned = desk.play("rotor.secrets.plan", "-e", "rotate_only=FLY_API_TOKEN")
    left_out = desk.rotate("--tags", "deploy")

    for outcome, changed in ((checked, 1), (planned, 1), (left_out, 0)):
        assert outcome.code == 0, outcome
        assert f"changed={changed}" in outcome.output, "would be changed, in check mode"
        assert steps(outcome.output) == steps(checked.output)
    assert "NOTHING WAS ROTATED  --tags deploy leaves it out; run it again without" in left_out.output
    assert "NOTHING WAS ROTATED" not in checked.output + planned.output
    assert world.ask("counts")["mutating"] == 0
    assert world.ask("state") == before
    assert kept(desk) == {}
    assert "TASK [rotor.secrets.rotate : Issue" not in checked.output

    real = desk.rotate()

    assert steps(real.output) == steps(planned.output)
    assert working(world)


def test_check_mode_in_the_middle_of_a_rotation_tells_the_rest_and_leaves_it_alone(world: Visitor, desk: Desk) -> None:
    world.tell("faults", provider="github", method="PUT", path="/actions/secrets/", status=403)
    assert desk.rotate().code != 0
    mutations, held, files = world.ask("counts")["mutating"], holders(world), kept(desk)

    checked = desk.rotate("--check")

    assert checked.code == 0, checked
    rest = paragraph(checked.output, "FLY_API_TOKEN")
    assert "a rotation is under way" in rest
    assert "write   github Molecule-AI/molecule-monorepo: FLY_API_TOKEN" in rest
    assert f"({OLD_TOKEN})" in rest
    assert "mint " not in rest
    assert "write   fly" not in rest
    assert world.ask("counts")["mutating"] == mutations
    assert holders(world) == held
    assert kept(desk) == files
    assert desk.rotate().code == 0
    assert working(world)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_no_playbook_changes_anything_in_check_mode(world: Visitor, desk: Desk, playbook: str) -> None:
    before = world.ask("state")

    checked = desk.play(f"rotor.secrets.{playbook}", "--check")

    assert "PLAY RECAP" in checked.output, checked
    assert f"changed={int(playbook in WOULD_ROTATE)}" in checked.output
    assert world.ask("counts")["mutating"] == 0
    assert world.ask("state") == before
    assert kept(desk) == {}
