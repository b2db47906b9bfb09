# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions without a worker around them: a task, its variables, and all that it says."""

from __future__ import annotations

import importlib
import json
import traceback
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible import shell

Act = Callable[..., str]


class InstantClock(Clock):
    """It waits for nothing, and leaves the signals of the process alone."""

    def guard(self) -> None:
        pass

    def sleep(self, seconds: float) -> None:
        self.check()


@pytest.fixture
def act(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Act:
    """Run an action of this name; returns its output with its result, or the exception with its whole chain.

    Beside the options of the action, ``check_mode`` and ``async_val`` are the task's.
    """
    monkeypatch.setattr(shell, "WorkerClock", InstantClock)
    monkeypatch.setattr(Clock, "sleep", lambda _self, _seconds: None)

    def act(name: str, variables: Mapping[str, Any] | None = None, /, **arguments: Any) -> str:
        module = importlib.import_module(f"ansible_collections.rotor.secrets.plugins.action.{name}")
        check_mode, async_val = arguments.pop("check_mode", False), arguments.pop("async_val", 0)
        task = SimpleNamespace(
            args=arguments,
            action=name,
            async_val=async_val,
            check_mode=check_mode,
            diff=True,
            delegate_to=None,
            no_log=False,
            tags=[],
        )
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))
        templar = Templar(loader=DataLoader(), variables=variables or {})
        action = module.ActionModule(task, connection, None, DataLoader(), templar)
        try:
            ended = json.dumps(action.run(task_vars=dict(variables or {})), default=repr)
        except BaseException as error:  # noqa: BLE001 - core would show it
            ended = "".join(traceback.format_exception(error)) + f"{error.__cause__!r} {error.__context__!r}"
        said = capsys.readouterr()
        return said.out + said.err + ended

    return act
