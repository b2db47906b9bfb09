# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run commands on the host of a task, through the task's own connection and become."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ...module_utils._core.core_masking import register_with_core
from ...module_utils._core.errors import AuthenticationError, ConfigurationError, UnavailableError
from ...module_utils._core.hosts import HostAnswer, HostCommand
from . import environment
from .caught import Caught


def keeps_remote_files() -> bool:
    """Return whether Ansible is told to keep the files that it copies to hosts."""
    return bool(constants.DEFAULT_KEEP_REMOTE_FILES)


class TaskHost:
    """Run commands on the host of an action's task. A value reaches the host through standard input only."""

    def __init__(self, action: ActionBase, task_vars: Mapping[str, Any]) -> None:
        self._action = action
        self.name = str(action._task.delegate_to or task_vars.get("inventory_hostname", "localhost"))
        self._variables = task_vars.get("ansible_delegated_vars", {}).get(self.name, task_vars)
        self._references = environment.References(task_vars, action._templar.template)

    @property
    def python(self) -> str:
        """Return the Python that the inventory names for the host, or ``python3``."""
        named = self._variables.get("ansible_python_interpreter") or "auto"
        python = str(self._action._templar.template(named))
        return "python3" if python.startswith("auto") else python

    def __call__(self, command: HostCommand) -> HostAnswer:
        if command.stdin is not None and keeps_remote_files():
            raise ConfigurationError("ANSIBLE_KEEP_REMOTE_FILES would leave a value on the host", hint="Unset it")
        connection = self._action._connection
        if getattr(connection._shell, "_IS_WINDOWS", False):
            raise ConfigurationError(f"host {self.name} runs Windows; this needs a POSIX shell")
        if command.catch:
            caught = self._caught(command)
            result = self._execute(caught.line, caught.input)
            return caught.read(int(result["rc"]), str(result["stdout"]))
        data = command.stdin.reveal().encode() if command.stdin else None
        result = self._execute(command.command, data, chdir=shlex.quote(command.chdir) if command.chdir else None)
        return HostAnswer(int(result["rc"]), str(result["stdout"]))

    def _caught(self, command: HostCommand) -> Caught:
        become = self._action._connection.become
        has_input = command.stdin is not None or bool(command.script)
        takes_input = has_input or become is None or bool(become.pipelining)  # su wants a terminal
        executable = str(self._action._play_context.executable or "/bin/sh")
        return Caught(command, executable=executable, python=self.python, takes_input=takes_input)

    def _execute(self, line: str, data: bytes | None, chdir: str | None = None) -> Mapping[str, Any]:
        if data is not None:
            _let_stdin_through(self._action._connection)
        register_with_core()
        try:
            with environment.without(self._references.of_all()):
                result: Mapping[str, Any] = self._action._low_level_execute_command(line, in_data=data, chdir=chdir)
        except AnsibleConnectionFailure:
            raise UnavailableError(f"host {self.name} cannot be reached") from None
        except AnsibleError as error:  # such as: Incorrect sudo password
            said = str(error).partition("\n")[0].rstrip(".")
            raise AuthenticationError(f"the command was not started on host {self.name}: {said}") from None
        return result


def _let_stdin_through(connection: Any) -> None:
    """Turn pipelining on: without it, a local connection with a become password makes standard input a terminal."""
    if connection.has_option("pipelining"):
        connection.set_option("pipelining", True)
