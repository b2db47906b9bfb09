# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read at three in the morning: plain lines about plans, holds and results. Names and evidence only."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from ....module_utils._core import durations, references, registry
from ....module_utils._core.contracts import Listed, Revocation
from ....module_utils._core.outside_text import NAME, extra_option, extra_var, identifier, printable, quoted
from ..decide import approval, clocks, rule, selection
from ..decide.case import Case, is_under_way, rollback_problem
from ..decide.loss import proof_of
from ..decide.planner import Action, remaining
from ..decide.selection import DueStatus
from ..decide.state import ActionKind, CredentialRow, Origin, Phase, SecretState, Subject, target_of
from ..effects.life import disables, shows, switches
from ..preflight.adopting import Adoption
from ..preflight.preflight import Planned
from ..progress import MANY
from ..run import AT_REST, Rotation, RotationStatus
from ..secret_map.model import Copy, Secret, SecretMap
from .claims import Claim, Fact, known_as, life, places, when
from .status import DRIFTS, SecretCondition, SecretStatus
from .wording import beyond_reach, count, deadline, expected_gap, how_long, listing, overlap, unasked, untraceable

_FORGET = re.compile(r"""-e ('\{"rotate_forget": .*?\}'|'?rotate_forget=\S+)""")
_TITLES = {Phase.ISSUED: "issue", Phase.ROLLED_OUT: "close", Phase.REVOKED: "revoke"}
_ITS_PROVIDER = "its provider has ended it"
_NEXT = ", by the next run"
_ENDS = {
    Revocation.API: ("is revoked", _NEXT),
    Revocation.AUTO: ("counts as ended", _NEXT),
    Revocation.PERSON: ("is to be ended by a person", ", and the next run says how"),
}


