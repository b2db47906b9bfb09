# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""botocore's sessions, with our rules for addresses, proxies, certificates and sizes in every client that they make.

Also in those with which botocore itself looks for credentials, such as STS for a profile's role. It asks a machine or a
container for its role without a client, and there the rules do not hold.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from ..._core.deps import library
from ..._core.http import certificates, limits, wire
from ..._core.http.client import checked_url
from ..._core.http.proxies import is_loopback

if TYPE_CHECKING:
    from ..._core.forwards import Way


def core_session(ca_cert: str | None, via: Way | None = None) -> Any:
    """Return a session of botocore. All of a process share what they read of its own data, which takes 0.1 s."""
    core = _session_class()()
    core.rotor_ca_cert = certificates.checked(ca_cert)
    core.rotor_via = via
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
    return core


@cache
def _session_class() -> type:
    session: Any = library("botocore.session").Session

    class RuledSession(session):
        rotor_ca_cert: str | None = None
        rotor_via: Way | None = None

        def create_client(self, *args: Any, **options: Any) -> Any:
            if self.rotor_ca_cert and options.get("verify") is None:
                options["verify"] = self.rotor_ca_cert
            client = super().create_client(*args, **options)
            url = checked_url(client.meta.endpoint_url)  # AWS_ENDPOINT_URL and profiles may name one, too
            if getproxies() and (self.rotor_via or is_loopback(urlsplit(url).hostname or "")):
                options["config"] = _without_proxies(options.get("config"))
                client = super().create_client(*args, **options)
            _observed(client._endpoint.http_session, self.rotor_via)
            return client

    return RuledSession


def _without_proxies(config: Any) -> Any:
    alone = library("botocore.config").Config(proxies={})
    return config.merge(alone) if config else alone


def _observed(http_session: Any, via: Way | None) -> None:
    """Its managers for proxies take their pools from the same attribute, when they are made."""
    wire.observe(limits.bound(http_session._manager), via.local if via else None)
    http_session._pool_classes_by_scheme = http_session._manager.pool_classes_by_scheme


@cache
def _loader(path: str | None) -> Any:
    return library("botocore.loaders").create_loader(path)
