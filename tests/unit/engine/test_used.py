# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``used`` in the map and in a run: the issuer is asked for the last use of the new credential."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.engine.conftest import token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.fakes import Token
from tests.unit.engine.maps import changed, errors_in
from tests.unit.engine.world import World

USED = {"type": "used", "within": "1m", "proves": "use"}


@pytest.fixture
def play(make_play: Callable[..., Play]) -> Play:
    entry = token_map()
    entry["rollout"][0]["verify"] = [USED]
    return make_play(secret_map={"TOKEN": entry})


def test_new_credential_in_use_lets_the_rotation_go_on(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(issuer: Any) -> Any:
        for one in world.issued.values():
            one.last_used_at = world.clock.now() + timedelta(seconds=1)
        return of_the_token(issuer)

    of_the_token = Token.listed
    monkeypatch.setattr(Token, "listed", listed)
    assert not play.rotate("TOKEN")["failed"], play.output


def test_new_credential_that_nobody_uses_is_held(play: Play, world: World) -> None:
    result = play.rotate("TOKEN")
    assert result["held"] == ["TOKEN"]
    assert "in use since" in play.output


def test_issuer_that_does_not_tell_the_last_use_is_refused() -> None:
    raw = changed("secret_map/PAIR/verify", [USED], changed("secret_map/PAIR/issuer", {"type": "random"}))
    assert any("does not say when a credential was last used" in line for line in errors_in(raw))


def test_used_is_no_check_of_a_consumers_health() -> None:
    raw = changed("secret_consumers/web/healthy", [USED])
    assert any("it is for verify" in line for line in errors_in(raw))
