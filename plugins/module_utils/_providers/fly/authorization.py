# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Authorization header that Fly wants for each kind of token."""

from __future__ import annotations

import re

from ..._core import masking
from ..._core.credential import SecretValue

_SCHEME = re.compile(r"(?:bearer|flyv1)\s+", re.IGNORECASE)
_MACAROON = re.compile(r"fm(?:1r|1a|2)_")


def header(token: SecretValue) -> str:
    """Return the Authorization header: ``FlyV1`` for macaroons, ``Bearer`` for other tokens.

    A minted token already begins with its scheme and holds a space and commas: it is one value, never to be cut.
    """
    bare = token.reveal().strip()
    while scheme := _SCHEME.match(bare):
        bare = bare[scheme.end() :].lstrip()
    masking.register(bare)
    return f"{'FlyV1' if _MACAROON.match(bare) else 'Bearer'} {bare}"
