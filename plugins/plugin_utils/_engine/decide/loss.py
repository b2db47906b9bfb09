# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do about a credential that has ended before its time, by the ledger, the options and its provider's word."""

from __future__ import annotations

from dataclasses import dataclass

from ....module_utils._core.contracts import Traits
from ..secret_map.model import Secret
from .selection import DueStatus, RunOptions
from .state import ActionKind, CredentialRow, CredentialState, Life, Origin, SecretState

_DEAD = "production runs on a dead credential"


@dataclass(frozen=True)
class Loss:
    """Hold a credential that has ended, or may have; ``problem`` says why no other takes its place in this run."""

    row: CredentialRow
    life: Life
    status: DueStatus
    why: str
    problem: str = ""


def relied_on(state: SecretState, traits: Traits) -> CredentialRow | None:
    """Find the credential on which everything rests: the new one, or else the one in use.

    None while our own mint may have ended it, or the new one has yet to be made valid.
    """
    if state.intent(ActionKind.ACTIVATE) or (state.intent(ActionKind.MINT) and traits.ends_the_old):
        return None
    if state.pending and traits.activates and not state.pending.in_force_since:
        return None
    return state.pending or state.unreplaced or state.current


def proof_of(secret: Secret) -> ActionKind:
    """Return which actions show that a new credential works: the checks, or the reloads of a secret without any."""
    return ActionKind.VERIFY if any(secret.checks) else ActionKind.RELOAD


def assess_loss(secret: Secret, state: SecretState, life: Life, traits: Traits, options: RunOptions) -> Loss | None:
    """Decide about the credential that is relied on; None where nothing is known to be wrong with it."""
    name = secret.name
    row = relied_on(state, traits)
    if row is None:
        return None
    if row == state.unreplaced:
        return Loss(row, life, DueStatus.UNFINISHED, f"{row.name} was given up, and nothing has taken its place yet")
    asked = options.force and name in options.only
    if row.state is CredentialState.PENDING:
        return _loss_of_new(secret, state, row, life, traits, asked=asked)
    return _loss_of_current(name, row, life, named=name in options.only, asked=asked)


def _loss_of_new(
    secret: Secret, state: SecretState, row: CredentialRow, life: Life, traits: Traits, *, asked: bool
) -> Loss | None:
    """Give up one new credential by the provider's word; any further one, and one never accepted, by a person's.

    Where the provider says nothing, that word counts once a proof has failed: else the same command, given again
    after a crash, would give up what is sound.
    """
    certain = life.is_over or life is Life.REFUSED_ALONE
    anew = ", in a new cut-over" if traits.cuts_over else ""
    why = f"a rotation is under way, and its new credential {row.name} {life}: another takes its place{anew}"
    loss = Loss(row, life, DueStatus.UNFINISHED, why)
    if certain and row.was_valid and not state.given_up:
        return loss
    elsewhere = life is Life.ELSEWHERE
    silent = life is Life.UNKNOWN and (proof_of(secret), row.id) not in state.failed
    # a dead identity is given anew, and so it has to be dead for certain
    doubted = life.is_refused or elsewhere or not (life is Life.LIVES or silent or traits.alternating)
    if asked and (certain or doubted):
        return loss
    if not (certain or elsewhere or life.is_refused):
        return None
    before = "; another was given up before it" if state.given_up else ""
    reason = before if row.was_valid else "; it was never accepted"
    problem = f"{row.name}, the new one, {life}{reason}. Find out why; then {_word(secret.name)}"
    return Loss(row, life, DueStatus.UNFINISHED, "a rotation is under way", problem)


def _loss_of_current(name: str, row: CredentialRow, life: Life, *, named: bool, asked: bool) -> Loss | None:
    """Replace the one in use where it is dead: listed as ended or refused. One that is not listed may be a slip."""
    dead = life.is_over or life.is_refused
    by_word = asked and life in (Life.ABSENT, Life.REFUSED_LISTED) and row.origin is Origin.MINTED
    if not (dead or by_word):
        return None
    subject = "the credential named as the one in use is dead" if row.origin is Origin.ADOPTED else _DEAD
    why = f"{subject}: {row.name} {life}"
    problem = "" if named else f"{why}. Rotate it: -e rotate_only={name}"
    return Loss(row, life, DueStatus.DEAD, why, problem)


def _word(name: str) -> str:
    return f"-e rotate_only={name} -e rotate_force=true makes another in its place"
