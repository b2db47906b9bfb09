# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one rule by which anything is revoked, as a pure function of map and ledger; the start is `obstacles`.

Beside it stands what its clauses compare copies with: as this ledger left them.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

from ....module_utils._core import registry
from ....module_utils._core.contracts import Revocation
from ....module_utils._core.credential import SecretValue
from ....module_utils._core.outside_text import extra_option
from ..secret_map.model import CheckSpec, Copy, Secret, Step, key_id
from .case import Case, holds
from .state import ActionKind, CredentialRow, Intent, Mark, Origin, SecretState

NEW = "new"
"""In the evidence of a copy: that of its new keys, which the map has added since this ledger wrote the copy."""
RUN = "run"
"""In the evidence of a check on a host: the run in which it held."""


def obstacles(case: Case, row: CredentialRow) -> list[str]:
    """**The one rule.** Say why ``row`` must not be revoked now; empty when it may.

    No copy holds it, no known consumer runs on it, and a verified replacement is in every copy. The last clause is
    also met by a credential that was never handed out: this ledger wrote it nowhere, and every copy is still as it was
    before it was minted.
    """
    secret, state = case.secret, case.state
    lists = {key_id(copy.id, str(row.provider_id)) for copy in secret.copies if copy.accepts}  # they are narrowed
    found = uses(replace(state, holdings={name: state.holdings[name] for name in state.holdings.keys() - lists}), row)
    found += [
        f"{name} had it when it was adopted, and has left the map" for name in untracked_holders(secret, state, row)
    ]
    replacement = case.replacement
    if revokes_by_identity(case) and shares_identity(row, replacement):
        found.append("what has taken its place has the same identity, and would end with it")
    if never_handed_out(case, row):
        return found
    if replacement is None or replacement.id == row.id:
        return [*found, "there is nothing in its place"]
    return found + missing_proof(secret, state, replacement)


def connection_is_late(
    case: Case, name: str, own: Set[SecretValue], old: Set[SecretValue], new: Set[SecretValue]
) -> bool:
    """Whether a connection that was opened with ``own`` may need the value ``old``, in place of which there is ``new``.

    One of which the map says that it uses the credential has to show that it was opened with the new one; going back,
    that it was not with the one that ends.
    """
    if own & (old - new):
        return True
    declared = name in case.secret.connections
    return declared and not (own & (new - old)) and not (case.order.rollback and old)


def revokes_by_identity(case: Case) -> bool:
    """Whether a revoke is a call that ends whatever has the credential's id at its provider."""
    return case.traits.revoke is Revocation.API and not case.traits.cuts_over


def shares_identity(row: CredentialRow, other: CredentialRow | None) -> bool:
    """Whether another credential was given the identity of ``row``, which ended with that."""
    return other is not None and other.id != row.id and bool(row.provider_id) and row.provider_id == other.provider_id


def never_handed_out(case: Case, row: CredentialRow) -> bool:
    """Whether ``row`` was never proven nor written by this ledger, and nobody has changed a copy in between."""
    unknown = row.origin is not Origin.ADOPTED and row.closed_at is None
    untouched = not case.order.drifted and not any(_was_changed(case, row, copy) for copy in case.secret.copies)
    return unknown and row.id not in case.state.distributed and untouched


def _was_changed(case: Case, row: CredentialRow, copy: Copy) -> bool:
    """Whether somebody has changed a copy since ``row`` was made that this ledger has yet to write."""
    before, now = row.baseline.get(copy.id), case.order.baseline.get(copy.id)
    if copy.id in case.state.holdings or not (before and now and "keys" in before and "keys" in now):
        return False
    return not registry.find("stores", copy.type).unchanged(before, now)


def uses(state: SecretState, row: CredentialRow) -> list[str]:
    """Say who has ``row``, or may have it: an effect of unknown outcome counts as one that was made."""
    found = [f"{mark.label} holds it" for mark in state.holdings.values() if mark.credential == row.id]
    found += [f"{name} runs on it" for name, mark in state.running.items() if mark.credential == row.id]
    doubts = [intent for intent in state.intents if intent.credential == row.id and intent.unresolved]
    found += [f"{i.target} may hold it: a write got no answer" for i in doubts if i.kind is ActionKind.WRITE]
    reloads = [i for i in doubts if i.kind is ActionKind.RELOAD]
    why = "others may have released it", "a reload did not end well"
    return found + [f"{i.target} may run on it: {why[0] if i.awaited else why[1]}" for i in reloads]


