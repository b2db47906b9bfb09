# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every sweep to its full length, prints what they counted, and keeps it for the documentation.

Usage: python -m tools.chaos [--only NAME,NAME] PYTEST_ARGUMENT...
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tools.elsewhen.__main__ import MOMENTS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "evidence" / "chaos.md"
KEPT = ROOT / "tests" / "chaos" / "found.json"


@dataclass(frozen=True)
class Sweep:
    """Tests that some variables of the environment lengthen; they count what they do by ``tests.chaos.tally``."""

    name: str
    title: str
    paths: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    picked: str = ""
    """Which of the tests, as pytest's -k takes it."""
    programs: Path = Path(sys.executable).parent
    """Where Python and ansible-playbook are."""
    moment: str = ""
    """Of ``tools.elsewhen``; empty: now."""

    @property
    def asked(self) -> dict[str, str]:
        """What is asked of the tests, for the table."""
        return {**self.environment, **(asdict(MOMENTS[self.moment]) if self.moment else {})}

    def here(self) -> list[str]:
        return [path for path in self.paths if (ROOT / path.partition("::")[0]).exists()]


HISTORIES = tuple(
    sorted(f"tests/unit/engine/{path.name}" for path in (ROOT / "tests/unit/engine").glob("test_histories*.py"))
)
KILLS = ("tests/chaos/test_killed_everywhere.py",)
SECRECY = tuple(
    f"tests/integration/{name}.py"
    for name in ("test_secrecy", "test_secrecy_modules", "test_secrecy_commands", "test_all_stores", "test_check_mode")
)
SYSTEMS_AND_ENGINE = ("tests/unit", "tests/conformance")
CREDENTIALS = (
    "tests/unit/modules/test_bad_credentials.py",
    "tests/unit/actions/test_bad_credentials_of_actions.py",
    "tests/integration/test_bad_credentials_played.py",
)
NEWEST = Path(sys.prefix).with_name("venv-newest") / "bin"
"""Of the newest ansible-core, made by tools/newest.sh where there is a Python for it."""
SWEEPS = (
    Sweep("kills", "Killed", KILLS, {"ROTOR_KILLS": "1"}, "not batch and not itself"),
    Sweep("batch", "Killed in a batch", KILLS, {"ROTOR_KILLS": "1"}, "batch"),
    Sweep("playbook", "Killed, ansible-playbook itself", KILLS, {"ROTOR_KILLS": "1"}, "itself"),
    Sweep(
        "issuers",
        "Killed, each issuer",
        ("tests/chaos/test_issuers_killed.py",),
        {"ROTOR_ISSUERS": "1"},
    ),
    Sweep("faults", "Faults", ("tests/chaos/test_faults_everywhere.py",), {"ROTOR_FAULTS": "1"}),
    Sweep("stores", "Faults of each store", ("tests/chaos/test_faults_of_stores.py",), {"ROTOR_FAULTS": "1"}),
    Sweep("tls", "Faults of TLS", ("tests/chaos/test_faults_of_tls.py",), {"ROTOR_SWEEP": "all"}),
    Sweep(
        "engine",
        "Killed in memory, every kind of issuer",
        ("tests/unit/engine/test_kill.py", "tests/unit/engine/test_kill_kinds.py"),
        {"ROTOR_SWEEP": "all"},
    ),
    Sweep(
        "outside",
        "Text from outside",
        (
            "tests/chaos/test_text_from_outside.py",
            "tests/unit/engine/test_outside_text.py",
            "tests/unit/modules/test_outside_text.py",
        ),
        {"ROTOR_SWEEP": "all"},
    ),
    Sweep("histories", "Random histories", HISTORIES, {"ROTOR_HISTORIES": "25000"}),
    Sweep("load", "Load through PgBouncer", ("tests/chaos/test_load.py",), {"ROTOR_LOAD": "180"}),
    Sweep("mutants", "Without a safeguard", ("tests/mutants/test_every_safeguard.py",)),
    Sweep(
        "maps",
        "Wrong maps, damaged and tampered ledgers",
        (
            "tests/unit/engine/test_secret_map_mutated.py",
            "tests/unit/engine/test_ledger_damaged.py",
            "tests/unit/engine/test_ledger_tampered.py",
        ),
        {"ROTOR_MUTATIONS": "10000", "ROTOR_DAMAGES": "500", "ROTOR_TAMPERED": "all"},
    ),
    Sweep(
        "controllers",
        "Many controllers",
        ("tests/integration/test_many_controllers.py",),
        {"ROTOR_CONTROLLERS": "8", "ROTOR_SHARED_SECRETS": "200"},
    ),
    Sweep(
        "ledgers",
        "New keys, killed; long trails",
        ("tests/unit/engine/test_ledger_killed.py", "tests/unit/engine/test_audit_log_long.py"),
        {"ROTOR_REKEYINGS": "1", "ROTOR_TRAIL": "100000"},
    ),
    Sweep("secrecy", "Secrecy and check mode", SECRECY, {"ROTOR_SECRECY": "all"}),
    Sweep(
        "secrecy-newest",
        "Secrecy and check mode, newest ansible-core",
        SECRECY,
        {"ROTOR_SECRECY": "all"},
        programs=NEWEST,
    ),
    Sweep("yesterday", "Systems and engine, a day ago", SYSTEMS_AND_ENGINE, moment="yesterday"),
    Sweep("quarter", "Systems and engine, in three months", SYSTEMS_AND_ENGINE, moment="quarter"),
    Sweep("decade", "Every test, in ten years", (*SYSTEMS_AND_ENGINE, "tests/integration"), moment="decade"),
    Sweep("credentials", "Credentials that cannot be sent", CREDENTIALS, {"ROTOR_SWEEP": "all"}),
    Sweep(
        "credentials-newest",
        "Credentials that cannot be sent, newest ansible-core",
        CREDENTIALS,
        {"ROTOR_SWEEP": "all"},
        programs=NEWEST,
    ),
    Sweep("examples", "The runbooks, played whole", ("tests/integration/test_examples.py",)),
    Sweep("bench", "Ratios of the quick benchmark", ("benchmarks/test_ratios.py",)),
)

