# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read at three in the morning: plain lines about plans, holds and results. Names and evidence only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from ....module_utils._core import durations, registry
from ....module_utils._core.contracts import Listed, Revocation, Traits
from ....module_utils._core.outside_text import NAME, argument, identifier, printable, quoted
from ..decide import clocks, rule
from ..decide.case import rollback_problem
from ..decide.planner import Action
from ..decide.selection import DueStatus
from ..decide.state import ActionKind, CredentialRow, CredentialState, Mark, Phase, SecretState, Subject, target_of
from ..preflight.preflight import Planned, Selected
from ..progress import MANY
from ..run import Rotation, RotationStatus
from ..secret_map.model import Secret, SecretMap
from .wording import beyond_reach, count, expected_gap, how_long, life, overlap, unasked, untraceable, when

_TITLES = {Phase.ISSUED: "issue", Phase.ROLLED_OUT: "close", Phase.REVOKED: "revoke"}
_ITS_PROVIDER = "its provider has ended it"


class Report:
    """Lines for one run in some environments. ``again`` tells how to start another one with some variables."""

    def __init__(
        self, secret_map: SecretMap, run: str, again: Callable[..., str], environments: Sequence[str] = ()
    ) -> None:
        self._map = secret_map
        self._run = run
        self._again = again
        self._same = [f"rotate_environments={','.join(environments)}"] if environments else []

    # -- plan ---------------------------------------------------------------------------------------------------

    def plan(self, items: list[Planned]) -> list[str]:
        going = [item for item in items if item.goes]
        stuck = [item for item in items if item.problems]
        head = f"PLAN  run {self._run}  {count(len(going), 'secret')} to rotate or finish"
        head += f", {count(len(stuck), 'secret')} with problems" if stuck else ""
        lines = [f"{head}; nothing has been changed"]
        for item in items:
            if item.problems:
                lines += self._stuck(item)
            elif item.actions:
                lines += self._planned(item)
            else:
                lines.append(f"{item.case.secret.name}   {item.due.why}: nothing to do{_why_not(item)}")
        return lines

    def _stuck(self, item: Planned) -> list[str]:
        lines = [f"{item.case.secret.name}   cannot go on; nothing of it was changed:"]
        lines += [f"  - {problem}" for problem in item.problems]
        lines += self.candidates(item) if item.candidates else []
        if any(row.state is CredentialState.PENDING for row in item.case.state.credentials):
            lines += self._whereabouts(item.case.secret, item.case.state, item.case.old_expired)
        return lines

    def _planned(self, item: Planned) -> list[str]:
        secret = item.case.secret
        issuer = registry.find("issuers", secret.issuer.type)
        made_by = f"{issuer.label(secret.issuer.options)}, {overlap(item)}"
        lines = [f"{secret.name}   {item.due.why}   {made_by}"]
        if secret.blast_radius:
            lines.append(f"  blast radius: {secret.blast_radius}")
        for title, actions in groupby(item.actions, key=lambda action: self._title(secret, action)):
            label = f"  {title}"
            for action in actions:
                for what in self._action(item, action):
                    lines.append(f"{label:<26}{f'{action.kind.verb} ':<8}{what}")
                    label = ""
        lines += [f"  cannot be known without a change: {what}" for what in self._unknown(item)]
        lines += expected_gap(item)
        lines += [f"  note: {note}" for note in [*item.notes, *_torn(item), *untraceable(item), *unasked(item)]]
        if item.candidates:
            lines += self.candidates(item)
        return lines

    def _unknown(self, item: Planned) -> list[str]:
        """What no preflight can know, of the kinds that this plan comes to."""
        ahead, checks = {action.kind for action in item.actions}, item.case.secret.checks
        kinds = [("issuers", item.case.secret.issuer.type)] if ActionKind.MINT in ahead else []
        kinds += [("stores", copy.type) for copy in item.case.secret.copies if ActionKind.WRITE in ahead]
        kinds += [("checks", check.type) for check in checks if ActionKind.VERIFY in ahead]
        found = (f"{name}: {registry.find(kind, name).unverifiable}" for kind, name in dict.fromkeys(kinds))
        return [line for line in found if not line.endswith(": ")]

    def _title(self, secret: Secret, action: Action) -> str:
        if action.cut:
            return "cut over"
        if action.step is None:
            return _TITLES[action.phase]
        return f"{action.step + 1} {secret.steps[action.step].name}"

    def _action(self, item: Planned, action: Action) -> list[str]:
        """Fill in what the table of kinds says; a reload may do several things."""
        secret, subject = item.case.secret, action.kind.subject
        if not action.kind.words:
            return []
        details = {"target": action.target, "until": when(action.until) if action.until else _ITS_PROVIDER}
        details["old_end"] = ", which is the old one's end" if item.case.traits.ends_the_old else ""
        if subject is Subject.COPY:
            copy = next(copy for copy in secret.copies if copy.id == action.target)
            details |= {"copy": copy.label, "keys": ", ".join(copy.keys) + (", by Ansible" if copy.host else "")}
        elif subject is Subject.CHECK:
            part = next(check for check in secret.checks if check.key == action.target)
            label = registry.find("checks", part.type).label(part.options)
            details |= {"check": label, "proves": part.proves}
        elif row := item.case.state.credential(action.credential):
            proof = _best_proof(item, row)
            details |= {"credential": _name(row), "condition": _condition(secret, row), "best_proof": proof}
        previews = self._previews(item, action.target) if subject is Subject.CONSUMER else [""]
        return [action.kind.words.format_map({**details, "preview": preview}) for preview in previews]

    def _previews(self, item: Planned, consumer: str) -> Sequence[str]:
        part = self._map.consumers[consumer]
        if part.host:
            return [f"on host {part.host}, by Ansible"]
        return item.previews.get(consumer) or [registry.find("consumers", part.type).label(part.options)]

    def candidates(self, item: Planned) -> list[str]:
        """What may be the credential in use, and how to say which it is."""
        return [
            "  old: this ledger does not know the credential in use, and revokes nothing that it does not know.",
            "       If it is one of these, name it:",
            *(f"         {_listed(one)}" for one in item.candidates),
            f"       {_how_to_name(item.case.secret)}",
        ]

    # -- results ------------------------------------------------------------------------------------------------

    def held(self, rotation: Rotation) -> list[str]:
        secret, dead = rotation.case.secret, rotation.case.must_finish
        whereabouts = self._whereabouts(secret, rotation.case.state, dead)
        place = self._place(secret, rotation.held_at) if rotation.held_at else ""
        if not dead:
            return [f"HELD  {secret.name}{place and f' at {place}'}: {rotation.problem}", *whereabouts]
        failed = [f"{self._place(secret, action)}: {problem}" for action, problem in rotation.failed.values()]
        return [
            f"CUTOVER INCOMPLETE  {secret.name}: the old value is dead, or may be, and this did not succeed:",
            *(f"  - {one}" for one in failed or [f"{place and f'{place}: '}{rotation.problem}"]),
            *whereabouts,
        ]

    def _place(self, secret: Secret, action: Action) -> str:
        target = f" of {action.target}" if action.kind is ActionKind.RELOAD else ""
        connection = self._connection(secret, action)
        through = f" (connection {connection})" if connection else ""
        return f"{self._title(secret, action)}, {action.kind.replace('_', ' ')}{target}{through}"

    def _connection(self, secret: Secret, action: Action) -> str | None:
        """Name the connection whose address and credential the action uses."""
        subject = action.kind.subject
        if subject is Subject.COPY:
            return next((copy.store for copy in secret.copies if copy.id == action.target), None)
        if subject is Subject.CONSUMER:
            return self._map.consumers[action.target].connection
        if subject is Subject.CHECK:
            return next((check.connection for check in secret.checks if check.key == action.target), None)
        return secret.issuer.connection if subject is Subject.ISSUER else None

    def _whereabouts(self, secret: Secret, state: SecretState, dead: bool) -> list[str]:
        """Which credential is where, which are alive, and the commands to go on and back."""
        traits = registry.find("issuers", secret.issuer.type).traits
        alive = [row for row in reversed(state.credentials) if row.alive]
        lines = [f"  {_role(row)}  {_name(row)}   {_where(secret, state, row, traits, dead)}" for row in alive]
        if state.pending and state.current is None:
            unknown = [copy.label for copy in secret.copies if copy.id not in state.holdings]
            place = f"in {', '.join(unknown)}" if unknown else "in no copy that the map names"
            lines.append(f"  old  not known to this ledger, {place}; {'dead' if dead else 'nothing was revoked'}")
        same = [f"rotate_only={secret.name}", *self._same]
        lines.append(f"  go on:    {self._again(*same)}")
        problem = rollback_problem(secret, state, traits)
        way_back = self._again(*same, "rotate_resume=rollback")
        lines.append(f"  go back:  not possible: {problem}" if problem else f"  go back:  {way_back}")
        return lines

    def results(self, rotations: list[Rotation], stuck: list[str], audit_head: str) -> list[str]:
        """Say how every secret of a run ended, those that are held last; ``stuck``: those that were not begun."""
        lines = [line for rotation in sorted(rotations, key=_is_bad) for line in self.result(rotation)]
        lines += [f"not begun, for the reasons in the plan: {', '.join(stuck)}"] if stuck else []
        lines.append(f"audit trail: {audit_head}")
        if len(rotations) + len(stuck) > 1:
            lines.append(f"SUM   {_sum(rotations, len(stuck))}")
        return lines

    def so_far(self, rotations: list[Rotation]) -> list[str]:
        """Say where every secret of a run stands before a hook, which may end the run without another word."""
        if len(rotations) > MANY:
            return [f"SO FAR  {_sum(rotations)}"]
        return [line for rotation in rotations for line in self._open(rotation)]

    def _open(self, rotation: Rotation) -> list[str]:
        problem = f": {rotation.problem}" if rotation.problem else ""
        head = f"OPEN  {rotation.name}   {rotation.status}{problem}"
        if not rotation.actions:
            return [head]
        return [head, *self._whereabouts(rotation.case.secret, rotation.case.state, rotation.case.must_finish)]

    def result(self, rotation: Rotation) -> list[str]:
        """The summary of a secret that this run worked on."""
        if rotation.status is RotationStatus.HELD:
            return self.held(rotation)
        if rotation.status in (RotationStatus.SKIPPED, RotationStatus.LOCKED):
            return [f"{rotation.status.upper()}  {rotation.name}: {rotation.problem}"]
        secret, state, traits = rotation.case.secret, rotation.case.state, rotation.case.traits
        back = rotation.case.order.rollback
        done = "BACK" if back else "DONE"
        head = {RotationStatus.DONE: done, RotationStatus.WAITING: "WAITING"}.get(rotation.status, "OPEN")
        ends = "ends by itself, and that is proven" if traits.ends_the_old else "is revoked"
        rest = f": the old credential {ends} after {when(rotation.until)}, by the next run" if rotation.until else ""
        lines = [f"{head}  {secret.name}{rest}", *([f"  {rotation.problem}"] if rotation.problem else [])]
        new = state.pending or state.current
        if new:
            lines.append(f"  {'now' if back else 'new'}  {_name(new)}   fingerprint {new.fingerprint or 'unknown'}")
            lines += [
                f"         {self._copy_line(secret, copy_id, mark)}" for copy_id, mark in _on(state.holdings, new)
            ]
            lines += [f"         {name} runs on it since {when(mark.at)}" for name, mark in _on(state.running, new)]
        for row in state.credentials:
            if new and row is not new and row.locatable and (row.alive or _ended_in_this_rotation(row, new, back)):
                how = "ended" if traits.ends_the_old else "revoked"
                end = f"{how} {when(row.revoked_at)}, proof: {row.proof}" if row.revoked_at else "still valid"
                lines.append(f"  {'new' if back else 'old'}  {_name(row)}   {end}")
        gap = clocks.gap(state, new) if traits.cuts_over and not back else None
        if gap:
            lines.append(f"  gap  {how_long(gap)}, from {when(gap.since)} until {when(gap.until)}")
        lines += beyond_reach(state)
        if traits.revoke is Revocation.API and all(row is new for row in state.credentials):
            lines.append("  old  not known to this ledger; nothing was revoked. If it still lives, name it:")
            lines.append(f"         {_how_to_name(secret)}")
        return lines

    def _copy_line(self, secret: Secret, copy_id: str, mark: Mark) -> str:
        copy = next((copy for copy in secret.copies if copy.id == copy_id), None)
        if copy is None:
            return f"{mark.label} (no longer in the map)"
        evidence = registry.find("stores", copy.type).describe(mark.evidence)
        return f"{copy.label}: {', '.join(copy.keys)}   {evidence}"

    # -- status -------------------------------------------------------------------------------------------------

    def status(self, item: Selected, works: dict[int, str], drift: dict[str, str]) -> list[str]:
        """``works``: row -> what the provider says of it; ``drift``: copy -> whether it is as recorded."""
        secret, state = item.case.secret, item.case.state
        lines = [f"{secret.name}   {item.due.status.replace('_', ' ')}: {item.due.why}"]
        alive = [row for row in reversed(state.credentials) if row.alive]
        lines += [f"  {row.state:<9} {_name(row)}   {works.get(row.id, '')}".rstrip() for row in alive]
        for copy in secret.copies:
            mark = state.holdings.get(copy.id)
            holder = state.credential(mark.credential) if mark else None
            what = f"{holder.name} since {when(mark.at)}" if holder and mark else "unknown to this ledger"
            lines.append(f"  copy      {copy.label}: {what}{drift.get(copy.id, '')}")
        for name in secret.consumers:
            running = state.running.get(name)
            holder = state.credential(running.credential) if running else None
            what = f"{holder.name} since {when(running.at)}" if holder and running else "unknown to this ledger"
            doubt = state.intent(ActionKind.RELOAD, name)
            maybe = state.credential(doubt.credential) if doubt else None
            what += f"; may run on {maybe.name}, since a reload did not end well" if maybe else ""
            lines.append(f"  consumer  {name}: {what}")
        lines += beyond_reach(state)
        lines += [
            f"  gone      {name} has left the map; if it no longer has it: -e rotate_forget={argument(name)}"
            for name in rule.unmapped_holders(secret, state)
        ]
        if item.due.status is not DueStatus.UP_TO_DATE:
            lines.append(f"  go on:    {self._again(f'rotate_only={secret.name}')}")
        return lines


