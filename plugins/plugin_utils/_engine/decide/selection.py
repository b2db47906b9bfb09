# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which secrets a run works on, and what it is to do with each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum

from ....module_utils._core import durations
from ....module_utils._core.contracts import Listed
from ....module_utils._core.errors import ConfigurationError
from ....module_utils._core.outside_text import NAME, printable
from ..secret_map.model import Secret, SecretMap
from .approval import Yes
from .case import Case, holds, unchecked
from .state import ActionKind, CredentialRow, CredentialState, Intent, Origin, SecretState

_BEFORE_END = timedelta(days=14)
_LAST_PART = 4
"""A credential that its provider ends is due that long before, or in the last quarter of its life if that is less."""
WHERE = ("store", "connection", "consumer", "owner", "environment")


@dataclass(frozen=True)
class RunOptions:
    """Hold what the person who started the run asked for: the role's ``rotate_*`` variables."""

    only: tuple[str, ...] = ()
    where: Mapping[str, str] | None = None
    environments: tuple[str, ...] = ()
    force: bool = False
    rollback: bool = False
    only_revoke: bool = False
    """Whether nothing is begun, and nothing is rolled out."""
    only_roll_out: bool = False
    """Whether no old credential is revoked."""
    confirm: tuple[str, ...] = ()
    approve: tuple[Yes, ...] = ()
    """What a person says yes to the end of."""
    reason: str = ""
    adopt: Mapping[str, str] | None = None
    """Secret -> the provider's id of the credential in use."""
    forget: tuple[str, ...] = ()
    max_failures: int = 1

    @property
    def named(self) -> bool:
        """Whether secrets were named, so that what is unknown or rests counts too; a criterion only narrows."""
        return bool(self.only)


class DueStatus(StrEnum):
    UP_TO_DATE = "up_to_date"
    DUE = "due"
    UNFINISHED = "unfinished"
    UNKNOWN = "unknown"
    DEAD = "dead"  # production runs on it, and its provider has ended it
    RESTING = "resting"  # due, and taken back: a person has to name it
    LEFT_ALIVE = "left_alive"  # nobody rotates it any more, and what no run will end is alive
    UNROTATED = "unrotated"  # nobody rotates it here


@dataclass(frozen=True)
class Due:
    """Tell whether a new credential is wanted, and why in words."""

    status: DueStatus
    why: str


def check_names(options: RunOptions, known: Iterable[str]) -> None:
    """ConfigurationError for a name that no map has; with the nearest one."""
    known = list(known)
    for option, names in (
        ("rotate_only", options.only),
        ("rotate_confirm", options.confirm),
        ("rotate_approve", [yes.secret for yes in options.approve]),
        ("rotate_adopt", options.adopt or {}),
    ):
        for name in names:
            if name not in known:
                raise ConfigurationError(f"{option}: there is no secret {name} in secret_map", hint=_meant(name, known))
    if beside := [yes.secret for yes in options.approve if options.only and yes.secret not in options.only]:
        raise ConfigurationError(f"rotate_approve: rotate_only leaves out {', '.join(beside)}", hint="Name them there")
    for key in options.where or {}:
        if key not in WHERE:
            raise ConfigurationError(f"rotate_where: unknown criterion {key}", hint=_meant(key, WHERE))


def check_reach(options: RunOptions, secret_map: SecretMap) -> None:
    """ConfigurationError for what no secret has: a slip must neither pass for "nothing to do" nor widen a run."""
    attributes = [_attributes(secret, secret_map) for secret in secret_map.secrets.values()]
    asked = [("rotate_where", key, str(value)) for key, value in (options.where or {}).items()]
    asked += [("rotate_environments", "environment", name) for name in options.environments]
    for option, key, value in asked:
        known = {one for found in attributes for one in found[key] if one}
        if value not in known and (known or not options.only):
            raise ConfigurationError(f"{option}: no secret has the {key} {value}", hint=_meant(value, known))


def resolve_forgotten(options: RunOptions, secret_map: SecretMap, states: Mapping[str, SecretState]) -> tuple[str, ...]:
    """Return the ids of what ``rotate_forget`` names by id or label; ConfigurationError for what is not one thing.

    Of a secret that has left the map it may name lost mints alone.
    """
    ids, labelled = set[str](), dict[str, set[str]]()
    for secret in secret_map.secrets.values():
        state = states[secret.name]
        if secret.left:
            ids |= {*state.lost_mints}
            continue
        labels = [(copy.label, copy.id) for copy in secret.copies]
        labels += [(mark.label, copy) for copy, mark in state.holdings.items()]
        for label, copy_id in labels:
            labelled.setdefault(label, set()).add(copy_id)
        ids |= {*secret.holders, *state.holdings, *state.running, *(intent.target for intent in state.intents)}
        ids |= {name for row in state.credentials for name in (*row.baseline, row.name)}
    known = {**labelled, **{name: {name} for name in ids}}
    if unknown := [name for name in options.forget if name not in known]:
        hints = "; ".join(f"{name}: {_meant(name, known)}" for name in unknown)
        raise ConfigurationError(f"rotate_forget: neither the map nor the ledger has {', '.join(unknown)}", hint=hints)
    if shared := [name for name in options.forget if len(known[name]) > 1]:
        hints = "; ".join(f"{name}: {', '.join(sorted(known[name]))}" for name in shared)
        raise ConfigurationError(f"rotate_forget: several are called {', '.join(shared)}", hint=f"Give an id. {hints}")
    return tuple(one for name in options.forget for one in known[name])


