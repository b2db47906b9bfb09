# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines say what was seen, by whom and when; what nobody has seen is called unknown, or is not said."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    OutcomeUnknownError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger import location
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.report.claims import Basis, Claim, Fact
from tests.unit.engine.conftest import current_id, rotate_once, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.judge import AGREES, Judge
from tests.unit.engine.printed import way_on
from tests.unit.engine.world import World


def line(play: Play, *words: str) -> str:
    """The newest line with all these words."""
    return next(one for one in reversed(play.lines) if all(word in one for word in words))


def two_environments() -> dict[str, Any]:
    entry = token_map()
    for step, environment in zip(entry["rollout"], ("staging", "production"), strict=True):
        step["environment"] = environment
    return entry


# -- holds ----------------------------------------------------------------------------------------------------------


def test_hold_at_the_revoke_calls_only_the_replaced_one_old(play: Play, world: World) -> None:
    old = rotate_once(play)
    world.fail("revoke", UnavailableError("down"))
    assert play.rotate("TOKEN", force=True)["failed"]
    assert line(play, f"({current_id(play)})", "accepted by its provider 2026").startswith("  now  ")
    assert line(play, f"({old})", "no revocation recorded").startswith("  old  ")
    assert "valid" not in line(play, f"({old})")


def test_hold_says_not_known_where_nobody_knows(play: Play, world: World) -> None:
    world.fail("write", OutcomeUnknownError("no answer"), "app", after=True)
    play.rotate("TOKEN")
    assert "box app may hold it" in line(play, "  new  ")
    assert "held by nobody" not in line(play, "  new  ")
    assert "perhaps in box app" in line(play, "  old  ")


def test_hold_after_a_lost_answer_to_a_revoke_says_so(play: Play, world: World) -> None:
    old = rotate_once(play)
    world.fail("revoke", OutcomeUnknownError("no answer"), after=True)
    play.rotate("TOKEN", force=True)
    assert "may be revoked: the answer was lost" in line(play, f"({old})", "  old  ")


def test_command_after_drift_leads_out_wherever_it_is_printed(play: Play, world: World) -> None:
    rotate_once(play)
    world.fail("write", UnavailableError("down"), "ci")
    assert play.rotate("TOKEN", force=True)["failed"]  # held, with the new one in app
    plan = play.plan("TOKEN")
    world.put("ci", {"TOKEN": "by hand"})
    play.lines.clear()
    for phase in Phase:
        play.through(plan["run"], phase)
    held = line(play, "  go on:")
    play.plan("TOKEN")
    stuck = line(play, "  go on:")
    play.status()
    assert held == stuck == line(play, "  go on:")
    assert held.rpartition(":  ")[2] == "ansible-playbook rotate.yml -e rotate_only=TOKEN -e rotate_forget=cloud:ci"
    options = way_on([held])
    assert options
    assert not play.rotate(*options.pop("only"), **options)["failed"], play.output


def test_what_nobody_issued_is_never_called_revoked(make_play: Callable[..., Play], world: World) -> None:
    entry = {"issuer": {"type": "random"}, "copies": [{"store": "cloud", "box": "spare"}], "revoke": {"after": "2d"}}
    play = make_play(secret_map={"KEY": entry}, consumers={})
    world.put("spare", {})
    play.rotate("KEY")
    assert "not known to this ledger" not in play.output
    play.rotate("KEY", force=True)
    assert line(play, "WAITING  KEY").partition(": ")[2].startswith("the old credential counts as ended after 2026")
    world.clock.pass_(days=3)
    play.lines.clear()
    play.rotate("KEY")
    assert line(play, "there is nothing to revoke")
    assert "ended 2026" in line(play, "  old  ", "proof: gone from every copy")
    assert "revoked 2026" not in play.output


def test_run_does_not_promise_what_a_person_has_to_do(make_play: Callable[..., Play], world: World) -> None:
    issuer = {"type": "test.fake.handmade", "connection": "cloud"}
    play = make_play(secret_map={"TOKEN": token_map(issuer=issuer, retain="current", revoke={"after": "2d"})})
    for _turn in range(2):
        play.deposit(world.issue("by hand", engine=True).value)
        assert not play.rotate("TOKEN")["failed"], play.output
    waits = line(play, "WAITING  TOKEN")
    assert "the old credential is to be ended by a person after 2026" in waits
    assert "by the next run" not in waits
    play.status()
    assert line(play, "waiting: ").endswith("waiting: an older credential has yet to end")


def test_hold_does_not_look_for_an_old_one_where_nothing_was(make_play: Callable[..., Play], world: World) -> None:
    play = make_play()
    for box in world.containers.values():
        box.clear()
    world.services["app"].breaks_at = 0
    assert play.rotate("TOKEN")["failed"]
    assert "HELD  TOKEN" in play.output
    world.services["app"].breaks_at = None
    assert not play.rotate("TOKEN")["failed"]
    assert "not known to this ledger" not in play.output


