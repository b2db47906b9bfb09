# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example of docs/tutorial.md, played as the tutorial plays it, on free ports."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import moved
from tests.demo import quickstart
from tests.demo.quickstart import NAME, OLD, Parts

from .conftest import Desk, Outcome


@pytest.fixture
def shop() -> Iterator[Parts]:
    with quickstart.parts() as running:
        yield running


@pytest.fixture
def desk(shop: Parts) -> Desk:
    home = str(shop.folder.parent)
    environment = {
        **moved.clock(),
        **shop.environment,
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": home,
        "XDG_STATE_HOME": f"{home}/state",  # named, since the tests may run in a container
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
        "ANSIBLE_NOCOLOR": "1",
    }
    return Desk(shop.folder.parent, shop.folder, environment)


def rotate(desk: Desk, *arguments: str) -> Outcome:
    return desk.play("rotor.secrets.rotate", "-e", f"rotate_only={NAME}", *arguments)


def test_tutorial_rotates_is_held_and_goes_on_with_the_same_key(shop: Parts, desk: Desk) -> None:
    assert shop.takes(OLD)

    first = rotate(desk)

    assert first.code == 0, first
    assert [finding for finding in shop.verdict() if not finding[1]] == []

    shop.shop.stop()
    held = rotate(desk, "-e", "rotate_force=true")

    assert held.code != 0
    assert f"HELD  {NAME} at 2 the shop, reload of shop" in held.output
    minted = shop.in_file[NAME]

    shop.start()
    resumed = rotate(desk)

    assert resumed.code == 0, resumed
    assert f"DONE  {NAME}" in resumed.output
    assert [finding for finding in shop.verdict() if not finding[1]] == []
    assert shop.in_file[NAME] == minted
