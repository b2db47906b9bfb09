# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS's resources as the thin modules manage them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..._core.contracts import Evidence, Options, Schema
from ..._core.errors import ConfigurationError
from ..._core.module_runner import Resource, State
from ..._core.schema_check import refuse_misfits
from ..._core.stored import StoredSecrets, as_text
from .access import connect
from .client import SecretsManagerConnection, SsmConnection
from .documents import JsonObject, NotAnObjectError
from .parameters import Reader
from .secretsmanager import TEXT, SecretsManagerSecrets
from .settings import Settings
from .ssm import SsmParameters
from .versions import VersionedSecret, summaries

_RECOVERY_DAYS = range(7, 31)
_SHOWN = ("name", "version", "modified_at", "type", "tier", "key_id", "description")


class Parameters(StoredSecrets):
    """Named parameters, with their values and whatever else the options say of them."""

    store: SsmParameters

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params, SsmParameters, _container(params, SsmParameters.schema))
        connection = connect(SsmConnection, params)
        self.store = SsmParameters(connection, clock=connection.clock)

    def read(self) -> State:
        if self.present:
            return super().read()
        found = self.store.look(self.container, self.names)
        self.store.refuse_lists(self.container, found)
        self._seen = self.store.evidence(self.container, found)
        return {"secrets": self._seen["keys"]}

    def _kept(self, name: str, facts: Evidence) -> Evidence:
        kept = super()._kept(name, facts)
        return facts if kept is facts else Settings.of(self.container).asked(kept)


class ListedParameters(Resource):
    """All parameters below a path, or all there are."""

    def read(self) -> State:
        path = self.params["path"]
        refuse_misfits(SsmParameters.schema, {"path": path})
        reader = Reader(connect(SsmConnection, self.params), f"ssm parameters{f' {path}' if path else ''}")
        found = sorted(reader.listed(path, recursive=self.params["recursive"]), key=lambda parameter: parameter.name)
        return {"secrets": [{name: asdict(parameter)[name] for name in _SHOWN} for parameter in found]}


class Secrets(StoredSecrets):
    """Keys of one secret, or a secret that is one value."""

    store: SecretsManagerSecrets

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._whole = params["format"] == TEXT
        if self._whole:
            if any(params[name] is not None for name in ("name", "secrets")):
                raise ConfigurationError("with format: text, the secret is one value, and has no names in it")
            params = {**params, "name": params["secret"]}
        if params["recovery_window_days"] not in _RECOVERY_DAYS:
            raise ConfigurationError("recovery_window_days: AWS takes from 7 to 30")
        super().__init__(params, SecretsManagerSecrets, _container(params, SecretsManagerSecrets.schema))
        connection = connect(SecretsManagerConnection, params)
        self.store = SecretsManagerSecrets(connection, clock=connection.clock)

    def read(self) -> State:
        if self.present:
            return super().read()
        if not self.store.is_there(self.container):
            return {"secrets": {}}
        return {"secrets": {name: {} for name in self.names}} if self._whole else super().read()

    def apply(self, before: State) -> State:
        if self.present or not self._whole:
            return super().apply(before)
        self.store.schedule_deletion(self.container, self.params["recovery_window_days"])
        return {"secrets": {}}

    def result(self, state: State) -> Mapping[str, Any]:
        return {**super().result(state), "version": self._seen.get("version")}


class ListedSecrets(Resource):
    """All secrets of the region; or one, with the names of its keys."""

    def read(self) -> State:
        name = self.params["secret"]
        refuse_misfits(SecretsManagerSecrets.schema, {"secret": name})
        connection = connect(SecretsManagerConnection, self.params)
        if name is None:
            return {"secrets": summaries(connection)}
        secret = VersionedSecret(connection, name, SecretsManagerSecrets.label({"secret": name}))
        described = secret.describe()
        keys = [] if described.is_deleted else _names(secret.read(described).text)
        return {"secrets": [{**described.summary, "keys": keys}]}


def _container(params: Mapping[str, Any], schema: Schema) -> Options:
    given = {name: params[name] for name in schema.properties if params[name] is not None}
    tags = given.get("tags")
    return {**given, "tags": {name: as_text(tag) for name, tag in tags.items()}} if tags else given


def _names(text: str | None) -> list[str]:
    try:
        return list(JsonObject(text).keys)
    except NotAnObjectError:
        return []
