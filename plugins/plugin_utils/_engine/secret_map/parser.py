# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the ``secret_*`` variables into a :class:`SecretMap`, or reports all of their errors at once. Sends nothing."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from ....module_utils._core import durations, registry
from . import each, schema
from .builders import Builders, Raw, TemplateScope, dicts
from .errors import Path, ValidationErrors, show, suggest
from .model import LEDGER, Copy, Guard, PartSpec, Revoke, RotationWindow, Secret, SecretMap, Step
from .variables import Expander, section


def parse(
    raw_map: Any,
    raw_consumers: Any = None,
    raw_connections: Any = None,
    hosts: Collection[str] | None = None,
    *,
    bare_connections: bool = False,
    check_credentials: bool = False,
    via_problem: Callable[[str], str] | None = None,
    folders: Sequence[pathlib.Path] = (),
    others: Mapping[str, Any] | None = None,
) -> SecretMap:
    """Validate and build a map; MapError holds every error. Consumers and connections that no secret uses are ignored.

    ``hosts`` are the inventory's; ``bare_connections`` have their ``type`` and nothing else. ``check_credentials``
    resolves what the connections refer to; ``via_problem`` says why no SSH forward can lead through one of the hosts.
    Relative paths of a user's files begin at ``folders``. ``others`` are further entries, of which nothing else is
    checked than that they claim no key and no credential of these.
    """
    errors = ValidationErrors()
    entries = section("secret_map", raw_map, errors)
    consumers = section("secret_consumers", raw_consumers, errors, optional=True)
    connections = section("secret_connections", raw_connections, errors, optional=True)
    builders = Builders(
        errors, connections, consumers, hosts, bare_connections, check_credentials, via_problem, folders
    )
    parser = _Parser(builders, errors)
    secrets = [parser.secret(name, raw) for name, raw in entries.items()]
    _cross_checks(parser.entries, errors, _claims(builders, others or {}))
    errors.raise_if_any()
    places = {f"connection {name}": builders.places_of_connection(name) for name in builders.connections}
    places |= {f"consumer {name}": consumer.places for name, consumer in builders.consumers.items()}
    named = {secret.name: secret for secret in secrets if secret}
    return SecretMap(named, builders.consumers, builders.connections, places)


_ACCEPT = "accept"


@dataclass
class _MapEntry:
    """The valid parts of one entry, with their paths."""

    name: str
    path: Path
    issuer: PartSpec | None = None
    current_id: str | None = None
    copies: list[tuple[Path, Copy]] = field(default_factory=list)
    unproven: list[Path] = field(default_factory=list)
    """Steps none of whose checks proves use."""


