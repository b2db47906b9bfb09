# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reload services by the command that their manager has for it.

Sources: docs.docker.com, docker compose up; systemctl(1). Only the command lines are tested: neither runs in the tests.
"""

from __future__ import annotations

import shlex
from abc import abstractmethod
from typing import Any

from ..._core.contracts import Options, Schema
from .command import Command

_TIMEOUT = Command.schema.properties["timeout"]


def _names(pattern: str, description: str) -> dict[str, Any]:
    items = {"type": "string", "pattern": pattern}
    return {"type": "array", "items": items, "minItems": 1, "uniqueItems": True, "description": description}


class Services(Command):
    """A consumer whose command follows from its options."""

    @classmethod
    @abstractmethod
    def command_of(cls, options: Options) -> Options:
        """Return the options of the ``command`` that reloads it."""

    @classmethod
    def label(cls, options: Options) -> str:
        return super().label(cls.command_of(options))

    @classmethod
    def task(cls, options: Options) -> dict[str, Any]:
        limit = {"timeout": options["timeout"]} if "timeout" in options else {}
        return super().task({**cls.command_of(options), **limit})

    def preview(self) -> list[str]:
        return [shlex.join(self.command_of(self.options)["command"])]


class DockerCompose(Services):
    """A container keeps the environment that it was made with: it is made anew, since a restart changes nothing."""

    where = ("project",)
    schema = Schema(
        properties={
            "project": {
                "type": "string",
                "minLength": 1,
                "description": "The folder with its compose file.",
            },
            "services": _names(
                r"^[A-Za-z0-9][\w.-]*$",
                "The services to make anew, and none of those they depend on; all of the project, unless said.",
            ),
            "build": {"type": "boolean", "default": False, "description": "Build their images first."},
            "timeout": _TIMEOUT,
        },
        required=("project",),
    )

    @classmethod
    def command_of(cls, options: Options) -> Options:
        words = ["docker", "compose", "up", "--detach", "--force-recreate"]
        services = options.get("services", [])
        words += ["--build"] * bool(options.get("build")) + ["--no-deps"] * bool(services)
        return {"command": [*words, *services], "chdir": options["project"]}


class Systemd(Services):
    """Restart units: systemd reads what an ``EnvironmentFile=`` has when a unit starts."""

    schema = Schema(
        properties={
            "units": _names(r"^[A-Za-z0-9_][\w@:.\\-]*$", "The units, such as shop.service."),
            "action": {
                "enum": ["restart", "reload"],
                "default": "restart",
                "description": "reload: only what the unit itself does on that; it reads no EnvironmentFile= again.",
            },
            "user": {"type": "boolean", "default": False, "description": "Units of the user who is logged in there."},
            "timeout": _TIMEOUT,
        },
        required=("units",),
    )

    @classmethod
    def command_of(cls, options: Options) -> Options:
        user = ["--user"] * bool(options.get("user"))
        return {"command": ["systemctl", *user, options.get("action", "restart"), *options["units"]]}
