# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a provider may offer, and the words that the engine and the providers share.

A provider's module holds one :class:`Provider`, which names its classes; the registry finds the module. Options are
declared once, as JSON Schema properties: they validate the map, make the editors' schema and the documentation. No
class here or below knows Ansible.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

from . import durations, guard
from .clock import Clock
from .credential import Credential, SecretValue
from .errors import ConfigurationError, InvalidRequestError, RotorError, StoppedError, UntrustedServerError
from .fingerprints import Fingerprints, for_this_process
from .http import certificates

Options = Mapping[str, Any]
Evidence = Mapping[str, Any]
"""Flat JSON that a provider gave as proof of a state: digests, versions, times, ids. Never a value."""
Look = tuple[Options, Sequence[str]]
"""A container, and the keys in it that are looked at."""


@dataclass(frozen=True)
class Schema:
    """The options of one kind: JSON Schema properties, and which of them must be there."""

    properties: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    """Exactly one of these must be given."""


@dataclass(frozen=True)
class Provider:
    """What one system offers: type -> class, or in a package ``"file:Class"``, loaded when it is used."""

    title: str
    connections: Mapping[str, str | type] = field(default_factory=dict)
    stores: Mapping[str, str | type] = field(default_factory=dict)
    """Keyed by connection type: a connection is at most one kind of store."""
    issuers: Mapping[str, str | type] = field(default_factory=dict)
    consumers: Mapping[str, str | type] = field(default_factory=dict)
    checks: Mapping[str, str | type] = field(default_factory=dict)
    contact: str = ""
    """Where the system's makers can be asked; for its page."""


class Part(ABC):  # noqa: B024 - its kinds are abstract
    """What all five kinds have in common."""

    schema: ClassVar[Schema] = Schema()
    unverifiable: ClassVar[str] = ""
    """What no preflight can know without changing something; the plan says so."""
    connected: ClassVar[bool] = True
    """False: it works on no connection, though its provider offers some."""
    takes_via: ClassVar[bool] = False
    """Whether it has the option ``via``, an inventory host; it is given a :class:`.forwards.Way` in its place, and
    hands that to its HttpClient. What works on a connection goes its way."""
    where: ClassVar[tuple[str, ...]] = ()
    """Of a connection, an issuer or a consumer: the options that say what it leads to. Where one of them is another,
    what the ledger knows by the map's name of it is elsewhere."""

    @classmethod
    def whereabouts(cls, options: Options) -> str:
        """Name what it leads to, in words that are the same as long as it is; empty where no option says it."""
        said = []
        for name in cls.where:
            value = options.get(name)
            if value not in (None, cls.schema.properties.get(name, {}).get("default")):
                text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
                said.append(f"{name} {text.rstrip('/')}")
        return re.sub(r"//[^/@\s]*@", "//", ", ".join(said))


class Connection(Part):
    """How to reach one account of one system. One instance serves all threads of a run."""

    takes_via = True
    where: ClassVar[tuple[str, ...]] = ("url",)
    references: ClassVar[tuple[str, ...]] = ()
    """Options that hold a credential: ``{env: NAME}``, ``{file: PATH}`` or a value; resolved before construction.

    A dot leads into an object: ``auth.secret_id``.
    """
    in_headers: ClassVar[tuple[str, ...]] = ()
    """Those of the references that are sent in a header, in which only printable ASCII can stand."""

    @abstractmethod
    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        """``options`` with every reference resolved to a SecretValue. Sends nothing. ``run`` goes to the User-Agent."""

    @classmethod
    def validate(cls, options: Options) -> list[str]:
        """Report the errors that a schema cannot, before any reference is resolved. Sends nothing."""
        return certificates.validate(options)

    @classmethod
    def relies_on(cls, options: Options) -> tuple[str, ...]:
        """List the ids, as :meth:`Issuer.relies_on` has them, that the connection itself uses."""
        return ()

    @abstractmethod
    def probe(self) -> str:
        """Ask the system who we are, and say it in a few words. Raises RotorError if unreachable or refused.

        Changes nothing.
        """

    def put(self, path: str, document: Evidence) -> None:
        """Put a document there, in the place of what was; RotorError where that fails. It holds no value."""
        raise ConfigurationError("nothing is put to a connection of this type", hint="Name one of type http")

    def expires_at(self) -> datetime | None:
        """Return when the system ends this connection's credential, by its last answer; None where it tells no end.

        Sends nothing.
        """
        return None

    def server_time(self) -> datetime | None:
        """Return the system's own time now, by its last answer; None if it has not answered yet or tells no time.

        Only what came over TLS or from loopback counts. Sends nothing.
        """
        return None


