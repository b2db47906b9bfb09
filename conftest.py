# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives a plain clone the name that an installed collection has, so that pytest runs in the clone itself.

The name comes from a link, not from entries in ``sys.modules``: what a test starts takes ``sys.path`` along.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NAME = Path("ansible_collections/rotor/secrets")


def link_clone() -> None:
    """Make the clone importable as ``ansible_collections.rotor.secrets``, unless it lies in folders of that name."""
    if ROOT.parts[-3:] == NAME.parts:
        return
    paths = ROOT / ".build/types"  # where `make types` has it, too
    link = paths / NAME
    link.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        link.symlink_to(ROOT)
    sys.path.insert(0, str(paths))


link_clone()
