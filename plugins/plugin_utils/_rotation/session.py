# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions call: plan a run, advance it, tell its state. Plain data in, plain data and lines out."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.module_utils._core.outside_text import NAME, printable, shown
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation import selection
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.custody import Custody
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.effects import Effects
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.engine import Engine, Lane
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.host_work import HostWork
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.journal import Journal, open_journal
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.model import SecretMap
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.planner import Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.planning import Planning
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.preflight import Planned
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.report import Report
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.secret_map import parse
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.selection import Wishes
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.state import Order
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.status import Status
from ansible_collections.rotor.secrets.plugins.plugin_utils._rotation.systems import Systems

Row = Mapping[str, Any]
_BAD = ("held", "idle")
_LONGEST_MESSAGE = 60


class Variables(Protocol):
    """The ``secret_*`` variables of the play; expanded when they are asked for, and no more than is asked for."""

    @property
    def journal(self) -> Any: ...

    def names(self) -> list[str]:
        """Every secret's name."""

    def select(self, names: list[str]) -> Row:
        """``secret_map`` with these secrets, and the ``secret_consumers`` and ``secret_connections`` they use."""

    def connections(self, names: list[str]) -> Row:
        """These ``secret_connections``."""


@dataclass(frozen=True)
class Caller:
    """Who runs this, and how they would run it again."""

    command: str
    """The playbook call, without its ``-e`` options."""
    by: str = ""
    hosts: frozenset[str] | None = None
    keeps_files: bool = False
    """Whether Ansible leaves behind what it puts into files on hosts."""


class Session:
    """One action's access to everything; ``say`` prints a line. Lines and results are printable text."""

    def __init__(self, variables: Variables, clock: Clock, caller: Caller, say: Callable[[str], None]) -> None:
        self._variables = variables
        self._clock = clock
        self._caller = caller
        self._say = lambda line: say(printable(line))

    def plan(self, wishes: Wishes, *, check: bool) -> Row:
        """Plan a run and keep it in the ledger; with ``check``, keep nothing."""
        secret_map = self._map(wishes)
        run = secrets.token_hex(4)
        journal = self._journal(run, readonly=check)
        systems = Systems(secret_map.connections, self._clock, run, journal.ledger)
        if not check:
            self._forget(journal, run, secret_map, wishes)
        items = Planning(secret_map, wishes, systems, journal, self._clock, keeps_files=self._caller.keeps_files).plan()
        self._print(Report(secret_map, run, self._caller.command).plan(items))
        if not check:
            self._keep(journal, run, secret_map, wishes, items)
        return shown(_planned(run, items))

    def advance(self, run: str, until: Phase) -> Row:
        """Advance the secrets of a run as far as ``until``; what is left for Ansible is in ``todo``."""
        journal = self._journal(run)
        plan = journal.ledger.run(run)["plan"]
        secret_map = self._kept_map(plan)
        systems = Systems(secret_map.connections, self._clock, run, journal.ledger)
        engine = Engine(
            run,
            secret_map,
            {name: Order(**order) for name, order in plan["orders"].items()},
            Effects(run, secret_map, systems, journal, self._clock),
            journal,
            self._clock,
            say=self._say,
            environments=tuple(plan["environments"]),
            max_failures=plan["max_failures"],
        )
        lanes = engine.advance(until)
        stuck = plan["stuck"]
        over = (until is Phase.REVOKED and not engine.todo) or all(lane.status in _BAD for lane in lanes)
        result = shown(_advanced(lanes, engine.todo, stuck if over else [], over))
        if over:
            report = Report(secret_map, run, self._caller.command)
            self._print([line for lane in lanes if lane.status not in _BAD for line in report.result(lane)])
            self._print([f"audit trail: {journal.ledger.audit_head()}"])
            held = [line for lane in lanes if lane.status in _BAD for line in report.result(lane)]
            return {**result, "msg": self._failure(held, stuck)} if result["failed"] else result
        return result

    def host_work(self, intent: int) -> HostWork:
        """A piece of work that only Ansible can do."""
        journal = self._journal("")
        secret, work = journal.ledger.intent(intent)
        plan = journal.ledger.run(work.run)["plan"]
        order = Order(**plan["orders"][secret])
        return HostWork(order, work, self._kept_map(plan, bare=True), journal, self._clock)

    def status(self, wishes: Wishes) -> Row:
        """Which credential each copy and consumer holds, what still works, what is unfinished. Changes nothing."""
        secret_map = self._map(wishes)
        journal = self._journal("", readonly=True)
        systems = Systems(secret_map.connections, self._clock, "status", journal.ledger)
        status = Status(secret_map, wishes, systems, journal, self._clock)
        report = Report(secret_map, "", self._caller.command)
        lines, rows = status.tell(report)
        self._print(lines)
        return shown({"changed": False, "secrets": rows})

    def verify(self, head: str, secret: str) -> Row:
        """Examine the ledger's audit trail. Changes nothing."""
        return Custody(self._journal("", readonly=True), self._say).verify(head, secret)

    def rekey(self, reason: str, *, check: bool) -> Row:
        """Bring the ledger under the first key of ``secret_journal.key``."""
        return Custody(self._journal("rekey", readonly=check), self._say).rekey(self._caller.by, reason, check=check)

    # -- inside -------------------------------------------------------------------------------------------------

    def _journal(self, run: str, *, readonly: bool = False) -> Journal:
        holder = printable(f"run {run} (process {os.getpid()} on {socket.gethostname()}, {self._caller.by})", NAME)
        return open_journal(self._variables.journal, clock=self._clock, holder=holder, readonly=readonly)

    def _map(self, wishes: Wishes) -> SecretMap:
        names = self._variables.names()
        selection.check_names(wishes, names)
        secret_map = self._parse(self._variables.select(list(wishes.only) or names), check_credentials=True)
        selection.check_reach(wishes, secret_map)
        return secret_map

    def _kept_map(self, plan: Row, *, bare: bool = False) -> SecretMap:
        """The map that was planned; with the connections of now, or (bare) with nothing but their types."""
        kept = plan["connections"]
        connections = kept if bare else self._variables.connections(list(kept))
        return self._parse({**plan["map"], "secret_connections": connections}, bare_connections=bare)

    def _parse(self, raw: Row, **how: bool) -> SecretMap:
        parts = (raw[name] for name in ("secret_map", "secret_consumers", "secret_connections"))
        return parse(*parts, hosts=self._caller.hosts, **how)

    def _forget(self, journal: Journal, run: str, secret_map: SecretMap, wishes: Wishes) -> None:
        mapped = {name: {copy.id: copy.keys for copy in one.copies} for name, one in secret_map.secrets.items()}
        for mark in wishes.forget:
            if not [name for name, copies in mapped.items() if journal.ledger.forgotten(run, name, mark, copies)]:
                self._say(f"rotate_forget: the ledger has nothing recorded of {mark}")

    def _keep(self, journal: Journal, run: str, secret_map: SecretMap, wishes: Wishes, items: list[Planned]) -> None:
        going = [item for item in items if item.goes]
        raw = self._variables.select([item.secret.name for item in going]) if going else {}
        plan = {
            "map": {name: raw.get(name, {}) for name in ("secret_map", "secret_consumers")},
            "connections": {name: {"type": options["type"]} for name, options in secret_map.connections.items()},
            "orders": {item.secret.name: {**asdict(item.order), "run": run} for item in going},
            "stuck": [item.secret.name for item in items if item.problems],
            "environments": list(wishes.environments),
            "max_failures": wishes.max_failures,
        }
        journal.ledger.begin_run(run, plan, self._caller.by, wishes.reason)
        for item in going:
            if item.adopted:
                journal.ledger.adopted(run, item.adopted)

    def _failure(self, held: list[str], stuck: list[str]) -> str:
        """The failed task's message, the last that people see. A long one is printed: results have to stay small."""
        others = [f"not begun, for the reasons in the plan: {', '.join(stuck)}"] if stuck else []
        if len(held) <= _LONGEST_MESSAGE:
            return "\n".join(map(printable, ["not every secret could be rotated", *held, *others]))
        self._print(held)
        return "\n".join(map(printable, ["not every secret could be rotated: see the lines above", *others]))

    def _print(self, lines: list[str]) -> None:
        for line in lines:
            self._say(line)


