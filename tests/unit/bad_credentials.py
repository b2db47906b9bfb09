# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option that takes a credential, found in the argument specs and connection classes; and bytes that spoil one.

Each is put into a module or a connection whose server answers every request with what it was sent.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.rotor.secrets.plugins.module_utils._core import references, registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Connection
from tests import systems

MODULES = Path(__file__).resolve().parents[2] / "plugins" / "modules"
ENGINE = ("rotation_", "ledger_", "export")
SHORTEST = 12
"""A shorter piece of a canary may turn up by chance."""

NO_TEXT = "bytes that are no text"
BAD: Mapping[str, Callable[[str], str]] = {
    "line feed": "{}\n".format,
    "carriage return": "{}\r".format,
    "another header": "{0}\r\nX-Injected: {0}".format,
    "NUL": "{}\x00".format,
    "blank": " {} ".format,
    "byte order mark": "\ufeff{}".format,
    "latin-1": "{}é".format,
    "not latin-1": "{}\N{EURO SIGN}\N{KEY}".format,
    NO_TEXT: "{}\udcff".format,
    "100 kB": lambda canary: canary + "x" * 100_000,
}
FITS = "blank"
"""The one of them that is cut off and sent."""


def canary() -> str:
    return secrets.token_hex(24)


def pieces(canary: str) -> set[str]:
    """Every part of it that is long enough to be told from chance, in plain and in base64."""
    plain = {canary[at : at + SHORTEST] for at in range(len(canary) - SHORTEST + 1)}
    encoded = {base64.b64encode(canary[shift:].encode()).decode()[: SHORTEST + 4] for shift in range(3)}
    return plain | encoded


# What there is


@dataclass(frozen=True)
class Option:
    """An option of a module, or a reference of a connection, that takes a credential."""

    owner: str
    """The module, or the type of the connection."""
    path: str
    """``auth.jwt`` leads into an object, ``secrets.value`` into a list of them."""

    def __str__(self) -> str:
        return f"{self.owner}-{self.path}"

    @property
    def in_header(self) -> bool:
        """Whether any connection sends a reference of such a name in a header."""
        kinds = (registry.find("connections", name) for name in registry.names("connections"))
        return self.path.rpartition(".")[2] in {path.rpartition(".")[2] for kind in kinds for path in kind.in_headers}


def modules() -> list[str]:
    return sorted(path.stem for path in MODULES.glob("*.py") if not path.stem.startswith(ENGINE))


def spec(module: str) -> Mapping[str, Any]:
    """The argument spec that a module's main() gives to AnsibleModule."""
    main = importlib.import_module(f"ansible_collections.rotor.secrets.plugins.modules.{module}")
    if not hasattr(main, "main"):  # an action does its work
        return systems.SPECS[module]
    asked: list[Mapping[str, Any]] = []

    def ask(_self: AnsibleModule, argument_spec: Mapping[str, Any], **_rules: Any) -> None:
        asked.append(argument_spec)
        raise InterruptedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AnsibleModule, "__init__", ask)
        with pytest.raises(InterruptedError):
            main.main()
    return asked[0]


def module_options() -> list[Option]:
    return [Option(module, path) for module in modules() for path in _secret_paths(spec(module))]


def _secret_paths(options: Mapping[str, Any], outer: str = "") -> Iterator[str]:
    for name, option in options.items():
        if option.get("no_log"):
            yield outer + name
        yield from _secret_paths(option.get("options", {}), f"{outer}{name}.")


def connection_options() -> list[Option]:
    """The references of every connection, and whatever else its schema takes a credential for."""
    found = []
    for name in registry.names("connections"):
        kind: type[Connection] = registry.find("connections", name)
        described = set(_reference_paths(kind.schema.properties))
        assert described <= set(kind.references), f"{name} does not resolve all that its schema takes"
        found += [Option(name, path) for path in kind.references]
    return found


def _reference_paths(properties: Mapping[str, Any], outer: str = "") -> Iterator[str]:
    for name, node in properties.items():
        if node is references.SCHEMA:
            yield outer + name
        yield from _reference_paths(node.get("properties", {}), f"{outer}{name}.")


def sample(options: list[Option], ways: Iterable[str] = tuple(BAD)) -> list[tuple[Option, str]]:
    """Each option with one of the ways to spoil it, all of which come up; with ROTOR_SWEEP=all, with each."""
    ways = list(ways)
    if os.environ.get("ROTOR_SWEEP") == "all":
        return list(product(options, ways))
    return [(option, ways[number % len(ways)]) for number, option in enumerate(options)]


# What else such a module or connection needs

