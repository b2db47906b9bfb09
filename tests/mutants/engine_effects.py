# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of the engine's room effects."""

from __future__ import annotations

from tests.mutants.engine_helpers import RUNS, departed, dropped, late, mutant
from tests.mutants.mutant import Mutant

_MINT = late(
    "    with ctx.attempt(work, ActionKind.MINT, name, begun) as intent:\n",
    "credential = _make(ctx, work, issuer, name, intent, begun)\n",
)
_WRITE = late(
    '    with ctx.attempt(work, ActionKind.WRITE, copy.id, {"keys": dict(copy.keys)}) as intent, _way_out(copy):\n',
    "evidence = yield HostRequest(copy.container, list(copy.keys), values, since)\n",
)
_ACTIVATE = late(
    "    with ctx.attempt(work, ActionKind.ACTIVATE, row.name) as intent:\n",
    "_insist(ctx, lambda: issuer.activate(credential))\n",
)
_PROVEN = "proof = _prove(ctx, work, issuer)\n"
_AFTER_REVOKE = f"        with after_an_effect():\n            {_PROVEN}"
_REVOKE = late(
    "    with ctx.attempt(work, ActionKind.REVOKE, row.name) as intent:\n",
    f"with _disabled(ctx, work, issuer, old):\n            issuer.revoke(old)\n{_AFTER_REVOKE}",
)

