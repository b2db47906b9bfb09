# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every case meets every bench; what comes of it goes to the report, and must be what the kept table says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Issuer
from tests.conformance import columns, table
from tests.conformance.bench import Bench
from tests.conformance.columns import Column
from tests.conformance.found import DeviationError, Found, Watched
from tests.conformance.issuers.bench import IssuerBench
from tests.conformance.issuers.bench import Watched as WatchedIssuer
from tests.conformance.proxy import Proxy, Spoiler

FOUND = pytest.StashKey[Found]()
NO_HTTP = "It speaks no HTTP, so that no such answer can come."
NEEDS: dict[str, Callable[[Any], str]] = {
    "http": lambda bench: "" if isinstance(bench.proxy, Proxy) else NO_HTTP,
    "deletes": lambda bench: "" if bench.tasks({}, dict.fromkeys(bench.names[:1])) else "It cannot delete.",
    "container": lambda bench: "A container comes with its first key." if bench.makes_containers else "",
    "bad name": lambda bench: "" if bench.bad_name else "Every name is taken.",
    "limit": lambda bench: "" if bench.store().limits.value_bytes else "No limit is known.",
    "a choice": lambda bench: "" if bench.may_be_plain else "The system has no other way.",
    "lie": lambda bench: "" if bench.lie else "No such answer is known.",
    "a list": lambda bench: "" if bench.kind.listed is not Issuer.listed else "There is one value at a time.",
    "revoke": lambda bench: "" if bench.kind.traits.revoke == "api" else "A new value is the end of the old one.",
    "pages": lambda bench: "" if bench.pages else "The list has no pages.",
    "tuning": lambda bench: "" if bench.tunable else "The stand-in has no such thing.",
    "its own kind": lambda bench: "" if bench.manages else "What is issued makes and revokes no other.",
    "showing": lambda bench: "" if bench.kind.verify is not Issuer.verify else "Nobody can be asked about a value.",
    "last use": lambda bench: "" if bench.kind.reports_last_used(bench.options) else "The API does not say it.",
}
"""Why a case that needs this does not apply, if it does not."""
_NOTHING = "NOTSET"
"""What pytest calls a parameter for which there is no value."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance")
    group.addoption("--conformance-report", type=Path, metavar="FILE", help="write every outcome, and compare none")
    group.addoption(
        "--baseline", type=Path, metavar="VENV", help="run the community modules of this environment, and nothing else"
    )
    group.addoption("--provider", metavar="NAME", help="run what this provider offers, and nothing else")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "row(title): the case's heading in the table")
    config.addinivalue_line("markers", f"needs(what): where the case applies; one of {', '.join(NEEDS)}")
    if path := config.getoption("--conformance-report"):
        config.pluginmanager.register(Report(path), "conformance-report")


class Report:
    """Gathers cells from the tests, in whichever process they ran."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cells: list[Any] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self._cells += [value for name, value in report.user_properties if name == "conformance"]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not hasattr(session.config, "workerinput"):
            self._path.write_text(json.dumps(self._cells, indent=1), encoding="utf-8")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "column" not in metafunc.fixturenames:
        return
    venv = metafunc.config.getoption("--baseline")
    found = columns.baseline(venv) if venv else columns.of(metafunc.module.LEVEL)
    if venv and metafunc.module.LEVEL != "modules":
        found = []
    if provider := metafunc.config.getoption("--provider"):
        found = [column for column in found if _is_of(column, provider)]
    marks = [pytest.param(item, id=item.title, marks=pytest.mark.xdist_group(item.group)) for item in found]
    metafunc.parametrize("column", marks, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cases of which a provider has nothing, which pytest would call skipped."""
    if config.getoption("--provider"):
        config.hook.pytest_deselected(items=[item for item in items if _NOTHING in item.name])
        items[:] = [item for item in items if _NOTHING not in item.name]


def _is_of(column: Column, provider: str) -> bool:
    """By the file of its bench, or by the issuer's type; a collection's name has a dot."""
    if "." in provider:
        return str(getattr(column.kind, "issuer_type", "")).startswith(f"{provider}.")
    own = [entry.provider for entry in registry._built_in() if entry.package.rpartition(".")[2] == provider]
    types = {name for found in own for name in found.issuers}
    return column.group.rpartition(".")[2] == provider or getattr(column.kind, "issuer_type", "") in types


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A case that needs what this column has not does not apply; that is put down, and is not a skip."""
    bench = pyfuncitem.funcargs.get("bench")
    needs = [NEEDS[mark.args[0]] for mark in pyfuncitem.iter_markers("needs")]
    reasons = [bench.not_run] if isinstance(bench, IssuerBench) and bench.not_run else [need(bench) for need in needs]
    if reason := next(filter(None, reasons), ""):
        pyfuncitem.stash[FOUND].not_applicable(reason)
        return True
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A case of ours that does not hold is a failure; what the baseline does is put down, and nothing more."""
    found = item.stash.get(FOUND, None)
    if found is None:
        return (yield)
    column, place = item.callspec.params["column"], table.place(item)  # type: ignore[attr-defined]
    try:
        yield
        found.conclude()
    except DeviationError as deviation:
        _record(item, column, place, table.failed(str(deviation)))
        if not column.is_baseline:
            raise
        return None
    cell = asdict(found.cell)
    _record(item, column, place, cell)
    if not (item.config.getoption("--conformance-report") or column.is_baseline):
        table.compare(place, column.title, cell)
    return None


def _record(item: pytest.Item, column: Column, place: table.Place, cell: dict[str, Any]) -> None:
    item.user_properties.append(("conformance", {**asdict(place), "column": column.title, "cell": cell}))


@pytest.fixture(scope="session", autouse=True)
def _servers_end_with_the_session() -> Iterator[None]:
    yield
    columns.stop_all()


@pytest.fixture
def found(request: pytest.FixtureRequest) -> Found:
    found = request.node.stash[FOUND] = Found()
    return found


@pytest.fixture
def bench(column: Column, request: pytest.FixtureRequest) -> Iterator[Bench]:
    with ExitStack() as stack:

        def front(upstream: str, reads: str = "") -> Proxy:
            return stack.enter_context(Proxy(upstream, reads=reads))

        yield stack.enter_context(column.open(front))


@pytest.fixture
def proxy(bench: Bench) -> Spoiler:
    return bench.proxy


@pytest.fixture
def issuer(bench: IssuerBench, found: Found) -> WatchedIssuer | None:
    return None if bench.not_run else WatchedIssuer(bench.issuer(), found)


@pytest.fixture
def store(bench: Bench, found: Found) -> Watched:
    return Watched(bench.store(), bench, found)
