# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The map's parts brought to life: connections are opened once for each run, and only those in use."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ....module_utils._core import references, registry
from ....module_utils._core.clock import Clock
from ....module_utils._core.contracts import Check, Connection, Consumer, Issuer, Store
from ....module_utils._core.credential import SecretValue
from ....module_utils._core.errors import ConfigurationError, MissingCredentialError, NotFoundError
from ....module_utils._core.forwards import OPTION, Forwards
from ....module_utils._core.hosts import Host, HostConnection
from ..decide.clocks import Reading
from ..ledger.writer import Ledger
from ..secret_map import model


class Systems:
    """Build stores, issuers, consumers and checks for a map; every thread of a run shares it."""

    def __init__(
        self,
        connections: Mapping[str, model.Options],
        clock: Clock,
        run: str,
        ledger: Ledger | None,
        forwards: Forwards | None = None,
    ) -> None:
        """Without a ``ledger``, values are read and nothing is rotated."""
        self._settings = connections
        self._clock = clock
        self._run = run
        self._ledger = ledger
        self._forwards = forwards or Forwards()
        self.host: Host | None = None
        """The one that Ansible is at work on, if it is."""
        self._lock = threading.RLock()
        self._connections: dict[str, Connection] = {}
        self._stores: dict[str, Store] = {}
        self._issuers: dict[str, Issuer] = {}
        self._credentials: dict[str, list[SecretValue]] = {}

    def connection(self, name: str) -> Connection:
        with self._lock:
            if name not in self._connections:
                self._connections[name] = self._open(name, *self._resolve(name))
            return self._connections[name]

    def own_values(self, name: str) -> list[SecretValue]:
        """Return the credentials that a connection itself uses."""
        self.connection(name)
        return self._credentials[name]

    def reopen(self, name: str) -> set[SecretValue]:
        """Read a connection's references anew, open it with what they lead to now, and return that."""
        with self._lock:
            options, values = self._resolve(name)
            if name not in self._connections or values != self._credentials[name]:
                self._connections[name] = self._open(name, options, values)
                self._stores.pop(name, None)
                self._issuers.clear()
            return set(values)

    def ends(self) -> dict[str, datetime]:
        """Return when the credential of each opened connection expires, as far as its system has said so."""
        with self._lock:
            ends = {name: connection.expires_at() for name, connection in sorted(self._connections.items())}
        return {name: end for name, end in ends.items() if end}

    def store(self, copy: model.Copy) -> Store:
        return self._store(copy.store)

    def _store(self, name: str) -> Store:
        with self._lock:
            if name not in self._stores:
                kind, connection = registry.find("stores", self._settings[name]["type"]), self.connection(name)
                ledger = self._ledger
                more = {"fingerprint": ledger.fingerprints, "owner_tag": ledger.id} if ledger else {}
                self._stores[name] = kind(connection, clock=self._clock, **more)
            return self._stores[name]

    def _read_place(self, place: references.Place) -> SecretValue:
        container = {option: value for option, value in place.items() if option not in ("store", "key")}
        try:
            return self._store(place["store"]).read(container, place["key"])
        except NotFoundError as missing:
            raise MissingCredentialError(missing.message, hint=missing.hint) from None

    def issuer(self, secret: model.Secret) -> Issuer:
        with self._lock:
            if secret.name not in self._issuers:
                issuer: Issuer = self._part("issuers", secret.issuer)
                if issuer.traits.alternating and self._ledger:
                    rows = self._ledger.state(secret.name).credentials
                    issuer.known = [row.provider_id for row in rows if row.provider_id and row.alive]
                self._issuers[secret.name] = issuer
            return self._issuers[secret.name]

    def consumer(self, part: model.ConsumerSpec) -> Consumer:
        consumer: Consumer = self._part("consumers", part)
        return consumer

    def check(self, part: model.PartSpec, secret: model.Secret | None = None) -> Check:
        check: Check = self._part("checks", part)
        check.issuer = self.issuer(secret) if secret and check.asks_issuer else None
        check.host, check.of_run = self.host, self._run
        return check

    def issuer_time(self, secret: model.Secret) -> datetime | None:
        """Return the issuer's time, after one question where it has not answered yet; None where it tells none."""
        connection: Connection | None = self.issuer(secret).connection
        if connection and connection.server_time() is None:
            connection.probe()
        return connection.server_time() if connection else None

    def readings(self, secret: model.Secret, ends: Sequence[datetime | None]) -> list[Reading]:
        """Read the clocks beside ours: the issuer's and the ledger database's, with the end of a grace by each."""
        times = (self.issuer_time(secret), self._ledger.database_time() if self._ledger else None)
        whose = (f"connection {secret.issuer.connection}", "the ledger's database")
        return [Reading(who, time, end) for who, time, end in zip(whose, times, ends, strict=True) if time]

    def _part(self, kind: str, part: model.PartSpec) -> Any:
        connection = self.connection(part.connection) if part.connection else None
        return registry.find(kind, part.type)(self._on_its_way(part.options), connection, clock=self._clock)

    def _on_its_way(self, options: model.Options) -> model.Options:
        """Return options with the way through its host in place of the host's name."""
        return {**options, OPTION: self._forwards.way(options[OPTION])} if OPTION in options else options

    def _resolve(self, name: str) -> tuple[model.Options, list[SecretValue]]:
        settings = self._on_its_way({o: value for o, value in self._settings[name].items() if o != "type"})
        kind = registry.find("connections", self._settings[name]["type"])
        named = f"secret_connections.{name}.{{}}".format
        return references.resolve_all(settings, kind, named, self._read_place)

    def _open(self, name: str, options: model.Options, values: list[SecretValue]) -> Connection:
        kind = registry.find("connections", self._settings[name]["type"])
        opened: Connection = kind(options, clock=self._clock, run=self._run)
        if OPTION in options and not options[OPTION].taken:
            raise ConfigurationError(
                f"a connection of type {self._settings[name]['type']} does not go through a host",
                hint=f"Leave out secret_connections.{name}.{OPTION}",
            )
        self._credentials[name] = values
        if isinstance(opened, HostConnection):
            opened.host = self.host
        return opened
