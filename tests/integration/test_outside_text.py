# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a terminal gets from ansible-playbook where a token's name would take it over."""

from __future__ import annotations

import json
from typing import Any

from tests.hostile import HOSTILE, MARK, problems
from tests.sandbox.visitor import Visitor

from .conftest import Desk


def test_a_name_does_nothing_to_the_terminal(fresh: Visitor, desk: Desk) -> None:
    place = "data.organization.limitedAccessTokens.nodes[].name"
    fresh.tell("faults", kind="text", times=0, text=HOSTILE, provider="fly", place=place)
    file = desk.home / "tokens.json"
    file.write_text(json.dumps([_list_tokens(fresh)]))
    adopt = '{"rotate_adopt": {"FLY_API_TOKEN": "unknown"}, "rotate_force": true}'
    playbooks = [str(file), "rotor.secrets.rotate_fly_token"]
    outcome = desk.run(["ansible-playbook", "-i", str(desk.inventory), "--check", "-v", "-e", adopt, *playbooks])
    lines = outcome.output.split("\n")
    offered = [line for line in lines if "created " in line and MARK in line]
    assert offered, outcome
    assert sum(MARK in line for line in lines) > len(offered), "the module's result is shown as well"
    assert [problem for line in lines for problem in problems(line, longest=50_000)] == []


def _list_tokens(world: Visitor) -> dict[str, Any]:
    options = {"graphql_url": f"{world.url}/fly/graphql", "organization": "molecule-ai"}
    token = "{{ lookup('env', 'FLY_ADMIN_TOKEN') }}"
    task = {"rotor.secrets.fly_token_info": {**options, "token": token}, "register": "found"}
    show = {"ansible.builtin.debug": {"msg": "{{ found.tokens | map(attribute='name') | first }}"}}
    return {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task, show]}