@dataclass(frozen=True)
class Limits:
    """What a system takes, by its own description; None where none is known."""

    value_bytes: int | None = None
    keys_at_once: int | None = None
    """How many keys of one container a single write sets; with 1, a crash in between leaves a pair torn."""


@dataclass(frozen=True)
class Shadow:
    """A key of another place, which some who read a copy get instead of the copy's."""

    key: str
    place: str
    """The place, as a person names it: an environment, a repository, a path."""
    label: str
    """The same with its system: ``github acme/web, environment production``."""
    identity: str
    """The place, as :meth:`Store.place` names a container."""
    outdated: bool
    """Whether it was written before the copy, or holds another value where both can be read."""


class Store(Part):
    """A system that holds copies. A container is what one write reaches: an app, a document, a repository."""

    readable: ClassVar[bool] = False
    """Whether values can be read back; a write-only store cannot be restored to a value that nobody has."""
    limits: ClassVar[Limits] = Limits()
    compares: ClassVar[bool] = False
    """Whether :meth:`write` looks right before it sends, or while the system sets, and raises ForeignChangeError where
    what is there does not fit ``since``; otherwise whoever calls it has to look."""
    looks_at_once: ClassVar[int] = 1
    """How many containers :meth:`observe_all` is given at the most, to look at them in fewer requests."""
    to_read: ClassVar[Schema | None] = None
    """The options of a container that is only read; None where they are those of a copy."""
    on_host: ClassVar[bool] = False
    """True: it lives on the inventory host that the container's ``host`` names. It is a :class:`.hosts.HostStore`, and
    its methods are called where Ansible is at work on that host, nowhere else."""

    def __init__(
        self, connection: Any, *, clock: Clock, fingerprint: Fingerprints | None = None, owner_tag: str = ""
    ) -> None:
        """``fingerprint`` stands for a value in evidence; without one of the ledger's, it is good for this process.

        ``owner_tag`` is the ledger's id: a store that has room beside its values keeps it there with each write, and
        tells whose it found as ``ledger`` in its evidence.
        """
        self.connection = connection
        self.clock = clock
        self.fingerprint = fingerprint or for_this_process()
        self.owner_tag = owner_tag

    @classmethod
    @abstractmethod
    def label(cls, container: Options) -> str:
        """Name a container for people: ``acme app web``."""

    @classmethod
    @abstractmethod
    def identity(cls, container: Options) -> str:
        """Return a key that two spellings of one container share, within this connection."""

    @classmethod
    def key_identity(cls, container: Options, key: str) -> str:
        """Return what two spellings of one key share; overridden where two containers may have the same key."""
        return f"{cls.identity(container)}#{key}"

    @classmethod
    def validate(cls, container: Options, keys: Sequence[str]) -> list[str]:
        """Report the errors that a schema cannot: names that the system refuses. Sends nothing."""
        return []

    @classmethod
    def reject_values(cls, container: Options, values: Mapping[str, SecretValue]) -> list[str]:
        """Report each value that the system would refuse or not keep as it is, as ``KEY: why``. Sends nothing.

        Asked for every copy before the first one is written.
        """
        return too_long(values, cls.limits.value_bytes)

    def refuse_unfit(self, container: Options, values: Mapping[str, SecretValue]) -> None:
        """Raise InvalidRequestError for keys and values that the system would not take, before anything is sent."""
        if problems := self.validate(container, list(values)) + self.reject_values(container, values):
            doing = f"writing to {self.label(container)}"
            raise InvalidRequestError(f"{doing}: {'; '.join(problems)}; nothing was sent")

    @abstractmethod
    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        """Return evidence for each key that exists (``{"keys": {name: {...}}, ...}``), for preflight and for drift.

        A readable store gives a ``fingerprint`` for each key, where it may read; no value ever leaves this class.
        Raises NotFoundError if the container is missing (one that comes with its first key is empty instead),
        PermissionDeniedError if a right is. Changes nothing.
        """

    def observe_all(self, looks: Sequence[Look]) -> list[Evidence | RotorError]:
        """Return what :meth:`observe` does for each of several containers, or the error of each."""
        return [evidence_or_error(partial(self.observe, *look)) for look in looks]

    def read(self, container: Options, key: str) -> SecretValue:
        """Return a value for ``{store: …}`` or ``deposit_from``. Raises NotFoundError; changes nothing."""
        raise ConfigurationError(f"no value is read from {self.label(container)}", hint="Name a file instead")

    def contents(self, container: Options, keys: Sequence[str]) -> Mapping[str, SecretValue]:
        """Return the values of ``keys``, or of every key where none is named. Raises NotFoundError; changes nothing.

        Overridden where one look tells all of them, so that a pair is of one moment.
        """
        if not keys:
            raise ConfigurationError(f"{self.label(container)} does not list its keys", hint="Name them in keys")
        return {key: self.read(container, key) for key in keys}

    @classmethod
    def place(cls, container: Options) -> str:
        """Return the ``identity`` of a :class:`Shadow` that this container would be."""
        return cls.identity(container)

    @classmethod
    def may_be_hidden(cls, container: Options) -> bool:
        """Say whether :meth:`shadows` knows where to look for what hides a container. Sends nothing."""
        return False

    def shadows(self, container: Options, keys: Sequence[str], *, fresh: bool = False) -> Sequence[Shadow]:
        """List what hides these keys, by one list of each place where it may be. Changes nothing.

        Unless ``fresh``, a list that was read before may be taken.
        """
        return []

    @abstractmethod
    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        """Set all keys in as few requests as the system allows, and return the evidence of that write.

        What holds these very values already is left alone by a store that can read. ``since`` is evidence that the
        keys must still fit: a store that ``compares`` raises ForeignChangeError where they do not; for others
        the caller has looked right before. OutcomeUnknownError if no answer came, and reading did not tell either;
        PendingApprovalError if a person has to agree first.
        """

    @abstractmethod
    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        """Remove keys; a key that is absent is no error."""

    @classmethod
    @abstractmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        """Compare evidence: True if nobody else has written the recorded keys since, False if that cannot be told."""

    @classmethod
    @abstractmethod
    def describe(cls, evidence: Evidence) -> str:
        """Describe evidence in a short phrase: ``version 12``, ``updated 02:14:07``."""


