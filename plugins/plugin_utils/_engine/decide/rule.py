# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one rule by which anything is revoked, as a pure function of the map and the ledger; the start is `obstacles`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..secret_map.model import Copy, Secret, key_id
from .state import CredentialRow, Intent, Mark, Order, Origin, SecretState, replacement_of


def obstacles(secret: Secret, state: SecretState, row: CredentialRow, order: Order) -> list[str]:
    """**The one rule.** Why ``row`` must not be revoked now; empty when it may.

    No copy holds it, no known consumer runs on it, and a verified replacement is in every copy. The last clause is
    also met by a credential that was never handed out: this ledger wrote it nowhere, and every copy is still as it was
    before it was minted.
    """
    found = uses(state, row)
    found += [
        f"{name} had it when it was adopted, and has left the map" for name in untracked_holders(secret, state, row)
    ]
    if never_handed_out(state, row, order):
        return found
    replacement = replacement_of(state, order)
    if replacement is None or replacement.id == row.id:
        return [*found, "there is nothing in its place"]
    return found + missing_proof(secret, state, replacement)


def never_handed_out(state: SecretState, row: CredentialRow, order: Order) -> bool:
    """Whether no write of this ledger put ``row`` anywhere, and nobody has changed a copy in between."""
    return row.origin is not Origin.ADOPTED and row.id not in state.distributed and not order.moved


def as_left(state: SecretState, row: CredentialRow, order: Order, copy: Copy) -> Mapping[str, Any] | None:
    """Evidence of a copy as this ledger wrote it, or found it before ``row`` was made.

    None: it has not seen it, or not since a person said that what is there may be overwritten.
    """
    mark = state.holdings.get(copy.id)
    before = {} if copy.id in order.moved else row.baseline
    return mark.evidence if mark else {**before, **order.baseline}.get(copy.id)


def look_of(state: SecretState, order: Order, copy: Copy, about: int | None) -> Intent | None:
    """The look of this run at a copy on a host, made when it was to hold the credential ``about``.

    None as ``about``: made before a mint. What was seen before a write is thus no evidence for a revoke after it.
    """
    look = state.looks.get(copy.id)
    return look if look and look.run == order.run and look.credential == about else None


def uses(state: SecretState, row: CredentialRow) -> list[str]:
    """Who has ``row``, or may have it: an effect of unknown outcome counts as one that was made."""
    found = [f"{mark.label} holds it" for mark in state.holdings.values() if mark.credential == row.id]
    found += [f"{name} runs on it" for name, mark in state.running.items() if mark.credential == row.id]
    doubts = [intent for intent in state.intents if intent.credential == row.id and intent.unresolved]
    found += [f"{i.target} may hold it: a write got no answer" for i in doubts if i.kind == "write"]
    found += [f"{i.target} may run on it: a reload did not end well" for i in doubts if i.kind == "reload"]
    return found


def unmapped_holders(secret: Secret, state: SecretState, row: CredentialRow | None = None) -> list[str]:
    """Copies and consumers that have left the map, and that the ledger still knows (to have ``row``, if given)."""
    mapped = secret.places
    marks = [*state.holdings.items(), *state.running.items()]
    doubts = [(i.target, i) for i in state.intents if i.unresolved and i.kind in ("write", "reload")]
    known = [
        name for name, mark in [*marks, *doubts] if name not in mapped and (row is None or mark.credential == row.id)
    ]
    adopted = [row] if row else [each for each in state.credentials if each.alive]
    return list(dict.fromkeys(known + [name for each in adopted for name in untracked_holders(secret, state, each)]))


def untracked_holders(secret: Secret, state: SecretState, row: CredentialRow) -> list[str]:
    """What had an adopted ``row``, and left the map before this ledger changed it: copies, keys of one, consumers."""
    if row.origin is not Origin.ADOPTED:
        return []
    keys = {key_id(copy, key) for copy, mark in state.holdings.items() for key in mark.keys or ()}
    left = row.baseline.keys() - state.holdings.keys() - keys - state.running.keys() - secret.places
    return sorted(name for name in left if name.rpartition("#")[0] not in left)  # a copy stands for its keys


def holds(state: SecretState, copy: Copy, credential: int | None) -> bool:
    """Whether a copy holds that credential in every key that the map gives it now."""
    mark = state.holdings.get(copy.id)
    return mark is not None and mark.credential == credential and mark.keys == copy.keys


def missing_proof(secret: Secret, state: SecretState, replacement: CredentialRow) -> list[str]:
    """What is still lacking until ``replacement`` is verified in every copy and every consumer runs on it."""

    def on_it(mark: Mark | None) -> bool:
        return mark is not None and mark.credential == replacement.id

    name = replacement.name
    found = [f"{copy.label} does not hold {name}" for copy in secret.copies if not holds(state, copy, replacement.id)]
    found += [f"{who} does not run on {name}" for who in secret.consumers if not on_it(state.running.get(who))]
    for step in secret.steps:
        marks = [state.proofs.get((step.name, check.key)) for check in step.verify]
        if not all(map(on_it, marks)):
            found.append(f"{step.name}: not every check has proven {name}")
        elif secret.revoke.accept == "use" and not any(mark and mark.label == "use" for mark in marks):
            found.append(f"{step.name}: nothing has proven that {name} is in use")
    return found
