# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner as what it is: a pure function. What is left to do in every state."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Traits
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide import case, planner
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.case import Case
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import (
    ActionKind,
    CredentialState,
    Order,
    Origin,
    SecretState,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.model import Revoke, Secret, Step
from tests.unit.engine.states import (
    API,
    APP,
    BACK,
    CI,
    CURRENT,
    FINISHED,
    FORWARD,
    MINT,
    NEW,
    NOW,
    OLD,
    OURS,
    PENDING,
    SECRET,
    everywhere,
    intent,
    on,
    row,
)


def plan(
    state: SecretState, order: Order = FORWARD, secret: Secret = SECRET, traits: Traits = API, **more: Any
) -> list[str]:
    """What is left, as ``kind:about``."""
    picked = more.get("picked", lambda step: True)
    actions = planner.remaining(Case(secret, state, order, traits, NOW), picked)
    return [
        f"{a.kind}:{a.target if a.kind in ('write', 'reload') else '' if a.step is not None else a.credential}"
        for a in actions
    ]


ROLL_OUT = ["write:fly:app", "reload:app", "verify:", "write:fly:ci", "reload:ci", "verify:"]


def test_a_first_rotation_does_everything_in_order() -> None:
    assert plan(SecretState(), Order("S", mint=True)) == ["mint:None", "accept:None", *ROLL_OUT, "promote:None"]


def test_a_rotation_ends_with_the_revocation_of_what_it_replaced_and_the_value_is_dropped() -> None:
    assert plan(everywhere(OLD, CURRENT), MINT) == [
        "mint:None", "accept:None", *ROLL_OUT, "promote:None", "revoke:1",
    ]  # fmt: skip
    assert plan(FINISHED) == ["revoke:1", "purge_value:2"]
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
    fresh = everywhere(OLD, CURRENT, PENDING, distributed=frozenset({OLD}))
    assert plan(fresh)[0] == "accept:2"
    *older, newest = fresh.credentials
    accepted = replace(fresh, credentials=(*older, replace(newest, accepted_at=NOW)))
    assert plan(accepted)[0] == "write:fly:app"
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
    found = everywhere(OLD, CURRENT, orphan, distributed=frozenset({OLD}))
    assert plan(found, MINT)[:2] == ["revoke_orphan:2", "mint:None"]


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
    assert plan(done, picked=staging) == ["promote:2", "revoke:1", "purge_value:2"]


def test_the_grace_is_counted_from_when_the_new_one_was_proven_everywhere() -> None:
    grace = replace(SECRET, revoke=Revoke(after=timedelta(days=2)))
    actions = planner.remaining(Case(grace, FINISHED, FORWARD, API, NOW), lambda step: True)
    assert [action.kind for action in actions] == ["wait", "revoke", "purge_value"]
    assert actions[0].until == NOW + timedelta(days=2)
    later = planner.remaining(Case(grace, FINISHED, FORWARD, API, NOW + timedelta(days=2)), lambda step: True)
    assert [action.kind for action in later] == ["revoke", "purge_value"]


def test_what_failed_needs_no_grace_and_what_was_in_use_keeps_its_own_when_one_goes_back() -> None:
    grace = replace(SECRET, revoke=Revoke(after=timedelta(days=20)))
    state = everywhere(OLD, row(0, CredentialState.PREVIOUS), CURRENT, PENDING)
    assert plan(state, BACK, grace)[:5] == ["accept:1", "discard:2", "revoke:2", "wait:None", "revoke:0"]


@pytest.mark.parametrize(
    ("action", "phase"),
    [
        ("mint", 1),
        ("accept", 1),
        ("recover", 1),
        ("revoke_orphan", 1),
        ("write", 2),
        ("promote", 2),
        ("wait", 3),
        ("revoke", 3),
    ],
)
def test_each_action_belongs_to_one_phase(action: str, phase: int) -> None:
    assert planner.Action(ActionKind(action)).phase == phase


def test_going_back_writes_the_old_value_wherever_the_new_one_is_then_revokes_the_new() -> None:
    state = everywhere(OLD, replace(CURRENT), PENDING, holdings=on(NEW, APP) | on(OLD, CI))
    assert plan(state, BACK, replace(SECRET, retain="current")) == [
        "accept:1", "write:fly:app", "reload:app", "verify:", "discard:2", "revoke:2",
    ]  # fmt: skip


def test_before_the_first_write_going_back_is_to_revoke_what_was_minted() -> None:
    valueless = replace(CURRENT, sealed={})
    state = everywhere(OLD, valueless, PENDING, distributed=frozenset({OLD}))
    assert case.rollback_problem(SECRET, state, API) is None
    assert plan(state, BACK) == ["discard:2", "revoke:2"]
    assert plan(SecretState((PENDING,)), BACK) == ["discard:2", "revoke:2"]


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
            SecretState((PENDING,), on(NEW, APP), distributed=frozenset({NEW})),
            "the old value of fly app app is not known here",
        ),
        (
            SecretState((PENDING,), intents=(intent("write", CI.id, NEW),), distributed=frozenset({NEW})),
            "the old value of fly app ci is not known here",
        ),
        (
            SecretState((PENDING,), intents=(intent("write", "fly:gone", NEW),), distributed=frozenset({NEW})),
            "the old value of fly:gone is not known here",
        ),
    ],
)
def test_there_is_a_way_back_only_where_every_old_value_is_known(state: SecretState, problem: str | None) -> None:
    assert case.rollback_problem(SECRET, state, API) == problem


def test_what_was_begun_and_undone_to_the_end_is_not_under_way() -> None:
    assert not case.is_under_way(everywhere(OLD, CURRENT, row(NEW, CredentialState.REVOKED)))
    assert case.is_under_way(everywhere(OLD, CURRENT, row(NEW, CredentialState.ABANDONED)))