def evidence_or_error(look: Callable[[], Evidence]) -> Evidence | RotorError:
    """Return the evidence of one look among several, or its error, whatever it raised."""
    try:
        return look()
    except StoppedError:
        raise
    except BaseException as error:  # noqa: BLE001 - it is about this container alone
        return guard.as_rotor_error(error)


def too_long(values: Mapping[str, SecretValue], most: int | None) -> list[str]:
    """Report each value of more than ``most`` bytes, as ``KEY: why``."""
    long = [key for key, value in values.items() if most and len(value.reveal().encode()) > most]
    return [f"{key}: the value is longer than the {most} bytes that are allowed" for key in long]


def by_version(evidence: Evidence) -> str:
    """Describe evidence of a store that counts the versions of each key, for :meth:`Store.describe`."""
    versions = {key: f"version {facts['version']}" for key, facts in evidence["keys"].items()}
    if len(versions) == 1:
        return next(iter(versions.values()))
    return ", ".join(f"{key} {version}" for key, version in versions.items()) or "absent"


class Overlap(StrEnum):
    OPEN = "open"  # old and new are valid until we revoke
    TIMED = "timed"  # the provider ends the old one by itself
    NONE = "none"  # the new one kills the old one


class Recover(StrEnum):
    """How a mint or an activation whose answer was lost is put right."""

    OURS = "ours"  # the value is sealed already: apply it again
    READABLE = "readable"  # read it back
    RECONCILE = "reconcile"  # find it by its name, revoke it where it lives on, mint anew
    NONE = "none"  # nobody can tell: mint anew, and leave an orphan if there is an overlap


class Maker(StrEnum):
    """Who makes the value of a credential."""

    PROVIDER = "provider"
    OURS = "ours"
    PERSON = "person"
    NOBODY = "nobody"  # it rotates itself, or never: no run tries anything


class Revocation(StrEnum):
    """Who ends a credential that has been replaced."""

    API = "api"  # we, by a call to its provider
    AUTO = "auto"  # nobody: the new one is its end, or nobody issued it
    PERSON = "person"


