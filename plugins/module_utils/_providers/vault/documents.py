# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A KV document: what was read of it, and how each version of the engine changes some of its keys and no others."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..._core.credential import SecretValue
from ..._core.deps import library
from ..._core.errors import (
    CrossedError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RotorError,
    StoppedError,
    UnexpectedAnswerError,
)
from ..._core.fingerprints import Fingerprints
from ..._core.http.shapes import Maybe, checked, moment
from .answers import AbsentError, MismatchError, UnsupportedError
from .client import VaultConnection

_VERSION = {
    "version": Maybe(int),
    "custom_metadata": Maybe(dict),
    "created_time": Maybe(str),
    "deletion_time": Maybe(lambda found: found == "" or moment(found)),
}
Changes = Mapping[str, "str | None"]
"""What each key shall hold; None: it shall be gone."""
_SECOND = timedelta(seconds=1)
"""By how much the server's ``Date`` is rounded down."""


@dataclass(frozen=True)
class Document:
    """A document, as far as the token may read it."""

    exists: bool
    values: Mapping[str, Any] | None = field(default=None, repr=False)
    """None where they may not be read."""
    names: Collection[str] | None = None
    version: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def custom(self) -> Mapping[str, str]:
        return self.metadata.get("custom_metadata") or {}

    def fulfils(self, changes: Changes) -> bool:
        """Return whether the document holds these values, as far as that is known."""
        if self.values is None and any(value is not None for value in changes.values()):
            return False
        names = self._names(changes)
        return all(
            key not in names if value is None else (self.values or {}).get(key) == value
            for key, value in changes.items()
        )

    def changed(self, changes: Changes) -> dict[str, Any]:
        return _merged(self.values or {}, changes)

    def facts(self, keys: Collection[str], fingerprint: Fingerprints) -> dict[str, dict[str, Any]]:
        """Return evidence for each key that is or may be in the document."""
        common = {} if self.version is None else {"version": self.version}
        return {key: {**common, **self._fingerprint(key, fingerprint)} for key in keys if key in self._names(keys)}

    def _names(self, asked: Collection[str]) -> Collection[str]:
        if self.values is not None:
            return self.values
        return asked if self.names is None else self.names

    def _fingerprint(self, key: str, fingerprint: Fingerprints) -> dict[str, str]:
        return {} if self.values is None else {"fingerprint": fingerprint(_stand_in(self.values[key]))}


ABSENT = Document(exists=False, values={})


