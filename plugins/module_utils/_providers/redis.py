# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that a Redis server lets the new credential in, and a password of nobody not."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

from .._core import demand, redis
from .._core.contracts import Answer, Check, Checkpoint, Evidence, Options, Provider, Schema
from .._core.credential import Credential, SecretValue
from .._core.errors import ConfigurationError, UnavailableError, UntrustedServerError
from .._core.http import certificates
from .._core.http.proxies import is_loopback
from .._core.templates import Template

_PORT, _SECONDS, _RETRIES = 6379, 10, 5
_HINT = "See which password its user has there, if it needs one at all, and run again"


class SignIn(Check):
    """It works on no connection: whoever signs in is the new credential."""

    connected = False
    takes_via = True
    schema = Schema(
        {
            "url": {
                "type": "string",
                "pattern": r"^rediss?://[^/?#@]+/?$",
                "description": "rediss://HOST:PORT; plain redis:// for loopback only. Without any credential.",
            },
            "username": {
                "type": "string",
                "minLength": 1,
                "description": "The user, such as ${username}; the default user unless said.",
            },
            "password": {"type": "string", "minLength": 1, "description": "The password: ${password}."},
            certificates.OPTION: certificates.SCHEMA,
            **demand.schema(_RETRIES),
        },
        required=("url", "password"),
    )

    @classmethod
    def validate(cls, options: Options) -> list[str]:
        return list(_problems(options))

    @classmethod
    def label(cls, options: Options) -> str:
        via = f" via {options['via']}" if options.get("via") else ""
        return f"signing in at {options['url'].rstrip('/')}{via}"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        return 2 * demand.Demand(options, _RETRIES).longest(_SECONDS)

    @property
    def _server(self) -> redis.Server:
        parts, how = _parts(self.options), {name: self.options.get(name) for name in ("ca_cert", "via")}
        return redis.Server(parts.hostname or "", parts.port or _PORT, parts.scheme == "rediss", **how)

    def preflight(self) -> list[str]:
        self._server.reach(self.label(self.options))  # an error is the problem
        return []

    def run(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        if credential is None:
            raise ConfigurationError(
                f"{self.label(self.options)} needs the new credential", hint="Name it under verify, not healthy"
            )
        user, password = (self._expanded(option, credential) for option in ("username", "password"))
        name = user.reveal() if user else ""
        tries = self._demand(Answer.ACCEPTED, "the new password", password or SecretValue("-"), name)
        self._demand(Answer.REFUSED, "a password of nobody", SecretValue(secrets.token_urlsafe(32)), name)
        return {"attempts": tries}

    def _expanded(self, option: str, credential: Credential) -> SecretValue | None:
        if option not in self.options:
            return None
        known, template = credential.in_checks, Template.parse(self.options[option])
        if unknown := sorted(template.names - known.keys()):
            raise ConfigurationError(f"{self.label(self.options)}: {option}: ${{{unknown[0]}}} is unknown")
        return template.render(known)

    def _demand(self, wanted: Answer, what: str, password: SecretValue, user: str) -> int:
        """Sign in until the answer is as it has to be, and return how many times that was begun."""
        how = demand.Demand(self.options, _RETRIES)
        return how.hold(self, wanted, what, lambda: self._sign_in(password, user), _HINT)

    def _sign_in(self, password: SecretValue, user: str) -> tuple[Answer, str]:
        self.clock.check()
        try:
            answer = self._server.authenticate("checking", password, user, ping=True)
        except UntrustedServerError:
            raise
        except UnavailableError as error:
            return Answer.UNCLEAR, f"not answered ({error.message.rpartition(': ')[2]})"
        return answer, f"it is {answer}"


def _parts(options: Options) -> SplitResult:
    return urlsplit(options["url"])


def _problems(options: Options) -> Iterator[str]:
    try:
        parts: Any = _parts(options)
        host, _port = parts.hostname, parts.port
    except ValueError:
        yield "url: that is not an address such as rediss://HOST:6379"
    else:
        if parts.scheme == "redis" and not is_loopback(host or ""):
            yield "url: redis:// would send a password in clear; use rediss://"
    yield from certificates.validate(options)
    names: set[str] = set()
    for option in ("username", "password"):
        try:
            names = Template.parse(options.get(option, "")).names
        except ValueError as error:
            yield f"{option}: {error}"
            return
    if not names - {"id", "name"}:
        yield "password: it needs the field that holds the password, such as ${password}"


PROVIDER = Provider("Redis", checks={"redis": SignIn})
