# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the old value dies with the new one: prepared before, never held after, and told in figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer, Issuer, Overlap
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    CheckFailedError,
    OutcomeUnknownError,
    PermissionDeniedError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import ActionKind, Phase
from tests.unit.engine.driver import Play
from tests.unit.engine.fake_issuers import KINDS, Chosen
from tests.unit.engine.kinds import assert_at_rest, done, plays
from tests.unit.engine.quick import quick_runs

LOST = OutcomeUnknownError("no answer within 30 s")
TIMED = sorted(kind for kind, issuer in KINDS.items() if issuer.traits.overlap is Overlap.TIMED)
CUTS = sorted(kind for kind, issuer in KINDS.items() if issuer.traits.cuts_over)


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with quick_runs():
        yield


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Callable[..., Play]]:
    with plays(tmp_path) as make:
        yield make


# -- before the cut ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CUTS)
def test_what_speaks_against_it_is_known_before_anything_is_changed(ready: Callable[..., Play], kind: str) -> None:
    play = ready(kind)
    play.world.services["ci"].sick = True
    assert play.rotate("TOKEN", force=True)["failed"]
    assert play.world.mutations == []
    assert not play.state("TOKEN").pending


def test_every_copy_is_written_before_the_first_consumer_is_reloaded(ready: Callable[..., Play]) -> None:
    play = ready("reset")
    play.rotate("TOKEN", force=True)
    rest = ["update app/0", "update app/1", "update ci/0", "update ci/1", "test app", "test ci"]
    assert done(play) == ["mint", "write app", "write ci", *rest]


def test_a_value_of_ours_stands_in_every_copy_before_it_becomes_valid(ready: Callable[..., Play]) -> None:
    play = ready("chosen")
    play.rotate("TOKEN", force=True)
    assert done(play)[:4] == ["write app", "write ci", "activate", "update app/0"]


