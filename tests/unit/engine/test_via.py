# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host through which something is reached is one that can be, and nothing goes past it without a word."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.effects.systems import Systems
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.parser import parse
from tests.unit.engine import world
from tests.unit.engine.maps import DESIGN, read


def mistakes(**hosts: str) -> list[str]:
    raw = read(DESIGN)
    for name in ("fly", "github"):
        raw["secret_connections"][name]["via"] = hosts[name]
    raw["secret_consumers"]["molecule-cp"]["healthy"][0]["via"] = hosts["check"]
    parts = raw["secret_map"], raw["secret_consumers"], raw["secret_connections"]
    with pytest.raises(MapError) as raised:
        parse(*parts, hosts={"app1", "win1"}, via_problem=lambda host: "its connection is winrm" * (host == "win1"))
    return [line.strip() for line in str(raised.value).splitlines()]


def test_hosts_that_lead_nowhere_are_told_together() -> None:
    told = "\n".join(mistakes(fly="app2", github="win1", check="localhost"))

    assert "secret_connections.fly.via: there is no such host in the inventory; did you mean app1?" in told
    assert "secret_connections.github.via: its connection is winrm; name a host to which Ansible goes by ssh" in told
    assert "secret_consumers.molecule-cp.healthy[0].via: there is no such host in the inventory" in told


def test_host_connection_has_no_way_through_another() -> None:
    raw = read(DESIGN)
    raw["secret_connections"]["files"] = {"type": "dotenv", "via": "app1"}
    step = raw["secret_map"]["FLY_API_TOKEN"]["rollout"][0]
    step["copies"].append({"store": "files", "host": "app1", "path": "/srv/env"})
    parts = raw["secret_map"], raw["secret_consumers"], raw["secret_connections"]
    with pytest.raises(MapError, match=r"secret_connections.files.via: unknown option"):
        parse(*parts, hosts={"app1"})


def test_connection_that_would_go_past_its_host_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(world.WORLDS, "any", None)
    settings: dict[str, Any] = {"mail": {"type": "test.fake.cloud", "world": "any", "via": "app1"}}
    with pytest.raises(ConfigurationError, match=r"a connection of type test.fake.cloud does not go through a host"):
        Systems(settings, Clock(), "run", None).connection("mail")
