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
from pathlib import Path
from typing import Any

from ..._core.contracts import Checkpoint, Consumer, Evidence, Options, Schema, Written
from ..._core.errors import ConfigurationError, NotFoundError
from ..._core.templates import Template

_ASSIGNED = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
_CUT = "the script did not arrive whole, and was not begun"
_LONGEST_SCRIPT = 64 * 1024
_NAME = re.compile(r"\w[\w.+-]*", re.ASCII)
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
            "script": {
                "type": "string",
                "minLength": 1,
                "description": "A script of yours, here and not on the host, that is run there in the place of a "
                "command; its first line says by what (#!), or else it is one for sh.",
            },
            "chdir": {"type": "string", "minLength": 1, "description": "The folder on the host to run it in."},
            "stdin": {
                "type": "string",
                "minLength": 1,
                "description": "The command's standard input, such as ${value}: the one way to hand it a field. It is "
                "then run for each secret by itself.",
            },
            "timeout": {
                "type": "integer",
                "minimum": 1,
                "description": "Seconds after which the host's timeout(1) ends it; unlimited unless said.",
            },
        },
        one_of=("command", "script"),
    )
    files = ("script",)

    @classmethod
    def label(cls, options: Options) -> str:
        return f"script {options['script']}" if "script" in options else f"command {_line(options)}"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        return timedelta(seconds=options.get("timeout", 0))

    @classmethod
    def task(cls, options: Options) -> dict[str, Any]:
        """Return what Ansible is to run: a shell line, its folder, the template of its input, its executables.

        With the text of a script, which comes ahead of the input; raises NotFoundError where its file is not there.
        """
        stdin, script = options.get("stdin"), _read(options["script"]) if "script" in options else ""
        try:
            Template.parse(stdin or "")
        except ValueError as error:
            raise ConfigurationError(f"{cls.label(options)}: stdin: {error}") from error
        needs = _executables(options, script)
        task = {"command": _limited(options, script), "chdir": options.get("chdir"), "stdin": stdin, "needs": needs}
        return {**task, **({"script": script} if script else {})}

    def preview(self) -> list[str]:
        return [self.label(self.options).removeprefix("command ")]

    def health_problems(self) -> list[str]:
        try:
            self.task(self.options)
        except NotFoundError as error:
            return [error.message]
        return []

    def reload(self, written: Sequence[Written], checkpoint: Checkpoint) -> Evidence:
        raise ConfigurationError(
            f"{self.label(self.options)} is done on its host", hint="Run it through the role rotor.secrets.rotate"
        )


def _line(options: Options, script: str = "") -> str:
    """Return the line for the host's shell; a script comes first on its standard input, and the script's own after it.

    It is read as a whole before it begins, since both read the same input, and by dd, which reads no byte more than it
    is told. A shell drops what ends a text, hence the dot. The script is run from descriptor 9.
    """
    if "script" in options:
        size = len(script.encode())
        whole = f"""exec 3<&0; s=$(dd bs=1 count={size} <&3 2>/dev/null; echo .); s=${{s%.}}"""
        check = f"""[ "$(printf %s "$s" | wc -c)" -eq {size} ] || {{ echo {shlex.quote(_CUT)} >&2; exit 126; }}"""
        own = f"{{ exec 9<&0 <&3 3<&-; exec {shlex.join(_interpreter(script))} /dev/fd/9; }}"
        return f"""{whole}; {check}; printf %s "$s" | {own}"""
    command = options["command"]
    return str(command) if isinstance(command, str) else shlex.join(command)


def _read(path: str) -> str:
    try:
        script = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"there is no script {path}") from None
    except (OSError, ValueError):
        raise ConfigurationError(f"the script {path} cannot be read, or is no text") from None
    if "\0" in script:
        raise ConfigurationError(f"the script {path} is no text: it has a NUL character")
    if not 0 < len(script.encode()) <= _LONGEST_SCRIPT:
        raise ConfigurationError(f"the script {path} is empty, or longer than {_LONGEST_SCRIPT} bytes")
    return script


def _interpreter(script: str) -> list[str]:
    """Return what runs a script, by its first line, as the kernel reads that: a path, and no more than one argument."""
    first = script.partition("\n")[0].strip()
    return first[2:].split(maxsplit=1) if first.startswith("#!") else ["/bin/sh"]


def _program(script: str) -> list[str]:
    """Return what has to be there to run a script: of env, the program that it looks for."""
    interpreter = _interpreter(script)
    looked_for = interpreter[1:] if Path(interpreter[0]).name == "env" else []
    return looked_for if looked_for and _NAME.fullmatch(looked_for[0]) else interpreter


def _executables(options: Options, script: str) -> list[str]:
    """List what must be there to run the command: its first word, unless only a shell can tell which that is."""
    command = _program(script) if "script" in options else options["command"]
    words = command if isinstance(command, list) else command.split()
    first = next((word for word in words if isinstance(command, list) or not _ASSIGNED.match(word)), "")
    plain = isinstance(command, list) or _PLAIN.fullmatch(first)
    by = [*(["timeout"] if "timeout" in options else []), *(["dd", "wc"] if "script" in options else [])]
    return [*by, *([first] if plain else [])]


def _limited(options: Options, script: str) -> str:
    line = _line(options, script)
    if "timeout" not in options:
        return line
    words = options["command"] if isinstance(options.get("command"), list) else ["/bin/sh", "-c", line]
    return shlex.join(["timeout", "--kill-after=10", str(options["timeout"]), *words])