def test_plan_calls_no_key_new_that_a_write_without_an_answer_has_made(play: Play, world: World) -> None:
    world.containers["app"].clear()
    world.fail("write", OutcomeUnknownError("no answer"), "app", after=True)
    play.rotate("TOKEN")
    play.lines.clear()
    play.plan("TOKEN")
    assert line(play, "box app: TOKEN").endswith("box app: TOKEN")


def test_run_of_one_environment_says_what_it_has_left_out(make_play: Callable[..., Play]) -> None:
    play = make_play(secret_map={"TOKEN": two_environments()})
    result = play.rotate("TOKEN", environments=("staging",))
    assert not result["failed"]
    assert result["counts"] == {"partial": 1}
    assert line(play, "PARTIAL  TOKEN").endswith("left out by rotate_environments: 2 ci")
    assert "DONE" not in play.output
    play.rotate("TOKEN")
    assert "DONE  TOKEN" in play.output


def test_commands_after_a_run_of_one_environment_stay_in_it(make_play: Callable[..., Play], world: World) -> None:
    play = make_play(secret_map={"TOKEN": two_environments()})
    rotate_once(play)
    world.after["write"] = lambda: setattr(world.services["app"], "sick", True)
    play.lines.clear()
    assert play.rotate("TOKEN", force=True, environments=("staging",))["held"] == ["TOKEN"]
    for start in ("  or, if the new one is dead", "  go on:", "  go back:"):
        assert "-e rotate_environments=staging" in line(play, start) or "not possible" in line(play, start)


# -- plans ----------------------------------------------------------------------------------------------------------


def test_plan_says_which_keys_are_new_and_which_replace_a_value(make_play: Callable[..., Play]) -> None:
    entry = token_map()
    entry["rollout"][0]["copies"][0]["keys"] = {"TOKEN": "${token}", "SPARE": "${token}"}
    play = make_play(secret_map={"TOKEN": entry})
    play.plan("TOKEN", check=True)
    over = "over a value that is not known here and then lost"
    assert line(play, "box app: TOKEN, SPARE").endswith(f"(new: SPARE, {over}: TOKEN)")
    assert line(play, "box ci: TOKEN").endswith(f"({over})")
    play.rotate("TOKEN")
    play.lines.clear()
    play.plan("TOKEN", force=True, check=True)
    assert line(play, "box ci: TOKEN").endswith("box ci: TOKEN")


def test_plan_says_where_nobody_can_see_whether_a_value_is_lost(make_play: Callable[..., Play], world: World) -> None:
    copies = [{"store": "dark", "box": "app"}, {"store": "hosts", "host": "app1", "path": "/env"}]
    world.put("/env", {"TOKEN": "somebody else's"})
    there = {name: {"type": f"test.fake.{name}", "world": world.name} for name in ("cloud", "dark", "hosts")}
    entry = token_map(rollout=[{"name": "all", "copies": copies}], revoke={"accept": "life"})
    play = make_play(secret_map={"TOKEN": entry}, connections=there)
    play.plan("TOKEN", check=True)
    over = "(over what nobody has seen, and a value there is then lost)"
    assert line(play, "box app: TOKEN").endswith(f"TOKEN {over}")
    assert line(play, "file app1:/env: TOKEN").endswith(f"TOKEN {over}, by Ansible")
    play.rotate("TOKEN", forget=("dark:app", "hosts:app1:/env"))
    play.lines.clear()
    play.plan("TOKEN", force=True, check=True)
    assert "nobody has seen, and" not in play.output


def test_plan_says_a_caveat_of_many_secrets_once(make_play: Callable[..., Play]) -> None:
    names = [f"T{number}" for number in range(5)]
    entries = {name: token_map(issuer={"type": "test.fake.blind", "connection": "cloud"}) for name in names}
    for name, entry in entries.items():
        for step in entry["rollout"]:
            step["copies"][0]["keys"] = {name: "${token}"}
    play = make_play(secret_map={**entries, "OTHER": token_map()})
    play.plan(*names, "OTHER", check=True)
    assert play.output.count("should the answer to the mint be lost") == 1
    assert line(play, "should the answer").endswith("(T0, T1, T2 and 2 more)")
    play.plan(*names, check=True)
    assert line(play, "should the answer").endswith("valid at its provider")


