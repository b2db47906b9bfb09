# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS's APIs through boto3: one account and region, seen with one set of credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from ..._core import errors
from ..._core.clock import Clock
from ..._core.contracts import Connection, Options, Schema
from ..._core.credential import SecretValue
from ..._core.deps import library
from ..._core.http import certificates, limits, shapes, wire
from ..._core.http.budget import Budget, Pace
from ..._core.http.client import checked_url, place
from ..._core.http.dialect import backoff
from ..._core.http.shapes import Maybe, Shape
from ..._core.references import SCHEMA as REFERENCE
from . import failures
from .session import READ_TIMEOUT, Clients

WRITES_PER_SECOND = 40
_READING = re.compile(r"(Get|Describe|List)[A-Z]")
_ATTEMPTS = 5


class AwsConnection(Connection):
    """One AWS account and region; each service has a connection type of its own."""

    service: ClassVar[str]
    where = ("endpoint_url", "region", "profile", "role_arn")
    schema = Schema(
        properties={
            "region": {
                "type": "string",
                "description": "The region. Default: AWS_REGION, then AWS_DEFAULT_REGION, then the profile's.",
            },
            "profile": {
                "type": "string",
                "description": "A profile of AWS's configuration files. Default: AWS_PROFILE.",
            },
            "access_key_id": REFERENCE,
            "secret_access_key": REFERENCE,
            "session_token": REFERENCE,
            "role_arn": {
                "type": "string",
                "pattern": "^arn:",
                "description": "A role to assume with these credentials; its session is renewed by itself.",
            },
            "external_id": {"type": "string", "description": "The external id that the role's trust policy asks for."},
            "endpoint_url": {
                "type": "string",
                "description": "Another address of the API, for STS as well. Default: AWS_ENDPOINT_URL.",
            },
            certificates.OPTION: certificates.SCHEMA,
            "writes_per_second": {
                "type": "integer",
                "minimum": 1,
                "default": WRITES_PER_SECOND,
                "description": "How many changes to send in a second at most.",
            },
        },
    )
    references = ("access_key_id", "secret_access_key", "session_token")
    in_headers = ("access_key_id", "session_token")

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        if bool(options.get("access_key_id")) != bool(options.get("secret_access_key")):
            raise errors.ConfigurationError("access_key_id and secret_access_key come together, or not at all")
        certificates.checked(options.get("ca_cert"))
        if options.get("endpoint_url"):
            checked_url(options["endpoint_url"])
        self.clock = clock
        self._options, self._run = options, run
        self._clients = Clients(options, run, clock)
        pace = options.get("writes_per_second") or WRITES_PER_SECOND
        self._budget = Budget(clock, Pace(pace, pace, lambda request: "" if request.writes else None))

    def probe(self) -> str:
        """Ask STS who we are, which every credential may."""
        doing = "asking AWS who we are"
        identity = self.call("GetCallerIdentity", doing, needs={"Account": str, "Arn": str}, service="sts")
        return f"account {identity['Account']}, {identity['Arn'].split(':', 5)[-1]}, {self.region}"

    def access_key(self) -> str | None:
        """Return the id of the access key that the connection is opened with, whoever it becomes with a role."""
        try:
            return self._clients.access_key()
        except failures.kinds():
            return None

    def opened_with(self, pair: Mapping[str, SecretValue], *, role: bool = True) -> AwsConnection:
        """Open another connection to the same place, with this pair of keys in place of its own."""
        left_out = {*self.references, "profile", *(() if role else ("role_arn", "external_id"))}
        options = {name: option for name, option in self._options.items() if name not in left_out}
        return type(self)({**options, **pair, "region": self.region}, clock=self.clock, run=self._run)

    @property
    def region(self) -> str:
        return str(self._client(self.service, "looking for the region").meta.region_name)

    def call(
        self,
        operation: str,
        doing: str,
        *,
        needs: Mapping[str, Shape] | None = None,
        resource: str = "*",
        repeatable: bool = False,
        service: str = "",
        **arguments: Any,
    ) -> dict[str, Any]:
        """Call an operation, again where that is harmless, and return an answer that has what it ``needs``.

        ``doing`` begins every error, ``resource`` says what a missing right is about. ``repeatable``: a change that
        may be sent twice; where no answer comes in the end, its outcome is unknown all the same.
        """
        service = service or self.service
        changes = not _READING.match(operation)
        client = self._client(service, doing)
        call = failures.Call(service, operation, doing, client.meta.endpoint_url, resource, changes)
        if via := self._options.get("via"):
            via.reach(*place(client.meta.endpoint_url), call.where)
        doubt = False
        for attempt in range(1, _ATTEMPTS + 1):
            with wire.watch(fresh=changes and not repeatable, armed=False) as transmission:
                try:
                    with (
                        self._budget.turn("POST" if changes else "GET", operation),
                        limits.allowance(call.where, READ_TIMEOUT),
                    ):
                        answer = _send(client, operation, arguments)
                except failures.kinds() as exception:
                    error = failures.translate(exception, call, transmission)
                    asked = failures.asked_pause(exception)
                else:
                    return _checked(answer, call, needs or {})
            pause = backoff(attempt + 1) if asked is None else asked
            doubt = doubt or isinstance(error, errors.OutcomeUnknownError)
            if attempt == _ATTEMPTS or not _may_repeat(error, repeatable) or pause > self._budget.patience:
                raise (errors.in_doubt(error) if doubt else error) from None
            if isinstance(error, errors.RateLimitedError):
                self._budget.hold(pause)
            else:
                self.clock.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def pages(self, operation: str, doing: str, key: str, item: Shape, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of all pages, each of this shape; an empty page need not be the last."""
        more: dict[str, Any] = {}
        cursors = limits.Cursors(doing)
        while True:
            answer = self.call(operation, doing, needs={key: [item], "NextToken": Maybe(str)}, **arguments, **more)
            yield from answer[key]
            if not answer.get("NextToken"):
                return
            more = {"NextToken": cursors.next(answer["NextToken"])}

    def _client(self, service: str, doing: str) -> Any:
        try:
            return self._clients.get(service)
        except failures.kinds() as exception:
            call = failures.Call(service, "connecting", doing, service, "*", changes=False)
            raise failures.translate(exception, call, wire.Transmission()) from None


class SsmConnection(AwsConnection):
    """A connection to Systems Manager's Parameter Store."""

    service = "ssm"


class SecretsManagerConnection(AwsConnection):
    """A connection to Secrets Manager."""

    service = "secretsmanager"


def _send(client: Any, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = getattr(client, library("botocore").xform_name(operation))(**arguments)
    return answer


def _checked(answer: dict[str, Any], call: failures.Call, needs: Mapping[str, Shape]) -> dict[str, Any]:
    """Check an answer: boto3 makes an empty one of whatever it cannot read, such as HTML with status 200."""
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    found: dict[str, Any] = shapes.checked(answer, needs, f"{call.where} answered", status)
    return found


def _may_repeat(error: errors.RotorError, repeatable: bool) -> bool:
    """Return whether to send a call again: a throttled or unsent one had no effect; a bad certificate stays bad."""
    if isinstance(error, errors.OutcomeUnknownError):
        return repeatable
    if isinstance(error, errors.UntrustedServerError):
        return False
    return isinstance(error, (errors.RateLimitedError, errors.UnavailableError))