INTRODUCTION = """\
<!-- Made by tools/chaos.py; do not edit. -->
# Broken on purpose, at every point

`make chaos` runs these sweeps to their full length and writes this page; `make test` runs a sample of each, which is
the same at every time. Every number is from a run on {cores} processor cores, on the date beside it.
"""
HOW = """\
## What is asked after each case

**Kills.** A moment is every request to the outside and every commit of the ledger, before and after. They are counted
as the standard library's HTTP client and database driver make them, in whichever process; no list of them is kept.
At each, the worker that makes the effects is killed, or `ansible-playbook` alone, or both; in a batch, and with
`ansible-playbook` itself, the moments are shared out among these six ways, and so are those of each issuer of the
registry that has a counterpart here; every seventh of an issuer's kills meets `ansible-playbook`. Most cases play
`ansible-playbook` without its start-up time: a process for each action, with a session and signal handlers as core's
worker has them, over the same sessions. After the kill:

- Every process of the run ends. No thread begins another request.
- No value is in any file below the home (temporary files lie there, too), in shared memory, or in a command line of
  any process.
- The next run ends well. Every place holds one working credential, the old one and every orphan are revoked.
- One credential was minted, or two where the answer to the first mint was lost.
- The stand-in world saw no consumer without a working credential, at no moment.
- A third run changes nothing.

**Faults.** Each call of a good rotation goes wrong in each of these ways, once or from then on. In addition: the output
has no traceback, nothing of the answer's body, and no value; nothing at all reaches the host of a redirect.

**Faults of TLS.** TLS stands in front of the stand-in world, OpenBao, moto and PostgreSQL, and each call or each commit
of the ledger meets one fault: the handshake is refused or hung up; the certificate is for another name, has expired,
or is of an unknown CA; the connection is cut in the request; the answer is a damaged record, is cut off, or is plain
text inside TLS. In addition: a mint is never sent again; one that may have been made is known to the ledger; where
nothing had left, nothing is in doubt; and the way back revokes nothing that a copy holds which shows nothing of itself.

**Text from outside.** Each text in an answer, found by noting the answers of a good rotation and of each module, is
what takes over a terminal, one after the other; so is each call's refusal, and each text column of the ledger. No line,
message or result has a control character, an invisible one, a forged line, or more than 4,000 characters.

**Random histories.** Up to eight events each, in a world in memory: runs that are killed anywhere, ways back, calls
that fail before or after their effect, sick consumers, people at the copies, edited maps, single environments, a
credential that is named late or found in a log; a second ledger, a lost one, one from an old backup. At every moment,
nothing in use was revoked, nothing of somebody else's was, and no value was shown. In the end each is brought to rest,
as the documentation says: every copy and machine has the newest credential, and a further run does nothing. Where an
issuer ends the old value itself, the next run closes the gap.

**Secrecy.** Every playbook and module, done, refused and rescued, at `-vvvv` and with all that Ansible can be told to
show and keep; and commands on hosts that print what they get, on this machine and over ssh, with and without become.
Each value in use, the connections' own, what a login gives out and what a request's headers carry among them, is looked
for in plain, base64, percent-encoded and JSON-escaped form: in outputs, logs, job events, the ledger, everything below
the home, files that are there for a moment included, the command lines of all processes, and the environments of those
that a run starts. `planned, and carried out` compares the steps of a plan with those that were then made.

**Credentials that cannot be sent.** Each option that takes a credential, found in the modules' argument specs, the
connections' references and schemas, and the registry, is given a canary with a line feed, a carriage return, another
header, a NUL, blanks, a byte order mark, letters beyond ASCII and beyond Latin-1, bytes that are no text, and 100 kB.
The server answers every request with all that it was sent. No piece of 12 characters of the canary is in the output,
the result, the log, or an exception with its chain; at `-vvvv`, on the oldest and the newest core, for every module,
action and playbook.

**Load through PgBouncer.** Clients buy in a real PostgreSQL through a real PgBouncer, at the pace of 200 transactions a
second, on connections that they keep and on new ones, while the role with which they log in is exchanged, again and
again: none of their transactions fails. In the end of each rotation, one role may log in, and PgBouncer's list has the
server's own verifier of it, and no other.

**Without a safeguard.** In a copy, one safeguard at a time is taken out of the engine or of a provider, such as a
clause of the rule that revokes. One of the tests that are named beside it has to fail.

**Controllers.** Each secret has a document of its own in a real OpenBao, whose versions count the writes: after one run
and then many at once they are two, and so are the ledger's credentials.

**Ledgers.** In a file and in PostgreSQL, whatever changes the ledger's keys is killed at each of its statements and
commits. The ledger then has the old or the new ones as a whole, every fingerprint can be compared, and the next run
ends with the new ones. Each row of each table, without the key at hand, is altered in each column, deleted, doubled,
exchanged, and put back from an older state: a run refuses it or takes the same from the ledger as before, and the
examination names the row. In a long trail one row is edited, removed or exchanged with the next;
the examination names it.

**Other dates.** The unit tests and those of conformance, in ten years those with Ansible, too: with the wall clock
moved, in another time zone, and with as many busy processes beside them as there are cores. Ansible's processes and the
stand-ins share the moved clock; OpenBao, PostgreSQL, Redis, `gh` and hosts behind sshd keep the true one, and so does
the runbook `agenticverz`, which ends roles by PostgreSQL's clock. `make test-elsewhen` runs them alone.

**Ratios of the quick benchmark.** No ratio of `make bench-quick` is more than three times worse than its goal or than
what was kept when it was last measured on an idle machine, whichever is worse.

To run one sweep, `make chaos ONLY=kills`; the table then keeps what it knew of the others.
"""


