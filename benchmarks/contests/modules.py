# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module alone, in a loop, next to the community's for the same."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from benchmarks import peers
from benchmarks.contests.copies import places
from benchmarks.measures import Goal, Round, Row, contest, figure, ratio
from benchmarks.stage import Desk, Stage
from tests.costs import Places
from tests.servers.moto import REGION

KEY = "ALONE"
PAIRS = {"vault_kv_secret": "vault_kv2_write", "aws_ssm_secret": "ssm_parameter", "github_secret": "github_secrets"}


def _ours(own: Places) -> dict[str, dict[str, Any]]:
    item, value = "{{ item }}", "{{ value }}"
    keys = {
        name: f"{{{{ lookup('env', 'BENCH_AWS_{name.upper()}') }}}}" for name in ("access_key_id", "secret_access_key")
    }
    vault, github = (f"{{{{ lookup('env', 'BENCH_{name}') }}}}" for name in ("VAULT", "GITHUB"))
    return {
        "vault_kv_secret": {
            "url": own.vault,
            "token": vault,
            "mount": own.mount,
            "path": item,
            "name": KEY,
            "value": value,
        },
        "aws_ssm_secret": {
            "region": REGION,
            "endpoint_url": own.aws,
            **keys,
            "path": f"{own.top}/{item}",
            "name": KEY,
            "value": value,
        },
        "github_secret": {"api_url": own.github, "token": github, "repository": item, "name": KEY, "value": value},
    }


def _desk(stage: Stage, own: Places) -> Desk:
    own.credentials["GITHUB"] = own.new_github_token()
    return stage.desk({"value": secrets.token_hex(16)}, own.environment)


def _number(stage: Stage) -> int:
    return stage.size(20, 3)


def _loop(module: str) -> Callable[[Stage], float]:
    """Measure the processor time of a loop of one of the community's modules."""

    def run(stage: Stage) -> float:
        stage.community  # noqa: B018 - where it is missing, so is this contender
        own = places(stage, "theirs")
        desk = _desk(stage, own)
        [task] = [task for task in peers.tasks(own, KEY) if any(name.endswith(f".{module}") for name in task)]
        return desk.play(desk.write("loop", [{**task, "loop": task["loop"][: _number(stage)]}])).cpu

    return run


@contest(
    "modules",
    "A module alone: processor time of a loop",
    *(
        Row(
            f"a module alone: `{ours}`, CPU",
            f"`{theirs}`; start-up apart",
            Goal(most=1),
            ratio(ours, theirs, base="one task"),
        )
        for ours, theirs in PAIRS.items()
    ),
    Row("`vault_kv_secret`: writes when nothing changed", "", Goal(most=0), figure("idle writes"), ""),
    peers={
        "one task": lambda stage: _desk(stage, places(stage, "theirs")).one_task().cpu,
        **{theirs: _loop(theirs) for theirs in PAIRS.values()},
    },
    runs=3,
    unit="s of CPU",
)
def ours(stage: Stage) -> Round:
    own = places(stage, "modules")
    desk, took = _desk(stage, own), dict[str, float]()
    for module, options in _ours(own).items():
        names = own.repositories if module == "github_secret" else own.names
        task = {f"rotor.secrets.{module}": options, "loop": names[: _number(stage)]}
        took[module] = desk.play(desk.write(module, [task])).cpu
    before = _versions(stage, own)
    desk.play(str(desk.folder / "vault_kv_secret.json"))
    return {**took, "idle writes": _versions(stage, own) - before}


def _versions(stage: Stage, own: Places) -> int:
    return sum(stage.bao.metadata(own.mount, name)["current_version"] for name in own.names[: _number(stage)])
