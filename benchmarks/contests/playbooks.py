# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole playbooks: the main job, and copies in files on hosts."""

from __future__ import annotations

from typing import Any

from benchmarks.measures import Goal, Round, Row, contest, difference, figure, ratio
from benchmarks.stage import Desk, Stage
from tests.integration.conftest import open_desk


def _fly(stage: Stage) -> Any:
    """A world as new, in which machines and runs take no time, and the example's inventory before it."""
    world = stage.fly_world
    world.tell("reset")
    world.tell("switch", rate_limits=False, machine_seconds=0.0, run_seconds=0.0)
    return open_desk(world, stage.folder() / "home")


def empty(stage: Stage) -> Round:
    desk = _fly(stage)
    file = desk.home / "one.yml"
    file.write_text("[{hosts: localhost, gather_facts: false, tasks: [{ansible.builtin.debug: {msg: nothing}}]}]")
    cost = stage.play(desk.command(str(file)), desk.home, desk.environment)
    return {"one task": cost.wall, "one task, CPU": cost.cpu}


@contest(
    "fly",
    "`rotate_fly_token`, one secret",
    Row(
        "`rotate_fly_token`, one secret: what the processor does for it",
        "an empty play",
        Goal(most=2),
        difference("ours, CPU", "one task, CPU"),
        "s more",
        is_ratio=False,
    ),
    Row(
        "`rotate_fly_token`, one secret: in all, with settle times and the stand-in's answers",
        "an empty play",
        Goal(),
        difference("ours", "one task"),
        "s more",
        is_ratio=False,
    ),
    peers={"one task": empty},
    quick=False,
)
def fly(stage: Stage) -> Round:
    desk = _fly(stage)
    cost = stage.play(desk.command("rotor.secrets.rotate_fly_token"), desk.home, desk.environment)
    return {"ours": cost.wall, "ours, CPU": cost.cpu}


def _hosts(stage: Stage) -> Desk:
    """As many hosts as copies, all of them the same machine behind sshd."""

    def make() -> Desk:
        there, number = stage.sshd, stage.size(10, 2)
        hosts = {f"app{at}": there.variables for at in range(number)}
        file = "{{ inventory_hostname }}.env"
        copies = [{"store": "files", "host": name, "path": f"{there.folder}/{name}.env"} for name in hosts]
        for copy in copies:
            stage.touch(copy["path"])
        secret = {"issuer": {"type": "random"}, "copies": copies, "revoke": {"accept": "life"}}
        told = {"secret_map": {"ON_HOSTS": secret}, "secret_connections": {"files": {"type": "dotenv"}}}
        desk = stage.desk({**told, "file": f"{there.folder}/line-{file}"}, hosts=hosts)
        desk.play("rotor.secrets.rotate", "-e", "rotate_only=ON_HOSTS")
        return desk

    return stage.once("hosts", make)


def lineinfile(stage: Stage) -> float:
    desk = _hosts(stage)
    line = {"path": "{{ file }}", "line": "ON_HOSTS={{ 999999 | random }}", "regexp": "^ON_HOSTS=", "create": True}
    return desk.play(desk.write("lines", [{"ansible.builtin.lineinfile": line}], "all:!localhost")).wall


@contest(
    "dotenv",
    "A copy in a dotenv file on each of ten hosts",
    Row(
        "a dotenv copy on a host among many",
        "one `lineinfile`; start-up apart",
        Goal(most=1),
        ratio("ours", "lineinfile", base="one task"),
    ),
    peers={"one task": lambda stage: _hosts(stage).one_task().wall, "lineinfile": lineinfile},
    runs=3,
)
def dotenv(stage: Stage) -> float:
    return _hosts(stage).play("rotor.secrets.rotate", "-e", "rotate_only=ON_HOSTS", "-e", "rotate_force=true").wall


@contest(
    "files",
    "Ten secrets in one dotenv file",
    Row("writes of a file in one wave", "a file once a wave", Goal(most=1), figure("writes"), ""),
    runs=1,
    unit="number",
)
def files(stage: Stage) -> Round:
    found = stage.engine("on_host", secrets=10)
    return {"writes": found["writes"], "commands": found["commands"]}
