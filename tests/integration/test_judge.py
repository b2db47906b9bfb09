# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge of every playbook run tells what is so from what is not; all these tests and the scenes rest on it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.report.claims import Basis, Fact, when
from tests.sandbox.visitor import Visitor

from .judge import _AGREES, Judge, printed, returned

APP, REPOSITORY = "fly app molecule-cp", "github Molecule-AI/molecule-monorepo"
CONSUMERS = {"molecule-cp": {"type": "fly_app", "app": "molecule-cp"}}


class Court:
    """A world with a token in an app, and who may be told of it."""

    def __init__(self, world: Visitor) -> None:
        self.world, self.since = world, time.time()
        self.old = world.old_token()

    def lies(self, *lines: str, until: float | None = None) -> int:
        said = list(printed("\n".join(lines)))
        assert said, f"nothing was read of {lines}"
        return len(Judge(self.world, CONSUMERS).lies(said, self.since, until or time.time()))

    def row(self, words: str, role: str = "old") -> str:
        return f"  {role}  {self.old['name']} ({self.old['id']})   {words}"


@pytest.fixture
def court(brisk: Visitor) -> Court:
    return Court(brisk)


def test_every_claim_that_somebody_has_seen_is_judged() -> None:
    assert {fact for fact in Fact if fact.basis in (Basis.ASKED, Basis.RECORDED)} == set(_AGREES)


def test_lines_about_the_life_of_a_credential_are_judged(court: Court) -> None:
    now = when(datetime.now(UTC))
    alive = ("accepted by its provider", "listed as valid", f"accepted by its provider {now}, no revocation recorded")
    dead = ("REFUSED by its provider", f"revoked {now}, proof: refused", f"ended {now}, proof: provider")
    assert [court.lies(court.row(words)) for words in (*alive, *dead)] == [0, 0, 0, 1, 1, 1]
    later = when(datetime.now(UTC) + timedelta(days=1))
    assert court.lies(court.row(f"accepted by its provider {later}")) == 0, "of what is to come nobody knows"
    court.world.revoke(court.old["id"])
    court.since = time.time() + 3  # a run that begins after all that
    now, until = when(datetime.now(UTC) + timedelta(seconds=4)), court.since + 1
    false = ("accepted by its provider", "no revocation recorded")
    assert [court.lies(court.row(words), until=until) for words in false] == [1, 1]
    assert court.lies(court.row(f"revoked {now}, proof: refused"), until=until) == 0


def test_lines_about_places_are_judged(court: Court) -> None:
    now = when(datetime.now(UTC))
    stranger = court.world.act("mint_fly_token", profile="deploy_organization", name="by-hand")
    here = (f"{APP} (written {now})", f"molecule-cp (reloaded {now})", "held by nobody known here")
    assert [court.lies(court.row(words)) for words in here] == [0, 0, 1]
    court.old = {"id": stranger["id"], "name": "by-hand"}
    assert [court.lies(court.row(words)) for words in here] == [1, 1, 0]
    result = f"DONE  X\n{court.row('fingerprint 1', 'new')}\n         {APP}: FLY_API_TOKEN (written {now})   version 2"
    assert court.lies(result) == 1


def test_lines_about_copies_are_judged(court: Court) -> None:
    copy = f"  copy      {APP}: {court.old['name']} ({court.old['id']}) (written {when(datetime.now(UTC))})"
    plan = f"  1 step                  write   {APP}: FLY_API_TOKEN"
    over = "over a value that is not known here and then lost"
    lines = (copy, f"{copy}; CHANGED since by somebody else", f"{plan} ({over})", f"{plan} (new)")
    assert [court.lies(line) for line in lines] == [0, 1, 0, 1]
    assert court.lies(f"{plan}, SPARE (new: SPARE, {over}: FLY_API_TOKEN)") == 0
    assert court.lies(f"{plan}, SPARE (new: FLY_API_TOKEN, {over}: SPARE)") == 2


def test_places_that_are_said_to_hold_the_same_are_compared(court: Court) -> None:
    """Of a value that nobody has issued, too."""
    court.old = {"id": "rotor-1", "name": "rotor-1"}
    for value in ("one value of ours", "another"):
        court.world.act("set_repo_secret", repository=REPOSITORY.split()[1], name="FLY_API_TOKEN", value=value)
    now = when(datetime.now(UTC))
    places = f"{REPOSITORY} (written {now}), {APP} (written {now})"
    assert court.lies(f"  new  rotor-1   {places}") == 1


def test_line_that_nobody_can_read_is_refused(court: Court) -> None:
    with pytest.raises(AssertionError, match="nobody can read this"):
        court.lies(court.row("well and good"))


def test_results_of_status_are_judged(court: Court) -> None:
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    named = {"name": court.old["name"], "id": court.old["id"]}

    def lies(life: str, copy: str) -> int:
        status: dict[str, Any] = {
            "credentials": [{**named, "life": {"is": life, "at": now, "problem": None}}],
            "copies": [{"name": APP, "keys": ["FLY_API_TOKEN"], "credential": named, "at": now, "now": copy}],
            "consumers": [{"name": "molecule-cp", "credential": named, "at": now}],
        }
        return len(Judge(court.world, CONSUMERS).lies(returned({"secrets": [status]}), court.since, time.time()))

    assert [lies("accepted", "unchanged"), lies("refused", "unchanged"), lies("accepted", "changed")] == [0, 1, 1]
