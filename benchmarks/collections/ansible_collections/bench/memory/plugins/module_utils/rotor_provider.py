# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A system that costs nothing but the latency that a benchmark asks for: boxes, and tokens that live until revoked.

What was changed lies in a file, one line for each change with the time of the machine's monotonic clock, so that the
processes of one play see the same boxes.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    Answer,
    Connection,
    Evidence,
    Issuer,
    Listed,
    Maker,
    Options,
    Overlap,
    Provider,
    Recover,
    Revocation,
    Schema,
    Store,
    Traits,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue

_TEXT = {"type": "string", "minLength": 1, "description": "A name."}
_NUMBER = {"type": "number", "minimum": 0, "description": "A number."}


class Memory:
    """What is behind one file."""

    def __init__(self, file: Path) -> None:
        self.calls: Counter[str] = Counter()
        self.versions: Counter[str] = Counter()
        self.tokens: dict[str, list[Any]] = {}
        self.of_account: defaultdict[str, list[str]] = defaultdict(list)
        """The numbers of an account's living tokens: a system does not go through everybody's, or all of ten years."""
        self._file = file
        self._lock = threading.Lock()
        for line in file.read_text().splitlines() if file.exists() else ():
            self._apply(*json.loads(line)[1:])

    def change(self, *change: str) -> int:
        """Make a change durable in the sense of a benchmark: the next process sees it."""
        with self._lock:
            with self._file.open("a") as file:
                file.write(json.dumps([time.monotonic(), *change]) + "\n")
            return self._apply(*change)

    def _apply(self, kind: str, what: str, name: str = "", account: str = "") -> int:
        if kind == "write":
            self.versions[what] += 1
        elif kind == "mint":
            self.tokens[what] = [name, account, True]
            self.of_account[account].append(what)
        else:
            self.tokens[what][2] = False
            self.of_account[self.tokens[what][1]].remove(what)
        return self.versions[what]


_memories: dict[str, Memory] = {}
_making = threading.Lock()


def memory(file: str) -> Memory:
    """Return what is behind a file, for all connections of this process."""
    with _making:
        return _memories.setdefault(file, Memory(Path(file))) if file not in _memories else _memories[file]


class Account(Connection):
    """Answers ``at_once`` calls at a time, each after ``latency`` seconds."""

    schema = Schema({"file": _TEXT, "latency": _NUMBER, "at_once": _NUMBER}, ("file",))

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        self.memory = memory(options["file"])
        self._latency = float(options.get("latency", 0))
        self._room = threading.BoundedSemaphore(int(options.get("at_once", 8)))

    def call(self, kind: str) -> Memory:
        """Wait as a caller of a distant system does."""
        self.memory.calls[kind] += 1
        if self._latency:
            with self._room:
                time.sleep(self._latency)
        return self.memory

    def probe(self) -> str:
        self.call("probe")
        return "whoever asks"


class Boxes(Store):
    """Write-only: its evidence is a version for each key."""

    schema = Schema({"box": _TEXT}, ("box",))
    connection: Account

    @classmethod
    def label(cls, container: Options) -> str:
        return f"box {container['box']}"

    @classmethod
    def identity(cls, container: Options) -> str:
        return str(container["box"])

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        versions = self.connection.call("observe").versions
        seen = {key: versions[f"{container['box']} {key}"] for key in keys}
        return {"keys": {key: version for key, version in seen.items() if version}}

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        made = self.connection.call("write")
        return {"keys": {key: made.change("write", f"{container['box']} {key}") for key in values}}

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        raise NotImplementedError

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        return dict(recorded["keys"]) == {key: observed["keys"].get(key) for key in recorded["keys"]}

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        return f"version {max(evidence['keys'].values(), default=0)}"


class Token(Issuer):
    """One of an account's tokens."""

    traits = Traits(Maker.PROVIDER, Overlap.OPEN, Revocation.API, Recover.RECONCILE)
    fields = ("token",)
    schema = Schema({"account": _TEXT}, ("account",))
    connection: Account

    @classmethod
    def label(cls, options: Options) -> str:
        return f"token of account {options['account']}"

    def mint(self, name: str) -> Credential:
        made = self.connection.call("mint")
        number = f"tok-{self.options['account']}-{len(name)}-{time.monotonic_ns()}"
        made.change("mint", number, name, self.options["account"])
        return Credential(number, name, {"token": SecretValue(f"value-of-{number}")})

    def listed(self) -> list[Listed]:
        known = self.connection.call("list")
        own = list(known.of_account[str(self.options["account"])])
        return [Listed(number, known.tokens[number][0]) for number in own]

    def verify(self, credential: Credential) -> Answer:
        known = self.connection.call("verify").tokens.get(credential.fields["token"].reveal().removeprefix("value-of-"))
        return Answer.ACCEPTED if known and known[2] else Answer.REFUSED

    def revoke(self, credential: Credential) -> None:
        self.connection.call("revoke").change("revoke", str(credential.id))


PROVIDER = Provider(
    "A system in memory",
    connections={"account": "rotor_provider:Account"},
    stores={"account": "rotor_provider:Boxes"},
    issuers={"token": "rotor_provider:Token"},
)
