# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that Ansible runs on hosts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.command.command import Command
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map import schema
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


# -- scripts --------------------------------------------------------------------------------------------------------

SH = 'read -r value; echo "$0 of $value in $(pwd)"; tr a-z A-Z'
PYTHON = "#!/usr/bin/env python3\nimport sys\nprint(sys.stdin.read()[::-1], end='')\n"
UNREAD = "exit 7\n" + "# never read\n" * 5000
LONG = 'read -r value; echo "first $value"\n{reader}' + ": a line of the script\n" * 2000 + 'echo "last"; cat\n'


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    def make(text: str) -> dict[str, Any]:
        (tmp_path / "reload.sh").write_text(text, encoding="utf-8")
        return {"script": str(tmp_path / "reload.sh")}

    return make


def fed(options: dict[str, Any], stdin: str) -> subprocess.CompletedProcess[str]:
    """What becomes of a script on a host: it comes on standard input, and what is its own after it."""
    task = Command.task(options)
    return subprocess.run(
        ["/bin/sh", "-c", task["command"]], input=task["script"] + stdin, capture_output=True, text=True, check=False
    )


def test_script_is_run_with_its_own_input(script: Callable[[str], dict[str, Any]]) -> None:
    done = fed(script(SH), "secret\nmore é\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("MORE é\n")
    assert " of secret in /" in done.stdout


@pytest.mark.parametrize("reader", ["", "cat > /dev/null\n"])
@pytest.mark.parametrize("first", ["", "#!/bin/bash\n"])
def test_long_script_and_its_input_are_kept_apart(
    script: Callable[[str], dict[str, Any]], first: str, reader: str
) -> None:
    done = fed(script(first + LONG.format(reader=reader)), "secret\nand more\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "first secret\nlast\n" + ("" if reader else "and more\n")


@pytest.mark.parametrize("size", [0, 18, 27])
def test_script_that_arrives_cut_off_is_not_begun(script: Callable[[str], dict[str, Any]], size: int) -> None:
    text = "echo one; echo two\necho three\n"
    task = Command.task(script(text))
    done = subprocess.run(
        ["/bin/sh", "-c", task["command"]], input=text[:size].encode(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (126, b"")
    assert b"the script did not arrive whole, and was not begun" in done.stderr


def test_first_line_says_what_runs_a_script(script: Callable[[str], dict[str, Any]]) -> None:
    options = script(PYTHON)
    assert fed(options, "abc").stdout == "cba"
    assert Command.task(options)["needs"] == ["dd", "wc", "python3"]


@pytest.mark.parametrize("limit", [{}, {"timeout": 60}])
def test_code_of_a_script_is_its_own(script: Callable[[str], dict[str, Any]], limit: dict[str, Any]) -> None:
    assert fed({**script(UNREAD), **limit}, "x" * 200_000).returncode == 7


def test_timeout_ends_a_script(script: Callable[[str], dict[str, Any]]) -> None:
    task = Command.task({**script("sleep 60"), "timeout": 60})
    line = task["command"].replace(" 60 ", " 0.01 ", 1)
    assert subprocess.run(["/bin/sh", "-c", line], input=b"sleep 60", check=False).returncode == 124


@pytest.mark.parametrize(
    ("first", "needs"),
    [
        ("echo", ["/bin/sh"]),
        ("#!/bin/bash -eu", ["/bin/bash"]),
        ("#! /usr/bin/env bash", ["bash"]),
        ("#!/usr/bin/env -S bash -e", ["/usr/bin/env"]),
        ("#!/opt/my python/bin", ["/opt/my"]),
    ],
)
def test_interpreter_is_looked_for(script: Callable[[str], dict[str, Any]], first: str, needs: list[str]) -> None:
    assert Command.task(script(f"{first}\n"))["needs"] == ["dd", "wc", *needs]


def test_nothing_of_a_script_is_in_a_command_line(script: Callable[[str], dict[str, Any]]) -> None:
    task = Command.task({**script("echo not-here ${value}"), "stdin": "${value}"})
    assert "not-here" not in task["command"]
    assert task["stdin"] == "${value}"


def test_missing_script_is_no_health() -> None:
    command = Command({"script": "/no/such/reload.sh"}, None, clock=Clock())
    assert command.health_problems() == ["there is no script /no/such/reload.sh"]
    assert Command({"command": "true"}, None, clock=Clock()).health_problems() == []
    assert command.preview() == ["script /no/such/reload.sh"]


@pytest.mark.parametrize("text", ["", "#" * 65537])
def test_script_of_no_use_is_refused(script: Callable[[str], dict[str, Any]], text: str) -> None:
    with pytest.raises(ConfigurationError, match="is empty, or longer than 65536 bytes"):
        Command.task(script(text))


def test_script_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.out").write_bytes(b"\xff\xfe")
    (tmp_path / "nul.sh").write_bytes(b"echo \0")
    for path in (tmp_path / "a.out", tmp_path / "nul.sh", tmp_path):
        with pytest.raises(ConfigurationError, match="is no text"):
            Command.task({"script": str(path)})


@pytest.mark.parametrize(
    ("options", "good"),
    [
        ({"command": "true"}, True),
        ({"script": "a.sh"}, True),
        ({}, False),
        ({"command": "true", "script": "a.sh"}, False),
    ],
)
def test_it_is_a_command_or_a_script(options: dict[str, Any], good: bool) -> None:
    entry = {"type": "command", "host": "app1", **options}
    assert jsonschema.Draft202012Validator(schema.consumer("command")).is_valid(entry) is good