def admits(case: Case, copy: Copy, row: CredentialRow) -> bool:
    """Whether a copy that lets credentials in has the identity of ``row``, as this ledger saw it last."""
    if not copy.accepts or shares_identity(row, case.replacement):
        return False
    mark, left = case.state.holdings.get(copy.id), key_id(copy.id, str(row.provider_id)) in case.state.holdings
    if mark:
        return left or row.provider_id in mark.evidence["keys"]
    return row.provider_id in copy.keys and not never_handed_out(case, row)


def admissions(case: Case, row: CredentialRow) -> list[str]:
    """Say where ``row`` is still let in: in a list that has it, or by what has yet to read that without it."""
    found = [f"{copy.label} lets it in" for copy in case.secret.copies if admits(case, copy, row)]
    readers = [name for _index, step in case.secret.accepting for name in step.reload]
    return found + [f"{name} has yet to read that it is let in no more" for name in readers if lags(case.state, name)]


def lags(state: SecretState, consumer: str) -> bool:
    """Whether a consumer has yet to read what was narrowed."""
    return consumer in state.running and state.running[consumer].lags


def in_doubt(state: SecretState, copy: Copy) -> bool:
    """Whether an effect of ours on a copy got no answer, so that what differs there may be ours."""
    return any(state.intent(kind, copy.id) for kind in (ActionKind.WRITE, ActionKind.NARROW))


def unmapped_holders(secret: Secret, state: SecretState, row: CredentialRow | None = None) -> list[str]:
    """List copies and consumers that have left the map, and that the ledger still knows (to have ``row``, if given)."""
    mapped = secret.holders
    marks = [*state.holdings.items(), *state.running.items()]
    known: list[tuple[str, int | None]] = [(name, mark.credential) for name, mark in marks]
    kinds = (ActionKind.WRITE, ActionKind.RELOAD)
    known += [(i.target, i.credential) for i in state.intents if i.unresolved and i.kind in kinds]
    left = [name for name, credential in known if name not in mapped and (row is None or credential == row.id)]
    adopted = [row] if row else [each for each in state.credentials if each.alive]
    return list(dict.fromkeys(left + [name for each in adopted for name in untracked_holders(secret, state, each)]))


def untracked_holders(secret: Secret, state: SecretState, row: CredentialRow) -> list[str]:
    """List what had an adopted ``row`` and left the map before this ledger changed it: copies, keys, consumers."""
    if row.origin is not Origin.ADOPTED:
        return []
    keys = {key_id(copy, key) for copy, mark in state.holdings.items() for key in mark.keys or ()}
    left = row.baseline.keys() - state.holdings.keys() - keys - state.running.keys() - secret.holders
    return sorted(name for name in left if name.rpartition("#")[0] not in left)  # a copy stands for its keys


def missing_proof(secret: Secret, state: SecretState, replacement: CredentialRow) -> list[str]:
    """Say what is lacking until ``replacement`` is verified in every copy and every consumer runs on it."""

    def on_it(mark: Mark | None) -> bool:
        return mark is not None and mark.credential == replacement.id

    name = replacement.name
    found = [f"{copy.label} does not hold {name}" for copy in secret.copies if not holds(state, copy, replacement.id)]
    found += [f"{who} does not run on {name}" for who in secret.consumers if not on_it(state.running.get(who))]
    for step in secret.steps:
        marks = [state.proofs.get((step.name, check.key)) for check in step.verify]
        used = step.accepts or any(mark and mark.label == "use" for mark in marks)
        if not all(map(on_it, marks)):
            found.append(f"{step.name}: not every check has proven {name}")
        elif secret.revoke.accept == "use" and not used:
            found.append(f"{step.name}: nothing has proven that {name} is in use")
    return found


# -- copies as this ledger left them ------------------------------------------------------------------------------


