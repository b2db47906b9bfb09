# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KV documents of both versions, on a real OpenBao."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.client import VaultConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.store import VaultSecrets
from tests.conformance.bench import Bench, Front, Lie, Refusal
from tests.conformance.proxy import Proxy
from tests.servers.openbao import ROOT, OpenBao

PATH = "agenticverz/database"
POSTED_BUT_READING = r"/auth/[^/]+/(login|renew-self)"
WRAPPED = {"data": None, "wrap_info": {"token": "s.wrapped", "accessor": "made-up", "ttl": 3600}}
"""What a control group answers with: the request waits for somebody's consent."""


class KvBench(Bench):
    module = "vault_kv_secret"
    makes_containers = True
    throttle = Refusal(429, {"Retry-After": "7"}, {"errors": ["rate limit quota exceeded"]})
    denial = Refusal(403, body={"errors": ["1 error occurred:\n\t* permission denied\n\n"]})
    server = "a real OpenBao 2.7.2, through hvac"
    version: ClassVar[int]

    def __init__(self, server: OpenBao, proxy: Proxy) -> None:
        super().__init__()
        self.proxy = proxy
        self._server = server
        self._mount = server.mount(self.version)

    @property
    def container(self) -> Options:
        return {"mount": self._mount, "path": PATH, "version": self.version}

    def store(self, *, allowed: bool = True) -> VaultSecrets:
        options = {"token": SecretValue(self._token(allowed)), "url": self.url}
        return VaultSecrets(VaultConnection(options, clock=self.clock), clock=self.clock)

    def options(self, container: Options, *, allowed: bool = True) -> dict[str, Any]:
        return {**container, "url": self.url, "token": self._token(allowed)}

    def holds(self, key: str, value: str) -> bool:
        return self._values().get(key) == value

    def exists(self, key: str) -> bool:
        return key in self._values()

    def poke(self, key: str, value: str) -> None:
        self._server.put(self._mount, PATH, {**self._values(), key: value}, version=self.version)

    def _values(self) -> dict[str, Any]:
        return self._server.values(self._mount, PATH, version=self.version) or {}

    def _token(self, allowed: bool) -> str:
        return ROOT if allowed else self._server.token("default")


class KvV2Bench(KvBench):
    title = "Vault KV v2"
    server = "a real OpenBao, through hvac"
    atomic = True
    version = 2
    lie = Lie("POST", r"/data/", 200, WRAPPED)


class KvV1Bench(KvBench):
    title = "Vault KV v1"
    server = "a real OpenBao, through hvac"
    version = 1
    races = "Version 1 knows neither versions nor check-and-set, so that nobody can notice it."
    lie = Lie("PUT", rf"/{PATH}$", 200, WRAPPED)


BENCHES = [KvV2Bench, KvV1Bench]


@contextmanager
def open_bench(kind: type[KvBench], front: Front) -> Iterator[Bench]:
    server = _server()
    yield kind(server, front(server.url, reads=POSTED_BUT_READING))


def stop_all() -> None:
    if _server.cache_info().currsize:
        _server().stop()
        _server.cache_clear()


@cache
def _server() -> OpenBao:
    return OpenBao()