def test_new_value_that_its_provider_refuses_is_no_end_of_a_cut_over(
    ready: Callable[..., Play], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a second factor keeps the new password from ever being shown, and no check uses it."""
    play = ready("chosen")
    run = play.plan("TOKEN", force=True)["run"]
    with monkeypatch.context() as patch:
        patch.setattr(Chosen, "verify", lambda _issuer, _credential: Answer.REFUSED)
        assert play.through(run, Phase.REVOKED)["failed"]
    new = play.state("TOKEN").pending
    assert f"{new and new.name} is in force, and its provider refuses it when it is shown" in play.output
    assert not play.rotate("TOKEN")["failed"], play.output


def test_the_plan_says_what_the_gap_will_be_and_what_it_was_the_last_time(ready: Callable[..., Play]) -> None:
    play = ready("reset")
    play.plan("TOKEN", force=True)
    assert "the mint of the new one is the old one's end" in play.output
    assert "gap: the old value dies with the cut; 2 writes, 2 reloads, 2 checks until everything" in play.output
    assert "the last one took 0s" in play.output


@pytest.mark.parametrize("kind", ["reset", *TIMED])
def test_one_environment_alone_is_refused_since_the_old_one_ends_in_all(ready: Callable[..., Play], kind: str) -> None:
    play = ready(kind)
    for step in play.map["TOKEN"]["rollout"]:
        step["environment"] = step["name"]
    assert play.rotate("TOKEN", force=True, environments=("app",))["failed"]
    assert "rotate_environments leaves out ci" in play.output
    assert play.world.mutations == []


def test_before_the_cut_a_failure_holds_and_the_way_back_is_open(ready: Callable[..., Play]) -> None:
    play = ready("chosen")
    play.world.fail("write", UnavailableError("down"), "ci")
    assert play.rotate("TOKEN", force=True)["failed"]
    assert "activate" not in done(play)
    assert "HELD  TOKEN" in play.output
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert "activate" not in done(play)
    assert_at_rest(play)


def test_a_refused_activation_is_held_with_the_old_value_alive(ready: Callable[..., Play]) -> None:
    play = ready("chosen")
    play.world.fail("activate", PermissionDeniedError("not allowed"))
    assert play.rotate("TOKEN", force=True)["failed"]
    assert "HELD  TOKEN" in play.output
    assert "update app/0" not in done(play)
    assert not play.rotate("TOKEN", rollback=True)["failed"], play.output
    assert_at_rest(play)


# -- after the cut ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CUTS)
def test_after_the_cut_nothing_that_fails_stops_the_rest_and_the_next_run_closes_the_gap(
    ready: Callable[..., Play], kind: str
) -> None:
    play = ready(kind)
    if kind != "chosen":  # whose copies are written before
        play.world.fail("write", UnavailableError("down"), "app")
    play.world.services["ci"].breaks_at = 0
    play.world.fail("test", CheckFailedError("no"), "ci")
    assert play.rotate("TOKEN", force=True)["failed"]
    assert "CUTOVER INCOMPLETE  TOKEN: the old value is dead" in play.output
    assert "write ci" in done(play)
    assert "2 ci, reload of ci (connection cloud): machine 0 of ci did not come up" in play.output
    assert "the old value is dead" in play.output.split("go back:")[1]
    play.world.services["ci"].breaks_at = None
    assert not play.rotate("TOKEN")["failed"], play.output
    assert_at_rest(play)


def test_a_failed_check_does_not_stop_the_later_steps(ready: Callable[..., Play]) -> None:
    play = ready("replaced")
    play.world.fail("test", CheckFailedError("self-test failed"), "app")
    assert play.rotate("TOKEN", force=True)["failed"]
    assert done(play)[-2:] == ["update ci/1", "test ci"]
    assert "1 app, verify (connection cloud): self-test failed" in play.output
    play.world.log.clear()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert done(play) == ["test app"]
    assert_at_rest(play)


def test_a_consumer_whose_only_copy_failed_is_not_said_to_run_on_the_new_one(ready: Callable[..., Play]) -> None:
    play = ready("reset")
    play.world.fail("write", UnavailableError("down"), "app", times=2)
    for _run in range(2):
        play.rotate("TOKEN", force=not play.state("TOKEN").pending)
        state = play.state("TOKEN")
        assert state.pending
        assert state.running["app"].credential != state.pending.id
    assert not [what for what in done(play) if what.startswith("update app")]
    assert done(play).count("update ci/0") == 1, "what was done is not done again"
    assert not play.rotate("TOKEN")["failed"], play.output
    assert_at_rest(play)


def test_there_is_no_way_back_from_a_dead_value(ready: Callable[..., Play]) -> None:
    play = ready("reset")
    play.world.fail("write", UnavailableError("down"), "app")
    play.rotate("TOKEN", force=True)
    play.world.log.clear()
    assert play.rotate("TOKEN", rollback=True)["failed"]
    assert "there is no way back: the old value is dead" in play.output
    assert play.world.mutations == []


def test_the_gap_that_is_told_is_the_gap_that_there_was(ready: Callable[..., Play]) -> None:
    play = ready("reset")
    play.world.fail("write", UnavailableError("down"), "ci")
    play.rotate("TOKEN", force=True)
    play.world.clock.pass_(hours=2)
    play.lines.clear()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert play.world.gaps[-1] >= timedelta(hours=2)
    assert "  gap  2h" in play.output


def test_the_gap_begins_with_the_first_attempt_whose_answer_was_lost(ready: Callable[..., Play]) -> None:
    play = ready("shown")
    play.world.fail("mint", LOST, after=True)
    assert play.rotate("TOKEN", force=True)["failed"]
    play.world.clock.pass_(hours=3)
    play.lines.clear()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert "  gap  3h" in play.output
    assert_at_rest(play)


def test_while_the_old_value_may_be_dead_nothing_that_is_sick_or_down_stops_the_next_run(
    ready: Callable[..., Play],
) -> None:
    play = ready("shown")
    play.world.fail("mint", LOST, after=True)
    play.rotate("TOKEN", force=True)
    play.world.services["app"].sick = True
    play.world.fail("observe", UnavailableError("down"), "ci")
    play.rotate("TOKEN")
    assert "app is sick" in play.output
    assert "update ci/1" in done(play)
    play.world.services["app"].sick = False
    assert not play.rotate("TOKEN")["failed"], play.output
    assert_at_rest(play)


def test_what_somebody_wrote_into_a_copy_after_the_cut_is_left_alone_and_the_rest_goes_on(
    ready: Callable[..., Play],
) -> None:
    play = ready("reset")
    play.world.fail("write", UnavailableError("down"), "app")
    play.world.fail("write", UnavailableError("down"), "ci")
    play.rotate("TOKEN", force=True)
    play.world.put("app", {"TOKEN": "by hand"})
    assert play.rotate("TOKEN")["failed"]
    assert play.world.containers["app"]["TOKEN"][0] == "by hand"
    assert "update ci/1" in done(play)
    assert not play.rotate("TOKEN", forget=("cloud:app",))["failed"], play.output
    assert_at_rest(play)


# -- lost answers -----------------------------------------------------------------------------------------------------


def test_a_lost_value_that_can_be_read_is_read_back_at_once(ready: Callable[..., Play]) -> None:
    play = ready("reset")
    play.world.fail("mint", LOST, after=True)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert play.world.counted("mint") == 1
    assert_at_rest(play)


def test_the_old_value_is_never_taken_for_the_new_one(ready: Callable[..., Play]) -> None:
    play = ready("reset")
    old = play.world.alive[-1].value
    play.world.fail("mint", LOST)
    assert play.rotate("TOKEN", force=True)["failed"]
    assert not play.state("TOKEN").pending
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert play.world.alive[-1].value != old
    assert_at_rest(play)


def test_an_end_is_dated_by_the_activation_that_was_answered(ready: Callable[..., Play]) -> None:
    """The world judges the line: the first attempt had no effect, and the old one lived on."""
    play = ready("chosen")
    play.world.fail("activate", LOST)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert_at_rest(play)


def test_a_lost_activation_is_made_again_with_the_value_that_was_sealed_before_it(ready: Callable[..., Play]) -> None:
    play = ready("chosen")
    play.world.fail("activate", LOST, after=True, times=3)
    assert play.rotate("TOKEN", force=True)["failed"]
    pending = play.state("TOKEN").pending
    assert pending
    assert "there is no way back" in str(play.plan("TOKEN", rollback=True)["secrets"])
    assert not play.rotate("TOKEN")["failed"], play.output
    assert {what for kind, what in play.world.log if kind == "activate"} == {pending.name}
    assert_at_rest(play)


def test_activation_stays_unknown_when_its_repetition_never_left(
    ready: Callable[..., Play], monkeypatch: pytest.MonkeyPatch
) -> None:
    play, really = ready("chosen"), KINDS["chosen"].activate

    def lose(issuer: Issuer, credential: Credential) -> None:
        monkeypatch.setattr(KINDS["chosen"], "activate", refuse)
        really(issuer, credential)
        raise LOST

    def refuse(_issuer: Issuer, _credential: Credential) -> None:
        raise UnavailableError("activating: cannot connect")

    monkeypatch.setattr(KINDS["chosen"], "activate", lose)
    assert play.rotate("TOKEN", force=True)["failed"]
    assert play.state("TOKEN").intent(ActionKind.ACTIVATE)
    monkeypatch.setattr(KINDS["chosen"], "activate", really)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert_at_rest(play)


def test_an_activation_that_is_answered_the_second_time_holds_up_nothing(ready: Callable[..., Play]) -> None:
    play = ready("chosen")
    play.world.fail("activate", LOST, after=True)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert_at_rest(play)


# -- the proof --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "retain", "proof"),
    [
        ("reset", "current", "refused"),
        ("reset", "none", "provider"),
        ("replaced", "none", "provider"),
        ("chosen", "none", "provider"),
        ("mute", "current", "attested"),
    ],
)
def test_the_end_of_the_old_one_is_dated_at_the_cut_and_proven_as_well_as_can_be(
    ready: Callable[..., Play], kind: str, retain: str, proof: str
) -> None:
    play = ready(kind, retain=retain)
    old = play.state("TOKEN").current
    assert old
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    row = play.state("TOKEN").credential(old.id)
    assert row
    assert (row.state, row.proof) == ("revoked", proof)
    assert row.revoked_at == play.state("TOKEN").credentials[-1].minted_at
    assert play.world.counted("revoke") == 0


def test_an_old_value_that_outlives_the_cut_is_reported(
    ready: Callable[..., Play], monkeypatch: pytest.MonkeyPatch
) -> None:
    play = ready("reset")
    play.rotate("TOKEN", force=True)
    old = play.state("TOKEN").current
    assert old
    value = play.ledger().unseal(old).fields["token"].reveal()
    real = play.world.lives
    with monkeypatch.context() as patch:
        patch.setattr(play.world, "lives", lambda one: one == value or real(one))
        assert play.rotate("TOKEN", force=True)["failed"]
        assert "its provider still accepts it" in play.output
    assert not play.rotate("TOKEN")["failed"], play.output
    assert_at_rest(play)


# -- an end in a while ------------------------------------------------------------------------------------------------


def test_what_its_provider_ends_is_waited_for_and_never_revoked(ready: Callable[..., Play]) -> None:
    play = ready("rolled")
    result = play.rotate("TOKEN", force=True)
    assert result["counts"] == {"waiting": 1}
    assert "ends by itself, and that is proven after 2026-11-05" in play.output
    play.world.clock.pass_(days=2)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert [row.proof for row in play.state("TOKEN").credentials if row.state == "revoked"][-1] == "refused"
    assert play.world.counted("revoke") == 0
    assert_at_rest(play)


def test_while_the_old_one_lives_on_a_failure_holds_but_nobody_goes_back_to_what_is_about_to_end(
    ready: Callable[..., Play],
) -> None:
    play = ready("rolled")
    play.world.fail("test", CheckFailedError("no"), "app")
    assert play.rotate("TOKEN", force=True)["failed"]
    assert "HELD  TOKEN" in play.output
    assert "write ci" not in done(play)
    assert play.rotate("TOKEN", rollback=True)["failed"]
    assert "its provider ends the old one by itself" in play.output


def test_once_the_old_one_has_ended_a_failure_holds_up_nothing_any_more(ready: Callable[..., Play]) -> None:
    play = ready("rolled")
    play.world.fail("test", CheckFailedError("no"), "app")
    play.rotate("TOKEN", force=True)
    play.world.cuts_over = True  # it is too late now: what is left is a gap
    play.world.clock.pass_(days=2)
    play.world.fail("test", CheckFailedError("no"), "app")
    assert play.rotate("TOKEN")["failed"]
    assert "update ci/1" in done(play)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert_at_rest(play)


@pytest.mark.parametrize("kind", TIMED)
def test_an_attempt_long_ago_that_had_no_effect_is_no_reason_to_think_that_the_old_one_has_ended(
    ready: Callable[..., Play], kind: str
) -> None:
    play = ready(kind)
    call, times = ("activate", 3) if KINDS[kind].traits.activates else ("mint", 1)  # an activation is insisted on
    play.world.fail(call, LOST, times=times)
    assert play.rotate("TOKEN", force=True)["failed"]
    play.world.clock.pass_(days=2)
    assert play.rotate("TOKEN")["counts"] == {"waiting": 1}, play.output
    play.world.clock.pass_(hours=23)
    assert play.rotate("TOKEN")["counts"] == {"waiting": 1}, play.output
    play.world.clock.pass_(hours=2)
    assert not play.rotate("TOKEN")["failed"], play.output
    assert_at_rest(play)


def test_going_on_in_one_environment_alone_is_refused_while_the_old_one_ends(ready: Callable[..., Play]) -> None:
    play = ready("rolled")
    play.world.fail("test", CheckFailedError("no"), "app")
    play.rotate("TOKEN", force=True)
    for step in play.map["TOKEN"]["rollout"]:
        step["environment"] = step["name"]
    play.world.log.clear()
    assert play.rotate("TOKEN", environments=("app",))["failed"]
    assert "its provider ends the old one everywhere, and rotate_environments leaves out ci" in play.output
    assert play.world.mutations == []
    assert play.rotate("TOKEN")["counts"] == {"waiting": 1}, play.output


LONG_WAIT = {"type": "http", "url": "https://app.test/", "soak": "18h", "retries": 1, "every": "30s", "timeout": 15}


@pytest.mark.parametrize("kind", TIMED)
def test_what_waits_longer_than_the_old_one_lives_is_refused_with_the_sum(
    ready: Callable[..., Play], kind: str
) -> None:
    play = ready(kind)
    play.consumers["ci"]["healthy"] = [LONG_WAIT]
    assert play.plan("TOKEN", force=True)["failed"]
    assert "6h of them are kept as a margin" in play.output
    assert "the roll-out may wait for 18h1m: 18h1m (reload of ci)" in play.output
    assert play.world.mutations == []
    play.map["TOKEN"]["rollout"][0]["verify"] += [LONG_WAIT]
    play.map["TOKEN"]["revoke"] = {"after": "2h"}
    assert play.plan("TOKEN", force=True)["failed"]
    assert "1d14h: 18h1m (app: GET app.test/) + 18h1m (reload of ci) + 2h (revoke.after)" in play.output
    assert play.world.mutations == []


def test_reloads_of_one_turn_take_as_long_as_the_longest_and_others_their_sum(ready: Callable[..., Play]) -> None:
    play = ready(TIMED[0])
    for name in ("app", "ci"):
        play.consumers[name]["healthy"] = [{**LONG_WAIT, "soak": "10h"}]
    first, second = play.map["TOKEN"]["rollout"]
    first["reload"], second["reload"] = [["app", "ci"]], []
    play.plan("TOKEN", force=True)
    assert "may wait for" not in play.output
    first["reload"] = ["app", "ci"]
    assert play.plan("TOKEN", force=True)["failed"]
    assert "10h1m (reload of app) + 10h1m (reload of ci)" in play.output


def test_what_fits_into_the_life_of_the_old_one_goes_and_says_until_when(ready: Callable[..., Play]) -> None:
    play = ready("rolled")
    play.map["TOKEN"]["revoke"] = {"after": "18h"}
    play.world.fail("test", CheckFailedError("no"), "app")
    assert play.rotate("TOKEN", force=True)["failed"]
    said = "in every copy by 2026-11-05 00:00:00Z, when its provider ends the old one"
    assert said in play.output
    play.world.clock.pass_(hours=3)
    play.map["TOKEN"]["revoke"] = {"after": "19h"}  # the old one's time runs already
    play.lines.clear()
    assert play.plan("TOKEN")["go"]
    assert said in play.output


def test_proof_shows_a_refused_value_twice_and_slowly(
    ready: Callable[..., Play], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two failed sign-ins within a second lock the account at a Keycloak that looks for brute force."""
    play = ready("chosen")
    shown: list[tuple[float, Answer]] = []
    really = Chosen.verify

    def verify(issuer: Chosen, credential: Credential) -> Answer:
        answer = really(issuer, credential)
        shown.append((play.world.clock.monotonic(), answer))
        return answer

    monkeypatch.setattr(Chosen, "verify", verify)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    refused = [at for at, answer in shown if answer is Answer.REFUSED]
    assert len(refused) == 2
    assert refused[1] - refused[0] >= 2
    assert Answer.ACCEPTED in [answer for at, answer in shown if refused[0] <= at <= refused[1]]
