# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How hvac's requests are sent: by our HttpClient, with our errors instead of hvac's, whose texts quote the server's.

hvac knows paths, methods and bodies; it asks nothing of an adapter but these few methods.

In a cluster, standbys answer reads from what they have, which may lack our own last write. The answer to a write has
the index of the state that it made; a request that shows it is answered from that state or a later one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from ..._core.clock import Clock
from ..._core.credential import SecretValue
from ..._core.errors import ConflictError, RotorError, StoppedError, UnavailableError, UnexpectedAnswerError
from ..._core.http.answers import Answer
from ..._core.http.client import HttpClient
from . import answers

if TYPE_CHECKING:
    from ..._core.forwards import Way

_HEALTH = (200, 429, 472, 473, 474, 501, 503, 530)
"""What sys/health answers with, its body being the same; there, 429 means standby and not too many requests."""
_CATCHING_UP = 6
"""How often to ask a node that has not caught up with our last write."""


class Wire:
    """One server, whoever asks."""

    def __init__(self, url: str, *, clock: Clock, run: str, ca_cert: str | None, via: Way | None = None) -> None:
        self._clock = clock
        self._index = ""
        options: dict[str, Any] = {"clock": clock, "run": run, "ca_cert": ca_cert, "via": via, "redirects": False}
        options["headers"] = {"X-Vault-Request": "true"}
        self._http = HttpClient("Vault", url, None, **options)
        self._impatient = HttpClient("Vault", url, None, attempts=1, **options)

    def server_time(self) -> datetime | None:
        return self._http.server_time()

    def send(
        self,
        method: str,
        path: str,
        doing: str,
        *,
        token: SecretValue | None = None,
        namespace: str = "",
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        content: str = "",
        reads: bool = False,
    ) -> dict[str, Any]:
        """Send a request and return its result. ``content`` is the type of the body; ``reads``: it changes nothing."""
        headers = {"X-Vault-Namespace": namespace} if namespace else {}
        if token:
            headers["X-Vault-Token"] = token.reveal()
        if content:
            headers["Content-Type"] = content
        if self._index:
            headers |= {"X-Vault-Index": self._index, "X-Vault-Inconsistent": "forward-active-node"}
        try:
            answer = self._ask(method, path, doing, params=params, body=body, headers=headers, reads=reads)
        except UnavailableError as error:
            raise self._explained(error) from None
        except UnexpectedAnswerError as error:
            if error.status and 300 <= error.status < 400:
                raise UnavailableError(
                    f"{error.message}: it is a standby that sends its clients to another node",
                    hint="The token was not sent there. Let url name the active node, or what stands before all nodes",
                    status=error.status,
                ) from None
            raise
        if method != "GET":  # a standby's answer to a read has the index of what it has
            self._index = answer.headers.get("X-Vault-Index", self._index)
        return answers.result(answer)

    def _ask(self, method: str, path: str, doing: str, **more: Any) -> Answer:
        """Send a request, again after a 412: a standby has not caught up, and has done nothing."""
        for attempt in range(_CATCHING_UP):
            try:
                return self._http.request(method, path, doing=doing, ok=answers.UNDERSTOOD, **more)
            except ConflictError as behind:
                if behind.status != 412:
                    raise
                refused = behind
            self._clock.sleep(0.1 * 2**attempt)
        raise UnavailableError(f"{refused.message}: it does not catch up with the active node", status=412)

    def _explained(self, error: UnavailableError) -> UnavailableError:
        """Tell a sealed, uninitialized or standby server from one that is ill, by ``sys/health``."""
        health = self._health() if error.status else {}
        if health.get("initialized") is False:
            why, hint = "the server was never initialized", "Initialize it (operator init), and run again"
        elif health.get("sealed"):
            why, hint = "the server is sealed", "Unseal it (operator unseal), and run again"
        elif health.get("standby"):
            why, hint = "it is a standby, and its active node does not answer", "Look after the cluster"
        else:
            return error
        return UnavailableError(f"{error.message}: {why}", hint=hint, status=error.status)

    def _health(self) -> dict[str, Any]:
        try:
            body = self._impatient.request(
                "GET", "/v1/sys/health", doing="asking for the server's health", ok=_HEALTH, timeout=5
            ).json
        except StoppedError:
            raise
        except RotorError:
            return {}
        return body if isinstance(body, dict) else {}


class Ask(Protocol):
    """:meth:`Wire.send`, where token and namespace are known."""

    def __call__(self, method: str, path: str, doing: str, **more: Any) -> dict[str, Any]: ...


class Adapter:
    """An adapter for hvac's classes; ``doing`` begins every error's message."""

    def __init__(self, ask: Ask, doing: str) -> None:
        self._ask = ask
        self._doing = doing

    def get(self, url: str, params: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        return self._ask("GET", url, self._doing, params=params, **more)

    def post(self, url: str, json: Any = None, wrap_ttl: None = None) -> dict[str, Any]:
        return self._ask("POST", url, self._doing, body=json)

    def look(self, url: str, json: Any) -> dict[str, Any]:
        """Send a POST that changes nothing."""
        return self._ask("POST", url, self._doing, body=json, reads=True)

    def put(self, url: str, json: Any = None) -> dict[str, Any]:
        return self._ask("PUT", url, self._doing, body=json)

    def delete(self, url: str) -> dict[str, Any]:
        return self._ask("DELETE", url, self._doing)

    def login(self, url: str, json: Any, use_token: bool = True) -> dict[str, Any]:
        """Log in; the token is returned, and not kept here."""
        return self.post(url, json)

    def patch(self, url: str, json: Any) -> dict[str, Any]:
        """Send an RFC 7396 merge patch, which hvac lacks; a refusal is for the caller to work around."""
        content = "application/merge-patch+json"
        return self._ask("PATCH", url, self._doing, body=json, content=content, optional=True)
