# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ledgers in a file or in PostgreSQL, opened as the engine does it, and looked into past it.

``python -m tests.unit.engine.places`` does something to a ledger, and is killed at the n-th statement or commit.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.location import LedgerAccess, open_ledger
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.maintenance import Maintenance
from tests.servers.postgres import PASSWORD, Postgres
from tests.unit.engine.driver import KEY
from tests.unit.engine.world import FakeClock


@dataclass(frozen=True)
class Place:
    """Where a ledger is."""

    url: str
    password: str | None = None
    serial: str = "INTEGER NOT NULL"
    """How its numbers count by themselves, before PRIMARY KEY."""

    def setting(self, key: str = KEY) -> dict[str, Any]:
        return {"url": self.url, "key": key, **({"password": self.password} if self.password else {})}

    def opened(self, key: str = KEY) -> LedgerAccess:
        return open_ledger(self.setting(key), clock=FakeClock(), holder="a test")

    @property
    def engine(self) -> sa.Engine:
        """A way to it that is not ours."""
        url = sa.make_url(self.url)
        return sa.create_engine(url.set(password=self.password) if self.password else url, poolclass=sa.NullPool)

    def killed(self, deed: str, event: str, number: int, key: str = KEY) -> bool:
        """Whether a process that did this was killed there; it was not where it has fewer of these events."""
        order = json.dumps({"deed": deed, "event": event, "number": number, "setting": self.setting(key)})
        environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": ""}
        command = [sys.executable, "-m", "tests.unit.engine.places"]
        done = subprocess.run(command, input=order, env=environment, text=True, check=False, timeout=300)
        assert done.returncode in (0, -signal.SIGKILL)
        return done.returncode != 0


def in_file(folder: Path) -> Place:
    return Place(f"sqlite:///{folder}/ledger.db")


def in_postgres(server: Postgres) -> Place:
    return Place(server.url(server.database()), PASSWORD, "SERIAL NOT NULL")


def main() -> None:
    order = json.load(sys.stdin)
    turns = itertools.count(1)

    def strike(*_event: Any) -> None:
        if next(turns) == order["number"]:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.Engine, order["event"], strike)
    ledger = open_ledger(order["setting"], clock=FakeClock(), holder="a test")
    if order["deed"] == "rekey":
        Maintenance(ledger, print).rekey("a test", "", check=False)


if __name__ == "__main__":
    main()