class Report:
    """Lines for one run in some environments. ``again`` tells how to start another one with some variables."""

    def __init__(
        self,
        secret_map: SecretMap,
        run: str,
        again: Callable[..., str],
        environments: Sequence[str],
        adopt: Mapping[str, str],
    ) -> None:
        self._map = secret_map
        self._run = run
        self._again = again
        self._adopt = adopt
        self._same = [extra_var("rotate_environments", list(environments))] if environments else []

    def say(self, *claims: Claim) -> str:
        """Put claims into words: whatever a line says of a credential passes here."""
        return ", ".join(map(str, claims))

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
            elif self._is_left_out(item):
                lines += [f"PARTIAL  {item.name}{_left_out(item.case)}", self._go_elsewhere(item.name)]
            elif item.due.status is DueStatus.LEFT_ALIVE:
                lines += [f"{item.name}   {item.due.why}", *self._left_alive(item.case)]
            else:
                lines.append(f"{item.name}   {item.due.why}: nothing to do{_why_not(item)}")
                if (hold := item.still_held) and not item.case.secret.unrotated:
                    lines.append(self._go_on(item.case, _overwritten(item.case.secret, hold.reason)))
        sources = self._sources() if going else []
        return [*lines, *sources, *self._caveats(going)]

    def _is_left_out(self, item: Planned) -> bool:
        """Whether all that is left of a rotation is in environments that this run leaves out."""
        rests = item.barred or item.only_ends or item.due.status is not DueStatus.UNFINISHED
        return bool(self._same) and not rests and bool(remaining(item.case))

    def _go_elsewhere(self, secret: str) -> str:
        return f"  go on:    {self._again(f'rotate_only={secret}')}"

    def _sources(self) -> list[str]:
        """Say where the credentials of the connections come from."""
        found = []
        for name, options in self._map.connections.items():
            kind = registry.find("connections", options["type"])
            if own := references.sources(options, kind, self._stored):
                found.append(f"{name} with {' and '.join(dict.fromkeys(own))}")
        return [f"  opened:   {'; '.join(sorted(found))}"] if found else []

    def _stored(self, place: references.Place) -> str:
        store = registry.find("stores", self._map.connections[place["store"]]["type"])
        return f"{store.label(place)}: {place['key']}"

    def _stuck(self, item: Planned) -> list[str]:
        lines = [f"{item.name}   cannot go on; nothing of it was changed:"]
        lines += [*(f"  - {problem}" for problem in item.problems), *self._candidates(item)]
        if item.case.state.pending:
            return lines + self._whereabouts(item.case, *item.problems)
        if item.case.order.rollback and not is_under_way(item.case.state):
            return lines
        return [*lines, self._go_on(item.case, _overwritten(item.case.secret, *item.problems))]

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
        lines += [*deadline(item), *expected_gap(item)]
        lines += [f"  note: {note}" for note in [*item.notes, *_torn(item)]]
        return lines + self._candidates(item)

    def _caveats(self, items: Sequence[Planned]) -> list[str]:
        """Say once what is true of every secret of a kind, and of which secrets if not of all."""
        found: dict[str, list[str]] = {}
        for item in items:
            unknown = (f"cannot be known without a change: {what}" for what in self._unknown(item))
            notes = (f"note: {note}" for note in [*untraceable(item), *unasked(item)])
            for caveat in (*unknown, *notes):
                found.setdefault(caveat, []).append(item.name)
        few = {caveat: f" ({listing(names)})" for caveat, names in found.items() if len(names) < len(items)}
        return [f"  {caveat}{few.get(caveat, '')}" for caveat in found]

    def _unknown(self, item: Planned) -> list[str]:
        """Say what no preflight can know, of the kinds that this plan comes to."""
        ahead, checks = {action.kind for action in item.actions}, item.case.secret.checks
        kinds = [("issuers", item.case.secret.issuer.type)] if ActionKind.MINT in ahead else []
        kinds += [("stores", copy.type) for copy in item.case.secret.copies if ActionKind.WRITE in ahead]
        kinds += [("checks", check.type) for check in checks if ActionKind.VERIFY in ahead]
        found = ((name, registry.find(kind, name).unverifiable) for kind, name in dict.fromkeys(kinds))
        return [f"{name}: {what}" for name, what in found if what]

    def _left_alive(self, case: Case) -> list[str]:
        """Say what a person does about each credential that no run will end."""
        lines = []
        for row in selection.left_alive(case.secret, case.state):
            named = f"attest_secret={case.secret.name}", extra_var("attest_credential", row.name)
            attest = self._again(*named, playbook="attest")
            lines.append(f"  then:     once {known_as(row)} has ended at its provider, say so: {attest}")
        for name in case.state.lost_mints if case.secret.unrotated else ():
            forget = extra_option("rotate_forget", [name])
            lines.append(f"  lost {name}   may be valid at its provider; once it is not there, say so: {forget}")
        return lines

    def _title(self, secret: Secret, action: Action) -> str:
        if action.cut:
            return "cut over"
        if action.kind is ActionKind.RECHECK:
            return "after the revoke"
        if action.step is None:
            return _TITLES[action.phase]
        return f"{action.step + 1} {secret.steps[action.step].name}"

    def _action(self, item: Planned, action: Action) -> list[str]:
        """Fill in what the table of kinds says; a reload may do several things."""
        secret, subject = item.case.secret, action.kind.subject
        told = switches(registry.find("issuers", secret.issuer.type))
        details = {
            "target": action.target,
            "until": when(action.until) if action.until else _ITS_PROVIDER,
            "life": item.case.order.life or "",
            "in_use": "its provider works with the new one, once everybody can know it" if told else "",
            "old_end": ", which is the old one's end" if item.case.traits.ends_the_old else "",
        }
        if action.kind is ActionKind.AWAIT:
            details |= {"handwork": _how_to_make(secret), "deposit": self._deposit(secret)}
        if subject is Subject.COPY:
            copy = secret.copies_by_id[action.target]
            row = item.case.state.credential(action.credential)
            details |= {"copy": copy.label, "keys": self._keys(item, copy), "by": ", by Ansible" if copy.host else ""}
            details |= {"identity": (row and row.provider_id) or ""}
        elif subject is Subject.CHECK:
            part = next(check for check in secret.checks if check.key == action.target)
            label = registry.find("checks", part.type).label(part.options)
            where = f", on host {part.host}, by Ansible" if part.host else ""
            details |= {"check": f"{label}{where}", "proves": part.proves}
        elif row := item.case.state.credential(action.credential):
            proof = _best_proof(item, row)
            details |= {"credential": known_as(row), "condition": _condition(secret, row), "best_proof": proof}
        previews = self._previews(item, action.target) if subject is Subject.CONSUMER else [""]
        return list(filter(None, (action.kind.words.format_map({**details, "preview": one}) for one in previews)))

    def _deposit(self, secret: Secret) -> str:
        return self._again(f"deposit_secret={secret.name}", playbook="deposit")

    def _keys(self, item: Planned, copy: Copy) -> str:
        """Name the keys of a copy; of one that this ledger has yet to write, say which are there already."""
        keys, seen = (" or " if copy.accepts else ", ").join(copy.keys), item.case.order.baseline.get(copy.id)
        how = ", by Ansible" if copy.host else ""
        mark = item.case.state.holdings.get(copy.id)
        unseen = set(rule.newcomers(copy, mark) if mark else copy.keys)
        if not unseen or item.case.state.intent(ActionKind.WRITE, copy.id):
            return keys + how

        def claim(fact: Fact, some: Collection[str]) -> Claim:
            note = "" if len(some) == len(copy.keys) else f": {', '.join(sorted(some))}"
            return Claim(fact, target=copy.id, note=note)

        if copy.host or seen is None or seen.get("unseen"):  # a host is looked at later
            return f"{keys} ({self.say(claim(Fact.UNLOOKED, unseen))}){how}"
        there = {*seen["keys"], *seen.get(rule.NEW, ())} & unseen
        found = [claim(fact, some) for fact, some in ((Fact.ABSENT, unseen - there), (Fact.PRESENT, there)) if some]
        return f"{keys} ({self.say(*found)})"

    def _previews(self, item: Planned, consumer: str) -> Sequence[str]:
        part = self._map.consumers[consumer]
        if part.host:
            return [f"on host {part.host}, by Ansible"]
        return item.previews.get(consumer) or [registry.find("consumers", part.type).label(part.options)]

    def _candidates(self, item: Planned) -> list[str]:
        """List what may be the credential in use, and say how to name it."""
        if not item.candidates:
            return []
        return [
            "  old: this ledger does not know the credential in use, and revokes nothing that it does not know.",
            "       If it is one of these, name it:",
            *(f"         {_listed(one)}" for one in item.candidates),
            f"       {_how_to_name(item.case.secret)}",
        ]

    def adopted(self, item: Adoption) -> list[str]:
        """Say what has come under management, and what nobody has looked at."""
        row = item.row
        if row is None:
            return []
        created = f"created {when(row.minted_at)}" if row.minted_at else "of unknown age"
        lines = [f"ADOPTED  {item.secret.name}   {known_as(row)}, {created}; nothing was rotated"]
        for copy in item.secret.copies:
            seen = item.seen.get(copy.id)
            how = registry.find("stores", copy.type).describe(seen) if seen else "on its host, where nobody has looked"
            lines.append(f"  copy      {copy.label}: {', '.join(copy.keys)}   {how}")
        return lines

    # -- results ------------------------------------------------------------------------------------------------

    def held(self, rotation: Rotation) -> list[str]:
        secret = rotation.case.secret
        problems = [rotation.problem, *(problem for _action, problem in rotation.failed.values())]
        whereabouts = [*self._whereabouts(rotation.case, *problems), *self._another(rotation)]
        place = self._place(secret, rotation.held_at) if rotation.held_at else ""
        if not rotation.case.must_finish:
            return [f"HELD  {secret.name}{place and f' at {place}'}: {rotation.problem}", *whereabouts]
        failed = [f"{self._place(secret, action)}: {problem}" for action, problem in rotation.failed.values()]
        return [
            f"CUTOVER INCOMPLETE  {secret.name}: the old value is dead, or may be, and this did not succeed:",
            *(f"  - {one}" for one in failed or [f"{place and f'{place}: '}{rotation.problem}"]),
            *whereabouts,
        ]

    def _another(self, rotation: Rotation) -> list[str]:
        """Say how to replace a new credential that works nowhere, where its provider does not say that it has ended."""
        actions = [rotation.held_at, *(action for action, _problem in rotation.failed.values())]
        failed = any(action and action.kind is proof_of(rotation.case.secret) for action in actions)
        if rotation.case.order.rollback or not failed:
            return []
        command = self._command(rotation.name, "rotate_force=true")
        return [f"  or, if the new one is dead, and its provider does not say that it lives:  {command}"]

    def _place(self, secret: Secret, action: Action) -> str:
        target = f" of {action.target}" if action.kind is ActionKind.RELOAD else ""
        through = f" (connection {connection})" if (connection := self._connection(secret, action)) else ""
        return f"{self._title(secret, action)}, {action.kind.replace('_', ' ')}{target}{through}"

    def _connection(self, secret: Secret, action: Action) -> str | None:
        """Name the connection whose address and credential the action uses."""
        if action.kind.subject is Subject.ISSUER:
            return secret.issuer.connection
        if action.kind.subject is Subject.CONSUMER:
            return self._map.consumers[action.target].connection
        stores = {copy.id: copy.store for copy in secret.copies}
        return {**stores, **{check.key: check.connection for check in secret.checks}}.get(action.target)

    def _whereabouts(self, case: Case, *problems: str) -> list[str]:
        """Say which credential is where, what is known of its life, and how to go on and back."""
        secret, state = case.secret, case.state
        lines = [
            f"  {_role(state, row)}  {known_as(row)}   {self.say(*places(case, row), *life(case, row))}"
            for row in reversed(state.credentials)
            if row.alive
        ]
        once = [copy for copy in secret.copies if _may_have_held_unknown(state.pending, copy)]
        if state.pending and state.current is None and once:
            unknown = [copy.label for copy in once if copy.id not in state.holdings]
            place = f"perhaps in {', '.join(unknown)}" if unknown else "in no copy that the map names"
            its_life = "dead, or may be" if case.old_expired else "no revocation recorded"
            lines.append(f"  old  not known to this ledger, {place}; {its_life}")
        return [*lines, self._go_on(case, _overwritten(secret, *problems)), f"  go back:  {self._go_back(case)}"]

    def _go_back(self, case: Case) -> str:
        """Tell how to go back, or why not; where what has left the map has the new one, only a person may say so."""
        secret, new, resume = case.secret, case.state.pending, "rotate_resume=rollback"
        if problem := rollback_problem(secret, case.state, case.traits):
            return f"not possible: {problem}"
        gone = rule.unmapped_holders(secret, case.state, new) if new else []
        if not gone:
            return self._command(secret.name, resume)
        command = self._command(secret.name, resume, extra_var("rotate_forget", gone))
        return f"if what has left the map no longer has the new one:  {command}"

    def _go_on(self, case: Case, changed: Sequence[str] = ()) -> str:
        """Tell how to go on; over copies that somebody has changed, only where a person may say so.

        A person's word is repeated, as long as nothing was minted by it: else there would be nothing to go on with.
        """
        due = selection.assess(case.secret, case.state, case.now)
        dead = case.state.credential(case.order.given_up)
        unmade = case.wants_mint or (case.state.hold and not case.order.mint)
        again = (dead and dead.given_up_at is None) or (due.status is DueStatus.UP_TO_DATE and unmade and not changed)
        options = ["rotate_force=true"] if again else []
        mints = again or not (case.state.pending or (due.status is DueStatus.UNFINISHED and case.state.current))
        guard = case.secret.guard if mints else None
        options += [f"rotate_confirm={case.secret.name}"] if guard else []
        options += ["rotate_reason=…"] if guard and guard.allow == "compromised" else []
        options += [extra_var("rotate_forget", changed)] if changed else []
        command = self._command(case.secret.name, *options)
        return f"  go on:    {'if that may be overwritten:  ' if changed else ''}{command}"

    def _command(self, secret: str, *variables: str) -> str:
        """Tell how to run again in the same environments, for one secret."""
        named = self._adopt.get(secret)
        adopt = [json.dumps({"rotate_adopt": {secret: named}})] if named else []
        return self._again(f"rotate_only={secret}", *self._same, *adopt, *variables)

    def results(self, rotations: list[Rotation], stuck: list[str], audit_head: str) -> list[str]:
        """Say how every secret of a run ended, those that are held last; ``stuck``: those that were not begun."""
        lines = [line for rotation in sorted(rotations, key=lambda one: one.is_bad) for line in self.result(rotation)]
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
        return [head, *(self._whereabouts(rotation.case) if rotation.actions else [])]

    def result(self, rotation: Rotation) -> list[str]:
        """Sum up what this run has done with a secret."""
        if rotation.status is RotationStatus.HELD:
            return self.held(rotation)
        if rotation.status in (RotationStatus.SKIPPED, RotationStatus.LOCKED):
            return [f"{rotation.status.upper()}  {rotation.name}: {rotation.problem}"]
        case, secret = rotation.case, rotation.case.secret
        if rotation.awaits_release:
            return [f"WAITING  {secret.name}: {rotation.problem}", *self._whereabouts(case)]
        if rotation.status is RotationStatus.AWAITING and not rotation.problem:
            told = f"AWAITING  {secret.name}: a value that a person makes: {_how_to_make(secret)}"
            return [told, f"  then:     {self._deposit(secret)}"]
        head = rotation.status.upper() if rotation.status in AT_REST else "OPEN"
        head = "BACK" if case.order.rollback and rotation.status is RotationStatus.DONE else head
        lines = [f"{head}  {secret.name}{_rest(rotation)}", *([f"  {rotation.problem}"] if rotation.problem else [])]
        lines += [*self._asked(case), *self._outcome(case)]
        if rotation.status is RotationStatus.AWAITING:
            lines.append(f"  then:     {self._again(f'attest_secret={secret.name}', playbook='attest')}")
        if rotation.status is RotationStatus.PARTIAL:
            lines.append(self._go_elsewhere(secret.name))
        return [*lines, *beyond_reach(case), *_unnamed(case)]

    def _outcome(self, case: Case) -> list[str]:
        """Say where the new credential is, what has become of the old ones, and how long the gap was."""
        new, back = case.state.pending or case.state.current, case.order.rollback
        if new is None:
            return []
        lines = [f"  {'now' if back else 'new'}  {known_as(new)}   fingerprint {new.fingerprint or 'unknown'}"]
        lines += [f"         {self._place_line(case, one)}" for one in places(case, new)]
        for row in case.state.credentials:
            if row is not new and row.locatable and (row.alive or _ended_in_this_rotation(row, new, back)):
                lines.append(f"  {'new' if back else 'old'}  {known_as(row)}   {self.say(*life(case, row))}")
        gap = clocks.gap(case.state, new) if case.traits.cuts_over and not back else None
        if gap:
            lines.append(f"  gap  {how_long(gap)}, from {when(gap.since)} until {when(gap.until)}")
        return lines

    def _asked(self, case: Case) -> list[str]:
        """Say which credentials wait for a person's yes to their end, since when, and how to give it."""
        waiting = approval.unanswered(case)
        if not waiting:
            return []
        names = ", ".join(known_as(case.state.credential(one.credential)) for one in waiting)
        job = "A yes" if case.secret.revoke.same_job else "A yes from another job"
        lasts, since = durations.show(case.secret.revoke.yes_lasts), min(one.at for one in waiting if one.at)
        return [
            f"  asked     since {when(since)}: may {names} be revoked? {job} is good for {lasts}",
            f"  then:     {self.approve(case)}",
        ]

    def approve(self, case: Case) -> str:
        """Tell how to say yes to what waits for it."""
        name = case.secret.name
        yes = ",".join(dict.fromkeys(f"{name}:{one.run}" for one in approval.unanswered(case)))
        return self._command(name, "rotate_resume=revoke", f"rotate_approve={yes}")

    def _place_line(self, case: Case, place: Claim) -> str:
        """Say who has a credential; of a copy that the map names, with its keys and the evidence of the write."""
        if place.fact is not Fact.HOLDS:
            return self.say(place)
        copy = case.secret.copies_by_id.get(place.target)
        if copy is None:
            return f"{self.say(place)}, no longer in the map"
        evidence = registry.find("stores", copy.type).describe(case.state.holdings[copy.id].evidence)
        return f"{self.say(replace(place, who=f'{copy.label}: ' + ', '.join(copy.keys)))}   {evidence}"

    # -- status -------------------------------------------------------------------------------------------------

    def status(self, item: SecretStatus) -> list[str]:
        """Say where a secret stands, and what the systems say of it now."""
        secret, state = item.case.secret, item.case.state
        lines = [f"{secret.name}   {', '.join(item.conditions).replace('_', ' ')}: {item.due.why}"]
        if hold := state.hold:
            lines.append(f"  held      since {when(hold.since)}, last by run {hold.run} {when(hold.at)}: {hold.reason}")
        lines += self._asked(item.case) if item.asks else []
        if item.releases:
            lines.append(f"  waits     for others to release {item.releases}: a run then goes on")
        if item.late:
            lines.append(f"  waits     for a run whose connection has the new one: {', '.join(item.late)}")
        alive = [row for row in reversed(state.credentials) if row.alive]
        lines += [f"  {row.state:<9} {known_as(row)}   {self.say(*item.life(row))}" for row in alive]
        for copy in secret.copies:
            now = self.say(item.seen[copy.id]) if copy.id in item.seen else ""
            now = f"; {now}" if now else ""
            lines.append(f"  copy      {copy.label}: {self._holder(item, Fact.HOLDS, copy.id)}{now}")
        for name in secret.consumers:
            maybe = "".join(f"; {self.say(one)}: {one.credential}" for one in item.may_run_on(name))
            lines.append(f"  consumer  {name}: {self._holder(item, Fact.RUNS, name)}{maybe}")
        lines += beyond_reach(item.case)
        lines += [
            f"  gone      {name} has left the map; if it no longer has it: {extra_option('rotate_forget', [name])}"
            for name in rule.unmapped_holders(secret, state)
            if not secret.left
        ]
        for name in item.departed:
            drop = self._again(f"drop_secret={secret.name}", extra_var("drop_identity", name), playbook="drop")
            lines.append(f"  left      {name} has left the map, and is still there; to have it dropped: {drop}")
        rests = item.state in (SecretCondition.UP_TO_DATE, SecretCondition.APPROVAL)
        if not rests and not secret.unrotated:
            told = _overwritten(secret, state.hold.reason) if state.hold else []
            seen = [copy for copy, seen in item.seen.items() if seen.fact in DRIFTS]
            lines.append(self._go_on(item.case, list(dict.fromkeys([*seen, *told]))))
        return lines + self._left_alive(item.case)

    def _holder(self, item: SecretStatus, fact: Fact, target: str) -> str:
        found = next((one for one in item.places if (one.fact, one.target) == (fact, target)), None)
        return self.say(replace(found, who=found.credential)) if found else "unknown to this ledger"


