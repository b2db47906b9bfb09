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
_imported: dict[str, ModuleType] = {}
"""Those that are whole, for whoever asks while another thread imports something slow."""


def library(name: str) -> ModuleType:
    """Import ``name`` (dotted names too), or say which package to install into which Python."""
    if name in _imported and sys.modules.get(name) is _imported[name]:
        return _imported[name]
    try:
        with _one_at_a_time:
            _imported[name] = importlib.import_module(name)
        return _imported[name]
    except ImportError as error:
        raise _missing(name) from error


def require(*names: str) -> None:
    """Import all of these, or name every one that is missing."""
    missing = []
    for name in names:
        try:
            library(name)
        except MissingLibraryError:
            missing.append(name)
    if missing:
        raise _missing(*missing)


def _missing(*names: str) -> MissingLibraryError:
    tops = (name.partition(".")[0] for name in names)
    packages = [_PACKAGES.get(top, top) for top in tops]
    which = f"library {packages[0]} is" if len(packages) == 1 else f"libraries {', '.join(packages)} are"
    return MissingLibraryError(
        f"the Python {which} missing for {sys.executable}",
        hint=f"Install with: {sys.executable} -m pip install {' '.join(packages)}",
    )


def preload(*names: str) -> None:
    """Import what is there of these; whoever uses a missing one says so."""
    for name in names:
        with contextlib.suppress(MissingLibraryError):
            library(name)
