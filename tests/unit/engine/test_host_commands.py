# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command on an inventory host that fails: what a person sees of it."""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import HostAnswer, HostCommand
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import ActionKind, Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.effects.host import LONGEST_OUTPUT
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.sealing import Sealer
from tests.unit.engine.driver import Play
from tests.unit.engine.world import World


@pytest.fixture
def play(make_play: Callable[..., Play], world: World) -> Play:
    world.put("box", {})
    secret = {
        "issuer": {"type": "test.fake.token", "connection": "cloud"},
        "derived": {"line": "--token=${token}--"},
        "copies": [{"store": "cloud", "box": "box"}],
        "reload": ["script"],
        "revoke": {"accept": "life"},
    }
    script = {"type": "test.plain.script", "command": "restart", "host": "app1"}
    return make_play(secret_map={"TOKEN": secret}, consumers={"script": script})


def failing(play: Play, world: World, printed: Callable[[str], str | None]) -> str:
    """The output of a run whose command fails and prints something made of the new value; that value."""
    play.execute = lambda command: HostAnswer(3, printed=printed(world.containers["box"]["TOKEN"][0]))
    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    return world.containers["box"]["TOKEN"][0]


def test_what_a_failed_command_printed_is_shown_in_one_line(play: Play, world: World) -> None:
    failing(play, world, lambda value: "unit not found\n\n  try\x1b[2Jagain\r\n\u202e!")
    assert (
        "on host app1, and printed: unit not found | try\\x1b[2Jagain | \\u202e!. No value is shown. Mend"
        in play.output
    )


@pytest.mark.parametrize(
    "made",
    [
        lambda value: f"--token={value}--",
        lambda value: base64.encodebytes(f"X-Api-Key: {value}".encode()).decode(),
    ],
)
def test_a_value_that_a_failed_command_printed_is_masked(play: Play, world: World, made: Callable[[str], str]) -> None:
    value = failing(play, world, lambda value: f"refused {made(value)} at the gate")
    shown = play.output.partition("printed: ")[2].partition(". No value")[0]
    assert re.fullmatch(r"refused? ?\S{0,18}\*{8}\S{0,4}( \|)? at the gate", shown)
    assert value not in shown


def test_end_of_a_value_whose_beginning_was_cut_off_is_masked(play: Play, world: World) -> None:
    def execute(_command: HostCommand) -> HostAnswer:
        value = world.containers["box"]["TOKEN"][0]
        return HostAnswer(3, printed=f"{value[-9:]} refused, as the gate is closed to everybody", cut=True)

    play.execute = execute
    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    assert "printed: ********te is closed to everybody" in play.output
    assert world.containers["box"]["TOKEN"][0][-9:] not in play.output


def test_only_the_end_of_a_long_output_is_shown(play: Play, world: World) -> None:
    failing(play, world, lambda value: "begin " + "x y " * 1000 + "end")
    shown = play.output.partition("printed: ")[2].partition(". No value")[0]
    assert shown.startswith("…")
    assert shown.endswith("x y end")
    assert len(shown) == LONGEST_OUTPUT + 1


@pytest.mark.parametrize(
    ("printed", "hint"),
    [(None, "What it printed is not shown: the host has no Python"), (" \n", "It printed nothing. Mend it there")],
)
def test_a_command_of_which_nothing_can_be_shown_says_why(
    play: Play, world: World, printed: str | None, hint: str
) -> None:
    failing(play, world, lambda value: printed)
    assert f"ended with code 3 on host app1. {hint}" in play.output


