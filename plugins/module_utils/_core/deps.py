# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Third-party libraries, imported when they are first used.

Nothing imports them at module level: core's sanity tests run without them, boto3 and its like are slow to load, and
a missing one is reported with its name and how to install it.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from types import ModuleType

from .errors import MissingLibraryError

_PACKAGES = {
    "botocore": "boto3",
    "jwt": "PyJWT",
    "nacl": "PyNaCl",
    "psycopg": "psycopg[binary]",
    "sqlalchemy": "SQLAlchemy",
}


_one_at_a_time = threading.RLock()
"""Where modules import each other, two threads that begin at both ends would each find the other's half finished."""


def library(name: str) -> ModuleType:
    """Import ``name`` (dotted names too), or say which package to install into which Python."""
    try:
        with _one_at_a_time:
            return importlib.import_module(name)
    except ImportError as error:
        top = name.partition(".")[0]
        package = _PACKAGES.get(top, top)
        raise MissingLibraryError(
            f"the Python library {package} is missing for {sys.executable}",
            hint=f"Install it with: {sys.executable} -m pip install {package}",
        ) from error


def preload(*names: str) -> None:
    """Import what is there of these; whoever uses a missing one says so."""
    for name in names:
        with contextlib.suppress(MissingLibraryError):
            library(name)
