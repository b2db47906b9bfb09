# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking into folders. A secret that one may not see is never taken for absent, nor a folder for another one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


class Looks:
    """Into one folder, without its subfolders and imports, and with references as they stand."""

    def __init__(self, connection: InfisicalConnection, container: Options, label: str) -> None:
        self._connection = connection
        self._container = container
        self._label = label
        self._doing = f"reading {label}"

    def at(self, keys: Iterable[str], *, view: bool = True) -> dict[str, Mapping[str, Any]]:
        """Everything, and of these keys also what the list may have left out for want of a right."""
        found = dict(self.everything(view=view))
        for key in keys:
            if key not in found and (one := self._one(key)):
                found[key] = one
        return found

    def everything(self, *, view: bool = True) -> Found:
        """``view``: with the values, where the identity may read them; older servers refuse the whole otherwise."""
        try:
            return self._all(place(self._container), view=view)
        except PermissionDeniedError:
            if not view:
                raise
            return self._all(place(self._container), view=False)
        except NotFoundError as missing:
            raise self._named(missing) from None

    def _all(self, where: Mapping[str, str], *, view: bool) -> Found:
        query = {**where, "recursive": "false", **_as_it_stands(view=view)}
        body = self._connection.ask("GET", _LIST, self._doing, self._label, params=query)
        return secrets_of(body, self._doing)

    def _one(self, key: str) -> Mapping[str, Any] | None:
        """The list is without those that the identity may not describe; asked for by name, they are refused."""
        doing, where = f"looking for {key} of {self._label}", f"{self._label}, {key} among them"
        query = {**place(self._container), **_as_it_stands(view=False)}
        try:
            body = self._connection.ask("GET", f"{_LIST}/{quote(key, safe='')}", doing, where, params=query)
        except NotFoundError as absent:
            if absent.code == FOREIGN:
                raise
            return None
        return secrets_of({"secrets": [body.get("secret")]}, doing).get(key)

    def _named(self, missing: NotFoundError) -> NotFoundError:
        """The words for a missing folder and a missing environment are the same; but an environment has a root."""
        where = self._container
        if missing.code == FOREIGN:
            return missing
        if missing.code == PROJECT:
            hint = f"There is no project {where['project']} that this identity could see"
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
    """Those that are everybody's: a person's token would show that person's own as well."""
    found = checked(body, {"secrets": [_SECRET]}, f"{doing}: the answer is")["secrets"]
    return {one["secretKey"]: one for one in found if one.get("type", "shared") == "shared"}


def value_of(secret: Mapping[str, Any]) -> SecretValue | None:
    """None: it is hidden, or empty."""
    shown = secret.get("secretValue")
    return SecretValue(shown) if shown and not secret.get("secretValueHidden") else None


def _as_it_stands(*, view: bool) -> dict[str, str]:
    """Ask for what is in the folder itself: v4 includes what it imports from others, unless it is told not to."""
    return {"viewSecretValue": str(view).lower(), "expandSecretReferences": "false", "includeImports": "false"}
