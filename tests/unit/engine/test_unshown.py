# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value that cannot be shown to its provider is accepted once it is listed, or else left to the checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Issuer, Listed
from tests.unit.engine.conftest import rotate_once, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.kinds import settled
from tests.unit.engine.world import World


@pytest.fixture
def play(make_play: Callable[..., Play]) -> Play:
    return make_play(secret_map={"TOKEN": token_map(issuer={"type": "test.fake.unshown", "connection": "cloud"})})


def test_listed_credential_is_accepted(play: Play) -> None:
    old = rotate_once(play)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert "is listed by its provider" in play.output
    assert [row.proof for row in play.state("TOKEN").credentials if row.provider_id == old] == ["provider"]


def test_unlisted_credential_is_not_written(play: Play, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        registry.find("issuers", "test.fake.unshown"), "listed", lambda _issuer: [Listed("7", "another")]
    )
    assert play.rotate("TOKEN")["failed"]
    assert "was minted, and the provider does not accept it" in play.output
    assert not any("write" in deed for deed in world.mutations)


def test_signing_secret_is_rotated_and_its_end_attested(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = settled("queued", world, tmp_path)
    monkeypatch.setattr(registry.find("issuers", "test.fake.queued"), "verify", Issuer.verify)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    world.clock.pass_(days=2)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert "cannot be shown to its provider" in play.output
    assert "has ended, proof: attested" in play.output
    play.lines.clear()
    play.status(only=("TOKEN",))
    assert "no revocation recorded" in play.output
    assert "accepted by" not in play.output