@dataclass(frozen=True)
class Traits:
    """All that the planner knows of an issuer."""

    value: Maker
    overlap: Overlap
    revoke: Revocation
    recover: Recover
    activates: bool = False
    """A value of ours is worth nothing until :meth:`Issuer.activate` has made it valid. With no overlap that comes
    after all copies are written, and is the old one's end; otherwise it comes before the first copy."""
    alternating: bool = False
    """A fixed set of identities takes turns: a new credential re-keys one that is not in use."""
    lands_within: timedelta = timedelta(days=2)
    """For how long a mint whose answer was lost is looked for on the provider's list, if it is not there at once."""

    def __post_init__(self) -> None:
        """Refuse a trait that nobody knows: another's provider may name it by its text."""
        object.__setattr__(self, "value", Maker(self.value))
        object.__setattr__(self, "overlap", Overlap(self.overlap))
        object.__setattr__(self, "revoke", Revocation(self.revoke))
        object.__setattr__(self, "recover", Recover(self.recover))

    @property
    def ends_the_old(self) -> bool:
        """Return whether a new credential ends the old one, at once or after a while."""
        return self.overlap is not Overlap.OPEN and (self.value is Maker.PROVIDER or self.activates)

    @property
    def revokes_the_old(self) -> bool:
        """Return whether a call of ours ends the old one, and nothing else does."""
        return self.revoke is Revocation.API and not self.ends_the_old

    @property
    def cuts_over(self) -> bool:
        """Return whether old and new are never valid at the same time."""
        return self.ends_the_old and self.overlap is Overlap.NONE


@dataclass(frozen=True)
class Listed:
    """A credential as the provider lists it: never its value. Times are None where the provider has none."""

    id: str
    name: str
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    scope: str = ""
    revoked: bool = False
    in_use: bool = False
    """Whether somebody uses it at this very moment, where the provider sees that."""


@dataclass(frozen=True)
class Remains:
    """What is left of an identity that has left the map."""

    lines: list[str]
    """What becomes of each part of it, as a person reads it before saying yes."""
    problems: list[str]
    """What keeps it from being dropped."""


@dataclass(frozen=True)
class Handwork:
    """What a person does at a provider that has no call for it."""

    where: str
    """The console: its address, and the page."""
    make: str
    """How a value is made there."""
    end: str
    """How an old one is ended there."""
    pattern: str = ""
    """The regular expression that the whole value fits."""
    patterns: Mapping[str, str] = field(default_factory=dict)
    """The same for each field, where there are several."""
    several_lines: bool = False
    """Whether it has several lines, and so comes from a file."""