def _may_have_held_unknown(new: CredentialRow | None, copy: Copy) -> bool:
    """Tell whether a copy may have had a credential that nobody here knows when the new one was made."""
    before = (new.baseline if new else {}).get(copy.id) or {"unseen": True}
    return bool(before.get("unseen")) or bool(before.get("keys", {}).keys() & copy.keys.keys())


def _overwritten(secret: Secret, *problems: str) -> list[str]:
    """List the copies of a secret that its problems advise to forget."""
    advised = [argument for text in problems for argument in _FORGET.findall(text)]
    return [copy.id for copy in secret.copies if any(copy.id in _forgotten(argument) for argument in advised)]


def _forgotten(argument: str) -> list[str]:
    """Read back what an option advises to forget; nothing where the text was cut in the middle."""
    try:
        [text] = shlex.split(argument)
        return list(json.loads(text)["rotate_forget"]) if text.startswith("{") else text.partition("=")[2].split(",")
    except ValueError:
        return []


def _rest(rotation: Rotation) -> str:
    """Say what is left for another run: steps that the picked environments leave out, or what waits for a time."""
    case = rotation.case
    if rotation.status is RotationStatus.PARTIAL:
        return _left_out(case)
    if not rotation.until:
        return ""
    if case.state.pending:
        return f": the new credential is put in use after {when(rotation.until)}{_NEXT}"
    ends, who = _ENDS[case.traits.revoke]
    ends = "ends by itself, and that is proven" if case.traits.ends_the_old else ends
    who = ", by a run whose connection has the new one" if case.secret.connections else who
    return f": the old credential {ends} after {when(rotation.until)}{who}"


