# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A large map with nothing to do, through ``ansible-playbook``."""

from __future__ import annotations

from benchmarks.measures import Goal, Round, Row, contest, difference
from benchmarks.stage import Desk, Stage


def _desk(stage: Stage, secrets: int) -> Desk:
    def make() -> Desk:
        keep = stage.folder()
        told = stage.engine("prepared", secrets=secrets, copies=4, keep=str(keep), in_memory=True, limit=3600)
        return stage.desk(told["variables"])

    return stage.once(f"desk of {secrets}", make)


def _large(stage: Stage) -> Desk:
    return _desk(stage, stage.size(2000, 100))


def one_task(stage: Stage) -> Round:
    cost = _large(stage).one_task()
    return {"one task": cost.wall, "one task, MB": cost.peak}


def picked(stage: Stage) -> float:
    return _large(stage).play("rotor.secrets.plan", "-e", "rotate_only=SECRET_0000").wall


def single(stage: Stage) -> float:
    return _desk(stage, 1).play("rotor.secrets.plan", "-e", "rotate_only=SECRET_0000").wall


@contest(
    "plans",
    "A plan of 2,000 secrets with 8,000 copies and nothing to do",
    Row(
        "plan, 2,000 × 4, nothing to do",
        "a play with one task",
        Goal(most=2),
        difference("plan", "one task"),
        "s more",
        is_ratio=False,
    ),
    Row(
        "plan, one picked among 2,000",
        "a map of one",
        Goal(most=0.3),
        difference("picked", "map of one"),
        "s more",
        is_ratio=False,
    ),
    Row(
        "memory of a plan at 2,000 × 4",
        "a play with one task and the same inventory",
        Goal(most=150),
        difference("plan, MB", "one task, MB"),
        "MB more",
        is_ratio=False,
    ),
    peers={"one task": one_task, "picked": picked, "map of one": single},
    quick=False,
)
def plan(stage: Stage) -> Round:
    cost = _large(stage).play("rotor.secrets.plan")
    return {"plan": cost.wall, "plan, MB": cost.peak}


@contest(
    "memory",
    "A rotation of 2,000 secrets with 8,000 copies",
    Row(
        "memory of a rotation at 2,000 × 4",
        "a play with one task and the same inventory",
        Goal(most=150),
        difference("rotation, MB", "one task, MB"),
        "MB more",
        is_ratio=False,
    ),
    peers={"one task": one_task},
    runs=1,
    quick=False,
    unit="MB",
)
def rotation(stage: Stage) -> Round:
    names = ",".join(f"SECRET_{at:04}" for at in range(stage.size(2000, 100)))
    arguments = ("-e", f"rotate_only={names}", "-e", "rotate_force=true")
    return {"rotation, MB": _large(stage).play("rotor.secrets.rotate", *arguments, limit=3600).peak}
