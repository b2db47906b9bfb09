# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger knows of one secret, as plain data: the planner reads this and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum, StrEnum, auto
from typing import Any, Self


class Phase(IntEnum):
    ISSUED = 1
    ROLLED_OUT = 2
    REVOKED = 3


class Subject(Enum):
    """Name what an action works on, which decides whose connection it uses and what its target names."""

    COPY = auto()
    CONSUMER = auto()
    CHECK = auto()
    ISSUER = auto()
    LEDGER = auto()  # nothing outside


class ActionKind(StrEnum):
    """Name what can be done, as the ledger keeps it with each intent; :data:`..run.EFFECTS` has what does it.

    A kind's words are what the plan says beside its verb; nothing where it is a matter of course.
    """

    PROBE = (
        "probe",
        Phase.ISSUED,
        "probe",
        "{copy}, on its host: its reach and state, which nobody has seen yet",
        Subject.COPY,
    )
    INSPECT = "inspect", Phase.ISSUED, "probe", "{target}, {preview}: whether its command is there", Subject.CONSUMER
    RECOVER = "recover", Phase.ISSUED, "recover", "{target}: its mint got no answer; find out what became of it"
    DISABLE = "disable", Phase.ISSUED, "disable", "{credential}{condition}; then it is let in nowhere"
    NARROW = "narrow", Phase.ISSUED, "narrow", "{copy}: without {identity}{by}", Subject.COPY
    REVOKE_ORPHAN = "revoke_orphan", Phase.ISSUED, "revoke", "{credential}{condition}; {best_proof}"
    APPROVE = "approve", Phase.ISSUED, "approve", "a person's yes to the end of {credential}, by rotate_approve"
    GIVE_UP = "give_up", Phase.ISSUED, "give up", "{credential}, which {life}; another takes its place"
    MINT = "mint", Phase.ISSUED, "mint", "one new credential, named after this ledger"
    AWAIT = "await", Phase.ISSUED, "await", "a value that a person makes: {handwork}; then: {deposit}"
    ACTIVATE = "activate", Phase.ISSUED, "activate", "the sealed value becomes valid at its provider{old_end}"
    ACCEPT = "accept", Phase.ISSUED, "verify", "its provider accepts it"
    WRITE = "write", Phase.ROLLED_OUT, "write", "{copy}: {keys}", Subject.COPY
    RELOAD = "reload", Phase.ROLLED_OUT, "reload", "{target}: {preview}", Subject.CONSUMER
    VERIFY = "verify", Phase.ROLLED_OUT, "verify", "{check} (proves {proves})", Subject.CHECK
    PROMOTE = "promote", Phase.ROLLED_OUT, "use", "{in_use}"
    DISCARD = "discard", Phase.ROLLED_OUT, "discard", "{credential}, once no copy holds it", Subject.LEDGER
    WAIT = "wait", Phase.REVOKED, "wait", "until {until}", Subject.LEDGER
    REVOKE = "revoke", Phase.REVOKED, "revoke", "{credential}{condition}; {best_proof}"
    RECHECK = "recheck", Phase.REVOKED, "verify", "{check} (proves {proves}), once more", Subject.CHECK
    CONFIRM_EXPIRY = "confirm_expiry", Phase.REVOKED, "expire", "{credential}, by its provider; see that it is dead"
    PURGE_VALUE = "purge_value", Phase.REVOKED, "", "", Subject.LEDGER

    phase: Phase
    verb: str
    words: str
    subject: Subject

    def __new__(
        cls, value: str, phase: Phase = Phase.ISSUED, verb: str = "", words: str = "", subject: Subject = Subject.ISSUER
    ) -> Self:
        kind = str.__new__(cls, value)
        kind._value_, kind.phase, kind.verb, kind.words, kind.subject = value, phase, verb, words, subject
        return kind


class Proof(StrEnum):
    """Grade the proof of a credential's end."""

    REFUSED = "refused"  # its provider rejects the old value and accepts the new one, twice
    PROVIDER = "provider"  # listed as revoked, or not at all
    ATTESTED = "attested"  # nobody can be asked
    NEVER_IN_FORCE = "never in force"
    UNISSUED = "gone from every copy"  # nobody issued it, so it ends with its last copy


