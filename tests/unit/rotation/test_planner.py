# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner as what it is: a pure function. The one rule, clause by clause, and what is left to do in every state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Overlap, Recover, Traits
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation import planner, rule
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.model import (
    Check,
    Copy,
    Part,
    Revoke,
    Secret,
    Step,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.state import (
    CredentialRow,
    CredentialState,
    Intent,
    IntentState,
    Mark,
    Order,
    Origin,
    SecretState,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)
API = Traits("provider", Overlap.OPEN, "api", Recover.RECONCILE)
OURS = Traits("ours", Overlap.OPEN, "auto", Recover.OURS)
KEYS = {"TOKEN": "${token}"}
USE = Check("http", None, {"url": "a"}, "use")
LIFE = Check("http", None, {"url": "b"}, "life")
OLD, NEW = 1, 2


def copy(name: str) -> Copy:
    return Copy("fly", "fly", {"app": name}, KEYS, f"fly:{name}", f"fly app {name}")


APP, CI = copy("app"), copy("ci")
SECRET = Secret(
    "S",
    Part("token", None, {}),
    (Step("one", (APP,), ("app",), (USE,)), Step("two", (CI,), ("ci",), (USE,), environment="production")),
)


def row(number: int, state: CredentialState, origin: Origin = Origin.MINTED, *, value: bool = True, **more: Any) -> Any:
    sealed = {"token": "sealed"} if value else {}
    return CredentialRow(number, "S", f"rotor-{number}", f"id-{number}", state, origin, "f", sealed, {}, **more)


def mark(credential: int, label: str = "", keys: Any = None) -> Mark:
    return Mark(credential, {}, NOW, label, KEYS if keys is None else keys)


def on(credential: int, *copies: Copy) -> dict[str, Mark]:
    return {copy.id: mark(credential, copy.label) for copy in copies}


def proven(credential: int, *steps: str, check: Check = USE) -> dict[tuple[str, str], Mark]:
    return {(step, check.key): mark(credential, check.proves) for step in steps}


def everywhere(credential: int, *rows: CredentialRow, **more: Any) -> SecretState:
    """Every copy holds it, every consumer runs on it, every step has proven it."""
    return replace(
        SecretState(
            credentials=rows,
            holdings=on(credential, APP, CI),
            running={"app": mark(credential), "ci": mark(credential)},
            proofs=proven(credential, "one", "two"),
            handed_out=frozenset({one.id for one in rows}),
        ),
        **more,
    )


CURRENT = row(OLD, CredentialState.CURRENT, closed_at=NOW - timedelta(days=9))
PREVIOUS = row(OLD, CredentialState.PREVIOUS)
PENDING = row(NEW, CredentialState.PENDING)
FINISHED = everywhere(NEW, PREVIOUS, row(NEW, CredentialState.CURRENT, closed_at=NOW))
MINT = Order("S", mint=True, base=OLD)
FORWARD = Order("S")
BACK = Order("S", rollback=True)


def intent(kind: str, target: str, credential: int | None, state: IntentState = IntentState.UNKNOWN) -> Intent:
    return Intent(9, "run", kind, target, credential, state)


def plan(
    state: SecretState, order: Order = FORWARD, secret: Secret = SECRET, traits: Traits = API, **more: Any
) -> list[str]:
    """What is left, as ``kind:about``."""
    picked = more.get("picked", lambda step: True)
    actions = planner.remaining(secret, state, order, traits, NOW, picked)
    return [
        f"{a.kind}:{a.target if a.kind in ('write', 'reload') else '' if a.step is not None else a.credential}"
        for a in actions
    ]


ROLL_OUT = ["write:fly:app", "reload:app", "verify:", "write:fly:ci", "reload:ci", "verify:"]


# -- the one rule -----------------------------------------------------------------------------------------------------


def obstacles(state: SecretState, which: int = OLD, order: Order = FORWARD, secret: Secret = SECRET) -> str:
    found = state.credential(which)
    assert found
    return "; ".join(rule.obstacles(secret, state, found, order))


def test_what_nobody_holds_and_a_verified_credential_replaces_may_be_revoked() -> None:
    assert obstacles(FINISHED) == ""


def test_what_a_copy_holds_is_not_revoked() -> None:
    state = replace(FINISHED, holdings=FINISHED.holdings | on(OLD, APP))
    assert "fly app app holds it" in obstacles(state)


def test_what_a_copy_that_left_the_map_holds_is_not_revoked() -> None:
    state = replace(FINISHED, holdings=FINISHED.holdings | on(OLD, copy("gone")))
    assert obstacles(state) == "fly app gone holds it"


def test_what_a_consumer_runs_on_is_not_revoked_even_if_the_map_forgot_it() -> None:
    state = replace(FINISHED, running=FINISHED.running | {"gone": mark(OLD)})
    assert obstacles(state) == "gone runs on it"


def test_what_a_lost_write_may_have_put_somewhere_is_not_revoked() -> None:
    state = replace(FINISHED, intents=(intent("write", "fly:app", OLD),))
    assert "fly:app may hold it" in obstacles(state)


def test_what_a_reload_that_ended_badly_may_have_started_is_not_revoked() -> None:
    state = replace(FINISHED, intents=(intent("reload", "app", OLD),))
    assert "app may run on it" in obstacles(state)


def test_work_that_ansible_has_yet_to_begin_is_no_doubt() -> None:
    state = replace(FINISHED, intents=(intent("reload", "app", OLD, IntentState.WAITING),))
    assert obstacles(state) == ""


def test_nothing_is_revoked_while_a_copy_lacks_the_replacement() -> None:
    state = replace(FINISHED, holdings=on(NEW, APP))
    assert obstacles(state) == "fly app ci does not hold rotor-2"


def test_nothing_is_revoked_while_a_key_of_a_copy_lacks_the_replacement() -> None:
    state = replace(FINISHED, holdings=FINISHED.holdings | {CI.id: mark(NEW, keys={"OTHER": "${token}"})})
    assert obstacles(state) == "fly app ci does not hold rotor-2"


def test_nothing_is_revoked_while_a_consumer_does_not_run_on_the_replacement() -> None:
    assert obstacles(replace(FINISHED, running={"app": mark(NEW)})) == "ci does not run on rotor-2"


def test_nothing_is_revoked_while_a_check_has_not_proven_the_replacement() -> None:
    state = replace(FINISHED, proofs=proven(NEW, "one") | proven(OLD, "two"))
    assert obstacles(state) == "two: not every check has proven rotor-2"


def test_a_proof_of_life_is_not_enough_unless_the_map_accepts_it() -> None:
    steps = (Step("one", (APP, CI), ("app", "ci"), (LIFE,)),)
    state = replace(FINISHED, proofs=proven(NEW, "one", check=LIFE))
    assert obstacles(state, secret=replace(SECRET, steps=steps)) == "one: nothing has proven that rotor-2 is in use"
    accepting = replace(SECRET, steps=steps, revoke=Revoke(accept="life"))
    assert obstacles(state, secret=accepting) == ""


def test_a_check_that_was_edited_has_proven_nothing() -> None:
    assert replace(USE, options={"url": "c"}).key != USE.key
    assert replace(USE, proves="life").key != USE.key
    assert replace(USE).key == USE.key


def test_a_credential_is_not_its_own_replacement() -> None:
    state = everywhere(NEW, CURRENT, holdings={}, running={})
    assert obstacles(state) == "there is nothing in its place"


def test_an_adopted_credential_needs_a_replacement_although_this_ledger_wrote_it_nowhere() -> None:
    adopted = row(OLD, CredentialState.CURRENT, Origin.ADOPTED, value=False)
    assert "nothing in its place" in obstacles(SecretState((adopted,)))
    assert "does not hold rotor-2" in obstacles(
        SecretState((replace(adopted, state=CredentialState.PREVIOUS), PENDING))
    )


def test_an_orphan_that_was_written_nowhere_may_go_before_there_is_a_replacement() -> None:
    orphan = row(NEW, CredentialState.ABANDONED, Origin.ORPHAN, value=False)
    state = everywhere(OLD, CURRENT, orphan, handed_out=frozenset({OLD}))
    assert obstacles(state, NEW) == ""


def test_an_orphan_waits_for_a_replacement_once_a_copy_is_not_as_it_was() -> None:
    orphan = row(NEW, CredentialState.ABANDONED, Origin.ORPHAN, value=False)
    state = SecretState((orphan,))
    assert obstacles(state, NEW, Order("S", mint=True, moved=(APP.id,))) == "there is nothing in its place"


def test_a_credential_that_was_handed_out_needs_a_replacement_even_if_nobody_is_known_to_hold_it() -> None:
    state = SecretState((PENDING,), handed_out=frozenset({NEW}))
    assert obstacles(state, NEW, BACK) == "there is nothing in its place"


# -- what is left to do -----------------------------------------------------------------------------------------------


def test_a_first_rotation_does_everything_in_order() -> None:
    assert plan(SecretState(), Order("S", mint=True)) == ["mint:None", "accept:None", *ROLL_OUT, "close:None"]


def test_a_rotation_ends_with_the_revocation_of_what_it_replaced_and_the_value_is_dropped() -> None:
    assert plan(everywhere(OLD, CURRENT), MINT) == [
        "mint:None", "accept:None", *ROLL_OUT, "close:None", "revoke:1",
    ]  # fmt: skip
    assert plan(FINISHED) == ["revoke:1", "tidy:2"]
    assert plan(FINISHED, secret=replace(SECRET, retain="current")) == ["revoke:1"]


def test_a_secret_at_rest_has_nothing_left() -> None:
    assert plan(everywhere(OLD, replace(CURRENT, sealed={}))) == []


def test_what_was_minted_is_never_minted_again() -> None:
    state = everywhere(OLD, CURRENT, PENDING)
    assert not [action for action in plan(state, MINT) if action.startswith("mint")]
    assert not [action for action in plan(FINISHED, MINT) if action.startswith("mint")]


def test_a_later_mint_is_wanted_when_the_order_is_younger_than_the_last_one() -> None:
    assert plan(FINISHED, Order("S", mint=True, base=NEW))[0] == "mint:None"


def test_a_new_credential_is_accepted_by_its_provider_before_it_is_written_and_only_then() -> None:
    fresh = everywhere(OLD, CURRENT, PENDING, handed_out=frozenset({OLD}))
    assert plan(fresh)[0] == "accept:2"
    accepted = replace(fresh, proofs=fresh.proofs | {planner.ACCEPTED: mark(NEW)})
    assert plan(accepted)[0] == "write:fly:app"
    stale = replace(fresh, proofs=fresh.proofs | {planner.ACCEPTED: mark(OLD)})
    assert plan(stale)[0] == "accept:2"
    assert plan(fresh, traits=OURS)[0] == "write:fly:app"


def test_a_step_begins_when_the_one_before_it_is_proven() -> None:
    state = everywhere(NEW, CURRENT, PENDING, holdings=on(NEW, APP) | on(OLD, CI), proofs={})
    assert plan(state)[:2] == ["verify:", "write:fly:ci"]


def test_a_write_that_is_due_makes_its_steps_reloads_and_checks_due_again() -> None:
    state = everywhere(NEW, CURRENT, PENDING, intents=(intent("write", APP.id, NEW),))
    assert plan(state)[:3] == ["write:fly:app", "reload:app", "verify:"]


def test_a_reload_of_unknown_outcome_is_made_again() -> None:
    state = everywhere(NEW, CURRENT, PENDING, intents=(intent("reload", "ci", NEW),))
    assert plan(state)[:2] == ["reload:ci", "verify:"]


def test_a_lost_mint_is_looked_for_before_another_and_what_is_found_is_revoked_first() -> None:
    lost = intent("mint", "rotor-2", None)
    assert plan(everywhere(OLD, CURRENT, intents=(lost,)), MINT)[:2] == ["recover:None", "mint:None"]
    orphan = row(NEW, CredentialState.ABANDONED, Origin.ORPHAN, value=False)
    found = everywhere(OLD, CURRENT, orphan, handed_out=frozenset({OLD}))
    assert plan(found, MINT)[:2] == ["clean:2", "mint:None"]


def test_where_we_make_the_value_a_lost_mint_is_simply_made_again() -> None:
    assert (
        plan(SecretState(intents=(intent("mint", "rotor-1", None),)), Order("S", mint=True), traits=OURS)[0]
        == "mint:None"
    )


def test_an_environment_alone_is_rolled_out_but_never_closed_nor_revoked() -> None:
    def staging(step: Step) -> bool:
        return step.environment is None

    state = everywhere(OLD, CURRENT, PENDING)
    assert plan(state, picked=staging) == ["write:fly:app", "reload:app", "verify:"]
    done = everywhere(NEW, CURRENT, PENDING)
    assert plan(done, picked=staging) == ["close:2", "revoke:1", "tidy:2"]


def test_the_grace_is_counted_from_when_the_new_one_was_proven_everywhere() -> None:
    grace = replace(SECRET, revoke=Revoke(after=timedelta(days=2)))
    actions = planner.remaining(grace, FINISHED, FORWARD, API, NOW, lambda step: True)
    assert [action.kind for action in actions] == ["wait", "revoke", "tidy"]
    assert actions[0].until == NOW + timedelta(days=2)
    later = planner.remaining(grace, FINISHED, FORWARD, API, NOW + timedelta(days=2), lambda step: True)
    assert [action.kind for action in later] == ["revoke", "tidy"]


def test_what_failed_needs_no_grace_and_what_was_in_use_keeps_its_own_when_one_goes_back() -> None:
    grace = replace(SECRET, revoke=Revoke(after=timedelta(days=20)))
    state = everywhere(OLD, row(0, CredentialState.PREVIOUS), CURRENT, PENDING)
    assert plan(state, BACK, grace)[:4] == ["abandon:2", "revoke:2", "wait:None", "revoke:0"]


@pytest.mark.parametrize(
    ("action", "phase"),
    [("mint", 1), ("accept", 1), ("recover", 1), ("clean", 1), ("write", 2), ("close", 2), ("wait", 3), ("revoke", 3)],
)
def test_each_action_belongs_to_one_phase(action: str, phase: int) -> None:
    assert planner.Action(action).phase == phase


# -- going back -------------------------------------------------------------------------------------------------------


def test_going_back_writes_the_old_value_wherever_the_new_one_is_then_revokes_the_new() -> None:
    state = everywhere(OLD, replace(CURRENT), PENDING, holdings=on(NEW, APP) | on(OLD, CI))
    assert plan(state, BACK, replace(SECRET, retain="current")) == [
        "write:fly:app", "reload:app", "verify:", "abandon:2", "revoke:2",
    ]  # fmt: skip


def test_before_the_first_write_going_back_is_to_revoke_what_was_minted() -> None:
    valueless = replace(CURRENT, sealed={})
    state = everywhere(OLD, valueless, PENDING, handed_out=frozenset({OLD}))
    assert planner.rollback_problem(SECRET, state, API) is None
    assert plan(state, BACK) == ["abandon:2", "revoke:2"]
    assert plan(SecretState((PENDING,)), BACK) == ["abandon:2", "revoke:2"]


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        (SecretState(), "no rotation of it is under way"),
        (everywhere(OLD, CURRENT), "no rotation of it is under way"),
        (everywhere(OLD, CURRENT, intents=(intent("mint", "rotor-2", None),)), None),
        (everywhere(OLD, CURRENT, row(NEW, CredentialState.ABANDONED)), None),
        (everywhere(NEW, CURRENT, PENDING), None),
        (
            everywhere(NEW, replace(CURRENT, sealed={}), PENDING),
            "the old value of fly app app, fly app ci is not known here",
        ),
        (
            SecretState((PENDING,), on(NEW, APP), handed_out=frozenset({NEW})),
            "the old value of fly app app is not known here",
        ),
        (
            SecretState((PENDING,), intents=(intent("write", CI.id, NEW),), handed_out=frozenset({NEW})),
            "the old value of fly app ci is not known here",
        ),
        (
            SecretState((PENDING,), intents=(intent("write", "fly:gone", NEW),), handed_out=frozenset({NEW})),
            "the old value of fly:gone is not known here",
        ),
    ],
)
def test_there_is_a_way_back_only_where_every_old_value_is_known(state: SecretState, problem: str | None) -> None:
    assert planner.rollback_problem(SECRET, state, API) == problem


def test_what_was_begun_and_undone_to_the_end_is_not_under_way() -> None:
    assert not planner.under_way(everywhere(OLD, CURRENT, row(NEW, CredentialState.REVOKED)))
    assert planner.under_way(everywhere(OLD, CURRENT, row(NEW, CredentialState.ABANDONED)))
