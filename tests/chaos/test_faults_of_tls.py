# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever breaks in TLS, before a request or after it: one effect at most, a true ledger, and the next run ends well.

With ROTOR_SWEEP=all every call and every commit is tried; with 7, every seventh; without, a few kinds have one each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import forget_values
from tests.integration.conftest import OLD_TOKEN
from tests.integration.facts import is_alive, minted, value_of, working
from tests.sandbox import server
from tests.sandbox.visitor import Visitor
from tests.servers import fronts as tls
from tests.servers import postgres
from tests.servers.fronts import Front, Fronts

from . import faulty, wire
from .faulty import Rotation
from .over_tls import EachStoreOverTls, InPostgres, OnTls, TwoPlacesOverTls, Unseen
from .scenes import Servers
from .spoiler import Request

_SWEEP = os.environ.get("ROTOR_SWEEP", "")
STEP = 1 if _SWEEP == "all" else int(_SWEEP or 0)


@pytest.fixture(scope="module")
def fronts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronts]:
    made = tls.make_fronts(tmp_path_factory.mktemp("tls"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def database() -> Iterator[postgres.Postgres]:
    if missing := postgres.is_missing():
        pytest.skip(missing)
    running = postgres.Postgres()
    yield running
    running.stop()


def begin(scene: Any) -> OnTls:
    forget_values()
    return OnTls(scene)


def spoil(rotation: OnTls, request: Request, kind: str, *, lasting: bool) -> None:
    spoiler = rotation.spoiler
    spoiler.picked, spoiler.kind, spoiler.lasting = request, kind, lasting


def calls_of(rotation: OnTls) -> list[Request]:
    """Those of a good rotation; a pattern stands for the names that differ from world to world."""
    assert not rotation.run().get("failed"), rotation.output
    return rotation.spoiler.seen.copy()


@pytest.mark.parametrize("kind", tls.KINDS if STEP else [tls.BAD_RECORD])
def test_broken_tls_is_put_right_by_the_next_run(
    sandbox: server.Sandbox, fronts: Fronts, tmp_path: Path, kind: str
) -> None:
    world = Visitor(sandbox.url)

    def anew(name: str) -> OnTls:
        world.tell("reset")
        return begin(TwoPlacesOverTls(world, tmp_path / name, Servers(), fronts))

    known = calls_of(anew("good"))
    for number, request in enumerate(picked(known, kind) if STEP else [mint_among(known)]):
        lasting = bool(number % 2)
        rotation = anew(f"{number}")
        spoil(rotation, request, kind, lasting=lasting)
        try:
            _put_right(rotation, kind)
        except AssertionError as error:
            error.add_note(f"{kind}{', lasting' if lasting else ''}: {request}\n{rotation.output}")
            raise
        faulty.count("two-place Fly token over TLS", kind)


def picked(known: list[Request], kind: str) -> list[Request]:
    return known[tls.KINDS.index(kind) % STEP :: STEP]


def mint_among(known: list[Request]) -> Request:
    """The last GraphQL call before the first write to the app."""
    write = next(index for index, one in enumerate(known) if one.method == "POST" and one.path.endswith("/secrets"))
    return next(one for one in reversed(known[:write]) if one.path.endswith("/graphql"))


def _put_right(rotation: OnTls, kind: str) -> None:
    scene, world = rotation.scene, rotation.scene.world
    untouched = scene.effects()
    first = rotation.run()
    rotation.spoiler.picked = None
    faulty.assert_honest(rotation)
    assert is_alive(world, OLD_TOKEN) or working(world), "the old one was revoked before all had the new one"
    if first["failed"]:
        faulty.assert_helpful(rotation, kind)
    lost = set(scene.mints()) - scene.recorded()
    assert len(lost) <= 1, "a mint was sent again"
    if lost:
        assert {"mint unknown", "mint open"} & set(scene.intents()), "the ledger denies a mint that may have been made"
    if kind in tls.NEVER_SENT and scene.effects() == untouched:
        assert not [one for one in scene.intents() if one.endswith("unknown")], "nothing had left"

    assert not rotation.run().get("failed"), "the next run does not finish it"
    scene.assert_at_rest()
    assert len(scene.mints()) <= 1 + len(lost)
    faulty.assert_honest(rotation)

    before = scene.effects()
    assert not rotation.run().get("failed")
    assert scene.effects() == before, "a third run changes something"


def _is_due(left: list[int], sent: bytes) -> bool:
    """Whether this is the commit before which ``left`` others were to come."""
    left[0] -= b"COMMIT" in sent
    return left[0] == -1


@pytest.mark.parametrize("kind", [tls.CUT_REQUEST, *tls.AFTER_THE_EFFECT] if STEP else [tls.PLAIN_TEXT])
def test_rollback_spares_what_an_unseen_copy_may_hold(
    fresh: Visitor, fronts: Fronts, tmp_path: Path, kind: str
) -> None:
    rotation = begin(Unseen(fresh, tmp_path / "home", Servers(), fronts))
    write = Request(fresh.url.rpartition(":")[2], "PUT", wire.pattern("/tenant/settings/secrets"), "", turn=0)
    spoil(rotation, write, kind, lasting=True)
    assert rotation.run()["failed"]
    assert rotation.spoiler.hits > 1, "what does no harm twice was not repeated"
    [token] = minted(fresh, alive=True)
    held = rotation.scene.is_held(value_of(fresh, token))
    assert held is (kind != tls.CUT_REQUEST)

    rotation.spoiler.picked = None
    rotation.run(rollback=True)
    assert is_alive(fresh, token), "what a copy may hold was revoked"
    assert not rotation.run().get("failed"), rotation.output
    rotation.scene.assert_at_rest()
    faulty.count("Fly token in a store that shows nothing, over TLS", kind)


@pytest.mark.skipif(not STEP, reason="every call to every store: with ROTOR_SWEEP=all")
@pytest.mark.parametrize("kind", tls.KINDS if STEP else [tls.BAD_RECORD])
def test_broken_tls_of_one_store_holds_up_no_other_secret(
    fresh: Visitor, servers: Servers, fronts: Fronts, tmp_path: Path, kind: str
) -> None:
    def anew(name: str) -> OnTls:
        fresh.tell("reset")
        return begin(EachStoreOverTls(fresh, tmp_path / name, servers, fronts))

    good = anew("good")
    known, mount = sorted(calls_of(good), key=str), good.scene.mount
    for number, request in enumerate(picked(known, kind)):
        rotation = anew(f"{number}")
        path = request.path.replace(wire.pattern(mount), wire.pattern(rotation.scene.mount))
        spoil(rotation, replace(request, path=path), kind, lasting=bool(number % 2))
        try:
            _finished(rotation, kind)
        except AssertionError as error:
            error.add_note(f"{kind}: {request}\n{rotation.output}")
            raise
        faulty.count("each store over TLS", kind)


def _finished(rotation: OnTls, kind: str) -> None:
    scene = rotation.scene
    if rotation.run()["failed"]:
        faulty.assert_helpful(rotation, kind)
    rotation.spoiler.picked = None
    assert not rotation.run().get("failed"), "the next run does not finish it"
    scene.assert_at_rest()
    faulty.assert_honest(rotation)
    before = scene.effects()
    assert not rotation.run().get("failed")
    assert scene.effects() == before, "a third run changes something"


@pytest.mark.parametrize("kind", [tls.CUT_REQUEST, *tls.AFTER_THE_EFFECT] if STEP else [tls.CUT_ANSWER])
def test_commit_that_is_lost_in_tls_is_put_right_by_the_next_run(
    fresh: Visitor, fronts: Fronts, database: postgres.Postgres, tmp_path: Path, kind: str
) -> None:
    with Front(database.port, fronts.good) as good:
        for turn in range(0, 200, STEP) if STEP else [6]:
            fresh.tell("reset")
            forget_values()
            rotation = Rotation(InPostgres(fresh, tmp_path / str(turn), Servers(), database, fronts.ca))
            left = [turn]
            with Front(database.port, fronts.good, kind, spoils=partial(_is_due, left)) as bad:
                rotation.scene.behind(bad)  # type: ignore[attr-defined]
                rotation.run()
            rotation.scene.behind(good)  # type: ignore[attr-defined]
            lost = set(rotation.scene.mints()) - rotation.scene.recorded()
            assert len(lost) <= 1
            assert not rotation.run().get("failed"), rotation.output
            rotation.scene.assert_at_rest()
            assert len(rotation.scene.mints()) <= 1 + len(lost)
            faulty.assert_honest(rotation)
            if left[0] > -1:  # it had fewer commits
                break
            faulty.count("two-place Fly token, its ledger in PostgreSQL over TLS", kind)


@pytest.mark.parametrize("kind", tls.NEVER_SENT if STEP else [tls.UNKNOWN_CA])
def test_ledger_that_tls_does_not_reach_is_told_and_nothing_is_begun(
    fresh: Visitor, fronts: Fronts, database: postgres.Postgres, tmp_path: Path, kind: str
) -> None:
    rotation = Rotation(InPostgres(fresh, tmp_path / "home", Servers(), database, fronts.ca))
    untouched = rotation.scene.effects()
    rotation.scene.behind(fronts.of(database.port, kind))  # type: ignore[attr-defined]
    assert rotation.run()["failed"]
    assert "cannot be read: " in rotation.output
    assert "Traceback" not in rotation.output
    assert rotation.scene.effects() == untouched
    faulty.count("ledger in PostgreSQL that TLS does not reach", kind)