class Answer(StrEnum):
    """What a provider says to a credential that is shown to it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNCLEAR = "unclear"


class Issuer(Part):
    """Makes credentials, lists them, revokes them."""

    traits: ClassVar[Traits]
    fields: ClassVar[tuple[str, ...]]
    revokes_by_value: ClassVar[bool] = False
    """Whether :meth:`revoke` needs the value, which no other is given."""
    needs_copies: ClassVar[bool] = True
    """False: the provider keeps what is secret, and a map may name no copy at all."""
    rights: ClassVar[str] = ""
    """What the connection's credential is, or may do; for the provider's page, as are the next two."""
    known: Collection[str] = ()
    """The ids of living credentials in the ledger: of ``alternating`` identities, :meth:`listed` has these as well as
    those of the options, which they may have left."""
    blast_radius: ClassVar[str] = ""
    """What stands still if such a credential is wrong."""
    console: ClassVar[str] = ""
    """Where a person makes and ends one; of an issuer that needs a person, :meth:`handwork` says it."""

    def __init__(self, options: Options, connection: Any, *, clock: Clock) -> None:
        self.options = options
        self.connection = connection
        self.clock = clock

    @classmethod
    def fields_of(cls, options: Options) -> tuple[str, ...]:
        """Return the fields of a credential that is made with these options."""
        return cls.fields

    @classmethod
    def identities(cls, options: Options) -> tuple[str, ...]:
        """List the ids that credentials take, where they are a fixed set.

        Where they are ``alternating``, old and new may have to be let in at once: what lets one in holds its field
        ``verifier``, unless its keys say otherwise.
        """
        return ()

    @classmethod
    def relies_on(cls, options: Options) -> tuple[str, ...]:
        """List the ids that must not be dropped: the identities, and whatever these do not work without."""
        return cls.identities(options)

    @classmethod
    def reports_last_used(cls, options: Options) -> bool:
        """Say whether :meth:`listed` has the time of a credential's last use; only then can ``unused`` be asked for."""
        return False

    @classmethod
    def validate(cls, options: Options, max_age: Any) -> list[str]:
        """Report the errors that a schema cannot; ``max_age`` is a timedelta or None. Sends nothing.

        An option ``lifetime`` is how long a credential is valid, and has to be longer than that.
        """
        return durations.check_lifetime(options["lifetime"], max_age) if "lifetime" in options else []

    @classmethod
    @abstractmethod
    def label(cls, options: Options) -> str:
        """Name the issuer and its scope for people: ``acme_key for organization web``."""

    def spell(self, name: str) -> str:
        """Return a name of ours in the provider's length and alphabet; no two of ours become one."""
        return name

    def preflight(self, current: str | None) -> list[str]:
        """Report problems that would stop a mint or make it useless. ``current`` is the id in use, if known.

        Changes nothing; raises RotorError where even asking fails.
        """
        return []

    def quota(self) -> int | None:
        """Return how many credentials there can be of those that :meth:`listed` lists as living; None where unknown."""
        return None

    def is_own(self, credential_id: str) -> bool:
        """Whether the provider says that this very connection uses that credential. Changes nothing."""
        return False

    def shortfall(self, credential: Credential) -> list[str]:
        """Name what this connection may and a new credential of it may not, as far as that can be shown."""
        return []

    def preview(self) -> list[str]:
        """Say for the plan what a new credential leaves behind, or how many there can still be. Changes nothing."""
        return []

    def mint(self, name: str) -> Credential:
        """Have the provider make a credential. With ``value: provider`` only."""
        raise NotImplementedError

    @classmethod
    def handwork(cls, options: Options) -> Handwork:
        """Tell what a person is to do. With ``value: person`` or ``revoke: person`` only."""
        raise NotImplementedError

    def take(self, name: str, fields: Mapping[str, SecretValue]) -> Credential:
        """Find which credential a person has made, by its fields. With ``value: person`` only; changes nothing.

        Raises RotorError where it can be none that is meant.
        """
        return Credential(None, name, fields)

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        """Make a value ourselves, and send nothing. With ``value: ours`` only.

        The credential is sealed in the ledger before anything is done with it. ``taken`` are the ids of all that are
        alive: an issuer with ``alternating`` identities takes an id that is not among them, or raises ConflictError.
        """
        raise NotImplementedError

    def activate(self, credential: Credential) -> None:
        """Make a value of ours valid; with no overlap, the old one ends with that. The same again changes nothing."""

    def recover(self, name: str) -> Credential | None:
        """Read back what a mint of that name made, or what is in force where there is only ever one. Changes nothing.

        With ``recover: readable`` only. Asked before a mint too, so that the old value is not taken for the new one.
        """
        raise NotImplementedError

    @classmethod
    def ends_after(cls, options: Options) -> timedelta:
        """Return how long the old credential lives on after a mint or an activation. With ``overlap: timed`` only."""
        raise NotImplementedError

    def in_use_from(self, credential: Credential) -> datetime | None:
        """Return when :meth:`put_in_use` may be called, if that has yet to come. Changes nothing."""
        return None

    def put_in_use(self, credential: Credential) -> None:
        """Have the provider use a credential that every copy holds; the same again changes nothing.

        Overridden where several are valid and the provider works with one of them: with an open overlap only. The
        credential's fields are empty.
        """
        raise NotImplementedError

    @classmethod
    def grace(cls, options: Options) -> timedelta:
        """Return how long what was made with an old credential lives on: the least time until that is revoked."""
        return timedelta()

    def listed(self) -> list[Listed]:
        """List every credential in this issuer's scope, also those that somebody else made."""
        return []

    def verify(self, credential: Credential) -> Answer:
        """Show a credential to the provider; raises RotorError where its answer proves neither life nor death.

        Not overridden where no value can be shown: a new one is accepted once it is listed, or else left to the checks.
        """
        return Answer.UNCLEAR

    def answer(self, credential: Credential) -> Answer:
        """Verify a credential, and take an error that proves nothing (403, 429, 5xx, HTML) for UNCLEAR."""
        try:
            return self.verify(credential)
        except (StoppedError, UntrustedServerError):
            raise
        except RotorError:
            return Answer.UNCLEAR

    def revoke(self, credential: Credential) -> None:
        """End a credential for good. Its fields may be empty (value unknown).

        That it is gone already is no error, unless it may as well be at another server than the connection's.
        """

    def disable(self, credential: Credential) -> None:
        """Make a credential useless until :meth:`enable`, before it is revoked; see there for one that is gone."""
        raise NotImplementedError

    def enable(self, credential: Credential) -> None:
        """Take back a disabling."""
        raise NotImplementedError

    def still_there(self, identities: Collection[str]) -> list[str]:
        """List those of the identities that the provider has. With :meth:`drop` only; changes nothing."""
        return []

    def remains(self, identity: str) -> Remains:
        """Tell what :meth:`drop` would do, and what speaks against it. Changes nothing."""
        raise NotImplementedError

    def drop(self, identity: str) -> None:
        """Delete one of ``alternating`` identities that has left the map; that it is gone already is no error."""
        raise NotImplementedError


