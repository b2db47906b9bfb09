# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/recovery.md, carried out: each procedure by the commands that stand there, each message as it stands there."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.chaos.scenes import Servers, TwoPlaces
from tests.sandbox.visitor import Visitor

from .conftest import OLD_TOKEN, Desk, Outcome
from .facts import REPOSITORY, effects, holders, is_alive, minted, value_of, working
from .typist import Page, Typist

PAGE = Page(Path(__file__).resolve().parents[2] / "docs" / "recovery.md")
NAME = "FLY_API_TOKEN"
PLACES = {"COPY,COPY,CONSUMER,CONSUMER": f"fly app molecule-cp,github {REPOSITORY},molecule-cp,publish"}
ROTATE = f"ansible-playbook rotor.secrets.rotate -i inventory -e rotate_only={NAME}"
LOST, KEY_LOST, OLD = "The ledger is gone", "The ledger's key is gone", "The ledger is an old backup"
STOLEN, REVOKED = "The ledger's key was stolen", "A connection's own credential was revoked"
DOWN = "The tool itself is down"


@pytest.fixture
def typist(brisk: Visitor) -> Iterator[Typist]:
    with tempfile.TemporaryDirectory(prefix="recovery-") as folder:
        yield Typist(TwoPlaces(brisk, Path(folder) / "home", Servers()))


@pytest.fixture
def rotated(typist: Typist) -> Typist:
    """It has rotated once, as every day."""
    done = typist.type(ROTATE)
    assert done.code == 0, done
    return typist


def assert_documented(title: str, words: str, outcome: Outcome) -> None:
    """These words were printed, and stand in the section."""
    assert words in outcome.output, str(outcome)
    assert words in PAGE.section(title)


def in_use(world: Visitor) -> str:
    (token,) = set(holders(world).values())
    return token


def head_of(outcome: Outcome) -> str:
    """The newest link of the audit trail, which every run prints."""
    return next(line for line in outcome.output.splitlines() if line.startswith("audit trail: ")).split()[-1]


def people_name(world: Visitor, token: str) -> None:
    """The world is told as well, so that it takes nobody's revoking it for a mistake."""
    world.tell("switch", named=[NAME, "molecule-cp", token])


def assert_recovered(world: Visitor, outcome: Outcome, replaced: str) -> None:
    assert outcome.code == 0, outcome
    assert "DONE" in outcome.output
    assert working(world)
    assert in_use(world) == minted(world)[-1]
    assert minted(world, alive=True) == [in_use(world)]
    assert not is_alive(world, replaced)
    assert world.violations() == []


def assert_at_rest(world: Visitor, typist: Typist) -> None:
    before = effects(world)
    again = typist.type(ROTATE)
    assert again.code == 0, again
    assert effects(world) == before


def set_aside(desk: Desk) -> None:
    for file in desk.ledger.parent.glob("ledger.db*"):
        file.rename(file.with_name(f"lost-{file.name}"))


def adopt_in_a_new_ledger(world: Visitor, typist: Typist) -> None:
    """The section about a lost ledger, from its second point on."""
    used = in_use(world)
    typist.scene.desk.edit(f"      current_id: {OLD_TOKEN}\n", "")
    before = effects(world)
    unknown = typist.type("ansible-playbook rotor.secrets.rotate -i inventory")
    assert_documented(LOST, "this ledger knows no credential of it", unknown)
    plan, rotate = PAGE.commands(LOST)
    planned = typist.type(plan, NAME=NAME)
    assert used in planned.output, planned
    assert effects(world) == before
    people_name(world, used)
    assert_recovered(world, typist.type(rotate, NAME=NAME, ID=used), used)
    assert_at_rest(world, typist)


def test_with_the_ledger_gone_a_new_one_adopts_what_is_in_use(brisk: Visitor, rotated: Typist) -> None:
    set_aside(rotated.scene.desk)
    adopt_in_a_new_ledger(brisk, rotated)


def test_with_its_key_gone_the_ledger_is_moved_away_and_it_is_the_same(brisk: Visitor, rotated: Typist) -> None:
    rotated.scene.desk.environment["ROTOR_LEDGER_KEY"] = Fernet.generate_key().decode()
    refused = rotated.type(ROTATE)
    assert refused.code != 0
    assert_documented(KEY_LOST, "the ledger does not open with the key in secret_ledger.key", refused)
    set_aside(rotated.scene.desk)
    adopt_in_a_new_ledger(brisk, rotated)


def test_a_backup_of_last_week_is_held_until_it_has_been_told(brisk: Visitor, rotated: Typist) -> None:
    desk = rotated.scene.desk
    backup = shutil.copytree(desk.ledger.parent, desk.home / "backup")
    assert rotated.type(f"{ROTATE} -e rotate_force=true").code == 0
    used = in_use(brisk)
    shutil.rmtree(desk.ledger.parent)
    shutil.copytree(backup, desk.ledger.parent)
    before = effects(brisk)

    held = rotated.type(f"{ROTATE} -e rotate_force=true")
    assert held.code != 0
    assert_documented(OLD, "was changed by somebody else since this ledger last saw it", held)
    status, rotate = PAGE.commands(OLD)
    assert "CHANGED since by somebody else" in rotated.type(status, NAME=NAME).output
    assert effects(brisk) == before

    people_name(brisk, used)
    assert_recovered(brisk, rotated.type(rotate, NAME=NAME, ID=used, **PLACES), used)
    assert_at_rest(brisk, rotated)


