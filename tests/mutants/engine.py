# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of the engine."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

RUNS = ("rotation", "revoking", "kill")
PLANS = ("rule", *RUNS)


def mutant(safeguard: str, text: str, instead: str, *tests: str) -> Mutant:
    names = tuple(f"engine/test_{name}" for name in tests)
    return Mutant(safeguard, "plugin_utils/_engine", text, instead, names)


def dropped(safeguard: str, clause: str, *tests: str, instead: str = "") -> Mutant:
    return mutant(safeguard, clause, instead, *(tests or PLANS))


def departed(safeguard: str, text: str, instead: str) -> Mutant:
    return Mutant(safeguard, "plugin_utils/_engine", text, instead, ("providers/postgres/test_departed",))


def deposited(safeguard: str, text: str, instead: str) -> Mutant:
    return Mutant(safeguard, "plugin_utils/_ansible/deposited", text, instead, ("ansible/test_deposited",))


def ssh_host(safeguard: str, text: str, instead: str) -> Mutant:
    return Mutant(safeguard, "plugin_utils/_ansible/ssh_hosts", text, instead, ("ansible/test_ssh_hosts",))


def late(attempt: str, effect: str) -> tuple[str, str]:
    """Return an attempt at an effect, and the same with the effect before its intent."""
    margin = attempt[: len(attempt) - len(attempt.lstrip())]
    inner = f"{margin}    "
    early = effect.replace(f"\n{inner}", f"\n{margin}")
    return f"{attempt}{inner}{effect}", f"{margin}intent = 0\n{margin}{early}{attempt}{inner}pass\n"