def _planned(run: str, items: list[Planned]) -> Row:
    going, stuck = [i for i in items if i.goes], [i for i in items if i.problems]
    failed = bool(stuck) and not going
    return {
        "changed": False,
        "failed": failed,
        **({"msg": "nothing was changed; the plan above says what stands in the way"} if failed else {}),
        "run": run,
        "go": bool(going),
        "secrets": [
            {
                "name": item.secret.name,
                "status": item.verdict.status,
                "why": item.verdict.why,
                "goes": item.goes,
                "mints": item.goes and any(action.kind == "mint" for action in item.actions),
                "problems": item.problems,
            }
            for item in (going + stuck)[:50]
        ],
        "counts": {"going": len(going), "stuck": len(stuck), "all": len(items)},
    }


def _advanced(lanes: list[Lane], todo: list[Row], stuck: list[str], over: bool) -> Row:
    counts: dict[str, int] = {}
    for lane in lanes:
        counts[lane.status] = counts.get(lane.status, 0) + 1
    bad = [lane.secret.name for lane in lanes if lane.status in _BAD] + stuck
    return {
        "changed": any(lane.changed for lane in lanes),
        "failed": over and bool(bad),
        "todo": todo,
        "over": over,
        "counts": counts,
        "held": bad[:50],
    }


def caller_name(variables: Row | None = None) -> str:
    """The person or job behind this run; AWX and Semaphore say which job, and in variables who has started it."""
    variables = variables or {}
    semaphore = variables.get("semaphore_vars")
    details = semaphore.get("task_details") if isinstance(semaphore, Mapping) else None
    starter = details.get("username") if isinstance(details, Mapping) else None
    starter = starter or variables.get("awx_user_name") or variables.get("tower_user_name")
    jobs = ("AWX_JOB_ID", "JOB_ID", "SEMAPHORE_TASK_DETAILS_ID")
    job = next((os.environ[name] for name in jobs if os.environ.get(name)), variables.get("awx_job_id"))
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return printable(", ".join([f"{starter} as {user}" if starter else user, *([f"job {job}"] if job else [])]), NAME)


def names_in(value: Any, option: str) -> tuple[str, ...]:
    """A list, or names with commas between, as ``-e`` gives them."""
    if value in (None, ""):
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(map(str, value))
    raise ConfigurationError(f"{option} is neither a list of names nor names with commas between")
