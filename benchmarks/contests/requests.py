# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests a copy costs."""

from __future__ import annotations

from benchmarks.measures import Goal, Round, Row, contest, figure
from benchmarks.stage import Stage
from tests.costs import STORES

GOALS = {"vault": 3, "ssm": 4, "github": 4, "infisical": 3}
NEEDED = "what is needed: a look before, a write, and the evidence"


@contest(
    "requests",
    "Requests for a copy",
    *(Row(f"requests for a copy, {store}", NEEDED, Goal(most=GOALS[store]), figure(store), "") for store in STORES),
    *(
        Row(
            f"requests for a copy in a {what}, {store}",
            "one list for each container",
            Goal(most=1),
            figure(f"{store} {what}"),
            "",
        )
        for store in STORES
        for what in ("status", "plan")
    ),
    runs=1,
    unit="requests",
)
def ours(stage: Stage) -> Round:
    found = stage.request_costs()
    rotation = {store: one.rotation for store, one in found.items()}
    status = {f"{store} status": one.status for store, one in found.items()}
    return rotation | status | {f"{store} plan": one.plan for store, one in found.items()}
