# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading secrets of folders. A secret that one may not see is never taken for absent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from ..._core.contracts import Options
from ..._core.credential import SecretValue
from ..._core.errors import NotFoundError, PermissionDeniedError
from ..._core.http.shapes import Maybe, checked, moment
from .client import InfisicalConnection
from .refusals import FOREIGN, PROJECT

_LIST = "/v4/secrets"
_SECRET = {
    "id": str,
    "secretKey": str,
    "version": int,
    "updatedAt": moment,
    "type": Maybe(str),
    "secretValue": Maybe(str),
    "secretValueHidden": Maybe(bool),
}
Found = Mapping[str, Mapping[str, Any]]
"""Secrets by their names, as Infisical shows them."""


_FEW = 3
"""So many secrets are read by their names; for more, the folder is listed."""
_LONGEST = 100
"""Characters of a name that Infisical's web framework takes in an address."""


class Looks:
    """Reads secrets of one folder, without its subfolders and imports, and with references as they stand."""

    def __init__(self, connection: InfisicalConnection, container: Options, label: str) -> None:
        self._connection = connection
        self._container = container
        self._label = label
        self._doing = f"reading {label}"

    def at(self, keys: Collection[str], *, view: bool = True) -> dict[str, Mapping[str, Any]]:
        """Read the secrets of these names that exist. ``view``: with their values, where the identity may read them."""
        if len(keys) > _FEW or any(len(key) > _LONGEST for key in keys):
            return self._among_all(keys, view=view)
        found = {key: secret for key in keys if (secret := self._one(key, view=view))}
        if len(found) < len(keys) or not keys:
            self.everything()  # a key is absent only from a folder that is there
        return found

    def everything(self) -> Found:
        """List the folder's secrets without their values."""
        try:
            return self._all(place(self._container), view=False)
        except NotFoundError as missing:
            raise self._named(missing) from None

    def _among_all(self, keys: Collection[str], *, view: bool) -> dict[str, Mapping[str, Any]]:
        """List the folder, and read by name what the list is without, or without the value, for want of a right."""
        try:
            found = dict(self._all(place(self._container), view=True) if view else self.everything())
            unclear = [key for key in keys if key not in found]
        except PermissionDeniedError:
            if not view:
                raise
            found, unclear = dict(self.everything()), list(keys)
        except NotFoundError as missing:
            raise self._named(missing) from None
        for key in unclear:
            if len(key) <= _LONGEST and (secret := self._one(key, view=view)):
                found[key] = secret
        return {key: found[key] for key in keys if key in found}

    def _all(self, where: Mapping[str, str], *, view: bool) -> Found:
        query = {**where, "recursive": "false", **_as_it_stands(view=view)}
        body = self._connection.ask("GET", _LIST, self._doing, self._label, params=query)
        return secrets_of(body, self._doing)

    def _one(self, key: str, *, view: bool) -> Mapping[str, Any] | None:
        """Read one secret by its name, without its value where that is denied; None if there is none."""
        doing, where = f"looking for {key} of {self._label}", f"{self._label}, {key} among them"
        query = {**place(self._container), **_as_it_stands(view=view)}
        try:
            body = self._connection.ask("GET", f"{_LIST}/{quote(key, safe='')}", doing, where, params=query)
        except NotFoundError as absent:
            if absent.code == FOREIGN:
                raise
            return None
        except PermissionDeniedError:
            if not view:
                raise
            return self._one(key, view=False)
        return secrets_of({"secrets": [body.get("secret")]}, doing).get(key)

    def _named(self, missing: NotFoundError) -> NotFoundError:
        """Say whether project, environment or folder is missing; an environment that exists has a root."""
        where = self._container
        if missing.code == FOREIGN:
            return missing
        if missing.code == PROJECT:
            hint = f"There is no project with the id {where['project']} that this identity could see; a slug is no id"
        elif self._has_root():
            hint = f"Environment {where['environment']} has no folder {folder(where)}: make it first"
        else:
            hint = f"The project has no environment with the slug {where['environment']}"
        missing.hint = hint
        return missing

    def _has_root(self) -> bool:
        if folder(self._container) == "/":
            return False
        try:
            self._all({**place(self._container), "secretPath": "/"}, view=False)
        except NotFoundError:
            return False
        except PermissionDeniedError:
            return True
        return True


def folder(container: Options) -> str:
    return "/" + "/".join(filter(None, (container.get("path") or "/").split("/")))


def place(container: Options) -> dict[str, str]:
    return {
        "projectId": container["project"],
        "environment": container["environment"],
        "secretPath": folder(container),
    }


def secrets_of(body: Mapping[str, Any], doing: str) -> Found:
    """Return the shared secrets of an answer; a person's token would show personal ones, too."""
    found = checked(body, {"secrets": [_SECRET]}, f"{doing}: the answer is")["secrets"]
    return {one["secretKey"]: one for one in found if one.get("type", "shared") == "shared"}


def value_of(secret: Mapping[str, Any]) -> SecretValue | None:
    """Return a secret's value; None if it is hidden or empty."""
    shown = secret.get("secretValue")
    return SecretValue(shown) if shown and not secret.get("secretValueHidden") else None


def _as_it_stands(*, view: bool) -> dict[str, str]:
    """Return the query for what is in the folder itself: v4 includes imported folders by default."""
    return {"viewSecretValue": str(view).lower(), "expandSecretReferences": "false", "includeImports": "false"}
