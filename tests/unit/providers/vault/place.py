# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One document on a real server, and a way to it that is not our code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.client import VaultConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.store import VaultSecrets
from tests.servers.openbao import OpenBao

ALL = ("create", "read", "update", "patch", "delete")


@dataclass
class Place:
    server: OpenBao
    clock: Clock
    mount: str
    path: str
    version: int = 2
    namespace: str = ""

    @property
    def container(self) -> Options:
        return {"mount": self.mount, "path": self.path}

    @property
    def api_path(self) -> str:
        return self.api("data") if self.version == 2 else f"{self.mount}/{self.path}"

    def api(self, what: str) -> str:
        return f"{self.mount}/{what}/{self.path}"

    def connect(self, token: str = "", **options: Any) -> VaultConnection:
        secret = {} if "auth" in options else {"token": SecretValue(token or self.server.root)}
        namespace = {"namespace": self.namespace} if self.namespace else {}
        return VaultConnection({"url": self.server.url, **secret, **namespace, **options}, clock=self.clock)

    def store(self, token: str = "", *, owner_tag: str = "", **options: Any) -> VaultSecrets:
        return VaultSecrets(self.connect(token, **options), clock=self.clock, owner_tag=owner_tag)

    def token(self, **rights: tuple[str, ...]) -> str:
        """For ``data``, ``metadata`` and ``subkeys`` of this document; ``document`` is its path in KV 1."""
        rules = {self.api_path if what == "document" else self.api(what): given for what, given in rights.items()}
        return self.server.token(self.server.policy(rules, namespace=self.namespace), namespace=self.namespace)

    @property
    def values(self) -> dict[str, Any] | None:
        return self.server.values(self.mount, self.path, version=self.version, namespace=self.namespace)

    @property
    def current(self) -> int:
        return int(self.server.metadata(self.mount, self.path)["current_version"])

    @property
    def custom(self) -> dict[str, str]:
        return self.server.metadata(self.mount, self.path)["custom_metadata"] or {}

    def put(self, **values: Any) -> None:
        self.server.put(self.mount, self.path, values, version=self.version, namespace=self.namespace)

    def poke(self, **values: Any) -> None:
        """Somebody else sets a few keys."""
        self.put(**{**(self.values or {}), **values})


def secret(**values: str) -> Mapping[str, SecretValue]:
    return {name: SecretValue(value) for name, value in values.items()}
