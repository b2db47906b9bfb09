# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a credential is revoked, and what is said to prove it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Checkpoint, Evidence, Issuer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    LedgerError,
    OutcomeUnknownError,
    PermissionDeniedError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import ActionKind, Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.locks import FileLocks
from tests.unit.engine.conftest import current_id, rotate_once, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.fake_issuers import Roles
from tests.unit.engine.fakes import SelfTest, Token
from tests.unit.engine.kinds import plays
from tests.unit.engine.world import Killed, World


@pytest.fixture
def play(make_play: Callable[..., Play], world: World) -> Play:
    """It has rotated once and keeps the value in use, so that the strongest proof can be had."""
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    assert not play.rotate("TOKEN")["failed"]
    world.clock.pass_(days=1)
    world.log.clear()
    play.lines.clear()
    return play


def proof(play: Play) -> str | None:
    return play.state("TOKEN").credentials[0].proof


def first_id(play: Play) -> str:
    return str(play.state("TOKEN").credentials[0].provider_id)


def test_refused_means_the_old_value_refused_and_the_new_one_accepted_twice(play: Play, world: World) -> None:
    play.rotate("TOKEN", force=True)
    assert proof(play) == "refused"
    old, new = (row.name for row in play.state("TOKEN").credentials)
    after = world.log[world.log.index(("revoke", first_id(play))) + 1 :]
    assert after == [*[("show", old), ("show", new)] * 2, ("test", "app"), ("test", "ci")]


def test_whoever_dies_at_a_revoke_has_said_before_what_it_was_about_to_do(play: Play, world: World) -> None:
    plan = play.plan("TOKEN", force=True)
    play.through(plan["run"], Phase.ROLLED_OUT)
    world.fail("revoke", Killed())
    with pytest.raises(Killed):
        play.advance(plan["run"], Phase.REVOKED)
    assert play.state("TOKEN").intent(ActionKind.REVOKE, play.state("TOKEN").credentials[0].name)


def test_whoever_revokes_is_given_no_value(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Credential] = []
    really = Token.revoke

    def revoke(issuer: Token, credential: Credential) -> None:
        given.append(credential)
        really(issuer, credential)

    monkeypatch.setattr(Token, "revoke", revoke)
    play.rotate("TOKEN", force=True)
    assert [credential.fields for credential in given] == [{}]


def test_revoke_whose_proof_fails_is_unknown(play: Play, world: World) -> None:
    world.unclear.add(first_id(play))
    plan = play.plan("TOKEN", force=True)
    play.through(plan["run"], Phase.ROLLED_OUT)
    world.after["revoke"] = lambda: world.fail("list", UnavailableError("listing: cannot connect"))
    assert play.advance(plan["run"], Phase.REVOKED)["failed"]
    assert play.state("TOKEN").intent(ActionKind.REVOKE, play.state("TOKEN").credentials[0].name)
    assert not play.rotate("TOKEN")["failed"], play.output


def test_effect_kept_from_beginning_by_lost_locks_is_failed(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_locks: FileLocks) -> None:
        raise LedgerError("the locks are lost")

    monkeypatch.setattr(FileLocks, "check", lost)
    assert play.rotate("TOKEN", force=True)["failed"]
    assert play.state("TOKEN").intents == ()
    assert len(world.made) == 1


def test_an_unclear_answer_proves_no_refusal(play: Play, world: World) -> None:
    world.unclear.add(first_id(play))
    play.rotate("TOKEN", force=True)
    assert proof(play) == "provider"


@pytest.mark.parametrize("kind", ["token", "listless"])
@pytest.mark.parametrize("new", ["kept", "not kept"])
def test_value_that_is_still_accepted_has_not_ended(
    make_play: Callable[..., Play], world: World, kind: str, new: str
) -> None:
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    play.map["TOKEN"]["issuer"]["type"] = f"test.fake.{kind}"
    rotate_once(play)
    play.map["TOKEN"]["retain"] = "current" if new == "kept" else "none"
    world.stubborn.add(first_id(play))
    assert play.rotate("TOKEN", force=True)["failed"]
    assert "was revoked, and its provider still accepts it" in play.output
    assert proof(play) is None
    world.stubborn.clear()
    assert not play.rotate("TOKEN")["failed"], play.output
    assert proof(play) == "refused"


