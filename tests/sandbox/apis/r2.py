# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloudflare R2 as S3's clients see it: a pair that was derived from an API token signs the requests (SigV4).

Its errors are those of developers.cloudflare.com, R2, error codes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import reduce

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..provider import Provider, RefusedError
from .service import DescribedApi

_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\S+), SignedHeaders=(\S+), Signature=(\w+)")
_CODES = {401: "Unauthorized", 403: "SignatureDoesNotMatch"}
_BUCKETS = "<ListAllMyBucketsResult><Owner><ID>shop</ID></Owner><Buckets/></ListAllMyBucketsResult>"


class R2(Provider):
    """Knows no key of its own, and has no buckets."""

    name, prefix = "r2", "/r2"

    @classmethod
    def credentials(cls) -> tuple[str, ...]:
        return ()

    def seed(self) -> None:
        """There is nothing to forget."""

    def routes(self) -> list[BaseRoute]:
        return [Route("/", self._buckets, methods=["GET"])]

    def problem(self, status: int, message: str) -> Response:
        error = f"<Error><Code>{_CODES.get(status, 'InternalError')}</Code><Message>{message}</Message></Error>"
        return Response(error, status, media_type="application/xml")

    async def _buckets(self, request: Request) -> Response:
        signed = _SIGNED.fullmatch(request.headers.get("authorization", ""))
        issuer = self.world.providers["cloudflare"]
        assert isinstance(issuer, DescribedApi)
        token = issuer.keys.get(signed[1]) if signed else None
        if signed is None or token is None or token.body.get("status", "active") != "active":
            raise RefusedError(401, "unknown access key")
        secret = hashlib.sha256(token.value.encode()).hexdigest()
        if not hmac.compare_digest(_signature(request, secret, signed[2], signed[3].split(";")), signed[4]):
            raise RefusedError(403, "the signature is another one")
        return Response(_BUCKETS, media_type="application/xml")


def _signature(request: Request, secret: str, scope: str, names: list[str]) -> str:
    headers = [f"{name}:{request.headers[name]}" for name in names]
    whole = [request.method, request.url.path, request.url.query, *headers, "", ";".join(names)]
    digest = hashlib.sha256("\n".join([*whole, request.headers["x-amz-content-sha256"]]).encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, digest])
    return reduce(_seal, [*scope.split("/"), text], b"AWS4" + secret.encode()).hex()


def _seal(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