_MINT = late(
    '    with ctx.attempt(work, ActionKind.MINT, name, {"baseline": baseline}) as intent:\n',
    "credential = _make(ctx, work, issuer, name, intent, baseline)\n",
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
    dropped("who goes back shows the old one to its provider", " or self.order.rollback:", "going_back", instead=":"),
    mutant(
        "nobody goes back past what a person has named",
        "    if old is not state.in_use:\n",
        "    if False:\n",
        "going_back",
    ),
    mutant(
        "what a check has made outlasts a write",
        "for name in (MADE, CLEANED) if name in",
        "for name in () if name in",
        "left_behind",
    ),
    mutant(
        "checks on hosts hold before a revoke",
        "if check.host and not has_proven(case, step, check, new)",
        "if False",
        "host_checks",
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
    mutant("after the revoke: checks once more", "held(check) < ended", "False", "revoking"),
    mutant(
        "after the revoke: a failing check is told", "    if unchecked(secret, state):\n", "    if False:\n", "revoking"
    ),
    mutant(
        "disabled first: by a run that has died",
        "    if not _may_be_disabled(work, issuer):",
        "    if True:",
        "revoking",
    ),
    mutant(
        "disabled first: the world is asked again",
        "        _recheck(ctx, work, issuer, issuer.listed, checks=True)\n",
        "",
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
        "approval: by the name of the run",
        "    meant = [one for one in open_ones if one.run == run]\n",
        "    meant = open_ones\n",
        "approval",
    ),
    mutant(
        "approval: it ends",
        "    return None if ends and ends <= case.now else found\n",
        "    return found\n",
        "approval",
    ),
    mutant(
        "approval: not in the job that has asked",
        'any(one.progress.get("job") == job for one in meant)',
        "False",
        "approval",
    ),
    mutant(
        "approval: for one replacement",
        'found.progress.get("replacement") != replacement or ',
        "",
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
    mutant(
        "approval: withdrawn by drift that a plan finds",
        "            if item.case.order.drifted and any(one.state is IntentState.DONE for one in approvals):\n",
        "            if False:\n",
        "approval",
    ),
    mutant("approval: a later write asks anew", " or found.id < _last_change(case.state)", "", "approval"),
    mutant(
        "approval: given once",
        'tx.update(self._t.intents, {"secret": secret, "id": one.id}, answer, (IntentState.WAITING,))',
        'tx.update(self._t.intents, {"secret": secret, "id": one.id}, answer)',
        "approval",
    ),
    mutant(
        "shadows: what a plan saw is checked", "hidden += [copy.id] if found or copy.host else []", "pass", "shadows"
    ),
    mutant(
        "shadows: a file on a host is checked unseen", "if found or copy.host else []", "if found else []", "shadows"
    ),
    mutant("shadows: kept for the roll-out", "hidden=tuple(hidden) if checkable else ()", "hidden=()", "shadows"),
    mutant("checks anew: from their start", "{} if anew else ", "", "revoking"),
    mutant(
        "only revokes: nothing is minted",
        "if options.rollback or options.only_revoke or state.pending:",
        "if options.rollback or state.pending:",
        "revoking",
    ),
    mutant(
        "only revokes: nothing is rolled out",
        "if barred := self._bar(case, due, actions):",
        'if barred := "":',
        "revoking",
    ),
    mutant(
        "window: nothing is begun while it is closed",
        "barred = windows.closed(case.secret.window, case.now)\n",
        'barred = ""\n',
        "windows",
    ),
    mutant(
        "window: asked again where it is begun",
        "(closed := windows.closed(case.secret.window, now))",
        '(closed := "")',
        "windows",
    ),
    mutant(
        "window: what is under way is finished",
        "if not more or case.order.anytime or case.is_urgent or is_under_way(case.state):",
        "if not more or case.order.anytime or case.is_urgent:",
        "windows",
    ),
    mutant(
        "window: a dead credential is replaced",
        "case.order.anytime or case.is_urgent or is_under_way(case.state):",
        "case.order.anytime or is_under_way(case.state):",
        "windows",
    ),
    mutant("freeze: nothing is begun", "if freeze and actions:", "if False:", "windows"),
    mutant(
        "freeze: begun before a hook",
        "if self._freeze and not goes_on:",
        "if False:",
        "windows",
    ),
    mutant(
        "freeze: nothing is revoked",
        "        if self._freeze and not (case.is_urgent or case.order.rollback):\n",
        "        if False:\n",
        "windows",
    ),
    mutant(
        "freeze: a dead credential is replaced",
        "return self.order.urgent or self.order.given_up is not None or self.past_point_of_no_return",
        "return self.order.urgent or self.past_point_of_no_return",
        "windows",
    ),
    mutant(
        "freeze: what its provider ends soon is replaced",
        "return ends is not None and any(ends <= time + _LAST_MOMENT for time in over)",
        "return False",
        "windows",
    ),
    mutant(
        "freeze: a cut-over is finished",
        "return self.order.urgent or self.order.given_up is not None or self.past_point_of_no_return",
        "return self.order.urgent or self.order.given_up is not None",
        "windows",
    ),
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
    mutant(
        "verify gate",
        "return writes + reloads + checks",
        "return writes + reloads",
        "rotation",
        "planner",
    ),
    dropped(
        "rule: asked before a revoke",
        "if blocking:\n        gone =",
        *RUNS,
        "edited",
        instead="if False:\n        gone =",
    ),
    dropped(
        "rule: no copy holds it",
        "for mark in state.holdings.values() if mark.credential == row.id]\n    found +=",
        *PLANS,
        instead="for mark in ()]\n    found +=",
    ),
    dropped(
        "rule: no consumer runs on it",
        "for name, mark in state.running.items() if mark.credential == row.id]",
        *PLANS,
        instead="for name, mark in ()]",
    ),
    dropped(
        "rule: a write in doubt counts",
        "for i in doubts if i.kind is ActionKind.WRITE]",
        *PLANS,
        instead="for i in ()]",
    ),
    dropped(
        "rule: a reload in doubt counts",
        "for i in doubts if i.kind is ActionKind.RELOAD]",
        *PLANS,
        instead="for i in ()]",
    ),
    dropped("rule: a replacement is there", '[*found, "there is nothing in its place"]', instead="found"),
    dropped("rule: nothing replaces itself", " or replacement.id == row.id", *PLANS),
    dropped(
        "rule: an adopted one is in somebody's hands",
        "row.origin is not Origin.ADOPTED and ",
        "rule",
        "edited",
        *RUNS,
    ),
    dropped(
        "rule: what was handed out may be held", "row.id not in case.state.distributed and not case", instead="not case"
    ),
    dropped("rule: what was proven may be in use without a copy", " and row.closed_at is None"),
    mutant(
        "switch: not before everybody can know the new one",
        "if until := issuer.in_use_from(credential):",
        "if (until := issuer.in_use_from(credential)) and False:",
        "switched",
    ),
    mutant(
        "switch: no way back once it may be made",
        "    if state.intent(ActionKind.PROMOTE):\n",
        "    if False:\n",
        "switched",
    ),
    dropped(
        "rule: left the map with an adopted one",
        "for name in untracked_holders(secret, state, row)\n    ]\n    replacement",
        "edited",
        instead="for name in ()\n    ]\n    replacement",
    ),
    mutant("a key that left with an adopted one", "*keys, *self.consumers}", "*self.consumers}", "edited"),
    mutant(
        "a copy is forgotten, what its other keys hold is not",
        "                    self._keep_unmapped_keys(tx, secret, name, mapped[name], now)\n",
        "                    pass\n",
        "edited",
    ),
    mutant(
        "a key that left while a write was in doubt",
        'tx.insert(t.intents, {**_without(row, "id"), "target": key_id(copy, key)})',
        "pass",
        "edited",
    ),
    dropped("rule: in every key of a copy", " and mark.keys == copy.keys", "rule", "edited", *RUNS),
    dropped("rule: a drifted copy may hold it", " and not case.order.drifted", "rule", "going_back", *RUNS),
    dropped(
        "rule: the replacement in every copy",
        "for copy in secret.copies if not holds(state, copy, replacement.id)]",
        instead="for copy in ()]",
    ),
    dropped(
        "rule: every consumer on the replacement",
        "for who in secret.consumers if not on_it(state.running.get(who))]",
        instead="for who in ()]",
    ),
    dropped("rule: every check holds", "if not all(map(on_it, marks)):", instead="if False:"),
    dropped("rule: use is proven", 'elif secret.revoke.accept == "use" and not', instead="elif False and not"),
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
        "if problems := _objections(ctx, work, issuer, bare, baseline):",
        "if False and (problems := _objections(ctx, work, issuer, bare, baseline)):",
        "person",
    ),
    mutant(
        "a value that its provider refuses is not sealed",
        "if answer is not Answer.ACCEPTED:\n            raise InvalidRequestError",
        "if False:\n            raise InvalidRequestError",
        "person",
    ),
    mutant(
        "no second value is taken before the first is rolled out",
        "            _refuse_second(name, state)\n",
        "",
        "person",
    ),
    mutant(
        "a person's word counts only when nobody has the credential",
        "    blocking = rule.obstacles(case, row)\n",
        "    blocking = []\n",
        "person",
    ),
    mutant(
        "a credential that lives is not taken for ended",
        "is Life.LIVES:\n        blocking",
        "is None:\n        blocking",
        "person",
    ),
    mutant(
        "only what a person has ended is retired as refused",
        "if issuer.answer(old) is Answer.REFUSED and _refused_for_good(ctx, issuer, old, value):\n            ctx",
        "if True:\n            ctx",
        "person",
    ),
    mutant(
        "copies that show different values are not adopted",
        "if fingerprint != shown:",
        "if False:",
        "adopting",
    ),
    dropped(
        "proof: two refusals",
        "    ctx.clock.sleep(SETTLE)\n    return _refused(ctx, issuer, old, new)",
        "revoking",
        "rotation",
        instead="    return True",
    ),
    dropped(
        "proof: the new one is accepted",
        "within=PROPAGATION)) and issuer.answer(new) is Answer.ACCEPTED",
        "revoking",
        "rotation",
        instead="within=PROPAGATION))",
    ),
    dropped(
        "proof: an unclear answer proves nothing",
        "True if issuer.answer(old) is Answer.REFUSED",
        "revoking",
        "rotation",
        instead="True if issuer.answer(old) is not Answer.ACCEPTED",
    ),
    dropped(
        "proof: listed as revoked, or not at all",
        "if listed is None or listed.revoked:\n        return",
        "revoking",
        "rotation",
        instead="if True:\n        return",
    ),
    dropped(
        "rule: what would end with its own identity",
        "    if revokes_by_identity(case) and shares_identity(row, replacement):",
        "rule",
        instead="    if False:",
    ),
    dropped(
        "loss: asked again before it is given up",
        "    if now is not work.case.order.life:",
        "loss",
        instead="    if False:",
    ),
    dropped(
        "loss: only what was once accepted is given up",
        "if certain and row.was_valid and not state.given_up:",
        "loss",
        instead="if certain and not state.given_up:",
    ),
    dropped(
        "loss: one is given up until one is proven",
        "if certain and row.was_valid and not state.given_up:",
        "loss",
        instead="if certain and row.was_valid:",
    ),
    dropped(
        "loss: a refusal beside one that is accepted",
        "certain = life.is_over or life is Life.REFUSED_ALONE",
        "loss",
        instead="certain = life.is_over or life.is_refused",
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
        "loss: absence from a list is no end",
        "dead = life.is_over or life.is_refused",
        "loss",
        instead="dead = life is not Life.LIVES",
    ),
    dropped(
        "loss: dead production is rotated once it is named",
        'problem = "" if named else',
        "loss",
        instead='problem = "" if True else',
    ),
    dropped(
        "loss: copies show that they hold it",
        " and not self.preflight.in_use(item, row)",
        "loss",
        instead=" and False",
    ),
    dropped("loss: no way back to a dead value", "if old and old.given_up_at:", "loss", instead="if False:"),
    dropped(
        "many: what is unproven has its bound",
        "mints and not self._has_room()",
        "many",
        instead="False",
    ),
    dropped("many: reloads of a step keep their order", " and action.target in turn", "many"),
    dropped(
        "many: a consumer that comes later in one secret is reloaded once",
        "after = _first_reloads(rotation.actions[len(quick) :])",
        "many",
        instead="after = rotation.actions[len(quick) :][:1]",
    ),
    dropped(
        "recheck: checks on hosts are run there",
        "Action(there if check.host else here, index",
        "host_checks",
        instead="Action(here, index",
    ),
    dropped(
        "each: entries that would be the same are refused",
        'if _put(rest, "") == rest:',
        "secret_map_each",
        instead="if False:",
    ),
    dropped(
        "each: no name is taken twice",
        "for taken in several.keys() & (entries.keys() | found.keys()):",
        "secret_map_each",
        instead="for taken in ():",
    ),
    dropped(
        "each: what is no item is refused",
        "if not re.fullmatch(_ITEM, name, re.ASCII)]",
        "secret_map_each",
        instead="if False]",
    ),
    dropped(
        "many: a wave that has not begun holds up none before it",
        "for counts in self._counts[: self._open])",
        "many",
        instead="for counts in self._counts)",
    ),
    mutant(
        "status: what a run has changed meanwhile is looked at again",
        "if self._ledger.audit_head() != head and",
        "if False and",
        "preflight",
    ),
    mutant(
        "map: only what plainly fits is not shown to the library",
        "node.keys() <= _PLAIN_TEXT and ",
        "",
        "secret_map_errors",
    ),
    dropped("only a name names a secret", "return bool(self.only)", "selection", instead="return True"),
    dropped(
        "what was taken back rests",
        "    if back is None:\n        return Due(DueStatus.DUE, why)",
        "selection",
        instead="    if True:\n        return Due(DueStatus.DUE, why)",
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
        "asked again: a probe from before the write is none",
        "probe.run == case.order.run and probe.credential == about",
        "recheck",
        instead="probe.run == case.order.run",
    ),
    dropped(
        "asked again: a probe of another run is none",
        "probe.run == case.order.run and probe.credential == about",
        "recheck",
        "on_hosts",
        instead="probe.credential == about",
    ),
    dropped(
        "memory: dropped where another process has written",
        '        return last is None or last["mac"] != self._head',
        "ledger",
        instead="        return last is None or not self._head",
    ),
    dropped(
        "memory: forgotten with what was not committed",
        "                    self._undo()\n",
        "ledger",
        instead="",
    ),
    dropped(
        "memory: adopted once",
        "if row.provider_id and tx.select(self._t.credentials, known):",
        "ledger",
        instead="if False:",
    ),
    dropped(
        "group commit: nobody returns before it",
        "        while not error and not group.ended.wait(_RESCUE_SECONDS):",
        "ledger_commits",
        instead="        while False:",
    ),
    dropped(
        "clocks: the issuer's, at the closing",
        'times = {"closed_by_issuer": by_issuer, ',
        "clocks",
        instead='times = {"closed_by_issuer": None, ',
    ),
    dropped(
        "clocks: the database's, at the closing",
        '"closed_by_database": postgres.server_time(tx.connection)}',
        "clocks",
        instead='"closed_by_database": None}',
    ),
    dropped(
        "clocks: every one says that it is over",
        "    if longest > timedelta():",
        "clocks",
        instead="    if False:",
    ),
    dropped("clocks: five minutes apart", "if abs(ahead) > MOST_APART:", "clocks", instead="if False:"),
    dropped(
        "clocks: an end by the provider waits, too",
        "    if clocks.ends_by_itself(case.traits):",
        "clocks",
        instead="    if False:",
    ),
    dropped(
        "used since, after every copy had changed",
        "if listed and listed.last_used_at and since and listed.last_used_at > since:",
        "revoking",
        "rotation",
        instead="if False:",
    ),
    dropped(
        "no value goes where none is needed",
        "old = ctx.ledger.unseal(row) if kept else Credential(row.provider_id, row.name, {}, row.facts)",
        "revoking",
        instead="old = ctx.ledger.unseal(row)",
    ),
    dropped(
        "a sealed value is what was minted",
        "if fields and self.fingerprint(row.secret, fields) != row.fingerprint:",
        "ledger",
        "damaged",
        instead="if False:",
    ),
    dropped(
        "the rows of a secret add up to its digest",
        "            if (total - (self.macs.unmask(digest) if digest else 0)) % _MODULUS:",
        "ledger_tampered",
        instead="            if False:",
    ),
    dropped(
        "the digests add up to the one in the trail",
        "if total is None or (self.macs.sum(self._t.digests, rows) - total) % _MODULUS:",
        "ledger_tampered",
        instead="if False:",
    ),
    dropped(
        "an altered row is named",
        "            elif tag != self.macs.tag(table, row):",
        "ledger_tampered",
        "audit_log",
        instead="            elif False:",
    ),
    dropped(
        "asked to stop: before each effect",
        "    ctx.clock.check()\n    kind",
        "processes",
        "many",
        "rotation",
        instead="    kind",
    ),
    dropped(
        "parent check",
        "        if os.getppid() != self._parent:\n            self.stop()",
        "processes",
        instead="        if False:\n            self.stop()",
    ),
    dropped(
        "lock",
        "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "ledger",
        "processes",
        instead="pass",
    ),
    dropped(
        "a session of locks is nobody else's",
        "    if others:\n",
        "ledger_postgres",
        instead="    if False:\n",
    ),
    dropped(
        "a sealed value is bound to its row",
        '(bound["secret"], bound["credential"], bound["field"]) != (secret, credential, field)',
        "ledger",
        "damaged",
        instead="False",
    ),
    dropped(
        "a foreign ledger's stamp is refused",
        "elif owner != self._ledger.id:",
        "preflight",
        "stores",
        instead="elif False:",
    ),
    dropped(
        "evidence compared before a plan",
        "elif seen is not None and known is not None and self._has_drifted(item, copy, known, seen):",
        "preflight",
        "edited",
        "rotation",
        instead="elif False:",
    ),
    dropped(
        "a wave waits for the work on hosts of the one before",
        "if not self.under_way:",
        "on_hosts",
        instead="if not self.moving:",
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
        "a missing command is found before a mint",
        "*(_inspections(scope) if case.wants_mint else [])]",
        "host_commands",
        instead="]",
    ),
    dropped(
        "one reload a consumer: nobody's that is handed over already",
        "if (other.name, mine.target) not in self._reloading",
        "host_commands",
        instead="if other.moving",
    ),
    dropped(
        "what a command prints is caught on its host",
        "return HostCommand(line, folder, catch=True)",
        "host_commands",
        instead="return HostCommand(line, folder)",
    ),
    dropped(
        "what a failed command printed is masked",
        "masking.scrub_pieces(masking.scrub(printed), values)",
        "host_commands",
        instead="printed",
    ),
    dropped(
        "no ledger where a job runner empties the place",
        "(why := loss(path, job, by_default=by_default))",
        "ledger_location",
        instead='(why := "")',
    ),
    dropped(
        "no ledger that everybody can alter",
        "if mode & stat.S_IWOTH and not mode & harmless:",
        "ledger_location",
        instead="if False:",
    ),
    dropped(
        "a ledger has one lock by all of its names",
        'Path(f"{path.resolve()}.locks")',
        "ledger_location",
        instead='Path(f"{path}.locks")',
    ),
    mutant("a ledger has one name", "if path.exists() and path.stat().st_nlink > 1:", "if False:", "ledger_location"),
    dropped("a lock is no link", " | os.O_NOFOLLOW", "ledger_location"),
    Mutant(
        "a variable's value is no part of a command to go on",
        "plugin_utils/_ansible",
        "names = [name for name in _inline() if name not in own]\n",
        "names = [str(variable) for variable in _inline().items() if variable[0] not in own]\n",
        ("ansible/test_invocation",),
    ),
    Mutant(
        "tags that leave out the rotation are known",
        "plugin_utils/_ansible",
        "if own == tags or not only or (only & meant and not skip & meant):",
        "if True:",
        ("ansible/test_invocation",),
    ),
    mutant(
        "claims: an effect without an answer may have been made",
        " and i.unresolved and i.kind in _DOUBTS\n",
        " and not i.unresolved and i.kind in _DOUBTS\n",
        "claims",
    ),
    mutant(
        "claims: a revoke without an answer may have been made",
        "    if state.intent(ActionKind.REVOKE, row.name):\n",
        "    if state.intent(ActionKind.REVOKE, row.name) and not row.id:\n",
        "claims",
    ),
    Mutant(
        "what tags leave out is not done",
        "plugin_utils/_ansible/shell",
        "if self.undone and (tags := invocation.leaving_out(self._task.tags)):",
        "if tags := '':",
        ("actions/test_by_hand",),
    ),
    Mutant(
        "an action takes no mapping for text",
        "plugin_utils/_ansible/shell",
        "if problem := not_text(action._task.args, spec):",
        "if problem := '':",
        ("actions/test_guarded",),
    ),
    mutant(
        "claims: what nobody issued is not revoked",
        " or row.proof in (Proof.NEVER_IN_FORCE, Proof.UNISSUED)\n",
        "\n",
        "claims",
    ),
    mutant(
        "report: the command after drift names what may be overwritten",
        "        if not changed:\n",
        "        if True:\n",
        "claims",
    ),
    mutant(
        "report: no run revokes what a person ends",
        '("is to be ended by a person", ", and the next run says how")',
        '("is revoked", _NEXT)',
        "claims",
    ),
    mutant(
        "report: a write without an answer may have made a key",
        "in item.case.state.holdings or item.case.state.intent(ActionKind.WRITE, copy.id):",
        "in item.case.state.holdings:",
        "claims",
    ),
    mutant("status: absence from a list is no end", "return Fact.UNLISTED", "return Fact.LISTED_ENDED", "claims"),
    mutant(
        "forget: a name that nothing has is an error",
        "if name not in known]:",
        "if name not in known and False]:",
        "edited",
    ),
    mutant("ledger: what the system refuses is no damage", "if path and not _is_damage(error):", "if False:", "claims"),
    dropped(
        "what nobody rotates is not minted",
        "if due.status is DueStatus.UNROTATED or not (",
        "unrotated",
        instead="if not (",
    ),
    dropped(
        "a provider that can be asked has to accept",
        "if tells_life(kind) and not ctx.clock.poll(",
        "rotation",
        "kill",
        instead="if False and not ctx.clock.poll(",
    ),
    dropped("a connection on the old credential revokes nothing", "own & (old - new)", "own", instead="own & set()"),
    dropped(
        "a connection shows that it has the new one", "declared and not (own & (new - old))", "own", instead="own - own"
    ),
    dropped(
        "a new one has to have what the connection has", "issuer.shortfall(new) if own else []", "own", instead="[]"
    ),
    Mutant(
        "a person's value comes from no dotenv file",
        "plugin_utils/_engine/session",
        "        if copy.host:\n",
        "        if False:\n",
        ("providers/dotenv/test_dotenv_store",),
    ),
    Mutant(
        "a session with the old role revokes nothing",
        "plugin_utils/_engine/effects/own",
        "[*secret_map.connections, LEDGER] if old else case.secret.connections",
        "[*secret_map.connections]",
        ("providers/postgres/test_own_ledger",),
    ),
    Mutant(
        "a role that lacks rights in the ledger is given to nobody",
        "plugin_utils/_engine/effects/mint",
        "if LEDGER in secret.connections and ctx.access.lacking",
        "if False and ctx.access.lacking",
        ("providers/postgres/test_own_ledger",),
    ),
    Mutant(
        "a password that nobody sees is no ledger's own",
        "plugin_utils/_engine/preflight/preflight",
        "if LEDGER in secret.connections and not self._access.opened_with:",
        "if False:",
        ("providers/postgres/test_own_ledger",),
    ),
    dropped(
        "no word of a person ends what a connection may use",
        "    demand_reconnected(case, row, ctx.secret_map, ctx.systems, ctx.access)\n    if not check:",
        "own",
        instead="    if not check:",
    ),
    dropped(
        "a credential that nobody lists is the one that a person names",
        "            if unlisted:",
        "adopting",
        instead="            if False:",
    ),
    dropped(
        "no connection is called as the ledger's own",
        "if name == LEDGER:\n            self",
        "own",
        instead="if False:\n            self",
    ),
    dropped("status names what a revoke waits for", "if case.is_settled else []", "own", instead="if False else []"),
    dropped("a circle of references is refused", "name in self._opening:", "own", instead="False:"),
    dropped(
        "references are read anew before a revoke", "values != self._credentials[name]:", "own", instead="not values:"
    ),
    dropped(
        "the provider's word on its own connection counts", "issuer.is_own(row.provider_id)", "own", instead="False"
    ),
    dropped("what cannot be shown has to be listed", "any(key.id == credential.id and", "unshown", instead="any("),
    dropped("what nobody was shown to was not accepted", "row.accepted_at and shows(", "unshown", instead="bool("),
    dropped(
        "last use is asked of an issuer that tells it",
        " and not _tells_use(entry.issuer)",
        "used",
        instead=" and False",
    ),
    dropped("a full quota is refused before the mint", "if room.left < 1:", "quota", instead="if False:"),
    dropped(
        "only a lost mint of ours is taken for one that ends",
        "(one.name in lost and one.id not in known)",
        "quota",
        instead="one.name in lost",
    ),
    dropped(
        "a short life is not due at once",
        "min(_BEFORE_END, (ends - since) / _LAST_PART)",
        "selection",
        instead="_BEFORE_END",
    ),
    dropped(
        "what is due is also what its provider says",
        "ends or current.expires_at\n    before",
        "selection",
        instead="None\n    before",
    ),
    dropped(
        "what ends by itself leaves a margin", "if total <= lives - margin:", "cutover", instead="if total <= lives:"
    ),
    dropped(
        "what ends by itself is not left to one environment",
        "if left and case.traits.ends_the_old else",
        "cutover",
        instead="if left and case.traits.cuts_over else",
    ),
    dropped(
        "what is about to end is not left to one environment",
        "self._left_out(case) if case.past_point_of_no_return else []",
        "cutover",
        instead="[]",
    ),
    dropped(
        "a lost mint that is not listed is looked for again",
        "superseded(ctx.run, work.name, lost, until if late else None)",
        "landed",
        instead="superseded(ctx.run, work.name, lost, None)",
    ),
    dropped(
        "a lost mint is looked for once more after its time",
        " or (i.sought_until or now) <= now",
        "landed",
    ),
    dropped(
        "only what no ledger row is about has landed",
        "if not one.revoked and one.id not in known}",
        "landed",
        instead="if not one.revoked}",
    ),
    # what lets credentials in
    dropped("a list is narrowed before the revoke", "*narrowing, *revokes", "accepting", instead="*revokes"),
    dropped(
        "a list is narrowed after all that is asked before a revoke",
        "actions.append(act(ActionKind.DISABLE, credential=row.id))",
        "accepting",
        instead="pass",
    ),
    dropped(
        "nothing is revoked that is let in",
        "if admissions := rule.admissions(work.case, row):",
        "accepting",
        instead="if admissions := [*()]:",
    ),
    dropped(
        "each identity keeps its own credential",
        " if not copy.accepts or key == credential.id]",
        "accepting",
        instead="]",
    ),
    dropped("what reads a list reads it anew", 'row["evidence"], LAGS: True}', "accepting", instead='row["evidence"]}'),
    dropped(
        "a narrowing of ours is no drift",
        "(ActionKind.WRITE, ActionKind.NARROW))",
        "accepting",
        instead="(ActionKind.WRITE,))",
    ),
    deposited("no job runner asks a person for a value", "if job.runner:\n        raise", "if False:\n        raise"),
    deposited("what is typed is not shown", "before[3] & ~termios.ECHO", "before[3]"),
    deposited(
        "what is left of a paste is no value",
        "if _has_input(descriptor):\n        raise",
        "if False:\n        raise",
    ),
    deposited("no unknown name of a document is taken", "if not set(names) <= {*fields}:", "if False:"),
    deposited("no field of a document stands twice", "names.count(field) > 1", "False"),
    deposited("the file of somebody else is refused", "if found.st_uid != os.geteuid():", "if False:"),
    deposited("a file with another name is refused", "if found.st_nlink > 1:", "if False:"),
    deposited(
        "a file in a repository is refused",
        'if any((folder / ".git").exists()',
        'if False and any((folder / ".git").exists()',
    ),
    dropped(
        "each field fits its own pattern", "handwork.patterns.get(field, handwork.pattern)", "person", instead='""'
    ),
    dropped(
        "a file on a host is not read", "if copy and copy.host not in (None, LOCALHOST):", "own", instead="if False:"
    ),
    deposited("a file that others can read is refused", "if stat.S_IMODE(found.st_mode) & 0o177:", "if False:"),
    deposited("a link is no file of a value", "os.O_NOFOLLOW | ", ""),
    deposited("a value is no variable", 'if name.startswith("deposit_") and', 'if name.startswith("nothing_") and'),
    # one of many first
    dropped(
        "the others wait for the first one",
        "return [part for part in (ahead, rest) if part] or [turn]",
        "on_hosts",
        instead="return [[*ahead, *rest]] if ahead or rest else [turn]",
    ),
    dropped(
        "a consumer on a host has to be well after its reload",
        "                    self._ctx.systems.check(check).run(None, NO_CHECKPOINT)\n",
        "on_hosts",
        instead="                    pass\n",
    ),
    # what others release
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
    dropped("no instance from before counts after a hand", " and not order.drifted else", "released", instead=" else"),
    dropped(
        "a failure outlasts a wait beside it",
        "if rotation.status is RotationStatus.HELD:\n            return\n",
        "released",
        instead="pass\n",
    ),
    dropped("a run that only revokes writes nothing for a release", "all(looks) and", "released"),
    dropped(
        "nobody waits on a value that ends", ".ends_the_old\n    return", "released", instead=".alternating\n    return"
    ),
    # hosts on the way
    dropped("nothing goes past its host", "options[OPTION].taken", "via", instead="True"),
    dropped("a host on the way is one of the inventory", "host not in self.hosts:", "via", instead="False:"),
    ssh_host("ssh inherits no credential", "if name not in secret", "if name"),
    ssh_host("no connection is shared with a forward", '_LAST = ("-S", "none", ', "_LAST = ("),
    ssh_host("ssh asks for nothing", '"BatchMode=yes"', '"BatchMode=no"'),
    departed("an identity that the map names is not dropped", "if identity in _identities(one)]", "if False]"),
    departed("one whose credential lives is not dropped", "row.provider_id == identity and row.alive]", "False]"),
    departed("a person confirms a drop", "if confirm != identity:", "if False:"),
)
