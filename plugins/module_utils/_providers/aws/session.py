# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""boto3's clients for one set of credentials."""

from __future__ import annotations

import os
import re
from functools import partial
from threading import Lock
from typing import Any

from ..._core.clock import Clock
from ..._core.contracts import Options
from ..._core.deps import library
from ..._core.errors import AuthenticationError, ConfigurationError
from ..._core.http import wire
from ..._core.http.client import VERSION
from .botocore_session import core_session

READ_TIMEOUT = 30.0


class Clients:
    """Clients of one set of credentials, made on first use under a lock: boto3's sessions are not thread-safe."""

    def __init__(self, options: Options, run: str, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._run = run
        self._via = options["via"].take() if options.get("via") else None
        self._lock = Lock()
        self._session: Any = None
        self._clients: dict[str, Any] = {}

    def get(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                self._session = self._session or self._start()
                client = self._clients[service] = self._client(self._session, service)
                client.meta.events.register("before-send", self._before_sending)
            return self._clients[service]

    def _before_sending(self, **event: Any) -> None:
        """Begin anew: a role may have had to be assumed first."""
        self._clock.check()
        wire.arm(**event)

    def access_key(self) -> str | None:
        """Return the id of the access key that roles are assumed with, if there is one."""
        with self._lock:
            own = self._source().get_credentials()
            return str(own.access_key) if own else None

    def _source(self) -> Any:
        options = self._options
        return library("boto3").Session(
            botocore_session=self._core(),
            profile_name=options.get("profile") or None,
            region_name=options.get("region") or os.environ.get("AWS_REGION") or None,
            **_keys(options),
        )

    def _start(self) -> Any:
        options, session = self._options, self._source()
        if not session.region_name:
            raise ConfigurationError(
                "the AWS connection has no region", hint="Set region, AWS_REGION, or a region in the profile"
            )
        return self._assume(session, options["role_arn"]) if options.get("role_arn") else session

    def _assume(self, source: Any, role: str) -> Any:
        """Return a session with the role's credentials, which botocore renews before they expire."""
        credentials = library("botocore.credentials")
        own = source.get_credentials()
        if own is None:
            raise AuthenticationError(
                f"there are no AWS credentials to assume {role} with",
                hint="Give access_key_id and secret_access_key, or a profile",
            )
        external = {"ExternalId": self._options["external_id"]} if self._options.get("external_id") else {}
        fetcher = credentials.AssumeRoleCredentialFetcher(
            client_creator=partial(self._client, source),
            source_credentials=own,
            role_arn=role,
            extra_args={"RoleSessionName": _session_name(self._run), **external},
        )
        assumed = credentials.DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
        core = self._core()
        core.register_component("credential_provider", credentials.CredentialResolver([_Given(assumed)]))
        return library("boto3").Session(botocore_session=core, region_name=source.region_name)

    def _client(self, session: Any, service: str, **keys: Any) -> Any:
        """Make a client without retries: we retry, on our own clock."""
        config = library("botocore.config").Config(
            connect_timeout=10,
            read_timeout=READ_TIMEOUT,
            max_pool_connections=32,
            retries={"total_max_attempts": 1, "mode": "standard"},
            user_agent_extra=f"rotor.secrets/{VERSION}" + (f" (run {self._run})" if self._run else ""),
        )
        url = self._options.get("endpoint_url") or None
        return session.client(service, config=config, endpoint_url=url, **keys)

    def _core(self) -> Any:
        return core_session(self._options.get("ca_cert"), self._via)


class _Given:
    """A provider of credentials, as botocore looks for them."""

    METHOD = CANONICAL_NAME = "assume-role"

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    def load(self) -> Any:
        return self._credentials


def _keys(options: Options) -> dict[str, str]:
    names = {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "aws_session_token": "session_token",
    }
    return {theirs: options[ours].reveal() for theirs, ours in names.items() if options.get(ours)}


def _session_name(run: str) -> str:
    """Return the session name, which CloudTrail shows."""
    return re.sub(r"[^\w+=,.@-]", "-", f"rotor-{run}" if run else "rotor", flags=re.ASCII)[:64]
