# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a copy costs the same, however many there are and however long the ledger has been in use."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.measures import Goal, Round, Row, contest, figure, ratio
from benchmarks.stage import Stage

FLAT = Goal(most=1.1)
_SECRETS, _COPIES = {50: 12, 500: 20, 2000: 32}, {50: 20, 500: 50, 2000: 120}
"""Sizes, and those of a quick run."""


def _rotations(stage: Stage, secrets: int, copies: int) -> Round:
    first, second = stage.engine("rotations", secrets=secrets, copies=copies, in_memory=True, limit=1800)["rotations"]
    shape = "secrets" if secrets > 1 else "copies"
    return {f"{shape} first": first["cpu"], f"{shape} second": second["cpu"]}


def _of_secrets(size: int) -> Callable[[Stage], Round]:
    def run(stage: Stage) -> Round:
        found = _rotations(stage, stage.size(size, _SECRETS[size]), 4)
        return {f"{size} {name}": figure for name, figure in found.items()}

    return run


def _of_copies(size: int) -> Callable[[Stage], Round]:
    def run(stage: Stage) -> Round:
        found = _rotations(stage, 1, stage.size(size, _COPIES[size]))
        return {f"{size} {name}": figure for name, figure in found.items()}

    return run


@contest(
    "scale",
    "Processor time for a copy, in seconds",
    *(
        Row(
            f"{size} secrets with 4 copies: CPU a copy",
            "50 secrets",
            FLAT,
            ratio(f"{size} secrets first", "50 secrets first"),
        )
        for size in (500, 2000)
    ),
    *(
        Row(
            f"1 secret with {size} copies: CPU a copy",
            "50 copies",
            FLAT,
            ratio(f"{size} copies first", "50 copies first"),
        )
        for size in (500, 2000)
    ),
    *(
        Row(
            f"the second rotation, {size} {shape}: CPU a copy",
            "the first rotation, which ends a credential as well",
            FLAT,
            ratio(f"{size} {shape} second", f"{size} {shape} first"),
        )
        for size, shape in ((500, "secrets"), (2000, "secrets"), (500, "copies"), (2000, "copies"))
    ),
    peers={
        "500 secrets": _of_secrets(500),
        "2000 secrets": _of_secrets(2000),
        "50 copies": _of_copies(50),
        "500 copies": _of_copies(500),
        "2000 copies": _of_copies(2000),
    },
    runs=3,
)
def fifty_secrets(stage: Stage) -> Round:
    return _of_secrets(50)(stage)


@contest(
    "ledger",
    "What a copy costs in the ledger",
    Row("SQL statements a copy (SQLite, locks apart)", "", Goal(most=8), figure("statements"), ""),
    Row("durable commits a copy", "", Goal(), figure("commits"), ""),
    runs=1,
    unit="of a secret with 200 copies",
)
def ledger(stage: Stage) -> Round:
    """One secret, as in the first row of the page; a mint and a revoke are shared out among the copies."""
    _first, second = stage.engine("rotations", secrets=1, copies=stage.size(200, 40), in_memory=True)["rotations"]
    return {name: second[name] for name in ("statements", "commits")}


@contest(
    "years",
    "A ledger with ten years of weekly rotations",
    Row(
        "a ledger with ten years of weekly rotations: CPU a rotation",
        "its first weeks",
        FLAT,
        ratio("late", "early"),
    ),
    runs=1,
    unit="s of CPU",
)
def years(stage: Stage) -> Round:
    found = stage.engine("years", weeks=stage.size(520, 20), copies=4, in_memory=True, limit=3600)
    return {"early": found["early"], "late": found["late"]}
