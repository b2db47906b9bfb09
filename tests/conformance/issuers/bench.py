# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the suite must know of an issuer; each one is a class in ``benches``."""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Issuer, Maker, Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError
from tests.conformance.found import Found
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import ServersClock


class IssuerBench(ABC):
    """An issuer and the stand-in behind it. An instance serves one test."""

    title: ClassVar[str]
    issuer_type: ClassVar[str]
    server: ClassVar[str]
    options: ClassVar[Options]
    provider: ClassVar[str]
    """The stand-in's name in the sandbox, in whose journal and faults requests are."""
    calls: ClassVar[Mapping[str, Mapping[str, str]]]
    """mint, list, verify and revoke: which requests these are, as the sandbox's faults say it."""
    pages: ClassVar[bool] = False
    tunable: ClassVar[bool] = False
    """Whether the stand-in can be slow or full."""
    manages: ClassVar[bool] = True
    """Whether one of these credentials can be the one with which they are made and revoked."""
    not_run: ClassVar[str] = ""

    def __init__(self, world: Visitor) -> None:
        self.world = world
        self.clock = ServersClock()

    @classmethod
    def kind_of(cls) -> type[Issuer]:
        found: type[Issuer] = registry.find("issuers", cls.issuer_type)
        return found

    @classmethod
    def switches(cls) -> bool:
        """Whether its provider works with one of several."""
        return cls.kind_of().put_in_use is not Issuer.put_in_use

    @property
    def kind(self) -> type[Issuer]:
        return self.kind_of()

    def issuer(self, token: SecretValue | None = None) -> Issuer:
        """On a connection with this token, or with the administrator's."""
        return self.kind(self.of_issuer, self.connect(token), clock=self.clock)

    @abstractmethod
    def connection(self, token: SecretValue | None = None) -> Options:
        """The options of a connection, ``type`` among them, with this token or the administrator's."""

    def connect(self, token: SecretValue | None) -> Any:
        options = dict(self.connection(token))
        return registry.find("connections", options.pop("type"))(options, clock=self.clock)

    @property
    def of_issuer(self) -> Options:
        """The issuer's options; a bench adds what its server decides."""
        return self.options

    def tune(self, **how: Any) -> None:
        """``slow``: how often a new key is refused at first; ``quota``: how many keys there can be."""
        raise NotImplementedError

    def pass_overlap(self) -> None:  # noqa: B027 - most have none
        """The time in which a replaced credential lives on is over."""

    def use(self, id_: str) -> None:
        """Somebody uses the key."""
        raise NotImplementedError

    def fault(self, call: str, **fault: Any) -> None:
        self.world.tell("faults", provider=self.provider, **self.calls[call], **fault)

    def gate(self, call: str) -> None:
        self.world.tell("gate", provider=self.provider, **self.calls[call])

    def asked(self, call: str) -> int:
        """How many requests of this kind have come."""
        wanted = {name: text for name, text in self.calls[call].items() if name != "path"}
        return sum(
            all(entry[name] == text for name, text in wanted.items() if name != "graphql")
            and wanted.get("graphql", "") in ["", *entry["operations"]]
            and entry["provider"] == self.provider
            and self.calls[call].get("path", "").rstrip("$") in entry["path"]
            for entry in self.world.ask("requests")["requests"]
        )


class Watched:
    """An issuer no error of which shows a value, and no list of which does."""

    def __init__(self, issuer: Issuer, found: Found) -> None:
        self.plain, self._found = issuer, found

    def __getattr__(self, name: str) -> Any:
        part = getattr(self.plain, name)
        return self._watch(name, part) if callable(part) else part

    def make(self, name: str) -> Credential:
        """A credential that is in force."""
        if self.plain.traits.value is Maker.PROVIDER:
            made: Credential = self.mint(name)
        else:
            made = self.generate(name)
            self.activate(made)
        if self.switches:
            self.put_in_use(made)
        return made

    @property
    def switches(self) -> bool:
        """Whether its provider works with one of several, and a credential in use is not revoked."""
        return type(self.plain).put_in_use is not Issuer.put_in_use

    def _watch(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if name == "mint":
                arguments = (self.plain.spell(*arguments),)
            try:
                result = method(*arguments)
            except RotorError as error:
                text = "".join(traceback.format_exception(error)) + repr(error.__dict__)
                self._found.look(text, f"a {type(error).__name__} of {name}")
                raise
            if isinstance(result, Credential):
                values = {value.reveal() for value in result.fields.values()}
                self._found.values += sorted(values - {result.id})  # the id of a pair is a field, and no secret
            self._found.look(repr(result), f"what {name} returns")
            return result

        return call
