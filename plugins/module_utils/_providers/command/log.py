# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``log``: what a command on an inventory host prints matches a pattern, or does not for a time.

The host's grep looks at the output, which never leaves the host: only how many of its lines match comes back.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..._core import durations
from ..._core.contracts import Check, Checkpoint, Evidence, Options, Schema
from ..._core.credential import Credential
from ..._core.errors import CheckFailedError, ConfigurationError, UnexpectedAnswerError
from ..._core.hosts import HostAnswer, HostCommand
from .command import Command

SINCE = "<since>"
_DURATION = {"type": "string", "pattern": durations.PATTERN, "minLength": 2}
_PATTERN = {"type": "string", "minLength": 1, "pattern": r"^[^\n\0]*$"}
_WITHIN, _EVERY, _TIMEOUT = "0s", "10s", 60
_SAID = re.compile(r"^rotor (exit|found|grep) (\d+)$", re.MULTILINE)
_BAD_PATTERN = 2


@dataclass(frozen=True)
class _Look:
    """What came of a look: the command's exit code, grep's, and how many lines match."""

    exit: int
    grep: int
    found: int


class Log(Check):
    connected = False
    on_host = True
    schema = Schema(
        properties={
            "host": {"type": "string", "minLength": 1, "description": "The inventory host to run the command on."},
            "command": {
                **Command.schema.properties["command"],
                "description": f"What prints the log: words, or one line for the host's shell. {SINCE} is the host's "
                "time, in seconds since 1970, at which the check first began: journalctl --since @<since>.",
            },
            "chdir": Command.schema.properties["chdir"],
            "must_match": {
                **_PATTERN,
                "description": "An extended regular expression (grep -E) that some line has to match by then.",
            },
            "must_not_match": {
                **_PATTERN,
                "description": "An extended regular expression (grep -E) that no line may match in that time.",
            },
            "for": {
                **_DURATION,
                "default": _WITHIN,
                "description": "For how long it is looked at. With 0s, it is looked at once.",
            },
            "every": {**_DURATION, "default": _EVERY, "description": "The pause between two looks."},
            "timeout": {
                "type": "integer",
                "minimum": 1,
                "default": _TIMEOUT,
                "description": "Seconds after which the host's timeout(1) ends the command.",
            },
        },
        required=("host", "command"),
        one_of=("must_match", "must_not_match"),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        wanted = next(f"{name.replace('_', ' ')} {options[name]}" for name in cls.schema.one_of if name in options)
        return f"the output of {Command.label(options).removeprefix('command ')} {wanted}"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        return durations.parse(options.get("for", _WITHIN)) + timedelta(seconds=options.get("timeout", _TIMEOUT))

    def run(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        if self.host is None:
            raise ConfigurationError(
                f"{self.label(self.options)} is asked on its host", hint="Run it through the role rotor.secrets.rotate"
            )
        since = self._since(checkpoint)
        checkpoint.record({"since": since})
        lasts, every = (
            durations.parse(self.options.get(name, default)).total_seconds()
            for name, default in (("for", _WITHIN), ("every", _EVERY))
        )
        until = self.clock.monotonic() + (0 if self.before_revoke else lasts)
        while True:
            found, left = self._found(since), until - self.clock.monotonic()
            if found and "must_not_match" in self.options:
                checkpoint.record({"since": None})  # what is mended now begins anew
                raise self._failed(f"{found} line{'s' * (found > 1)} of it since {since} ({SINCE})")
            if (found and "must_match" in self.options) or (left <= 0 and "must_not_match" in self.options):
                return {"since": since, "matches": found}
            if left <= 0:
                raise self._failed(f"no line of it within {self.options.get('for', _WITHIN)}")
            self.clock.waits_for(self.label(self.options))
            self.clock.sleep(min(every, left))

    def _since(self, checkpoint: Checkpoint) -> int:
        """Return when it first began: before a revoke, the whole grace is looked at."""
        known: Mapping[str, Any] = self.earlier if self.before_revoke else checkpoint.recall()
        if isinstance(known.get("since"), int):
            return int(known["since"])
        said = self._run(HostCommand("echo rotor found $(date +%s)")).get("found")
        if said is None:
            raise UnexpectedAnswerError(f"{self.label(self.options)}: the host does not tell its time")
        return said

    def _found(self, since: int) -> int:
        said = self._run(HostCommand(_counting(self.options, since), self.options.get("chdir")))
        if said.keys() < {"exit", "found", "grep"}:
            hint = "Are its folder and become right? With -vvv Ansible shows what was answered"
            raise UnexpectedAnswerError(f"{self.label(self.options)}: the host does not say what came of it", hint=hint)
        look = _Look(**said)
        if look.grep >= _BAD_PATTERN:
            raise self._failed(f"the host's grep -E ended with code {look.grep}: it does not take the pattern")
        if look.exit:
            hint = "Nothing that it printed is shown, or proves anything. Run it there, mend it, and run again"
            raise self._failed(f"the command ended with code {look.exit}", hint)
        return look.found

    def _run(self, command: HostCommand) -> dict[str, int]:
        answer: HostAnswer = self.host(command)
        return {name: int(number) for name, number in _SAID.findall(answer.stdout.replace("\r", ""))}

    def _failed(
        self, what: str, hint: str = "See its log there, mend what is wrong, and run again"
    ) -> CheckFailedError:
        return CheckFailedError(f"{self.label(self.options)}: {what}", hint=f"On host {self.options['host']}. {hint}")


def _counting(options: Options, since: int) -> str:
    """Return a shell line that hands what the command prints to grep, and prints two codes and how many lines match.

    The command's own code goes round the pipe by descriptor 4, since a pipe has the code of its last part alone.
    """
    command = options["command"]
    filled = (
        command.replace(SINCE, str(since))
        if isinstance(command, str)
        else [word.replace(SINCE, str(since)) for word in command]
    )
    line = Command.task({"command": filled, "timeout": options.get("timeout", _TIMEOUT)})["command"]
    pattern = shlex.quote(options.get("must_match") or options["must_not_match"])
    counted = f"n=$(LC_ALL=C grep -E -c -e {pattern} 2>/dev/null); echo rotor grep $?; echo rotor found ${{n:-0}}"
    return f"(exec 4>&1; {{ ({line}\n) </dev/null 2>&1 4>&-; echo rotor exit $? >&4; }} | {{ {counted}; }})"