def _is_bad(rotation: Rotation) -> bool:
    return rotation.status in (RotationStatus.HELD, RotationStatus.SKIPPED)


def _sum(rotations: list[Rotation], stuck: int = 0) -> str:
    numbers = Counter(rotation.status for rotation in rotations) + Counter({"not begun": stuck})
    parts = ", ".join(f"{number} {status}" for status, number in numbers.items())
    return f"{count(numbers.total(), 'secret')}: {parts}"


def _torn(item: Planned) -> list[str]:
    """Copies of several keys in a store that does not take them in one go."""
    written = {action.target for action in item.actions if action.kind is ActionKind.WRITE}
    copies = [copy for copy in item.case.secret.copies if copy.id in written]
    limits = {copy.id: registry.find("stores", copy.type).limits.keys_at_once for copy in copies}
    torn = [copy for copy in copies if len(copy.keys) > (limits[copy.id] or len(copy.keys))]
    return [f"{copy.label} takes {limits[copy.id]} key at a time: for a moment its keys do not match" for copy in torn]


def _why_not(item: Selected) -> str:
    if item.due.status is DueStatus.UNKNOWN:
        return "; name it with -e rotate_only=" + item.case.secret.name
    return "; -e rotate_force=true rotates it now"


def _name(row: CredentialRow | None) -> str:
    if row is None:
        return "unknown"
    name = printable(row.name, NAME)
    return f"{name} ({identifier(row.provider_id)})" if row.provider_id and row.provider_id != row.name else name


