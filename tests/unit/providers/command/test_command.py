# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that Ansible runs on hosts."""

from __future__ import annotations

import subprocess
from typing import Any

import jsonschema
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.command.command import Command
from tests.unit.core.doubles import MemoryCheckpoint


def shell(line: str) -> str:
    return subprocess.run(["/bin/sh", "-c", line], check=True, capture_output=True, text=True).stdout


def test_command_runs_on_a_host() -> None:
    assert Command.on_host
    with pytest.raises(ConfigurationError, match="is done on its host"):
        Command({"command": "true"}, None, clock=Clock()).reload([], MemoryCheckpoint())


def test_line_is_run_by_the_shell_of_the_host() -> None:
    task = Command.task({"command": "echo a && echo b", "chdir": "/opt/nova"})
    assert task == {"command": "echo a && echo b", "chdir": "/opt/nova", "stdin": None, "needs": ["echo"]}


@pytest.mark.parametrize(
    ("options", "needs"),
    [
        ({"command": "systemctl restart worker"}, ["systemctl"]),
        ({"command": ["/opt/my app/restart", "now"]}, ["/opt/my app/restart"]),
        ({"command": "A=1 B='2' ./restart.sh"}, ["./restart.sh"]),
        ({"command": "systemctl restart worker", "timeout": 60}, ["timeout", "systemctl"]),
        ({"command": "(cd x; make)"}, []),
        ({"command": "$HOME/bin/restart"}, []),
        ({"command": "'a b' c"}, []),
        ({"command": "A='1 2' restart"}, []),
    ],
)
def test_executable_is_the_first_plain_word(options: dict[str, Any], needs: list[str]) -> None:
    assert Command.task(options)["needs"] == needs


def test_words_are_quoted_for_the_shell() -> None:
    task = Command.task({"command": ["printf", "%s|", "two words", "$HOME", "a'b"]})
    assert shell(task["command"]) == "two words|$HOME|a'b|"


@pytest.mark.parametrize("command", ["sleep 60 || true", ["sleep", "60"]])
def test_timeout_ends_the_command(command: str | list[str]) -> None:
    line = Command.task({"command": command, "timeout": 60})["command"].replace(" 60 ", " 0.01 ", 1)
    assert subprocess.run(["/bin/sh", "-c", line], check=False).returncode == 124


def test_timeout_runs_a_line_in_the_shell() -> None:
    assert shell(Command.task({"command": "echo 'a  b' | tr a-z A-Z", "timeout": 60})["command"]) == "A  B\n"


def test_stdin_is_a_template() -> None:
    assert Command.task({"command": "tee x", "stdin": "KEY=${value}"})["stdin"] == "KEY=${value}"


def test_a_wrong_template_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"command tee x: stdin: .*unknown filter"):
        Command.task({"command": ["tee", "x"], "stdin": "${value|upper}"})


def test_the_plan_shows_the_line() -> None:
    options = {"command": ["systemctl", "restart", "my app"]}
    assert Command({**options}, None, clock=Clock()).preview() == ["systemctl restart 'my app'"]
    assert Command.label(options) == "command systemctl restart 'my app'"


@pytest.mark.parametrize(("command", "good"), [("a", True), (["a"], True), ("", False), ([], False), ([1], False)])
def test_schema_accepts_a_line_or_words(command: object, good: bool) -> None:
    validator = jsonschema.Draft202012Validator(Command.schema.properties["command"])
    assert validator.is_valid(command) is good