MADE, CLEANED, LEFT = "made", "cleaned", "left"
"""Members of what a checkpoint holds for a check that makes something."""


class Checkpoint(Protocol):
    """Where an effect of many parts records what is done, so that a later run goes on from there.

    A check that makes something names it as ``made`` before, and lists as ``cleaned`` what it has deleted; ``left`` is
    what earlier attempts at that check have made, of whichever credential, and nobody has deleted.
    """

    def recall(self) -> Evidence: ...

    def record(self, evidence: Evidence) -> None: ...


@dataclass(frozen=True)
class Written:
    """A copy that a consumer is to pick up."""

    store: str
    """The connection type, such as ``acme``."""
    container: Options
    evidence: Evidence
    at: datetime


class Stepped(Part):
    """What consumers and checks have in common: a step of a rotation waits until they are done."""

    def __init__(self, options: Options, connection: Any, *, clock: Clock) -> None:
        self.options = options
        self.connection = connection
        self.clock = clock

    @classmethod
    def validate(cls, options: Options) -> list[str]:
        """Report the errors that a schema cannot. Sends nothing."""
        return []

    @classmethod
    @abstractmethod
    def label(cls, options: Options) -> str: ...

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        """Return for how long it keeps a step waiting at the most; none where its options do not limit that."""
        return timedelta()


class Consumer(Stepped):
    """What runs on copies and must pick up a new one."""

    on_host: ClassVar[bool] = False
    """True: its work is done by Ansible on an inventory host, through the to-do list."""
    files: ClassVar[tuple[str, ...]] = ()
    """Options that name a file of the user's, beside a playbook or an inventory, or in the ``files`` there."""

    def health_problems(self) -> list[str]:
        """Report why the consumer is not well now. Changes nothing."""
        return []

    def preview(self) -> list[str]:
        """Describe for the plan what a reload will do: ``3 machines, one at a time``. Changes nothing."""
        return []

    def instances(self, written: Sequence[Written]) -> Mapping[str, str]:
        """Name each instance that there is now, with a mark that changes when it is released anew, and only then.

        Returns once whoever is released from now on reads what was ``written``. Changes nothing. Overridden where the
        system tells that: only then a map may leave the release to others (``reload: await``).
        """
        raise NotImplementedError

    @abstractmethod
    def reload(self, written: Sequence[Written], checkpoint: Checkpoint) -> Evidence:
        """Make the consumer run on what was written, and return when it does. Raises RotorError when it does not."""

    def summary(self, evidence: Evidence) -> str:
        """Describe a reload for people: ``3 of 3 machines run on it``."""
        return "reloaded"


class Check(Stepped):
    """Looks whether something works with the new credential."""

    on_host: ClassVar[bool] = False
    """True: it looks at the inventory host that its option ``host`` names, where Ansible runs it: :attr:`host` is set,
    and :meth:`preflight` is asked without it."""
    host: Any = None
    """Runs a command on that host: a :data:`.hosts.Host`."""
    asks_issuer: ClassVar[bool] = False
    """Whether it asks the secret's issuer for the last use; it stands only where that one tells it."""
    issuer: Issuer | None = None
    """The secret's, for a check that asks it."""
    of_run: str = ""
    """The run that asks."""
    replaced: Credential | None = None
    """The credential that the new one takes the place of, where its value is kept."""
    before_revoke: bool = False
    """Whether that one is about to end, or has just ended: its grace is over, and nothing may depend on it any more."""
    earlier: Evidence = MappingProxyType({})
    """Its own evidence of the new credential, from when it last held."""

    def preflight(self) -> list[str]:
        """Report problems that would make the check fail with any credential. Changes nothing."""
        return []

    @abstractmethod
    def run(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        """Check, and return evidence; raises CheckFailedError. Without a credential, health alone is asked."""
