# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reload a consumer by a command on an inventory host.

Ansible runs it there, with the host's own connection and become settings; this class only says what to run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from ..._core.contracts import Checkpoint, Consumer, Evidence, Options, Schema, Written
from ..._core.errors import ConfigurationError
from ..._core.templates import Template

_ASSIGNED = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
_PLAIN = re.compile(r"[\w./+@%:,-]+", re.ASCII)


class Command(Consumer):
    on_host = True
    schema = Schema(
        properties={
            "command": {
                "description": "What to run: words, or one line for the host's shell. It stands in the host's process "
                "list, so no field is expanded in it.",
                "oneOf": [
                    {"type": "string", "minLength": 1},
                    {"type": "array", "items": {"type": "string"}, "minItems": 1},
                ],
            },
            "chdir": {"type": "string", "minLength": 1, "description": "The folder on the host to run it in."},
            "stdin": {
                "type": "string",
                "minLength": 1,
                "description": "The command's standard input, such as ${value}: the one way to hand it a field.",
            },
            "timeout": {
                "type": "integer",
                "minimum": 1,
                "description": "Seconds after which the host's timeout(1) ends it; unlimited unless said.",
            },
        },
        required=("command",),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"command {_line(options)}"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        return timedelta(seconds=options.get("timeout", 0))

    @classmethod
    def task(cls, options: Options) -> dict[str, Any]:
        """Return what Ansible is to run: a shell line, its folder, the template of its input, its executables."""
        stdin = options.get("stdin")
        try:
            Template.parse(stdin or "")
        except ValueError as error:
            raise ConfigurationError(f"{cls.label(options)}: stdin: {error}") from error
        needs = _executables(options)
        return {"command": _limited(options), "chdir": options.get("chdir"), "stdin": stdin, "needs": needs}

    def preview(self) -> list[str]:
        return [_line(self.options)]

    def reload(self, written: Sequence[Written], checkpoint: Checkpoint) -> Evidence:
        raise ConfigurationError(
            f"{self.label(self.options)} is done on its host", hint="Run it through the role rotor.secrets.rotate"
        )


def _line(options: Options) -> str:
    command = options["command"]
    return str(command) if isinstance(command, str) else shlex.join(command)


def _executables(options: Options) -> list[str]:
    """List what must be there to run the command: its first word, unless only a shell can tell which that is."""
    command = options["command"]
    words = command if isinstance(command, list) else command.split()
    first = next((word for word in words if isinstance(command, list) or not _ASSIGNED.match(word)), "")
    plain = isinstance(command, list) or _PLAIN.fullmatch(first)
    return [*(["timeout"] if "timeout" in options else []), *([first] if plain else [])]


def _limited(options: Options) -> str:
    line = _line(options)
    if "timeout" not in options:
        return line
    words = ["/bin/sh", "-c", line] if isinstance(options["command"], str) else options["command"]
    return shlex.join(["timeout", "--kill-after=10", str(options["timeout"]), *words])
