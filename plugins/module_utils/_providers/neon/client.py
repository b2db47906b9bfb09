# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connect to Neon's API.

``GET /auth`` takes a person's key too; the list of projects wants that one's organization named.
"""

from __future__ import annotations

from ..._core.http.key_api import ApiConnection, Call

ID = {"type": "string", "pattern": "^[a-z0-9-]{1,60}$"}


class NeonConnection(ApiConnection):
    system = "Neon"
    base_url = "https://console.neon.tech/api/v2"
    whoami = Call("GET", "/auth")