@dataclass
class _Parser:
    _builders: Builders
    _errors: ValidationErrors
    entries: list[_MapEntry] = field(default_factory=list)

    def secret(self, name: str, raw: Any) -> Secret | None:
        """Build one entry of the map; None if there is an error in it."""
        path: Path = ("secret_map", name)
        before = len(self._errors)
        raw = Expander(self._errors).expand(raw, path)
        if not re.fullmatch(schema.ENTRY_NAME, name):
            suggestion = "letters, digits, _ . and - are, beginning with a letter or _"
            self._errors.add(path, "is no name for a secret", suggestion)
        kind = _kind(raw)
        unrotated = kind == "unrotated"
        self._builders.validate(kind, "", raw, path)
        if not isinstance(raw, dict):
            return None
        entry = _MapEntry(name, path)
        self.entries.append(entry)
        ageless = self._ageless(raw, path)
        max_age = None if ageless else self._duration(raw, "max_age", path)
        if "issuer" in raw:
            entry.issuer = self._builders.issuer(raw["issuer"], (*path, "issuer"), max_age)
            entry.current_id = raw["issuer"].get("current_id") if entry.issuer else None
        scope = self._scope(raw.get("derived"), entry)
        raw_steps = [] if unrotated else self._steps(raw, path)
        steps = [self._step(step, where, label, scope, entry) for step, where, label in raw_steps]
        revoke, window = self._revoke(raw, path, entry), self._window(raw, path)
        own = _strings(raw.get("connections"))
        for index, connection in enumerate(own):
            if connection != LEDGER:
                self._builders.connection(connection, (*path, "connections", index))
        if len(self._errors) > before or entry.issuer is None:
            return None
        as_written = ("derived", "description", "owner", "blast_radius", "retain")
        return Secret(
            name=name,
            issuer=entry.issuer,
            steps=tuple(steps),
            max_age=max_age,
            ageless=ageless,
            unrotated=entry.issuer.options["why"] if unrotated else "",
            revoke=revoke,
            window=window,
            current_id=entry.current_id,
            inspected=frozenset(name for step in steps for name in step.reload if name in self._builders.inspected),
            guard=Guard(**raw["guard"]) if "guard" in raw else None,
            connections=tuple(own),
            **{option: raw[option] for option in as_written if option in raw},
        )

    def _scope(self, derived: Any, entry: _MapEntry) -> TemplateScope:
        """Collect the credential's fields, and what ``derived`` makes of them and of the names above."""
        issuer = entry.issuer
        fields = registry.find("issuers", issuer.type).fields_of(issuer.options) if issuer else None
        scope = TemplateScope(entry.name, fields)
        for name, text in derived.items() if isinstance(derived, dict) else ():
            path = (*entry.path, "derived", name)
            if name in (scope.fields or ()):
                self._errors.add(path, "is a field of the credential already", "choose another name")
            self._builders.validate_template(text, path, scope.names)
            scope = TemplateScope(entry.name, fields, {**scope.derived, name: text})
        return scope

    def _steps(self, raw: Raw, path: Path) -> list[tuple[Raw, Path, str]]:
        """List each step with its path and its name; copies straight under the secret are one step."""
        accept = raw.get("accept")
        first = [(accept, (*path, _ACCEPT), _ACCEPT)] if isinstance(accept, dict) else []
        if "rollout" not in raw:
            return [*first, (raw, path, "rollout")]
        steps = first + [
            (step, (*path, "rollout", index), step.get("name", f"step {index + 1}"))
            for index, step in dicts(raw["rollout"])
        ]
        labels = [label for _step, _where, label in steps]
        for index, (_step, where, label) in enumerate(steps):
            if label in labels[:index]:
                self._errors.add((*where, "name"), "another step has this name", "give each its own")
        return steps

    def _step(self, raw: Raw, path: Path, label: str, scope: TemplateScope, entry: _MapEntry) -> Step:
        copies: list[tuple[Raw, Copy | None]] = []
        accepts = path[2:] == (_ACCEPT,)
        identities = self._identities(path, entry) if accepts else ()
        for index, copy in dicts(raw.get("copies")):
            where = (*path, "copies", index)
            built = self._builders.copy(copy, where, scope, identities)
            copies.append((copy, built))
            entry.copies += [(where, built)] if built else []
        turns = self._turns(raw.get("reload"), (*path, "reload"), scope, entry)
        default = entry.issuer.connection if entry.issuer else None
        raw_checks = dicts(raw.get("verify"))
        checks = [
            self._builders.check(check, (*path, "verify", index), scope.in_checks, copies=copies, default=default)
            for index, check in raw_checks
        ]
        for (index, _raw), check in zip(raw_checks, checks, strict=True):
            if check and schema.asks_issuer(check.type) and not _tells_use(entry.issuer):
                what = f"{check.type} cannot be told: the issuer does not say when a credential was last used"
                self._errors.add((*path, "verify", index), what)
        if not accepts and not any(check.get("proves") == "use" for _index, check in raw_checks):
            entry.unproven.append(path)
        return Step(
            name=label,
            copies=tuple(copy for _raw, copy in copies if copy),
            reload=tuple(name for turn in turns for name in turn),
            verify=tuple(check for check in checks if check),
            environment=raw.get("environment"),
            accepts=accepts,
            groups=tuple(turn for turn in turns if len(turn) > 1),
        )

    def _turns(self, reload: Any, path: Path, scope: TemplateScope, entry: _MapEntry) -> list[tuple[str, ...]]:
        """Build the consumers of a step; return the names that are reloaded at once, turn by turn."""
        turns = list(enumerate(reload)) if isinstance(reload, list) else []
        named = [((*path, index), turn) for index, turn in turns if isinstance(turn, str)]
        groups = [(index, _strings(turn)) for index, turn in turns if isinstance(turn, list)]
        named += [((*path, index, place), name) for index, group in groups for place, name in enumerate(group)]
        for where, name in named:
            consumer, accepts = self._builders.consumer(name, where, scope), path[2:3] == (_ACCEPT,)
            if consumer and consumer.awaited and (why := _not_awaited(entry, accepts=accepts)):
                self._errors.add(where, f"others release {name}, and {why}", "leave out its reload: await")
        if groups and len({name for _where, name in named}) < len(named):
            self._errors.add(path, "has the same consumer twice")
        return [tuple(_strings(turn if isinstance(turn, list) else [turn])) for _index, turn in turns]

    def _identities(self, path: Path, entry: _MapEntry) -> tuple[str, ...]:
        """List the identities of an issuer, each of which has a key where old and new are let in."""
        issuer = entry.issuer
        kind: Any = registry.find("issuers", issuer.type) if issuer else None
        found = kind.identities(issuer.options) if issuer and kind.traits.alternating else ()
        if issuer and not found:
            what = "the issuer has one identity, whose new credential takes the place of the old one"
            self._errors.add(path, what, "name it in copies")
        return tuple(found)

    def _revoke(self, raw: Raw, path: Path, entry: _MapEntry) -> Revoke:
        """Build the conditions of a revoke; what nobody has to revoke needs no proof of use."""
        wanted = raw["revoke"] if isinstance(raw.get("revoke"), dict) else {}
        revocable = entry.issuer is not None and registry.find("issuers", entry.issuer.type).traits.revoke != "auto"
        accept = wanted.get("accept", "use" if revocable else "life")
        for step in entry.unproven if accept == "use" else ():
            suggestion = "revoking needs a check that proves use, or revoke: {accept: life}"
            self._errors.add((*step, "verify"), "nothing proves that the new credential is in use", suggestion)
        after = self._grace(wanted, raw, path, entry.issuer)
        confirm, same_job = (wanted.get(option) is True for option in ("confirm", "same_job"))
        if confirm and entry.issuer and not registry.find("issuers", entry.issuer.type).traits.revokes_the_old:
            what = "asks before a revoke, and no call of this issuer's ends the old credential"
            self._errors.add((*path, "revoke", "confirm"), what, "a guard asks before a rotation begins")
        lasts = self._duration(wanted, "for", (*path, "revoke")) or Revoke.yes_lasts
        return Revoke(after, frozenset(_strings(wanted.get("require"))), accept, confirm, same_job, lasts)

    def _grace(self, wanted: Raw, raw: Raw, path: Path, issuer: PartSpec | None) -> timedelta:
        """Return how long an old credential lives on: as its issuer has it unless said, and no less but for a leak."""
        path = (*path, "revoke", "after")
        least = registry.find("issuers", issuer.type).grace(issuer.options) if issuer else timedelta()
        after = self._duration(wanted, "after", path[:-1])
        leaked = isinstance(raw.get("guard"), dict) and raw["guard"].get("allow") == "compromised"
        if after is not None and after < least and not leaked:
            what = f"is less than the {durations.show(least)} for which what was made with the old one lives on"
            self._errors.add(path, what, "leave it out, or say guard: {allow: compromised}")
        return least if after is None else after

    def _window(self, raw: Raw, path: Path) -> RotationWindow | None:
        """Build a window whose options the schema has taken."""
        given, path = raw.get("window"), (*path, "window")
        if not isinstance(given, dict):
            return None
        zone, days = given.get("tz"), _strings(given.get("days")) or schema.DAYS
        opens, closes = _minutes(given.get("from", 0)), _minutes(given.get("to", 24 * 60))
        if isinstance(zone, str) and not _is_zone(zone):
            self._errors.add((*path, "tz"), "is no time zone that is known here", suggest(zone, available_timezones()))
        if opens == closes:
            self._errors.add((*path, "to"), "is when it opens", "leave both out for the whole day")
        if not isinstance(zone, str) or opens is None or closes is None:
            return None
        return RotationWindow(
            zone, frozenset(schema.DAYS.index(day) for day in days if day in schema.DAYS), opens, closes
        )

    def _ageless(self, raw: Raw, path: Path) -> str:
        """Return when it is renewed that has no age, and why; empty where it has one."""
        event, reason = raw.get("max_age"), raw.get("max_age_reason")
        if event not in schema.EVENTS:
            return ""
        if reason is None:
            self._errors.add(path, "missing option max_age_reason", f"say why it is renewed {event}")
        return f"{event} ({reason})"

    def _duration(self, raw: Raw, option: str, path: Path) -> timedelta | None:
        if not isinstance(raw.get(option), str):
            return None
        try:
            return durations.parse(raw[option])
        except (ValueError, OverflowError):
            self._errors.add((*path, option), "is no duration such as 90d, 36h or 1h30m")
            return None


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _minutes(moment: Any) -> int | None:
    """Return a time of the day in minutes; None for what is none."""
    if isinstance(moment, str) and re.fullmatch(schema.TIME, moment):
        hours, _colon, minutes = moment.partition(":")
        return int(hours) * 60 + int(minutes)
    return moment if isinstance(moment, int) else None


