# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients buy through PgBouncer while the role with which they log in is exchanged: no transaction fails.

ROTOR_LOAD is for how many seconds, at the pace of 200 transactions a second; five, unless said.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.chaos import tally
from tests.chaos.player import Player, QuickClock
from tests.servers import postgres
from tests.servers.shop import FIRST, SECRET, Clients, Shop
from tests.unit.providers.dotenv.local_host import LocalHost

PACE = 200
SECONDS = int(os.environ.get("ROTOR_LOAD", "5"))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    if missing := postgres.is_missing():
        pytest.skip(missing)
    running = Shop()
    running.open(tmp_path)
    yield running
    running.stop()


class Turns:
    """Rotations of the shop's credential, one after the other."""

    def __init__(self, shop: Shop, reload: str) -> None:
        self.lines: list[str] = []
        ledger = {"url": f"sqlite:///{shop.folder}/ledger.db", "key": Fernet.generate_key().decode()}
        variables: dict[str, Any] = {**shop.variables(reload), "secret_ledger": ledger}
        self._player = Player(variables, QuickClock, self.lines.append, LocalHost())

    def rotate(self) -> None:
        self.lines.clear()
        result = self._player.rotate(only=(SECRET,), force=True)
        assert not result.get("failed"), "\n".join(self.lines)


def test_no_transaction_fails_while_the_roles_take_turns(shop: Shop) -> None:
    began, turns = time.monotonic(), 0
    with Clients(shop, PACE) as clients:
        plays = Turns(shop, clients.command)
        while turns < 2 or clients.bought < PACE * SECONDS:
            plays.rotate()
            turns += 1
            assert clients.failures == []
            (role,) = shop.may_log_in()
            assert shop.listed() == {role: shop.verifier(role)}, "the list has the server's own verifier, and no other"
    assert clients.failures == []
    said, verifiers = shop.said(), set(shop.listed().values())
    assert len(clients.used) == turns + 1
    passwords = [password for _role, password in clients.used if password != FIRST]
    assert [where for where, text in said.items() for password in passwords if password in text] == []
    assert all(verifier in said["log"] for verifier in verifiers), "statements are not logged"
    took = round(time.monotonic() - began)
    tally.add("load: two roles in turns", transactions=clients.bought, rotations=turns, seconds=took, failures=0)
