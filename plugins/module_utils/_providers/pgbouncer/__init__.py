# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Store copies in the lists of users of PgBouncer, on inventory hosts."""

from __future__ import annotations

from ..._core.contracts import Provider

PROVIDER = Provider(
    title="PgBouncer's user lists on hosts",
    connections={"pgbouncer_userlist": "store:UserListConnection"},
    stores={"pgbouncer_userlist": "store:UserList"},
)
