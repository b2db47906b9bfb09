# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which proxy a request goes through: none to loopback, and for the rest what the environment says.

Plain http is for loopback only, so that a proxy is never used but with CONNECT, inside of which it sees nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from ..deps import library


def proxies_for(url: str) -> Mapping[str, str]:
    """Return what HTTPS_PROXY, ALL_PROXY and NO_PROXY say for an address, by scheme; nothing for loopback."""
    if is_loopback(urlsplit(url).hostname or ""):
        return {}
    return dict(library("requests.utils").get_environ_proxies(url, no_proxy=None))


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
