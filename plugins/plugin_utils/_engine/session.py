# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans a run, advances it and reports its state for the actions: plain data in, plain data and lines out."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

from ...module_utils._core import guard, registry
from ...module_utils._core.clock import Clock
from ...module_utils._core.contracts import Connection, Handwork, Issuer, Maker
from ...module_utils._core.credential import SecretValue
from ...module_utils._core.errors import ConfigurationError, ConflictError, RotorError, StoppedError
from ...module_utils._core.forwards import Forwards
from ...module_utils._core.hosts import Host, HostCommand
from ...module_utils._core.outside_text import NAME, extra_var, printable, shown
from .decide import approval, planner, selection
from .decide.case import Case, is_under_way
from .decide.departed import left_alive
from .decide.planner import Action
from .decide.selection import RunOptions
from .decide.state import ActionKind, Freeze, IntentState, Order, Phase, SecretState
from .effects import drop, mint, revoke
from .effects.context import EffectContext, Work
from .effects.host import HostWork
from .effects.systems import Systems
from .job import NO_JOB, Job
from .ledger.location import LedgerAccess, open_ledger
from .ledger.maintenance import Maintenance
from .preflight.adopting import adoption
from .preflight.planning import Planning
from .preflight.preflight import Planned, Preflight
from .report import status_result
from .report.heartbeat import check_place, heartbeat
from .report.report import Report
from .report.status import Status
from .report.wording import expiring
from .run import Engine, Rotation
from .secret_map import places
from .secret_map.builders import Builders
from .secret_map.errors import ValidationErrors, suggest
from .secret_map.hidden import checking
from .secret_map.model import Copy, Secret, SecretMap
from .secret_map.parser import parse
from .secret_map.variables import TaskVariables

Row = Mapping[str, Any]
ReadFields = Callable[[Handwork, Sequence[str]], Mapping[str, SecretValue]]


@dataclass(frozen=True)
class Caller:
    """The person or job that runs this, and how they would run it again."""

    command: str
    """The playbook call, without the ``-e`` options that say what to do."""
    by: str = ""
    hosts: frozenset[str] | None = None
    keeps_files: bool = False
    """Whether Ansible leaves behind what it puts into files on hosts."""
    job: Job = NO_JOB
    words: str = ""
    """What to do instead, up to the variables: in a job, and where the playbook that rotates is not known."""
    remark: str = ""
    """What the command lacks, as a comment of the shell."""
    options: str = ""
    """Those of the command, for another playbook."""
    folders: tuple[Path, ...] = ()
    """Where the relative path of a user's file begins."""

    def again(self, *variables: str, playbook: str = "") -> str:
        """Tell how to run it again with these variables, or another ``playbook`` of this collection."""
        name = f"rotor.secrets.{playbook}"
        if playbook and self.job.runner:
            return f"launch a template of {name} with {' '.join(variables)}"
        if self.words and not playbook:
            return f"{self.words} {' '.join(variables)}"
        command = f"ansible-playbook {name} {self.options}".strip() if playbook else self.command
        return " ".join([command, *(f"-e {quote(one)}" for one in variables), *filter(None, [self.remark])])


