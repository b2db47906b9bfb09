# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task files that the role includes after a plan: its own, and between them the user's hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError

from ...module_utils._core.errors import ConfigurationError
from .._engine.decide.state import Phase
from .extra_vars import is_blank

HOOKS = {
    "before_issue": None,
    "before_roll_out": Phase.ISSUED,
    "before_revoke": Phase.ROLLED_OUT,
    "after": Phase.REVOKED,
}
"""Each hook and the phase that ends before it, in their order."""
REPORTED = {"name": "Carry out the plan, and report", "file": "reported.yml"}
"""What takes the place of all phases, and includes them, where the end of a run is reported."""
_VERBS = {Phase.ISSUED: "issue", Phase.ROLLED_OUT: "roll out", Phase.REVOKED: "revoke"}


def find_hooks(
    hooks: Mapping[str, str | None] | None, playbooks: Iterable[str], load: Callable[[str], Any]
) -> dict[str, str]:
    """Return the path of each hook's file; ConfigurationError names every file that is missing or no list of tasks.

    ``load`` reads a YAML file.
    """
    found, wrong, places = {}, [], folders(playbooks)
    for name, file in (hooks or {}).items():
        paths = [] if is_blank(file) else [folder / str(file) for folder in places]
        path = next((path for path in paths if path.is_file()), None)
        if path:
            found[name] = str(path)
            wrong += [f"rotate_hooks.{name}: the file {path} is no list of tasks"] if not _has_tasks(path, load) else []
        elif paths:
            wrong.append(f"rotate_hooks.{name}: there is no file {' or '.join(map(str, dict.fromkeys(paths)))}")
    if wrong:
        raise ConfigurationError("; ".join(wrong), hint="Relative paths begin at the playbook's folder")
    return found


def _has_tasks(path: Path, load: Callable[[str], Any]) -> bool:
    try:
        tasks = load(str(path))
    except AnsibleError:  # its message quotes the file
        return False
    return tasks is None or (isinstance(tasks, list) and all(isinstance(task, Mapping) for task in tasks))


def phases(hooks: Mapping[str, str], *, hosts: bool) -> list[dict[str, str]]:
    """Return the phases of a run, split only where a hook comes between; ``hosts``: hosts may have work to do."""
    file = "advance_with_hosts.yml" if hosts else "advance.yml"
    found: list[dict[str, str]] = []
    verbs: list[str] = []
    for hook, ended in HOOKS.items():
        if ended:
            verbs.append(_VERBS[ended])
            if hook in hooks or ended is Phase.REVOKED:
                found.append({"name": ", ".join(verbs).capitalize(), "file": file, "until": ended.name.lower()})
                verbs = []
        if hook in hooks:
            found.append({"name": f"Hook {hook}", "file": hooks[hook]})
    return found


def folders(sources: Iterable[str]) -> list[Path]:
    """Return where relative paths begin: beside each playbook or inventory, or in the working directory."""
    return list(dict.fromkeys(map(_folder, sources))) or [Path.cwd()]


def _folder(source: str) -> Path:
    path = Path(source).absolute()
    return path if path.is_dir() else path.parent if path.is_file() else Path.cwd()
