# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One secret into 200 copies: ours, loops of modules, loops of command line programs, a bare script with threads."""

from __future__ import annotations

import json
import secrets
from typing import Any

from benchmarks import peers, process
from benchmarks.measures import Goal, Round, Row, contest
from benchmarks.stage import Desk, Stage
from tests.costs import STORES, Places

KEY = "SHARED_SECRET"
WORK = "one secret into {} copies: Vault, SSM, GitHub and Infisical alike"


def _best_peer(took: Round) -> float:
    return min(took[name] for name in ("community", "shell") if name in took) / took["ours"]


def _over_start(took: Round) -> float:
    return took["ours"] - took["one task"]


def places(stage: Stage, whose: str) -> Places:
    """Ours and theirs are apart: what others change would be drift."""
    return stage.once(f"places of {whose}", lambda: stage.places(stage.size(50, 5)))


def _desk(stage: Stage) -> Desk:
    own = places(stage, "ours")
    copies = [copy for store in STORES for copy in own.copies(store)]
    secret = {"issuer": {"type": "random"}, "copies": copies, "revoke": {"accept": "life"}}
    desk = stage.desk({"secret_map": {KEY: secret}, "secret_connections": own.connections}, own.environment)
    desk.play("rotor.secrets.rotate", "-e", f"rotate_only={KEY}")
    return desk


def community(stage: Stage) -> float:
    """Loop over the community's modules; for Infisical there is none, and ``uri`` takes its place."""
    stage.community  # noqa: B018 - where it is missing, so is this contender
    theirs = places(stage, "theirs")
    theirs.credentials["GITHUB"] = theirs.new_github_token()
    desk = stage.desk({"value": secrets.token_hex(16)}, theirs.environment)
    return desk.play(desk.write("loops", peers.tasks(theirs, KEY))).wall


def shell(stage: Stage) -> Round:
    """Loop over ``bao``, ``aws``, ``gh`` and ``curl``."""
    theirs = places(stage, "theirs")
    theirs.credentials["GITHUB"] = theirs.new_github_token()
    folder, took = stage.folder(), dict[str, float]()
    loops = peers.loops(theirs, KEY, secrets.token_hex(16), stage.program, stage.world.url, folder)
    for name, (script, environment) in loops.items():
        took[name] = process.run(["bash", "-euc", script], folder, environment).wall
    return {**took, "shell": sum(took.values())}


def bare(stage: Stage, looks: dict[str, float]) -> float:
    theirs = places(stage, "theirs")
    theirs.credentials["GITHUB"] = theirs.new_github_token()
    told = json.dumps(peers.bare_order(theirs, KEY, secrets.token_hex(16), looks))
    command = [str(stage.programs / "python"), str(peers.BARE)]
    return float(process.run(command, stage.folder(), {"BARE": told, "PATH": "/usr/bin:/bin"}).output)


def same_requests(stage: Stage) -> float:
    """Make as many requests for each copy as ours does today."""
    return bare(stage, {store: cost.rotation - cost.writes for store, cost in stage.request_costs().items()})


def one_write(stage: Stage) -> float:
    """Write each copy, and ask nothing."""
    return bare(stage, dict.fromkeys(STORES, 0.0))


@contest(
    "copies",
    "One secret into 200 copies",
    Row(
        WORK.format(200),
        "the better of loops of modules and of programs: how many times faster",
        Goal(least=25),
        _best_peer,
    ),
    Row(
        WORK.format(200),
        "a bare threaded script, the same requests; start-up apart",
        Goal(most=1.5),
        lambda took: _over_start(took) / took["bare, same requests"],
    ),
    Row(
        WORK.format(200),
        "a bare threaded script, one write a copy; start-up apart",
        Goal(most=3),
        lambda took: _over_start(took) / took["bare, one write"],
    ),
    peers={
        "one task": lambda stage: stage.once("copies desk", lambda: _desk(stage)).one_task().wall,
        "community": community,
        "shell": shell,
        "bare, same requests": same_requests,
        "bare, one write": one_write,
    },
    runs=3,
)
def ours(stage: Stage) -> float:
    desk: Any = stage.once("copies desk", lambda: _desk(stage))
    desk.environment["BENCH_GITHUB"] = places(stage, "ours").new_github_token()
    return float(desk.play("rotor.secrets.rotate", "-e", f"rotate_only={KEY}", "-e", "rotate_force=true").wall)
