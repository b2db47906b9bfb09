# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count what a rotation costs: statements and commits of the ledger, requests to four kinds of store."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import sqlalchemy as sa
from cryptography.fernet import Fernet

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.selection import RunOptions
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.variables import TaskVariables
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.session import Caller, Session
from tests.conformance.proxy import Proxy, Seen
from tests.sandbox.visitor import Visitor
from tests.servers.moto import REGION, Moto
from tests.servers.openbao import OpenBao

_CONTROL = ("PRAGMA", "BEGIN", "COMMIT", "ROLLBACK")
_READS = ("SELECT", *_CONTROL)
OWNER, ENVIRONMENT = "bench", "prod"


@dataclass
class LedgerCosts:
    """What the ledger's database was asked for; ``commits`` are those that made something durable."""

    statements: int = 0
    commits: int = 0


@contextmanager
def ledger_costs() -> Iterator[LedgerCosts]:
    """Count the statements and the commits of all ledgers of this process."""
    counted = LedgerCosts()

    def executed(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        verb = statement.lstrip().upper()
        counted.statements += not verb.startswith(_CONTROL)
        if not verb.startswith(_READS):
            connection.info["changed"] = True

    def committed(connection: Any) -> None:
        counted.commits += bool(connection.info.pop("changed", False))

    sa.event.listen(sa.engine.Engine, "after_cursor_execute", executed)
    sa.event.listen(sa.engine.Engine, "commit", committed)
    try:
        yield counted
    finally:
        sa.event.remove(sa.engine.Engine, "after_cursor_execute", executed)
        sa.event.remove(sa.engine.Engine, "commit", committed)


class Controller:
    """Runs rotations as the role's actions do, each in a session of its own, in this process."""

    def __init__(self, variables: Mapping[str, Any], clock: Clock, hosts: tuple[str, ...] = ()) -> None:
        self.variables = dict(variables)
        self.lines: list[str] = []
        self._clock = clock
        self._caller = Caller("ansible-playbook rotor.secrets.rotate", "somebody", frozenset(hosts))

    def session(self) -> Session:
        variables = TaskVariables(self.variables, lambda text: text)
        return Session(variables, self._clock, self._caller, self.lines.append)

    def plan(self, *only: str, check: bool = False, **options: Any) -> Mapping[str, Any]:
        return self.session().plan(RunOptions(only=only, **options), check=check)

    def status(self, *only: str) -> Mapping[str, Any]:
        return self.session().status(RunOptions(only=only))

    def rotate(self, *only: str, **options: Any) -> Mapping[str, Any]:
        """Make a whole run; whatever is held is an error, since what it cost would mean nothing."""
        plan = self.plan(*only, **options)
        result = self.session().advance(plan["run"], Phase.REVOKED) if plan["go"] else plan
        if not plan["go"] or result["failed"] or result["todo"]:
            raise RuntimeError("\n".join(self.lines[-60:]))
        return result


class Places:
    """Containers of four stores; ``url_of`` may put a proxy before a server."""

    def __init__(
        self, world: Visitor, bao: OpenBao, moto: Moto, number: int, url_of: Callable[[str], str] = lambda url: url
    ) -> None:
        own = secrets.token_hex(4)
        self.mount, self.top, self.names = bao.mount(2), f"/bench-{own}", [f"c{index:03}" for index in range(number)]
        for name in self.names:
            world.act("create_github_repository", owner=OWNER, name=f"{own}-{name}")
            world.act("create_infisical_folder", environment=ENVIRONMENT, path=f"/{own}-{name}")
        self.repositories = [f"{OWNER}/{own}-{name}" for name in self.names]
        self.folders = [f"/{own}-{name}" for name in self.names]
        self._act = world.act
        self.seeded = False
        self.github, self.infisical = url_of(f"{world.url}/github"), url_of(f"{world.url}/infisical/api")
        self.vault, self.aws = url_of(bao.url), url_of(moto.url)
        self.credentials = {
            "VAULT": bao.root,
            "INFISICAL": str(world.act("mint_infisical_token")["token"]),
            **{f"AWS_{name.upper()}": value for name, value in moto.admin.items()},
            "GITHUB": self.new_github_token(),
        }

    def new_github_token(self) -> str:
        """Mint a token whose budget nobody has spent from."""
        return str(self._act("mint_github_token", permissions={"secrets": "write", "actions": "read"})["token"])

    def set_infisical(self, name: str, folder: str) -> None:
        """Create a secret by hand."""
        self._act("set_infisical_secret", name=name, value="by hand", environment=ENVIRONMENT, path=folder)

    @property
    def connections(self) -> dict[str, Any]:
        known = {name: {"env": f"BENCH_{name}"} for name in self.credentials}
        keys = {"access_key_id": known["AWS_ACCESS_KEY_ID"], "secret_access_key": known["AWS_SECRET_ACCESS_KEY"]}
        return {
            "vault": {"type": "vault", "url": self.vault, "auth": {"method": "token", "token": known["VAULT"]}},
            "ssm": {"type": "aws_ssm", "region": REGION, "endpoint_url": self.aws, **keys},
            "github": {"type": "github", "url": self.github, "token": known["GITHUB"], "writes_per_minute": 180},
            "infisical": {
                "type": "infisical",
                "url": self.infisical,
                "auth": {"method": "token", "token": known["INFISICAL"]},
            },
        }

    @property
    def environment(self) -> dict[str, str]:
        return {f"BENCH_{name}": value for name, value in self.credentials.items()}

    def copies(self, store: str, which: slice = slice(None)) -> list[dict[str, Any]]:
        """Name containers of a store, as a map does."""
        made: dict[str, Callable[[int], dict[str, Any]]] = {
            "vault": lambda at: {"mount": self.mount, "path": self.names[at]},
            "ssm": lambda at: {"path": f"{self.top}/{self.names[at]}"},
            "github": lambda at: {"repository": self.repositories[at]},
            "infisical": lambda at: {"project": "molecule", "environment": ENVIRONMENT, "path": self.folders[at]},
        }
        return [{"store": store, **made[store](at)} for at in range(len(self.names))[which]]


STORES = ("vault", "ssm", "github", "infisical")


@dataclass(frozen=True)
class Requests:
    """For one copy more, of the second rotation with its plan, of a status, and of a plan alone."""

    rotation: float
    status: float
    plan: float
    writes: float


def requests_for_a_copy(
    controller: Controller, names: tuple[str, str], more: int, sent: Callable[[], list[Any]]
) -> Requests:
    """Compare two secrets, of which the second has ``more`` copies: what is asked once for a connection falls out.

    ``sent`` takes the requests, each with ``changing``, that came since it was last called.
    """
    found: list[list[float]] = []
    for name in names:
        controller.rotate(name)
        counts: list[float] = []
        for act in (
            partial(controller.rotate, name, force=True),
            partial(controller.status, name),
            partial(controller.plan, name, check=True, force=True),
        ):
            sent()
            act()
            requests = sent()
            counts += [len(requests), sum(request.changing for request in requests)]
        found.append(counts)
    rotation, writes, status, _none, plan, _no_one = [
        (of_many - of_few) / more for of_few, of_many in zip(*found, strict=True)
    ]
    return Requests(rotation, status, plan, writes)


def store_costs(world: Visitor, bao: OpenBao, moto: Moto, folder: Path, clock: Clock) -> dict[str, Requests]:
    """Measure every store of :data:`STORES`, each behind a proxy."""
    few, more = 1, {store: 10 if store == "ssm" else 5 for store in STORES}
    with ExitStack() as stack:
        proxies: list[Proxy] = []

        def proxied(url: str) -> str:
            proxies.append(stack.enter_context(Proxy(url, reads=r"/graphql$")))
            return proxies[-1].url

        def sent() -> list[Seen]:
            seen = [request for proxy in proxies for request in proxy.requests]
            for proxy in proxies:
                proxy.requests.clear()
            return seen

        places = Places(world, bao, moto, 2 * few + max(more.values()), proxied)
        stack.enter_context(mock.patch.dict(os.environ, places.environment))
        issuer, revoke = {"type": "random"}, {"accept": "life"}
        variables = {
            "secret_map": {
                f"{part}_{store}".upper(): {"issuer": issuer, "revoke": revoke, "copies": places.copies(store, which)}
                for store in STORES
                for part, which in (("few", slice(few)), ("many", slice(few, 2 * few + more[store])))
            },
            "secret_connections": places.connections,
            "secret_ledger": {"url": f"sqlite:///{folder}/ledger.db", "key": Fernet.generate_key().decode()},
        }
        controller = Controller(variables, clock)
        return {
            store: requests_for_a_copy(controller, (f"FEW_{store}".upper(), f"MANY_{store}".upper()), more[store], sent)
            for store in STORES
        }