def _meant(name: str, known: Iterable[str]) -> str:
    known = sorted(known)
    near = get_close_matches(name, known, 1)
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known) or 'none'}"


def picked_by(options: RunOptions, secret: Secret, secret_map: SecretMap) -> bool:
    """Whether the run's criteria reach this secret at all."""
    if options.only and secret.name not in options.only:
        return False
    return all(str(value) in _attributes(secret, secret_map)[key] for key, value in (options.where or {}).items())


def _attributes(secret: Secret, secret_map: SecretMap) -> dict[str, set[str]]:
    connections = {copy.store for copy in secret.copies}
    consumers = {re.sub(r"@\d+$", "", name) for name in secret.consumers}
    used = (
        connections
        | {secret.issuer.connection or ""}
        | {secret_map.consumers[name].connection or "" for name in secret.consumers}
    )
    return {
        "store": connections,
        "connection": used,
        "consumer": consumers,
        "owner": {secret.owner},
        "environment": {step.environment or "" for step in secret.steps},
    }


def due_at(secret: Secret, current: CredentialRow, ends: datetime | None = None) -> datetime | None:
    """Return when a credential is due: by its age, or shortly before its provider ends it; now it says ``ends``."""
    since, ends = current.minted_at, ends or current.expires_at
    before = min(_BEFORE_END, (ends - since) / _LAST_PART) if ends and since else _BEFORE_END
    by_age = since + secret.max_age if since and secret.max_age is not None else None
    return min((time for time in (by_age, ends and ends - before) if time), default=None)


def assess(secret: Secret, state: SecretState, now: datetime, ends: datetime | None = None) -> Due:
    """Whether a new credential is wanted, by the ledger, and by when its provider ends the current one."""
    if secret.unrotated:
        return _unrotated(secret, state)
    current = state.current
    if state.pending or state.intent(ActionKind.MINT) or (current is None and _has_orphan(state)):
        return Due(DueStatus.UNFINISHED, "a rotation is under way")
    if current is None:
        return Due(DueStatus.UNKNOWN, "this ledger knows no credential of it")
    if secret.made_elsewhere(current.made_by):
        why = f"{current.name} was made by {current.made_by}, and the map's issuer is {secret.issuer.places[0]}"
        return Due(DueStatus.UNKNOWN, f"{why}. A connection that leads to the same system says so: formerly")
    since = current.minted_at
    age = f"{durations.show(_rounded(now - since))} old" if since else "of unknown age"
    if (due := due_at(secret, current, ends)) and due < now:
        return _due(state, current, f"{age}, {_limit(secret, current, now, ends)}")
    if current.origin is Origin.ADOPTED:
        return Due(DueStatus.UNKNOWN, f"{age}, adopted, never rotated by this ledger")
    missing = ", ".join(copy.label for copy in secret.copies if not holds(state, copy, current.id))
    if missing and not current.has_value:
        return _due(state, current, f"new in the map: {missing}; the value in use is not kept")
    if missing:
        return Due(DueStatus.UNFINISHED, f"new in the map: {missing}")
    if reload := next((i for i in state.intents if _is_left(secret, i)), None):
        return Due(DueStatus.UNFINISHED, f"{reload.target} has yet to run on what was written")
    renewed = f", renewed {secret.ageless}" if secret.ageless else ""
    if left := _has_old(state, current):
        return left
    if unchecked(secret, state):
        return Due(DueStatus.UNFINISHED, "its checks have yet to hold since the old one was revoked")
    return Due(DueStatus.UP_TO_DATE, f"{age}{renewed}")


def _unrotated(secret: Secret, state: SecretState) -> Due:
    why = "it has left the map" if secret.left else f"nobody rotates it here: {secret.unrotated}"
    left = (*(row.name for row in left_alive(secret, state)), *state.lost_mints)
    names = ", ".join(printable(name, NAME) for name in left)
    back = " unless it is put back" if secret.left else ""
    return Due(DueStatus.LEFT_ALIVE, f"{why}; no run ends {names}{back}") if names else Due(DueStatus.UNROTATED, why)


def left_alive(secret: Secret, state: SecretState) -> list[CredentialRow]:
    """List what lives of a secret that nobody rotates: what was replaced, and all of one that has left the map."""
    rows = [row for row in state.credentials if row.alive and (secret.left or row is not state.current)]
    return rows if secret.unrotated else []


def _is_left(secret: Secret, intent: Intent) -> bool:
    """Whether a reload of what the map names has not ended well, or others have yet to make it."""
    return intent.kind is ActionKind.RELOAD and intent.unresolved and intent.target in secret.consumers


