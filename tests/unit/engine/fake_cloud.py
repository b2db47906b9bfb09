# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A provider as another collection would bring it, ``fake.cloud``: every shape that the map has to deal with."""

from __future__ import annotations

import sys
from datetime import timedelta
from types import ModuleType
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    Connection,
    Maker,
    Overlap,
    Part,
    Provider,
    Recover,
    Revocation,
    Schema,
    Traits,
)

PACKAGE = "ansible_collections.fake.cloud.plugins.module_utils"
TEXT = {"type": "string", "minLength": 1}
PROVIDER = Provider(
    title="A cloud",
    connections={"account": "parts:Account", "mail": "parts:Mail"},
    stores={"account": "parts:Folder"},
    issuers={"token": "parts:Token", "pair": "parts:Pair", "cut": "parts:Cut"},
    consumers={"app": "parts:App", "script": "parts:Script"},
    checks={"job": "parts:Job"},
)


class Account(Connection):
    references = ("token",)
    schema = Schema(properties={"url": TEXT}, required=("token",))


class Mail(Connection):
    references = ()
    schema = Schema()


class Folder:
    on_host = False
    schema = Schema(
        properties={
            "folder": {**TEXT, "pattern": "^/", "description": "A path that begins with a slash."},
            "size": {"type": "integer", "minimum": 1, "maximum": 9},
            "mode": {"enum": ["fast", "safe"]},
            "labels": {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True},
            "level": {"oneOf": [{"type": "integer", "minimum": 3}, {"type": "array", "items": {"type": "integer"}}]},
        },
        required=("folder",),
    )

    @classmethod
    def validate(cls, container: Any, keys: Any) -> list[str]:
        found = [f"{key}: only capital letters" for key in keys if not key.isupper()]
        found += ["size: not in this folder"] if container["folder"] == "/small" and "size" in container else []
        return found + (["folders are full"] if container["folder"] == "/full" else [])

    @classmethod
    def identity(cls, container: Any) -> str:
        return str(container["folder"]).lower()

    @classmethod
    def key_identity(cls, container: Any, key: str) -> str:
        return f"{cls.identity(container)}/{key}"

    @classmethod
    def label(cls, container: Any) -> str:
        return f"folder {container['folder']}"


class Token(Part):
    traits = Traits(value=Maker.PROVIDER, overlap=Overlap.OPEN, revoke=Revocation.API, recover=Recover.RECONCILE)
    fields: tuple[str, ...] = ("token",)
    schema = Schema(properties={"team": TEXT, "user": TEXT, "lifetime": TEXT}, one_of=("team", "user"))

    @classmethod
    def validate(cls, options: Any, max_age: Any) -> list[str]:
        return ["lifetime: is below max_age"] if "lifetime" in options and max_age else []

    @classmethod
    def fields_of(cls, options: Any) -> tuple[str, ...]:
        return cls.fields

    @classmethod
    def grace(cls, options: Any) -> timedelta:
        return timedelta()


class Pair(Token):
    traits = Traits(value=Maker.OURS, overlap=Overlap.NONE, revoke=Revocation.AUTO, recover=Recover.OURS)
    fields = ("username", "password")
    schema = Schema()


class Cut(Token):
    traits = Traits(value=Maker.PROVIDER, overlap=Overlap.NONE, revoke=Revocation.AUTO, recover=Recover.READABLE)
    schema = Schema()


class App(Part):
    on_host = False
    schema = Schema(properties={"name": TEXT}, required=("name",))

    @classmethod
    def validate(cls, options: Any) -> list[str]:
        return ["name: there is none of this name"] if options["name"] == "bad" else []


class Script(Part):
    on_host = True
    schema = Schema(properties={"command": TEXT, "stdin": TEXT}, required=("command",))

    @classmethod
    def validate(cls, options: Any) -> list[str]:
        return []

    @classmethod
    def task(cls, options: Any) -> Any:
        return {"command": options["command"], "stdin": options.get("stdin")}


class Job:
    schema = Schema(properties={"folder": TEXT, "job": TEXT, "input": {"type": "object"}}, required=("folder", "job"))

    @classmethod
    def validate(cls, options: Any) -> list[str]:
        return ["job: there is none of this kind"] if options["job"] == "bad" else []


def install() -> None:
    """As if the collection were installed."""
    home, parts = ModuleType(f"{PACKAGE}.rotor_provider"), sys.modules[__name__]
    home.PROVIDER = PROVIDER  # type: ignore[attr-defined]
    sys.modules[home.__name__] = home
    sys.modules[f"{PACKAGE}.parts"] = parts