def test_an_output_whose_values_cannot_be_opened_is_not_shown(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise ConfigurationError("the ledger was edited")

    def execute(command: HostCommand) -> HostAnswer:
        monkeypatch.setattr(Sealer, "open", refuse)
        return HostAnswer(3, printed="something")

    play.execute = execute
    assert play.rotate("TOKEN")["held"] == ["TOKEN"]
    monkeypatch.undo()
    assert "(not shown: the values that it may hold cannot be opened)" in play.output
    assert play.state("TOKEN").intent(ActionKind.RELOAD) is not None, "whether it had its effect is unknown"


def in_shell(command: HostCommand) -> HostAnswer:
    """This machine as the host; what is caught is not looked at."""
    shell = ["/bin/sh", "-c", command.command]
    done = subprocess.run(shell, cwd=command.chdir, capture_output=True, text=True, check=False)
    return HostAnswer(done.returncode, "Welcome\n" + done.stdout)


def commands(play: Play, **consumers: dict[str, Any]) -> list[str]:
    """Give every secret these commands on app1 to reload, and collect what is run there."""
    play.consumers |= {name: {"type": "command", "host": "app1", **options} for name, options in consumers.items()}
    for secret in play.map.values():
        secret["reload"] = [*consumers]
    ran: list[str] = []
    play.execute = lambda command: ran.append(command.command) or in_shell(command)  # type: ignore[func-returns-value]
    return ran


@pytest.mark.parametrize(
    ("options", "lacks"),
    [
        ({"command": "no-such-command restart"}, "host app1 has no no-such-command"),
        ({"command": ["/opt/no such/restart"]}, "host app1 has no /opt/no such/restart"),
        ({"command": "true", "chdir": "/opt/none"}, "host app1 has no folder /opt/none"),
    ],
)
def test_what_a_command_needs_is_missed_before_anything_is_minted(
    play: Play, world: World, options: dict[str, Any], lacks: str
) -> None:
    ran = commands(play, well={"command": "true"}, ill=options)

    assert play.rotate("TOKEN")["held"] == ["TOKEN"]

    assert world.counted("mint") == 0
    assert "probe   ill, on host app1, by Ansible: whether its command is there" in play.output
    assert f"{lacks}. Mend it there or in the map, and run again" in play.output
    assert len(ran) == 1
    commands(play, well={"command": "true"}, ill={"command": "true", "chdir": "/"})
    assert not play.rotate("TOKEN")["failed"], play.output


def test_commands_are_looked_for_once_a_run_and_host(play: Play, world: World) -> None:
    play.map |= {f"T{number}": {**play.map["TOKEN"], "copies": [{"store": "cloud", "box": "box"}]} for number in "12"}
    ran = commands(play, one={"command": "true one"}, two={"command": "A=1 true", "timeout": 5}, odd={"command": "(:)"})

    assert not play.rotate(*play.map, max_failures=20)["failed"], play.output

    looks = [line for line in ran if "command -v" in line]
    assert len(looks) == 1
    assert ran[0] == looks[0]
    assert "(:)" not in looks[0]
    assert len(ran) == 4
    play.execute = lambda command: HostAnswer(1, "no shell here")
    assert len(play.rotate(*play.map, force=True, max_failures=20)["held"]) == 3
    assert "looking for commands on host app1 ended with code 1 and without an answer" in play.output
    assert world.counted("mint") == 3


@pytest.mark.parametrize("reload", [["one", "app", "two"], [["one", "app", "two"]]], ids=["in turns", "at once"])
def test_each_of_several_consumers_is_reloaded_once_for_all_secrets(
    play: Play, world: World, reload: list[Any]
) -> None:
    play.map |= {f"T{number}": {**play.map["TOKEN"], "copies": [{"store": "cloud", "box": "box"}]} for number in "12"}
    ran = commands(play, one={"command": "true one"}, two={"command": "true two"})
    world.serve("app", ["box"])
    play.consumers["app"] = {"type": "test.fake.machines", "connection": "cloud", "service": "app"}
    for secret in play.map.values():
        secret["reload"] = reload

    assert not play.rotate(*play.map, max_failures=20)["failed"], play.output

    assert ran[1:] == ["true one", "true two"]
    assert world.counted("update") == len(world.services["app"].machines)


def test_commands_are_not_looked_for_once_the_new_value_is_out(play: Play, world: World) -> None:
    """A person may have mended what is missing otherwise: the reload itself says what is wrong."""
    ran = commands(play, one={"command": "true one"})
    run = play.plan("TOKEN")["run"]
    play.through(run, Phase.ISSUED)
    ran.clear()

    assert not play.rotate("TOKEN")["failed"], play.output

    assert ran == ["true one"]


def test_the_output_of_every_command_is_caught(play: Play) -> None:
    seen: list[HostCommand] = []
    play.execute = lambda command: seen.append(command) or HostAnswer(0)  # type: ignore[func-returns-value]
    assert not play.rotate("TOKEN")["failed"], play.output
    assert [command.catch for command in seen] == [True]


# -- scripts of the controller --------------------------------------------------------------------------------------


@pytest.fixture
def scripted(play: Play) -> Play:
    play.map["TOKEN"]["derived"] = {}
    script = {"type": "command", "host": "app1", "script": "reload.sh", "stdin": "${token}\n"}
    play.consumers = {"script": script}
    play.caller_folders = (play.folder,)
    return play


@pytest.mark.parametrize("folder", [".", "files"])
def test_script_beside_the_playbook_is_sent_before_the_value(scripted: Play, folder: str, world: World) -> None:
    (scripted.folder / folder).mkdir(exist_ok=True)
    (scripted.folder / folder / "reload.sh").write_text("read -r token\n")
    sent: list[HostCommand] = []
    scripted.execute = lambda command: sent.append(command) or HostAnswer(0, "4")  # type: ignore[func-returns-value]
    assert not scripted.rotate("TOKEN")["failed"], scripted.output
    look, run = sent
    assert (look.script, run.script) == ("", "read -r token\n")
    assert run.stdin
    assert run.stdin.reveal() == world.containers["box"]["TOKEN"][0] + "\n"


def test_each_secret_feeds_its_own_value_to_a_command_that_they_share(scripted: Play, world: World) -> None:
    world.put("other", {})
    copies = [{"store": "cloud", "box": "other", "keys": {"OTHER": "${token}"}}]
    scripted.map["OTHER"] = {**scripted.map["TOKEN"], "copies": copies}
    scripted.consumers["script"] = {"type": "command", "host": "app1", "command": "apply", "stdin": "${token}"}
    sent: list[HostCommand] = []
    scripted.execute = lambda command: sent.append(command) or HostAnswer(0, "1")  # type: ignore[func-returns-value]
    assert not scripted.rotate("TOKEN", "OTHER")["failed"], scripted.output
    fed = {command.stdin.reveal() for command in sent if command.stdin}
    assert fed == {world.containers["box"]["TOKEN"][0], world.containers["other"]["OTHER"][0]}


def test_script_that_is_nowhere_is_told_before_anything_is_minted(scripted: Play, world: World) -> None:
    for check in (True, False):
        assert not scripted.plan("TOKEN", check=check)["go"]
    assert f"script is not well: there is no script {scripted.folder}/reload.sh" in scripted.output
    assert world.mutations == []
    assert scripted.status()["secrets"][0]["state"] == "held"


def test_script_that_goes_meanwhile_holds(scripted: Play, world: World) -> None:
    file = scripted.folder / "reload.sh"
    file.write_text("true\n")
    scripted.execute = lambda _command: HostAnswer(0, "4")
    world.after["write"] = file.unlink
    assert scripted.rotate("TOKEN")["failed"]
    assert f"there is no script {file}" in scripted.output
