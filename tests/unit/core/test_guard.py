# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is raised becomes an error of ours, without its own text."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import FunctionType

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import durations, guard
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError, UnexpectedError

CANARY = "canary-0123456789abcdef"
PLUGINS = Path(__file__).resolve().parents[3] / "plugins"


def caught(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as raised:  # noqa: BLE001
        return raised


def recurse() -> None:
    recurse()


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"Invalid header value b'Bearer {CANARY}'"),
        KeyError(CANARY),
        UnicodeEncodeError("latin-1", CANARY, 0, 5, "ordinal not in range"),
        OSError(5, CANARY, CANARY),
        ExceptionGroup(CANARY, [ValueError(CANARY)]),
        type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})(CANARY),
        type("Unspeakable", (Exception,), {"__str__": lambda self: 1 / 0})(),
    ],
)
def test_any_exception_is_told_by_its_class_and_place(error: BaseException) -> None:
    ours = guard.as_rotor_error(caught(error))
    assert isinstance(ours, UnexpectedError)
    assert ours.message.startswith(f"unexpected {type(error).__name__} in caught, line ")
    assert CANARY not in str(ours)


def test_a_librarys_place_is_told_with_the_caller_in_the_collection() -> None:
    with pytest.raises(TypeError) as raised:
        SecretValue(CANARY).__format__("")
    with pytest.raises(TypeError) as in_a_library:
        durations.parse(5)  # type: ignore[arg-type]
    assert ", called by" not in guard.failure_message(raised.value)
    assert re.search(r"in \w+, line \d+ of \w+\.py, called by parse, line", guard.failure_message(in_a_library.value))


def test_fault_in_another_collection_is_to_be_reported_there() -> None:
    theirs = {"__name__": "ansible_collections.acme.mail.plugins.module_utils.rotor_provider"}
    label = FunctionType((lambda options: options["scpoes"]).__code__, theirs)
    with pytest.raises(KeyError) as raised:
        label({})
    assert guard.failure_message(raised.value).endswith("This is a fault of acme.mail: report it there with this line")


def test_endless_recursion_is_told_like_any_other() -> None:
    with pytest.raises(RecursionError) as raised:
        recurse()
    assert guard.failure_message(raised.value).startswith("unexpected RecursionError in recurse, line ")


def test_an_error_of_ours_stays_and_is_scrubbed() -> None:
    SecretValue(CANARY)
    error = RotorError(f"no entry with {CANARY}", hint="Ask for a key")
    assert guard.as_rotor_error(error) is error
    assert guard.failure_message(error) == "no entry with ********. Ask for a key"


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), type("TaskTimeoutError", (BaseException,), {})()]
)
def test_what_is_no_error_is_raised_again(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised:
        guard.as_rotor_error(error)
    assert raised.value is error


def test_whoever_catches_everything_raises_it_again_or_hands_it_on() -> None:
    for file in PLUGINS.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and (not node.type or "BaseException" in ast.unparse(node.type)):
                inside = [part for statement in node.body for part in ast.walk(statement)]
                raises = any(isinstance(part, ast.Raise) and not part.exc for part in inside)
                hands_on = any(isinstance(part, ast.Name) and part.id == node.name for part in inside)
                assert raises or hands_on, f"{file.relative_to(PLUGINS)}, line {node.lineno}"
