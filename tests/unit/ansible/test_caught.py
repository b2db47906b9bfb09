# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands whose output is caught: what their connection carries, and what becomes of the command itself."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import masking
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import UnexpectedAnswerError
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import HostAnswer, HostCommand
from ansible_collections.rotor.secrets.plugins.module_utils._providers.command.command import Command
from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible.caught import MOST_BYTES, Caught
from tests.integration.canary import forms

VALUE = 'canary_5f1c0b/+"=é~d81b'
ECHO = 'read -r value; echo "$value"; echo "$value" | base64 >&2; printf \'KEY=%s\' "$value" | base64; '


def caught(line: str, *, stdin: str = "", chdir: str | None = None, python: str = "/usr/bin/python3") -> Caught:
    return Caught(
        HostCommand(line, chdir, SecretValue(stdin) if stdin else None, catch=True), executable="/bin/sh", python=python
    )


def start(command: Caught) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", command.line],
        env={"PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def carried(command: Caught) -> tuple[int, str]:
    """The code and the output that a connection would carry."""
    with start(command) as process:
        output, _none = process.communicate(command.input)
    return process.returncode, output.decode()


def run(command: Caught) -> HostAnswer:
    return command.read(*carried(command))


def test_what_a_command_prints_is_not_carried_in_any_spelling() -> None:
    command = caught(ECHO + "exit 3", stdin=VALUE)

    code, output = carried(command)
    answer = command.read(code, output)

    assert [form for form in forms(VALUE) if form in output] == []
    assert answer.code == 3
    assert answer.printed is not None
    assert answer.printed.startswith(f"{VALUE}\n")


@pytest.mark.parametrize(
    ("line", "code"), [("true", 0), ("exit 255", 255), ("kill -9 $$", 137), ("no-such-thing", 127)]
)
@pytest.mark.parametrize("python", ["/usr/bin/python3", "no-such-python"])
def test_exit_codes_and_signals_are_kept(line: str, code: int, python: str) -> None:
    command = caught(line, python=python)
    sent, output = carried(command)
    assert sent == 0, "ssh takes 255 for its own, and tries again"
    assert command.read(sent, output).code == code


def test_without_python_the_command_runs_and_its_output_is_thrown_away() -> None:
    command = caught(f'read -r value; echo "$value"; test "$value" = \'{VALUE}\'', stdin=VALUE, python="no-such-python")
    code, output = carried(command)
    assert command.read(code, output) == HostAnswer(0)
    assert output == '{"code": 0}\n'


def test_a_terminal_gets_no_input_and_shows_no_output() -> None:
    command = Caught(HostCommand("cat; echo seen; exit 4"), executable="/bin/sh", python="python3", takes_input=False)
    assert command.input is None
    assert carried(command) == (0, '{"code": 4}\n')


def test_a_long_output_is_cut_and_its_length_is_not_carried() -> None:
    long, short = caught("seq 100000; echo the end"), caught("true")
    (code, many), (_code, none) = carried(long), carried(short)
    answer = long.read(code, many)
    assert len(many) == len(none)
    assert answer.printed is not None
    assert answer.printed.endswith("100000\nthe end\n")
    assert len(answer.printed) == MOST_BYTES
    assert answer.cut
    assert not short.read(_code, none).cut


@pytest.mark.parametrize("left", [1, 5, 11, 12, 30])
def test_a_value_that_is_cut_in_two_is_not_shown(left: int) -> None:
    """Its beginning is lost, and its end is what comes first."""
    value = f"{VALUE}-{'é' * 20}"
    command = caught(f"read -r value; printf %s $value; seq 10000 99999 | head -c {MOST_BYTES - left}", stdin=value)

    answer = run(command)

    assert answer.cut
    assert "é" in str(answer.printed)[:left] or left == 1
    shown = answer.masked([value])
    assert shown.startswith(masking.MASK)
    assert not {"é", "�"} & {*shown}


def test_a_folder_that_is_missing_is_told_like_any_other_failure() -> None:
    answer = run(caught("echo ran", chdir="/no/such/folder"))
    assert answer.code != 0
    assert "/no/such/folder" in str(answer.printed)
    assert "ran" not in str(answer.printed)


def test_the_environment_of_a_command_is_what_the_host_gives() -> None:
    answer = run(caught("/usr/bin/env"))
    assert {line.partition("=")[0] for line in str(answer.printed).splitlines()} <= {
        "PATH",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
    }


def test_what_a_command_leaves_running_is_not_waited_for_and_lives_on(tmp_path: Path) -> None:
    for name in ("go", "done"):
        os.mkfifo(tmp_path / name)

    answer = run(caught('echo started; { read -r word <go; echo late; echo "$word" >done; } &', chdir=str(tmp_path)))

    assert answer == HostAnswer(0, printed="started\n")
    (tmp_path / "go").write_text("on\n")
    left = subprocess.run(["timeout", "60", "cat", tmp_path / "done"], check=False, capture_output=True, text=True)
    assert left.stdout == "on\n"


def test_a_signal_reaches_the_command(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ready")
    os.mkfifo(tmp_path / "never")
    line = "trap 'echo stopped; exit 5' TERM; exec 3<>never; echo $PPID >ready; while :; do read -r word <&3; done"
    command = caught(line, chdir=str(tmp_path))
    with start(command) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(command.input or b"")
        process.stdin.close()
        os.kill(int((tmp_path / "ready").read_text()), signal.SIGTERM)
        output = process.stdout.read().decode()
    assert command.read(process.returncode, output) == HostAnswer(5, printed="stopped\n")


@pytest.mark.parametrize(
    "output", ["", "sudo: no tty present", '{"code": "x"}', "[]", '{"code": 0, "printed": "?"}\n[1']
)
def test_no_answer_is_an_error(output: str) -> None:
    with pytest.raises(UnexpectedAnswerError, match="ended with code 1 and without an answer"):
        caught("true").read(1, output)


def test_lines_of_the_host_before_the_answer_are_ignored() -> None:
    command = caught("echo seen")
    code, output = carried(command)
    assert command.read(code, f"Welcome!\n{output}").printed == "seen\n"


@pytest.mark.parametrize("python", ["/usr/bin/python3", "/no/such/python"])
def test_script_comes_before_the_value_and_both_are_caught(tmp_path: Path, python: str) -> None:
    script = f"read -r value; echo $value; printf %s $value > {tmp_path}/got; exit 3\n"
    (tmp_path / "reload.sh").write_text(script)
    task = Command.task({"script": str(tmp_path / "reload.sh")})
    sent = HostCommand(task["command"], None, SecretValue(f"{VALUE}\n"), script=task["script"], catch=True)
    command = Caught(sent, executable="/bin/sh", python=python)
    code, output = carried(command)
    assert VALUE not in output + command.line
    assert command.read(code, output).code == 3
    assert (tmp_path / "got").read_text() == VALUE
