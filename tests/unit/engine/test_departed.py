# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An identity that has left the map; what PostgreSQL does of it is in tests/unit/providers/postgres."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError, UnavailableError
from tests.unit.engine.driver import Play
from tests.unit.engine.kinds import plays


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Play]:
    """Role ``one`` or ``two`` is in use, and the other one has left the map."""
    with plays(tmp_path) as make:
        play = make("roles")
        issuer = play.map["TOKEN"]["issuer"]
        current = play.state("TOKEN").current
        assert current
        issuer["roles"] = [current.provider_id, "three"]
        issuer.pop("current_id")
        yield play


def other(play: Play) -> str:
    current = play.state("TOKEN").current
    return "two" if current and current.provider_id == "one" else "one"


def drop(play: Play, identity: str, confirm: str = "", *, check: bool = False) -> bool:
    return bool(play.session().drop("TOKEN", identity, confirm, "it has left", check=check)["changed"])


def test_identity_that_left_is_named_by_status_and_dropped_when_confirmed(left: Play) -> None:
    gone = other(left)
    assert left.status()["secrets"][0]["departed"] == [gone]
    assert f"  left      {gone} has left the map" in left.output
    with pytest.raises(RotorError, match="before a person confirms"):
        drop(left, gone)
    assert f"  {gone} has a table" in left.output
    assert drop(left, gone, gone, check=True)
    assert left.world.dropped == set()
    before = left.ledger().audit_head()
    assert drop(left, gone, gone)
    assert left.world.dropped == {gone}
    assert left.ledger().audit_head() != before
    assert not drop(left, gone, gone)
    assert left.status()["secrets"][0]["departed"] == []


def test_identity_is_not_dropped_where_anything_speaks_against_that(left: Play) -> None:
    gone, kept = other(left), left.map["TOKEN"]["issuer"]["roles"][0]
    for identity, problem in (
        (kept, "the map has it in TOKEN"),
        ("three", "the map has it in TOKEN"),
        ("four", "no identity of TOKEN that this ledger knows"),
    ):
        with pytest.raises(RotorError, match=problem):
            drop(left, identity, identity)
    left.world.problems["drop"] = ["it has sessions"]
    with pytest.raises(RotorError, match="it has sessions"):
        drop(left, gone, gone)
    left.map["TOKEN"]["issuer"]["roles"] = ["three", "four"]
    with pytest.raises(RotorError, match="has yet to be revoked"):
        drop(left, kept, kept)
    with pytest.raises(RotorError, match="drop_secret: there is no secret OTHER"):
        left.session().drop("OTHER", gone, gone, "", check=False)
    assert left.world.dropped == set()


def test_status_names_nothing_that_cannot_be_asked(left: Play) -> None:
    left.world.fail("ask", UnavailableError("the provider is away"), times=5)
    assert left.status()["secrets"][0]["departed"] == []


def test_secret_whose_identities_stay_has_none_to_drop(left: Play) -> None:
    left.map["TOKEN"]["issuer"]["roles"] = ["one", "two"]
    with pytest.raises(RotorError, match="It has none that have left the map"):
        drop(left, "three", "three")
