# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``http``: one URL answers as it should, if need be with the new credential, and goes on doing so."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from ..._core import durations
from ..._core.contracts import Check, Checkpoint, Evidence, Options, Schema
from ..._core.credential import Credential
from ..._core.errors import (
    CheckFailedError,
    ConfigurationError,
    OutcomeUnknownError,
    RotorError,
    UnavailableError,
    UnexpectedAnswerError,
    UnreadableAnswerError,
    UntrustedServerError,
)
from ..._core.http import certificates, paths
from ..._core.http.answers import Answer
from ..._core.http.client import HttpClient, checked_url, origin
from ..._core.templates import FILTERS, Template
from . import steps
from .steps import ANY_STATUS

_STATUS = {"type": "integer", "minimum": 100, "maximum": 599}
STATUSES = {"type": "array", "items": _STATUS, "minItems": 1}
_DURATION = {"type": "string", "pattern": durations.PATTERN, "minLength": 2}


@dataclass(frozen=True)
class _Field:
    """What a JSON document is to hold at a path; ``shown`` is empty where the value is made from the credential."""

    path: str
    value: Any
    shown: str

    def problem(self, document: Any) -> str:
        found = _at(document, self.path)
        same = paths.text_of(found) == self.value if not self.shown else _is(found, self.value)
        return "" if same else f"{self.path} in its JSON is not {self.shown or 'what the new credential says'}"