def test_a_stolen_key_is_replaced_and_the_trail_of_before_still_proves_itself(brisk: Visitor, typist: Typist) -> None:
    head = head_of(typist.type(ROTATE))
    new_key, change, only_new, verify = PAGE.commands(STOLEN)
    keys = {"OLD": typist.scene.desk.environment["ROTOR_LEDGER_KEY"], "NEW": Fernet.generate_key().decode()}
    typist.type(new_key, **keys)
    changed = typist.type(change)
    assert changed.code == 0, changed
    assert_documented(STOLEN, "the older keys of secret_ledger.key open nothing any more", changed)
    assert not [key for key in keys.values() if key in changed.output]
    typist.type(only_new, **keys)

    whole = typist.type(verify, HEAD=head, NAME=NAME)
    assert whole.code == 0, whole
    assert_documented(STOLEN, "the chain is whole, and the head that was given is in it", whole)
    assert "proof=provider" in whole.output
    assert_documented(
        STOLEN, "the head that was given is not in the chain", typist.type(verify, HEAD="0" * 64, NAME=NAME)
    )
    used = in_use(brisk)
    assert_recovered(brisk, typist.type(f"{ROTATE} -e rotate_force=true"), used)

    typist.scene.desk.environment["ROTOR_LEDGER_KEY"] = keys["OLD"]
    assert typist.type(ROTATE).code != 0, "the old key still opens it"


def test_a_connections_credential_that_was_revoked_before_is_told_and_nothing_happens(
    brisk: Visitor, rotated: Typist
) -> None:
    used, environment = in_use(brisk), rotated.scene.desk.environment
    good, environment["GITHUB_ADMIN_TOKEN"] = environment["GITHUB_ADMIN_TOKEN"], "revoked-by-its-owner"
    before = effects(brisk)
    refused = rotated.type(f"{ROTATE} -e rotate_force=true")
    assert refused.code != 0
    assert_documented(REVOKED, "Its credential is wrong, expired or revoked: see secret_connections.github", refused)
    assert effects(brisk) == before
    assert in_use(brisk) == used

    environment["GITHUB_ADMIN_TOKEN"] = good
    assert_recovered(brisk, rotated.type(f"{ROTATE} -e rotate_force=true"), used)


def test_one_that_is_revoked_in_the_middle_holds_the_rotation_which_goes_on_with_another(
    brisk: Visitor, typist: Typist
) -> None:
    def revoke(line: str) -> None:
        if " minted, " in line:  # from then on, whoever opens the connection finds it dead
            os.environ["GITHUB_ADMIN_TOKEN"] = "revoked-by-its-owner"

    typist.listen = revoke
    held = typist.type(ROTATE)
    assert held.code != 0
    assert f"HELD  {NAME} at" in held.output
    assert_documented(REVOKED, "at 2 image publishing, write (connection github): ", held)
    assert_documented(REVOKED, "The credential that was used is wrong, expired or revoked", held)
    assert is_alive(brisk, OLD_TOKEN)
    (new,) = minted(brisk, alive=True)

    typist.listen = str
    (again,) = PAGE.commands(REVOKED)
    assert_recovered(brisk, typist.type(again, NAME=NAME), OLD_TOKEN)
    assert minted(brisk) == [new], "it was minted twice"
    assert_at_rest(brisk, typist)


def test_what_a_person_has_rotated_while_the_tool_was_down_is_refused_until_the_ledger_learns_of_it(
    brisk: Visitor, rotated: Typist
) -> None:
    replaced = in_use(brisk)
    with closing(sqlite3.connect(rotated.scene.desk.ledger)) as ledger:
        query = "SELECT fingerprint FROM credentials WHERE provider_id = ?"
        fingerprint = ledger.execute(query, [replaced]).fetchone()[0]
    by_hand = rotate_by_hand(brisk, replaced)
    before = effects(brisk)

    status, rotate = PAGE.commands(DOWN)
    told = rotated.type(status, NAME=NAME)
    assert_documented(DOWN, "CHANGED since by somebody else", told)
    assert_documented(DOWN, "NOT listed as valid", told)
    plan, _rotate = PAGE.commands(LOST)
    for command in (plan + " -e rotate_force=true", f"{ROTATE} -e rotate_force=true"):
        refused = rotated.type(command, NAME=NAME)
        assert refused.code != 0, refused
        assert_documented(DOWN, "was changed by somebody else since this ledger last saw it", refused)
    assert effects(brisk) == before
    assert is_alive(brisk, by_hand)

    people_name(brisk, by_hand)
    done = rotated.type(rotate, NAME=NAME, ID=by_hand, **PLACES)
    assert_recovered(brisk, done, by_hand)
    assert_at_rest(brisk, rotated)
    trail = rotated.type(PAGE.commands(STOLEN)[-1], HEAD=head_of(done), NAME=NAME)
    assert f"fingerprint={fingerprint}" in trail.output, "what was current before has left the trail"
    assert "  forgotten  what=publish" in trail.output


def rotate_by_hand(world: Visitor, old: str) -> str:
    """In the order of the page, by what the providers offer; the id of the new one."""
    made = world.act("mint_fly_token", profile="deploy_organization", name="by-hand")
    value = made["token"]
    version = world.act("set_fly_secret", app="molecule-cp", name=NAME, value=value)["version"]
    world.roll(version)
    world.act("set_repo_secret", repository=REPOSITORY, name=NAME, value=value, later=120)
    world.dispatch()
    assert value_of(world, made["id"]) == value
    assert working(world)
    world.act("revoke_fly_token", token_id=old)
    assert world.violations() == []
    return str(made["id"])
