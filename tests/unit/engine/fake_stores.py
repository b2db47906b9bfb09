# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores whose containers are boxes of a :mod:`world`, each with another kind of evidence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    Evidence,
    Limits,
    Options,
    Schema,
    Shadow,
    Store,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ForeignChangeError, NotFoundError

TEXT = {"type": "string", "description": "made up"}


class Shelf(Store):
    """Write-only: its evidence is a version for each key."""

    schema = Schema({"box": TEXT}, ("box",))

    @classmethod
    def label(cls, container: Options) -> str:
        return f"box {container['box']}"

    @classmethod
    def identity(cls, container: Options) -> str:
        return str(container["box"])

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        world, box = self.connection.world, container["box"]

        def look() -> Evidence:
            if box not in world.containers:
                raise NotFoundError(f"there is no box {box}")
            seen = self._seen(box, keys)
            return {**seen, "ledger": world.stamps[box]} if box in world.stamps else seen

        return world.call("observe", box, look)

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        world, box = self.connection.world, container["box"]

        def put() -> Evidence:
            if self.compares and since is not None and not self.unchanged(since, self._seen(box, values)):
                raise ForeignChangeError(f"{self.label(container)} was changed by somebody else")
            world.put(box, {key: value.reveal() for key, value in values.items()})
            return {"keys": {key: world.containers[box][key][1] for key in values}}

        return world.call("write", box, put)

    def _seen(self, box: str, keys: Collection[str]) -> dict[str, Any]:
        found = self.connection.world.containers[box]
        return {"keys": {key: at for key, (_value, at) in found.items() if key in keys}}

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        world, box = self.connection.world, container["box"]

        def remove() -> Evidence:
            world.remove(box, keys)
            return {"keys": {}}

        return world.call("write", box, remove)

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        return dict(recorded["keys"]) == dict(observed["keys"])

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        return f"at {max(evidence['keys'].values(), default=0)}"


class Narrow(Shelf):
    limits = Limits(value_bytes=4, keys_at_once=1)


class Window(Shelf):
    """Readable: its evidence is a fingerprint of each value, with which it compares as it writes."""

    readable = True
    compares = True

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        world, box = self.connection.world, container["box"]

        def look() -> Evidence:
            return self._seen(box, keys)

        return world.call("observe", box, look)

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        super().write(container, values, since)
        return {"keys": self._prints({key: value.reveal() for key, value in values.items()}, values)}

    def read(self, container: Options, key: str) -> SecretValue:
        held = self.connection.world.containers[container["box"]]
        if key not in held:
            raise NotFoundError(f"box {container['box']} has no {key}")
        return SecretValue(held[key][0])

    def _seen(self, box: str, keys: Collection[str]) -> dict[str, Any]:
        values = self.connection.world.containers[box]
        return {"keys": self._prints({key: value for key, (value, _at) in values.items()}, keys)}

    def _prints(self, values: Mapping[str, str], keys: Collection[str]) -> dict[str, dict[str, str]]:
        shown = {key: value for key, value in values.items() if key in keys}
        return {key: {"fingerprint": self.fingerprint(SecretValue(value))} for key, value in shown.items()}

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        return f"{len(evidence['keys'])} keys"


class Dark(Shelf):
    """It shows nothing, and whoever uses it has said that this is known."""

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        self.connection.world.call("observe", container["box"])
        return {"keys": {}, "unseen": True}

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        return True


class Nested(Shelf):
    """A box in a box hides the keys of the outer one: ``app/prod`` those of ``app``."""

    @classmethod
    def may_be_hidden(cls, container: Options) -> bool:
        return True

    def shadows(self, container: Options, keys: Sequence[str], *, fresh: bool = False) -> list[Shadow]:
        world, outer = self.connection.world, container["box"]

        def look() -> list[Shadow]:
            inner = [box for box in world.containers if box.startswith(f"{outer}/")]
            return [
                Shadow(key, box.partition("/")[2], f"box {box}", box, at < world.containers[outer][key][1])
                for box in inner
                for key, (_value, at) in world.containers[box].items()
                if key in keys
            ]

        return world.call("shadows", f"{outer} afresh" if fresh else outer, look)
