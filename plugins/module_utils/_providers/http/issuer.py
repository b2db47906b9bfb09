# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuer ``key_api``: keys of a JSON API that the user describes, in the language of the described store.

More than a description: that is the map's, is read and validated here, and is tried before anything is made.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from ..._core import errors
from ..._core.contracts import Answer, Options, Schema
from ..._core.credential import Credential, SecretValue
from ..._core.http import paths
from ..._core.http.key_api import Call, Facts, KeyApi, Listing, Sign, Verify
from ..._core.http.key_issuers import KeyIssuer
from ..._core.names import NameRule
from ..._core.templates import Template
from . import description
from .client import HttpConnection

NAME, ID = "<name>", "<id>"
_JSON = {"type": "string", "minLength": 1}
_CHANGES = ["POST", "PUT", "PATCH", "DELETE"]
_SIGN = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "status": {"type": "integer", "minimum": 200, "maximum": 499},
        "at": _JSON,
        "says": {"type": ["string", "number", "boolean", "null"]},
    },
    "required": ["status"],
    "dependentRequired": {"at": ["says"], "says": ["at"]},
}
_FACTS = {field.name for field in fields(Facts)} - {"alive"}


def _object(about: str, required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    known = {"type": "object", "additionalProperties": False, "required": list(required)}
    return {**known, "properties": properties, "description": about}


def _call(methods: list[str], default: str, about: str, required: tuple[str, ...], **more: Any) -> dict[str, Any]:
    method = {"enum": methods, "default": default}
    body = {"type": "object"} if methods is _CHANGES else {}
    request = {"method": method, "path": description.PATH, "params": {"type": "object"}, "ok": description.STATUSES}
    return _object(about, ("path", *required), **request, **({"body": body} if body else {}), **more)


class DescribedKeys(KeyIssuer):
    """Its description is in the map."""

    schema = Schema(
        {
            "create": _call(
                _CHANGES,
                "POST",
                f"What makes a key: {NAME} is our name for it. value says where the key stands in the answer, id where "
                "its id does. Of a key of several parts, value is {key_id: PATH, secret: PATH}, with names of yours.",
                ("value",),
                value={"type": ["string", "object"], "minLength": 1, "minProperties": 1, "additionalProperties": _JSON},
                id=_JSON,
                created_at=_JSON,
                expires_at=_JSON,
            ),
            "list": _call(
                ["GET", "POST"],
                "GET",
                "What lists keys: items says where the list stands in the answer; id, name, created_at, expires_at, "
                "last_used_at and revoked where these stand in a key. Pages: after is the parameter of the cursor, "
                "which stands at cursor, or is the last id; page is the parameter that counts; more says if there are.",
                (),
                items=_JSON,
                **dict.fromkeys(sorted(_FACTS), _JSON),
                after=_JSON,
                cursor=_JSON,
                page=_JSON,
                more=_JSON,
            ),
            "revoke": _call(_CHANGES, "DELETE", f"What ends the key whose id is {ID}.", ()),
            "verify": _call(
                ["GET", "POST"],
                "GET",
                "What shows a key: alive and dead are the answers that prove something, by status and if need be by "
                "what stands at a path of the JSON. headers carry ${token}; unless said, as the connection does. "
                "basic, such as ${key_id}:${secret}, goes by Basic authentication. nonsense is a text in the form of a "
                "key that nobody has issued.",
                (),
                url=_JSON,
                headers={"type": "object", "minProperties": 1, "additionalProperties": _JSON},
                alive={"type": "array", "items": _SIGN, "minItems": 1},
                dead={"type": "array", "items": _SIGN, "minItems": 1},
                basic=_JSON,
                nonsense=_JSON,
            ),
            "names": _object(
                "Which names of keys it takes: of how many characters, and which beside letters and digits.",
                (),
                longest={"type": "integer", "minimum": 16},
                punctuation={"type": "string"},
            ),
            "quota": {"type": "integer", "minimum": 2, "description": "How many keys there can be at once."},
        },
        required=("create", "list", "revoke", "verify"),
    )
    connection: HttpConnection
    unverifiable = "whether the connection's token may make and revoke keys; whether the description fits its answers"

    @classmethod
    def validate(cls, options: Options, max_age: Any) -> list[str]:
        return list(dict.fromkeys(_problems(options)))

    @classmethod
    def fields_of(cls, options: Options) -> tuple[str, ...]:
        return tuple(_value(options))

    @classmethod
    def label(cls, options: Options) -> str:
        return f"key_api {options['create']['path']}"

    @classmethod
    def whereabouts(cls, options: Options) -> str:
        return str(options["create"]["path"])

    @classmethod
    def places(cls, options: Options) -> Mapping[str, Any]:
        return {}

    @classmethod
    def describe(cls, options: Options) -> KeyApi:
        create, listing, verify = options["create"], options["list"], options["verify"]
        shown: dict[str, Any] = {
            name: tuple(Sign(**sign) for sign in verify[name]) for name in ("alive", "dead") if name in verify
        }
        given = {name: listing[name] for name in ("items", "after", "cursor", "page", "more") if name in listing}
        return KeyApi(
            create=_request(create, "POST"),
            value=_value(options),
            made=_facts(create),
            listing=Listing(_request(listing, "GET"), facts=_facts(listing), **given),
            revoke=_request(options["revoke"], "DELETE"),
            verify=Verify(
                _request(verify, "GET"), headers=verify.get("headers", {}), url=verify.get("url", ""), **shown
            ),
            quota=options.get("quota"),
            names=_names(options.get("names", {})),
        )

    @property
    def _verify(self) -> Verify | None:
        verify, said = super()._verify, self.options["verify"].keys() & {"headers", "basic"}
        return verify if verify is None or said else replace(verify, headers=self.connection.presents)

    def _headers(self, how: Verify, credential: Credential) -> Mapping[str, str]:
        headers, basic = super()._headers(how, credential), self.options["verify"].get("basic")
        if not basic:
            return headers
        pair = Template.parse(basic).render(credential.fields).reveal()
        return {**headers, "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def preflight(self, current: str | None) -> list[str]:
        return super().preflight(current) or self._objections_to_verify()

    def _objections_to_verify(self) -> list[str]:
        """Show a key that nobody has issued: a call that does not refuse it could never prove a revocation."""
        text = self.options["verify"].get("nonsense") or f"rotor-{secrets.token_urlsafe(24)}"
        try:
            answer = self.verify(
                Credential("0", "nonsense", dict.fromkeys(self.fields_of(self.options), SecretValue(text)))
            )
        except errors.StoppedError:
            raise
        except errors.RotorError as error:
            return [f"verify does not refuse a key that nobody has issued: {error}"]
        return [] if answer is Answer.REFUSED else ["verify accepts a key that nobody has issued. Name another call"]


def _value(options: Options) -> Mapping[str, str]:
    """Return the fields of a key, by their paths in the answer that makes it."""
    value = options["create"]["value"]
    return {"token": value} if isinstance(value, str) else value


def _names(options: Mapping[str, Any]) -> NameRule:
    punctuation = options.get("punctuation")
    characters = "" if punctuation is None else f"A-Za-z0-9{re.escape(punctuation)}"
    return NameRule(options.get("longest"), characters)


def _request(options: Mapping[str, Any], method: str) -> Call:
    given: dict[str, Any] = {name: options[name] for name in ("body", "params") if name in options}
    if "ok" in options:
        given["ok"] = tuple(options["ok"])
    return Call(options.get("method", method), options["path"], **given)


def _facts(options: Mapping[str, Any]) -> Facts:
    return Facts(**{name: options[name] for name in _FACTS & options.keys()})


def _problems(options: Options) -> Iterator[str]:
    known: dict[str, set[str]] = {"create": {NAME}, "list": set(), "revoke": {NAME, ID}, "verify": {NAME, ID}}
    for part, places in known.items():
        used = set(_places(options[part]))
        yield from (f"{part}: {place} is unknown; there are {' and '.join(sorted(places))}" for place in used - places)
    if NAME not in set(_places(options["create"])):
        yield f"create: neither its path nor its body says {NAME}, by which a key is found whose making got no answer"
    if ID not in set(_places(options["revoke"])):
        yield f"revoke: neither its path nor its body says {ID}"
    for part in ("create", "list"):
        for name in options[part].keys() & {*_FACTS, "items", "cursor", "more"}:
            if wrong := paths.problem(options[part][name]):
                yield f"{part}.{name}: {wrong}"
    for name, path in _value(options).items():
        if wrong := paths.problem(path):
            yield f"create.value: {wrong}"
        if name in ("id", "name") or not re.fullmatch(r"[A-Za-z_]\w*", name):
            yield f"create.value: {name} cannot be the name of a field; key_id and secret can"
    if set(_value(options).values()) == {options["create"].get("id", Facts.id)}:
        yield "create.id: it is where the value stands; an id is kept and shown, and so cannot be the key itself"
    if {"after", "page"} <= options["list"].keys():
        yield "list: pages go on by after or by page, not by both"
    yield from _problems_in_verify(options["verify"])
    yield from _problems_in_what_is_shown(options["verify"], set(_value(options)))


def _problems_in_verify(verify: Mapping[str, Any]) -> Iterator[str]:
    signs = [sign for name in ("alive", "dead") for sign in verify.get(name, ())]
    yield from (f"verify: {wrong}" for sign in signs if "at" in sign and (wrong := paths.problem(sign["at"])))
    alive = verify.get("alive", [{"status": 200}])
    if any(sign in alive for sign in verify.get("dead", [{"status": 401}])):
        yield "verify: the same answer cannot say that a key is alive and that it is dead"


def _problems_in_what_is_shown(verify: Mapping[str, Any], fields: set[str]) -> Iterator[str]:
    shown = {**verify.get("headers", {}), **({"basic": verify["basic"]} if "basic" in verify else {})}
    part, known = "headers" if "headers" in verify else "basic", ", ".join(f"${{{name}}}" for name in sorted(fields))
    if not shown and fields != {"token"}:
        yield f"verify: headers or basic has to say where the parts of the key go: {known}"
    try:
        names = {name for text in shown.values() for name in Template.parse(text).names}
    except ValueError as error:
        yield f"verify.{part}: {error}"
        return
    if shown and (not names or names - fields):
        yield f"verify.{part}: it needs a field of the key, and there is no other than {known}"


def _places(tree: Any) -> Iterator[str]:
    """Find the placeholders in what a call sends."""
    sent = [tree["path"], tree.get("body"), tree.get("params")]
    yield from (place for text in description.texts(sent) for place in re.findall(r"<\w+>", text))
