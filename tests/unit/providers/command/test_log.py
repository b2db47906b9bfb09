# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs that a command prints, with this machine's shell and grep as the host's."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Evidence
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    CheckFailedError,
    ConfigurationError,
    RotorError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import HostAnswer, HostCommand
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map import schema
from tests.unit.core.doubles import MemoryCheckpoint, VirtualClock

Log = registry.find("checks", "log")
SECRET = "value-that-the-log-quotes"


class LocalHost:
    """Runs commands here; ``grows`` are lines that the log gets, one before each look but the first."""

    def __init__(self, log: Path, *grows: str) -> None:
        self.log, self.grows = log, list(grows)
        self.said: list[str] = []
        log.write_text(f"quoting {SECRET}\n\0\xff\n", encoding="latin-1")

    def __call__(self, command: HostCommand) -> HostAnswer:
        if self.said[1:] and self.grows:
            self.log.write_text(self.log.read_text("latin-1") + self.grows.pop(0) + "\n", encoding="latin-1")
        shell = ["/bin/sh", "-c", command.command]
        done = subprocess.run(shell, cwd=command.chdir, capture_output=True, text=True, check=False)
        self.said.append(done.stdout + done.stderr)
        return HostAnswer(done.returncode, f"Welcome\r\n{done.stdout}")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "shop.log"


def check(host: LocalHost | None, clock: VirtualClock, **options: Any) -> Any:
    if host and "command" not in options:
        options["command"] = ["cat", str(host.log)]
    made = Log({"host": "app1", **options}, None, clock=clock)
    made.host = host
    return made


def run(host: LocalHost, clock: VirtualClock, **options: Any) -> Evidence:
    evidence: Evidence = check(host, clock, **options).run(None, MemoryCheckpoint())
    return evidence


def failure(host: LocalHost, clock: VirtualClock, **options: Any) -> RotorError:
    with pytest.raises(CheckFailedError) as caught:
        run(host, clock, **options)
    assert SECRET not in f"{caught.value}{host.said}"
    return caught.value


def test_log_without_such_a_line_holds(log: Path, clock: VirtualClock) -> None:
    host, began = LocalHost(log), int(time.time())
    evidence = run(host, clock, must_not_match="purge confirmation email failed|denied")
    assert evidence["matches"] == 0
    assert began <= evidence["since"] <= int(time.time())
    assert len(host.said) == 2
    assert SECRET not in str(host.said)


def test_line_that_must_not_come_fails_at_once(log: Path, clock: VirtualClock) -> None:
    host = LocalHost(log, "all is well", "purge confirmation email failed", "never read")
    problem = failure(host, clock, must_not_match="email failed$", **{"for": "15m"})
    assert ": 1 line of it since " in problem.message
    assert problem.message.startswith(f"the output of cat {log} must not match email failed$")
    assert clock.slept == [10, 10]
    assert problem.hint.startswith("On host app1. ")


def test_log_is_looked_at_for_the_whole_time(log: Path, clock: VirtualClock) -> None:
    run(LocalHost(log), clock, must_not_match="failed", every="7s", **{"for": "15s"})
    assert clock.slept == [7, 7, 1]


def test_line_that_must_come_is_awaited(log: Path, clock: VirtualClock) -> None:
    host = LocalHost(log, "starting", "started with key 7")
    assert run(host, clock, must_match="^started with key [0-9]+", **{"for": "5m"})["matches"] == 1
    assert clock.slept == [10, 10]


def test_line_that_does_not_come_fails_in_the_end(log: Path, clock: VirtualClock) -> None:
    assert failure(LocalHost(log), clock, must_match="started", **{"for": "20s"}).message.endswith(
        "must match started: no line of it within 20s"
    )


@pytest.mark.parametrize(
    ("command", "code"),
    [(["cat", "/no/such/log"], 1), ("echo failed; exit 3", 3), ("kill -9 $$", 137), (["no-such-command"], 127)],
    ids=str,
)
def test_command_that_fails_proves_nothing(log: Path, clock: VirtualClock, command: Any, code: int) -> None:
    problem = failure(LocalHost(log), clock, command=command, must_match="failed")
    assert problem.message.endswith(f"the command ended with code {code}")


