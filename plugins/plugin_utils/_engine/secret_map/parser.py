# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what people wrote to a :class:`SecretMap`, or to all of its mistakes at once. Sends nothing."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from ....module_utils._core import durations, registry
from . import cross_checks as across
from . import schema
from .builders import Builders, Raw, TemplateScope, dicts
from .errors import Mistakes, Path
from .expand import plain
from .model import Copy, Guard, Revoke, Secret, SecretMap, Step
from .schema_errors import describe_type


def parse(
    raw_map: Any,
    raw_consumers: Any = None,
    raw_connections: Any = None,
    hosts: Collection[str] | None = None,
    *,
    bare_connections: bool = False,
    check_credentials: bool = False,
) -> SecretMap:
    """MapError holds every mistake. Consumers and connections that no secret uses are not looked at.

    ``hosts`` are the inventory's; ``bare_connections`` have their ``type`` and nothing else. ``check_credentials``
    resolves what the connections refer to.
    """
    mistakes = Mistakes()
    entries = _section("secret_map", raw_map, mistakes)
    consumers = _section("secret_consumers", {} if raw_consumers is None else raw_consumers, mistakes)
    connections = _section("secret_connections", {} if raw_connections is None else raw_connections, mistakes)
    how = {"bare_connections": bare_connections, "check_credentials": check_credentials}
    nodes = Builders(mistakes, connections, consumers, hosts, **how)
    parser = _Parser(nodes, mistakes)
    secrets = [parser.secret(name, plain(raw, ("secret_map", name), mistakes)) for name, raw in entries.items()]
    across.compare(parser.found, mistakes)
    mistakes.refuse()
    return SecretMap({secret.name: secret for secret in secrets if secret}, nodes.consumers, nodes.connections)


def _section(name: str, raw: Any, mistakes: Mistakes) -> Raw:
    if not isinstance(raw, dict):
        mistakes.add((name,), f"expected a mapping of names, not {describe_type(raw)}")
        return {}
    for key in raw:
        if not isinstance(key, str):
            mistakes.add((name,), f"a name is {describe_type(key)}, not a string", "put it in quotes")
    return {key: value for key, value in raw.items() if isinstance(key, str)}


class _Parser:
    def __init__(self, nodes: Builders, mistakes: Mistakes) -> None:
        self._nodes = nodes
        self._mistakes = mistakes
        self.found: list[across.Found] = []

    def secret(self, name: str, raw: Any) -> Secret | None:
        """None if there is a mistake in it."""
        path: Path = ("secret_map", name)
        before = len(self._mistakes)
        if not re.fullmatch(schema.ENTRY_NAME, name):
            self._mistakes.add(
                path, "is no name for a secret", "letters, digits, _ . and - are, beginning with a letter or _"
            )
        self._nodes.fits("secret", "", raw, path)
        if not isinstance(raw, dict):
            return None
        found = across.Found(name, path)
        self.found.append(found)
        max_age = self._duration(raw, "max_age", path)
        if "issuer" in raw:
            found.issuer = self._nodes.issuer(raw["issuer"], (*path, "issuer"), max_age)
        if found.issuer:
            found.current_id = raw["issuer"].get("current_id")
        scope = self._scope(name, raw.get("derived"), found)
        steps = [self._step(step, where, label, scope, found) for step, where, label in self._steps(raw, path)]
        revoke = self._revoke(raw, path, found)
        if len(self._mistakes) > before or found.issuer is None:
            return None
        return Secret(
            name=name,
            issuer=found.issuer,
            steps=tuple(steps),
            max_age=max_age,
            revoke=revoke,
            current_id=found.current_id,
            guard=Guard(**raw["guard"]) if "guard" in raw else None,
            **{
                option: raw[option]
                for option in ("derived", "description", "owner", "blast_radius", "retain")
                if option in raw
            },
        )

    def _scope(self, name: str, derived: Any, found: across.Found) -> TemplateScope:
        """The credential's fields, and what ``derived`` makes of them and of the names above."""
        fields = registry.find("issuers", found.issuer.type).fields if found.issuer else None
        scope = TemplateScope(name, fields)
        for field, text in derived.items() if isinstance(derived, dict) else ():
            path = (*found.path, "derived", field)
            if field in (scope.fields or ()):
                self._mistakes.add(path, "is a field of the credential already", "choose another name")
            self._nodes.template(text, path, scope.names)
            scope = TemplateScope(name, fields, (*scope.derived, field))
        return scope

    def _steps(self, raw: Raw, path: Path) -> list[tuple[Raw, Path, str]]:
        """Each step with its path and its name; copies straight under the secret are one."""
        if "rollout" not in raw:
            return [(raw, path, "rollout")]
        steps = [
            (step, (*path, "rollout", index), step.get("name", f"step {index + 1}"))
            for index, step in dicts(raw["rollout"])
        ]
        labels = [label for _step, _where, label in steps]
        for index, (_step, where, label) in enumerate(steps):
            if label in labels[:index]:
                self._mistakes.add((*where, "name"), "another step has this name", "give each its own")
        return steps

    def _step(self, raw: Raw, path: Path, label: str, scope: TemplateScope, found: across.Found) -> Step:
        copies: list[tuple[Raw, Copy | None]] = []
        for index, copy in dicts(raw.get("copies")):
            where = (*path, "copies", index)
            built = self._nodes.copy(copy, where, scope)
            copies.append((copy, built))
            found.copies += [(where, built)] if built else []
        reload = [name for name in _listed(raw.get("reload")) if isinstance(name, str)]
        for index, name in enumerate(reload):
            consumer = self._nodes.consumer(name, (*path, "reload", index))
            if consumer:
                self._nodes.handed_over(consumer, scope)
        default = found.issuer.connection if found.issuer else None
        checks = [
            self._nodes.check(check, (*path, "verify", index), scope.credential, copies=copies, default=default)
            for index, check in dicts(raw.get("verify"))
        ]
        if not any(check.get("proves") == "use" for _index, check in dicts(raw.get("verify"))):
            found.unproven.append(path)
        return Step(
            name=label,
            copies=tuple(copy for _raw, copy in copies if copy),
            reload=tuple(reload),
            verify=tuple(check for check in checks if check),
            environment=raw.get("environment"),
        )

    def _revoke(self, raw: Raw, path: Path, found: across.Found) -> Revoke:
        """What nobody has to revoke needs no proof of use."""
        wanted = raw.get("revoke")
        wanted = wanted if isinstance(wanted, dict) else {}
        revocable = found.issuer is not None and registry.find("issuers", found.issuer.type).traits.revoke == "api"
        accept = wanted.get("accept", "use" if revocable else "life")
        if accept == "use":
            for step in found.unproven:
                self._mistakes.add(
                    (*step, "verify"),
                    "nothing proves that the new credential is in use",
                    "revoking needs a check that proves use, or revoke: {accept: life}",
                )
        after = self._duration(wanted, "after", (*path, "revoke")) or timedelta(0)
        require = frozenset(name for name in _listed(wanted.get("require")) if isinstance(name, str))
        return Revoke(after, require, accept)

    def _duration(self, raw: Raw, option: str, path: Path) -> timedelta | None:
        if not isinstance(raw.get(option), str):
            return None
        try:
            return durations.parse(raw[option])
        except (ValueError, OverflowError):
            self._mistakes.add((*path, option), "is no duration such as 90d, 36h or 1h30m")
            return None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
