# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the map whose ``type`` decides what they may hold: validated by their own class, then built."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ....module_utils._core import references, registry
from ....module_utils._core.contracts import Connection
from ....module_utils._core.errors import ConfigurationError, MissingCredentialError
from ....module_utils._core.templates import Template
from . import schema
from .errors import Mistakes, Path, suggest, there_are
from .expand import plain
from .model import CheckSpec, ConsumerSpec, Copy, PartSpec
from .schema_errors import describe_type, explain

Raw = dict[str, Any]


@dataclass(frozen=True)
class TemplateScope:
    """What the templates of one secret may name; ``None`` where a mistake keeps us from knowing it."""

    secret: str
    fields: tuple[str, ...] | None
    derived: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str] | None:
        return None if self.fields is None else frozenset((*self.fields, *self.derived))

    @property
    def credential(self) -> frozenset[str] | None:
        """What a check may name: it gets the credential, and nothing that the map derives from it."""
        return None if self.fields is None else frozenset((*self.fields, "id", "name"))


class Builders:
    """Connections and consumers are looked at when a secret uses them, and once."""

    def __init__(
        self,
        mistakes: Mistakes,
        connections: Raw,
        consumers: Raw,
        hosts: Collection[str] | None,
        *,
        bare_connections: bool,
        check_credentials: bool,
    ) -> None:
        self._mistakes = mistakes
        self._raw_connections = connections
        self._raw_consumers = consumers
        self._hosts = hosts
        self._bare = bare_connections
        self._check_credentials = check_credentials
        self._types: dict[str, str | None] = {}
        self._consumers: dict[str, ConsumerSpec | None] = {}
        self.connections: dict[str, Raw] = {}

    @property
    def consumers(self) -> dict[str, ConsumerSpec]:
        return {name: consumer for name, consumer in self._consumers.items() if consumer}

    def fits(self, kind: str, name: str, raw: Any, path: Path, excused: Collection[str] = ()) -> bool:
        """Whether the schema of this class takes the node."""
        before = len(self._mistakes)
        for where, what, suggestion in explain(schema.validator(kind, name).iter_errors(raw), excused):
            self._mistakes.add((*path, *where), what, suggestion)
        return len(self._mistakes) == before

    def template(self, text: Any, path: Path, known: frozenset[str] | None) -> None:
        """Whether a template can be taken apart, and names nothing but what is known."""
        if not isinstance(text, str):
            return
        try:
            names = Template.parse(text).names
        except ValueError as error:
            self._mistakes.add(path, str(error))
            return
        for name in sorted(names - known if known is not None else ()):
            self._mistakes.add(path, f"unknown field {name}", suggest(name, known or ()))

    # -- connections --------------------------------------------------------------------------------------------

    def connection(self, name: str, path: Path) -> str | None:
        """The type of a connection that is in use; None if there is no such connection, or a mistake in it."""
        if name not in self._raw_connections:
            self._mistakes.add(path, "there is no such connection", suggest(name, self._raw_connections))
            return None
        if name not in self._types:
            self._types[name] = self._connection(name)
        return self._types[name]

    def _connection(self, name: str) -> str | None:
        path = ("secret_connections", name)
        raw = plain(self._raw_connections[name], path, self._mistakes)
        cls = self._class("connections", raw, path)
        if cls is None:
            return None
        kind: str = raw["type"]
        if self._bare or self.fits("connections", kind, raw, path):
            self.connections[name] = raw
            self._add([] if self._bare else cls.validate(raw), path, raw)
            if self._check_credentials:
                self._credentials(cls, raw, path)
        return kind

    def _credentials(self, cls: type[Connection], raw: Raw, path: Path) -> None:
        """Tell every reference that cannot be used. A missing one alone is a problem of the secrets that need it."""
        for reference, error in references.check_all(raw, cls):
            where = (*path, *reference.split("."))
            self._mistakes.add(where, error.message, refuses=not isinstance(error, MissingCredentialError))

    def _link(self, kind: str, raw: Raw, path: Path, default: str | None = None) -> str | None:
        """The connection of an issuer, a consumer or a check, if its type works on one."""
        types = schema.connection_types(kind, raw["type"])
        given = raw.get("connection", default)
        if not types or not isinstance(given, str):
            return None
        there = self.connection(given, (*path, "connection"))
        if there and there not in types:
            what = f"a connection of type {there} is none that {raw['type']} works on"
            self._mistakes.add((*path, "connection"), what, f"it needs one of type {' or '.join(types)}")
        return given

    # -- parts --------------------------------------------------------------------------------------------------

    def issuer(self, raw: Any, path: Path, max_age: timedelta | None) -> PartSpec | None:
        cls = self._class("issuers", raw, path)
        if cls is None:
            return None
        before = len(self._mistakes)
        connection = self._link("issuers", raw, path)
        options = _own("issuers", raw)
        if self.fits("issuers", raw["type"], raw, path):
            self._add(cls.validate(options, max_age), path, options)
        return PartSpec(raw["type"], connection, options) if len(self._mistakes) == before else None

    def copy(self, raw: Raw, path: Path, scope: TemplateScope) -> Copy | None:
        before = len(self._mistakes)
        kind = self._store(raw, path)
        if kind is None:
            return None
        keys = raw.get("keys", self._default_keys(scope, path) if "keys" not in raw else None)
        for key, text in keys.items() if isinstance(keys, dict) else ():
            self.template(text, (*path, "keys", key), scope.names)
        if not self.fits("stores", kind, raw, path) or keys is None:
            return None
        if not any("${" in text for text in keys.values()):
            self._mistakes.add(
                (*path, "keys"), "no key holds a field of the credential", "write ${field} in one of them"
            )
        cls, container = registry.find("stores", kind), _own("stores", raw)
        self._add(cls.validate(container, list(keys)), path, container, keys)
        host = container["host"] if cls.on_host else None
        if host:
            self._host(host, (*path, "host"))
        if len(self._mistakes) > before:
            return None
        identity = f"{raw['store']}:{cls.identity(container)}"
        return Copy(raw["store"], kind, container, keys, identity, cls.label(container), host)

    def _store(self, raw: Raw, path: Path) -> str | None:
        if "store" not in raw:
            self._mistakes.add(path, "missing option store", there_are(self._raw_connections))
            return None
        name, path = raw["store"], (*path, "store")
        if not isinstance(name, str):
            self._mistakes.add(path, f"expected a string, not {describe_type(name)}", there_are(self._raw_connections))
            return None
        kind = self.connection(name, path)
        if kind and not _exists("stores", kind):
            what = f"a connection of type {kind} stores nothing"
            self._mistakes.add(path, what, there_are(registry.names("stores")))
            return None
        return kind

    def _default_keys(self, scope: TemplateScope, path: Path) -> dict[str, str] | None:
        if scope.fields is None:
            return None
        if len(scope.fields) == 1:
            return {scope.secret: f"${{{scope.fields[0]}}}"}
        fields = ", ".join(scope.fields)
        self._mistakes.add(path, "missing option keys", f"the credential has several fields: {fields}")
        return None

    def check(
        self,
        raw: Any,
        path: Path,
        known: frozenset[str] | None,
        *,
        copies: Sequence[tuple[Any, Copy | None]] = (),
        default: str | None = None,
    ) -> CheckSpec | None:
        """``copies`` are those of its step, from which it takes what it does not say; ``default`` is a connection."""
        cls = self._class("checks", raw, path)
        if cls is None:
            return None
        before = len(self._mistakes)
        raw, excused = self._completed(raw, copies, default)
        options = _own("checks", raw)
        connection = self._link("checks", raw, path)
        needs_connection = schema.connection_types("checks", raw["type"]) and "connection" not in excused
        if needs_connection and "connection" not in raw:
            self._mistakes.add(path, "missing option connection", "no copy of its step says which")
        for where, text in _strings(options):
            self.template(text, (*path, *where), known)
        if self.fits("checks", raw["type"], raw, path, excused) and not excused:
            self._add(cls.validate(options), path, options)
        if excused or len(self._mistakes) > before:
            return None
        return CheckSpec(raw["type"], connection, options, raw.get("proves", "life"))

    def _completed(
        self, raw: Raw, copies: Sequence[tuple[Any, Copy | None]], default: str | None
    ) -> tuple[Raw, set[str]]:
        """The check with what it takes from a copy in the same system, and what a broken copy keeps us from knowing."""
        types = schema.connection_types("checks", raw["type"])
        given = raw.get("connection")
        for source, copy in copies:
            store = source.get("store")
            kind = self._types.get(store) if isinstance(store, str) else None
            if kind not in types or given not in (None, store) or not _exists("stores", kind):
                continue
            shared = registry.find("stores", kind).schema.properties.keys() - raw.keys()
            wanted = shared.intersection(schema.inherited(raw["type"]))
            taken = {option: source[option] for option in wanted if copy and option in source}
            return {"connection": store, **raw, **taken}, set() if copy else wanted
        if types and any(copy is None for _source, copy in copies):
            return raw, {*schema.inherited(raw["type"]), "connection"} - raw.keys()
        if given is None and default and self._types.get(default) in types:
            return {"connection": default, **raw}, set()
        return raw, set()

    # -- consumers ----------------------------------------------------------------------------------------------

    def consumer(self, name: str, path: Path) -> ConsumerSpec | None:
        if name not in self._raw_consumers:
            self._mistakes.add(path, "there is no such consumer", suggest(name, self._raw_consumers))
            return None
        if name not in self._consumers:
            self._consumers[name] = self._consumer(name, ("secret_consumers", name))
        return self._consumers[name]

    def _consumer(self, name: str, path: Path) -> ConsumerSpec | None:
        raw = plain(self._raw_consumers[name], path, self._mistakes)
        cls = self._class("consumers", raw, path)
        if cls is None:
            return None
        before = len(self._mistakes)
        connection, host = self._link("consumers", raw, path), raw.get("host")
        self.fits("consumers", raw["type"], raw, path)
        if cls.on_host and isinstance(host, str):
            self._host(host, (*path, "host"))
        healthy = [
            self.check(check, (*path, "healthy", index), frozenset(), default=connection)
            for index, check in dicts(raw.get("healthy"))
        ]
        if len(self._mistakes) > before:
            return None
        checks = tuple(check for check in healthy if check)
        return ConsumerSpec(raw["type"], connection, _own("consumers", raw), name, host, checks)

    def _host(self, host: str, path: Path) -> None:
        if self._hosts is not None and host not in self._hosts and host != "localhost":
            self._mistakes.add(path, "there is no such host in the inventory", suggest(host, self._hosts))

    def handed_over(self, consumer: ConsumerSpec, scope: TemplateScope) -> None:
        """Whether what a command gets as its standard input is made of fields that this secret has."""
        cls, path = registry.find("consumers", consumer.type), ("secret_consumers", consumer.name)
        if not cls.on_host:
            return
        try:
            self.template(cls.task(consumer.options).get("stdin"), (*path, "stdin"), scope.names)
        except ConfigurationError as error:
            self._mistakes.add((*path, "stdin"), error.message)

    # -- shared -------------------------------------------------------------------------------------------------

    def _class(self, kind: str, raw: Any, path: Path) -> Any:
        """The class that ``type`` names; None if there is none."""
        if not isinstance(raw, dict):
            self._mistakes.add(path, f"expected a mapping, not {describe_type(raw)}")
            return None
        name, names = raw.get("type"), registry.names(kind)
        if not isinstance(name, str):
            if "type" in raw:
                self._mistakes.add((*path, "type"), f"expected a string, not {describe_type(name)}", there_are(names))
            else:
                self._mistakes.add(path, "missing option type", there_are(names))
            return None
        try:
            if name in names or re.fullmatch(schema.FOREIGN, name):
                return registry.find(kind, name)
        except ConfigurationError as error:
            self._mistakes.add((*path, "type"), error.message, error.hint)
            return None
        self._mistakes.add((*path, "type"), f"there is no such type of {kind[:-1]}", suggest(name, names))
        return None

    def _add(self, texts: Iterable[str], path: Path, options: Mapping[str, Any], keys: Collection[str] = ()) -> None:
        """What a class says of its own options: ``option: what``, or what alone."""
        for text in texts:
            head, colon, what = text.partition(": ")
            option, _dot, inner = head.partition(".")
            if colon and head in keys:
                self._mistakes.add((*path, "keys", head), what)
            elif colon and option in options:
                self._mistakes.add((*path, option, *filter(None, [inner])), what)
            else:
                self._mistakes.add(path, text)


def dicts(raw: Any) -> list[tuple[int, Raw]]:
    """The mappings in a list, with where they stand; anything else is the schema's to refuse."""
    return [(index, node) for index, node in enumerate(raw) if isinstance(node, dict)] if isinstance(raw, list) else []


def _own(kind: str, raw: Raw) -> Raw:
    return {option: value for option, value in raw.items() if option not in schema.GENERIC[kind]}


def _exists(kind: str, name: str) -> bool:
    try:
        registry.find(kind, name)
    except ConfigurationError:
        return False
    return True


def _strings(value: Any, where: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every string that holds a ``${…}``."""
    if isinstance(value, str) and "${" in value:
        yield where, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(item, (*where, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strings(item, (*where, index))
