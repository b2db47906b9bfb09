# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep copies in dotenv files on inventory hosts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..._core import host_files_program
from ..._core.contracts import Limits, Options, Schema, Shadow
from ..._core.credential import SecretValue
from ..._core.errors import ConfigurationError, NotFoundError
from ..._core.host_files import OPTIONS, HostFileStore, told
from ..._core.hosts import LOCALHOST, HostConnection, HostRequest, answered
from . import on_host_program, spelling

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,499}", re.ASCII)
_SHELLS_OWN = {"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID", "_"}
"""Variables that a shell does not let anybody set; some shells stop at a file that does."""
READERS = spelling.READERS


class DotenvConnection(HostConnection):
    """Reach the inventory host on which Ansible runs the task."""


class DotenvFile(HostFileStore):
    what = "dotenv file"
    format = (__package__ or "", "on_host_program.py")
    limits = Limits(value_bytes=127 * 1024)
    """Linux hands a program 128 KiB for one variable with its name."""
    schema = Schema(
        properties={
            **OPTIONS,
            "readers": {
                "type": "array",
                "items": {"enum": list(READERS)},
                "minItems": 1,
                "uniqueItems": True,
                "description": "Who reads the file; all of them unless said. Lines that these would read differently "
                "are refused.",
            },
            "hidden_by": {
                "type": "array",
                "items": {"type": "string", "pattern": "^/"},
                "minItems": 1,
                "uniqueItems": True,
                "description": "Absolute paths of dotenv files on the same host whose keys win over those of this one, "
                "such as the .env beside a compose file. Once it is written, none may hold another value.",
            },
        },
        required=("host", "path"),
    )
    connection: DotenvConnection

    @classmethod
    def name_problem(cls, key: str) -> str:
        if not _NAME.fullmatch(key):
            return "a name has letters of ASCII, digits and underscores, no digit in front, and at most 500 of them"
        return "a shell keeps this name to itself" if key in _SHELLS_OWN else ""

    @classmethod
    def value_problem(cls, container: Options, value: str) -> str:
        return spelling.problem(value, cls.readers(container))

    @classmethod
    def spelled(cls, container: Options, value: str) -> str:
        return spelling.quoted(value, cls.readers(container))

    @classmethod
    def readers(cls, container: Options) -> list[str]:
        return container.get("readers") or list(READERS)

    @classmethod
    def may_be_hidden(cls, container: Options) -> bool:
        return bool(container.get("hidden_by"))

    def shadows(self, container: Options, keys: Sequence[str], *, fresh: bool = False) -> list[Shadow]:
        """Compare the keys of other files on the host with those of this one; a file that is missing hides nothing."""
        other = {**container, "create": False, "look_only": True}
        beside = {path: {**other, "path": path} for path in container["hidden_by"]}
        own, *others = self.answers([HostRequest(one, keys) for one in (container, *beside.values())])
        found = [{} if isinstance(answer, NotFoundError) else answered(answer)["keys"] for answer in others]
        return [
            Shadow(key, path, self.label(one), self.identity(one), seen[key]["fingerprint"] != fact["fingerprint"])
            for (path, one), seen in zip(beside.items(), found, strict=True)
            for key, fact in answered(own)["keys"].items()
            if key in seen
        ]

    def read(self, container: Options, key: str) -> SecretValue:
        """Read a file of this machine, as the user who runs this: no host sends a value anywhere."""
        doing, path = f"reading {key} in {self.label(container)}", container["path"]
        if container["host"] != LOCALHOST:
            raise ConfigurationError(f"{doing}: no value is fetched from a host")
        try:
            value = host_files_program.value(on_host_program, path, self.readers(container), key)
        except host_files_program.Problem as problem:
            raise told(doing, problem.answer) from None
        if not value:
            raise NotFoundError(f"{doing}: the file has no value there that all of its readers read alike")
        return SecretValue(value.decode(errors="surrogateescape"))
