# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``signed_request``: whoever verifies signatures takes a harmless event that the new secret has signed.

It is accepted, one that a secret of nobody has signed is refused, and after the grace so is one of the old secret. A
verifier that takes everything proves nothing, and fails; so does one of whose replicas some have not been reloaded.

Sources: docs.stripe.com, "Verify webhook signatures manually"; the Standard Webhooks specification 1.0.0;
docs.github.com, "Validating webhook deliveries".
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from ..._core import demand
from ..._core.contracts import Answer, Check, Checkpoint, Evidence, Options, Schema
from ..._core.credential import Credential
from ..._core.errors import (
    ConfigurationError,
    OutcomeUnknownError,
    RotorError,
    UnavailableError,
    UnreadableAnswerError,
    UntrustedServerError,
)
from ..._core.http import certificates
from ..._core.http.client import HttpClient, checked_url, origin
from ..._core.templates import Template
from . import description
from .check import STATUSES, address
from .steps import ANY_STATUS

_RETRIES, _SECONDS = 10, 10
_ACCEPTED, _REFUSED = (200, 201, 202, 204), (400, 401)
_PLACES = ("<id>", "<timestamp>", "<time>")
_PREFIX = "whsec_"
"""What stands before the base64 of a key in Standard Webhooks."""


@dataclass(frozen=True)
class _Dialect:
    """How a body is signed, and where the signature stands."""

    signs: str
    headers: Mapping[str, str]
    event: Any = None
    algorithm: str = "sha256"
    encoding: str = "hex"
    key: str = "text"


_DIALECTS: Mapping[str, _Dialect] = {
    "stripe": _Dialect(
        signs="<timestamp>.<body>",
        headers={"Stripe-Signature": "t=<timestamp>,v1=<signature>"},
        event={
            "id": "evt_<id>",
            "object": "event",
            "type": "rotor.check",
            "created": "<timestamp>",
            "livemode": False,
            "data": {"object": {"id": "rotor_<id>", "object": "rotor.check"}},
        },
    ),
    "standard_webhooks": _Dialect(
        signs="msg_<id>.<timestamp>.<body>",
        headers={
            "webhook-id": "msg_<id>",
            "webhook-timestamp": "<timestamp>",
            "webhook-signature": "v1,<signature>",
        },
        event={"type": "rotor.check", "timestamp": "<time>", "data": {}},
        encoding="base64",
        key="base64",
    ),
    "github": _Dialect(
        signs="<body>",
        headers={
            "X-GitHub-Event": "ping",
            "X-GitHub-Delivery": "<id>",
            "X-Hub-Signature-256": "sha256=<signature>",
        },
        event={"zen": "Practicality beats purity.", "hook_id": 0, "hook": {}},
    ),
}
_HMAC = "hmac"
_DESCRIBED = tuple(field.name for field in fields(_Dialect))


