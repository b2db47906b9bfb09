# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret that signs is shown to nobody: its provider takes it, and the checks tell whether it works."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Issuer
from tests.unit.engine.kinds import settled
from tests.unit.engine.world import World


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
