# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Describe APIs that issue credentials: the calls that create, list, verify and revoke, and where answers hold facts.

A provider that fits offers a connection (name, base URL, how its credential is sent) and an issuer of
:mod:`.key_issuers` with a description: :class:`KeyApi` where keys are created and deleted, :class:`ResetApi` where
there is one value that is replaced and can be read, :class:`RollApi` where a new value ends the old one after a while,
:class:`SetApi` where the value is ours. Nothing here knows a provider.

In paths, parameters and bodies ``<name>``, ``<id>`` and ``<option>`` are filled in, and a placeholder that nobody knows
is refused before anything is sent. Where something stands in an answer is said as in :mod:`.paths`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from .. import durations, errors
from ..clock import Clock
from ..contracts import Connection, Handwork, Options, Schema
from ..names import NameRule
from ..references import SCHEMA as CREDENTIAL
from . import certificates, limits, paths, shapes
from .answers import Answer
from .budget import Budget, Pace, Quota
from .client import HttpClient

if TYPE_CHECKING:
    from ..forwards import Way

LIFETIME = {
    "type": "string",
    "pattern": durations.PATTERN,
    "description": "How long the key is valid, longer than max_age; without it, until it is revoked.",
}
"""The option of issuers whose ``create`` says ``<seconds>`` or ``<expires_at>``."""
Says = tuple[str, Any]
"""A path into an object, and the value expected there."""
_PLACE = re.compile(r"<(\w+)>")


# -- descriptions -------------------------------------------------------------------------------------------------


def fits(document: Any, said: Says) -> bool:
    """Return whether the object has the expected value at the path, or a text that begins as a pattern says."""
    found, expected = paths.at(document, said[0]), said[1]
    if isinstance(expected, re.Pattern):
        return isinstance(found, str) and bool(expected.match(found))
    return bool(found == expected)


@dataclass(frozen=True)
class Call:
    """Describe one request. Parameters and members of the body whose option is not given are left out."""

    method: str
    path: str
    body: Any = None
    params: Mapping[str, Any] = field(default_factory=dict)
    ok: tuple[int, ...] = (200, 201, 204)
    says: Says | None = None
    """What an answer of success has to say, of APIs whose status alone says nothing."""
    form: bool = False
    """Send the body as the pairs of a form, ``metadata[key]`` and ``events[]``, and not as JSON."""


@dataclass(frozen=True)
class Sign:
    """Describe an answer that proves something: its status, and if need be the value ``at`` a path of its JSON."""

    status: int
    at: str = ""
    says: Any = None

    def fits(self, status: int, document: Any) -> bool:
        return status == self.status and (not self.at or fits(document, (self.at, self.says)))


@dataclass(frozen=True)
class Verify:
    """Describe the call that shows a key to its provider. What is not JSON, or fits no sign, proves nothing.

    A provider that answers 401 to a key that lives, such as one shown from a foreign address, says in its JSON which it
    is: a sign of death names that, and is left out where nothing is published.
    """

    call: Call
    alive: tuple[Sign, ...] = (Sign(200),)
    dead: tuple[Sign, ...] = (Sign(401),)
    headers: Mapping[str, str] = field(default_factory=lambda: {"Authorization": "Bearer ${token}"})
    params: Mapping[str, str] = field(default_factory=dict)
    """What carries the key where no header does."""
    url: str = ""
    """The base URL of the call, where it is another one than the connection's."""


@dataclass(frozen=True)
class Facts:
    """Name the paths of a key's facts in an object; times are RFC 3339 or seconds since 1970."""

    id: str = "id"
    name: str = "name"
    created_at: str = "created_at"
    expires_at: str = ""
    last_used_at: str = ""
    revoked: str = ""
    scope: str = ""
    alive: Says | None = None
    """The member and value that mark a key as not revoked, where no member says ``revoked``."""


@dataclass(frozen=True)
class Listing:
    """Describe the call that lists keys, page by page.

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
    """The member and value of the keys that are meant, where the list has others; None for one that is not there."""


@dataclass(frozen=True)
class KeyApi:
    """Describe a provider that creates keys, lists and deletes them."""

    listing: Listing
    revoke: Call
    create: Call | None = None
    """None where a person makes the keys."""
    value: Mapping[str, str] = field(default_factory=dict)
    """The credential's fields, by their paths in the answer of ``create``."""
    verify: Verify | None = None
    """None where a value cannot be shown; the issuer's ``verify`` is then ``Issuer.verify``."""
    made: Facts = Facts()
    """The paths of facts in the answer of ``create``."""
    quota: int | None = None
    """How many keys there can be at once."""
    names: NameRule = field(default_factory=NameRule)


