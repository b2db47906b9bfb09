# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of credentials that cannot be sent must know of PostgreSQL: nobody listens there."""

from __future__ import annotations

CONNECTION = {"host": "127.0.0.1", "port": 1, "user": "rotor"}
