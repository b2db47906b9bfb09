# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""POSIX access lists as the kernel has them."""

from __future__ import annotations

import struct

OWNER, USER, GROUP, MASK, OTHERS, NO_ID = 1, 2, 4, 16, 32, 0xFFFFFFFF


def access_list(*entries: tuple[int, int, int]) -> bytes:
    """The value of the extended attribute: tag, rights and id of each entry."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
