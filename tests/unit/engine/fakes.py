# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Providers that live in a :mod:`world`, offered as two collections of somebody else's: test.fake and test.plain."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from types import SimpleNamespace
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    Answer,
    Check,
    Checkpoint,
    Connection,
    Consumer,
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
    Traits,
    Written,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    AuthenticationError,
    CheckFailedError,
    ForeignChangeError,
    RotorError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import (
    HostCommand,
    HostConnection,
    HostRequest,
    HostStore,
)
from tests.unit.engine import fake_stores
from tests.unit.engine.fake_stores import TEXT, Shelf
from tests.unit.engine.world import WORLDS, Issued, World, offer


class Cloud(Connection):
    schema = Schema({"world": TEXT, "url": TEXT, "token": {"description": "its own credential"}}, ("world",))
    references = ("token",)

    def __init__(self, options: Options, *, clock: Any, run: str = "") -> None:
        self.world: World = WORLDS[options["world"]]
        self.clock = clock
        self.token = options.get("token")

    def probe(self) -> str:
        self.world.call("probe", "cloud")
        return "the test's own account"

    def server_time(self) -> Any:
        return self.world.clock.now() + self.world.ahead

    def expires_at(self) -> Any:
        return self.world.connection_ends


class Hosts(HostConnection):
    schema = Schema({"world": TEXT})


class File(HostStore):
    """On an inventory host; the values go there on standard input, and versions come back."""

    schema = Schema({"host": TEXT, "path": TEXT}, ("host", "path"))

    @classmethod
    def label(cls, container: Options) -> str:
        return f"file {container['host']}:{container['path']}"

    @classmethod
    def identity(cls, container: Options) -> str:
        return f"{container['host']}:{container['path']}"

    def answers(self, requests: Sequence[HostRequest]) -> list[Evidence | RotorError]:
        """One command for all that is asked of a file."""
        found: dict[int, Evidence | RotorError] = {}
        for path, group in groupby(sorted(enumerate(requests), key=_path), key=_path):
            asked = dict(group)
            try:
                found |= self._of_file(path, asked)
            except RotorError as error:
                found |= dict.fromkeys(asked, error)
        return [found[number] for number in range(len(requests))]

    def _of_file(self, path: str, asked: Mapping[int, HostRequest]) -> dict[int, Evidence | RotorError]:
        writes = [
            {
                "values": {key: value.reveal() for key, value in request.values.items()},
                "gone": list(request.gone),
                "since": request.since
                and {key: request.since["keys"].get(key) for key in (*request.values, *request.gone)},
            }
            for request in asked.values()
            if request.values is not None
        ]
        line = f"put {path}" if writes else f"look {path}"
        there: Any = json.loads(self._run(line, SecretValue(json.dumps(writes)) if writes else None))
        seen = {
            number: {"keys": {key: at for key, at in there["keys"].items() if key in request.keys}}
            for number, request in asked.items()
        }
        changed = ForeignChangeError(f"writing to file {path}: somebody else has changed it")
        refused = there["refused"] if writes else ()
        return {number: changed if {*asked[number].keys} & {*refused} else seen[number] for number in asked}

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        raise AssertionError("the engine never deletes a key")

    unchanged = Shelf.unchanged
    describe = Shelf.describe

    def _run(self, line: str, stdin: SecretValue | None = None) -> str:
        assert self.connection.host
        return self.connection.host(HostCommand(line, stdin=stdin)).stdout


def run_on_host(world: World, command: HostCommand) -> str:
    """The other end of :class:`File`; any other command does nothing."""
    verb, _space, path = command.command.partition(" ")
    refused: list[str] = []
    for write in json.loads(command.stdin.reveal()) if verb == "put" and command.stdin else ():
        wanted = {**write["values"], **dict.fromkeys(write["gone"])}
        there = {key: world.containers[path].get(key, (None, None)) for key in wanted}
        if {key: value for key, (value, _at) in there.items()} == wanted:
            continue
        if write["since"] in (None, {key: at for key, (_value, at) in there.items()}):
            world.put(path, write["values"])
            if write["gone"]:
                world.remove(path, write["gone"])
        else:
            refused += wanted
    if verb in ("put", "look"):
        return json.dumps(
            {"keys": {key: at for key, (_value, at) in world.containers[path].items()}, "refused": refused}
        )
    return ""


def _path(asked: tuple[int, HostRequest]) -> str:
    return str(asked[1].container["path"])