def _left_out(case: Case) -> str:
    left = dict.fromkeys(action.step for action in remaining(case) if action.step is not None)
    names = ", ".join(f"{step + 1} {case.secret.steps[step].name}" for step in left)
    return f": left out by rotate_environments: {names}"


def _unnamed(case: Case) -> list[str]:
    """Say that there may be an old credential that nobody has named, and how to name it."""
    new = case.state.pending or case.state.current
    unknown = any(_may_have_held_unknown(new, copy) for copy in case.secret.copies)
    if case.traits.revoke is not Revocation.API or not unknown or any(row is not new for row in case.state.credentials):
        return []
    return [
        "  old  not known to this ledger; nothing was revoked. If it still lives, name it:",
        f"         {_how_to_name(case.secret)}",
    ]


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


def _why_not(item: Planned) -> str:
    barred = f", since {item.barred}" if item.barred else ""
    if hold := item.still_held:
        return f"{barred}, still held since {when(hold.since)}: {hold.reason}"
    if barred:
        return barred
    if item.due.status is DueStatus.UNROTATED or item.only_ends:
        return ""
    if item.due.status in (DueStatus.UNKNOWN, DueStatus.RESTING):
        return "; name it with -e rotate_only=" + item.case.secret.name
    if item.due.status is not DueStatus.UP_TO_DATE or item.case.secret.guard:
        return ""
    return "; -e rotate_force=true rotates it now"


