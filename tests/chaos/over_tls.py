# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenes with TLS in front of every server, and the request that is sent to a front that breaks it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.httpsession
import pytest
import requests

from tests.integration.stores import TENANT
from tests.sandbox.visitor import Visitor
from tests.servers.fronts import Front, Fronts
from tests.servers.postgres import PASSWORD, Postgres

from . import wire
from .faulty import Rotation
from .scenes import EachStore, Scene, Servers, TwoPlaces
from .spoiler import Spoiler

_PLAIN = re.compile(r"http://127\.0\.0\.1:(\d+)")


class OverTls(Scene):
    """Mixed into a scene whose connections are asked through TLS."""

    def __init__(self, world: Visitor, home: Path, servers: Servers, fronts: Fronts) -> None:
        self.fronts = fronts
        super().__init__(world, home, servers)
        world.tell("switch", lease_second=0.001)  # the clock here takes nearly no time for two minutes
        trusted = ("REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE")
        self.desk.environment |= dict.fromkeys(trusted, str(fronts.ca))

    @property
    def variables(self) -> dict[str, Any]:
        text = _PLAIN.sub(lambda found: self.fronts.of(int(found[1])).url, json.dumps(super().variables))
        expanded: dict[str, Any] = json.loads(text)
        return expanded

    def intents(self) -> list[str]:
        """Kind and state of each."""
        return list(self._query("SELECT id, kind || ' ' || state FROM intents").values())


class TwoPlacesOverTls(OverTls, TwoPlaces):
    pass


class EachStoreOverTls(OverTls, EachStore):
    pass


class Unseen(OverTls, TwoPlaces):
    """The token stands in a store as well that shows nothing of what it holds."""

    def arrange(self) -> None:
        super().arrange()
        self.world.tell("switch", named=["FLY_API_TOKEN"])
        self.desk.environment["TENANT_TOKEN"] = self.world.credentials["TENANT_ADMIN_TOKEN"]
        tenant = {"type": "http", "url": f"{self.world.url}/tenant", "token": {"env": "TENANT_TOKEN"}}
        secret_map = self.desk.example["secret_map"]
        token = secret_map["FLY_API_TOKEN"]
        token["rollout"].insert(0, {"name": "tenant", "copies": [TENANT | {"read": "none"}]})
        token["revoke"]["accept"] = "life"
        connections = self.desk.example["secret_connections"]
        self.desk.override(secret_connections=connections | {"tenant": tenant}, secret_map=secret_map)

    def is_held(self, value: str) -> bool:
        there = {"kind": "tenant secret", "name": "FLY_API_TOKEN", "value": value}
        return bool(self.world.tell("holds", **there)["holds"])


class InPostgres(TwoPlaces):
    """Its ledger is in PostgreSQL, behind ``front``."""

    def __init__(self, world: Visitor, home: Path, servers: Servers, postgres: Postgres, ca: Path) -> None:
        self._postgres = postgres
        self._database = postgres.database()
        super().__init__(world, home, servers)
        world.tell("switch", lease_second=0.001)
        self._ca = ca
        self.port = 0

    def behind(self, front: Front) -> None:
        url = self._postgres.url(self._database, front.port) + f"?sslmode=verify-full&sslrootcert={self._ca}"
        self.desk.environment["PGPASSWORD"] = PASSWORD
        self.desk.override(secret_ledger={"url": url, "key": {"env": "ROTOR_LEDGER_KEY"}})

    def _query(self, question: str) -> dict[str, str]:
        with self._postgres.connect(self._database) as connection:
            if connection.execute("SELECT to_regclass('credentials')").fetchone()[0] is None:
                return {}
            return dict(connection.execute(question).fetchall())


@dataclass
class OnTls(Rotation):
    """One request of it goes wrong, or it and all later ones of its kind."""

    scene: Any
    spoiler: Spoiler = field(default_factory=Spoiler)

    def run(self, **options: Any) -> Mapping[str, Any]:
        self.spoiler.begin()
        with rerouted(self.spoiler, self.scene.fronts):
            return super().run(**options)


@contextmanager
def rerouted(spoiler: Spoiler, fronts: Fronts) -> Iterator[None]:
    """Each request that is to go wrong is sent to a front of the same server that breaks TLS in that way."""
    by_requests, by_botocore = requests.adapters.HTTPAdapter.send, botocore.httpsession.URLLib3Session.send

    def turn(request: Any) -> None:
        parts = urlsplit(str(request.url))
        upstream = fronts.upstream(parts.port or 0)
        if upstream is None:
            return
        target = request.headers.get("X-Amz-Target") or ""
        target = target.decode() if isinstance(target, bytes) else target
        if spoiler.spoils(str(upstream), request.method, wire.pattern(parts.path), target):
            request.headers["Host"] = parts.netloc  # as it is signed
            request.url = request.url.replace(parts.netloc, f"127.0.0.1:{fronts.of(upstream, spoiler.kind).port}")

    def send(self: Any, request: Any, **options: Any) -> Any:
        turn(request)
        return by_requests(self, request, **options)

    def send_to_aws(self: Any, request: Any) -> Any:
        turn(request)
        return by_botocore(self, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.adapters.HTTPAdapter, "send", send)
        patch.setattr(botocore.httpsession.URLLib3Session, "send", send_to_aws)
        yield
