# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers of agenticverz: each has the secrets that it was made with, and calls the providers with them all day.

What a provider refuses is noted. ``docker compose up`` is a program that asks this process to make services anew.
"""

from __future__ import annotations

import hmac
import json
import re
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

DOCUMENTS = {
    "agenticverz/app-prod": "",
    "agenticverz/database": "",
    "agenticverz/external-apis": "",
    "user/r2": "",
    "user/neon": "NEON_",
    "user/upstash": "UPSTASH_",
}
"""Of Vault; and what their keys begin with in a container's environment."""
SERVICES = {
    "backend": re.compile(r"(?!KEYCLOAK_)"),
    "worker": re.compile(r"(?!KEYCLOAK_|OIDC_CLIENT_SECRET|RESEND_API_KEY)"),
    "keycloak": re.compile(r"KEYCLOAK_"),
}
"""And the keys that each of them reads."""
_DOCKER = """\
#!{python} -SE
import sys, urllib.request
if sys.argv[1:3] == ["compose", "logs"]:
    print(urllib.request.urlopen("{url}/logs").read().decode())
elif sys.argv[1:3] == ["compose", "up"] and "--force-recreate" in sys.argv:
    services = ",".join(word for word in sys.argv[3:] if not word.startswith("--"))
    urllib.request.urlopen("{url}/made-anew/" + services, b"").read()
else:
    sys.exit("docker: only these are known here: compose up --force-recreate, compose logs")
"""


@dataclass
class Container:
    """What it runs on, and its session at the database."""

    env: Mapping[str, str]
    session: Any