class SignedRequest(Check):
    """It uses no connection; of the credential, only signatures leave."""

    connected = False
    takes_via = True
    schema = Schema(
        properties={
            "url": {"type": "string", "minLength": 1, "description": "Https, or plain http on loopback."},
            "secret": {
                "type": "string",
                "minLength": 1,
                "description": "The new credential's signing secret, such as ${value}.",
            },
            "dialect": {
                "enum": [*_DIALECTS, _HMAC],
                "description": "How it is signed. hmac is described by signs and headers; these and the next ones "
                "take the place of what another dialect has.",
            },
            "event": {
                "type": ["object", "string"],
                "description": "A harmless event, as JSON or as the text of the body; <id>, <timestamp> (seconds) and "
                "<time> (RFC 3339) are filled in. Unless said, one of a type that nobody knows; of GitHub, a ping.",
            },
            "signs": {
                "type": "string",
                "pattern": "<body>",
                "description": "What is signed: <timestamp>.<body>.",
            },
            "headers": {
                "type": "object",
                "additionalProperties": {"type": "string", "minLength": 1},
                "description": "What is sent beside the body: {X-Signature: 'v0=<signature>'}, with <id>, <timestamp> "
                "and <time>.",
            },
            "algorithm": {
                "enum": ["sha1", "sha256", "sha384", "sha512"],
                "description": "The hash; sha256 unless said.",
            },
            "encoding": {"enum": ["hex", "base64"], "description": "Of the signature; hex unless said."},
            "key": {
                "enum": ["text", "base64"],
                "description": "What the secret is: the key as it stands, or its base64, perhaps behind whsec_.",
            },
            "status": {
                **STATUSES,
                "default": list(_ACCEPTED),
                "description": "The statuses of an event that it takes.",
            },
            "refused": {
                **STATUSES,
                "default": list(_REFUSED),
                "description": "The statuses of an event whose signature is wrong; none of them is one of status. A "
                "403 is one only where it is said, since a firewall answers so, too.",
            },
            "old_refused": {
                "enum": ["after_grace", "at_once"],
                "default": "after_grace",
                "description": "When an event of the old secret is refused, where its value is kept (retain: current): "
                "before it is revoked, when the checks run again; at_once, also in the roll-out.",
            },
            certificates.OPTION: certificates.SCHEMA,
            **demand.schema(_RETRIES),
            "timeout": {"type": "integer", "minimum": 1, "default": _SECONDS, "description": "Seconds for one answer."},
        },
        required=("url", "secret", "dialect"),
    )

    @classmethod
    def validate(cls, options: Options) -> list[str]:
        return list(_problems(options))

    @classmethod
    def label(cls, options: Options) -> str:
        return f"signed request to {address(options)}"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        return 3 * demand.Demand(options, _RETRIES).longest(options.get("timeout", _SECONDS))

    def preflight(self) -> list[str]:
        self._client().reach(self.label(self.options))
        return []

    def run(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        if credential is None:
            raise ConfigurationError(
                f"{self.label(self.options)} needs the new credential", hint="Name it under verify, not healthy"
            )
        key = _key(self.options, credential)
        tries = self._demand(key, "the new secret has signed", Answer.ACCEPTED)
        self._demand(secrets.token_bytes(32), "nobody's secret has signed", Answer.REFUSED)
        ended = self.replaced if self.before_revoke or self.options.get("old_refused") == "at_once" else None
        if ended:
            self._demand(_key(self.options, ended), "the old secret has signed", Answer.REFUSED)
        return {"attempts": tries, "old": "refused" if ended else "not asked"}

    def _demand(self, key: bytes, what: str, wanted: Answer) -> int:
        """Send events until enough in a row are accepted, or refused, and return how many times that was begun."""
        how = demand.Demand(self.options, _RETRIES)
        return how.hold(self, wanted, f"an event that {what}", lambda: self._send(key), _HINTS[wanted])

    def _send(self, key: bytes) -> tuple[Answer, str]:
        """Send an event of its own, and return the answer, and in words what came."""
        client = self._client()
        body, headers = _event(_dialect(self.options), key, client.server_time() or self.clock.now())
        try:
            answer = client.request(
                "POST",
                self.options["url"],
                doing="checking",
                ok=ANY_STATUS,
                content=body,
                headers={"Content-Type": "application/json", **headers},
                timeout=self.options.get("timeout", _SECONDS),
            )
        except UntrustedServerError:
            raise
        except (UnavailableError, OutcomeUnknownError, UnreadableAnswerError) as error:
            return Answer.UNCLEAR, f"no answer, {error.message.rpartition(': ')[2]}"
        if answer.status in self.options.get("status", _ACCEPTED):
            return Answer.ACCEPTED, f"it answered {answer.status}"
        refused = answer.status in self.options.get("refused", _REFUSED)
        return (Answer.REFUSED if refused else Answer.UNCLEAR), f"it answered {answer.status}"

    def _client(self) -> HttpClient:
        if self._made is None:
            more: dict[str, Any] = {name: self.options.get(name) for name in ("ca_cert", "via")}
            more |= {"attempts": 1, "redirects": False, "clock": self.clock}
            self._made = HttpClient("signed request", origin(self.options["url"]), None, **more)
        return self._made

    _made: HttpClient | None = None


_HINTS = {
    Answer.ACCEPTED: "See whether all that verifies there has the new secret and takes such an event, and run again",
    Answer.REFUSED: "What takes it does not verify signatures, or still has another secret; mend that, and run again",
}


def _dialect(options: Options) -> _Dialect:
    known = _DIALECTS.get(options["dialect"], _Dialect("", {}))
    given = {name: options.get(name, getattr(known, name)) for name in _DESCRIBED}
    return _Dialect(**given)


def _event(how: _Dialect, key: bytes, now: datetime) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of an event that ``key`` has signed."""
    places = {
        "<id>": secrets.token_hex(16),
        "<timestamp>": str(int(now.timestamp())),
        "<time>": f"{now:%Y-%m-%dT%H:%M:%SZ}",
    }
    text = how.event if isinstance(how.event, str) else json.dumps(how.event)
    body = _filled(text.replace('"<timestamp>"', "<timestamp>"), places)
    signed = _filled(how.signs, places).replace("<body>", body)
    digest = hmac.new(key, signed.encode(), how.algorithm)
    signature = digest.hexdigest() if how.encoding == "hex" else base64.b64encode(digest.digest()).decode()
    return body.encode(), {
        name: _filled(value, {**places, "<signature>": signature}) for name, value in how.headers.items()
    }


def _filled(text: str, places: Mapping[str, str]) -> str:
    for place, value in places.items():
        text = text.replace(place, value)
    return text


def _key(options: Options, credential: Credential) -> bytes:
    known, template = credential.in_checks, Template.parse(options["secret"])
    if unknown := sorted(template.names - known.keys()):
        raise ConfigurationError(f"{SignedRequest.label(options)}: ${{{unknown[0]}}} is unknown")
    secret = template.render(known).reveal()
    if _dialect(options).key == "text":
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        pass
    raise ConfigurationError(f"{SignedRequest.label(options)}: the secret is not the base64 of a key")


def _problems(options: Options) -> Iterator[str]:
    try:
        checked_url(options["url"])
    except RotorError as error:
        yield f"url: {error}"
    yield from certificates.validate(options)
    try:
        names = Template.parse(options["secret"]).names
    except ValueError as error:
        yield f"secret: {error}"
    else:
        if not names - {"id", "name"}:
            yield "secret: it needs the field that holds the secret, such as ${value}"
    described = {"signs", "headers"} - options.keys() if options["dialect"] == _HMAC else set()
    yield from (f"dialect: hmac has to be described; {name} is missing" for name in sorted(described))
    if options["dialect"] == _HMAC and "event" not in options:
        yield "dialect: hmac has to be described; event is missing"
    how = _dialect(options)
    if not any("<signature>" in text for text in how.headers.values()) and "headers" in options:
        yield "headers: none of them says <signature>"
    if any("${" in text for text in description.texts([how.event, dict(how.headers), how.signs])):
        yield "fields of the credential stand in secret alone"
    both = set(options.get("status", _ACCEPTED)) & set(options.get("refused", _REFUSED))
    yield from (f"refused: {status} cannot say both that it is taken and that it is not" for status in sorted(both))