class Session:
    """One action's access to everything; ``say`` prints a line. Lines and results are printable text."""

    def __init__(
        self,
        variables: TaskVariables,
        clock: Clock,
        caller: Caller,
        say: Callable[[str], None],
        forwards: Forwards | None = None,
    ) -> None:
        """``forwards`` lead through inventory hosts; whoever gives them closes them."""
        self._forwards = forwards or Forwards()
        self._variables = variables
        self._clock = clock
        self._caller = caller
        self._print_line = say

    def plan(self, options: RunOptions, *, check: bool) -> Row:
        """Plan a run and keep it in the ledger; with ``check``, keep nothing."""
        ctx, items = self._plan(options, check=check)
        result: Row = shown(_planned(ctx.run, items, ctx.secret_map))
        return result

    def _plan(self, options: RunOptions, *, check: bool) -> tuple[EffectContext, list[Planned]]:
        ctx = self._begin(self._map(options), check=check)
        if options.forget:
            known = self._with_left(ctx).secret_map
            names = selection.resolve_forgotten(options, known, ctx.ledger.states(known.secrets))
            options = replace(options, forget=names)
        self._approve(ctx, options, check=check)
        if not check:
            self._forget(ctx, options)
        self._announce(ctx.access, check)
        ctx = ctx if options.only or options.where else self._with_left(ctx)
        items = Planning(ctx, options, Preflight(ctx, self._say), self._caller.keeps_files).plan()
        self._print(self._report(ctx, options.environments, options.adopt).plan(items))
        self._print(expiring(ctx.systems.ends(), self._clock.now()))
        if not check:
            self._keep(ctx, options, items)
        return ctx, items

    def deposit(self, options: RunOptions, read: ReadFields, *, check: bool) -> Row:
        """Seal the value that a person has made for the secret that is named; with ``check``, plan that alone.

        ``read`` takes the value of each of the fields, once everything else is known to be right.
        """
        secret, issuer = self.made_by_person(options)
        name = secret.name
        _refuse_second(name, self._access("", readonly=True).ledger.state(name))
        ctx, [item] = self._plan(replace(options, force=True), check=check)
        kinds = [action.kind for action in item.actions]
        if not item.goes or kinds[0] not in (ActionKind.AWAIT, ActionKind.PROBE, ActionKind.INSPECT):
            return {"changed": False, "failed": True, "msg": f"{name} does not wait for a value: see the lines above"}
        if check:
            return {"changed": True}
        value = read(issuer.handwork(secret.issuer.options), issuer.fields_of(secret.issuer.options))
        with ctx.access.hold(name):
            state = ctx.ledger.state(name)
            _refuse_second(name, state)
            said = mint.deposit(ctx, Work(replace(item.case, state=state), Action(ActionKind.AWAIT)), value)
        forget = [extra_var("rotate_forget", options.forget)] if options.forget else []
        go_on = self._caller.again(f"rotate_only={name}", *forget)
        self._print([f"DEPOSITED  {name}   {said}", f"  go on:    {go_on}"])
        return {"changed": True}

    def made_by_person(self, options: RunOptions) -> tuple[Secret, type[Issuer]]:
        """Find the secret that is named and its issuer; ConfigurationError unless a person makes its value."""
        [name] = options.only
        _refuse_unknown("deposit_secret", name, self._variables.names())
        secret = self._map(options).secrets[name]
        issuer = registry.find("issuers", secret.issuer.type)
        if issuer.traits.value is not Maker.PERSON:
            raise ConfigurationError(f"deposit_secret: no person makes the value of {name}", hint="Rotate it")
        return secret, issuer

    def stored(self, place: Row, keys: Sequence[str]) -> tuple[list[SecretValue], str]:
        """Read ``keys`` of the container ``place``, in which a person has left values, and name them."""
        copy, systems = self._place({**place, "keys": keys}, "deposit_from")
        if copy.host:
            hint = "Put the value into a file of its own, and name that: -e deposit_file=PATH"
            raise ConfigurationError(f"deposit_from: {copy.label} is not read", hint=hint)
        values = systems.store(copy).contents(copy.container, keys)
        return [values[key] for key in keys], f"{copy.label}: {', '.join(keys)}"

    def export(self, place: Row, keys: Sequence[str]) -> Mapping[str, SecretValue]:
        """Return the values of ``keys`` of the container ``place``; of all that it has, where none is named."""
        copy, systems = self._place({**place, "keys": keys}, "from")
        return systems.store(copy).contents(copy.container, keys)

    def _place(self, place: Row, option: str) -> tuple[Copy, Systems]:
        """Build the container of which an ``option`` says that values are read there, and open its connection."""
        name, errors, known = str(place.get("store")), ValidationErrors(), self._variables.connection_names()
        if name not in known:
            hint = f"In secret_connections: {suggest(name, known)}"
            raise ConfigurationError(f"{option}.store: there is no such connection", hint=hint)
        builders = Builders(errors, dict(self._variables.connections([name])), {}, None, False, True)
        copy = builders.place(place, (option,))
        errors.raise_if_any()
        if copy is None:
            raise AssertionError("an error says why")
        return copy, Systems(builders.connections, self._clock, "read", None, self._forwards)

    def attest(self, options: RunOptions, credential: str, *, check: bool) -> Row:
        """Record a person's word that a replaced ``credential`` of the secret that is named has ended."""
        [name] = options.only
        mapped = self._variables.names()
        ctx = self._begin(self._map(options) if name in mapped else SecretMap({}, {}, {}), check=check)
        ctx = ctx if name in mapped else self._with_left(ctx)
        _refuse_unknown("attest_secret", name, [*mapped, *ctx.secret_map.secrets])
        with ctx.access.hold(name):
            case = _case(ctx, Order(name))
            row = selection.replaced_row(case, credential)
            said = revoke.attest(ctx, case, row, self._caller.by, options.reason, check=check)
        self._print([f"ATTESTED  {name}   {said}"])
        return {"changed": True}

    def drop(self, name: str, identity: str, confirm: str, reason: str, *, check: bool) -> Row:
        """Delete an ``identity`` of a secret that has left the map, once a person has confirmed what ends with it."""
        secret_map = self._map(RunOptions())
        _refuse_unknown("drop_secret", name, secret_map.secrets)
        ctx = self._begin(secret_map, check=check)
        with ctx.access.hold(name):
            remains = drop.look(ctx, name, identity)
            if remains is None:
                self._say(f"GONE  {name}   there is no {identity} any more")
                return {"changed": False}
            self._print([f"DROP  {name}   {identity}", *(f"  {line}" for line in remains.lines)])
            drop.demand_free(ctx, identity, remains)
            if confirm != identity:
                said = [extra_var(option, identity) for option in ("drop_identity", "drop_confirm")]
                hint = f"If all of that is meant: {self._caller.again(f'drop_secret={name}', *said, playbook='drop')}"
                raise ConfigurationError(f"{identity} is not dropped before a person confirms what is told", hint=hint)
            if not check:
                ctx.ledger.begin_run(ctx.run, {}, self._caller.by, reason)
                drop.drop(ctx, name, identity)
        self._say(f"{'WOULD DROP' if check else 'DROPPED'}  {name}   {identity}")
        return {"changed": True}

    def advance(self, run: str, until: Phase) -> Row:
        """Advance the secrets of a run as far as ``until``; what is left for Ansible is in ``todo``."""
        access = self._access(run)
        plan = access.ledger.run(run)["plan"]
        ctx = self._context(run, self._kept_map(plan), access, plan["moved"])
        engine = Engine(
            ctx,
            _orders(plan),
            say=self._say,
            environments=tuple(plan["environments"]),
            max_failures=plan["max_failures"],
            only_roll_out=plan["only_roll_out"],
        )
        rotations = engine.advance(until)
        stuck = plan["stuck"]
        over = (until is Phase.REVOKED and not engine.todo) or all(rotation.is_bad for rotation in rotations)
        result: Row = shown({"run": run, **_advanced(rotations, engine.todo, stuck if over else [], over)})
        report = self._report(ctx, plan["environments"])
        if over:
            self._print(report.results(rotations, stuck, ctx.ledger.audit_head()))
        elif not engine.todo:
            self._print(report.so_far(rotations))
        return result

    def host_work(self, run: str, intents: Sequence[int], here: str, host: Host) -> Row:
        """Do what only Ansible can, on the inventory host ``here``: the work of these intents of a run."""
        access = self._access(run)
        plan = access.ledger.run(run)["plan"]
        secret_map = self._kept_map(plan, bare=True)
        if any(check.connection for one in secret_map.consumers.values() if one.host for check in one.healthy):
            secret_map = self._kept_map(plan)  # their health is asked for through a connection
        ctx = self._context(run, secret_map, access, plan["moved"])
        work = HostWork(ctx, _orders(plan), planner.in_environments(plan["environments"]), self._say)
        done = work.perform(here, host, intents)
        return {"changed": work.changed, "done": done, "left": len(intents) - done}

    def check_report(self, place: Row) -> None:
        """ConfigurationError for every mistake in ``place``, where the report of a run is to go."""
        check_place(place, self._caller.hosts, self._variables.connection_names())
        if name := str(place.get("connection") or ""):
            kind = registry.find("connections", str(self._variables.connections([name])[name]["type"]))
            if kind.put is Connection.put:
                raise ConfigurationError(f"rotate_report_to: nothing is put to the connection {name}", hint="Use http")

    def report(self, place: Row, plan: Row, progress: Row, host: Host) -> Row:
        """Write that a run has ended, and how, to a file on the host or by a PUT; a failure is told, and no error."""
        document = heartbeat(plan, progress, self._clock.now())
        path = str(place.get("path"))
        where = f"{place.get('host') or place.get('connection')}: {path}"
        try:
            if name := str(place.get("connection") or ""):
                connections, ledger = self._variables.connections([name]), self._access("").ledger
                systems = Systems(connections, self._clock, "report", ledger, self._forwards)
                systems.connection(name).put(path, document)
            else:
                _write_report(host, path, document)
        except StoppedError:
            raise
        except BaseException as error:  # noqa: BLE001 - it changes nothing of the rotation
            self._say(f"NOT REPORTED  {where}: {guard.as_rotor_error(error)}")
            return {"changed": False, "reported": False}
        return {"changed": True, "reported": True}

    def freeze(self, reason: str, until: str, *, check: bool) -> Row:
        """Rotate and revoke nothing until a time: a point in it, or a duration from now."""
        now = self._clock.now()
        freeze = Freeze(printable(reason), self._caller.by, now, selection.parse_end(until, now))
        if not reason:
            raise ConfigurationError("a freeze needs a reason", hint="Say why: -e rotate_reason='…'")
        access = self._access("freeze", readonly=check)
        if not check:
            access.ledger.frozen(secrets.token_hex(4), freeze)
        self._say(f"FROZEN  {access.where}: {freeze}")
        return {"changed": True}

    def thaw(self, reason: str, *, check: bool) -> Row:
        """End a freeze before its time."""
        access = self._access("thaw", readonly=check)
        freeze = access.ledger.freeze()
        if freeze and not check:
            access.ledger.thawed(secrets.token_hex(4), self._caller.by, reason)
        self._say(f"THAWED  {access.where}: it was {freeze}" if freeze else f"{access.where} is not frozen")
        return {"changed": bool(freeze)}

    def status(self, options: RunOptions, fail_on: Sequence[str] = ()) -> Row:
        """Report which credential each copy and consumer holds, what works and what is unfinished. Changes nothing.

        The result is failed when a secret is in one of the conditions ``fail_on``.
        """
        red = status_result.parse_fail_on(fail_on)
        ctx = self._context("status", self._map(options), self._access("", readonly=True))
        ctx = ctx if options.only or options.where else self._with_left(ctx)
        report, items = self._report(ctx), []
        self._announce(ctx.access, True)
        if freeze := ctx.ledger.freeze():
            self._say(f"FROZEN  {freeze}")
        for item in Status(ctx, options).ask():
            self._print(report.status(item))
            items.append(item)
        ends = ctx.systems.ends()
        self._print(expiring(ends, self._clock.now()))
        result: Row = shown(status_result.result(items, red, report.approve, ends, freeze))
        return result

    def verify(self, head: str, secret: str) -> Row:
        """Examine the ledger's audit trail. Changes nothing."""
        return Maintenance(self._access("", readonly=True), self._say).verify(head, secret)

    def rekey(self, reason: str, *, check: bool) -> Row:
        """Bring the ledger under the first key of ``secret_ledger.key``."""
        access = self._access("rekey", readonly=check)
        self._announce(access, check)
        return Maintenance(access, self._say).rekey(self._caller.by, reason, check=check)

    def adopt(self, options: RunOptions, *, check: bool) -> Row:
        """Take the values of the secrets that are named under management as they are; rotate nothing."""
        ctx = self._begin(self._map(options), check=check)
        with ctx.access.hold(*options.only):
            items = [adoption(ctx, name, state, options) for name, state in ctx.ledger.states(options.only).items()]
            problems = [f"{item.secret.name}: {problem}" for item in items for problem in item.problems]
            if problems:
                raise ConfigurationError(f"nothing was adopted: {'; '.join(problems)}")
            if not check:
                ctx.ledger.begin_run(ctx.run, {}, self._caller.by, options.reason)
                _place(ctx, [item.secret for item in items])
            for item in items:
                if item.row and not check:
                    ctx.ledger.adopted(ctx.run, item.row, item.holdings)
                self._print(self._report(ctx).adopted(item))
        return {"changed": bool(items)}

    def _announce(self, access: LedgerAccess, readonly: bool) -> None:
        """Say that a ledger is new: one that was expected to know something may lie elsewhere."""
        if access.ledger.is_new:
            what = f"there is none yet at {access.where}" if readonly else f"{access.about()}, just now"
            self._say(f"LEDGER  {what}: it knows no credential. Is another one meant, name it in secret_ledger.url")

    # -- inside -------------------------------------------------------------------------------------------------

    def _access(self, run: str, *, readonly: bool = False) -> LedgerAccess:
        holder = printable(f"run {run} (process {os.getpid()} on {socket.gethostname()}, {self._caller.by})", NAME)
        job = self._caller.job
        return open_ledger(self._variables.ledger, clock=self._clock, holder=holder, readonly=readonly, job=job)

    def _begin(self, secret_map: SecretMap, *, check: bool) -> EffectContext:
        """Open the ledger for a new run; with ``check``, to read it."""
        run = secrets.token_hex(4)
        return self._context(run, secret_map, self._access(run, readonly=check))

    def _context(
        self, run: str, secret_map: SecretMap, access: LedgerAccess, moved: places.Moved | None = None
    ) -> EffectContext:
        """Bring a map and a ledger together; ``moved`` is what a plan has found."""
        known = access.ledger.places
        if moved is None:
            moved = places.moves(secret_map, known, access.ledger.recorded_names)
        secret_map = places.renamed(secret_map, moved, known)
        systems = Systems(secret_map.connections, self._clock, run, access.ledger, self._forwards)
        return EffectContext(run, secret_map, systems, access, self._clock, self._caller.job.key)

    def _with_left(self, ctx: EffectContext) -> EffectContext:
        """Add the secrets that have left the map, and of which the ledger has credentials alive."""
        names = ctx.ledger.reader.secrets() - set(self._variables.names())
        secrets = {**ctx.secret_map.secrets, **left_alive(ctx.ledger.states(names))}
        return replace(ctx, secret_map=replace(ctx.secret_map, secrets=secrets))

    def _report(
        self, ctx: EffectContext, environments: Sequence[str] = (), adopt: Mapping[str, str] | None = None
    ) -> Report:
        return Report(ctx.secret_map, ctx.run, self._caller.again, environments, adopt or {})

    def _map(self, options: RunOptions) -> SecretMap:
        names = self._variables.names()
        selection.check_names(options, names)
        raw = self._variables.select(list(options.only) or names)
        connections, via_problem = raw["secret_connections"], self._forwards.problem
        others = self._variables.others(options.only) if options.only else {}
        secret_map = self._parse(raw, connections, check_credentials=True, via_problem=via_problem, others=others)
        selection.check_reach(options, secret_map)
        return secret_map

    def _kept_map(self, plan: Row, *, bare: bool = False) -> SecretMap:
        """Parse the map that was planned; with the connections of now, or (bare) with nothing but their types."""
        kept = plan["connections"]
        connections = kept if bare else self._variables.connections(list(kept))
        parsed = self._parse(plan["map"], connections, bare_connections=bare)
        checked = {
            name: checking(secret, plan["orders"][name].get("hidden", ()), connections)
            for name, secret in parsed.secrets.items()
        }
        return replace(parsed, secrets=checked)

    def _parse(self, raw: Row, connections: Any, **more: Any) -> SecretMap:
        parts = raw["secret_map"], raw["secret_consumers"], connections
        return parse(*parts, hosts=self._caller.hosts, folders=self._caller.folders, **more)

    def _approve(self, ctx: EffectContext, options: RunOptions, *, check: bool) -> None:
        """Record a person's yes to each revoke that is named; ConfigurationError for all that none waits for."""
        names = sorted({yes.secret for yes in options.approve})
        with ctx.access.hold(*(() if check else names)):
            cases = {name: _case(ctx, Order(name, rollback=options.rollback)) for name in names}
            refusals = [approval.refusal(cases[yes.secret], yes.run, ctx.job) for yes in options.approve]
            if problems := list(filter(None, refusals)):
                raise ConfigurationError(f"rotate_approve: {'; '.join(problems)}", hint="Nothing was done")
            for yes in options.approve:
                self._say(f"APPROVED  {yes.secret}   the revoke that run {yes.run} has asked for")
                questions = [one for one in approval.questions(cases[yes.secret]) if one.run == yes.run]
                if not check:
                    ctx.ledger.approved(ctx.run, yes.secret, questions, self._caller.by, options.reason)

    def _forget(self, ctx: EffectContext, options: RunOptions) -> None:
        """Forget what is named: of secrets that have left the map, lost mints alone."""
        if not options.forget:
            return
        secrets = self._with_left(ctx).secret_map.secrets
        with ctx.access.hold(*secrets):
            states = ctx.ledger.states(secrets)
            for mark in options.forget:
                names = [name for name, one in secrets.items() if not one.left or mark in states[name].lost_mints]
                mapped = {name: {copy.id: copy.keys for copy in secrets[name].copies} for name in names}
                if not [name for name in names if ctx.ledger.forgotten(ctx.run, name, mark, mapped[name])]:
                    self._say(f"rotate_forget: the ledger has nothing recorded of {mark}")

    def _keep(self, ctx: EffectContext, options: RunOptions, items: list[Planned]) -> None:
        run, ledger = ctx.run, ctx.ledger
        going = [item for item in items if item.goes]
        raw = self._variables.select([item.name for item in going]) if going else {}
        plan = {
            "map": {name: raw.get(name, {}) for name in ("secret_map", "secret_consumers")},
            "connections": {name: {"type": options["type"]} for name, options in ctx.secret_map.connections.items()},
            "orders": {item.name: {**asdict(item.case.order), "run": run} for item in going},
            "moved": ctx.secret_map.moved,
            "stuck": [item.name for item in items if item.problems],
            "at_rest": [item.name for item in items if item.problems and not item.actions],
            "environments": list(options.environments),
            "max_failures": options.max_failures,
            "only_roll_out": options.only_roll_out,
        }
        ledger.begin_run(run, plan, self._caller.by, options.reason)
        _place(ctx, [item.case.secret for item in going])
        for item in going:
            if item.adopted:
                ledger.adopted(run, item.adopted)
        for item in items:
            approvals = item.case.state.approvals.values()
            if item.case.order.drifted and any(one.state is IntentState.DONE for one in approvals):
                ledger.withdrawn(run, item.name, "somebody has changed a copy")
            if item.problems and not (options.rollback and not is_under_way(item.case.state)):
                ledger.held(run, item.name, "; ".join(item.problems))
            elif item.released:
                ledger.released(run, item.name)

    def _print(self, lines: list[str]) -> None:
        for line in lines:
            self._say(line)

    def _say(self, line: str) -> None:
        self._print_line(printable(line))


