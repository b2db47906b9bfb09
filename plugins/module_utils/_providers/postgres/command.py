# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is reached by running psql on an inventory host, such as in a container of that host.

The statements go in on standard input, and rows come back as JSON. Nobody can show a password that way without writing
it down: it is proven by the verifier that the server keeps. Sources: PostgreSQL's documentation of psql and pg_authid.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..._core import errors, postgres
from ..._core.contracts import Answer
from ..._core.credential import SecretValue
from ..._core.deps import library
from ..._core.forwards import Ran, Way, last_line

SECONDS = 60
"""What a statement may take, as one that waits for a lock of somebody else's does."""

_AS_JSON = ("SELECT row_to_json(q) FROM (", ") q")
"""What stands around a query."""
_BEGUN, _ENDED = "rotor.secrets: begun", "rotor.secrets: ended"
_SETTINGS = """\
\\set QUIET on
\\set ON_ERROR_STOP on
\\set VERBOSITY sqlstate
\\pset format unaligned
\\pset tuples_only on
\\pset pager off
"""
_SESSION = f"""\
SET client_encoding = 'UTF8';
SET application_name = '{postgres.APPLICATION}';
SET search_path = pg_catalog, pg_temp;
SET statement_timeout = '{SECONDS}s';
"""
_STATE = re.compile(r"^(?:psql:\S+: )?(?:ERROR|FATAL|PANIC):\s+([0-9A-Z]{5})\s*$", re.MULTILINE)
_ENDED_BY_OTHERS = 128
"""From this code on, the command was ended by a signal, or ssh itself failed: what it was to bring back may be lost."""
_KEPT = """
SELECT rolpassword IS NOT NULL AND rolcanlogin AND coalesce(rolvaliduntil > now(), true),
  split_part(rolpassword, '$', 1), split_part(rolpassword, '$', 2)
FROM pg_authid WHERE rolname = %s
"""


@dataclass(frozen=True)
class CommandServer:
    """A server behind a command that runs psql."""

    way: Way
    database: str
    """What it connects to; empty: what the command does."""

    def __str__(self) -> str:
        return f"postgresql:///{self.database} by {self.way.command[0]} on host {self.way.host}"

    @contextmanager
    def session(self, doing: str) -> Iterator[CommandSession]:
        """Yield what runs statements, each of them in a psql of its own."""
        yield CommandSession(self.way, self.database, f"{doing}: {self}")

    def authenticate(self, doing: str, role: str, password: SecretValue) -> Answer:
        """Compare a password with the verifier that the server keeps, made here with the same salt."""
        with self.session(doing) as session:
            rows = session.execute(_KEPT, (role,)).fetchall()
            if not rows or not rows[0][0]:
                return Answer.REFUSED
            [(_lives, kind, how)] = rows
            made = postgres.verifier(password, *_salt(f"{doing}: {self}", kind, how)).reveal()
            same = session.execute("SELECT rolpassword = %s FROM pg_authid WHERE rolname = %s", (made, role)).fetchone()
        return Answer.ACCEPTED if same == (True,) else Answer.REFUSED


def _salt(doing: str, kind: str, how: str) -> tuple[bytes, int]:
    rounds, _colon, salt = how.partition(":")
    try:
        if kind == "SCRAM-SHA-256":
            return base64.b64decode(salt, validate=True), int(rounds)
    except (binascii.Error, ValueError):
        pass
    raise errors.UnexpectedAnswerError(f"{doing}: the server keeps no SCRAM verifier")


class CommandSession:
    """Runs statements as psycopg's connection does, as far as they are run here."""

    def __init__(self, way: Way, database: str, doing: str) -> None:
        self._way, self._doing = way, doing
        self._connect = f"\\connect {_quoted(database)}\n" if database else ""

    def execute(self, statement: Any, values: Any = None) -> Rows:
        """Run one statement; an error of ours where it fails, OutcomeUnknownError where that cannot be told."""
        text = _expanded(statement, values)
        reads = text.lstrip().upper().startswith("SELECT")
        ran = self._way.run(self._script(text.join(_AS_JSON) if reads else text))
        lines = ran.output.removesuffix("\n").split("\n")
        if ran.code == 0 and lines[-1:] == [_ENDED]:
            rows = lines[lines.index(_BEGUN) + 1 : -1] if reads else []
            return Rows([_row(line, self._doing) for line in rows])
        raise self._failure(ran, begun=_BEGUN in lines)

    def _script(self, statement: str) -> str:
        return f"{_SETTINGS}{self._connect}\\echo '{_BEGUN}'\n{_SESSION}{statement};\n\\echo '{_ENDED}'\n"

    def _failure(self, ran: Ran, *, begun: bool) -> errors.RotorError:
        if state := _STATE.search(ran.errors):
            return postgres.refusal(self._doing, state[1], "by psql")
        said = last_line(ran.errors) or f"it ended with code {ran.code}"
        if begun or not 0 <= ran.code < _ENDED_BY_OTHERS:
            return errors.OutcomeUnknownError(f"{self._doing}: the command broke off: {said}")
        return errors.UnavailableError(f"{self._doing}: the command does not come to the server: {said}")


class Rows:
    """What a query has returned."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows[0] if self._rows else None


def _expanded(statement: Any, values: Any) -> str:
    """Return the text of a statement with its values as literals."""
    sql = library("psycopg.sql")
    if isinstance(statement, sql.Composable):
        return str(statement.as_string(None))
    if not values:
        return str(statement)
    literals = values.items() if isinstance(values, dict) else enumerate(values)
    written = {name: sql.Literal(value).as_string(None) for name, value in literals}
    return str(statement) % (written if isinstance(values, dict) else tuple(written.values()))


def _row(line: str, doing: str) -> tuple[Any, ...]:
    try:
        return tuple(value for _name, value in json.loads(line, object_pairs_hook=list))
    except (ValueError, TypeError):
        raise errors.UnexpectedAnswerError(f"{doing}: the command printed what is no row") from None


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))