def _merged(values: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    return {key: value for key, value in {**values, **changes}.items() if key not in changes or value is not None}


def _stand_in(value: Any) -> SecretValue:
    """Return a value to fingerprint, in which a number is not the text that looks like it."""
    return SecretValue(value if isinstance(value, str) and value else f"\0{json.dumps(value, sort_keys=True)}")


class Kv(ABC):
    """One document in an engine of one version."""

    def __init__(self, connection: VaultConnection, mount: str, path: str, label: str) -> None:
        self.label = label
        self._connection = connection
        self._at = {"mount_point": mount, "path": path}

    @abstractmethod
    def read(self) -> Document: ...

    @abstractmethod
    def outline(self) -> Document:
        """Read the document without its values, where the engine can."""

    @abstractmethod
    def change(self, document: Document, changes: Changes) -> int | None:
        """Change ``document`` if it still is as it was read, and return its new version.

        MismatchError if it is not; OutcomeUnknownError if nobody can tell what became of it.
        """

    def _doing(self, what: str) -> str:
        return f"{what} {self.label}"


class KvV1(Kv):
    """A KV version 1 document: written whole, without versions or check-and-set."""

    def read(self) -> Document:
        try:
            body = self._api("reading").read_secret(**self._at)
        except AbsentError:
            return ABSENT
        values = _values(body.get("data"), self._doing("reading"))
        return Document(exists=True, values=values, names=tuple(values))

    def outline(self) -> Document:
        return self.read()

    def change(self, document: Document, changes: Changes) -> None:
        api = self._api("writing")
        if merged := document.changed(changes):
            api.create_or_update_secret(secret=merged, method="PUT", **self._at)
        else:
            api.delete_secret(**self._at)  # the engine takes no document without keys
        if not self._is_seen(changes):
            raise CrossedError(f"writing {self.label}: it was taken, and does not show what was written")

    def _is_seen(self, changes: Changes) -> bool:
        """Read a document back after a write, whose answer says nothing."""
        try:
            return self.read().fulfils(changes)
        except StoppedError:
            raise
        except RotorError as error:
            raise OutcomeUnknownError(f"writing {self.label}: it was taken, and then {error.message}") from None

    def _api(self, what: str) -> Any:
        return self._connection.api(library("hvac.api.secrets_engines").KvV1, self._doing(what))


class KvV2(Kv):
    def read(self) -> Document:
        try:
            body = self._api("reading").read_secret_version(raise_on_deleted_version=True, **self._at)
        except AbsentError as absent:
            return self._gone(absent.metadata)
        except PermissionDeniedError as denied:
            return self._read_around(denied)
        data = _mapping(body.get("data"), self._doing("reading"))
        values = _values(data.get("data"), self._doing("reading"))
        return self._there(data.get("metadata"), values=values, names=tuple(values))

    def outline(self) -> Document:
        try:
            return self._subkeys()
        except (PermissionDeniedError, NotFoundError):
            return self.read()

    def change(self, document: Document, changes: Changes) -> int:
        """Change keys by a merge patch, which leaves other keys alone; or write back all that was read."""
        if document.exists:
            try:
                return self._merge(changes, document.version)
            except AbsentError:
                raise MismatchError(f"writing {self.label}: it was deleted meanwhile") from None
            except (PermissionDeniedError, UnsupportedError) as refused:
                if document.values is None:
                    raise self._cannot_merge(refused.message) from None
        return self._replace(document.changed(changes), document.version or 0)

    def annotate(self, changes: Changes) -> None:
        """Change custom metadata; its other keys stay, and so do all other settings."""
        adapter, url = self._connection.adapter(self._doing("annotating")), self._url("metadata")
        try:
            adapter.patch(url, {"custom_metadata": changes})
        except (PermissionDeniedError, UnsupportedError, AbsentError):
            merged = _merged(self._custom(), changes)
            adapter.post(url, {"custom_metadata": merged})  # hvac's own call would reset delete_version_after

    def _custom(self) -> Mapping[str, str]:
        try:
            body = self._api("looking at").read_secret_metadata(**self._at)
        except AbsentError:
            return {}
        doing = self._doing("looking at")
        return checked(body.get("data"), {"custom_metadata": Maybe(dict)}, doing).get("custom_metadata") or {}

    def _merge(self, changes: Changes, version: int | None) -> int:
        doing, body = self._doing("writing"), {"data": changes, "options": {"cas": version}}
        return _version(self._connection.adapter(doing).patch(self._url("data"), body), doing)

    def _replace(self, values: Mapping[str, Any], version: int) -> int:
        body = self._api("writing").create_or_update_secret(secret=values, cas=version, **self._at)
        return _version(body, self._doing("writing"))

    def _cannot_merge(self, message: str) -> PermissionDeniedError:
        mount, path = self._at["mount_point"], self._at["path"]
        return PermissionDeniedError(
            f"{message}: the keys beside cannot be kept",
            hint=f"The token needs patch on {mount}/data/{path}, and read on {mount}/metadata/{path}; "
            f"or read, create and update on {mount}/data/{path}",
            status=403,
        )

    def _read_around(self, denied: PermissionDeniedError) -> Document:
        """Read subkeys or metadata, where the token may not read the values."""
        try:
            return self._subkeys()
        except (PermissionDeniedError, NotFoundError):
            pass
        try:
            body = self._api("looking at").read_secret_metadata(**self._at)
        except AbsentError:
            return self._gone({})
        except PermissionDeniedError:
            mount, path = self._at["mount_point"], self._at["path"]
            denied.hint += f"; or, to write without reading the values, patch there and read on {mount}/metadata/{path}"
            raise denied from None
        metadata = _mapping(body.get("data"), self._doing("looking at"))
        version = metadata.get("current_version")
        shape = {"versions": dict, "current_version": Maybe(int), "custom_metadata": Maybe(dict)}
        checked(metadata, shape, f"{self._doing('looking at')}: the answer is")
        newest = _checked_version(metadata["versions"].get(str(version)) or {}, self._doing("looking at"))
        facts = {**newest, "version": version, "custom_metadata": metadata.get("custom_metadata")}
        return self._there(facts) if version and self._is_alive(newest) else self._gone(facts)

    def _is_alive(self, newest: Mapping[str, Any]) -> bool:
        """Compare a date of deletion, which may lie ahead, with the server's time."""
        ends, connection = newest.get("deletion_time"), self._connection
        now = (connection.server_time() or connection.clock.now()) + _SECOND
        return not newest.get("destroyed") and (not ends or datetime.fromisoformat(ends) > now)

    def _subkeys(self) -> Document:
        doing = self._doing("listing the keys of")
        try:
            body = self._connection.adapter(doing).get(self._url("subkeys"), {"depth": 1}, optional=True)
        except AbsentError as absent:
            return self._gone(absent.metadata)
        data = _mapping(body.get("data"), doing)
        return self._there(data.get("metadata"), names=_mapping(data.get("subkeys"), doing))

    def _there(self, metadata: Any, **more: Any) -> Document:
        doing = self._doing("reading")
        metadata = _checked_version(metadata, doing)
        return Document(exists=True, version=_version({"data": metadata}, doing), metadata=metadata, **more)

    def _gone(self, metadata: Mapping[str, Any]) -> Document:
        """Return an absent document; the next version follows a deleted one."""
        metadata = _checked_version(metadata, self._doing("reading"))
        return Document(exists=False, values={}, version=metadata.get("version") or 0, metadata=metadata)

    def _url(self, what: str) -> str:
        mount, path = self._at["mount_point"], self._at["path"]
        return str(library("hvac.utils").format_url("/v1/{mount}/{what}/{path}", mount=mount, what=what, path=path))

    def _api(self, what: str) -> Any:
        return self._connection.api(library("hvac.api.secrets_engines").KvV2, self._doing(what))


def _mapping(found: Any, doing: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise UnexpectedAnswerError(f"{doing}: the answer is not one of Vault's")
    return found


def _checked_version(metadata: Any, doing: str) -> Mapping[str, Any]:
    """Check the metadata of one version."""
    checked(metadata, _VERSION, f"{doing}: the answer is")
    return dict(metadata)


def _values(found: Any, doing: str) -> Mapping[str, Any]:
    return {} if found is None else _mapping(found, doing)


def _version(body: Mapping[str, Any], doing: str) -> int:
    version = _mapping(body.get("data"), doing).get("version")
    if not isinstance(version, int):
        raise UnexpectedAnswerError(f"{doing}: the answer has no version")
    return version
