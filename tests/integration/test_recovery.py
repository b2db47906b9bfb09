# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/recovery.md, carried out: each procedure as it stands there, and each message as it is printed there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.sandbox.visitor import Visitor

from .conftest import Desk, Outcome
from .facts import REPOSITORY, holders, is_alive, minted, working

RECOVERY = Path(__file__).resolve().parents[2] / "docs" / "recovery.md"
COPIES = f"fly app molecule-cp,github {REPOSITORY},molecule-cp,publish"


def assert_documented(words: str, outcome: Outcome) -> None:
    """These words were printed, and stand in the document."""
    assert words in outcome.output, str(outcome)
    assert words in RECOVERY.read_text(encoding="utf-8")


def in_use(world: Visitor) -> str:
    (token,) = set(holders(world).values())
    return token


def adopt(world: Visitor, desk: Desk, token: str, *more: str) -> Outcome:
    world.tell("switch", named=["FLY_API_TOKEN", "molecule-cp", token])
    return desk.rotate("-e", json.dumps({"rotate_adopt": {"FLY_API_TOKEN": token}}), *more)


def assert_recovered(world: Visitor, outcome: Outcome, replaced: str) -> None:
    assert outcome.code == 0, outcome
    assert working(world)
    assert in_use(world) == minted(world)[-1]
    assert minted(world, alive=True) == [in_use(world)]
    assert not is_alive(world, replaced)
    assert world.violations() == []


def set_aside(desk: Desk) -> None:
    for file in desk.ledger.parent.glob("ledger.db*"):
        file.rename(file.with_name(f"lost-{file.name}"))


@pytest.fixture
def rotated(brisk: Visitor, desk: Desk) -> Desk:
    (desk.home / "first.log").write_text(desk.rotate().output)
    return desk


def test_with_the_ledger_or_its_key_gone_a_new_ledger_adopts_what_is_in_use(brisk: Visitor, rotated: Desk) -> None:
    used = in_use(brisk)
    rotated.environment["ROTOR_JOURNAL_KEY"] = Fernet.generate_key().decode()
    refused = rotated.play("rotor.secrets.rotate")
    assert refused.code != 0
    assert_documented("the ledger does not open with the key in secret_journal.key", refused)

    set_aside(rotated)
    unknown = rotated.play("rotor.secrets.rotate")
    assert in_use(brisk) == used
    assert_documented("this ledger knows no credential of it", unknown)

    assert_recovered(brisk, adopt(brisk, rotated, used), used)


def test_a_backup_of_last_week_is_held_until_it_has_been_told(brisk: Visitor, rotated: Desk) -> None:
    backup = shutil.copytree(rotated.ledger.parent, rotated.home / "backup")
    assert rotated.rotate("-e", "rotate_force=true").code == 0
    used = in_use(brisk)
    shutil.rmtree(rotated.ledger.parent)
    shutil.copytree(backup, rotated.ledger.parent)
    before = brisk.ask("counts")["mutating"]

    held = rotated.rotate("-e", "rotate_force=true")
    assert held.code != 0
    assert_documented("is revoked already", held)
    assert brisk.ask("counts")["mutating"] == before

    told = adopt(brisk, rotated, used, "-e", "rotate_force=true", "-e", f"rotate_forget='{COPIES}'")
    assert_recovered(brisk, told, used)


def test_the_ledgers_stolen_key_and_a_connections_revoked_one_are_replaced_and_the_rotation_goes_on(
    brisk: Visitor, rotated: Desk
) -> None:
    log = (rotated.home / "first.log").read_text()
    line = next(line for line in log.splitlines() if "audit trail: " in line)
    head, old = line.partition("audit trail: ")[2].strip(), rotated.environment["ROTOR_JOURNAL_KEY"]
    new = Fernet.generate_key().decode()
    rotated.environment["ROTOR_JOURNAL_KEY"] = f"{new},{old}"
    changed = rotated.play("rotor.secrets.rotate_journal_key", "-e", "rotate_reason=INC-114")
    assert changed.code == 0, changed
    assert_documented("the older keys of secret_journal.key open nothing any more", changed)
    assert not [key for key in (old, new) if key in changed.output]

    rotated.environment["ROTOR_JOURNAL_KEY"] = new
    whole = rotated.play(
        "rotor.secrets.journal_verify", "-e", f"journal_head={head}", "-e", "journal_secret=FLY_API_TOKEN"
    )
    assert whole.code == 0, whole
    assert_documented("and the head that was given is in it", whole)
    assert "proof=provider" in whole.output

    used, good = in_use(brisk), rotated.environment["GITHUB_ADMIN_TOKEN"]
    rotated.environment["GITHUB_ADMIN_TOKEN"] = "revoked-by-its-owner"
    before = brisk.ask("counts")["mutating"]
    refused = rotated.rotate("-e", "rotate_force=true")
    assert refused.code != 0
    assert_documented("Its credential is wrong, expired or revoked: see secret_connections.github", refused)
    assert brisk.ask("counts")["mutating"] == before
    assert in_use(brisk) == used

    rotated.environment["GITHUB_ADMIN_TOKEN"] = good
    assert_recovered(brisk, rotated.rotate("-e", "rotate_force=true"), used)