def test_answer_to_a_revoke_is_all_that_a_silent_provider_gives(make_play: Callable[..., Play], world: World) -> None:
    play = make_play(secret_map={"TOKEN": token_map(retain="current")})
    play.map["TOKEN"]["issuer"]["type"] = "test.fake.listless"
    rotate_once(play)
    world.unclear.add(first_id(play))
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert proof(play) == "attested"


def test_refusal_of_the_old_alone_proves_no_refusal(play: Play, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    really = Token.revoke

    def revoke(issuer: Token, credential: Credential) -> None:
        really(issuer, credential)
        world.unclear.add(str(play.state("TOKEN").credentials[-1].provider_id))

    monkeypatch.setattr(Token, "revoke", revoke)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert proof(play) == "provider"


def test_without_its_value_the_best_proof_is_the_providers_list(make_play: Callable[..., Play], world: World) -> None:
    play = make_play()
    play.rotate("TOKEN")
    play.rotate("TOKEN", force=True)
    assert proof(play) == "provider"


def test_a_credential_that_its_provider_still_lists_is_not_called_revoked(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = make_play()
    play.rotate("TOKEN")
    with monkeypatch.context() as patch:
        patch.setattr(Token, "revoke", lambda self, credential: None)
        result = play.rotate("TOKEN", force=True)
    assert result["failed"]
    assert "still lists it as valid" in play.output
    assert proof(play) is None
    assert not play.rotate("TOKEN")["failed"]
    assert proof(play) == "provider"


def test_a_lost_answer_of_a_revoke_is_put_right_by_the_next_run(play: Play, world: World) -> None:
    world.fail("revoke", OutcomeUnknownError("no answer"), after=True)
    assert play.rotate("TOKEN", force=True)["failed"]
    assert not play.rotate("TOKEN")["failed"]
    assert proof(play) == "refused"


def test_unused_holds_the_revoke_while_somebody_unlisted_uses_the_old_one(
    make_play: Callable[..., Play], world: World
) -> None:
    play = make_play(secret_map={"TOKEN": token_map(revoke={"require": ["unused"]})})
    play.rotate("TOKEN")
    old = world.issued[first_id(play)]
    old.last_used_at = world.clock.now() + timedelta(days=9)
    assert play.rotate("TOKEN", force=True)["failed"]
    assert "Something that the map does not name still uses it" in play.output
    assert not old.revoked
    old.last_used_at = world.clock.now() - timedelta(days=9)
    assert not play.rotate("TOKEN")["failed"]
    assert old.revoked


def test_identity_that_is_not_listed_never_passes_as_unused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with plays(tmp_path) as make:
        play = make("roles")
        monkeypatch.setattr(Roles, "reports_last_used", classmethod(lambda _cls, _options: True))
        old, listed = current_id(play), Roles.listed
        monkeypatch.setattr(Roles, "listed", lambda issuer: [one for one in listed(issuer) if one.id != old])
        play.map["TOKEN"]["revoke"] = {"require": ["unused"]}
        assert play.rotate("TOKEN", force=True)["failed"]
        assert "is not listed, and so nobody can say whether it is in use" in play.output
        assert play.world.counted("revoke") == 0


def test_credential_that_is_not_listed_and_still_accepted_is_not_revoked(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the connection was given another account's token: that account lists neither the old nor the new."""
    monkeypatch.setattr(Token, "revoke", lambda _issuer, _credential: None)
    monkeypatch.setattr(Token, "listed", lambda _issuer: [])
    assert play.rotate("TOKEN", force=True)["failed"]
    assert "which has taken its place, is not listed by its provider" in play.output
    assert len([row for row in play.state("TOKEN").credentials if row.alive]) == 2


def test_an_issuer_that_cannot_tell_who_uses_a_credential_is_not_asked(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Token, "reports_last_used", Issuer.reports_last_used)
    play = make_play(secret_map={"TOKEN": token_map(revoke={"require": ["unused"]})})
    play.rotate("TOKEN")
    world.issued[first_id(play)].last_used_at = world.clock.now() + timedelta(days=9)
    assert not play.rotate("TOKEN", force=True)["failed"]


def test_a_value_that_nobody_issued_ends_with_its_last_copy(make_play: Callable[..., Play], world: World) -> None:
    issuer = {"type": "test.plain.password", "world": world.name}
    play = make_play(secret_map={"TOKEN": token_map() | {"issuer": issuer}})
    play.rotate("TOKEN")
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    assert proof(play) == "gone from every copy"
    assert world.counted("revoke", "list", "mint") == 0


def test_status_says_who_holds_what_what_still_works_and_what_is_unfinished(play: Play, world: World) -> None:
    world.services["ci"].breaks_at = 1
    play.rotate("TOKEN", force=True)
    new, old = (row.name for row in reversed(play.state("TOKEN").credentials))
    before = list(world.mutations)
    rows = play.status()["secrets"]
    assert world.mutations == before
    assert (rows[0]["state"], rows[0]["conditions"]) == ("held", ["held", "unfinished"])
    assert {one["name"]: one["credential"]["name"] for one in rows[0]["copies"]} == {"box app": new, "box ci": new}
    assert {one["name"]: one["credential"]["name"] for one in rows[0]["consumers"]} == {"app": new, "ci": old}
    assert [one["name"] for one in rows[0]["consumers"][1]["may_run_on"]] == [new]
    assert {one["name"]: one["life"]["is"] for one in rows[0]["credentials"]} == {new: "accepted", old: "accepted"}
    assert "-e rotate_only=TOKEN" in play.output


def test_status_notices_what_others_changed_and_what_does_not_answer(play: Play, world: World) -> None:
    world.put("app", {"TOKEN": "by hand"})
    world.fail("observe", UnavailableError("down"), "ci")
    world.issued[first_id(play)].revoked = True
    row = play.status()["secrets"][0]
    assert row["conditions"] == ["dead", "drifted", "unreachable"]
    assert [one["now"] for one in row["copies"]] == ["changed", "unanswered"]
    assert "CHANGED since by somebody else" in play.output
    assert "cannot be asked: down" in play.output
    assert "REFUSED by its provider" in play.output
    world.fail("list", UnavailableError("down"))
    life = play.status()["secrets"][0]["credentials"][0]["life"]
    assert (life["is"], life["basis"], life["problem"]) == ("unanswered", "unknown", "down. Run again when it is back")
    world.violations.clear()  # the hand that revoked it was this test's


def test_status_of_what_this_ledger_never_met_says_so_and_makes_no_file(
    make_play: Callable[..., Play], tmp_path: object
) -> None:
    play = make_play()
    assert play.status()["secrets"][0]["state"] == "unknown"
    assert "unknown to this ledger" in play.output
    assert list(tmp_path.iterdir()) == []  # type: ignore[attr-defined]


# Where a credential can be disabled first


@pytest.fixture
def disabled(play: Play, world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What is done to the old one, by a provider that can disable it and enable it again."""
    for deed in ("disable", "enable"):
        monkeypatch.setattr(Token, deed, lambda _self, old, deed=deed: world.call(deed, str(old.id), lambda: None))
    return lambda: [kind for kind, _what in world.log if kind in ("disable", "enable", "revoke")]


def test_a_credential_is_disabled_and_the_world_asked_before_it_is_revoked(
    play: Play, world: World, disabled: Callable[[], list[str]]
) -> None:
    assert not play.rotate("TOKEN", force=True)["failed"]
    assert disabled() == ["disable", "revoke"]
    new, old = play.state("TOKEN").credentials[-1], first_id(play)
    assert ("show", new.name) in world.log[world.log.index(("disable", old)) : world.log.index(("revoke", old))]


def test_a_credential_without_replacement_after_a_disabling_is_enabled_again(
    play: Play, world: World, disabled: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def disable(_issuer: Token, old: Credential) -> None:
        world.call("disable", str(old.id), lambda: None)
        world.unclear.add(str(play.state("TOKEN").credentials[-1].provider_id))

    monkeypatch.setattr(Token, "disable", disable)
    assert play.rotate("TOKEN", force=True)["failed"]
    assert disabled() == ["disable", "enable"]


@pytest.mark.parametrize(
    ("error", "deeds"),
    [
        (PermissionDeniedError("you may not"), ["disable", "enable"]),
        (OutcomeUnknownError("no answer"), ["disable"]),
    ],
)
def test_a_disabling_is_taken_back_where_the_revoke_certainly_failed(
    play: Play, world: World, disabled: Callable[[], list[str]], error: Exception, deeds: list[str]
) -> None:
    world.fail("revoke", error)
    assert play.rotate("TOKEN", force=True)["failed"]
    assert disabled() == deeds
    assert not play.rotate("TOKEN")["failed"]
    assert disabled() == [*deeds, "disable", "revoke"]


def test_a_check_that_fails_after_a_disabling_enables_the_old_one_again(
    play: Play, world: World, disabled: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def disable(_issuer: Token, old: Credential) -> None:
        world.call("disable", str(old.id), lambda: None)
        world.services["ci"].sick = True

    monkeypatch.setattr(Token, "disable", disable)
    assert play.rotate("TOKEN", force=True)["failed"]
    assert disabled() == ["disable", "enable"]
    assert "self-test of ci no longer holds: ci is sick" in play.output


def disables_and_falls_ill(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that still needs the old one falls ill as soon as that is disabled."""

    def disable(_issuer: Token, old: Credential) -> None:
        play.world.call("disable", str(old.id), lambda: None)
        play.world.services["ci"].sick = True

    def enable(_issuer: Token, old: Credential) -> None:
        play.world.call("enable", str(old.id), lambda: None)
        play.world.services["ci"].sick = False

    monkeypatch.setattr(Token, "disable", disable)
    monkeypatch.setattr(Token, "enable", enable)


def test_checks_that_held_while_it_was_disabled_do_not_run_after_the_revoke(
    play: Play, world: World, disabled: Callable[[], list[str]]
) -> None:
    assert not play.rotate("TOKEN", force=True)["failed"]
    assert ("test", "ci") in world.log[world.log.index(("disable", first_id(play))) :]
    assert ("test", "ci") not in world.log[world.log.index(("revoke", first_id(play))) :]
    assert "its checks run again once it is disabled" in play.output


def test_a_run_that_died_after_a_disabling_is_made_good_by_the_next(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one is disabled, nobody has enabled it again, and the check that tells so fails."""
    disables_and_falls_ill(play, monkeypatch)
    play.map["TOKEN"] = token_map(retain="current", revoke={"after": "1d"})
    assert not play.rotate("TOKEN", force=True)["failed"]
    world.clock.pass_(days=2)
    world.fail("disable", Killed(), after=True)
    with pytest.raises(Killed):
        play.rotate("TOKEN")
    world.revive()
    world.services["ci"].sick = True
    assert play.rotate("TOKEN")["failed"]
    assert [kind for kind, _what in world.log if kind in ("disable", "enable", "revoke")] == ["disable"] * 2 + [
        "enable"
    ]
    assert "self-test of ci no longer holds: ci is sick" in play.output


def test_what_a_copy_holds_again_is_not_disabled_by_the_run_after_one_that_died(
    play: Play, world: World, disabled: Callable[[], list[str]]
) -> None:
    """Whether the one that died had disabled it is not known: it is enabled, which does no harm where it is already."""
    world.fail("disable", Killed())
    with pytest.raises(Killed):
        play.rotate("TOKEN", force=True)
    world.revive()
    run = play.plan("TOKEN")["run"]
    play.through(run, Phase.ROLLED_OUT)
    world.log.clear()
    world.put("app", {"TOKEN": world.issued[first_id(play)].value})
    assert play.through(run, Phase.REVOKED)["failed"]
    assert disabled() == ["enable"]
    assert "was changed" in play.output


def test_a_disabling_that_cannot_be_taken_back_is_told_with_its_reason(
    play: Play, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    disables_and_falls_ill(play, monkeypatch)
    world.fail("enable", PermissionDeniedError("you may not"))
    assert play.rotate("TOKEN", force=True)["failed"]
    assert "self-test of ci no longer holds: ci is sick" in play.output
    assert "was disabled before that, and its provider does not enable it again: you may not" in play.output
    assert play.rotate("TOKEN")["failed"]
    assert not world.services["ci"].sick, "the next run has enabled it"


# After a revoke, which nobody can take back


def falls_ill_at_the_revoke(play: Play) -> None:
    def fall_ill() -> None:
        play.world.services["ci"].sick = True

    play.world.after["revoke"] = fall_ill


def test_a_check_that_fails_after_the_revoke_ends_red_and_says_what_to_do(play: Play, world: World) -> None:
    falls_ill_at_the_revoke(play)
    assert play.rotate("TOKEN", force=True)["failed"]
    assert proof(play) == "refused"
    assert "HELD  TOKEN at after the revoke" in play.output
    assert "is revoked, which cannot be taken back, and self-test of ci no longer holds: ci is sick" in play.output
    assert "Find what still used the old one, and mend it" in play.output
    assert "go back:  not possible" in play.output

    assert play.rotate()["failed"], "the night's run is red, too"
    world.services["ci"].sick = False
    assert not play.rotate()["failed"], play.output
    assert not play.plan()["go"]


def test_a_run_that_died_after_the_revoke_leaves_its_checks_to_the_next(play: Play, world: World) -> None:
    plan = play.plan("TOKEN", force=True)
    play.through(plan["run"], Phase.ROLLED_OUT)
    world.log.clear()
    world.fail("test", Killed(), "app")
    with pytest.raises(Killed):
        play.advance(plan["run"], Phase.REVOKED)
    world.revive()
    world.log.clear()
    assert not play.rotate()["failed"], play.output
    assert [what for kind, what in world.log if kind == "test"] == ["app", "ci"]
    assert "its checks have yet to hold since the old one was revoked" in play.output
    assert "its checks run again after it" in play.output


def test_a_new_check_is_not_taken_for_one_that_is_left_from_a_revoke(play: Play) -> None:
    assert not play.rotate("TOKEN", force=True)["failed"]
    for step in play.map["TOKEN"]["rollout"]:
        step["verify"].append({**step["verify"][0], "proves": "life"})
    assert not play.plan()["go"]


# After a grace, when what was proven is old


@pytest.fixture
def late(make_play: Callable[..., Play], world: World) -> Play:
    """The old one has had its grace."""
    play = make_play(secret_map={"TOKEN": token_map(revoke={"after": "1d"})})
    rotate_once(play)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    world.clock.pass_(days=2)
    world.log.clear()
    play.lines.clear()
    return play


def test_checks_run_anew_after_a_grace_and_a_failing_one_holds_the_revoke(late: Play, world: World) -> None:
    old, new = late.state("TOKEN").credentials
    world.services["ci"].sick = True
    assert late.rotate()["failed"]
    assert f"{old.name} is not revoked: self-test of ci no longer holds: ci is sick" in late.output
    assert "after 1d, when its checks hold once more" in late.output

    world.services["ci"].sick = False
    world.log.clear()
    assert not late.rotate()["failed"], late.output
    order = [("test", "app"), ("test", "ci"), ("show", new.name), ("revoke", str(old.provider_id))]
    tested = world.log.index(order[0])
    assert [one for one in world.log[tested:] if one in order][:4] == order


def test_a_check_anew_does_not_go_on_where_an_earlier_one_stopped(late: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    recalled = []

    def run(_check: SelfTest, _credential: Credential, checkpoint: Checkpoint) -> Evidence:
        recalled.append(checkpoint.recall())
        checkpoint.record({"run": 7})
        raise UnavailableError("no answer")

    monkeypatch.setattr(SelfTest, "run", run)
    assert late.rotate()["failed"]
    assert late.rotate()["failed"]
    assert recalled == [{}] * 4


def test_check_is_told_the_old_value_that_is_kept_and_when_its_grace_is_over(
    make_play: Callable[..., Play], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def run(check: SelfTest, credential: Credential, _checkpoint: Checkpoint) -> Evidence:
        told.append((check.before_revoke, check.replaced and check.replaced.name, credential.name))
        return {}

    play = make_play(secret_map={"TOKEN": token_map(revoke={"after": "1d"}, retain="current")})
    rotate_once(play)
    monkeypatch.setattr(SelfTest, "run", run)
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    first, second = (row.name for row in play.state("TOKEN").credentials if row.has_value)
    assert told == [(False, first, second)] * 2
    world.clock.pass_(days=2)
    assert not play.rotate()["failed"], play.output
    assert told[2:] == [(True, first, second)] * 2 + [(True, None, second)] * 2, "the revoke has dropped the old value"


def test_a_value_that_nobody_issued_ends_after_its_grace_when_its_checks_hold(
    make_play: Callable[..., Play], world: World
) -> None:
    issuer = {"type": "test.plain.password", "world": world.name}
    play = make_play(secret_map={"TOKEN": token_map(revoke={"after": "1d"}) | {"issuer": issuer}})
    play.rotate("TOKEN")
    assert not play.rotate("TOKEN", force=True)["failed"], play.output
    world.clock.pass_(days=2)
    world.services["ci"].sick = True
    assert play.rotate("TOKEN")["failed"]
    assert "is not taken for ended: self-test of ci no longer holds: ci is sick" in play.output
    world.services["ci"].sick = False
    assert not play.rotate("TOKEN")["failed"], play.output
    assert proof(play) == "gone from every copy"


def test_a_run_that_only_revokes_ends_what_has_had_its_grace(late: Play, world: World) -> None:
    assert not late.rotate(only_revoke=True)["failed"], late.output
    assert [kind for kind, _what in world.log if kind in ("mint", "write", "revoke")] == ["revoke"]


def test_a_run_that_only_revokes_begins_nothing(late: Play, world: World) -> None:
    step = {**token_map()["rollout"][0], "copies": [{"store": "cloud", "box": "new"}]}
    late.map = {"TOKEN": token_map(revoke={"after": "7d"}, max_age="1d"), "NEW": token_map(rollout=[step])}
    world.put("new", {})
    assert not late.rotate(only_revoke=True, force=True)["failed"], late.output
    assert "NEW   this ledger knows no credential of it: nothing to do, since this run only revokes" in late.output
    assert [kind for kind, _what in world.log if kind in ("mint", "write", "revoke")] == []
    assert "WAITING  TOKEN" in late.output, "it is due, and its old one has its grace"


def test_a_run_that_only_revokes_rolls_nothing_out(late: Play, world: World) -> None:
    assert not late.rotate()["failed"], late.output
    world.fail("write", PermissionDeniedError("no (status 403)"), "ci")
    assert late.rotate("TOKEN", force=True)["failed"]
    world.log.clear()
    assert not late.rotate("TOKEN", only_revoke=True)["go"]
    assert "a rotation is under way: nothing to do, since this run only revokes" in late.output
    assert [kind for kind, _what in world.log if kind in ("mint", "write", "revoke")] == []


def test_nothing_is_checked_anew_with_a_value_that_is_not_kept(late: Play, world: World) -> None:
    """As for one that a person names after the rotation that has replaced it."""
    assert not late.rotate()["failed"], late.output
    world.log.clear()
    world.named.add(old := next(one.id for one in world.issued.values() if one.name == "made by hand"))
    assert not late.rotate("TOKEN", adopt={"TOKEN": old})["failed"], late.output
    assert world.issued[old].revoked
    assert [kind for kind, _what in world.log if kind == "test"] == []
