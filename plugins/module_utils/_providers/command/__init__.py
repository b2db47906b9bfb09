# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands on inventory hosts: reload consumers by them, and look at logs."""

from __future__ import annotations

from ..._core.contracts import Provider

PROVIDER = Provider(
    title="Commands on hosts",
    consumers={
        "command": "command:Command",
        "docker_compose": "services:DockerCompose",
        "systemd": "services:Systemd",
    },
    checks={"log": "log:Log"},
)