def _limit(secret: Secret, current: CredentialRow, now: datetime, ends: datetime | None) -> str:
    if secret.max_age is not None and current.minted_at and now - current.minted_at > secret.max_age:
        return f"limit {durations.show(secret.max_age)}"
    end = ends or current.expires_at
    return f"its provider ends it {end.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" if end else ""


def _due(state: SecretState, current: CredentialRow, why: str) -> Due:
    """Let a secret rest whose latest rotation was taken back, but for what that has left to be done."""
    back = state.credentials[-1].taken_back_at
    if back is None:
        return Due(DueStatus.DUE, why)
    rests = f"{why}; a rotation was taken back {back:%Y-%m-%d %H:%M:%S}Z, so it rests until it is named"
    return _has_old(state, current) or Due(DueStatus.RESTING, rests)


def _has_old(state: SecretState, current: CredentialRow) -> Due | None:
    left = any(row.alive and row.locatable and row.id != current.id for row in state.credentials)
    return Due(DueStatus.UNFINISHED, "an older credential has yet to end") if left else None


def _has_orphan(state: SecretState) -> bool:
    return any(row.alive and row.origin is Origin.ORPHAN for row in state.credentials)


def wants_mint(due: Due, state: SecretState, options: RunOptions) -> bool:
    """Whether this run is to mint, given what is due and what was asked for."""
    if options.rollback or options.only_revoke or state.pending:
        return False
    begun = due.status is DueStatus.UNFINISHED and state.current is None
    if state.intent(ActionKind.MINT) or due.status is DueStatus.DUE or begun:
        return True
    if due.status in (DueStatus.UNKNOWN, DueStatus.RESTING):
        return options.named
    return options.force


def guard_problem(secret: Secret, options: RunOptions) -> str | None:
    """Say why a guarded secret is left alone."""
    guard = secret.guard
    if guard is None or options.rollback:
        return None
    if secret.name not in options.confirm:
        return f"it is guarded ({guard.reason}): confirm with -e rotate_confirm={secret.name}"
    if guard.allow == "compromised" and not options.reason:
        return f"it is guarded ({guard.reason}): only after a compromise; say which with -e rotate_reason='…'"
    return None


def named_credential(secret: Secret, options: RunOptions) -> str | None:
    """Return the provider's id that a person gave for the credential in use before this ledger knew any."""
    return (options.adopt or {}).get(secret.name) or secret.current_id


def with_adopted(secret: Secret, state: SecretState, provider_id: str | None, listed: Listed | None) -> SecretState:
    """Return the state after that credential is adopted; the very same state if the ledger has met it before."""
    if provider_id and any(row.provider_id == provider_id for row in state.credentials):
        return state
    row = CredentialRow(
        id=(state.newest or 0) + 1,
        secret=secret.name,
        name=printable((listed and listed.name) or provider_id or "adopted", NAME),
        provider_id=provider_id,
        state=CredentialState.PREVIOUS if state.current else CredentialState.CURRENT,
        origin=Origin.ADOPTED,
        fingerprint=None,
        sealed={},
        facts={"expires_at": listed.expires_at.isoformat()} if listed and listed.expires_at else {},
        baseline={name: {} for name in sorted(secret.holders)},
        minted_at=listed.created_at if listed else None,
        made_by=secret.issuer.places[0],
    )
    return replace(state, credentials=(*state.credentials, row))


def replaced_row(case: Case, named: str) -> CredentialRow:
    """Find the credential that a person says has ended, by name or id; the only one in question where none is named."""
    left = case.secret.left
    rows = [row for row in case.state.credentials if row.alive and (left or row.id != case.target_id)]
    found = [row for row in rows if named in ("", row.name, row.provider_id)]
    if len(found) == 1:
        return found[0]
    there = ", ".join(printable(row.name, NAME) for row in rows) or "none"
    raise ConfigurationError(
        f"attest_credential: {'say which' if rows and not named else 'no such credential'} of {case.secret.name}",
        hint=f"Replaced, and not known to have ended: {there}",
    )


def parse_end(text: str, now: datetime) -> datetime:
    """Return the end of a freeze: a time with its zone, or a duration from now."""
    try:
        end = now + durations.parse(text)
    except (ValueError, OverflowError):
        end = _parse_time(text)
    if end <= now:
        raise ConfigurationError(f"freeze_until: {text} is over already")
    return end


def _parse_time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        hint = "Say -e freeze_until=72h, or with its zone -e freeze_until=2026-12-27T08:00+01:00"
        raise ConfigurationError("freeze_until: is neither a duration nor a time with a zone", hint=hint)
    return time.astimezone(UTC)


def _rounded(age: timedelta) -> timedelta:
    return timedelta(days=age.days) if age.days else age


def waves(names: list[str]) -> list[list[str]]:
    """Let up to ten secrets go at once, and more in growing waves: 1, then 10, then the rest."""
    if len(names) <= 10:
        return [names] if names else []
    return [names[:1], names[1:11], names[11:]]