def _write_report(host: Host, path: str, document: Row) -> None:
    """Write a document to a file, whole or not at all."""
    begun = quote(f"{path}.rotor")
    answer = host(HostCommand(f"printf '%s\\n' {quote(json.dumps(document))} >{begun} && mv -f {begun} {quote(path)}"))
    if answer.code:
        raise RotorError(f"the command that writes it ended with code {answer.code}", hint="May the user write there?")


def _case(ctx: EffectContext, order: Order) -> Case:
    secret = ctx.secret_map.secrets[order.secret]
    traits = registry.find("issuers", secret.issuer.type).traits
    return Case(secret, ctx.ledger.state(secret.name), order, traits, ctx.clock.now())


def _orders(plan: Row) -> dict[str, Order]:
    return {name: Order(**order) for name, order in plan["orders"].items()}


def _refuse_unknown(option: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        hint = f"In secret_map: {suggest(name, known)}"
        raise ConfigurationError(f"{option}: there is no secret {name} in secret_map", hint=hint)


def _place(ctx: EffectContext, secrets: Collection[Secret]) -> None:
    """Record what the names that these secrets use lead to."""
    if news := places.led_to(ctx.secret_map, ctx.ledger.places, secrets):
        ctx.ledger.placed(ctx.run, news)


def _refuse_second(name: str, state: SecretState) -> None:
    """Raise ConflictError where a value is there that has yet to be rolled out."""
    if state.pending:
        hint = f"Rotate it: -e rotate_only={name}; with -e rotate_force=true it is given up, if it is dead"
        raise ConflictError(f"{name} has a new value already, {state.pending.name}", hint=hint)


def _planned(run: str, items: list[Planned], secret_map: SecretMap) -> Row:
    going, stuck = [i for i in items if i.goes], [i for i in items if i.problems]
    failed = bool(stuck) and not going
    return {
        "changed": False,
        "failed": failed,
        **({"msg": "nothing was changed; the plan above says what stands in the way"} if failed else {}),
        "run": run,
        "go": bool(going),
        "hosts": any(_has_hosts(item, secret_map) for item in going),
        "secrets": [
            {
                "name": item.name,
                "status": item.due.status,
                "why": item.due.why,
                "goes": item.goes,
                "mints": item.goes and any(action.kind is ActionKind.MINT for action in item.actions),
                "problems": item.problems,
            }
            for item in (going + stuck)[:50]
        ],
        "counts": {"going": len(going), "stuck": len(stuck), "all": len(items)},
    }


def _has_hosts(item: Planned, secret_map: SecretMap) -> bool:
    """Tell whether a copy, a consumer or a check of this secret is on a host, where only Ansible can work."""
    consumers = (secret_map.consumers[name].host for name in item.case.secret.consumers)
    checks = (check.host for check in item.case.secret.checks)
    return any(consumers) or any(checks) or any(copy.host for copy in item.case.secret.copies)


def _advanced(rotations: list[Rotation], todo: Sequence[Row], stuck: list[str], over: bool) -> Row:
    bad = [rotation.name for rotation in rotations if rotation.is_bad] + stuck
    failed = over and bool(bad)
    return {
        "changed": any(rotation.changed for rotation in rotations),
        "failed": failed,
        **({"msg": "not every secret could be rotated: see the lines above"} if failed else {}),
        "todo": todo,
        "over": over,
        "counts": dict(Counter(rotation.status for rotation in rotations)),
        "held": bad[:50],
        "states": {rotation.name: str(rotation.status) for rotation in rotations[:50]},
    }