def _role(row: CredentialRow) -> str:
    return "new" if row.state is CredentialState.PENDING else "lost" if row.origin == "orphan" else "old"


def _where(secret: Secret, state: SecretState, row: CredentialRow, traits: Traits, dead: bool) -> str:
    places = [f"{mark.label} (since {when(mark.at)})" for _copy, mark in _on(state.holdings, row)]
    places += [f"{name} runs on it" for name, _mark in _on(state.running, row)]
    unresolved = [i for i in state.intents if i.credential == row.id and i.unresolved]
    doubts = [intent.target for intent in unresolved if intent.kind is ActionKind.RELOAD]
    if row.origin == "adopted":  # until somebody changes them, it is where this ledger has not been
        places += [copy.label for copy in secret.copies if copy.id not in state.holdings]
        places += rule.untracked_holders(secret, state, row)
        doubts = [name for name in secret.consumers if name not in state.running]
    places += [f"{name} may run on it" for name in dict.fromkeys(doubts)]
    return f"{', '.join(places) or 'held by nobody'}, {life(state, row, traits, dead)}"


def _ended_in_this_rotation(row: CredentialRow, new: CredentialRow, back: bool) -> bool:
    if back:
        return row.id > new.id
    return bool(row.revoked_at and new.minted_at and row.revoked_at >= new.minted_at)


