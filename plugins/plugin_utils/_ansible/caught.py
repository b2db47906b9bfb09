# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Catch a command's output on its host, since Ansible shows whatever a connection carries at -vvv.

The output comes back under a one-time pad that goes there through standard input; it is masked on the controller, which
knows every spelling of every value. A host without Python throws the output away.
"""

from __future__ import annotations

import base64
import json
import secrets
import shlex
from functools import cache
from pkgutil import get_data

from ...module_utils._core.errors import UnexpectedAnswerError
from ...module_utils._core.hosts import HostAnswer, HostCommand

MOST_BYTES = 4096
_BOOTSTRAP = (
    "import json,sys; header = json.loads(open(0, 'rb', buffering=0, closefd=False).readline()); "
    'program = {"__name__": "program"}; exec(header["program"], program); program["main"](header["pad"], *sys.argv[1:])'
)


class Caught:
    """Wrap one run of a command. The answer carries its exit code, since ssh takes a code of 255 for its own."""

    def __init__(self, command: HostCommand, *, executable: str, python: str, takes_input: bool = True) -> None:
        """``takes_input``: False where standard input is a terminal, which no pad can go through."""
        self._pad = secrets.token_bytes(MOST_BYTES)
        self._command = command
        self._executable = executable
        self._python = shlex.split(python)
        self._takes_input = takes_input

    @property
    def line(self) -> str:
        """Return the shell line that runs the command on the host and prints the answer."""
        line = self._command.command
        if self._command.chdir:
            line = f"cd {shlex.quote(self._command.chdir)} || exit\n{line}"
        run = shlex.join([self._executable, "-c", line])
        thrown_away = f"{run} >/dev/null 2>&1; printf '{{\"code\": %d}}\\n' $?"
        if not self._takes_input:
            return f"</dev/null {thrown_away}"
        program = shlex.join([*self._python, "-I", "-c", _BOOTSTRAP, self._executable, line])
        return (
            f"if command -v {shlex.quote(self._python[0])} >/dev/null 2>&1; "
            f'then exec {program} "$LC_CTYPE"; else IFS= read -r header; {thrown_away}; fi'
        )

    @property
    def input(self) -> bytes | None:
        """Return the standard input: one line with the catching program and its pad, then the command's own input."""
        if not self._takes_input:
            return None
        header = {"program": _program(), "pad": base64.b64encode(self._pad).decode()}
        own = self._command.stdin.reveal() if self._command.stdin else ""
        return json.dumps(header).encode() + b"\n" + (self._command.script + own).encode()

    def read(self, code: int, stdout: str) -> HostAnswer:
        """Return the command's exit code and output; ``code`` and ``stdout`` are those of the shell line."""
        try:
            answer = json.loads(stdout.rstrip().rpartition("\n")[2])  # a host may print lines of its own before
            padded = base64.b64decode(answer["printed"])[:MOST_BYTES] if "printed" in answer else None
            own = int(answer["code"])
        except (ValueError, TypeError, KeyError):
            raise UnexpectedAnswerError(
                f"the command ended with code {code} and without an answer",
                hint="Is become right for this host, and its Python no older than 3.7? With -vvv one sees what came",
            ) from None
        if padded is None:
            return HostAnswer(own)
        number = int.from_bytes(padded, "big") ^ int.from_bytes(self._pad, "big")
        printed = number.to_bytes(MOST_BYTES, "big").lstrip(b"\0")
        cut = len(printed) == MOST_BYTES
        return HostAnswer(own, printed=(_whole(printed) if cut else printed).decode(errors="replace"), cut=cut)


def _whole(text: bytes) -> bytes:
    """Drop what is left of a character of UTF-8 that was cut off."""
    return text.lstrip(bytes(range(0x80, 0xC0)))


@cache
def _program() -> str:
    return (get_data(__package__, "on_host_catch.py") or b"").decode()
