# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PgBouncer's lists of users on this machine, read as its ``load_auth_file`` does.

The tests of the provider ask PgBouncer itself.
"""

from __future__ import annotations

from pathlib import Path

from ansible_collections.rotor.secrets.plugins.module_utils._providers.pgbouncer.store import (
    UserList,
    UserListConnection,
)
from tests.conformance.benches.dotenv import DotenvBench, open_bench, stop_all

__all__ = ["open_bench", "stop_all"]


def users(path: Path) -> dict[str, str]:
    """Go through the text with a finger, as the C program does; the last line of a name counts."""
    text, at, found = path.read_bytes(), 0, {}

    def field() -> str:
        nonlocal at
        at = text.index(b'"', at) + 1
        value = b""
        while text[at : at + 1] != b'"' or text[at : at + 2] == b'""':
            step = 2 if text[at : at + 2] == b'""' else 1
            value, at = value + text[at : at + 1], at + step
        at += 1
        return value.decode()

    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        if text[at : at + 1] != b";":
            name = field()
            found[name] = field()
        end = text.find(b"\n", at)
        at = len(text) if end < 0 else end
    return found


class UserListBench(DotenvBench):
    title = "PgBouncer's list of users"
    server = "real files, as PgBouncer reads them"
    module = ""
    bad_name = "a" * 64

    def store(self, *, allowed: bool = True) -> UserList:  # type: ignore[override]
        connection = UserListConnection({}, clock=self.clock)
        self._host.user = self._stranger(allowed)
        connection.host = self._line
        return UserList(connection, clock=self.clock)

    def holds(self, key: str, value: str) -> bool:
        return users(self._path).get(key) == value

    def exists(self, key: str) -> bool:
        return key in users(self._path)

    def poke(self, key: str, value: str) -> None:
        spelled = " ".join('"' + field.replace('"', '""') + '"' for field in (key, value))
        with self._path.open("a") as file:
            file.write(f"{spelled}\n")


BENCHES = [UserListBench]
