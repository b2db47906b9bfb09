# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which provider a request is for, by whichever of its addresses it came."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.types import Scope

from .provider import Provider


def find(scope: Scope, providers: Iterable[Provider]) -> tuple[Provider, Scope] | None:
    """The provider, and the request as it is below the provider's prefix.

    A slash within a segment stays encoded. A client that takes us for its proxy sends the whole URL.
    """
    target = scope["raw_path"].decode()
    for provider in providers:
        for door in (provider.prefix, *provider.doors):
            if target == door or target.startswith(f"{door}/"):
                path = "/".join(unquote(part).replace("/", "%2F") for part in target.removeprefix(door).split("/"))
                return provider, {**scope, "path": provider.prefix + path, "door": door}
    return None


def base_url(request: Request) -> str:
    """The address as its client knows it."""
    door: str = request.scope["door"]
    return door if urlsplit(door).scheme else f"{request.url.scheme}://{request.headers['host']}{door}"