@dataclass
class Nova:
    """``addresses`` are those of the providers; ``read`` gives a document of Vault."""

    folder: Path
    addresses: Mapping[str, str]
    read: Callable[[str], Mapping[str, str]]
    containers: dict[str, Container] = field(default_factory=dict)
    refused: list[tuple[float, str, str]] = field(default_factory=list)
    """When, who, and which secret."""
    of_people: dict[str, bool] = field(default_factory=dict)
    """GitHub's personal tokens, and whether each lives."""

    def __post_init__(self) -> None:
        self._lock, self._end = Lock(), Event()

    # -- the containers ---------------------------------------------------------------------------------------------

    def make(self, *services: str) -> None:
        """Make containers anew, as Compose does; the old ones end when the new ones run."""
        for service in services:
            env = self._environment(service)
            with self._lock:
                old = self.containers.get(service)
                self.containers[service] = Container(env, self._session(service, env))
                if old:
                    old.session.close()

    def _environment(self, service: str) -> dict[str, str]:
        found = {prefix + key: value for path, prefix in DOCUMENTS.items() for key, value in self.read(path).items()}
        return {key: value for key, value in found.items() if SERVICES[service].match(key)}

    def _session(self, service: str, env: Mapping[str, str]) -> Any:
        if service != "keycloak":
            return psycopg.connect(env["DATABASE_URL"], application_name=service, autocommit=True)
        who: dict[str, Any] = {
            "user": env["KEYCLOAK_DB_USER"],
            "password": env["KEYCLOAK_DB_PASSWORD"],
            "dbname": "keycloak",
        }
        port = self.addresses["DATABASE_PORT"]
        return psycopg.connect(host="127.0.0.1", port=port, application_name=service, autocommit=True, **who)

    # -- what they do -----------------------------------------------------------------------------------------------

    def work(self) -> None:
        """Use every secret, again and again, and note what is refused."""
        while not self._end.wait(0.4):
            with self._lock:
                containers = dict(self.containers)
            for service, container in containers.items():
                for name in ("session", *_USES):
                    if (name == "session" or name in container.env) and not self._does(container, name):
                        self.refused.append((time.time(), service, name))

    def _does(self, container: Container, name: str) -> bool:
        if name == "session":
            with self._lock, suppress(psycopg.Error):
                return container.session.closed or bool(container.session.execute("SELECT 1").fetchone())
            return False
        return self.uses(name, container.env)

    def uses(self, name: str, env: Mapping[str, str]) -> bool:
        """Call its provider with a secret, and return whether that takes it."""
        return name not in _USES or _USES[name](env, self.addresses)

    def runs_on(self, name: str, value: str) -> bool:
        """Whether every container that has the secret has this value, and its provider takes it."""
        with self._lock:
            held = [one.env for one in self.containers.values() if name in one.env]
        same = [hmac.compare_digest(_secret_in(env[name]), _secret_in(value)) for env in held]
        return bool(held) and all(same) and self.uses(name, held[0])

    def receivers_take(self, key: str) -> bool:
        """Whether those who receive webhooks take a signature by this key."""
        return key in self._taken()

    def _taken(self) -> list[str]:
        lines = (self.folder / "webhook.keys").read_text(encoding="utf-8").split("\n")
        known = [line.split() for line in lines if line]
        return [key for until, key in known if until == "0" or int(until) > time.time()]

    def is_signed(self, header: str, body: bytes) -> bool:
        """Whether a receiver takes a webhook."""
        parts = dict(part.split("=", 1) for part in header.split(","))
        signed = parts["t"].encode() + b"." + body
        return parts["v1"] in [hmac.digest(key.encode(), signed, "sha256").hex() for key in self._taken()]

    def tells(self, path: str) -> bytes:
        """What is printed of a log, or told by Prometheus, whose one counter is scraped whenever somebody asks."""
        if path == "/logs":
            return "\n".join(f"{who} | 401 from {what.lower()}" for _when, who, what in self.refused).encode() or b" "
        if not path.startswith("/api/v1/query"):
            return b""
        now, count = time.time(), len([what for _when, _who, what in self.refused if what == "OPENAI_API_KEY"])
        scalar = ("scalar", [now, str(now)])
        kind, found = scalar if "time%28%29" in path else ("matrix", [{"metric": {}, "values": [[now, str(count)]]}])
        return json.dumps({"status": "success", "data": {"resultType": kind, "result": found}}).encode()

    def answer(self, path: str, shown: str) -> bool:
        """Whether a request is welcome."""
        kind, _slash, name = path.strip("/").partition("/")
        if kind == "made-anew":
            self.make(*name.split(","))
            return True
        if kind == "self-test":
            return self.runs_on(name, shown)
        if kind == "user":
            return self.of_people.get(shown, False)
        if kind == "api":
            return self.uses("OIDC_CLIENT_SECRET", self.containers["backend"].env)
        return path == "/health" and set(self.containers) == set(SERVICES)

    @contextmanager
    def running(self) -> Iterator[str]:
        """Start everything; yields the address."""
        nova = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shown = self.headers.get("Authorization", "").removeprefix("Bearer ")
                known = nova.tells(self.path)
                self._reply(200 if known or nova.answer(self.path, shown) else 401, known or b"{}")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.path == "/webhooks":
                    return self._reply(200 if nova.is_signed(self.headers["X-AOS-Signature"], body) else 401)
                return self.do_GET()

            def _reply(self, status: int, body: bytes = b"{}") -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                """Log nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        url = f"http://127.0.0.1:{server.server_port}"
        self._install_docker(url)
        self.make(*SERVICES)
        threads = [Thread(target=server.serve_forever, args=(0.02,), daemon=True), Thread(target=self.work)]
        for thread in threads:
            thread.start()
        try:
            yield url
        finally:
            self._end.set()
            server.shutdown()
            server.server_close()
            for thread in threads:
                thread.join()
            for container in self.containers.values():
                container.session.close()

    def _install_docker(self, url: str) -> None:
        program = self.folder / "bin" / "docker"
        program.parent.mkdir()
        program.write_text(_DOCKER.format(python=sys.executable, url=url), encoding="utf-8")
        program.chmod(0o755)


def _secret_in(value: str) -> bytes:
    """Return the password of an address, or the whole value."""
    return unquote(urlsplit(value).password or "" if "://" in value else value).encode()


# -- how each provider is called ------------------------------------------------------------------------------------


def _http(place: str, path: str, key: str, header: str = "Authorization", scheme: str = "Bearer ") -> Any:
    def use(env: Mapping[str, str], addresses: Mapping[str, str]) -> bool:
        headers = {header: scheme + env[key]}
        return requests.get(addresses[place] + path, headers=headers, timeout=10).status_code == 200

    return use


def _redis(env: Mapping[str, str], addresses: Mapping[str, str]) -> bool:
    parts = urlsplit(env["REDIS_URL"])
    password = unquote(parts.password or "").encode()
    context = ssl.create_default_context(cafile=addresses["NOVA_CA"])
    host, port = str(parts.hostname), int(parts.port or 6379)
    with (
        closing(socket.create_connection((host, port), 10)) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        secure.sendall(b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%b\r\n" % (len(password), password))
        return secure.recv(100) == b"+OK\r\n"


def _neon(env: Mapping[str, str], _addresses: Mapping[str, str]) -> bool:
    try:
        psycopg.connect(env["NEON_DATABASE_URL"]).close()
    except psycopg.OperationalError as error:
        return "password authentication failed" not in str(error)
    return True


def _r2(env: Mapping[str, str], addresses: Mapping[str, str]) -> bool:
    """List the buckets, as S3's clients do."""
    request = AWSRequest("GET", f"{addresses['R2_URL']}/")
    S3SigV4Auth(Credentials(env["R2_ACCESS_KEY_ID"], env["R2_SECRET_ACCESS_KEY"]), "s3", "auto").add_auth(request)
    return requests.get(request.url, headers=dict(request.headers), timeout=10).status_code == 200


_USES: dict[str, Callable[[Mapping[str, str], Mapping[str, str]], bool]] = {
    "OPENAI_API_KEY": _http("OPENAI_URL", "/models", "OPENAI_API_KEY"),
    "ANTHROPIC_API_KEY": _http("ANTHROPIC_URL", "/v1/models", "ANTHROPIC_API_KEY", "x-api-key", ""),
    "RESEND_API_KEY": _http("RESEND_URL", "/domains", "RESEND_API_KEY"),
    "OIDC_CLIENT_SECRET": _http("CLERK_URL", "/instance", "OIDC_CLIENT_SECRET"),
    "REDIS_URL": _redis,
    "NEON_DATABASE_URL": _neon,
    "R2_SECRET_ACCESS_KEY": _r2,
}
CUT_OVER = ("REDIS_URL", "NEON_DATABASE_URL")
"""Their providers end the old value with the new one: a moment of refusal cannot be had without."""
