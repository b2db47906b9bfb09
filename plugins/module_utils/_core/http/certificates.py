# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates a connection trusts: those of ``ca_cert``, or of REQUESTS_CA_BUNDLE, or the usual ones."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError

OPTION = "ca_cert"
SCHEMA = {
    "type": "string",
    "minLength": 1,
    "description": "PEM file of the certificates to trust, such as those of a CA of your own, instead of the usual "
    "ones.",
}
_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def validate(options: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with the file that ``ca_cert`` names."""
    problem = _problem(options[OPTION]) if isinstance(options.get(OPTION), str) else ""
    return [f"{OPTION}: {problem}"] if problem else []


def checked(ca_cert: str | None) -> str | None:
    """Return ``ca_cert`` if it is a file of certificates; ConfigurationError otherwise."""
    problem = _problem(ca_cert) if ca_cert else ""
    if problem:
        raise ConfigurationError(f"{OPTION}: {problem}")
    return ca_cert


def trusted(ca_cert: str | None) -> str | bool:
    """Return what ``verify`` of ``requests`` is to be."""
    if ca_cert:
        return str(checked(ca_cert))
    for name in _VARIABLES:
        if path := os.environ.get(name):
            if not Path(path).exists():
                raise ConfigurationError(f"{name}: there is no file {path}")
            return path
    return True


def _problem(path: str) -> str:
    try:
        if not Path(path).is_file():
            return f"there is no file {path}"
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return f"{path} holds no certificate in PEM form"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    except ValueError:
        return "that is not the path of a file"
    return ""