class CredentialState(StrEnum):
    PENDING = "pending"  # minted, not yet proven everywhere
    CURRENT = "current"  # proven everywhere
    PREVIOUS = "previous"  # replaced, still valid
    ABANDONED = "abandoned"  # an orphan, or rolled back
    REVOKED = "revoked"


class Life(StrEnum):
    """Say what its provider tells of a credential when asked; each text follows the credential's name."""

    LIVES = "lives"
    UNKNOWN = "may be dead, since its provider does not say that it lives"
    ABSENT = "is not listed by its provider"
    REVOKED = "is listed as revoked"
    EXPIRED = "is listed as expired"
    OVERWRITTEN = "is not the value that its provider shows"
    REFUSED = "is refused by its provider"
    REFUSED_ALONE = "is refused by its provider, which accepts another"
    REFUSED_LISTED = "is refused when it is shown, and listed as valid: perhaps it may not be used from here"
    ELSEWHERE = "was made by another issuer than the map's, or where that led before"

    @property
    def is_over(self) -> bool:
        """Whether the provider itself says that it has ended."""
        return self in (Life.REVOKED, Life.EXPIRED, Life.OVERWRITTEN)

    @property
    def is_refused(self) -> bool:
        return self in (Life.REFUSED, Life.REFUSED_ALONE)


class Origin(StrEnum):
    MINTED = "minted"
    ADOPTED = "adopted"
    ORPHAN = "orphan"  # its mint's answer was lost


class IntentState(StrEnum):
    OPEN = "open"  # about to be made; after a crash: nobody knows
    WAITING = "waiting"  # Ansible is to do it, on a host
    DONE = "done"
    FAILED = "failed"  # certainly without effect
    UNKNOWN = "unknown"  # sent, and no answer came


IN_FORCE = "in_force"
"""In the progress of a mint at a provider that can be read: the fingerprint of the value before it."""
INSTANCES = "instances"
"""In the progress of a reload that others make, and in its evidence: each instance that there was, with its mark."""
LAGS = "lags"
"""In the evidence of a consumer: something that it reads was narrowed after its reload."""


@dataclass(frozen=True)
class CredentialRow:
    id: int
    secret: str
    name: str
    provider_id: str | None
    state: CredentialState
    origin: Origin
    fingerprint: str | None
    sealed: Mapping[str, str]
    facts: Mapping[str, str]
    baseline: Mapping[str, Any] = field(default_factory=dict)
    """Copy id -> evidence, as it was before this credential was minted.

    Of an adopted one: every copy and consumer of the map that it was named in, which had it without a mark of ours.
    """
    minted_at: datetime | None = None
    in_force_since: datetime | None = None
    """The first moment at which its provider may have taken it, where that is the old one's end."""
    in_force_at: datetime | None = None
    """When the provider's answer said so."""
    in_force_by_issuer: datetime | None = None
    in_force_by_database: datetime | None = None
    """The same by other clocks than ours, where they were read."""
    old_ends_at: datetime | None = None
    """When the provider ends the one before it, at the earliest; None where that is at once."""
    accepted_at: datetime | None = None
    """When the provider was last seen to accept it."""
    accepted_in: str | None = None
    """The run that saw it."""
    closed_at: datetime | None = None
    closed_by_issuer: datetime | None = None
    """``closed_at`` by the issuer's clock; None where that was not asked, or tells no time."""
    closed_by_database: datetime | None = None
    """``closed_at`` by the clock of the ledger's database server; None for a file."""
    given_up_at: datetime | None = None
    """When it was found to have ended before its time, so that another has to take its place."""
    taken_back_at: datetime | None = None
    """When a rollback had taken it out of every copy."""
    revoked_at: datetime | None = None
    proof: Proof | None = None
    made_by: str = ""
    """The map's issuer at that time, and where it was; what another one says of it is about something else."""

    @property
    def has_value(self) -> bool:
        return bool(self.sealed)

    @property
    def expires_at(self) -> datetime | None:
        """Return when its provider ends it, as that said when it was made or adopted."""
        try:
            found = datetime.fromisoformat(self.facts.get("expires_at", ""))
        except ValueError:
            return None
        return found if found.tzinfo else None

    @property
    def never_in_use(self) -> bool:
        """Whether it was given up before it was proven: nobody needs a grace to leave it."""
        return self.state in (CredentialState.PENDING, CredentialState.ABANDONED)

    @property
    def alive(self) -> bool:
        return self.state is not CredentialState.REVOKED

    @property
    def was_valid(self) -> bool:
        """Whether its provider has ever said that it takes it."""
        return bool(self.accepted_at or self.in_force_at)

    @property
    def locatable(self) -> bool:
        """Whether it can be revoked at all: of a mint that cannot be found nothing is known but the name."""
        return self.origin is not Origin.ORPHAN or self.provider_id is not None