class Http(Check):
    """It uses no connection, and sends the credential nowhere but to the URL's own origin: redirects end it."""

    connected = False
    takes_via = True
    schema = Schema(
        properties={
            "url": {"type": "string", "minLength": 1, "description": "Https, or plain http on loopback."},
            "method": {"enum": ["GET", "HEAD", "POST"], "default": "GET", "description": "The request's verb."},
            "status": {
                "oneOf": [_STATUS, STATUSES],
                "default": 200,
                "description": "The status, or the statuses, that it is to answer with.",
            },
            "json": {
                "type": "object",
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
                "description": "Dotted path in the JSON answer: what is to stand there; may hold ${id}, ${name} and "
                "the new credential's ${field}.",
            },
            "header": {
                "type": "object",
                "additionalProperties": {"type": "string", "minLength": 1},
                "description": 'Headers to send, made from the new credential: {Authorization: "Bearer ${token}"}.',
            },
            certificates.OPTION: certificates.SCHEMA,
            "retries": {
                "type": "integer",
                "minimum": 0,
                "default": 10,
                "description": "How many more times to ask before it has failed.",
            },
            "every": _DURATION | {"default": "3s", "description": "The pause between two requests."},
            "soak": _DURATION | {"default": "0s", "description": "For how long it must go on to hold."},
            "timeout": {"type": "integer", "minimum": 1, "default": 10, "description": "Seconds for one answer."},
            **steps.SCHEMA,
        },
        required=("url",),
    )

    @classmethod
    def validate(cls, options: Options) -> list[str]:
        found = []
        try:
            checked_url(options["url"])
        except RotorError as error:
            found.append(f"url: {error}")
        found += certificates.validate(options)
        found += dict.fromkeys(steps.problems(options)) if "steps" in options else []
        found += (
            ["cleanup: there are no steps that make something"]
            if options.keys() & {"cleanup", "steps"} == {"cleanup"}
            else []
        )
        for option in ("header", "json"):
            for name, text in options.get(option, {}).items():
                try:
                    Template.parse(str(text))
                except ValueError as error:
                    found.append(f"{option}.{name}: {error}")
        return found

    @classmethod
    def label(cls, options: Options) -> str:
        what = f"{len(options['steps'])} steps at" if "steps" in options else options.get("method", "GET")
        return f"{what} {address(options)}"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        if "steps" in options:
            return steps.longest(options)
        retries: int = options.get("retries", 10)
        asks = timedelta(seconds=options.get("timeout", 10))
        waits = durations.parse(options.get("every", "3s")) * retries + durations.parse(options.get("soak", "0s"))
        return asks * (retries + 1) + waits

    def preflight(self) -> list[str]:
        self._client().reach(self.label(self.options))
        return []

    def run(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        if "steps" in self.options:
            return self._steps(credential, checkpoint)
        look = self._prepare(credential)
        every = durations.parse(self.options.get("every", "3s")).total_seconds()
        tries = self.options.get("retries", 10) + 1
        for attempt in range(1, tries + 1):
            problem = look()
            if not problem:
                asked = self._soak(look, every)
                return {"attempts": attempt, "soaked": asked}
            if attempt < tries:
                self.clock.waits_for(f"another answer: it {problem}")
                self.clock.sleep(every)
        raise self._failed(problem, f"asked {tries} times")

    def _steps(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        label = self.label(self.options)
        if credential is None and steps.makes(self.options):
            raise ConfigurationError(f"{label} may change something", hint="Name it under verify, not healthy")
        client, headers = self._client(self.options["url"]), self._headers(credential)
        client.reach(label)
        name = f"rotor-check-{self.of_run}-{secrets.token_hex(4)}"
        return steps.Steps(self.options, client, headers, self.clock, label).run(name, checkpoint)

    def _headers(self, credential: Credential | None) -> dict[str, str]:
        given = self.options.get("header", {})
        return {name: self._expand(Template.parse(text), credential) for name, text in given.items()}

    def _soak(self, look: Callable[[], str], every: float) -> int:
        """Ask until the soak time is over and return how often; a single failure ends it."""
        soak = self.options.get("soak", "0s")
        until = self.clock.monotonic() + durations.parse(soak).total_seconds()
        asked = 0
        self.clock.waits_for(f"the {soak} for which it has to hold")
        while (left := until - self.clock.monotonic()) > 0:
            self.clock.sleep(min(every, left))
            if problem := look():
                raise self._failed(problem, f"after it had held; it was to hold for {soak}")
            asked += 1
        return asked

    def _failed(self, problem: str, when: str) -> CheckFailedError:
        return CheckFailedError(
            f"{self.label(self.options)} {problem} ({when})", hint="See what answers there, mend it, and run again"
        )

    def _client(self, url: str = "") -> HttpClient:
        """Open a client of the URL's origin, or of another base address there."""
        more: dict[str, Any] = {name: self.options.get(name) for name in ("ca_cert", "via")}
        base = url or origin(self.options["url"])
        return HttpClient("http check", base, None, clock=self.clock, attempts=1, redirects=False, **more)

    def _prepare(self, credential: Credential | None) -> Callable[[], str]:
        """Return a function that sends the request and says what is wrong with its answer."""
        url, method = self.options["url"], self.options.get("method", "GET")
        client = self._client()
        client.reach(self.label(self.options))
        expected = [self._field(path, value, credential) for path, value in self.options.get("json", {}).items()]
        headers = self._headers(credential)

        def look() -> str:
            try:
                answer = client.request(
                    method,
                    url,
                    doing="checking",
                    ok=ANY_STATUS,
                    headers=headers,
                    idempotent=False,  # over a new connection: a balancer leaves one that is kept with one replica
                    timeout=self.options.get("timeout", 10),
                )
            except UntrustedServerError:  # it is refused again, however often one asks
                raise
            except (UnavailableError, OutcomeUnknownError, UnreadableAnswerError) as error:
                return f"gave no answer: {error.message.rpartition(': ')[2]}"
            return self._problem(answer, expected)

        return look

    def _problem(self, answer: Answer, expected: list[_Field]) -> str:
        wanted = self.options.get("status", 200)
        statuses = [wanted] if isinstance(wanted, int) else wanted
        if answer.status not in statuses:
            return f"answered {answer.status}, not {' or '.join(map(str, statuses))}"
        if not expected:
            return ""
        try:
            document = answer.json
        except UnexpectedAnswerError:
            return f"answered {answer.status} with something that is not JSON"
        return next(filter(None, (field.problem(document) for field in expected)), "")

    def _field(self, path: str, value: Any, credential: Credential | None) -> _Field:
        template = Template.parse(value) if isinstance(value, str) else Template(())
        if template.names:
            return _Field(path, self._expand(template, credential), "")
        literal = "".join(map(str, template.parts)) if isinstance(value, str) else value
        return _Field(path, literal, json.dumps(literal))

    def _expand(self, template: Template, credential: Credential | None) -> str:
        """Expand a template, also ``${id}`` and ``${name}``, which are not secret and not masked."""
        known = _known(credential)
        if unknown := sorted(template.names - known.keys()):
            if credential is None:
                raise ConfigurationError(
                    f"{self.label(self.options)} needs the new credential", hint="Name it under verify, not healthy"
                )
            raise ConfigurationError(
                f"{self.label(self.options)}: ${{{unknown[0]}}} is unknown", hint=f"There are {', '.join(known)}"
            )
        return "".join(
            part if isinstance(part, str) else FILTERS[part.filter or "raw"](known[part.name]())
            for part in template.parts
        )


def address(options: Options) -> str:
    """Return host, port and path of a check's URL, for people (its query may be secret), and the host on the way."""
    parts, via = urlsplit(options["url"]), options.get("via")
    return f"{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}{f' via {via}' if via else ''}"


def _known(credential: Credential | None) -> Mapping[str, Callable[[], str]]:
    if credential is None:
        return {}
    plain = {"id": lambda: str(credential.id), "name": lambda: credential.name}
    return plain | {name: value.reveal for name, value in credential.fields.items()}


def _at(document: Any, path: str) -> Any:
    """Return what stands at a path like ``items.0.name``; ABSENT where there is nothing, which is not null."""
    for step in path.split("."):
        if isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        else:
            return paths.ABSENT
    return document


def _is(found: Any, value: Any) -> bool:
    return type(found) is type(value) and bool(found == value)
