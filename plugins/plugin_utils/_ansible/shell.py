# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connect the engine to Ansible: the base class of the actions, and the guard at their exit."""

from __future__ import annotations

import gc
import os
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, ClassVar, TypeVar

from ansible import release
from ansible.context import CLIARGS
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ...module_utils._core import deps, guard, masking, registry
from ...module_utils._core.core_masking import register_with_core
from ...module_utils._core.errors import ConfigurationError, RotorError, StoppedError
from ...module_utils._core.forwards import Forwards
from ...module_utils._core.module_runner import register_arguments, unfit
from ...module_utils._core.outside_text import printable
from .._engine.job import Job
from .._engine.secret_map.variables import TaskVariables
from .._engine.session import Caller, Session
from .._engine.worker import WorkerClock
from . import invocation
from .extra_vars import is_blank
from .on_host import keeps_remote_files
from .options import check_unknown_options, in_words_of_the_role
from .phases import folders
from .ssh_hosts import SshHosts

LIBRARIES = ("cryptography", "jsonschema", "requests", "sqlalchemy")
"""What every run uses."""
COLLECTED = (20_000, 10, 10)
"""How often the worker looks for garbage: of a large map little is, and with Python's own numbers a fifth of a plan
would go into looking."""
CORE = str(release.__version__)
OLDEST_CORE = (2, 19)
Result = TypeVar("Result")
display = Display()


def guarded(
    act: Callable[[], Result],
    *,
    unreachable: tuple[type[RotorError], ...] = (),
    passing: tuple[type[AnsibleError], ...] = (),
) -> Result:
    """Return what ``act`` returns, or fail the task with an error of ours, whatever was raised.

    ``unreachable`` are the errors that make the host unreachable, and not the task failed; ``passing`` are core's own,
    which are raised as they are.
    """
    kind: type[AnsibleError] = AnsibleActionFail
    try:
        _refuse_old_core()
        return act()
    except passing:
        raise
    except BaseException as error:  # noqa: BLE001 - the guard lets SystemExit and its like through
        problem = guard.failure_message(error)
        if isinstance(error, unreachable):
            kind = AnsibleConnectionFailure
    finally:
        register_with_core()
    raise kind(problem)  # out here, where core finds no exception whose chain it could show


def _refuse_old_core() -> None:
    """Raise ConfigurationError on a core that is not supported: core itself warns, and goes on into another error."""
    if tuple(map(int, CORE.split(".")[:2])) < OLDEST_CORE:
        oldest = ".".join(map(str, OLDEST_CORE))
        raise ConfigurationError(
            f"rotor.secrets does not run on ansible-core {CORE}", hint=f"It needs {oldest} or later"
        )


def validated(action: ActionBase, spec: Mapping[str, Any], **rules: Any) -> dict[str, Any]:
    """Validate and return the action's arguments; the ConfigurationError quotes no credential, as core's may."""
    try:
        options: dict[str, Any] = action.validate_argument_spec(argument_spec=dict(spec), **rules)[1]
    except AnsibleActionFail as error:
        register_arguments(action._task.args, spec)
        raise ConfigurationError(str(error.message)) from None
    if problem := unfit(action._task.args, spec, rules):
        register_arguments(action._task.args, spec)
        raise ConfigurationError(problem)
    return options


class RotationAction(ActionBase):
    """Run an action in the worker's main thread; whatever is raised fails the task."""

    _supports_async = False
    options: ClassVar[Mapping[str, Any]] = {}
    """The action's argument spec."""
    rules: ClassVar[Mapping[str, Any]] = {}
    """What core is told beside it, such as options that exclude one another."""
    looks: ClassVar[bool] = False
    """Whether a playbook with this action need not have the one that rotates."""
    undone: ClassVar[str] = ""
    """What is said where tags leave out an action that ``always`` brings in, and that changes something."""

    def __init_subclass__(cls) -> None:
        """Preload what every run uses, once in the parent for all workers that it forks.

        Core compiles a collection's modules anew in each process that imports them.
        """
        deps.preload(*LIBRARIES)
        registry.providers()

    @abstractmethod
    def act(self, session: Session, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the task's result; a RotorError fails the task."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        self.task_vars = task_vars or {}
        result.update(guarded(self._act))
        if result.get("failed"):
            result["msg"] = masking.scrub(result["msg"])
        return result

    def _act(self) -> Mapping[str, Any]:
        deps.require(*LIBRARIES)
        self._task.args = {name: value for name, value in self._task.args.items() if not is_blank(value)}
        try:
            options = validated(self, self.options, **self.rules)
        except ConfigurationError as error:
            raise in_words_of_the_role(error, self._task.action) from None
        if self.undone and (tags := invocation.leaving_out(self._task.tags)):
            self.say(f"{self.undone}  {tags} leaves it out; run it again without")
            return {"changed": False}
        gc.freeze()  # this process ends with the task, and what it was forked with need not be gone through again
        gc.set_threshold(*COLLECTED)
        self.clock = clock = WorkerClock()
        clock.guard()
        try:
            check_unknown_options(self.task_vars, invocation.addressed(), invocation.extra_names())
            variables = TaskVariables(self.task_vars, self._template)
            with closing(Forwards(SshHosts(self.task_vars, self._template))) as forwards:
                session = Session(variables, clock, self._caller(), self.say, forwards)
                return self.act(session, options)
        except StoppedError:
            os._exit(1)  # core's own way out would run handlers of a parent that may be gone

    def say(self, line: str) -> None:
        """Print one line, masked and printable."""
        register_with_core()
        display.display(masking.scrub(printable(line)))

    def _template(self, text: str) -> Any:
        return self._templar.template(text)

    def _caller(self) -> Caller:
        hosts = {host for members in self.task_vars.get("groups", {}).values() for host in members}
        job = Job.of(self.task_vars)
        only_looks = self.looks or (self._task.check_mode and not CLIARGS.get("check"))
        theirs = [playbook for playbook in invocation.playbooks() if not invocation.is_ours(playbook)]
        return Caller(
            invocation.command(),
            job.caller,
            frozenset(map(str, hosts)),
            keeps_remote_files(),
            job,
            job.way_on or ("run your playbook that rotates with" if only_looks and theirs else ""),
            invocation.remark(),
            invocation.options(),
            (*folders(invocation.playbooks()), *folders(self.task_vars.get("ansible_inventory_sources") or ())),
        )