# Running


def run(sweep: Sweep, arguments: Iterable[str]) -> dict[str, Any]:
    """What it counted, by the lines of the tally; what was asked for, how many tests there were, and how long."""
    with tempfile.TemporaryDirectory() as folder:
        tally, report = Path(folder) / "tally", Path(folder) / "report.xml"
        tally.touch()
        environment = {**os.environ, **sweep.environment, "ROTOR_TALLY": str(tally)}
        environment["PATH"] = f"{sweep.programs}:{os.environ['PATH']}"
        command = [
            str(sweep.programs / "python"),
            *(["-m", "tools.elsewhen", sweep.moment, str(sweep.programs / "python")] if sweep.moment else []),
            "-m",
            "pytest",
            *sweep.here(),
            f"--junitxml={report}",
            "-k",
            sweep.picked,
            *(["--dist", "loadgroup"] if sweep.moment else []),
            *arguments,
        ]
        began = time.monotonic()
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        seconds = round(time.monotonic() - began)
        counts = counted(map(json.loads, tally.read_text(encoding="utf-8").splitlines()))
        tests = suites(report) if report.exists() else {"run": 0, "failed": 1}  # pytest itself was ended
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "asked": sweep.asked,
        "counts": counts,
        "tests": tests,
        "seconds": seconds,
        "code": code,
    }


