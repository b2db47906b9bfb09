# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the ledger's key and the admin tokens out of the environment of the processes that actions start.

A process inherits the environment of its parent: a command on localhost would see every credential, and so would
ssh, its ProxyCommand, and a host to which SendEnv sends them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleError

from ...module_utils._core import registry
from ...module_utils._core.errors import RotorError
from .._engine.ledger.location import DEFAULT_KEY

_LOOKUP = re.compile(r"""['"](?:ansible\.builtin\.)?env['"]\s*,\s*['"](\w+)['"]""")
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_LEDGER = ("key", "password")

Template = Callable[[str], Any]


@contextmanager
def without(names: Iterable[str]) -> Iterator[None]:
    """Remove these variables from the environment of this process, and so of its children, for the time being."""
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


class References:
    """Find the environment variables that ``secret_*`` variables name as credentials; no value is read.

    Templates are followed by their text, since expanding one may ask a password manager.
    """

    def __init__(self, task_vars: Mapping[str, Any], template: Template) -> None:
        self._vars = task_vars
        self._template = template

    def of_ledger(self) -> set[str]:
        """Return the variables that hold the ledger's key or password."""
        ledger = self._follow(self._vars.get("secret_ledger"))
        found = {DEFAULT_KEY["env"]}
        if isinstance(ledger, Mapping):
            found.update(*(self._names(ledger.get(option)) for option in _LEDGER))
            found.update(self._names(ledger["url"]) if isinstance(ledger.get("url"), Mapping) else ())
        return found

    def of_all(self) -> set[str]:
        """Return the variables that hold a credential of the ledger or of any connection."""
        connections = self._follow(self._vars.get("secret_connections"))
        entries = connections.values() if isinstance(connections, Mapping) else ()
        return self.of_ledger().union(*(self._of_connection(self._follow(entry)) for entry in entries))

    def _of_connection(self, entry: Any) -> set[str]:
        if not isinstance(entry, Mapping):
            return set()
        try:
            paths = registry.find("connections", str(entry.get("type"))).references
        except RotorError:  # it cannot be opened either
            return set()
        return set[str]().union(*(self._names(self._inside(entry, path.split("."))) for path in paths))

    def _inside(self, node: Any, path: list[str]) -> Any:
        for name in path:
            node = self._follow(node)
            node = node.get(name) if isinstance(node, Mapping) else None
        return node

    def _names(self, reference: Any) -> set[str]:
        reference = self._follow(reference)
        if isinstance(reference, str):
            return set(_LOOKUP.findall(reference))
        if not isinstance(reference, Mapping) or "env" not in reference:
            return set()
        try:
            return {str(self._template(str(reference["env"])))}
        except AnsibleError:  # whoever resolves it says so
            return set()

    def _follow(self, node: Any) -> Any:
        """Follow variables whose whole value is a reference to another variable."""
        for _link in range(8):
            match = _VARIABLE.fullmatch(node.strip()) if isinstance(node, str) else None
            if match is None:
                break
            node = self._vars.get(match[1])
        return node
