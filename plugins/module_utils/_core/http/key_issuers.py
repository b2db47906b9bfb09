# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue credentials as described with :mod:`.key_api`. An issuer overrides the methods that do not fit its API."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from .. import durations, errors
from ..contracts import (
    Answer,
    Handwork,
    Issuer,
    Listed,
    Maker,
    Options,
    Overlap,
    Recover,
    Revocation,
    Schema,
    Traits,
)
from ..credential import Credential, SecretValue
from ..templates import Template
from . import certificates, paths, shapes
from .answers import Answer as HttpAnswer
from .client import HttpClient
from .key_api import (
    Call,
    Facts,
    KeyApi,
    Listing,
    PersonApi,
    ResetApi,
    RollApi,
    SetApi,
    Verify,
    filled,
    fits,
    id_of,
    read_items,
    send,
)

_READS = 5
"""How often at the most a value is read after a reset, until it has changed."""
_BYTES = 32
"""Bytes of entropy in a value of ours."""
Readable = TypeVar("Readable", bound="ResetApi | RollApi")
Description = TypeVar("Description", bound="KeyApi | ResetApi | RollApi | SetApi | PersonApi")


class Api(Protocol):
    """Declare what an issuer needs of its connection."""

    @property
    def http(self) -> HttpClient: ...

    def bare(self, url: str = "") -> HttpClient: ...

    def server_time(self) -> datetime | None: ...


