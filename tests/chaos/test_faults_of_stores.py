# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever goes wrong with a call to one store: its secret is held or finished, the others are finished.

Vault and AWS are real servers here, and their clients' requests are spoilt in this process. With ROTOR_FAULTS=1 every
call is tried; with 7, every seventh; without, a few kinds of fault have one each.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import forget_values
from tests.sandbox import server
from tests.sandbox.visitor import Visitor

from . import faulty, spoiler, wire
from .faulty import Rotation
from .scenes import EachStore, Servers
from .spoiler import Request, Spoiler
from .wire import Stranger

STEP = int(os.environ.get("ROTOR_FAULTS", "0"))
SAMPLE = {"reset after the effect": "Vault", "403": "SSM", "HTML instead of JSON": "Infisical"}
AWS = {"AmazonSSM": "SSM", "secretsmanager": "Secrets Manager"}
WORLDS = {"fly": "Fly", "molecule-cp": "Fly", "github": "GitHub", "infisical": "Infisical"}


@dataclass
class Spoilt(Rotation):
    scene: EachStore
    spoiler: Spoiler = field(default_factory=Spoiler)

    def run(self, **options: Any) -> Any:
        self.spoiler.begin()
        with spoiler.at_work(self.spoiler):
            return super().run(**options)


@dataclass(frozen=True)
class Known:
    """The calls of a good rotation, each with the system that it goes to."""

    mount: str
    calls: list[tuple[Request, str]]


@pytest.fixture(scope="module")
def there(sandbox: server.Sandbox, servers: Servers) -> Known:
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        good = Spoilt(_scene(Visitor(sandbox.url), Path(folder) / "home", servers))
        assert not good.run().get("failed"), good.output
        found = sorted(good.spoiler.seen, key=str)
        return Known(good.scene.mount, [(one, _system(one, servers)) for one in found])


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("kind", wire.KINDS if STEP else SAMPLE)
def test_a_call_to_one_store_that_goes_wrong_holds_up_no_other_secret(
    there: Known, fresh: Visitor, servers: Servers, stranger: Stranger, home: Path, kind: str
) -> None:
    for number, (request, system) in enumerate(_picked(there.calls, kind)):
        lasting = bool(number % 2)
        forget_values()
        rotation = Spoilt(_scene(fresh, home / str(number), servers))
        path = request.path.replace(there.mount, rotation.scene.mount)  # each scene has one of its own
        rotation.spoiler.picked = replace(request, path=path)
        rotation.spoiler.kind, rotation.spoiler.lasting, rotation.spoiler.elsewhere = kind, lasting, stranger.url
        try:
            _put_right(rotation, system, stranger)
        except AssertionError as error:
            error.add_note(f"{kind}{', lasting' if lasting else ''}: {system}, {request}\n{rotation.output}")
            raise
        faulty.count(f"each store, a call to {system}", kind)


def _scene(world: Visitor, home: Path, servers: Servers) -> EachStore:
    world.tell("reset")
    scene = EachStore(world, home, servers)
    world.tell("switch", lease_second=0.001)  # the clock here takes nearly no time for two minutes
    return scene


def _picked(there: list[tuple[Request, str]], kind: str) -> list[tuple[Request, str]]:
    if STEP:
        return there[list(wire.KINDS).index(kind) % STEP :: STEP]
    return [next(one for one in there if one[1] == SAMPLE[kind] and _is_sent_late(one[0]))]


def _is_sent_late(request: Request) -> bool:
    """Rather a write than a look."""
    return request.method in ("POST", "PUT", "PATCH") and "login" not in request.path


def _system(request: Request, servers: Servers) -> str:
    if request.server in servers.bao.url:
        return "Vault"
    if request.server in servers.moto.url:
        return next((name for word, name in AWS.items() if word in request.target), "STS")
    return WORLDS.get(request.path.split("/")[1], "described HTTP API")


def _put_right(rotation: Spoilt, system: str, stranger: Stranger) -> None:
    scene, kind = rotation.scene, rotation.spoiler.kind
    first = rotation.run()
    rotation.spoiler.picked = None
    faulty.assert_honest(rotation)
    assert stranger.heard == [], "something was sent to the other host"
    concerned = scene.SYSTEMS[system]
    scene.assert_at_rest([name for name in scene.secrets if name not in concerned])
    if first["failed"]:
        assert kind != wire.SLOW, "a slow answer is an answer"
        assert concerned.issuperset(first.get("held", ()))
        faulty.assert_helpful(rotation, kind)

    second = rotation.run()
    if offered := faulty.offered(rotation):  # a wrong answer is the truth of every new secret
        second = rotation.run(forget=offered)
    assert not second.get("failed"), "the next run does not finish it"
    scene.assert_at_rest()
    faulty.assert_honest(rotation)

    before = scene.effects()
    assert not rotation.run().get("failed")
    assert scene.effects() == before, "a third run changes something"
