# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rebuild the command line that has started this run; of a variable that was given by value, never the value."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.context import CLIARGS
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.splitter import parse_kv
from ansible.utils.vars import load_extra_vars

from ...module_utils._core.outside_text import printable
from .extra_vars import is_blank

OURS = "rotor.secrets."
_OPTIONS = {
    "inventory": "-i",
    "subset": "--limit",
    "tags": "--tags",
    "skip_tags": "--skip-tags",
    "vault_ids": "--vault-id",
    "vault_password_files": "--vault-password-file",
    "ask_vault_pass": "--ask-vault-pass",
    "remote_user": "--user",
    "private_key_file": "--private-key",
    "ask_pass": "--ask-pass",
    "connection_password_file": "--connection-password-file",
    "become": "--become",
    "become_user": "--become-user",
    "become_ask_pass": "--ask-become-pass",
    "become_password_file": "--become-password-file",
}
"""What a second run needs as well. Their values are names and paths."""
_TAGS = ("tags", "skip_tags")
_SAFE = ("rotate_hooks", "rotate_confirm", "rotate_max_failures", "rotate_report_to")
"""Variables of the role that go on with a run as it was meant; their values are names and paths, too."""
_ANEW = ("only", "where", "environments", "force", "resume", "approve", "adopt", "forget", "reason")
"""Variables of the role that say what a run is to do, and are given anew or not at all."""


def playbooks() -> tuple[str, ...]:
    """Return the playbooks of the command line; none for an ad-hoc command."""
    found = CLIARGS.get("args") or ()
    return () if isinstance(found, str) else tuple(found)


def is_ours(playbook: str) -> bool:
    """Return whether this collection's playbook is named, and not a file."""
    return playbook.startswith(OURS) and not Path(playbook).exists()


def command() -> str:
    """Return the command without inline variables; for a playbook of this collection, the one that rotates."""
    files = [f"{OURS}rotate" if is_ours(playbook) else playbook for playbook in playbooks()] or [f"{OURS}rotate"]
    kept = {name: value for name, value in map(_without_blanks, _inline().items()) if name in _SAFE and value}
    extra = ["-e", json.dumps(kept, default=str)] if kept else []
    parts = [shlex.join(["ansible-playbook", *dict.fromkeys(files)]), options(), shlex.join(extra)]
    return printable(" ".join(filter(None, parts)))


def options() -> str:
    """Return the options of the command but for inline variables."""
    extra = [part for entry in _extra_files() for part in ("-e", entry)]
    return printable(shlex.join([*_options(), *extra]))


def remark() -> str:
    """Name, as a comment of the shell, the variables that were given by value."""
    own = (*_SAFE, *(f"rotate_{name}" for name in _ANEW), *variables_of_playbooks())
    names = [name for name in _inline() if name not in own]
    return printable(f"# and again -e with {', '.join(names)}") if names else ""


def leaving_out(tags: Iterable[str]) -> str:
    """Return the options that leave out a task of these tags, were it not for its tag ``always``; or nothing."""
    tags = set(tags)
    own = tags - {"always"}
    meant = {"all", *own, "tagged" if own else "untagged"}
    only, skip = (set(CLIARGS.get(name) or ()) for name in _TAGS)
    if own == tags or not only or (only & meant and not skip & meant):
        return ""
    said = {"--tags": only - {"all"}, "--skip-tags": skip}
    return " ".join(f"{option} {','.join(sorted(names))}" for option, names in said.items() if names)


def _options() -> Iterator[str]:
    unsaid = {"inventory": list(constants.DEFAULT_HOST_LIST), "tags": ["all"]}
    ours = all(map(is_ours, playbooks()))
    for name, option in _OPTIONS.items():
        value = None if ours and name in _TAGS else CLIARGS.get(name)
        values = [value] if isinstance(value, str) else [] if isinstance(value, bool) else list(value or ())
        if values != unsaid.get(name):
            yield from (part for one in values for part in (option, _short(one)))
        if value is True:
            yield option


def _extra_files() -> list[str]:
    return [f"@{_short(entry[1:])}" for entry in map(str, CLIARGS.get("extra_vars") or ()) if entry.startswith("@")]


def _inline() -> dict[str, Any]:
    """Return the variables that stand in the command line itself."""
    found: dict[str, Any] = {}
    for entry in map(str, CLIARGS.get("extra_vars") or ()):
        if not entry.startswith("@"):
            try:
                parsed = DataLoader().load(entry) if entry.startswith(("{", "[")) else parse_kv(entry)
            except AnsibleError:  # core has read it before
                continue
            found |= parsed if isinstance(parsed, Mapping) else {}
    return found


def addressed() -> frozenset[str]:
    """Return the names of the variables in the command line, where it names playbooks of this collection alone."""
    return frozenset(_inline()) if playbooks() and all(map(is_ours, playbooks())) else frozenset()


def extra_names() -> frozenset[str]:
    """Return the names of all variables of ``-e``, of those in files, too."""
    return frozenset(load_extra_vars(DataLoader()))  # core has read them before, and keeps them


@cache
def arguments() -> Mapping[str, Mapping[str, str]]:
    """Read in our playbooks which variable an argument comes from: action -> argument -> variable."""
    found: dict[str, dict[str, str]] = {}
    root = Path(__file__).parents[3]
    for file in (*sorted(root.glob("playbooks/*.yml")), root / "roles/rotate/tasks/plan.yml"):
        for action, task in re.findall(rf"{re.escape(OURS)}(\w+):\n((?: +\w+: .*\n)*)", file.read_text()):
            found.setdefault(action, {}).update(re.findall(r"(\w+): \"{{ (\w+)", task))
    return found


def variables_of_playbooks() -> frozenset[str]:
    """Return the names of the variables that our playbooks read."""
    return frozenset(name for named in arguments().values() for name in named.values())


def _without_blanks(variable: tuple[str, Any]) -> tuple[str, Any]:
    name, value = variable
    if isinstance(value, Mapping):
        return name, {key: entry for key, entry in value.items() if not is_blank(entry)}
    return name, None if is_blank(value) else value


def _short(path: str) -> str:
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
