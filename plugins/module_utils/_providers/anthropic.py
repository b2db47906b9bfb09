# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anthropic: API keys. A person makes one; the Admin API lists them, and sets one inactive before it is archived.

Source: anthropic-sdk-python, from which the description of the Admin API is taken. A key is found by the beginning and
the end of it that the list shows. Not verified: how long a key that was set inactive is still accepted.

More than a description: a person's key is found by its hint, and is disabled before it is archived.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from .._core.contracts import Handwork, Maker, Options, Overlap, Provider, Recover, Revocation, Schema, Traits
from .._core.credential import Credential, SecretValue
from .._core.errors import ConflictError, NotFoundError
from .._core.http.key_api import ApiConnection, Call, Facts, KeyApi, Listing, Verify
from .._core.http.key_issuers import KeyIssuer, times_at

_KEYS = "/v1/organizations/api_keys"
_VERSION = {"anthropic-version": "2023-06-01"}


class AnthropicConnection(ApiConnection):
    system = "Anthropic"
    base_url = "https://api.anthropic.com"
    whoami = Call("GET", _KEYS, params={"limit": 1})

    @classmethod
    def headers(cls, options: Options) -> Mapping[str, str]:
        return {**_VERSION, "x-api-key": options["token"].reveal()}

    def authorizer(self, options: Options) -> Callable[[], str] | None:
        return None


class AnthropicApiKeys(KeyIssuer):
    where = ("workspace",)
    traits = Traits(Maker.PERSON, Overlap.OPEN, Revocation.API, Recover.OURS)
    unverifiable = "whether the connection's key may change keys"
    rights = "an Admin key, which sees and ends every key of the organization"
    blast_radius = "whatever asks a model"
    schema = Schema(
        {"workspace": {"type": "string", "minLength": 1, "description": "Id of the workspace that its keys are of."}}
    )
    connection: AnthropicConnection
    api = KeyApi(
        listing=Listing(
            Call("GET", _KEYS, params={"limit": 1000, "workspace_id": "<workspace>"}),
            items="data",
            facts=Facts(expires_at="expires_at", alive=("status", "active")),
            after="after_id",
            more="has_more",
        ),
        revoke=Call("POST", f"{_KEYS}/<id>", {"status": "archived"}),
        verify=Verify(Call("GET", "/v1/models", params={"limit": 1}), headers={**_VERSION, "x-api-key": "${token}"}),
    )

    @classmethod
    def label(cls, options: Options) -> str:
        return (
            f"anthropic_api_key of workspace {options['workspace']}" if "workspace" in options else "anthropic_api_key"
        )

    @classmethod
    def handwork(cls, options: Options) -> Handwork:
        workspace = f"workspace {options['workspace']}" if "workspace" in options else "old one's workspace"
        make = f"create a key in the {workspace}"
        return Handwork("console.anthropic.com, API Keys", make, "disable the old key", pattern=r"sk-ant-[\w-]+")

    def take(self, name: str, fields: Mapping[str, SecretValue]) -> Credential:
        keys = self._items(self.api.listing)
        found = [key for key in keys if _shows(key.get("partial_key_hint"), fields["token"].reveal())]
        if len(found) != 1 or found[0].get("status") != "active":
            what = f"{len(found)} keys of {self._where} have its hint" if len(found) != 1 else "it is not active"
            raise ConflictError(f"the value is not taken: {what}", hint="Is it of this organization and workspace?")
        return Credential(found[0]["id"], name, fields, times_at(found[0], self.api.listing.facts))

    def disable(self, credential: Credential) -> None:
        with suppress(NotFoundError):
            self._switch(credential, "inactive")

    def enable(self, credential: Credential) -> None:
        self._switch(credential, "active")

    def _switch(self, credential: Credential, status: str) -> None:
        call, doing = Call("POST", f"{_KEYS}/<id>", {"status": status}), f"setting key {credential.name} {status}"
        self._send(call, doing, {"id": credential.id}, idempotent=True)


def _shows(hint: Any, value: str) -> bool:
    """Return whether a hint such as ``sk-ant-api03-R2D...igAA`` is that of the value."""
    first, dots, last = str(hint).partition("...")
    return bool(dots and first and last) and value.startswith(first) and value.endswith(last)


PROVIDER = Provider(
    "Anthropic",
    connections={"anthropic": AnthropicConnection},
    issuers={"anthropic_api_key": AnthropicApiKeys},
    contact="https://support.anthropic.com",
)