def _on(marks: Mapping[str, Mark], row: CredentialRow) -> Iterable[tuple[str, Mark]]:
    return [(name, mark) for name, mark in marks.items() if mark.credential == row.id]


def _condition(secret: Secret, row: CredentialRow) -> str:
    if row.never_in_use:
        return ""  # nobody has had it, or everybody has gone back from it
    wanted = secret.revoke
    conditions = [f"after {durations.show(wanted.after)}"] if wanted.after else []
    conditions += [f"when {' and '.join(sorted(wanted.require, reverse=True))}"] if wanted.require else []
    issuer = registry.find("issuers", secret.issuer.type)
    if "unused" in wanted.require and not issuer.reports_last_used(secret.issuer.options):
        conditions.append("though its provider does not tell whether it is used")
    return f", {', '.join(conditions)}" if conditions else ""


def _how_to_name(secret: Secret) -> str:
    once = json.dumps({"rotate_adopt": {secret.name: "ID"}})
    return f"in the map: issuer.current_id of {secret.name}; or once: -e '{once}'"


def _best_proof(item: Planned, row: CredentialRow) -> str:
    """A refusal proves something only beside a replacement that is accepted."""
    if item.case.traits.cuts_over:
        return "it never was in force"
    if item.case.traits.revoke is not Revocation.API:
        return "nobody issued it: it ends with its last copy"
    target = target_of(item.case.state, item.case.order)
    comparable = row.has_value and (target is None or target.has_value)
    return f"best proof possible: {'refused' if comparable else 'provider'}"


def _listed(one: Listed) -> str:
    created = f"created {when(one.created_at)}" if one.created_at else "created: unknown"
    used = f"last used {when(one.last_used_at)}" if one.last_used_at else "last used: unknown"
    expires = f"expires {when(one.expires_at)}" if one.expires_at else "does not expire"
    return f"{identifier(one.id)}  {quoted(one.name)}  {created}  {used}  {expires}  {printable(one.scope, NAME)}"