class ApiIssuer(Issuer, Generic[Description]):
    """Share what all shapes of key APIs need."""

    api: ClassVar[Any]
    fields: ClassVar[tuple[str, ...]] = ("token",)
    connection: Api

    @classmethod
    def describe(cls, options: Options) -> Description:
        """Return the description; a subclass gives one that depends on the options."""
        description: Description = cls.api
        return description

    @classmethod
    def places(cls, options: Options) -> Mapping[str, Any]:
        """Return the placeholders of the description; a subclass adds those that follow from the options."""
        return options

    @property
    def _api(self) -> Description:
        return self.describe(self.options)

    @property
    def _verify(self) -> Verify | None:
        return self._api.verify

    @property
    def _where(self) -> str:
        return self.label(self.options)

    def verify(self, credential: Credential) -> Answer:
        how = self._verify
        if how is None:
            raise NotImplementedError
        call = replace(how.call, ok=tuple({sign.status for sign in (*how.alive, *how.dead)}))
        shown = {"headers": self._headers(how, credential), "params": _rendered(how.params, credential)}
        doing, places = f"showing a credential of {self._where}", self._places({"id": credential.id})
        answer = send(self._bare(how.url), call, doing, places, **shown, reads=True)
        document = answer.json
        if any(sign.fits(answer.status, document) for sign in how.dead):
            return Answer.REFUSED
        if any(sign.fits(answer.status, document) for sign in how.alive):
            return Answer.ACCEPTED
        raise errors.UnexpectedAnswerError(
            f"{answer.where} answered {answer.status}, and its JSON says neither that the credential lives nor that it "
            "is dead",
            status=answer.status,
        )

    def _headers(self, how: Verify, credential: Credential) -> Mapping[str, str]:
        """Return the headers that carry a credential to its provider."""
        return _rendered(how.headers, credential)

    def _bare(self, url: str) -> HttpClient:
        """Open a client without any credential, for a call that shows one."""
        return self.connection.bare(url)

    def _send(self, call: Call, doing: str, more: Mapping[str, Any] | None = None, **options: Any) -> HttpAnswer:
        return send(self.connection.http, call, doing, self._places(more or {}), **options)

    def _places(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a call's placeholders stand for; None for an option that is not given."""
        return {**dict.fromkeys(self.schema.properties), **self.places(self.options), **more}

    def _credential(self, document: Any, value: Mapping[str, str], facts: Facts, name: str, doing: str) -> Credential:
        """Read a credential from an answer; UnexpectedAnswerError where there is none, or one that cannot be sent."""
        id_ = id_of(paths.at(document, facts.id)) if facts.id else None
        values = {key: paths.at(document, path) for key, path in value.items()}
        if (id_ is None and facts.id) or not all(isinstance(found, str) and found for found in values.values()):
            raise errors.UnexpectedAnswerError(f"{doing}: the answer has no credential in it")
        try:
            fields = {key: SecretValue(found) for key, found in values.items()}
        except ValueError as error:
            raise errors.UnexpectedAnswerError(f"{doing}: {error}") from None
        return Credential(id_, name, fields, times_at(document, facts))


class KeyIssuer(ApiIssuer[KeyApi]):
    """Issue keys that are created, listed and deleted; old and new are valid side by side."""

    traits = Traits(value=Maker.PROVIDER, overlap=Overlap.OPEN, revoke=Revocation.API, recover=Recover.RECONCILE)
    unverifiable = "whether the connection's credential may make and revoke keys"

    @classmethod
    def reports_last_used(cls, options: Options) -> bool:
        return bool(cls.describe(options).listing.facts.last_used_at)

    def preflight(self, current: str | None) -> list[str]:
        try:
            keys = {key.id: key for key in self.listed() if not self._is_over(key)}
        except errors.NotFoundError:
            return [f"there is no {self._where}, or the connection's credential may not see its keys"]
        if not current or current in keys:
            return []
        advice = "Correct current_id, or the issuer's options"
        return [f"the current key {current} is not among the valid keys of {self._where}. {advice}"]

    def spell(self, name: str) -> str:
        return self._api.names.spell(name)

    def quota(self) -> int | None:
        return self._api.quota

    def mint(self, name: str) -> Credential:
        doing = f"making a key for {self._where}"
        api, places = self._api, self._create_places(name)
        if api.create is None:
            raise NotImplementedError
        with unknown_if_unreadable():
            answer = self._send(api.create, doing, places, idempotent=False)
            return self._credential(answer.json, api.value, api.made, name, doing)

    def _create_places(self, name: str) -> dict[str, Any]:
        """Return the placeholders of ``create`` beside :meth:`places`."""
        if "lifetime" not in self.options:
            return {"name": name, "seconds": None, "expires_at": None}
        lasts = durations.parse(self.options["lifetime"])
        until = (self.connection.server_time() or self.clock.now()) + lasts
        return {"name": name, "seconds": int(lasts.total_seconds()), "expires_at": f"{until:%Y-%m-%dT%H:%M:%SZ}"}

    def listed(self) -> list[Listed]:
        how, where = self._api.listing, f"listing the keys of {self._where}"
        if how.only:
            how = replace(how, only=(how.only[0], filled(how.only[1], self._places({}), where)))
        return [_listed(item, how.facts, where) for item in self._items(how)]

    def revoke(self, credential: Credential) -> None:
        doing = f"revoking key {credential.name} of {self._where}"
        try:
            self._send(self._api.revoke, doing, {"id": credential.id, "name": credential.name}, idempotent=True)
        except errors.NotFoundError as error:
            with errors.after_an_effect(isinstance(error, errors.OutcomeUnknownError)):
                alive = self._is_alive(credential)
            if alive:
                raise

    def _is_alive(self, credential: Credential) -> bool:
        """Return whether a key is listed as valid, whatever its scope: the options may have changed since its mint."""
        how, where = replace(self._api.listing, only=None), f"listing the keys of {self._where}"
        found = (item for item in self._items(how) if id_of(paths.at(item, how.facts.id)) == credential.id)
        return any(not self._is_over(_listed(item, how.facts, where)) for item in found)

    def _is_over(self, key: Listed) -> bool:
        now = self.connection.server_time() or self.clock.now()
        return key.revoked or (key.expires_at is not None and key.expires_at <= now)

    def _items(self, how: Listing) -> Iterator[Any]:
        doing = f"listing the keys of {self._where}"
        return read_items(how, lambda params: self._send(how.call, doing, params=params, reads=True), doing)


class ReadIssuer(ApiIssuer[Readable]):
    """Read the one value of a provider, where a call shows it."""

    def preflight(self, current: str | None) -> list[str]:
        if self._api.read is None:
            return []
        try:
            found = self.recover("")
        except errors.NotFoundError:
            return [f"there is no {self._where}, or the connection's credential may not see it"]
        return [f"the current id {current} is not that of {self._where}"] if current not in (None, found.id) else []

    def recover(self, name: str) -> Credential:
        doing, api = f"reading {self._where}", self._api
        if api.read is None:
            raise NotImplementedError
        answer = self._send(api.read, doing, reads=True)
        return self._credential(answer.json, api.value, Facts(api.id), name, doing)


class ResetIssuer(ReadIssuer[ResetApi]):
    """Issue a value that its provider replaces and shows; the new one ends the old one."""

    traits = Traits(value=Maker.PROVIDER, overlap=Overlap.NONE, revoke=Revocation.AUTO, recover=Recover.READABLE)
    unverifiable = "whether the connection's credential may reset the value"

    def mint(self, name: str) -> Credential:
        before = self.recover(name)
        with unknown_if_unreadable():
            answer = self._send(self._api.reset, f"resetting {self._where}", idempotent=False)
        with errors.after_an_effect(), unknown_if_unreadable():
            self._settle(answer)
        for _turn in range(_READS):
            with errors.after_an_effect(), unknown_if_unreadable():
                found = self.recover(name)
            if found.fields != before.fields:
                return found
            self.clock.sleep(1)
        raise errors.OutcomeUnknownError(
            f"resetting {self._where}: it was accepted, and the value is still the old one"
        )

    def _settle(self, answer: HttpAnswer) -> None:
        """Wait until a reset is in force; most are when they are answered."""


class RollIssuer(ReadIssuer[RollApi]):
    """Issue a value whose provider makes the new one, and ends the old one by itself after a while."""

    traits = Traits(value=Maker.PROVIDER, overlap=Overlap.TIMED, revoke=Revocation.AUTO, recover=Recover.NONE)
    unverifiable = "whether the connection's credential may roll the value"

    @classmethod
    def ends_after(cls, options: Options) -> timedelta:
        return cls.describe(options).ends_after

    def mint(self, name: str) -> Credential:
        doing, api = f"rolling {self._where}", self._api
        with unknown_if_unreadable():
            answer = self._send(api.roll, doing, {"name": name}, idempotent=False)
            return self._credential(answer.json, api.value, Facts(api.id), name, doing)


class SetIssuer(ApiIssuer[SetApi]):
    """Issue a value that we make and its provider takes; the new one ends the old one."""

    traits = Traits(Maker.OURS, Overlap.NONE, Revocation.AUTO, Recover.OURS, activates=True)
    unverifiable = "whether the connection's credential may set the value"

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        return Credential(None, name, {self._api.field: SecretValue(secrets.token_urlsafe(_BYTES))})

    def activate(self, credential: Credential) -> None:
        api = self._api
        value = credential.fields[api.field].reveal()
        self._send(api.set, f"setting {self._where}", {"value": value}, idempotent=False)


class PersonIssuer(ApiIssuer[PersonApi]):
    """A value that a person makes. There is no connection: the value is all that lets us in."""

    traits = Traits(Maker.PERSON, Overlap.OPEN, Revocation.PERSON, Recover.OURS)
    connected = False
    system: ClassVar[str]
    base_url: ClassVar[str]
    schema = Schema(
        {
            "url": {"type": "string", "minLength": 1, "description": "Base address of the API."},
            certificates.OPTION: certificates.SCHEMA,
        }
    )

    @classmethod
    def validate(cls, options: Options, max_age: Any) -> list[str]:
        return certificates.validate(options)

    @classmethod
    def handwork(cls, options: Options) -> Handwork:
        return cls.describe(options).handwork

    def _bare(self, url: str) -> HttpClient:
        address, ca_cert = self.options.get("url", url or self.base_url), self.options.get(certificates.OPTION)
        return HttpClient(self.system, address, None, redirects=False, clock=self.clock, ca_cert=ca_cert)


# -- what is read -------------------------------------------------------------------------------------------------


def _rendered(texts: Mapping[str, str], credential: Credential) -> dict[str, str]:
    return {name: Template.parse(text).render(credential.fields).reveal() for name, text in texts.items()}


@contextmanager
def unknown_if_unreadable() -> Iterator[None]:
    """Raise OutcomeUnknownError for an answer of success that cannot be read: something may have been made."""
    try:
        yield
    except errors.UnexpectedAnswerError as error:
        if error.status and error.status >= 300:
            raise
        raise errors.OutcomeUnknownError(error.message, hint=error.hint, status=error.status) from None


def _listed(item: Mapping[str, Any], facts: Facts, where: str) -> Listed:
    id_, name, scope = (paths.at(item, path) if path else None for path in (facts.id, facts.name, facts.scope))
    known = id_of(id_)
    if known is None or not isinstance(name, str | None):
        raise errors.UnexpectedAnswerError(f"{where}: a key has no id, or a name that is none")
    return Listed(
        id=known,
        name=name or "",
        created_at=moment_at(item, facts.created_at),
        expires_at=moment_at(item, facts.expires_at, where),
        last_used_at=moment_at(item, facts.last_used_at, where),
        scope=scope if isinstance(scope, str) else "",
        revoked=_is_revoked(item, facts),
    )


def _is_revoked(item: Any, facts: Facts) -> bool:
    lives = facts.alive is None or fits(item, facts.alive)
    return not lives or bool(facts.revoked and paths.at(item, facts.revoked))


def times_at(document: Any, facts: Facts) -> dict[str, str]:
    """Read when a credential was made, and when its provider ends it, as far as the document says so."""
    times = {option: moment_at(document, getattr(facts, option)) for option in ("created_at", "expires_at")}
    return {option: time.isoformat() for option, time in times.items() if time}


def moment_at(document: Any, path: str, where: str = "") -> datetime | None:
    """Read a time; None for none. With ``where``, the answer it is in, a time that cannot be read is an error."""
    found = paths.at(document, path) if path else None
    if found in (None, "", 0):
        return None
    try:
        moment = (
            datetime.fromtimestamp(found, UTC)
            if isinstance(found, int | float) and not isinstance(found, bool)
            else datetime.fromisoformat(found)
        )
    except (ValueError, TypeError, OverflowError, OSError):
        moment = None
    if moment and moment.year <= 1:  # Go's zero
        return None
    if moment and shapes.moment(moment):
        return moment
    if where:
        raise errors.UnexpectedAnswerError(f"{where}: {path} of a key is no date and time")
    return None