def _tells_use(issuer: PartSpec | None) -> bool:
    return issuer is None or registry.find("issuers", issuer.type).reports_last_used(issuer.options)


def _not_awaited(entry: _MapEntry, *, accepts: bool) -> str:
    """Say why a secret cannot wait until others release a consumer; empty where it can."""
    if accepts:
        return "it has to let old and new in before anyone switches"
    ends = entry.issuer is not None and registry.find("issuers", entry.issuer.type).traits.ends_the_old
    return "it would go on running on the old value, which the new one ends" if ends else ""


def _kind(raw: Any) -> str:
    """Return which schema describes an entry, by its issuer."""
    issuer = raw.get("issuer") if isinstance(raw, dict) else None
    kind = issuer.get("type") if isinstance(issuer, dict) else None
    if not isinstance(kind, str):
        return "secret"
    return "unrotated" if schema.is_unrotated(kind) else "uncopied" if schema.may_be_uncopied(kind) else "secret"


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


@dataclass
class _Claims:
    """Hold which entry writes a key of a store, and which names a credential as its own."""

    keys: dict[tuple[str, str], tuple[str, Path]] = field(default_factory=dict)
    credentials: dict[tuple[str, str | None, str], Path] = field(default_factory=dict)


def _claims(builders: Builders, others: Mapping[str, Any]) -> _Claims:
    """Collect what entries claim that are not checked, as far as it can be told."""
    found, wrong = _Claims(), (AttributeError, KeyError, TypeError, ValueError)
    for name, raw in others.items():
        for step, where in each.steps(raw, ("secret_map", name)):
            for index, copy in dicts(step.get("copies")):
                with suppress(*wrong):
                    places = builders.key_places(copy, name)
                    found.keys |= dict.fromkeys(places, (name, (*where, "copies", index)))
        with suppress(*wrong):
            issuer = raw["issuer"]
            claimed = issuer["type"], issuer.get("connection"), issuer["current_id"]
            found.credentials[claimed] = ("secret_map", name, "issuer", "current_id")
    return found


def _cross_checks(entries: Sequence[_MapEntry], errors: ValidationErrors, claims: _Claims) -> None:
    """Report a container that stands twice in one entry, and keys and credentials that two entries claim."""
    keys, credentials = claims.keys, claims.credentials
    for entry in entries:
        containers: dict[str, Path] = {}
        for path, copy in entry.copies:
            first = containers.setdefault(copy.id, path)
            if first is not path:
                errors.add(path, f"is the container of {show(first)}", "write all of its keys in one copy")
            for key in copy.keys:
                place = registry.find("stores", copy.type).key_identity(copy.container, key)
                owner, first = keys.setdefault((copy.store, place), (entry.name, path))
                if owner != entry.name or (first != path and containers[copy.id] == path):
                    what = f"{show(first)} writes this key, too"
                    hint = "each key belongs to one secret" if owner != entry.name else "name it in one copy"
                    errors.add((*path, "keys", key), what, hint)
        if entry.issuer and entry.current_id:
            path = (*entry.path, "issuer", "current_id")
            first = credentials.setdefault((entry.issuer.type, entry.issuer.connection, entry.current_id), path)
            if first is not path:
                errors.add(path, f"{show(first)} names this credential, too", "give it all its copies in one entry")