class Token(Issuer):
    """Old and new are both valid until one is revoked; a lost mint is found by its name."""

    traits = Traits(Maker.PROVIDER, Overlap.OPEN, Revocation.API, Recover.RECONCILE)
    fields = ("token",)
    schema = Schema({})

    @classmethod
    def reports_last_used(cls, options: Options) -> bool:
        return True

    @property
    def world(self) -> World:
        return self.connection.world

    @classmethod
    def label(cls, options: Options) -> str:
        return "token"

    def preflight(self, current: str | None) -> list[str]:
        self.world.call("ask", "issuer")
        ended = current is not None and self.world.issued[current].revoked
        return [*self.world.problems.get("issuer", []), *([f"{current} is revoked already"] if ended else [])]

    def mint(self, name: str) -> Credential:
        one: Issued = self.world.call("mint", name, lambda: self.world.issue(name, engine=True))
        return Credential(one.id, one.name, {"token": SecretValue(one.value)})

    def listed(self) -> list[Listed]:
        def look() -> list[Listed]:
            return [
                Listed(one.id, one.name, one.created_at, one.ends_at, one.last_used_at, revoked=one.revoked)
                for one in self.world.issued.values()
            ]

        return self.world.call("list", "tokens", look)

    def verify(self, credential: Credential) -> Answer:
        def look() -> Answer:
            value = credential.fields["token"].reveal()
            one = next(one for one in self.world.issued.values() if one.value == value)
            if one.id in self.world.unclear:
                return Answer.UNCLEAR
            refused = (one.revoked and one.id not in self.world.stubborn) or one.disabled
            return Answer.REFUSED if refused else Answer.ACCEPTED

        return self.world.call("show", credential.name, look)

    def revoke(self, credential: Credential) -> None:
        def end() -> None:
            if credential.id not in self.world.made | self.world.named:
                self.world.violations.append(f"revoked {credential.id}, which is foreign")
            self.world.judge_revoke(str(credential.id))
            self.world.issued[str(credential.id)].revoked = True

        self.world.call("revoke", str(credential.id), end)


class Switchable(Token):
    """A token can be disabled, and enabled again."""

    def disable(self, credential: Credential) -> None:
        self._switch("disable", credential, disabled=True)

    def enable(self, credential: Credential) -> None:
        self._switch("enable", credential, disabled=False)

    def _switch(self, how: str, credential: Credential, *, disabled: bool) -> None:
        def switch() -> None:
            self.world.issued[str(credential.id)].disabled = disabled

        self.world.call(how, str(credential.id), switch)


class Blind(Token):
    """A mint whose answer was lost cannot be found."""

    traits = Traits(Maker.PROVIDER, Overlap.OPEN, Revocation.API, Recover.NONE)


class Listless(Token):
    """It takes a token or refuses it, and lists none."""

    traits = Traits(Maker.PROVIDER, Overlap.OPEN, Revocation.API, Recover.NONE)
    listed = Issuer.listed


class Unshown(Token):
    """It lists its tokens, and none can be shown to it."""

    verify = Issuer.verify


class Silent(Listless):
    """We choose its tokens, and it does not even say whether one lives."""

    traits = Traits(Maker.OURS, Overlap.OPEN, Revocation.API, Recover.OURS)
    verify = Issuer.verify

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        return self.mint(name)


class Machines(Consumer):
    """Updates its machines one at a time, remembers which are done, stops at the first bad one."""

    schema = Schema({"service": TEXT}, ("service",))
    where = ("service",)

    @classmethod
    def label(cls, options: Options) -> str:
        return f"service {options['service']}"

    def health_problems(self) -> list[str]:
        sick = self.connection.world.call("ask", f"service {self.options['service']}", lambda: self._service.sick)
        return [f"{self.options['service']} is sick"] if sick else []

    def preview(self) -> list[str]:
        return [f"{len(self._service.machines)} machines, one at a time"]

    @property
    def _service(self) -> Any:
        return self.connection.world.services[self.options["service"]]

    def instances(self, written: Sequence[Written]) -> Mapping[str, str]:
        world, name, machines = self.connection.world, self.options["service"], self._service.machines
        return world.call("instances", name, lambda: {str(one.id): str(one.mark) for one in machines})

    def reload(self, written: Sequence[Written], checkpoint: Checkpoint) -> Evidence:
        world, name, service = self.connection.world, self.options["service"], self._service
        version = max(at for where in service.reads for _value, at in world.containers[where].values())
        known = checkpoint.recall()
        done = list(known["done"]) if known.get("version") == version else []
        for number, machine in enumerate(list(service.machines)):
            if machine.id not in done:
                world.call("update", f"{name}/{number}", lambda n=number, machine=machine: self._update(n, machine))
                done.append(machine.id)
                checkpoint.record({"version": version, "done": done})
        return {"version": version, "machines": len(done)}

    def _update(self, number: int, machine: Any) -> None:
        machine.start(self.connection.world.snapshot(self._service))
        if self._service.breaks_at == number:
            raise CheckFailedError(f"machine {number} of {self.options['service']} did not come up")