def _role(state: SecretState, row: CredentialRow) -> str:
    if row.origin is Origin.ORPHAN:
        return "lost"
    return "new" if row is state.pending else "now" if row is (state.pending or state.current) else "old"


def _ended_in_this_rotation(row: CredentialRow, new: CredentialRow, back: bool) -> bool:
    if back:
        return row.id > new.id
    return bool(row.revoked_at and new.minted_at and row.revoked_at >= new.minted_at)


def _condition(secret: Secret, row: CredentialRow) -> str:
    if row.never_in_use:
        return ""  # nobody has had it, or everybody has gone back from it
    wanted = secret.revoke
    conditions = [f"after {durations.show(wanted.after)}"] if wanted.after else []
    conditions += [f"when {' and '.join(sorted(wanted.require, reverse=True))}"] if wanted.require else []
    conditions += ["when its checks hold once more"] if wanted.after and any(secret.checks) else []
    issuer = registry.find("issuers", secret.issuer.type)
    if any(secret.checks) and issuer.traits.revokes_the_old:
        conditions.append("its checks run again " + ("once it is disabled" if disables(issuer) else "after it"))
    if "unused" in wanted.require and not issuer.reports_last_used(secret.issuer.options):
        conditions.append("though its provider does not tell whether it is used")
    return f", {', '.join(conditions)}" if conditions else ""


