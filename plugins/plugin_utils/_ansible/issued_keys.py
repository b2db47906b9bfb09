# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of any issuer that creates, lists and revokes them, as ``api_key`` and ``api_key_info`` manage them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...module_utils._core import issued, references, registry
from ...module_utils._core.contracts import Issuer, Maker, Revocation
from ...module_utils._core.credential import Credential
from ...module_utils._core.deps import library
from ...module_utils._core.errors import ConfigurationError, OutcomeUnknownError
from ...module_utils._core.module_runner import Resource, State, unverified
from ...module_utils._core.outside_text import identifier
from .._engine.secret_map import schema
from .._engine.secret_map.errors import schema_errors

ACCESS: dict[str, dict[str, Any]] = {
    "issuer": {"type": "str", "required": True},
    "options": {"type": "dict", "default": {}},
    "token": {"type": "str", "required": True, "no_log": True},
    "url": {"type": "str"},
    "account": {"type": "dict", "default": {}},
    "ca_cert": {"type": "path"},
}
KEY: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "id": {"type": "str"},
    "dest": {"type": "path"},
    "return_value": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def open_issuer(params: Mapping[str, Any]) -> Issuer:
    """Open the issuer that the options name, on a connection of its provider."""
    kind: type[Issuer] = registry.find("issuers", params["issuer"])
    lone = kind.traits.value is Maker.PROVIDER and kind.traits.revoke is Revocation.API and "token" in kind.fields
    if not lone:
        raise ConfigurationError(
            f"issuer: {params['issuer']} does not make keys that are listed and revoked one by one",
            hint="Let the role rotate its secrets",
        )
    types = schema.connection_types("issuers", params["issuer"])
    connection = registry.find("connections", types[0]) if len(types) == 1 else None
    tokens = [path for path in connection.references if "." not in path] if connection else []
    if connection is None or len(tokens) != 1:
        raise ConfigurationError(f"issuer: {params['issuer']} does not work on one connection with one token")
    name, reference = types[0], tokens[0]
    account = {**params["account"], reference: params["token"]}
    account |= {option: params[option] for option in ("url", "ca_cert") if params[option]}
    _check("account", schema.connection(name), {"type": name, **account})
    given = {"type": params["issuer"], "connection": name, **params["options"]}
    _check("options", schema.issuer(params["issuer"]), given)
    if problems := kind.validate(params["options"], None):
        raise ConfigurationError(f"options: {'; '.join(problems)}")
    if "token" not in kind.fields_of(params["options"]):
        raise ConfigurationError("options: a key of several parts has no one value", hint="Let the role rotate it")
    opened = references.connect(connection, account, lambda _path: "token")
    return kind(params["options"], opened, clock=opened.clock)


