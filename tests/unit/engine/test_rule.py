# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one rule by which anything is revoked, clause by clause."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide import rule
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.case import Case
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import (
    CredentialState,
    IntentState,
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
    LIFE,
    NEW,
    NOW,
    OLD,
    PENDING,
    SECRET,
    USE,
    copy,
    everywhere,
    intent,
    mark,
    on,
    proven,
    row,
)


def obstacles(state: SecretState, which: int = OLD, order: Order = FORWARD, secret: Secret = SECRET) -> str:
    found = state.credential(which)
    assert found
    return "; ".join(rule.obstacles(Case(secret, state, order, API, NOW), found))


def test_what_nobody_holds_and_a_verified_credential_replaces_may_be_revoked() -> None:
    assert obstacles(FINISHED) == ""


def test_what_a_copy_holds_is_not_revoked() -> None:
    state = replace(FINISHED, holdings={**FINISHED.holdings, **on(OLD, APP)})
    assert "fly app app holds it" in obstacles(state)


def test_what_a_copy_that_left_the_map_holds_is_not_revoked() -> None:
    state = replace(FINISHED, holdings={**FINISHED.holdings, **on(OLD, copy("gone"))})
    assert obstacles(state) == "fly app gone holds it"


def test_what_a_consumer_runs_on_is_not_revoked_even_if_the_map_forgot_it() -> None:
    state = replace(FINISHED, running={**FINISHED.running, "gone": mark(OLD)})
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
    state = replace(FINISHED, holdings={**FINISHED.holdings, CI.id: mark(NEW, keys={"OTHER": "${token}"})})
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
    state = everywhere(OLD, CURRENT, orphan, distributed=frozenset({OLD}))
    assert obstacles(state, NEW) == ""


def test_an_orphan_waits_for_a_replacement_once_a_copy_is_not_as_it_was() -> None:
    orphan = row(NEW, CredentialState.ABANDONED, Origin.ORPHAN, value=False)
    state = SecretState((orphan,))
    assert obstacles(state, NEW, Order("S", mint=True, drifted=(APP.id,))) == "there is nothing in its place"


def test_a_credential_that_was_handed_out_needs_a_replacement_even_if_nobody_is_known_to_hold_it() -> None:
    state = SecretState((PENDING,), distributed=frozenset({NEW}))
    assert obstacles(state, NEW, BACK) == "there is nothing in its place"


def test_a_credential_that_was_proven_without_a_copy_needs_a_replacement() -> None:
    """As a key that signs at its provider: nobody holds it, and everything depends on it."""
    assert obstacles(SecretState((CURRENT,))) == "there is nothing in its place"


def test_a_credential_whose_identity_its_replacement_has_is_not_revoked() -> None:
    """As where a role was given a new password: to lock it out would end both."""
    old, new = FINISHED.credentials
    state = replace(FINISHED, credentials=(replace(old, provider_id=new.provider_id), new))
    assert obstacles(state) == "what has taken its place has the same identity, and would end with it"