@dataclass(frozen=True)
class ResetApi:
    """Describe a provider of one value, which a reset replaces and a call reads."""

    reset: Call
    read: Call
    value: Mapping[str, str]
    id: str
    """Empty where the answer has none."""
    verify: Verify | None = None
    """None where the issuer shows the value by other means than HTTP."""


@dataclass(frozen=True)
class RollApi:
    """Describe a provider that makes a new value and ends the old one ``ends_after`` that."""

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
    """Describe a provider that takes a value of ours: ``<value>`` in the body of ``set``."""

    set: Call
    field: str
    verify: Verify | None = None
    """None where the issuer shows the value by other means than HTTP, or cannot."""


@dataclass(frozen=True)
class PersonApi:
    """A provider where a person makes and ends values, and to which one can be shown."""

    handwork: Handwork
    verify: Verify


# -- the connection -----------------------------------------------------------------------------------------------


class ApiConnection(Connection):
    """Connect to one account of a JSON API."""

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
        self.via: Way | None = options.get("via")
        self._more: dict[str, Any] = {"clock": clock, "run": run, "ca_cert": self.ca_cert, "via": self.via}
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

    def authorizer(self, options: Options) -> Callable[[], str] | None:
        """Return what gives the value of the Authorization header at each request; None where another header does."""
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


def send(client: HttpClient, call: Call, doing: str, places: Mapping[str, Any], **more: Any) -> Answer:
    """Send a call with its placeholders filled in."""
    path = _PLACE.sub(lambda place: _in_path(_place(places, place[1], doing), place[1], doing), call.path)
    params = {**filled(call.params, places, doing), **more.pop("params", {})}
    body = None if call.body is None else filled(call.body, places, doing)
    sent = {"form": _pairs(body)} if call.form and body is not None else {"body": body}
    answer = client.request(call.method, path, doing=doing, ok=call.ok, params=params or None, **sent, **more)
    if call.says and not fits(answer.json, call.says):
        raise errors.UnexpectedAnswerError(
            f"{answer.where} answered {answer.status}, and does not say that it was done", status=answer.status
        )
    return answer


def read_items(how: Listing, ask: Callable[[Mapping[str, Any]], Answer], doing: str) -> Iterator[Any]:
    """Yield the objects of a list, page by page; ``ask`` sends the call with the parameters of a page."""
    cursors = limits.Cursors(doing)
    params: dict[str, Any] = {how.page: 1} if how.page else {}
    while True:
        answer = ask(params)
        document = answer.json
        items = shapes.checked(paths.at(document, how.items) if how.items else document, [dict], answer.where)
        yield from (item for item in items if how.only is None or fits(item, how.only))
        cursor = _cursor(how, document, items, answer.where)
        if cursor is None:
            return
        cursors.next(cursor)
        params = {how.page: params[how.page] + 1} if how.page else {how.after: cursor}


def _cursor(how: Listing, document: Any, items: list[Any], where: str) -> str | None:
    """Return the cursor of the next page, for counted pages the id of the first item; None on the last page."""
    more = paths.at(document, how.more) if how.more else True
    if not isinstance(more, bool | None):
        raise errors.UnexpectedAnswerError(f"{where}: {how.more} is neither true nor false")
    if not more or not items or not (how.after or how.page):
        return None
    if not how.cursor:
        known = id_of(paths.at(items[0 if how.page else -1], how.facts.id))
        if known is None:
            raise errors.UnexpectedAnswerError(f"{where}: an item has no id, by which the list would go on")
        return known
    return id_of(paths.at(document, how.cursor))


def id_of(found: Any) -> str | None:
    """Return an id, which is a text or a whole number; None for anything else."""
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) and found != "" else None


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


def filled(tree: Any, places: Mapping[str, Any], doing: str) -> Any:
    """Fill in the placeholders of a tree; None where an option is not given."""
    if isinstance(tree, Mapping):
        members = {member: filled(inner, places, doing) for member, inner in tree.items()}
        return {member: inner for member, inner in members.items() if inner is not None}
    if isinstance(tree, list):
        return [filled(inner, places, doing) for inner in tree]
    if not isinstance(tree, str):
        return tree
    whole = _PLACE.fullmatch(tree)
    if whole:
        return _place(places, whole[1], doing)
    return _PLACE.sub(lambda place: str(_place(places, place[1], doing) or ""), tree)


def _place(places: Mapping[str, Any], name: str, doing: str) -> Any:
    """Return what a placeholder stands for, None for an option that is not given; refuse one that nobody knows."""
    if name not in places:
        raise errors.ConfigurationError(
            f"{doing}: the description names <{name}>, which is no option of the issuer",
            hint=f"There are: {', '.join(f'<{known}>' for known in sorted(places))}",
        )
    return places[name]
