# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A validated secret map, with every default filled in and every type found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from ....module_utils._core.templates import Template

Options = Mapping[str, Any]
FORMERLY = "formerly"
"""Of a connection: what the same system was called before, as the plan says it."""
LEDGER = "secret_ledger"
"""In ``connections`` of a secret: the ledger is opened with it."""


@dataclass(frozen=True)
class PartSpec:
    """An issuer, a consumer or a check: its type, its connection (None if it needs none), and its own options."""

    type: str
    connection: str | None
    options: Options
    places: tuple[str, ...] = field(default=("",), kw_only=True)
    """What it is and where, in words; behind that, what the map says that this was called before."""

    @cached_property
    def scope(self) -> str:
        """Name what it works on: issuers of one scope list the same credentials."""
        return json.dumps([self.type, self.connection, self.options], sort_keys=True)


@dataclass(frozen=True)
class CheckSpec(PartSpec):
    proves: str = "life"
    """``use`` (a consumer works with the new credential) or ``life`` (something answers)."""
    host: str | None = None
    """The inventory host that it looks at, where Ansible runs it."""

    @cached_property
    def key(self) -> str:
        """Name this check in the ledger; an edited check is another check."""
        text = json.dumps([self.type, self.connection, self.options, self.proves], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ConsumerSpec(PartSpec):
    name: str = ""
    host: str | None = None
    """The inventory host on which Ansible reloads it."""
    healthy: tuple[CheckSpec, ...] = ()
    awaited: bool = False
    """Whether others release it: nobody here reloads it."""

    @property
    def is_fed(self) -> bool:
        """Whether a reload hands it a value, which is that of one secret."""
        return "stdin" in self.options


@dataclass(frozen=True)
class Copy:
    """One container in one store, and the keys in it that hold this secret."""

    store: str
    """The connection's name."""
    type: str
    """The connection's type, which is the store's."""
    container: Options
    keys: Mapping[str, str]
    """Key -> template, such as ``{"DATABASE_URL": "${url}"}``."""
    id: str
    """``<connection>:<container's identity>``: the same for two secrets that share a container."""
    label: str
    host: str | None = None
    """The inventory host on which Ansible writes it."""
    accepts: bool = False
    """Whether it lets credentials in, old and new: each key is an identity, and holds the credential that has it."""
    ignored: tuple[str, ...] | None = ()
    """Places that may hide it; None where nobody is to look for any."""
    derived: Mapping[str, str] = field(default_factory=dict)
    """What its secret derives from the credential's fields, each from those before it."""

    @cached_property
    def templates(self) -> dict[str, str]:
        """Spell the template of each key with all of ``derived`` that it uses: edited, it is another one."""
        return {key: "\n".join([text, *self._derived_in(text)]) for key, text in self.keys.items()}

    def _derived_in(self, text: str) -> list[str]:
        names, found = Template.parse(text).names, list[str]()
        for name, made in reversed(list(self.derived.items())):
            if name in names:
                names |= Template.parse(made).names
                found.append(f"{name}: {made}")
        return found


@dataclass(frozen=True)
class Step:
    """Copies that change together; the next step begins when every check of this one holds."""

    name: str
    copies: tuple[Copy, ...]
    reload: tuple[str, ...] = ()
    verify: tuple[CheckSpec, ...] = ()
    environment: str | None = None
    accepts: bool = False
    """Whether its copies let credentials in, which nobody uses before the next step."""
    groups: tuple[tuple[str, ...], ...] = ()
    """Consumers that are reloaded at once; any other has a turn of its own."""

    def turn_of(self, consumer: str) -> tuple[str, ...]:
        """List what is reloaded at once with a consumer, itself among them."""
        return next((group for group in self.groups if consumer in group), (consumer,))


@dataclass(frozen=True)
class Revoke:
    after: timedelta = timedelta(0)
    require: frozenset[str] = frozenset()
    accept: str = "use"
    confirm: bool = False
    """Whether a person's yes is needed."""
    same_job: bool = False
    """Whether the job that has asked may bring the yes itself."""
    yes_lasts: timedelta = timedelta(hours=24)


@dataclass(frozen=True)
class RotationWindow:
    """When a rotation may begin, by the wall clock of a time zone: days (Monday is 0), and minutes of the day."""

    tz: str
    days: frozenset[int] = frozenset(range(7))
    opens: int = 0
    closes: int = 24 * 60


@dataclass(frozen=True)
class Guard:
    reason: str
    allow: str = "confirmed"


@dataclass(frozen=True)
class Secret:
    name: str
    issuer: PartSpec
    steps: tuple[Step, ...]
    derived: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    owner: str = ""
    blast_radius: str = ""
    max_age: timedelta | None = None
    ageless: str = ""
    """When it is renewed, and why it has no age: ``on_compromise (a device keeps it)``."""
    unrotated: str = ""
    """Why nobody rotates it."""
    left: bool = False
    """Whether it has left the map, and only the ledger still has it."""
    revoke: Revoke = Revoke()
    retain: str = "none"
    """``current`` keeps the sealed value of the credential in use after its rotation is closed."""
    current_id: str | None = None
    """The provider's id of the credential in use before this ledger knew any."""
    guard: Guard | None = None
    window: RotationWindow | None = None
    connections: tuple[str, ...] = ()
    """The connections of which it is the credential."""
    moved: tuple[str, ...] = ()
    """What of it has come to lead elsewhere, and nobody has confirmed."""
    inspected: frozenset[str] = frozenset()
    """Consumers on hosts of which preflight can tell whether their command is there."""

    def made_elsewhere(self, made_by: str) -> bool:
        """Whether another issuer than the map's has made something, or the map's at another place."""
        return bool(made_by) and made_by not in self.issuer.places

    @property
    def copies(self) -> Iterator[Copy]:
        return (copy for step in self.steps for copy in step.copies)

    @cached_property
    def copies_by_id(self) -> Mapping[str, Copy]:
        return {copy.id: copy for copy in self.copies}

    @property
    def accepting(self) -> list[tuple[int, Step]]:
        """Return the step with what lets credentials in, and its place; none where the map names nothing."""
        return [(index, step) for index, step in enumerate(self.steps) if step.accepts]

    @property
    def checks(self) -> Iterator[CheckSpec]:
        return (check for step in self.steps for check in step.verify)

    @property
    def consumers(self) -> list[str]:
        return list(dict.fromkeys(name for step in self.steps for name in step.reload))

    @property
    def holders(self) -> set[str]:
        """List what is to have the credential, by the ledger's names: copies, each of their keys, and consumers."""
        keys = (key_id(copy.id, key) for copy in self.copies for key in copy.keys)
        return {*(copy.id for copy in self.copies), *keys, *self.consumers}


def key_id(copy: str, key: str) -> str:
    """Name one key of a copy in the ledger."""
    return f"{copy}#{key}"


@dataclass(frozen=True)
class SecretMap:
    secrets: Mapping[str, Secret]
    consumers: Mapping[str, ConsumerSpec]
    connections: Mapping[str, Options]
    """Name -> what was written, ``type`` included; credentials are unresolved references."""
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """``connection <name>`` or ``consumer <name>`` -> what it leads to, as :attr:`PartSpec.places` says it."""
    moved: Mapping[str, int] = field(default_factory=dict)
    """The same names -> by which number the ledger knows them, where they led elsewhere before."""