def test_deleted_copies_are_gone_and_all_changes_are_told_at_once(play: Play, world: World) -> None:
    rotate_once(play)
    world.containers["app"].clear()
    world.put("ci", {"TOKEN": "by hand"})
    play.plan("TOKEN", force=True)
    assert "box app is gone: somebody else has deleted it" in play.output
    assert "box ci was changed by somebody else" in play.output
    assert play.output.count("run again with -e rotate_forget=cloud:app,cloud:ci") == 1
    assert [one["now"] for one in play.status()["secrets"][0]["copies"]] == ["gone", "changed"]


# -- status ---------------------------------------------------------------------------------------------------------


def test_status_tells_reason_time_and_run_of_a_hold(play: Play, world: World) -> None:
    world.services["app"].breaks_at = 0
    run = play.plan("TOKEN")["run"]
    for phase in Phase:
        play.through(run, phase)
    first = world.clock.now()
    world.clock.pass_(hours=8)
    assert play.rotate("TOKEN")["failed"]

    held = play.status()["secrets"][0]["held"]
    assert held["reason"] == "machine 0 of app did not come up"
    assert held["since"] == f"{first:%Y-%m-%dT%H:%M:%SZ}" < held["at"]
    assert held["run"] != run
    assert line(play, "  held  ", held["run"], held["reason"])

    world.services["app"].breaks_at = None
    assert not play.rotate("TOKEN")["failed"]
    assert play.status()["secrets"][0]["held"] is None


def test_status_tells_what_the_plan_could_not_begin_as_held(play: Play, world: World) -> None:
    rotate_once(play)
    world.problems["issuer"] = ["the account is closed"]
    play.plan("TOKEN", force=True)
    secret = play.status()["secrets"][0]
    assert (secret["state"], secret["held"]["reason"]) == ("held", "the account is closed")
    world.problems.clear()
    play.plan()
    assert play.status()["secrets"][0]["state"] == "held", "that plan has not asked"
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert play.status()["secrets"][0]["state"] == "up_to_date"


def test_status_tells_age_due_date_and_the_end_of_a_grace(make_play: Callable[..., Play], world: World) -> None:
    play = make_play(secret_map={"TOKEN": token_map(max_age="30d", revoke={"after": "2d"})})
    rotate_once(play)
    play.rotate("TOKEN", force=True)
    secret = play.status()["secrets"][0]
    assert (secret["state"], secret["age"]) == ("waiting", 0)
    assert secret["waits_until"] == f"{world.clock.now() + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"
    assert secret["due_at"] == f"{world.clock.now() + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"
    world.clock.pass_(days=31)
    assert play.status()["secrets"][0]["conditions"] == ["overdue"]


def test_status_takes_absence_from_a_list_for_no_end(play: Play, world: World) -> None:
    new = rotate_once(play)
    world.fail("show", UnavailableError("down"), times=9)
    hidden = world.issued.pop(new)
    secret = play.status()["secrets"][0]
    world.issued[new] = hidden
    assert (secret["state"], secret["credentials"][0]["life"]["is"]) == ("up_to_date", "unlisted")


def test_status_tells_what_could_not_be_asked_as_a_condition(play: Play, world: World) -> None:
    rotate_once(play)
    for kind in ("show", "list"):
        world.fail(kind, UnavailableError("down"), times=9)
    result = play.status(fail_on=("unreachable",))
    assert result["failed"]
    assert result["secrets"][0]["conditions"] == ["unreachable"]
    world.mend()
    world.fail("observe", UnavailableError("down"), "ci")
    assert play.status()["secrets"][0]["state"] == "unreachable"
    assert play.status()["secrets"][0]["state"] == "up_to_date"


@pytest.mark.parametrize(
    ("fail_on", "red"), [((), False), (("held", "overdue"), False), (("dead",), True), (("drifted", "held"), True)]
)
def test_status_ends_red_on_the_conditions_that_are_named(
    play: Play, world: World, fail_on: tuple[str, ...], red: bool
) -> None:
    new = rotate_once(play)
    world.end(new)
    world.put("ci", {"TOKEN": "by hand"})
    result = play.status(fail_on=fail_on)
    assert result["failed"] is red
    assert not red or result["msg"] == f"status_fail_on: TOKEN is {fail_on[0]}"
    assert result["secrets"][0]["conditions"] == ["dead", "drifted"]


def test_status_ends_red_where_the_ledger_is_lost(play: Play) -> None:
    rotate_once(play)
    (play.folder / "ledger.db").unlink()
    result = play.status(fail_on=("unknown",))
    assert result["msg"] == "status_fail_on: TOKEN is unknown"


def test_status_refuses_a_condition_that_does_not_exist(play: Play) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no drift\. Did you mean drifted"):
        play.status(fail_on=("drift",))


# -- which ledger ---------------------------------------------------------------------------------------------------


