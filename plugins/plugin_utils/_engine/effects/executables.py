# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out whether what commands need is there, on their host, before anything is minted. None of them is run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from ....module_utils._core.errors import UnexpectedAnswerError
from ....module_utils._core.hosts import Host, HostCommand


def missing(here: str, host: Host, tasks: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Tell for each consumer which folder or executable of its task is not there; empty where all of it is."""
    needs = {name: _needs(task) for name, task in tasks.items()}
    answer = host(HostCommand("; ".join(map(_look, needs.values()))))
    said = answer.stdout.split()[-len(needs) :]
    if len(said) < len(needs) or not all(word.isdigit() for word in said):
        raise UnexpectedAnswerError(
            f"looking for commands on host {here} ended with code {answer.code} and without an answer",
            hint="Is become right for this host? With -vvv Ansible shows what was printed",
        )
    return {
        name: f"host {here} has no {checks[int(passed)][1]}" if int(passed) < len(checks) else ""
        for passed, (name, checks) in zip(said, needs.items(), strict=True)
    }


def _needs(task: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List shell commands that succeed where something is there, each with its name."""
    folder = task.get("chdir")
    found = [(f"cd {shlex.quote(folder)}", f"folder {folder}")] if folder else []
    return [*found, *((f"command -v {shlex.quote(word)}", word) for word in task["needs"])]


def _look(checks: list[tuple[str, str]]) -> str:
    """Return a shell command that prints how many of these succeed, up to the first that does not."""
    steps = " && ".join(f"{check} && n={number}" for number, (check, _what) in enumerate(checks, 1))
    return f"(n=0; {steps}; echo $n >&3) 3>&1 >/dev/null 2>&1"