MUTANTS = (
    mutant(
        "no issuer speaks of what another has made",
        "if elsewhere and not _nobody_issued(row):",
        "if False:",
        "led_elsewhere",
    ),
    mutant(
        "nor calls it dead",
        "    if secret.made_elsewhere(row.made_by):\n        return Life.ELSEWHERE\n",
        "",
        "led_elsewhere",
    ),
    mutant(
        "nor says that it was never minted",
        "if work.case.secret.made_elsewhere(lost.made_by):",
        "if False:",
        "led_elsewhere",
    ),
    mutant(
        "nor does another account's list",
        "        demand_in_use_listed(work.case, listed, lost.target)\n",
        "",
        "landed",
    ),
    mutant(
        "nor call an orphan gone",
        "        demand_in_use_listed(work.case, listed(), work.row.name)\n",
        "        pass\n",
        "landed",
    ),
    mutant(
        "the list of a revoke shows what has taken its place",
        "        if not (lists(kind) and new.provider_id):\n            return None\n",
        "        return None\n",
        "revoking",
    ),
    mutant(
        "a cut-over's new value is shown once it is in force",
        "if work.case.traits.cuts_over and row.has_value:",
        "if False:",
        "cutover",
    ),
    mutant(
        "a revoke asks what this run saw on hosts",
        "elif not rule.has_proven(work.case, step, check, new):",
        "elif False:",
        "host_checks",
    ),
    mutant(
        "checks hold before an unissued value ends",
        "if clocks.waits(secret, traits) else []:",
        "if False else []:",
        "revoking",
    ),
    mutant(
        "a check is told that a revoke comes", "_replaced(ctx, work), anew", "_replaced(ctx, work), False", "revoking"
    ),
    mutant(
        "intent before effect: mint",
        *_MINT,
        "kill",
        "rotation",
    ),
    mutant(
        "intent before effect: write",
        *_WRITE,
        "rotation",
        "kill",
    ),
    mutant(
        "intent before effect: activate",
        *_ACTIVATE,
        "cutover",
        "kill_kinds",
    ),
    mutant(
        "intent before effect: revoke",
        *_REVOKE,
        "revoking",
        "kill",
        "rotation",
    ),
    mutant(
        "disabled first: by a run that has died",
        "    if not _may_be_disabled(work, issuer):",
        "    if True:",
        "revoking",
    ),
    mutant(
        "disabled first: the world is asked again",
        "        _demand_unopposed(ctx, work, issuer, checks=True)\n",
        "",
        "revoking",
    ),
    mutant(
        "disabled first: what is in use again is not",
        "            _demand_unopposed(ctx, work, issuer, checks=False)\n",
        "            pass\n",
        "revoking",
    ),
    mutant(
        "checks anew: after a grace",
        "checks=clocks.waits(secret, traits) or secret.revoke.confirm)",
        "checks=secret.revoke.confirm)",
        "revoking",
    ),
    mutant(
        "approval: checks anew",
        "checks=clocks.waits(secret, traits) or secret.revoke.confirm)",
        "checks=clocks.waits(secret, traits))",
        "approval",
    ),
    mutant(
        "approval: needed by whoever revokes",
        "    if approval.lacks_yes(work.case, work.row):\n",
        "    if False:\n",
        "approval",
    ),
    mutant(
        "approval: withdrawn by drift and failing checks",
        "    if ended or drifted or failing:\n",
        "    if False:\n",
        "approval",
    ),
    mutant(
        "approval: withdrawn by a failing check on a host",
        "            ctx.withdraw(work, str(error))\n            raise\n",
        "            raise\n",
        "host_checks",
    ),
    mutant("checks anew: from their start", "{} if anew else ", "", "revoking"),
    mutant("disabled first: taken back", "        issuer.enable(old)\n", "        pass\n", "revoking"),
    mutant("outcome kept: a proof comes after the revoke", _AFTER_REVOKE, f"        {_PROVEN}", "revoking"),
    mutant(
        "outcome kept: a repetition that never left",
        "            with after_an_effect(turn):\n                return effect()",
        "            return effect()",
        "cutover",
    ),
    mutant(
        "outcome kept: no answer is no failure",
        "DOUBTFUL = (OutcomeUnknownError, PendingApprovalError, UnexpectedAnswerError)",
        "DOUBTFUL = ()",
        "rotation",
        "revoking",
        "kill",
    ),
    dropped(
        "rule: asked before a revoke",
        "if blocking:\n        hint =",
        *RUNS,
        "edited",
        instead="if False:\n        hint =",
    ),
    mutant(
        "switch: not before everybody can know the new one",
        "if until := issuer.in_use_from(credential):",
        "if (until := issuer.in_use_from(credential)) and False:",
        "switched",
    ),
    dropped(
        "evidence compared before a write",
        "    if not store.unchanged(baseline, seen := ",
        "edited",
        "rotation",
        "damaged",
        "stores",
        instead="    if False and not store.unchanged(baseline, seen := ",
    ),
    dropped(
        "a look before a write to what does not compare",
        "if baseline is None or store.compares:",
        "edited",
        instead="if baseline is None or not store.compares:",
    ),
    dropped(
        "unfit values refused before the first write",
        "for copy in secret.copies\n        for problem in",
        "stores",
        "rotation",
        instead="for copy in ()\n        for problem in",
    ),
    mutant(
        "a value that a person has given is new, fits and works",
        'if problems := _objections(ctx, work, issuer, bare, begun["baseline"]):',
        'if False and (problems := _objections(ctx, work, issuer, bare, begun["baseline"])):',
        "person",
    ),
    mutant(
        "a value that its provider refuses is not sealed",
        "if answer is not Answer.ACCEPTED:\n            raise InvalidRequestError",
        "if False:\n            raise InvalidRequestError",
        "person",
    ),
    mutant(
        "a person's word counts only when nobody has the credential",
        "blocking, issuer = rule.obstacles(case, row), ctx",
        "blocking, issuer = [], ctx",
        "person",
    ),
    mutant(
        "a credential that lives is not taken for ended",
        "show=show) is Life.LIVES",
        "show=show) is None",
        "person",
    ),
    mutant(
        "only what a person has ended is retired as refused",
        "    if not _is_listed_alive(ctx, work, issuer) and _is_refused(ctx, issuer, row, new):\n",
        "    if True:\n",
        "person",
    ),
    dropped(
        "proof: two refusals",
        "    for turn in range(2):\n",
        "revoking",
        "rotation",
        instead="    for turn in range(1):\n",
    ),
    dropped(
        "proof: the new one is accepted",
        "if value is None or issuer.answer(value) is not Answer.ACCEPTED:",
        "revoking",
        "rotation",
        instead="if value is None:",
    ),
    dropped(
        "proof: an unclear answer proves nothing",
        "        if answer is not Answer.REFUSED:\n            return answer\n",
        "revoking",
        "rotation",
        instead="        if answer is Answer.ACCEPTED:\n            return answer\n",
    ),
    dropped(
        "proof: listed as revoked, or not at all",
        "if listed and not listed.revoked:\n        raise",
        "revoking",
        "rotation",
        instead="if False:\n        raise",
    ),
    dropped(
        "proof: what is still accepted has not ended",
        "        if answer is Answer.ACCEPTED:\n            hint",
        "revoking",
        instead="        if False:\n            hint",
    ),
    dropped(
        "proof: two refusals do not come in a row",
        "answer = first if first is Answer.REFUSED and not turn else _until_refused",
        "cutover",
        instead="answer = _until_refused",
    ),
    dropped(
        "proof: two refusals are apart",
        "        if turn:\n            ctx.clock.sleep(SETTLE)\n",
        "cutover",
    ),
    dropped(
        "a credential that is not listed does not pass as unused",
        "    if listed is None:\n        if begun",
        "last_use",
        instead="    if listed is None:\n        if True or begun",
    ),
    dropped(
        "unused: what is refused needs no list",
        " or _is_refused(ctx, issuer, row, work.case.replacement):",
        "last_use",
        instead=":",
    ),
    dropped(
        "unused: a lost revoke goes on", "        if begun or row.never", "last_use", instead="        if row.never"
    ),
    dropped("unused: a proof of ours is no use", " if not begun else ", "last_use", instead=" if True else "),
    dropped("unused: in use now, by no clock", "if listed.in_use else used", "last_use", instead="if False else used"),
    dropped(
        "unused: its provider's clock is read at the close",
        " or holds_use(secret, type(issuer))",
        "last_use",
    ),
    dropped(
        "unused: a way back counts from its own end",
        "ours = row.taken_back_at or (new",
        "last_use",
        instead="ours = (new",
    ),
    dropped(
        "unused: by its provider's clock, as read",
        "since = read or (ours",
        "last_use",
        instead="since = (ours",
    ),
    dropped(
        "unused: by its provider's clock, as measured",
        "(ours + (theirs - ctx.clock.now()) if theirs else ours)",
        "last_use",
        instead="ours",
    ),
    dropped(
        "unused: an old one is not shown by status and attest",
        "return in_use or not holds_use(secret, issuer)",
        "last_use",
        instead="return True",
    ),
    dropped(
        "unused: the end by a person is looked up in the list",
        "    if not _is_listed_alive(ctx, work, issuer) and _is_refused(",
        "last_use",
        instead="    if _is_refused(",
    ),
    dropped(
        "unused: attest shows what is not listed",
        "shown = row.has_value and (show or entry is None)",
        "last_use",
        instead="shown = row.has_value and show",
    ),
    dropped(
        "the replacement has expired by every clock",
        "    now = min(clock.now(), theirs) if theirs else clock.now()\n",
        "recheck",
        instead="    now = clock.now()\n",
    ),
    departed(
        "an identity that left while in use is listed",
        "if row.provider_id and row.alive]",
        "if row.provider_id and False]",
    ),
    dropped(
        "loss: asked again before it is given up",
        "    if now is not work.case.order.life:",
        "loss",
        instead="    if False:",
    ),
    dropped(
        "loss: a refusal beyond the propagation",
        "answer is Answer.REFUSED and _is_known_everywhere(clock, row)",
        "loss",
        instead="answer is Answer.REFUSED",
    ),
    dropped(
        "loss: a refusal is asked for twice",
        "    if issuer.answer(credential) is not Answer.REFUSED:\n        return Life.UNKNOWN\n",
        "loss",
        instead="",
    ),
    dropped(
        "asked again: the replacement lives",
        "        ended = _replacement_ended(ctx, work, issuer, listed)\n",
        "recheck",
        instead="        ended = None\n",
    ),
    dropped(
        "asked again: every copy is as it was left",
        'elif not registry.find("stores", copy.type).unchanged(left[copy.id], seen):',
        "recheck",
        instead="elif False:",
    ),
    dropped(
        "asked again: what cannot be seen holds",
        'problems.append(f"{copy.label} cannot be seen: {seen}")',
        "recheck",
        instead="pass",
    ),
    dropped(
        "asked again: an unclear answer holds",
        "        if answer is Answer.UNCLEAR:\n            raise",
        "recheck",
        instead="        if False:\n            raise",
    ),
    dropped(
        "clocks: an end by the provider waits, too",
        "    if clocks.ends_by_itself(case.traits):",
        "clocks",
        instead="    if False:",
    ),
    dropped(
        "used since, after every copy had changed",
        "    if last <= since:\n",
        "revoking",
        "last_use",
        instead="    if True:\n",
    ),
    dropped(
        "no value goes where none is needed",
        "old = ctx.ledger.unseal(row) if kept else Credential(row.provider_id, row.name, {}, row.facts)",
        "revoking",
        instead="old = ctx.ledger.unseal(row)",
    ),
    dropped(
        "work on hosts: under the locks of its secrets",
        "[name for name in sorted(names) if self._lock(name, locks)]",
        "on_hosts",
        instead="sorted(names)",
    ),
    dropped(
        "work on hosts: planned anew under the locks",
        "return waits and all((intent.kind, intent.target, row) in left[name] for name, row in piece.served.items())",
        "on_hosts",
        instead="return waits",
    ),
    dropped(
        "work on hosts: not that of another run",
        "waits = intent.state is IntentState.WAITING and intent.run == self._ctx.run",
        "on_hosts",
        instead="waits = True",
    ),
    dropped(
        "work on hosts: what was not begun at a stop is no open intent",
        'finish(one.effect, ConfigurationError("stopped before it was sent"))',
        "on_hosts",
        instead="pass",
    ),
    dropped(
        "what a command prints is caught on its host",
        'script=script or "", catch=True)',
        "host_commands",
        instead='script=script or "")',
    ),
    dropped(
        "what a failed command printed is masked",
        "_fit(answer.masked(values))",
        "host_commands",
        instead="_fit(answer.printed)",
    ),
    Mutant(
        "the end of a value that was cut in two is masked",
        "module_utils/_core/masking",
        "if cut and dense:",
        "if False:",
        ("core/test_masking", "ansible/test_caught"),
    ),
    Mutant(
        "an output that was cut is known",
        "plugin_utils/_ansible/caught",
        "cut = len(printed) == MOST_BYTES",
        "cut = False",
        ("ansible/test_caught",),
    ),
    dropped(
        "a provider that can be asked has to accept",
        "if tells_life(kind) and not ctx.clock.poll(",
        "rotation",
        "kill",
        instead="if False and not ctx.clock.poll(",
    ),
    dropped(
        "a new one has to have what the connection has", "issuer.shortfall(new) if own else []", "own", instead="[]"
    ),
    Mutant(
        "a session with the old role revokes nothing",
        "plugin_utils/_engine/effects/own",
        "[*ctx.secret_map.connections, LEDGER] if old else case.secret.connections",
        "[*ctx.secret_map.connections]",
        ("providers/postgres/test_own_ledger",),
    ),
    Mutant(
        "a role that lacks rights in the ledger is given to nobody",
        "plugin_utils/_engine/effects/mint",
        "if LEDGER in secret.connections and ctx.access.lacking",
        "if False and ctx.access.lacking",
        ("providers/postgres/test_own_ledger",),
    ),
    dropped(
        "no word of a person ends what a connection may use",
        "    demand_reconnected(ctx, case, row)\n",
        "own",
    ),
    dropped(
        "references are read anew before a revoke", "values != self._credentials[name]:", "own", instead="not values:"
    ),
    dropped(
        "the provider's word on its own connection counts", "issuer.is_own(row.provider_id)", "own", instead="False"
    ),
    dropped("what cannot be shown has to be listed", "any(key.id == credential.id and", "unshown", instead="any("),
    dropped(
        "a lost mint that is not listed is looked for again",
        "superseded(ctx.run, work.name, lost, until if late else None)",
        "landed",
        instead="superseded(ctx.run, work.name, lost, None)",
    ),
    dropped(
        "nothing is revoked that is let in",
        "if admissions := rule.admissions(work.case, row):",
        "accepting",
        instead="if admissions := [*()]:",
    ),
    dropped(
        "a look after a write is no failure without effect",
        "is evidence, too\n                with after_an_effect():",
        "accepting",
        instead="is evidence, too\n                if True:",
    ),
    dropped(
        "a look after a narrowing is no failure without effect",
        "request.gone)\n            with after_an_effect():",
        "accepting",
        instead="request.gone)\n            if True:",
    ),
    dropped(
        "each identity keeps its own credential",
        " if not copy.accepts or key == credential.id]",
        "accepting",
        instead="]",
    ),
    dropped(
        "each field fits its own pattern", "handwork.patterns.get(field, handwork.pattern)", "person", instead='""'
    ),
    # hosts on the way
    dropped("nothing goes past its host", "options[OPTION].taken", "via", instead="True"),
    dropped(
        "a consumer on a host has to be well after its reload",
        "                    self._ctx.systems.check(check).run(None, NO_CHECKPOINT)\n",
        "on_hosts",
        instead="                    pass\n",
    ),
    dropped("an old instance is awaited", "if before.get(one) == mark and", "released", instead="if False and"),
    dropped("a write asks for a release after it", " and one.progress[_WRITES] == _newest_write(work)", "released"),
    dropped(
        "only on the way back an instance from before counts",
        "    if not work.case.order.rollback:\n        return {}\n    newer",
        "released",
        instead="    newer",
    ),
    dropped(
        "a look outlasts a failure", "{work.name: intent}, in_parts=True", "released", instead="{work.name: intent}"
    ),
)
