# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs for the engine alone, over a system in memory: ``python -m benchmarks.engine JSON``, a process for each.

They go through the engine's public session, as the actions do. The last line that is printed is the result.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.bench.memory.plugins.module_utils.rotor_provider import memory
from cryptography.fernet import Fernet

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import Phase
from tests.costs import Controller, ledger_costs
from tests.unit.providers.dotenv.local_host import LocalHost

STORES = ("a", "b", "c", "d")
JOBS: dict[str, Callable[..., Mapping[str, Any]]] = {}


class QuickClock(Clock):
    """Sleeping takes no time; what the processor does for it is all that is asked about."""

    def __init__(self) -> None:
        super().__init__()
        self._slept = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._slept)

    def monotonic(self) -> float:
        return super().monotonic() + self._slept

    def sleep(self, seconds: float) -> None:
        self.check()
        self._slept += max(seconds, 0.01)
        time.sleep(0.001)


def variables(folder: Path, secrets: int, copies: int, **connection: Any) -> dict[str, Any]:
    """Write a map of so many secrets, whose copies are shared out among four connections."""
    accounts = {
        name: {"type": "bench.memory.account", "file": str(folder / f"{name}.jsonl"), **connection}
        for name in (*STORES, "issuer")
    }
    return {
        "secret_connections": accounts,
        "secret_map": {f"SECRET_{at:04}": secret(f"{at:04}", copies) for at in range(secrets)},
        "secret_ledger": {"url": f"sqlite:///{folder}/ledger.db", "key": Fernet.generate_key().decode()},
    }


def secret(name: str, copies: int) -> dict[str, Any]:
    return {
        "max_age": "90d",
        "issuer": {"type": "bench.memory.token", "connection": "issuer", "account": name},
        "copies": [{"store": STORES[at % len(STORES)], "box": f"{name}-{at}"} for at in range(copies)],
        "revoke": {"accept": "life"},
    }


@contextmanager
def taking(result: dict[str, float]) -> Iterator[None]:
    """Add what the block took, in seconds of wall clock and of processor."""
    wall, cpu = time.monotonic(), _cpu()
    yield
    result |= {"wall": time.monotonic() - wall, "cpu": _cpu() - cpu}


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def job(function: Callable[..., Mapping[str, Any]]) -> Callable[..., Mapping[str, Any]]:
    JOBS[function.__name__] = function
    return function


@job
def rotations(folder: Path, secrets: int, copies: int, times: int = 2) -> Mapping[str, Any]:
    """Rotate everything several times: seconds, statements and commits for a copy, in each rotation.

    Before the first, each secret has a token that the map names, so that every rotation has one to revoke.
    """
    _warm_up(folder / "warm")
    controller = Controller(variables(folder, secrets, copies), QuickClock())
    for issuer in (entry["issuer"] for entry in controller.variables["secret_map"].values()):
        issuer["current_id"] = f"by hand {issuer['account']}"
        memory(str(folder / "issuer.jsonl")).change("mint", issuer["current_id"], "by hand", issuer["account"])
    names, found = tuple(controller.variables["secret_map"]), []
    for _turn in range(times):
        one: dict[str, float] = {}
        gc.collect()
        gc.freeze()  # each rotation of a user's has a process of its own
        with ledger_costs() as costs, taking(one):
            controller.rotate(*names, force=True)
        each = {"cpu": one["cpu"], "statements": costs.statements, "commits": costs.commits}
        found.append({name: figure / secrets / copies for name, figure in each.items()} | {"wall": one["wall"]})
    return {"rotations": found}


def _warm_up(folder: Path) -> None:
    """Import what is imported once, and compile what is compiled once, whatever the number of copies."""
    folder.mkdir()
    warm = Controller(variables(folder, 1, 1), QuickClock())
    for _turn in range(2):
        warm.rotate("SECRET_0000", force=True)