_GIVEN = "given-0123456789"


def _urls(options: Iterable[str], url: str) -> dict[str, str]:
    return {name: url for name in options if name.endswith("url")}


def module_arguments(option: Option, value: str, url: str) -> dict[str, Any]:
    """A task that uses the option."""
    known = spec(option.owner)
    required = [name for name, one in known.items() if one.get("required") or name in systems.NEEDED]
    arguments = {name: systems.OPTIONS[name] for name in required if name in systems.OPTIONS}
    arguments |= _urls(known, url) | dict(systems.LOGINS.get(option.path, {}))
    credentials = frozenset() if option.path in systems.LOGINS else systems.CREDENTIALS
    arguments |= {name: _GIVEN for name in (*credentials, "value") if name in known}
    if not option.path.startswith("secrets."):
        return arguments | {option.path: value}
    del arguments["name"], arguments["value"]
    return arguments | {"secrets": [{"name": "CANARY", "value": value}]}


def connection(option: Option, value: Any, url: str) -> dict[str, Any]:
    """An entry of ``secret_connections`` that uses the reference."""
    kind: type[Connection] = registry.find("connections", option.owner)
    *outer, name = option.path.split(".")
    entry: dict[str, Any] = {"type": option.owner}
    entry |= _urls(kind.schema.properties, url)
    entry |= {one: given for one, given in systems.CONNECTION.items() if one in kind.schema.properties}
    unneeded = {"token"} - set(kind.schema.required)
    entry |= {one: _GIVEN for one in systems.CREDENTIALS - unneeded if one in kind.references}
    entry |= {"probe": "/"} if "probe" in kind.schema.properties else {}
    login = {one.removeprefix("auth_"): given for one, given in systems.LOGINS.get(name, {}).items()}
    if outer and outer[0] in systems.OBJECTS:
        return entry | {outer[0]: {**systems.OBJECTS[outer[0]], name: value}}
    if outer == ["auth"]:
        methods = kind.schema.properties["auth"]["properties"]["method"]["enum"]
        login.setdefault("method", "token" if name == "token" else next(one for one in methods if one != "token"))
        return entry | {"auth": {**login, name: value}}
    return entry | {name: value}


def connections(option: Option, value: Any, url: str) -> dict[str, Any]:
    """The connection as ``canary``, and beside it one that keeps what an issuer behind it makes."""
    shelf = {"type": "http", "url": url, "token": _GIVEN}
    return {"canary": connection(option, value, url), "shelf": shelf}


def secret(option: Option) -> dict[str, Any]:
    """An entry of ``secret_map`` with a copy, or else the issuer, behind the connection ``canary``."""
    stored = option.owner in registry.names("stores")
    kind, store = (option.owner, "canary") if stored else ("http", "shelf")
    schema = registry.find("stores", kind).schema
    required = {*schema.required, *systems.NEEDED}
    copy = {name: systems.OPTIONS[name] for name in required if name in schema.properties}
    issuer = {"type": "random"} if stored else _issuer(option.owner)
    maker = registry.find("issuers", issuer["type"])
    copy["keys"] = {"SECRET": f"${{{maker.fields[0]}}}"}
    api = maker.traits.revoke == "api"
    return {"issuer": issuer, "copies": [{"store": store, **copy}], **({"revoke": {"accept": "life"}} if api else {})}


def _issuer(connection: str) -> dict[str, Any]:
    """Whatever issuer works on connections of that type."""
    names = registry.names("issuers")
    own = [one for one in names if connection in registry.provider("issuers", one).connections]
    name = next(one for one in own if registry.find("issuers", one).connected)
    schema = registry.find("issuers", name).schema
    needed = {*schema.required, *systems.NEEDED} & schema.properties.keys()
    return {"type": name, "connection": "canary", **{one: _option(schema.properties[one], one) for one in needed}}


def _option(node: Mapping[str, Any], name: str) -> Any:
    if node.get("type") == "integer":
        return 7
    return node["enum"][0] if "enum" in node else systems.OPTIONS.get(name, "canary")


# Who hears it


class Echo:
    """Answers every request with 400 and all that it was sent, as the worst of servers would."""

    def __init__(self) -> None:
        self.requests = 0
        echo = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _reply(self) -> None:
                echo.requests += 1
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
                said = f"{self.requestline} {self.headers} {body}"
                text = json.dumps({"message": said, "errors": [said], "error": {"message": said}}).encode()
                self.send_response(400, "Bad Request")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _reply  # noqa: N815 - the library's names

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Echo:
        self._thread.start()
        return self

    def __exit__(self, *_arguments: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
