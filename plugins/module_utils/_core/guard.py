# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard at the exit of every module and action: whatever was raised leaves as an error of ours, without a value.

A library's exception may quote a header, a body or a value in its text. Only its class and place are told.
"""

from __future__ import annotations

from pathlib import PurePath
from traceback import walk_tb
from types import FrameType
from typing import Any

from . import masking
from .errors import RotorError, UnexpectedError

_OURS = "ansible_collections.rotor.secrets."
_PANIC = "pyo3_runtime"
"""Libraries in Rust raise a BaseException of this module."""


def as_rotor_error(error: BaseException) -> RotorError:
    """Return an error of ours as it is, and any other as an UnexpectedError that says class and place.

    Raises again what is no error, such as SystemExit, KeyboardInterrupt and the time-out of a task.
    """
    if isinstance(error, RotorError):
        return error
    if not isinstance(error, Exception) and type(error).__module__ != _PANIC:
        raise error
    frames = list(walk_tb(error.__traceback__))
    return UnexpectedError(f"unexpected {type(error).__name__} in {_place(frames)}", hint=_whose(frames))


def failure_message(error: BaseException) -> str:
    """Return the message of the failed task that the exception ends in."""
    return masking.scrub(str(as_rotor_error(error)))


def _whose(frames: list[tuple[FrameType, int]]) -> str:
    """Advise to report to the other collection whose code was the last of any collection's, if there is one."""
    names = [name for frame, _line in frames if (name := _module_of(frame)).startswith("ansible_collections.")]
    if not names or names[-1].startswith(_OURS):
        return ""
    return f"This is a fault of {'.'.join(names[-1].split('.')[1:3])}: report it there with this line"


def _place(frames: list[tuple[FrameType, int]]) -> str:
    """Name the function that raised, and the last one of ours on the way to it."""
    if not frames:
        return "an unknown place"
    ours = [frame for frame in frames if _module_of(frame[0]).startswith(_OURS)]
    caller = f", called by {_describe(*ours[-1])}" if ours and ours[-1] is not frames[-1] else ""
    return f"{_describe(*frames[-1])}{caller}"


def _describe(frame: FrameType, line: int) -> str:
    code = frame.f_code
    return f"{code.co_name}, line {line} of {PurePath(code.co_filename).name}"


def _module_of(frame: FrameType) -> str:
    name: Any = frame.f_globals.get("__name__")
    return str(name)