class SelfTest(Check):
    """Whether every machine of a service runs on the credential."""

    schema = Schema({"service": TEXT}, ("service",))

    @classmethod
    def label(cls, options: Options) -> str:
        return f"self-test of {options['service']}"

    def preflight(self) -> list[str]:
        self.connection.world.call("ask", f"test {self.options['service']}")
        return self.connection.world.problems.get("check", [])

    def run(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        world, name = self.connection.world, self.options["service"]

        def look() -> Evidence:
            if world.services[name].sick:
                raise CheckFailedError(f"{name} is sick")
            if credential and not {value.reveal() for value in credential.fields.values()} <= world.values_in(name):
                raise CheckFailedError(f"{name} does not run on {credential.name}")
            return {"service": name}

        evidence: Evidence = world.call("test", name, look)
        checkpoint.record(evidence)
        return evidence


class Password(Issuer):
    """We make the value; nobody else knows of it."""

    traits = Traits(Maker.OURS, Overlap.OPEN, Revocation.AUTO, Recover.OURS)
    fields = ("password",)
    schema = Schema({"world": TEXT}, ("world",))

    @classmethod
    def label(cls, options: Options) -> str:
        return "password"

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        world = WORLDS[self.options["world"]]
        value = f"password-{next(world._numbers):06}"
        return Credential(None, name, {"password": SecretValue(value)})


class Script(Consumer):
    """A command on an inventory host."""

    on_host = True
    schema = Schema({"command": TEXT, "stdin": TEXT}, ("command",))

    @classmethod
    def label(cls, options: Options) -> str:
        return str(options["command"])

    @classmethod
    def task(cls, options: Options) -> dict[str, Any]:
        return {"command": options["command"], "chdir": None, "stdin": options.get("stdin")}

    def reload(self, written: Sequence[Written], checkpoint: Checkpoint) -> Evidence:
        raise AssertionError("Ansible does this")


class Refused(Cloud):
    """A connection whose own credential is not taken."""

    def probe(self) -> str:
        raise AuthenticationError("who are you? (status 401, request r-1)")


_HERE = {**vars(fake_stores), **sys.modules[__name__].__dict__}
FAKE = Provider(
    "a world in memory",
    connections={
        "cloud": "rotor_provider:Cloud",
        "refused": "rotor_provider:Refused",
        "narrow": "rotor_provider:Cloud",
        "hosts": "rotor_provider:Hosts",
        "window": "rotor_provider:Cloud",
        "dark": "rotor_provider:Cloud",
        "nested": "rotor_provider:Cloud",
    },
    stores={
        "cloud": "rotor_provider:Shelf",
        "refused": "rotor_provider:Shelf",
        "hosts": "rotor_provider:File",
        "narrow": "rotor_provider:Narrow",
        "window": "rotor_provider:Window",
        "dark": "rotor_provider:Dark",
        "nested": "rotor_provider:Nested",
    },
    issuers={
        "token": "rotor_provider:Token",
        "blind": "rotor_provider:Blind",
        "listless": "rotor_provider:Listless",
        "switchable": "rotor_provider:Switchable",
        "silent": "rotor_provider:Silent",
        "unshown": "rotor_provider:Unshown",
    },
    consumers={"machines": "rotor_provider:Machines"},
    checks={"selftest": "rotor_provider:SelfTest"},
)
PLAIN = Provider(
    "things that need no connection",
    issuers={"password": "rotor_provider:Password"},
    consumers={"script": "rotor_provider:Script"},
)


def install() -> None:
    """Offer the fake providers, as two collections would."""
    offer("test.fake", SimpleNamespace(**_HERE, PROVIDER=FAKE))
    offer("test.plain", SimpleNamespace(**_HERE, PROVIDER=PLAIN))
