# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KV documents as a store: readable, several keys at a time, and with version 2 compared and set in one."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..._core.contracts import Evidence, Options, Schema, Store
from ..._core.credential import SecretValue
from ..._core.errors import (
    ConfigurationError,
    ConflictError,
    ForeignChangeError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RotorError,
    StoppedError,
)
from .answers import MismatchError
from .client import V1, V2, VaultConnection
from .documents import Changes, Document, Kv, KvV1, KvV2

MOUNT = "secret"
_OWNER_TAG = "rotor_ledger"
_ROUNDS = 5
"""How often a document is read and changed, where others change it meanwhile."""
_API_PARTS = ("data", "metadata", "subkeys")


class VaultSecrets(Store):
    schema = Schema(
        properties={
            "path": {
                "type": "string",
                "minLength": 1,
                "description": "The document below the mount, as vault kv takes it: without data/ of the API's paths.",
            },
            "mount": {
                "type": "string",
                "minLength": 1,
                "default": MOUNT,
                "description": "Where the KV engine is mounted.",
            },
            "version": {
                "enum": [V1, V2],
                "description": "Of the KV engine. The server is asked; where it says nothing to the token, 2 unless "
                "said.",
            },
        },
        required=("path",),
    )
    readable = True
    compares = True
    unverifiable = (
        "whether the token may write, since only its reading is tried; and for KV version 1, whether somebody else "
        "writes the same document in that very moment"
    )
    connection: VaultConnection

    @classmethod
    def label(cls, container: Options) -> str:
        return f"vault {cls.identity(container)}"

    @classmethod
    def identity(cls, container: Options) -> str:
        return "/".join(_place(container))

    @classmethod
    def validate(cls, container: Options, keys: Sequence[str]) -> list[str]:
        mount, path = _place(container)
        found = [f"{name}: {why}" for name, place in (("mount", mount), ("path", path)) if (why := _problem(place))]
        first, _slash, rest = path.removeprefix(f"{mount}/").partition("/")
        if first in _API_PARTS and rest and not container.get("version"):
            found.append(
                f"path: {first}/ looks like a part of the API's path; write {rest}, or, if a folder has that name, "
                "say the engine's version"
            )
        return found + [f"{key!a}: it has what is no text, and would be altered" for key in keys if not _is_text(key)]

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        document = self._kv(container).read()
        return self._evidence(document, document.facts(keys, self.fingerprint))

    def read(self, container: Options, key: str) -> SecretValue:
        return self.contents(container, [key])[key]

    def contents(self, container: Options, keys: Sequence[str]) -> Mapping[str, SecretValue]:
        values = self._kv(container).read().values or {}
        wanted = {key: values.get(key) for key in keys or values}
        lacking = [key for key, value in wanted.items() if not isinstance(value, str) or not value]
        if lacking or not wanted:
            what = f"text in {', '.join(lacking)}" if lacking else "keys"
            raise NotFoundError(f"{self.label(container)} has no {what}, or the token may not read it")
        return {key: SecretValue(str(value)) for key, value in wanted.items()}

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        self.refuse_unfit(container, values)
        changes = {name: value.reveal() for name, value in values.items()}
        document = self._settle(container, changes, since)
        return self._evidence(document, document.facts(changes, self.fingerprint))

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        return self._evidence(self._settle(container, dict.fromkeys(keys), None), {})

    def custom_metadata(self, container: Options) -> dict[str, str]:
        return dict(self._versioned(container).outline().custom)

    def annotate(self, container: Options, changes: Changes) -> None:
        """Change custom metadata; None removes a key."""
        self._versioned(container).annotate(changes)

    def outline(self, container: Options) -> dict[str, Any]:
        """Return the names of a document's keys, its version and custom metadata."""
        document = self._kv(container).outline()
        if document.names is None and document.exists:
            raise PermissionDeniedError(
                f"{self.label(container)}: the token may see that it is there, and not its keys",
                hint="It needs read on the subkeys, or on the data",
            )
        facts = {"version": document.version, "created_time": document.metadata.get("created_time")}
        return {
            "names": sorted(document.names or ()),
            **{name: fact for name, fact in facts.items() if fact is not None},
            "custom_metadata": dict(document.custom),
        }

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        """Compare values where they could be read, the document's version otherwise, which other keys move, too."""
        before, now = recorded["keys"], observed["keys"]
        return before.keys() == now.keys() and all(_same(before[key], now[key]) for key in before)

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        if not evidence["keys"]:
            return "absent"
        if "version" in evidence:
            return f"version {evidence['version']}"
        return ", ".join(f"{key} {facts['fingerprint']}" for key, facts in evidence["keys"].items())

    def _kv(self, container: Options) -> Kv:
        """Return the document's engine: the server's version, or the map's, or 2."""
        mount, path = _place(container)
        version, label = container.get("version"), self.label(container)
        there = self.connection.version(mount)
        if version and there and version != there:
            raise ConfigurationError(f"{label}: the mount is of KV version {there}, and not {version}")
        kind = KvV1 if (there or version) == V1 else KvV2
        return kind(self.connection, mount, path, label)

    def _versioned(self, container: Options) -> KvV2:
        kv = self._kv(container)
        if not isinstance(kv, KvV2):
            raise ConfigurationError(f"{kv.label}: KV version 1 has no custom metadata")
        return kv

    def _settle(self, container: Options, changes: Changes, since: Evidence | None) -> Document:
        """Read and change a document, again where somebody else has changed it meanwhile; return the result."""
        kv = self._kv(container)
        trouble: RotorError = MismatchError("")
        with self.connection.alone(self.identity(container)):
            for turn in range(_ROUNDS):
                if turn:
                    self.clock.sleep(random.uniform(0, 0.1 * 2**turn))  # noqa: S311 - jitter
                document = self._look(kv, trouble)
                if document.fulfils(changes):
                    return document
                self._refuse_foreign(kv.label, document, changes, since)
                try:
                    version = kv.change(document, changes)
                except (MismatchError, OutcomeUnknownError) as error:
                    trouble = error
                else:
                    written = document.changed(changes)
                    return self._tag_owner(kv, replace(document, exists=True, values=written, version=version))
        if isinstance(trouble, OutcomeUnknownError):
            raise trouble
        raise ConflictError(f"{trouble.message}, {_ROUNDS} times in a row", hint="Somebody else is at it; run again")

    def _look(self, kv: Kv, trouble: RotorError) -> Document:
        """Read a document; after a write of unknown outcome, that has to tell what became of it."""
        lost = trouble if isinstance(trouble, OutcomeUnknownError) else None
        try:
            document = kv.read()
        except StoppedError:
            raise
        except RotorError as error:
            if not lost:
                raise
            raise _unresolved(lost, f"Reading it back failed as well: {error.message}") from None
        if lost and document.values is None:
            raise _unresolved(lost, "The token may not read it, so that nobody can tell") from None
        return document

    def _refuse_foreign(self, label: str, document: Document, changes: Changes, since: Evidence | None) -> None:
        """Refuse keys that changed since; one with its new value may be of an earlier try of ours."""
        if since is None:
            return
        before = since["keys"]
        due = [key for key in {**before, **changes} if key not in changes or not document.fulfils({key: changes[key]})]
        now = document.facts(due, self.fingerprint)
        if moved := [key for key in due if not _same(before.get(key), now.get(key))]:
            raise ForeignChangeError(
                f"writing {label}: somebody else has changed {', '.join(moved)} meanwhile; nothing was overwritten"
            )

    def _tag_owner(self, kv: Kv, document: Document) -> Document:
        """Note the ledger's id in custom metadata; a missing right to do so is no failure of the write."""
        if not self.owner_tag or not isinstance(kv, KvV2) or document.custom.get(_OWNER_TAG) == self.owner_tag:
            return document
        try:
            kv.annotate({_OWNER_TAG: self.owner_tag})
        except StoppedError:
            raise
        except RotorError:
            return document
        metadata = {**document.metadata, "custom_metadata": {**document.custom, _OWNER_TAG: self.owner_tag}}
        return replace(document, metadata=metadata)

    @staticmethod
    def _evidence(document: Document, facts: Mapping[str, Any]) -> dict[str, Any]:
        version = {"version": document.version} if document.version is not None else {}
        ledger = {"ledger": document.custom[_OWNER_TAG]} if _OWNER_TAG in document.custom else {}
        return {"keys": dict(facts), **version, **ledger}


def _place(container: Options) -> tuple[str, str]:
    mount, path = container.get("mount") or MOUNT, container.get("path") or ""
    return "/".join(filter(None, mount.split("/"))), "/".join(filter(None, path.split("/")))


def _problem(place: str) -> str:
    if not place:
        return "it is empty"
    if {".", ".."} & set(place.split("/")):
        return ". and .. are no folders here"
    return "" if place.isprintable() and _is_text(place) else "it has characters that cannot be printed"


def _is_text(value: str) -> bool:
    """Return whether a text can be encoded; otherwise characters would be replaced silently."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _same(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> bool:
    if before is None or now is None:
        return before is now
    fact = "fingerprint" if "fingerprint" in before and "fingerprint" in now else "version"
    return fact in before and before[fact] == now.get(fact)


def _unresolved(lost: OutcomeUnknownError, hint: str) -> OutcomeUnknownError:
    return OutcomeUnknownError(lost.message, hint=hint, status=lost.status)