def as_left(case: Case, row: CredentialRow, copy: Copy) -> Mapping[str, Any] | None:
    """Return evidence of a copy as this ledger wrote it, or found it before ``row`` was made.

    None: it has not seen it, or not since a person said that what is there may be overwritten.
    """
    mark = case.state.holdings.get(copy.id)
    before = {} if copy.id in case.order.drifted else row.baseline
    return mark.evidence if mark else {**before, **case.order.baseline}.get(copy.id)


def since(case: Case, row: CredentialRow, copy: Copy) -> Mapping[str, Any] | None:
    """Return the evidence that a copy has to fit as it is written: as it was left, and the keys that are new."""
    left, mark = as_left(case, row, copy), case.state.holdings.get(copy.id)
    if left is None or mark is None:
        return left
    seen, before = (base.get(copy.id, {}).get(NEW, {}) for base in (case.order.baseline, row.baseline))
    new = {key: facts for key, facts in {**seen, **before}.items() if key in newcomers(copy, mark)}
    return {**left, "keys": {**left["keys"], **new}}


def probe_of(case: Case, copy: Copy, about: int | None) -> Intent | None:
    """Find this run's probe of a copy on a host, made when it was to hold the credential ``about``.

    None as ``about``: made before a mint. What was seen before a write is thus no evidence for a revoke after it.
    """
    probe = case.state.probes.get(copy.id)
    return probe if probe and probe.run == case.order.run and probe.credential == about else None


def has_proven(case: Case, step: Step, check: CheckSpec, row: CredentialRow) -> bool:
    """Whether a check on a host has proven a credential in this very run; what another run saw may have changed."""
    mark = case.state.proofs.get((step.name, check.key))
    return mark is not None and mark.credential == row.id and mark.evidence.get(RUN) == case.order.run


def watched(copy: Copy, mark: Mark | None) -> list[str]:
    """List the keys of a copy that are ours: what was written to it, or what the map gives one never written."""
    return list((mark.keys if mark else None) or copy.keys)


def newcomers(copy: Copy, mark: Mark | None) -> list[str]:
    """List the keys that the map has added to a copy since it was written: what is there, nobody here has seen."""
    known = watched(copy, mark)
    return [key for key in copy.keys if key not in known]


def looked_at(copy: Copy, mark: Mark | None) -> list[str]:
    """List the keys that are looked at before a write: ours, and those that are to become ours."""
    return watched(copy, mark) + newcomers(copy, mark)


def apart(copy: Copy, mark: Mark | None, seen: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the evidence of a copy with that of its new keys apart, which can be compared with no earlier one."""
    new = {key: facts for key, facts in seen["keys"].items() if key in newcomers(copy, mark)}
    ours = {key: facts for key, facts in seen["keys"].items() if key not in new}
    return {**seen, "keys": ours, NEW: new} if new else seen


def taken(known: Mapping[str, Any] | None, seen: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return what a copy is to be compared with: what is known of it, and its new keys as they are seen now."""
    if known is None or seen is None or NEW not in seen:
        return seen if known is None else known
    return {**known, NEW: seen[NEW]}


def is_gone(recorded: Mapping[str, Any], seen: Mapping[str, Any]) -> bool:
    """Whether a copy had keys, and has none of them any more."""
    return bool(recorded.get("keys")) and not recorded["keys"].keys() & seen.get("keys", {}).keys()


def drift(copy: Copy, recorded: Mapping[str, Any], seen: Mapping[str, Any]) -> str:
    how = "is gone: somebody else has deleted it" if is_gone(recorded, seen) else "was changed by somebody else"
    return f"{copy.label} {how} since this ledger last saw it"


def left_hint(secret: Secret, state: SecretState, row: CredentialRow) -> str:
    """Say what to forget of what has left the map with a credential; empty where nothing has."""
    gone = unmapped_holders(secret, state, row)
    return (
        f"If what has left the map no longer has it, forget it: {extra_option('rotate_forget', gone)}" if gone else ""
    )


def forget_hint(*copies: Copy) -> str:
    forget = extra_option("rotate_forget", [copy.id for copy in copies])
    return f"If what is there may be overwritten, run again with {forget}"