def _check(what: str, node: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Validate as the map is; no value is quoted."""
    findings = schema_errors(library("jsonschema").Draft202012Validator(node).iter_errors(given))
    problems = [f"{'.'.join([what, *map(str, path)])}: {problem}" for path, problem, _suggestion in findings]
    if problems:
        hint = "; ".join(filter(None, (suggestion for _path, _problem, suggestion in findings)))
        raise ConfigurationError("; ".join(problems), hint=hint)


class Keys(Resource):
    """All keys in an issuer's scope."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self._issuer = open_issuer(params)
        self.note = unverified(type(self._issuer))

    def read(self) -> State:
        return {"keys": [issued.shown(key) for key in self._issuer.listed()]}


class Key(Keys):
    """One key, known by its name, or by its id where several have that name."""

    _minted: Credential | None = None

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self._id = issued.wanted_id(params)
        self._name = self._issuer.spell(params["name"])
        if params["state"] == "present" and not (params["dest"] or params["return_value"]):
            raise ConfigurationError(
                "dest: a new key is shown once, and has nowhere to go", hint="Name a file, or set return_value"
            )

    def read(self) -> State:
        """Only those that still work."""
        names = {self._name, self.params["name"]} if self._id else {self._name}
        listed = self._issuer.listed()
        now = self._issuer.connection.server_time() or self._issuer.clock.now()
        return {"keys": [issued.shown(key) for key in issued.meant(listed, names, self._id, now)]}

    def wanted(self, before: State) -> State:
        ids = ", ".join(identifier(key["id"]) for key in before["keys"])
        if self.params["state"] == "present":
            if self.params["dest"]:
                _demand_place(self.params["dest"], self._name, ids)
            return before if ids else {"keys": [issued.made(Credential(None, self._name, {}))]}
        if len(before["keys"]) > 1:
            raise ConfigurationError(
                f"{len(before['keys'])} keys have the name {self.params['name']}",
                hint=f"Say which one by its id: {ids}",
            )
        return {"keys": []}

    def apply(self, before: State) -> State:
        if self.params["state"] == "absent":
            key = before["keys"][0]
            self._issuer.revoke(Credential(key["id"], key["name"], {}))
            return {"keys": []}
        dest = self.params["dest"]
        file = _KeyFile(dest) if dest else None  # what cannot be kept had better not be made
        try:
            self._minted = self._mint()
            if file:
                self._keep(file, self._minted)
        finally:
            if file:
                file.discard()
        return {"keys": [issued.made(self._minted)]}

    def result(self, state: State) -> Mapping[str, Any]:
        """The value leaves here only where the task has asked for that."""
        if self._minted is None or not self.params["return_value"]:
            return state
        return {**state, "value": self._minted.fields["token"]}

    def _mint(self) -> Credential:
        try:
            return self._issuer.mint(self._name)
        except OutcomeUnknownError as error:
            error.hint = (
                f"A key that was made is lost: look for {self._name} with api_key_info, and revoke it by its id "
                "before you run again"
            )
            raise

    def _keep(self, file: _KeyFile, made: Credential) -> None:
        try:
            file.keep(made.fields["token"].reveal())
        except OSError as error:
            raise OutcomeUnknownError(
                f"{self.params['dest']} cannot be written ({error.strerror}), and the key {made.name} was made",
                hint=f"Revoke it: state absent, id {identifier(str(made.id))}",
            ) from None


class _KeyFile:
    """A file that only its owner may read, begun before there is a key to put into it."""

    def __init__(self, dest: str) -> None:
        self._dest = Path(dest)
        try:
            self._handle, begun = tempfile.mkstemp(dir=self._dest.parent, prefix=f".{self._dest.name}.")
            self._begun = Path(begun)
        except OSError as error:
            raise ConfigurationError(f"dest: cannot write into {self._dest.parent}: {error.strerror}") from None

    def keep(self, value: str) -> None:
        with open(self._handle, "w", encoding="utf-8", closefd=False) as file:
            file.write(value)
            file.flush()
            os.fsync(self._handle)
        self._begun.replace(self._dest)

    def discard(self) -> None:
        os.close(self._handle)
        with suppress(OSError):
            self._begun.unlink()


def _demand_place(dest: str, name: str, ids: str) -> None:
    """Refuse a dest that cannot take a new key; where the keys with these ids have the name, one that has none."""
    file, parent = Path(dest), Path(dest).parent
    if dest.endswith(os.sep) or (file.exists() and not file.is_file()):
        raise ConfigurationError(f"dest: {dest} is no file", hint="Name a file in it, or another place")
    if ids and not (file.exists() and file.stat().st_size):
        raise ConfigurationError(
            f"there is a key {name}, and {dest} does not have it: it is for another place, or its answer was lost",
            hint=f"If nobody has it, revoke it by its id, {ids}, and run again",
        )
    if not ids and not os.access(parent, os.W_OK | os.X_OK):
        why = "it may not be written to" if parent.is_dir() else "there is no such directory"
        raise ConfigurationError(f"dest: cannot write into {parent}: {why}")