def counted(lines: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """The sums, by sweep and by what was counted."""
    sums: dict[str, dict[str, int]] = {}
    for line in lines:
        here = sums.setdefault(line["sweep"], {})
        for what, number in line.items():
            if what != "sweep":
                here[what] = here.get(what, 0) + number
    return dict(sorted(sums.items()))


def suites(report: Path) -> dict[str, int]:
    """How many tests there were, and how many of them failed."""
    found = list(ElementTree.parse(report).iter("testsuite"))  # noqa: S314 - pytest's own
    broken = sum(int(suite.get(word, 0)) for suite in found for word in ("failures", "errors"))
    return {"run": sum(int(suite.get("tests", 0)) - int(suite.get("skipped", 0)) for suite in found), "failed": broken}


# Telling

_HISTORIES = "brought to rest"
"""How a history is counted, among what happened in it."""
_SECRECY = ("secrecy", "secrecy-newest", "credentials", "credentials-newest")
"""The sweeps in which a failed test is a leak."""
_SPELLED_OUT = 15
"""A cell names so many kinds; where there are more, it says how many."""


def text(kept: Mapping[str, Any]) -> str:
    introduction = INTRODUCTION.format(cores=kept["cores"])
    lines = [introduction, f"**{headline(kept)}**", "", "## The sweeps", "", *table(kept)]
    return "\n".join([*lines, "## The cases", "", *cases(kept), HOW])


def headline(kept: Mapping[str, Any]) -> str:
    """A case is counted after all that is asked of it has held: a violation or a leak is a test that failed."""
    counts = [(name, found) for sweep in kept["sweeps"].values() for name, found in sweep["counts"].items()]
    failed = {name: sweep["tests"]["failed"] for name, sweep in kept["sweeps"].items()}
    leaks = sum(failed.pop(name, 0) for name in _SECRECY)
    killed = sum(sum(found.values()) for name, found in counts if name.startswith("kills"))
    faults = sum(sum(found.values()) for name, found in counts if name.startswith("faults"))
    histories = sum(found.get(_HISTORIES, 0) for name, found in counts if name.startswith("histories"))
    done = {"Points killed": killed, "Faults injected": faults, "Histories": histories}
    said = [f"{what}: {number:,}" for what, number in done.items() if number]
    return ". ".join([*said, f"Violations: {sum(failed.values())}", f"Leaks: {leaks}."])


def table(kept: Mapping[str, Any]) -> list[str]:
    """One row for each sweep."""
    lines = ["| Sweep | Tests | Failed | Duration | Run on |", "|---|---|---|---|---|"]
    for sweep in SWEEPS:
        if found := kept["sweeps"].get(sweep.name):
            tests, minutes = found["tests"], f"{max(1, round(found['seconds'] / 60))} min"
            lines.append(_line(sweep.title, tests["run"], tests["failed"], minutes, found["date"]))
        else:
            lines.append(_line(sweep.title, "not yet run to its full length", "", "", ""))
    return [*lines, ""]


def cases(kept: Mapping[str, Any]) -> list[str]:
    """One row for each kind of case that the tests of a sweep counted."""
    lines = ["| Sweep | Case | Number | Of these |", "|---|---|---|---|"]
    for sweep in SWEEPS:
        for name, counts in kept["sweeps"].get(sweep.name, {"counts": {}})["counts"].items():
            lines.append(_line(sweep.title, name.partition(": ")[2] or name, _number(counts), _words(counts)))
    return [*lines, ""]


def _line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _number(counts: Mapping[str, int]) -> str:
    """How many cases there were; nothing where files and kilobytes stand beside each other, or seconds do."""
    return "" if counts.keys() & {"kilobytes", "seconds"} else f"{counts.get(_HISTORIES, sum(counts.values())):,}"


def _words(counts: Mapping[str, int]) -> str:
    """What there was, and then what there was none of."""
    some = [f"{number:,} {what}" for what, number in counts.items() if number]
    none = [f"0 {what}" for what, number in counts.items() if not number]
    return ", ".join([*(some if len(some) <= _SPELLED_OUT else [f"of {len(some)} kinds"]), *none])


def keep(sweep: Sweep, found: Mapping[str, Any]) -> int:
    """As soon as it is known, beside what is known of the others; returns how the tests ended."""
    kept: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {"sweeps": {}}
    kept["cores"] = os.cpu_count()
    kept["sweeps"][sweep.name] = found
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    DOCUMENT.write_text(text(kept), encoding="utf-8")
    return int(found["code"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.chaos", description="Break it everywhere.")
    parser.add_argument("--only", default="", help=f"some of {', '.join(sweep.name for sweep in SWEEPS)}")
    options, arguments = parser.parse_known_args()
    wanted = options.only.split(",") if options.only else [sweep.name for sweep in SWEEPS]
    picked = [sweep for sweep in SWEEPS if sweep.name in wanted and sweep.here() and sweep.programs.exists()]
    codes = [keep(sweep, run(sweep, arguments)) for sweep in picked]
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    print("\n".join([*table(kept), *cases(kept), headline(kept)]))
    return max(codes, default=1)


if __name__ == "__main__":
    sys.exit(main())