@dataclass(frozen=True)
class Mark:
    """Hold which credential a copy holds, a consumer runs on or a check has proven, with evidence and time."""

    credential: int
    evidence: Mapping[str, Any]
    at: datetime
    label: str = ""
    keys: Mapping[str, str] | None = None
    """Of a copy: which keys were written, and from which templates, with what they use of ``derived``."""

    @property
    def lags(self) -> bool:
        """Whether a consumer has yet to read what was narrowed since."""
        return bool(self.evidence.get(LAGS))


@dataclass(frozen=True)
class Intent:
    id: int
    run: str
    kind: ActionKind
    target: str
    credential: int | None
    state: IntentState
    progress: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None

    @property
    def baseline(self) -> Mapping[str, Any]:
        """Of a mint: copy id -> evidence, as it was before."""
        baseline: Mapping[str, Any] = self.progress.get("baseline", {})
        return baseline

    @property
    def made_by(self) -> str:
        """Return by which issuer, and where, a mint was begun."""
        made_by: str = self.progress.get("made_by", "")
        return made_by

    @property
    def sought_until(self) -> datetime | None:
        """Return until when a lost mint is looked for that was not listed."""
        until = self.progress.get("sought_until")
        return datetime.fromisoformat(until) if until else None

    @property
    def awaited(self) -> bool:
        """Whether it is a reload that others make."""
        return INSTANCES in self.progress

    @property
    def unresolved(self) -> bool:
        return self.state in (IntentState.OPEN, IntentState.UNKNOWN)


@dataclass(frozen=True)
class Hold:
    """Say why a secret could not go on: since when, and in which run it was seen last."""

    since: datetime
    at: datetime
    run: str
    reason: str


@dataclass(frozen=True)
class Freeze:
    """Say why nothing is rotated or revoked for a time, and by whose word."""

    reason: str
    by: str
    since: datetime
    until: datetime

    def __str__(self) -> str:
        return f"frozen until {self.until:%Y-%m-%d %H:%M:%S}Z by {self.by}: {self.reason}"