def _how_to_make(secret: Secret) -> str:
    handwork = registry.find("issuers", secret.issuer.type).handwork(secret.issuer.options)
    return f"{handwork.where}: {handwork.make}"


def _how_to_name(secret: Secret) -> str:
    once = json.dumps({"rotate_adopt": {secret.name: "ID"}})
    return f"in the map: issuer.current_id of {secret.name}; or once: -e '{once}'"


def _best_proof(item: Planned, row: CredentialRow) -> str:
    """A refusal proves something only beside a replacement that is accepted."""
    if item.case.traits.cuts_over:
        return "it never was in force"
    if item.case.traits.revoke is Revocation.AUTO:
        return "nobody issued it: it ends with its last copy"
    target = target_of(item.case.state, item.case.order)
    comparable = row.has_value and (target is None or target.has_value)
    if item.case.traits.revoke is Revocation.PERSON:
        asked = comparable and shows(registry.find("issuers", item.case.secret.issuer.type))
        return f"a person does it; best proof possible: {'refused' if asked else 'attested'}"
    return f"best proof possible: {'refused' if comparable else 'provider'}"


def _listed(one: Listed) -> str:
    created = f"created {when(one.created_at)}" if one.created_at else "created: unknown"
    used = f"last used {when(one.last_used_at)}" if one.last_used_at else "last used: unknown"
    expires = f"expires {when(one.expires_at)}" if one.expires_at else "does not expire"
    return f"{identifier(one.id)}  {quoted(one.name)}  {created}  {used}  {expires}  {printable(one.scope, NAME)}"
