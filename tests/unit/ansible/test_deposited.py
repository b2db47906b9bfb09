# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a person's value may come from, and what is refused of it."""

from __future__ import annotations

import os
import pty
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import references
from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Handwork
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError, StoppedError
from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible import deposited
from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible.deposited import (
    WITHIN,
    Source,
    ask,
    in_fields,
    read_file,
    refuse_variables,
    terminal_of,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.job import Job, Runner
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.session import Session
from tests.unit.engine.world import FakeClock

VALUE = "m0-a value of a person"


class Leaping(Clock):
    """A third of the time has passed at each look."""

    def __init__(self) -> None:
        super().__init__()
        self._looks = 0

    def monotonic(self) -> float:
        self._looks += 1
        return self._looks * WITHIN / 3


class Terminal:
    """A pseudo-terminal, and who sits at it."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        self.device = Path(os.ttyname(self._slave))

    def shows_what_is_typed(self) -> bool:
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def type_once_asked(self, monkeypatch: pytest.MonkeyPatch, *typed: bytes) -> None:
        """Type when somebody looks for input, once for each prompt: what came before the first one is dropped."""
        line, left = deposited._line, [*typed]

        def read(descriptor: int, deadline: float, clock: Clock) -> bytes:
            os.write(self._master, left.pop(0))
            return line(descriptor, deadline, clock)

        monkeypatch.setattr(deposited, "_line", read)

    def shown(self, lines: int = 1) -> str:
        """Read to the end of so many lines, which may come in pieces."""
        said = os.read(self._master, 65536)
        while said.count(b"\n") < lines:
            said += os.read(self._master, 65536)
        return said.decode()

    def has_input(self) -> bool:
        return deposited._has_input(self._slave)

    def close(self) -> None:
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setattr(deposited, "_TICK", 0.02)
    made = Terminal()
    yield made
    assert made.shows_what_is_typed()
    assert not made.has_input()
    made.close()


def test_line_is_read_and_not_shown(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.type_once_asked(monkeypatch, f"wrong\x15{VALUE}\n".encode())
    assert ask(terminal.device, ["KEY: "], FakeClock()) == [SecretValue(VALUE)]
    assert terminal.shown() == "KEY: \r\n"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (f"{VALUE}\nsecond\n".encode(), "several lines"),
        (b"\n", "the prompt has no value"),
        (b"\x04", "the prompt has no value"),
        (b"\xff\xfe\n", "the prompt is not text"),
        (b"x" * 5000 + b"\n", "longer than a terminal takes"),
    ],
)
def test_line_that_is_no_value_is_refused(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, typed: bytes, said: str
) -> None:
    terminal.type_once_asked(monkeypatch, typed)
    with pytest.raises(ConfigurationError, match=said) as raised:
        ask(terminal.device, ["KEY: "], FakeClock())
    assert VALUE not in str(raised.value)


def test_each_field_has_a_prompt(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.type_once_asked(monkeypatch, b"first\n", b"second\n")
    asked = ask(terminal.device, ["ID: ", "SECRET: "], FakeClock())
    assert asked == [SecretValue("first"), SecretValue("second")]
    assert terminal.shown(lines=2) == "ID: \r\nSECRET: \r\n"


def test_five_minutes_are_for_all_fields(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.type_once_asked(monkeypatch, b"first\n", b"")
    with pytest.raises(ConfigurationError, match="nobody gave a value within 5 minutes"):
        ask(terminal.device, ["ID: ", "SECRET: "], Leaping())


def test_two_lines_at_the_first_of_two_prompts_are_refused(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.type_once_asked(monkeypatch, b"first\nsecond\n")
    with pytest.raises(ConfigurationError, match="several lines"):
        ask(terminal.device, ["ID: ", "SECRET: "], FakeClock())


def test_nobody_is_waited_for_longer_than_five_minutes(terminal: Terminal) -> None:
    assert WITHIN == 300
    with pytest.raises(ConfigurationError, match="nobody gave a value within 5 minutes"):
        ask(terminal.device, ["KEY: "], Leaping())


def test_run_that_is_stopped_asks_no_longer(terminal: Terminal) -> None:
    clock = FakeClock()
    clock.stop()
    with pytest.raises(StoppedError):
        ask(terminal.device, ["KEY: "], clock)


def test_device_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot open the terminal"):
        ask(tmp_path / "none", ["KEY: "], FakeClock())


@pytest.mark.parametrize("runner", list(Runner))
def test_no_job_runner_asks_a_person(runner: Runner) -> None:
    with pytest.raises(ConfigurationError, match=f"{runner} runs this"):
        terminal_of(os.getpid(), Job(runner))


def test_process_without_a_terminal_asks_nobody() -> None:
    with pytest.raises(ConfigurationError, match="there is no terminal"):
        terminal_of(0, Job())


def taken(file: Path, *fields: str) -> dict[str, SecretValue]:
    return in_fields(read_file(str(file)), f"the file {file}", fields or ["value"])


@pytest.mark.parametrize("content", [VALUE, f"{VALUE}\n", f"\ufeff{VALUE}\r\n"])
def test_file_of_ones_own_is_read(tmp_path: Path, content: str) -> None:
    file = tmp_path / "value"
    file.write_bytes(content.encode())
    file.chmod(0o600)
    assert taken(file) == {"value": SecretValue(VALUE)}


def link(file: Path) -> None:
    file.rename(file.with_name("target"))
    file.symlink_to("target")


def fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


def belonging_to_another(file: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    os.chown(file, 1, 1)


BAD: dict[str, Callable[[Path], object]] = {
    "its mode is 0640": lambda file: file.chmod(0o640),
    "its mode is 0700": lambda file: file.chmod(0o700),
    "it is in a git repository": lambda file: (file.parents[1] / ".git").write_text("gitdir: elsewhere"),
    "it has another name": lambda file: os.link(file, file.with_name("other")),
    "it is a link": link,
    "it is no regular file": fifo,
    "No such file": lambda file: file.unlink(),
    "value has no value": lambda file: file.write_text("\n"),
    "value is not text": lambda file: file.write_bytes(b"\xff"),
    "is longer than": lambda file: file.write_text("x" * (references.LONGEST + 1)),
    "it belongs to somebody else": belonging_to_another,
}


@pytest.mark.parametrize("said", BAD)
def test_file_that_others_may_have_is_refused(tmp_path: Path, said: str) -> None:
    file = tmp_path / "folder" / "value"
    file.parent.mkdir()
    file.write_text(VALUE)
    file.chmod(0o600)
    BAD[said](file)
    with pytest.raises(ConfigurationError, match=said) as raised:
        taken(file)
    assert VALUE not in str(raised.value)


PAIR = ("id", "secret")


def test_file_of_several_fields_is_a_document(tmp_path: Path) -> None:
    file = tmp_path / "pair"
    file.touch(0o600)
    file.write_text(f'{{"secret": "{VALUE}",\n "id": "key-of-a-person"}}\n')
    assert taken(file, *PAIR) == {"id": SecretValue("key-of-a-person"), "secret": SecretValue(VALUE)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (VALUE, "the file has no JSON object of id, secret"),
        (f'[["id", "{VALUE}"]]', "the file has no JSON object of id, secret"),
        (f'"{VALUE}"', "the file has no JSON object of id, secret"),
        ("[" * 100_000, "the file has no JSON object of id, secret"),
        (f'{{"{VALUE}": 1, "id": 1, "id": 2}}', "the file: it has no secret; it has id twice; id is no text"),
        (f'{{"id": "a", "secret": "b", "{VALUE}": "c"}}', "the file: it has others beside id, secret"),
        (f'{{"id": "{VALUE}", "secret": ""}}', "secret in the file has no value"),
        (f'{{"id": "{VALUE}", "secret": "\\ud800"}}', "secret in the file is not text"),
        (f'{{"id": {{"secret": "{VALUE}"}}, "secret": "b"}}', "the file: id is no text"),
    ],
)
def test_document_that_is_not_of_the_fields_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        in_fields(text, "the file", PAIR)
    assert str(raised.value).startswith(said)
    assert VALUE not in str(raised.value)


class Stores:
    """A session whose stores hold, in each key, what it is called."""

    def stored(self, place: dict[str, str], keys: list[str]) -> tuple[list[SecretValue], str]:
        values = ['{"id": "1", "secret": "2"}' if key == "BOTH" else f"value-of-{key}" for key in keys]
        return [SecretValue(value) for value in values], f"{place['store']} {', '.join(keys)}"


def source(**place: Any) -> Source:
    options = {"secret": "KEY", "file": "", "from": {"store": "vault", **place}}
    return Source({}, options, cast(Session, Stores()), FakeClock(), check=False)


def test_fields_come_from_keys_of_a_store_or_from_a_document_in_one() -> None:
    work = Handwork("", "", "")
    each = source(keys={"secret": "S", "id": "I"})
    assert each.read(work, PAIR) == {"secret": SecretValue("value-of-S"), "id": SecretValue("value-of-I")}
    assert each.left_over == ["  delete:   vault S, I, in all of its versions, which still holds the value"]
    assert source(key="BOTH").read(work, PAIR) == {"id": SecretValue("1"), "secret": SecretValue("2")}
    assert source(key="K").read(work, ["token"]) == {"token": SecretValue("value-of-K")}


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({}, "either key or keys"),
        ({"key": "A", "keys": {"id": "A", "secret": "B"}}, "either key or keys"),
        ({"keys": {"id": "A"}}, "are not those of the fields id, secret"),
        ({"keys": {"id": "A", "secret": ""}}, "a key is the name of one"),
        ({"keys": ["A", "B"]}, "a key is the name of one"),
        ({"key": 7}, "a key is the name of one"),
    ],
)
def test_place_whose_keys_do_not_fit_is_refused(place: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        source(**place).read(Handwork("", "", ""), PAIR)


def test_everything_wrong_with_a_file_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    file = tmp_path / "value"
    file.write_text(VALUE)
    file.chmod(0o644)
    os.link(file, tmp_path / "other")
    with pytest.raises(ConfigurationError, match=r"another name.*; its mode is 0644.*; it is in a git repository"):
        read_file(str(file))
    with pytest.raises(ConfigurationError, match="no file has such a path"):
        read_file("a\0b")


def test_value_is_never_a_variable() -> None:
    refuse_variables(["deposit_secret", "deposit_file", "rotate_only", "value"])
    with pytest.raises(ConfigurationError, match="deposit_value: a value never comes as a variable") as raised:
        refuse_variables(["deposit_value"])
    assert "make another one" in str(raised.value)
    with pytest.raises(ConfigurationError, match="Did you mean deposit_secret"):
        refuse_variables(["deposit_secrets"])
