# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is accepted is read alike by all three readers; what is refused is refused for a reason that is said."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv import on_host_program, spelling
from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv.store import DotenvFile

from . import readers

CONTAINER = {"host": "app1", "path": "/opt/nova/.env"}
READERS: dict[str, Callable[[Path], readers.Variables]] = {
    "compose": readers.compose,
    "sh": readers.shell,
    "systemd": readers.systemd,
}
needs_systemd = pytest.mark.skipif(readers.systemd_library() is None, reason="systemd's shared library is missing")

letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
tricky = st.sampled_from("'\"\\$`#!{}() \t\n\r=;&|<>~*?[]%:,bnt0é\u2028\ufeff")
values = st.text(st.one_of(letters, tricky, tricky), min_size=1, max_size=40)


@needs_systemd
@given(given=st.lists(values, min_size=1, max_size=20))
@example(given=["'", "\\", "\\\\", "a'\\", "$A${A}$$", 'it\'s $5 "now"', "a\nB=c\n", "`x`", " # ", "\x7f\x01\x85"])
def test_all_readers_read_what_was_written(given: list[str]) -> None:
    taken = {f"KEY_{number}": value for number, value in enumerate(given) if not spelling.problem(value)}
    text = "".join(f"{key}={spelling.quoted(value)}\n" for key, value in taken.items()).encode()
    with tempfile.NamedTemporaryFile() as file:
        file.write(text)
        file.flush()
        read = {name: reader(Path(file.name)) for name, reader in READERS.items()}
    ours = {statement.name: statement.value for statement in on_host_program.statements(text)}

    for name, found in read.items():
        assert {key: found.get(key) for key in taken} == taken, name
    assert ours == {key: value.encode() for key, value in taken.items()}


@needs_systemd
@pytest.mark.parametrize("named", [["compose"], ["systemd", "shell"], ["shell"]])
@given(given=st.lists(values, min_size=1, max_size=20))
@example(given=["@:/%+'é\"\\ $#{}!`", "`\\", "'`$(x)`\\`"])
def test_readers_that_are_named_read_what_was_written(named: list[str], given: list[str]) -> None:
    taken = {f"KEY_{number}": value for number, value in enumerate(given) if not spelling.problem(value, named)}
    text = "".join(f"{key}={spelling.quoted(value, named)}\n" for key, value in taken.items()).encode()
    with tempfile.NamedTemporaryFile() as file:
        file.write(text)
        file.flush()
        read = {name: getattr(readers, name)(Path(file.name)) for name in named}
    ours = {statement.name: statement.value for statement in on_host_program.statements(text, named)}

    for name, found in read.items():
        assert {key: found.get(key) for key in taken} == taken, name
    assert ours == {key: value.encode() for key, value in taken.items()}
    assert {f"KEY_{number}" for number, value in enumerate(given) if "\ufffe" not in value} >= taken.keys()


@given(value=values)
def test_a_value_is_refused_for_what_is_in_it(value: str) -> None:
    reason = spelling.problem(value)

    in_double = "'" in value or (len(value) - len(value.rstrip("\\"))) % 2 == 1
    noncharacter = any(ord(letter) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(letter) <= 0xFDEF for letter in value)
    assert bool(reason) == (noncharacter or ("`" in value and in_double))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("it's `here`", "KEY: a backtick next to a single quote, or before a backslash at the end, cannot be written"),
        ("`here`\\", "KEY: a backtick next to a single quote, or before a backslash at the end, cannot be written"),
        ("a\0b", "KEY: a variable cannot hold a NUL character"),
        ("a\ufffe", "KEY: systemd refuses a file with a Unicode noncharacter"),
        ("x" * (127 * 1024 + 1), "KEY: the value is longer than the 130048 bytes that are allowed"),
    ],
)
def test_refusal_of_a_value_gives_the_reason_without_the_value(value: str, reason: str) -> None:
    (said,) = DotenvFile.reject_values(CONTAINER, {"KEY": SecretValue(value)})

    assert said.startswith(reason)
    assert value not in said


@needs_systemd
def test_systemd_really_drops_a_file_with_a_noncharacter(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("KEY='a\ufffe'\n")

    with pytest.raises(ValueError, match="does not load"):
        readers.systemd(path)


@pytest.mark.parametrize("reader", [readers.compose, readers.shell])
def test_backtick_beside_a_single_quote_has_no_common_spelling(
    tmp_path: Path, reader: Callable[[Path], readers.Variables]
) -> None:
    """In double quotes a shell runs it bare, and compose keeps its backslash: never are both right."""
    path = tmp_path / ".env"
    path.write_text('A="it\'s `echo x`"\nB="it\'s \\`echo x\\`"\n')

    found = reader(path)

    right = [found["A"] == "it's `echo x`", found["B"] == "it's `echo x`"]
    assert right == ([True, False] if reader is readers.compose else [False, True])


def test_the_longest_value_fits_into_an_environment(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    key, value = "K" * 500, "x" * (127 * 1024)
    path.write_text(f"{key}={spelling.quoted(value)}\n")

    assert readers.shell(path)[key] == value


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A.B", "A B", "É", "A=", "a\n", "_", "UID", "K" * 501])
def test_name_that_a_reader_refuses_is_a_validation_error(name: str) -> None:
    assert len(DotenvFile.validate(CONTAINER, ["GOOD", name])) == 1
    assert DotenvFile.validate(CONTAINER, ["GOOD", "_x1", "path"]) == []


@pytest.mark.parametrize("option", [{"path": "opt/.env"}, {"mode": "rw"}, {"mode": "1200"}])
def test_wrong_option_is_a_validation_error(option: dict[str, str]) -> None:
    (mistake,) = DotenvFile.validate({**CONTAINER, **option}, ["GOOD"])
    assert mistake.startswith(next(iter(option)))
