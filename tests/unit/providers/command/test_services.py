# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that are reloaded by their manager's own command."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._providers.command.services import DockerCompose, Systemd

UP = "docker compose up --detach --force-recreate"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({}, UP),
        ({"services": ["backend", "worker"]}, f"{UP} --no-deps backend worker"),
        ({"build": True}, f"{UP} --build"),
        ({"build": True, "timeout": 60}, f"timeout --kill-after=10 60 {UP} --build"),
    ],
)
def test_containers_are_made_anew_in_the_folder_of_their_project(options: dict[str, Any], line: str) -> None:
    options = {"project": "/opt/nova", **options}
    needs = [*(["timeout"] if "timeout" in options else []), "docker"]
    assert DockerCompose.task(options) == {"command": line, "chdir": "/opt/nova", "stdin": None, "needs": needs}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"units": ["shop.service", "worker@1"]}, "systemctl restart shop.service worker@1"),
        ({"units": ["shop"], "action": "reload", "user": True}, "systemctl --user reload shop"),
    ],
)
def test_units_are_restarted_unless_a_reload_is_enough(options: dict[str, Any], line: str) -> None:
    task = Systemd.task(options)
    assert (task["command"], task["chdir"], task["needs"]) == (line, None, ["systemctl"])
    assert Systemd(options, None, clock=Clock()).preview() == [line]
    assert Systemd.label(options) == f"command {line}"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (DockerCompose, {"project": "/opt/nova", "services": ["--privileged"]}),
        (DockerCompose, {"project": "/opt/nova", "services": ["a b"]}),
        (Systemd, {"units": ["--root=/tmp"]}),
        (Systemd, {"units": ["a;b"]}),
        (Systemd, {"units": []}),
    ],
)
def test_name_that_would_be_an_option_is_refused(kind: Any, options: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(options, {"properties": kind.schema.properties})
