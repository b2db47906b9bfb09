# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue API keys from a description: which calls create, list, verify and revoke a key, and where answers keep what.

A provider that fits offers a connection (name, base URL, how its credential is sent) and an issuer with a description:
:class:`KeyApi` where keys are created and deleted, :class:`ResetApi` where there is one value that is replaced and can
be read, :class:`RollApi` where a new value ends the old one after a while, :class:`SetApi` where the value is ours.
What does not fit is a method that the issuer overrides. Nothing here knows a provider.

In paths, parameters and bodies ``<name>``, ``<id>`` and ``<option>`` are filled in. Where something stands in an answer
is said as in :mod:`.paths`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from urllib.parse import quote

from .. import durations, errors
from ..clock import Clock
from ..contracts import (
    Answer,
    Connection,
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
from ..references import SCHEMA as CREDENTIAL
from ..templates import Template
from . import certificates, limits, paths, shapes
from .budget import Budget, Pace, Quota
from .client import Answer as HttpAnswer
from .client import HttpClient

LIFETIME = {
    "type": "string",
    "pattern": durations.PATTERN,
    "description": "How long the key is valid, longer than max_age; without it, until it is revoked.",
}
"""The option of issuers whose ``create`` says ``<seconds>`` or ``<expires_at>``."""
Says = tuple[str, Any]
"""A path of an object, and what has to stand there."""
_PLACE = re.compile(r"<(\w+)>")
_READS = 5
"""How often a value is read after a reset, until it is another one."""
_BYTES = 32
"""How many bytes of entropy a value of ours has."""


# -- descriptions -------------------------------------------------------------------------------------------------


def fits(document: Any, said: Says) -> bool:
    return bool(paths.at(document, said[0]) == said[1])


@dataclass(frozen=True)
class Call:
    """One request. A parameter, and a member of the body, whose option is not given is left out."""

    method: str
    path: str
    body: Any = None
    params: Mapping[str, Any] = field(default_factory=dict)
    ok: tuple[int, ...] = (200, 201, 204)
    says: Says | None = None
    """What the answer says of success: of some APIs, the status alone says nothing."""
    form: bool = False
    """Send the body as the pairs of a form, ``metadata[key]`` and ``events[]``, and not as JSON."""


@dataclass(frozen=True)
class Sign:
    """An answer that proves something: its status, and if need be what stands ``at`` a path of its JSON."""

    status: int
    at: str = ""
    says: Any = None

    def fits(self, status: int, document: Any) -> bool:
        return status == self.status and (not self.at or fits(document, (self.at, self.says)))


@dataclass(frozen=True)
class Verify:
    """The call that shows a key to its provider. An answer that is not JSON, or fits no sign, proves nothing."""

    call: Call
    alive: tuple[Sign, ...] = (Sign(200),)
    dead: tuple[Sign, ...] = (Sign(401),)
    headers: Mapping[str, str] = field(default_factory=lambda: {"Authorization": "Bearer ${token}"})
    url: str = ""
    """The base URL of the call, where it is another one than the connection's."""


@dataclass(frozen=True)
class Facts:
    """Where an object that describes a key keeps each fact; times are RFC 3339 or seconds since 1970."""

    id: str = "id"
    name: str = "name"
    created_at: str = "created_at"
    expires_at: str = ""
    last_used_at: str = ""
    revoked: str = ""
    scope: str = ""
    alive: Says | None = None
    """What a key that is not revoked says, where no member of its own does."""


@dataclass(frozen=True)
class Listing:
    """The call that lists keys, page by page.

    With ``after``, that parameter is the cursor: what stands at ``cursor``, or else the id of the last key. With
    ``page``, that parameter counts from 1. ``more`` is the member that says whether another page follows.
    """

    call: Call
    items: str = ""
    facts: Facts = Facts()
    after: str = ""
    cursor: str = ""
    page: str = ""
    more: str = ""
    only: Says | None = None
    """What the keys that are meant say, where the list has others."""


@dataclass(frozen=True)
class KeyApi:
    """A provider that creates keys, lists and deletes them."""

    create: Call
    value: Mapping[str, str]
    """The credential's fields: where each stands in the answer of ``create``."""
    listing: Listing
    revoke: Call
    verify: Verify | None = None
    """None where a value cannot be shown; the issuer's ``verify`` is then ``Issuer.verify``."""
    made: Facts = Facts()
    """Where the answer of ``create`` keeps its facts."""
    quota: int | None = None
    """How many keys there can be at once."""


@dataclass(frozen=True)
class ResetApi:
    """A provider that has one value, which a reset replaces and a call reads."""

    reset: Call
    read: Call
    value: Mapping[str, str]
    id: str
    """Empty where the answer has none."""
    verify: Verify | None = None
    """None where the issuer shows the value by other means than HTTP."""


@dataclass(frozen=True)
class RollApi:
    """A provider that makes a new value and ends the old one ``ends_after`` that."""

    roll: Call
    value: Mapping[str, str]
    id: str
    """Empty where the answer has none."""
    verify: Verify
    ends_after: timedelta
    read: Call | None = None
    """The call that shows the value in force, as ``roll`` does; its issuer says ``recover: readable``."""


@dataclass(frozen=True)
class SetApi:
    """A provider that takes a value of ours: ``<value>`` in the body of ``set``."""

    set: Call
    field: str
    verify: Verify | None = None
    """None where the issuer shows the value by other means than HTTP, or cannot."""


Readable = TypeVar("Readable", bound=ResetApi | RollApi)
Description = TypeVar("Description", bound=KeyApi | ResetApi | RollApi | SetApi)


# -- the connection -----------------------------------------------------------------------------------------------


class ApiConnection(Connection):
    """One account of a JSON API."""

    system: ClassVar[str]
    base_url: ClassVar[str] = ""
    """Empty where every customer has an address of their own."""
    whoami: ClassVar[Call]
    """A call that only reads, and that succeeds for whoever may list keys."""
    per_second: ClassVar[float] = 10
    schema = Schema(
        {
            "token": CREDENTIAL,
            "url": {"type": "string", "minLength": 1, "description": "Base address of the API."},
            certificates.OPTION: certificates.SCHEMA,
        },
        required=("token",),
    )
    references: ClassVar[tuple[str, ...]] = ("token",)
    in_headers: ClassVar[tuple[str, ...]] = ("token",)

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        self.clock = clock
        self.url = options.get("url") or self.base_url
        self.ca_cert = options.get("ca_cert")
        self._more: dict[str, Any] = {"clock": clock, "run": run, "ca_cert": self.ca_cert}
        self.http = HttpClient(
            self.system,
            self.url,
            self.authorizer(options),
            redirects=False,
            budget=Budget(clock, Quota(), Pace(self.per_second, burst=int(self.per_second))),
            headers=self.headers(options),
            **self._more,
        )

    @classmethod
    def authorization(cls, options: Options) -> str:
        """Return the value of the Authorization header."""
        return f"Bearer {options['token'].reveal()}"

    def authorizer(self, options: Options) -> Callable[[], str]:
        """Return what gives the value of the Authorization header at each request."""
        header = self.authorization(options)
        return lambda: header

    @classmethod
    def headers(cls, options: Options) -> Mapping[str, str]:
        """Return what else is sent with every request."""
        return {}

    def bare(self, url: str = "") -> HttpClient:
        """Open a client without any credential, for a call that shows one."""
        return HttpClient(self.system, url or self.url, None, redirects=False, **self._more)

    def probe(self) -> str:
        send(self.http, self.whoami, f"asking {self.system} who we are", {}, reads=True).json  # noqa: B018 - it must be JSON
        return f"{self.system} lets us in"

    def server_time(self) -> datetime | None:
        return self.http.server_time()


def send(client: HttpClient, call: Call, doing: str, places: Mapping[str, Any], **more: Any) -> HttpAnswer:
    """Send the call with its places filled in."""
    path = _PLACE.sub(lambda place: _in_path(places.get(place[1]), place[1], doing), call.path)
    params = {**_filled(call.params, places), **more.pop("params", {})}
    body = None if call.body is None else _filled(call.body, places)
    sent = {"form": _pairs(body)} if call.form and body is not None else {"body": body}
    answer = client.request(call.method, path, doing=doing, ok=call.ok, params=params or None, **sent, **more)
    if call.says and not fits(answer.json, call.says):
        raise errors.UnexpectedAnswerError(
            f"{answer.where} answered {answer.status}, and does not say that it was done", status=answer.status
        )
    return answer


def _pairs(tree: Any, name: str = "") -> list[tuple[str, str]]:
    """Write a body as the pairs of a form: ``metadata[key]``, ``events[]``, ``true``."""
    if isinstance(tree, Mapping):
        inner = [(f"{name}[{member}]" if name else member, value) for member, value in tree.items()]
    elif isinstance(tree, list):
        inner = [(f"{name}[]", value) for value in tree]
    else:
        return [(name, str(tree).lower() if isinstance(tree, bool) else str(tree))]
    return [pair for member, value in inner for pair in _pairs(value, member)]


def _in_path(value: Any, name: str, doing: str) -> str:
    if value is None or str(value) in ("", ".", ".."):
        raise errors.ConfigurationError(f"{doing}: {name} cannot stand in the path of a call")
    return quote(str(value), safe="")


def _filled(tree: Any, places: Mapping[str, Any]) -> Any:
    if isinstance(tree, Mapping):
        filled = {member: _filled(inner, places) for member, inner in tree.items()}
        return {member: inner for member, inner in filled.items() if inner is not None}
    if isinstance(tree, list):
        return [_filled(inner, places) for inner in tree]
    if not isinstance(tree, str):
        return tree
    whole = _PLACE.fullmatch(tree)
    return places.get(whole[1]) if whole else _PLACE.sub(lambda place: str(places.get(place[1], "")), tree)


class Api(Protocol):
    """What an issuer needs of its connection."""

    @property
    def http(self) -> HttpClient: ...

    def bare(self, url: str = "") -> HttpClient: ...

    def server_time(self) -> datetime | None: ...


# -- issuers ------------------------------------------------------------------------------------------------------


class ApiIssuer(Issuer, Generic[Description]):
    """What the shapes have in common."""

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
        """Return what the description may name; a subclass adds what follows from the options."""
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
        client, headers = self.connection.bare(how.url), self._headers(how, credential)
        doing = f"showing a credential of {self._where}"
        answer = send(
            client, call, doing, {**self.places(self.options), "id": credential.id}, headers=headers, reads=True
        )
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
        return {name: Template.parse(text).render(credential.fields).reveal() for name, text in how.headers.items()}

    def _send(self, call: Call, doing: str, more: Mapping[str, Any] | None = None, **options: Any) -> HttpAnswer:
        return send(self.connection.http, call, doing, {**self.places(self.options), **(more or {})}, **options)

    def _credential(self, document: Any, value: Mapping[str, str], facts: Facts, name: str, doing: str) -> Credential:
        """Read a credential; UnexpectedAnswerError where the answer has none in it, or one that cannot be sent."""
        id_ = _id(paths.at(document, facts.id)) if facts.id else None
        values = {key: paths.at(document, path) for key, path in value.items()}
        if (id_ is None and facts.id) or not all(isinstance(found, str) and found for found in values.values()):
            raise errors.UnexpectedAnswerError(f"{doing}: the answer has no credential in it")
        try:
            fields = {key: SecretValue(found) for key, found in values.items()}
        except ValueError as error:
            raise errors.UnexpectedAnswerError(f"{doing}: {error}") from None
        times = {option: _moment(document, getattr(facts, option)) for option in ("created_at", "expires_at")}
        return Credential(id_, name, fields, {option: time.isoformat() for option, time in times.items() if time})


class KeyIssuer(ApiIssuer[KeyApi]):
    """Keys that are created, listed and deleted; old and new are valid side by side."""

    traits = Traits(value=Maker.PROVIDER, overlap=Overlap.OPEN, revoke=Revocation.API, recover=Recover.RECONCILE)
    unverifiable = "whether the connection's credential may make and revoke keys"

    @classmethod
    def reports_last_used(cls, options: Options) -> bool:
        return bool(cls.describe(options).listing.facts.last_used_at)

    @classmethod
    def validate(cls, options: Options, max_age: Any) -> list[str]:
        return durations.check_lifetime(options["lifetime"], max_age) if "lifetime" in options else []

    def preflight(self, current: str | None) -> list[str]:
        try:
            keys = {key.id: key for key in self.listed() if not self._is_over(key)}
        except errors.NotFoundError:
            return [f"there is no {self._where}, or the connection's credential may not see its keys"]
        problems = []
        if current and current not in keys:
            advice = "Correct current_id, or the issuer's options"
            problems.append(f"the current key {current} is not among the valid keys of {self._where}. {advice}")
        quota = self._api.quota
        if quota and len(keys) >= quota:
            problems.append(
                f"{self._where} has {len(keys)} keys, and there can be {quota}. Delete one that is not used"
            )
        return problems

    def mint(self, name: str) -> Credential:
        doing = f"making a key for {self._where}"
        api, places = self._api, self._create_places(name)
        with _unknown_if_unreadable():
            answer = self._send(api.create, doing, places, idempotent=False)
            return self._credential(answer.json, api.value, api.made, name, doing)

    def _create_places(self, name: str) -> dict[str, Any]:
        """Return what ``create`` may name beside :meth:`places`."""
        if "lifetime" not in self.options:
            return {"name": name}
        lasts = durations.parse(self.options["lifetime"])
        until = (self.connection.server_time() or self.clock.now()) + lasts
        return {"name": name, "seconds": int(lasts.total_seconds()), "expires_at": f"{until:%Y-%m-%dT%H:%M:%SZ}"}

    def listed(self) -> list[Listed]:
        how, where = self._api.listing, f"listing the keys of {self._where}"
        return [_listed(item, how.facts, where) for item in self._items(how)]

    def revoke(self, credential: Credential) -> None:
        doing = f"revoking key {credential.name} of {self._where}"
        try:
            self._send(self._api.revoke, doing, {"id": credential.id, "name": credential.name}, idempotent=True)
        except errors.NotFoundError as error:
            with errors.after_an_effect(isinstance(error, errors.OutcomeUnknownError)):
                alive = any(key.id == credential.id and not self._is_over(key) for key in self.listed())
            if alive:
                raise

    def _is_over(self, key: Listed) -> bool:
        now = self.connection.server_time() or self.clock.now()
        return key.revoked or (key.expires_at is not None and key.expires_at <= now)

    def _items(self, how: Listing) -> Iterator[Any]:
        """Yield the objects of a list, page by page."""
        doing = f"listing the keys of {self._where}"
        cursors = limits.Cursors(doing)
        params: dict[str, Any] = {how.page: 1} if how.page else {}
        while True:
            answer = self._send(how.call, doing, params=params, reads=True)
            document = answer.json
            items = shapes.checked(paths.at(document, how.items) if how.items else document, [dict], answer.where)
            yield from (item for item in items if how.only is None or fits(item, how.only))
            cursor = _cursor(how, document, items, answer.where)
            if cursor is None:
                return
            cursors.next(cursor)
            params = {how.page: params[how.page] + 1} if how.page else {how.after: cursor}


class ReadIssuer(ApiIssuer[Readable]):
    """One value at a time, which a call may read."""

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
    """A value that its provider replaces and shows; the new one is the end of the old one."""

    traits = Traits(value=Maker.PROVIDER, overlap=Overlap.NONE, revoke=Revocation.AUTO, recover=Recover.READABLE)
    unverifiable = "whether the connection's credential may reset the value"

    def mint(self, name: str) -> Credential:
        before = self.recover(name)
        with _unknown_if_unreadable():
            answer = self._send(self._api.reset, f"resetting {self._where}", idempotent=False)
        with errors.after_an_effect(), _unknown_if_unreadable():
            self._settle(answer)
        for _turn in range(_READS):
            with errors.after_an_effect(), _unknown_if_unreadable():
                found = self.recover(name)
            if found.fields != before.fields:
                return found
            self.clock.sleep(1)
        raise errors.OutcomeUnknownError(
            f"resetting {self._where}: it was accepted, and the value is still the old one"
        )

    def _settle(self, answer: HttpAnswer) -> None:
        """Wait until the reset that was ``answer``ed is in force. Most are at once."""


class RollIssuer(ReadIssuer[RollApi]):
    """A value whose provider makes a new one, and ends the old one by itself after a while."""

    traits = Traits(value=Maker.PROVIDER, overlap=Overlap.TIMED, revoke=Revocation.AUTO, recover=Recover.NONE)
    unverifiable = "whether the connection's credential may roll the value"

    @classmethod
    def ends_after(cls, options: Options) -> timedelta:
        return cls.describe(options).ends_after

    def mint(self, name: str) -> Credential:
        doing, api = f"rolling {self._where}", self._api
        with _unknown_if_unreadable():
            answer = self._send(api.roll, doing, {"name": name}, idempotent=False)
            return self._credential(answer.json, api.value, Facts(api.id), name, doing)


class SetIssuer(ApiIssuer[SetApi]):
    """A value that we make and its provider takes; the new one is the end of the old one."""

    traits = Traits(Maker.OURS, Overlap.NONE, Revocation.AUTO, Recover.OURS, activates=True)
    unverifiable = "whether the connection's credential may set the value"

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        return Credential(None, name, {self._api.field: SecretValue(secrets.token_urlsafe(_BYTES))})

    def activate(self, credential: Credential) -> None:
        api = self._api
        value = credential.fields[api.field].reveal()
        self._send(api.set, f"setting {self._where}", {"value": value}, idempotent=False)


# -- what is read -------------------------------------------------------------------------------------------------


@contextmanager
def _unknown_if_unreadable() -> Iterator[None]:
    """A good status whose answer cannot be read: something was made, and nobody knows what."""
    try:
        yield
    except errors.UnexpectedAnswerError as error:
        if error.status and error.status >= 300:
            raise
        raise errors.OutcomeUnknownError(error.message, hint=error.hint, status=error.status) from None


def _cursor(how: Listing, document: Any, items: list[Any], where: str) -> str | None:
    """Return what leads to the next page, or tells a counted page from the others; None where this is the last one."""
    more = paths.at(document, how.more) if how.more else True
    if not isinstance(more, bool | None):
        raise errors.UnexpectedAnswerError(f"{where}: {how.more} is neither true nor false")
    if not more or not items or not (how.after or how.page):
        return None
    if not how.cursor:
        known = _id(paths.at(items[0 if how.page else -1], how.facts.id))
        if known is None:
            raise errors.UnexpectedAnswerError(f"{where}: a key has no id, by which the list would go on")
        return known
    return _id(paths.at(document, how.cursor)) or None


def _listed(item: Mapping[str, Any], facts: Facts, where: str) -> Listed:
    id_, name, scope = (paths.at(item, path) if path else None for path in (facts.id, facts.name, facts.scope))
    known = _id(id_)
    if known is None or not isinstance(name, str | None):
        raise errors.UnexpectedAnswerError(f"{where}: a key has no id, or a name that is none")
    return Listed(
        id=known,
        name=name or "",
        created_at=_moment(item, facts.created_at),
        expires_at=_moment(item, facts.expires_at, where),
        last_used_at=_moment(item, facts.last_used_at, where),
        scope=scope if isinstance(scope, str) else "",
        revoked=_is_revoked(item, facts),
    )


def _is_revoked(item: Any, facts: Facts) -> bool:
    lives = facts.alive is None or fits(item, facts.alive)
    return not lives or bool(facts.revoked and paths.at(item, facts.revoked))


def _id(found: Any) -> str | None:
    """An id is a text or a whole number."""
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) and found != "" else None


def _moment(document: Any, path: str, where: str = "") -> datetime | None:
    """Read a time; None for none. One that cannot be read is an error with ``where``, the answer that it is in."""
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