def test_command_that_hangs_is_ended(log: Path, clock: VirtualClock) -> None:
    problem = failure(LocalHost(log), clock, command="exec tail -f /dev/null", timeout=1, must_match="x")
    assert problem.message.endswith("the command ended with code 124")


def test_errors_that_a_command_prints_are_looked_at(log: Path, clock: VirtualClock) -> None:
    assert run(LocalHost(log), clock, command="echo refused >&2", must_match="^refused$")["matches"] == 1


def test_pattern_that_grep_does_not_take_is_told(log: Path, clock: VirtualClock) -> None:
    problem = failure(LocalHost(log), clock, must_not_match="(")
    assert "it does not take the pattern" in problem.message


@pytest.mark.parametrize("pattern", ["it's", "-x", "[$][(]exit 3[)]`exit 3`"])
def test_pattern_is_nothing_to_the_shell(log: Path, clock: VirtualClock, pattern: str) -> None:
    printed = ["echo", "it's -x $(exit 3)`exit 3`"]
    assert run(LocalHost(log), clock, command=printed, must_match=pattern)["matches"] == 1


def test_line_of_the_shell_is_run_in_its_folder(log: Path, clock: VirtualClock) -> None:
    options = {"command": f"cat {log.name} # a remark", "chdir": str(log.parent)}
    assert run(LocalHost(log), clock, must_match="quoting", **options)["matches"] == 1


def test_since_is_filled_in(log: Path, clock: VirtualClock) -> None:
    made = check(LocalHost(log), clock, command=["echo", "from @<since>"], must_match="^from @77$")
    assert made.run(None, MemoryCheckpoint({"since": 77}))["since"] == 77


def test_attempt_after_a_failure_begins_anew(log: Path, clock: VirtualClock) -> None:
    made, checkpoint = check(LocalHost(log), clock, must_not_match="quoting"), MemoryCheckpoint({"since": 77})
    with pytest.raises(CheckFailedError, match="since 77"):
        made.run(None, checkpoint)
    with pytest.raises(CheckFailedError) as caught:
        made.run(None, checkpoint)
    assert "since 77" not in caught.value.message


def test_whole_grace_is_looked_at_before_a_revoke_and_once(log: Path, clock: VirtualClock) -> None:
    made = check(LocalHost(log), clock, command="echo from @<since>", must_match="@77$", **{"for": "15m"})
    made.before_revoke, made.earlier = True, {"since": 77}
    assert made.run(None, MemoryCheckpoint())["since"] == 77
    made.options = {**made.options, "command": "true"}
    with pytest.raises(CheckFailedError, match="no line of it"):
        made.run(None, MemoryCheckpoint())
    assert clock.slept == []


def test_host_that_says_nothing_is_told(clock: VirtualClock) -> None:
    made = check(None, clock, command="true", must_match="x")
    made.host = lambda _command: HostAnswer(0, "Welcome")
    with pytest.raises(UnexpectedAnswerError, match="does not tell its time"):
        made.run(None, MemoryCheckpoint())
    with pytest.raises(UnexpectedAnswerError, match="does not say what came of it"):
        made.run(None, MemoryCheckpoint({"since": 77}))


def test_check_is_asked_on_its_host(clock: VirtualClock) -> None:
    with pytest.raises(ConfigurationError, match="is asked on its host"):
        check(None, clock, command="true", must_match="x").run(None, MemoryCheckpoint())


@pytest.mark.parametrize(
    ("options", "good"),
    [
        ({"command": "true", "must_match": "x"}, True),
        ({"command": ["true"], "must_not_match": "x", "for": "15m", "every": "1m", "timeout": 5}, True),
        ({"command": "true"}, False),
        ({"command": "true", "must_match": "x", "must_not_match": "y"}, False),
        ({"command": "true", "must_match": "a\nb"}, False),
    ],
)
def test_its_schema_takes_one_pattern(options: dict[str, Any], good: bool) -> None:
    entry = {"type": "log", "host": "app1", **options}
    assert jsonschema.Draft202012Validator(schema.check("log")).is_valid(entry) is good