def test_copy_of_another_ledger_is_refused_with_the_name_of_this_one(play: Play, world: World) -> None:
    world.stamps["app"] = "7f3a0000"
    play.plan("TOKEN")
    said = line(play, "belongs to another ledger, 7f3a0000")
    assert f"This one is {play.ledger().id} at {play.folder}/ledger.db, made 2026-11-01 00:00:00Z" in said
    assert said.index("secret_ledger.url") < said.index("rotate_forget=cloud:app")


def test_ledger_that_does_not_exist_has_no_name(play: Play, world: World) -> None:
    world.stamps["app"] = "7f3a0000"
    play.plan("TOKEN", check=True)
    said = line(play, "belongs to another ledger, 7f3a0000")
    assert f"There is none yet at {play.folder}/ledger.db. If you meant the other one" in said
    assert "made" not in said


def test_new_ledger_is_announced_once(play: Play) -> None:
    play.status()
    play.plan("TOKEN", check=True)
    assert play.output.count(f"LEDGER  there is none yet at {play.folder}/ledger.db") == 2
    play.lines.clear()
    play.plan("TOKEN")
    play.plan("TOKEN")
    assert play.output.count("LEDGER  ") == 1
    assert f"{play.ledger().id} at {play.folder}/ledger.db" in line(play, "LEDGER  ")


@contextmanager
def no_descriptors_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = os.open("/dev/null", os.O_RDONLY)
    os.close(used)
    resource.setrlimit(resource.RLIMIT_NOFILE, (used, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ledger_without_descriptors_left_is_not_called_damaged(play: Play) -> None:
    rotate_once(play)
    with no_descriptors_left(), pytest.raises(ConfigurationError) as refused:
        play.ledger()
    assert os.strerror(errno.EMFILE) in str(refused.value)
    assert "damaged" not in str(refused.value)


def test_ledger_on_a_full_disk_is_not_called_damaged(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    really = location._connect

    def full(path: Path) -> sqlite3.Connection:
        connection = really(path)
        connection.execute("PRAGMA max_page_count=2")
        return connection

    monkeypatch.setattr(location, "_connect", full)
    with pytest.raises(ConfigurationError, match="database or disk is full") as refused:
        play.ledger()
    assert "damaged" not in str(refused.value)


# -- the judge ------------------------------------------------------------------------------------------------------


def test_every_claim_that_somebody_has_seen_is_judged() -> None:
    assert {fact for fact in Fact if fact.basis in (Basis.ASKED, Basis.RECORDED)} == set(AGREES)


def test_judge_tells_what_is_so_from_what_is_not(play: Play, world: World) -> None:
    """All the tests and histories rest on this: a line that says more than is so is a violation."""
    first = world.clock.now()
    old = rotate_once(play)
    play.rotate("TOKEN", force=True)
    new = current_id(play)
    world.clock.pass_(hours=1)
    judge = Judge(world, play.parsed())
    now = world.clock.now()

    def right(*facts: Fact, of: str = "", **more: Any) -> list[bool]:
        return [judge.may_say(Claim(fact, provider_id=of, name=of, **more)) for fact in facts]

    lives = Fact.ACCEPTED, Fact.LISTED, Fact.NOT_REVOKED
    dead = Fact.REFUSED, Fact.LISTED_ENDED, Fact.UNLISTED, Fact.REVOKED, Fact.ENDED, Fact.REPLACED, Fact.INACTIVE
    places = Fact.HOLDS, Fact.RUNS
    assert all([*right(*lives, of=new), *right(*dead, of=old), *right(Fact.NOWHERE, of=old)])
    assert not any([*right(*lives, of=old), *right(*dead, of=new), *right(Fact.NOWHERE, of=new)])
    assert all(right(Fact.WAS_ACCEPTED, of=old, at=first))
    assert not any(right(Fact.WAS_ACCEPTED, of=old, at=now + timedelta(days=1)))
    assert not any(right(Fact.ENDS, of=new, at=now + timedelta(days=1)))
    for box in ("app", "ci"):
        target = {Fact.HOLDS: f"cloud:{box}", Fact.RUNS: box}
        assert all(right(fact, of=new, target=target[fact], at=now)[0] for fact in places)
        assert not any(right(fact, of=old, target=target[fact], at=now)[0] for fact in places)
    assert right(Fact.UNCHANGED, Fact.CHANGED, Fact.GONE, target="cloud:app", at=now) == [True, False, False]
    world.clock.pass_(hours=1)
    world.put("app", {"TOKEN": "by hand"})
    judge = Judge(world, play.parsed())
    assert right(Fact.UNCHANGED, Fact.CHANGED, target="cloud:app", at=now) == [False, True]
    assert right(Fact.PRESENT, Fact.ABSENT, target="cloud:app") == [True, False]
    assert right(Fact.PRESENT, Fact.ABSENT, target="cloud:app", note=": SPARE") == [False, True]
