# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates and builds the parts of the map whose ``type`` decides which options they have."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ....module_utils._core import references, registry
from ....module_utils._core.contracts import Part, Store
from ....module_utils._core.errors import ConfigurationError, MissingCredentialError, NotFoundError
from ....module_utils._core.forwards import OPTION
from ....module_utils._core.hosts import LOCALHOST
from ....module_utils._core.templates import Template
from . import schema
from .errors import Path, ValidationErrors, describe_type, schema_errors, suggest, there_are
from .model import FORMERLY, LEDGER, CheckSpec, ConsumerSpec, Copy, PartSpec
from .variables import Expander, leaves

Raw = dict[str, Any]


@dataclass(frozen=True)
class TemplateScope:
    """The names that templates of one secret may use; None where an error keeps us from knowing them."""

    secret: str
    fields: tuple[str, ...] | None
    derived: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str] | None:
        return None if self.fields is None else frozenset((*self.fields, *self.derived))

    @property
    def in_checks(self) -> frozenset[str] | None:
        """List what a check may use: it gets the credential, and nothing that the map derives from it."""
        return None if self.fields is None else frozenset((*self.fields, "id", "name"))


@dataclass
class Builders:
    """Builds parts, and each connection and consumer once, when a secret uses it; None stands for an invalid one."""

    errors: ValidationErrors
    raw_connections: Raw
    raw_consumers: Raw
    hosts: Collection[str] | None
    bare_connections: bool
    check_credentials: bool
    via_problem: Callable[[str], str] | None = None
    """Says why no SSH forward can lead through an inventory host."""
    folders: Sequence[pathlib.Path] = ()
    """Where the relative path of a user's file begins."""
    connections: dict[str, Raw] = field(default_factory=dict)
    _types: dict[str, str | None] = field(default_factory=dict)
    _opening: list[str] = field(default_factory=list)
    """Connections that are being built, each of which takes a credential from the next one."""
    _consumers: dict[str, ConsumerSpec | None] = field(default_factory=dict)
    inspected: set[str] = field(default_factory=set)
    """Consumers whose command has an executable that can be looked for."""

    @property
    def consumers(self) -> dict[str, ConsumerSpec]:
        return {name: consumer for name, consumer in self._consumers.items() if consumer}

    def validate(self, kind: str, name: str, raw: Any, path: Path, optional: Collection[str] = ()) -> bool:
        """Validate a node against the schema of its class, and return whether it fits."""
        before = len(self.errors)
        for where, what, suggestion in schema_errors(schema.errors(kind, name, raw), optional):
            self.errors.add((*path, *where), what, suggestion)
        return len(self.errors) == before

    def validate_template(self, text: Any, path: Path, known: frozenset[str] | None) -> None:
        """Check that a template can be parsed, and uses known names alone."""
        if not isinstance(text, str):
            return
        try:
            names = Template.parse(text).names
        except ValueError as error:
            self.errors.add(path, str(error))
            return
        for name in sorted(names - known if known is not None else ()):
            self.errors.add(path, f"unknown field {name}", suggest(name, known or ()))

    def connection(self, name: str, path: Path) -> str | None:
        """Build a connection that is in use, and return its type."""
        if name not in self.raw_connections:
            self.errors.add(path, "there is no such connection", suggest(name, self.raw_connections))
            return None
        if name in self._opening:
            circle = " -> ".join([*self._opening[self._opening.index(name) :], name])
            what = f"a connection is not opened with what is read through itself: {circle}"
            self.errors.add(path, what, "take one of these credentials from a file or a variable")
            return None
        if name not in self._types:
            self._opening.append(name)
            self._types[name] = self._connection(name)
            self._opening.pop()
        return self._types[name]

    def _connection(self, name: str) -> str | None:
        path = ("secret_connections", name)
        if name == LEDGER:
            self.errors.add(path, "is what the ledger's own connection is called", "give this one another name")
        raw = Expander(self.errors).expand(self.raw_connections[name], path)
        cls = self._class("connections", raw, path)
        if cls is None:
            return None
        kind: str = raw["type"]
        if self.bare_connections or self.validate("connections", kind, raw, path):
            self.connections[name] = raw
            self._validate_via(raw, path)
            self._report([] if self.bare_connections else cls.validate(raw), path, raw)
            for reference, error in references.check_all(raw, cls) if self.check_credentials else ():
                missing = isinstance(error, MissingCredentialError)  # which is left to the secrets that need it
                self.errors.add((*path, *reference.split(".")), error.message, fatal=not missing)
            for reference, place in () if self.bare_connections else references.places(raw, cls):
                self.place(place, (*path, *reference.split(".")))
        return kind

    def key_places(self, raw: Raw, default: str) -> list[tuple[str, str]]:
        """Name the keys of a copy that nobody has checked; none of a connection that is not in use here."""
        store: Any = raw.get("store")
        kind, keys = self._types.get(store), raw.get("keys", [default])
        if not kind:
            return []
        cls = registry.find("stores", kind)
        return [(store, cls.key_identity(_own("stores", raw), key)) for key in keys]

    def place(self, place: references.Place, path: Path) -> Copy | None:
        """Build the container whose ``key``, or each of whose ``keys``, holds a value that is to be read.

        No ``keys`` are all that it has.
        """
        raw = {option: value for option, value in place.items() if option != "key"}
        raw["keys"] = dict.fromkeys(place["keys"] if "keys" in place else [place.get("key")], "${value}")
        copy = self.copy(raw, path, TemplateScope("", ("value",)), node="places")
        if copy and copy.host not in (None, LOCALHOST):
            self.errors.add(path, "a file on a host is not read", "name a file here")
        elif copy and registry.find("stores", copy.type).read is Store.read:
            self.errors.add(path, f"no value is read from {copy.label}", "name a file")
        else:
            return copy
        return None

    def _connection_of(self, kind: str, raw: Raw, path: Path) -> str | None:
        """Return the connection of an issuer, a consumer or a check, if its type works on one."""
        types, given = schema.connection_types(kind, raw["type"]), raw.get("connection")
        if not types or not isinstance(given, str):
            return None
        path = (*path, "connection")
        found = self.connection(given, path)
        if found and found not in types:
            what = f"a connection of type {found} is none that {raw['type']} works on"
            self.errors.add(path, what, f"it needs one of type {' or '.join(types)}")
        return given

    def issuer(self, raw: Any, path: Path, max_age: timedelta | None) -> PartSpec | None:
        cls = self._class("issuers", raw, path)
        if cls is None:
            return None
        before = len(self.errors)
        connection = self._connection_of("issuers", raw, path)
        options = _own("issuers", raw)
        if self.validate("issuers", raw["type"], raw, path):
            self._report(cls.validate(options, max_age), path, options)
        if len(self.errors) > before:
            return None
        return PartSpec(raw["type"], connection, options, places=self.places(raw["type"], cls, options, connection))

    def places(
        self, name: str, cls: type[Part], options: Raw, connection: str | None = None, host: str | None = None
    ) -> tuple[str, ...]:
        """Say what a part is and where, in each of the ways in which the map knows its connection."""
        own = " ".join([name, *filter(None, [cls.whereabouts(options), host and f"on {host}"])])
        if connection not in self.connections:
            return (own,)
        return tuple(f"{own} through {place}" for place in self.places_of_connection(connection))

    def places_of_connection(self, name: str) -> tuple[str, ...]:
        """Say where a connection leads, and as what the map has known that before."""
        raw = self.connections[name]
        cls = registry.find("connections", raw["type"])
        return (*self.places(raw["type"], cls, raw), *raw.get(FORMERLY, ()))

    def copy(
        self,
        raw: Raw,
        path: Path,
        scope: TemplateScope,
        identities: Collection[str] = (),
        *,
        node: str = "stores",
    ) -> Copy | None:
        """Build a copy; with ``identities``, one that lets credentials in, and has a key for each of them."""
        before = len(self.errors)
        kind = self._store(raw, path)
        if kind is None:
            return None
        keys = raw["keys"] if "keys" in raw else self._default_keys(scope, path, identities)
        for key, text in keys.items() if isinstance(keys, dict) else ():
            self.validate_template(text, (*path, "keys", key), scope.names)
        if not self.validate(node, kind, raw, path) or keys is None:
            return None
        if node == "stores" and not any("${" in text for text in keys.values()):
            what = "no key holds a field of the credential"
            self.errors.add((*path, "keys"), what, "write ${field} in one of them")
        for key in sorted({*identities} ^ keys.keys()) if identities else ():
            self.errors.add((*path, "keys", key), "the keys are the issuer's identities", f"{', '.join(identities)}")
        cls, container = registry.find("stores", kind), _own("stores", raw)
        self._report(cls.validate(container, list(keys)), path, container, keys)
        host = container["host"] if cls.on_host else None
        self._validate_host(host, (*path, "host"))
        if len(self.errors) > before:
            return None
        identity = f"{raw['store']}:{cls.identity(container)}"
        given = raw.get("ignore_shadows", ())
        ignored = None if given == "all" else tuple(given)
        return Copy(
            raw["store"],
            kind,
            container,
            keys,
            identity,
            cls.label(container),
            host,
            bool(identities),
            ignored,
            scope.derived,
        )

    def _store(self, raw: Raw, path: Path) -> str | None:
        name = self._name(raw, "store", path, self.raw_connections)
        kind = self.connection(name, (*path, "store")) if name is not None else None
        if kind and not _exists("stores", kind):
            what = f"a connection of type {kind} stores nothing"
            self.errors.add((*path, "store"), what, there_are(registry.names("stores")))
            return None
        return kind

    def _default_keys(self, scope: TemplateScope, path: Path, identities: Collection[str]) -> dict[str, str] | None:
        if scope.fields is None:
            return None
        if identities:
            return dict.fromkeys(identities, "${verifier}")
        if len(scope.fields) == 1:
            return {scope.secret: f"${{{scope.fields[0]}}}"}
        fields = ", ".join(scope.fields)
        self.errors.add(path, "missing option keys", f"the credential has several fields: {fields}")
        return None

    def check(
        self,
        raw: Any,
        path: Path,
        known: frozenset[str] | None,
        *,
        copies: Sequence[tuple[Raw, Copy | None]] = (),
        default: str | None = None,
    ) -> CheckSpec | None:
        """Build a check; what it leaves out comes from the ``copies`` of its step, or is the ``default`` connection."""
        cls = self._class("checks", raw, path)
        if cls is None:
            return None
        before = len(self.errors)
        raw, unknown = self._inherit(raw, copies, default)
        options = _own("checks", raw)
        connection = self._connection_of("checks", raw, path)
        needs_connection = schema.connection_types("checks", raw["type"]) and "connection" not in unknown
        if needs_connection and "connection" not in raw:
            self.errors.add(path, "missing option connection", "no copy of its step says which")
        for where, leaf in leaves(options):
            if isinstance(leaf, str) and "${" in leaf:
                self.validate_template(leaf, (*path, *where), known)
        if self.validate("checks", raw["type"], raw, path, unknown) and not unknown:
            self._report(cls.validate(options), path, options)
        self._validate_via(raw, path)
        host = options.get("host") if getattr(cls, "on_host", False) else None
        self._validate_host(host, (*path, "host"))
        if unknown or len(self.errors) > before:
            return None
        return CheckSpec(raw["type"], connection, options, raw.get("proves", "life"), host)

    def _inherit(
        self, raw: Raw, copies: Sequence[tuple[Raw, Copy | None]], default: str | None
    ) -> tuple[Raw, set[str]]:
        """Complete a check from a copy in the same system; tell which options an invalid copy leaves unknown."""
        types, given = schema.connection_types("checks", raw["type"]), raw.get("connection")
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

    def consumer(self, name: str, path: Path, scope: TemplateScope) -> ConsumerSpec | None:
        """Build a consumer that a secret reloads, and check that the secret has every field that its command needs."""
        if name not in self.raw_consumers:
            self.errors.add(path, "there is no such consumer", suggest(name, self.raw_consumers))
            return None
        if name not in self._consumers:
            self._consumers[name] = self._consumer(name, ("secret_consumers", name))
        consumer = self._consumers[name]
        if consumer and registry.find("consumers", consumer.type).on_host:
            path = ("secret_consumers", name, "stdin")
            try:
                task = registry.find("consumers", consumer.type).task(consumer.options)
                self.validate_template(task.get("stdin"), path, scope.names)
                self.inspected |= {name} if task.get("needs") else set()
            except NotFoundError:
                pass  # a file of its, of which the plan tells
            except ConfigurationError as error:
                self.errors.add(path, error.message)
        return consumer

    def _consumer(self, name: str, path: Path) -> ConsumerSpec | None:
        raw = Expander(self.errors).expand(self.raw_consumers[name], path)
        cls = self._class("consumers", raw, path)
        if cls is None:
            return None
        before = len(self.errors)
        if "reload" in raw and not schema.is_awaitable(raw["type"]):
            types = [one for one in registry.names("consumers") if schema.is_awaitable(one)]
            what = f"whether others have released it cannot be told of {raw['type']}"
            self.errors.add((*path, "reload"), what, f"it can of {' and '.join(types)}")
            raw = {option: value for option, value in raw.items() if option != "reload"}
        connection, host = self._connection_of("consumers", raw, path), raw.get("host")
        options = _own("consumers", raw) | {own: raw[own] for own in cls.schema.properties if own in raw}
        options |= {name: self._file(options[name]) for name in getattr(cls, "files", ()) if name in options}
        if self.validate("consumers", raw["type"], raw, path):
            self._report(cls.validate(options), path, raw)
        self._validate_host(host if cls.on_host else None, (*path, "host"))
        healthy = [
            self.check(check, (*path, "healthy", index), frozenset(), default=connection)
            for index, check in dicts(raw.get("healthy"))
        ]
        checks = tuple(check for check in healthy if check)
        for check in checks:
            if schema.asks_issuer(check.type):
                self.errors.add((*path, "healthy"), f"{check.type} looks at a secret's credential: it is for verify")
            if check.host:
                self.errors.add((*path, "healthy"), f"{check.type} is run on a host: it is for verify")
        if len(self.errors) > before:
            return None
        places = self.places(raw["type"], cls, options, connection, host)
        return ConsumerSpec(raw["type"], connection, options, name, host, checks, "reload" in raw, places=places)

    def _file(self, path: Any) -> Any:
        """Find a file where Ansible does; one that is nowhere is told by the plan of what needs it."""
        if not isinstance(path, str):
            return path
        places = [folder / name / path for folder in self.folders for name in ("files", "")]
        return str(next((place for place in places if place.is_file()), places[-1] if places else path))

    def _validate_host(self, host: Any, path: Path) -> None:
        if self.hosts is not None and isinstance(host, str) and host not in (*self.hosts, "localhost"):
            self.errors.add(path, "there is no such host in the inventory", suggest(host, self.hosts))

    def _validate_via(self, raw: Raw, path: Path) -> None:
        """Report a host through which no forward leads; what is not in the inventory, with its like."""
        via, path = raw.get(OPTION), (*path, OPTION)
        host = via.get("host") if isinstance(via, dict) else via
        if not isinstance(host, str) or self.hosts is None:
            return
        if host not in self.hosts:
            self.errors.add(path, "there is no such host in the inventory", suggest(host, self.hosts))
        elif self.via_problem and (problem := self.via_problem(host)):
            self.errors.add(path, problem, "name a host to which Ansible goes by ssh")

    def _name(self, raw: Raw, option: str, path: Path, known: Collection[str]) -> str | None:
        value = raw.get(option)
        if option not in raw:
            self.errors.add(path, f"missing option {option}", there_are(known))
        elif not isinstance(value, str):
            self.errors.add((*path, option), f"expected a string, not {describe_type(value)}", there_are(known))
        return value if isinstance(value, str) else None

    def _class(self, kind: str, raw: Any, path: Path) -> Any:
        """Find the class that ``type`` names."""
        if not isinstance(raw, dict):
            self.errors.add(path, f"expected a mapping, not {describe_type(raw)}")
            return None
        names = registry.names(kind)
        name = self._name(raw, "type", path, names)
        if name is None:
            return None
        try:
            if name in names or re.fullmatch(schema.FOREIGN, name):
                return registry.find(kind, name)
            self.errors.add((*path, "type"), f"there is no such type of {kind[:-1]}", suggest(name, names))
        except ConfigurationError as error:
            self.errors.add((*path, "type"), error.message, error.hint)
        return None

    def _report(self, texts: Iterable[str], path: Path, options: Mapping[str, Any], keys: Collection[str] = ()) -> None:
        """Report what a class says of its own options, as ``option: what`` or ``what`` alone."""
        for text in texts:
            head, colon, what = text.partition(": ")
            option, _dot, inner = head.partition(".")
            if colon and head in keys:
                self.errors.add((*path, "keys", head), what)
            elif colon and option in options:
                self.errors.add((*path, option, *filter(None, [inner])), what)
            else:
                self.errors.add(path, text)


def dicts(raw: Any) -> list[tuple[int, Raw]]:
    """List the dicts of a list with their indices; anything else is left to the schema to refuse."""
    return [(index, node) for index, node in enumerate(raw) if isinstance(node, dict)] if isinstance(raw, list) else []


def _own(kind: str, raw: Raw) -> Raw:
    return {option: value for option, value in raw.items() if option not in schema.GENERIC[kind]}


def _exists(kind: str, name: str | None) -> bool:
    try:
        registry.find(kind, name or "")
    except ConfigurationError:
        return False
    return True
