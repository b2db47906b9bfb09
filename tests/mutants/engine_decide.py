# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of the engine's room decide."""

from __future__ import annotations

from tests.mutants.engine_helpers import PLANS, RUNS, departed, dropped, mutant

MUTANTS = (
    mutant(
        "checks on hosts hold before a revoke",
        "if check.host and not has_proven(case, step, check, new)",
        "if False",
        "host_checks",
    ),
    mutant(
        "a lost mint that ends the old one leaves no orphan",
        "leaves = traits.overlap is Overlap.OPEN and ",
        "leaves = ",
        "landed",
    ),
    mutant("who has left the map is told of its lost mint", "state.lost_mints or any(row", "any(row", "left_map"),
    mutant("after the revoke: checks once more", "held(check) < ended", "False", "revoking"),
    mutant(
        "after the revoke: a failing check is told", "    if unchecked(secret, state):\n", "    if False:\n", "revoking"
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
    mutant("approval: a later write asks anew", " or found.id < _last_change(case)", "", "approval"),
    dropped(
        "an orphan lives until a copy that somebody has changed is overwritten",
        " and not any(_was_changed(case, row, copy) for copy in case.secret.copies)",
        "landed",
    ),
    dropped("approval: narrowing asks nothing anew", " and target not in narrowed", "approval"),
    mutant(
        "what is in use is told, too, of a secret that has left the map",
        "if row.alive and (secret.left or row is not state.current)]",
        "if row.alive and row is not state.current]",
        "left_map",
    ),
    mutant(
        "what a key derives from other names is a part of its template",
        "names |= Template.parse(made).names",
        "pass",
        "edited",
    ),
    mutant(
        "a role that has left the map is taken out of what lets it in",
        "return left or row.provider_id in mark.evidence",
        "return row.provider_id in mark.evidence",
        "accepting",
    ),
    mutant(
        "only revokes: nothing is minted",
        "if options.rollback or options.only_revoke or state.pending:",
        "if options.rollback or state.pending:",
        "revoking",
    ),
    mutant(
        "freeze: a dead credential is replaced",
        "return self.order.urgent or self.order.given_up is not None or self.past_point_of_no_return",
        "return self.order.urgent or self.past_point_of_no_return",
        "windows",
    ),
    mutant(
        "freeze: a cut-over is finished",
        "return self.order.urgent or self.order.given_up is not None or self.past_point_of_no_return",
        "return self.order.urgent or self.order.given_up is not None",
        "windows",
    ),
    mutant(
        "verify gate",
        "return writes + reloads + checks",
        "return writes + reloads",
        "rotation",
        "planner",
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
        "rule: what was handed out may be held",
        "row.id not in case.state.distributed and untouched",
        instead="untouched",
    ),
    dropped("rule: what was proven may be in use without a copy", " and row.closed_at is None"),
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
    dropped("rule: in every key of a copy", " and mark.keys == copy.templates", "rule", "edited", *RUNS),
    dropped("rule: a drifted copy may hold it", "not case.order.drifted and ", "rule", "going_back", *RUNS),
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
        "rule: what would end with its own identity",
        "    if revokes_by_identity(case) and shares_identity(row, replacement):",
        "rule",
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
        "loss: the same command again goes on with what nobody calls dead",
        " and (proof_of(secret), row.id) not in state.failed",
        "loss",
        instead=" and False",
    ),
    dropped("loss: no way back to a dead value", "if old and old.given_up_at:", "loss", instead="if False:"),
    dropped(
        "recheck: checks on hosts are run there",
        "Action(there if check.host else here, index",
        "host_checks",
        instead="Action(here, index",
    ),
    dropped("only a name names a secret", "return bool(self.only)", "selection", instead="return True"),
    dropped(
        "what was taken back rests",
        "    if back is None:\n        return Due(DueStatus.DUE, why)",
        "selection",
        instead="    if True:\n        return Due(DueStatus.DUE, why)",
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
        "clocks: every one says that it is over",
        "    if longest > timedelta():",
        "clocks",
        instead="    if False:",
    ),
    dropped("clocks: five minutes apart", "if abs(ahead) > MOST_APART:", "clocks", instead="if False:"),
    dropped(
        "a missing command is found before a mint",
        "*(_inspections(scope) if case.wants_mint else [])]",
        "host_commands",
        instead="]",
    ),
    mutant(
        "forget: a name that nothing has is an error",
        "if name not in known]:",
        "if name not in known and False]:",
        "edited",
    ),
    dropped("a connection on the old credential revokes nothing", "own & (old - new)", "own", instead="own & set()"),
    dropped(
        "a connection shows that it has the new one", "declared and not (own & (new - old))", "own", instead="own - own"
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
        "a lost mint is looked for once more after its time",
        " or (i.sought_until or now) <= now",
        "landed",
    ),
    # keys that the map adds
    dropped(
        "a new key is no change by others",
        'return {**seen, "keys": ours, NEW: new} if new else seen',
        "edited",
        instead="return seen",
    ),
    dropped(
        "a new key is as it was before the mint",
        "for key, facts in {**seen, **before}.items()",
        "edited",
        instead="for key, facts in seen.items()",
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
        "a narrowing of ours is no drift",
        "(ActionKind.WRITE, ActionKind.NARROW))",
        "accepting",
        instead="(ActionKind.WRITE,))",
    ),
    departed(
        "an identity that the map names is not dropped", "if holders := relied.get(identity):", "if holders := []:"
    ),
    departed("one whose credential lives is not dropped", "row.provider_id == identity and row.alive]", "False]"),
    dropped("who goes back shows the old one to its provider", " or self.order.rollback:", "going_back", instead=":"),
    mutant(
        "nobody goes back past what a person has named",
        "    if old is not state.in_use:\n",
        "    if False:\n",
        "going_back",
    ),
)