@dataclass(frozen=True)
class SecretState:
    credentials: tuple[CredentialRow, ...] = ()
    """Oldest first."""
    holdings: Mapping[str, Mark] = field(default_factory=dict)
    """By copy id; also copies that have left the map."""
    running: Mapping[str, Mark] = field(default_factory=dict)
    """By consumer."""
    proofs: Mapping[tuple[str, str], Mark] = field(default_factory=dict)
    """By step and check key."""
    intents: tuple[Intent, ...] = ()
    """The unresolved and the waiting ones, oldest first."""

    probes: Mapping[str, Intent] = field(default_factory=dict)
    """Copy id -> the newest probe of a copy on a host; its progress is the evidence."""
    inspections: Mapping[str, Intent] = field(default_factory=dict)
    """Consumer -> the newest look for its command on its host."""
    disabled: Mapping[int, Intent] = field(default_factory=dict)
    """Credential -> the newest time that it was disabled, before it is let in nowhere."""
    distributed: frozenset[int] = frozenset()
    """Credentials that a write may ever have put somewhere."""
    approvals: Mapping[int, Intent] = field(default_factory=dict)
    """Credential -> the newest question whether it may be ended: it waits, or is done with a yes in its progress."""
    done: Mapping[tuple[ActionKind, str], int] = field(default_factory=dict)
    """Kind and target -> the newest intent of it that was carried out; a later one has a higher number."""
    hold: Hold | None = None
    failed: frozenset[tuple[ActionKind, int | None]] = frozenset()
    """Kind and credential of what failed in the run that was held last."""

    def credential(self, row: int | None) -> CredentialRow | None:
        return next((credential for credential in self.credentials if credential.id == row), None)

    def _newest(self, *states: CredentialState) -> CredentialRow | None:
        return next((row for row in reversed(self.credentials) if row.state in states), None)

    @property
    def pending(self) -> CredentialRow | None:
        return self._newest(CredentialState.PENDING)

    @property
    def current(self) -> CredentialRow | None:
        return self._newest(CredentialState.CURRENT)

    @property
    def in_use(self) -> CredentialRow | None:
        """Find the credential to be replaced: the current one, or what a person has named since then."""
        return self._newest(CredentialState.CURRENT, CredentialState.PREVIOUS) if self.current else None

    @property
    def given_up(self) -> tuple[CredentialRow, ...]:
        """List the new credentials that were given up since one was last proven everywhere."""
        proven = self.current.id if self.current else 0
        return tuple(row for row in self.credentials if row.given_up_at and row.id > proven)

    @property
    def unreplaced(self) -> CredentialRow | None:
        """Find the credential that was given up, and that no other has taken the place of yet."""
        rows = (row for row in (self.current, *self.given_up) if row and row.given_up_at and row.alive)
        return None if self.pending else max(rows, key=lambda row: row.id, default=None)

    @property
    def newest(self) -> int | None:
        """Return the youngest row of all, whatever became of its credential."""
        return self.credentials[-1].id if self.credentials else None

    @property
    def sought(self) -> tuple[Intent, ...]:
        """List the lost mints that were not listed when they were looked for, and may land later."""
        return tuple(i for i in self.intents if i.kind is ActionKind.RECOVER and i.unresolved)

    @property
    def lost_mints(self) -> tuple[str, ...]:
        """Name the mints of which nobody knows yet whether they have left a credential."""
        kinds = (ActionKind.MINT, ActionKind.RECOVER)
        return tuple(dict.fromkeys(i.target for i in self.intents if i.kind in kinds and i.unresolved))

    def intent(self, kind: ActionKind, target: str = "") -> Intent | None:
        """Find the oldest unresolved intent of that kind."""
        matching = (i for i in self.intents if i.kind == kind and i.unresolved and (not target or i.target == target))
        return next(matching, None)


@dataclass(frozen=True)
class Order:
    """Say what a run is to do with one secret; decided once, when it is planned, and kept in the ledger."""

    secret: str
    mint: bool = False
    """Whether a new credential is wanted, if none was minted after ``base``."""
    base: int | None = None
    rollback: bool = False
    baseline: Mapping[str, Any] = field(default_factory=dict)
    """Copy id -> evidence of the state in which we left it, or found it before anything was done."""
    drifted: tuple[str, ...] = ()
    """Copies of which that cannot be said: somebody has changed them since."""
    given_up: int | None = None
    """The credential that has ended before its time, and is to be replaced."""
    landed: tuple[str, ...] = ()
    """Names of lost mints that were not listed at first, and are now."""
    life: Life | None = None
    """What its provider said of it when this was planned."""
    anytime: bool = False
    """Whether it may begin outside of its window."""
    unasked: bool = False
    """Whether a person who goes back says that the old one lives, so that its provider is not asked."""
    urgent: bool = False
    """Whether its provider ends the old value before what holds it up is over."""
    hidden: tuple[str, ...] = ()
    """Copies that something hides, or may hide on their host, so that a check looks there once they are written."""
    why: str = ""
    run: str = ""
    """Whose probe of a copy on a host counts; what another run saw may have changed."""

    def __post_init__(self) -> None:
        """Read what the ledger has kept as text."""
        object.__setattr__(self, "life", self.life and Life(self.life))


def target_of(state: SecretState, order: Order) -> CredentialRow | None:
    """Find the credential that every copy is to hold; None where it has yet to be minted, or was never known."""
    if order.rollback:
        return state.current
    if state.pending and state.pending.id != order.given_up:
        return state.pending
    minted_since = (row.origin is Origin.MINTED and row.id > (order.base or 0) for row in state.credentials)
    return None if order.mint and not any(minted_since) else state.current