@job
def years(folder: Path, weeks: int, copies: int) -> Mapping[str, Any]:
    """Rotate one secret each week; compare the last rotations with the first ones, the very first left out."""
    controller, taken = Controller(variables(folder, 1, copies), QuickClock()), []
    for _week in range(weeks):
        one: dict[str, float] = {}
        with taking(one):
            controller.rotate("SECRET_0000", force=True)
        taken.append(one["cpu"])
    few = max(3, weeks // 50)
    return {"early": sum(taken[1 : few + 1]) / few, "late": sum(taken[-few:]) / few}


@job
def distant(folder: Path, secrets: int, copies: int, latency: float, at_once: int) -> Mapping[str, Any]:
    """Rotate everything anew where each call takes its time: a mint, the writes, the checks and a revoke."""
    names = tuple(variables(folder, secrets, copies)["secret_map"])
    told = variables(folder, secrets, copies, at_once=at_once)
    Controller(told, QuickClock()).rotate(*names)
    for account in told["secret_connections"].values():
        account["latency"] = latency
        memory(account["file"]).calls.clear()
    one: dict[str, float] = {}
    with taking(one):
        Controller(told, Clock()).rotate(*names, force=True)
    calls = {name: memory(account["file"]).calls.total() for name, account in told["secret_connections"].items()}
    return {"wall": one["wall"], "calls": calls, "ideal": max(calls.values()) / at_once * latency}


@job
def behind(folder: Path, copies: int, pace: float, slow: bool) -> Mapping[str, Any]:
    """Write copies of one secret to a distant system; ``slow``: after as many to one that takes one call at a time.

    Counted from the end of the plan, which has to look at every copy.
    """
    told = variables(folder, 1, 1)
    told["secret_connections"]["a"] |= {"latency": pace, "at_once": 1}
    boxes = [{"store": store, "box": f"{store}{at}"} for store in ("a", "b")[not slow :] for at in range(copies)]
    told["secret_map"] = {"SECRET": {**secret("one", 0), "copies": boxes}}
    controller = Controller(told, Clock())
    run = controller.plan("SECRET")["run"]
    began = time.monotonic()
    controller.session().advance(run, Phase.REVOKED)
    lines = map(json.loads, Path(told["secret_connections"]["b"]["file"]).read_text().splitlines())
    return {"last": max(at for at, kind, *_rest in lines if kind == "write") - began}


@job
def soaking(folder: Path, secrets: int, seconds: float, url: str) -> Mapping[str, Any]:
    """Rotate secrets each of which has to hold for some seconds before it counts as proven.

    As many may fail as there are: a lower limit is a wish that the others wait until the first ones are proven.
    """
    told = variables(folder, secrets, 1)
    for one in told["secret_map"].values():
        one["verify"] = [{"type": "http", "url": url, "proves": "life", "soak": f"{seconds:g}s"}]
    controller, took = Controller(told, Clock()), dict[str, float]()
    with taking(took):
        controller.rotate(*told["secret_map"], max_failures=secrets)
    return took


@job
def on_host(folder: Path, secrets: int) -> Mapping[str, Any]:
    """Rotate secrets that share one dotenv file, this machine being the host."""
    file, host = folder / "shared.env", LocalHost()
    file.touch()
    names = [f"SECRET_{at}" for at in range(secrets)]
    copy = {"store": "files", "host": "app1", "path": str(file)}
    told = variables(folder, 0, 0)
    told["secret_connections"]["files"] = {"type": "dotenv"}
    told["secret_map"] = {
        name: {"issuer": {"type": "random"}, "copies": [copy], "revoke": {"accept": "life"}} for name in names
    }
    controller, writes = Controller(told, Clock(), hosts=("app1",)), 0
    run = controller.plan(*names, max_failures=secrets)["run"]
    while todo := controller.session().advance(run, Phase.REVOKED)["todo"]:
        for work in todo:
            controller.session().host_work(run, work["work"], "app1", host)
            writes += str(work["what"]).startswith("write")
    return {"writes": writes, "commands": len(host.ran)}


@job
def prepared(_folder: Path, secrets: int, copies: int, keep: str) -> Mapping[str, Any]:
    """Leave a rotated ledger in the folder ``keep``, and return the variables that it goes with."""
    told = variables(Path(keep), secrets, copies)
    Controller(told, QuickClock()).rotate(*told["secret_map"])
    return {"variables": told}


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    answer = JOBS[asked["job"]](Path(asked["folder"]), **asked["options"])
    sys.stdout.write(json.dumps(answer) + "\n")
