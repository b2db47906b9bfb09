# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to Supabase's Management API, and the options that say which project."""

from __future__ import annotations

from ..._core.contracts import Options
from ..._core.http.key_api import ApiConnection, Call

PROJECT = {
    "project": {"type": "string", "pattern": "^[a-z]{20}$", "description": "Reference of the project."},
    "project_url": {
        "type": "string",
        "pattern": "^https?://",
        "description": "Base address of the project's own API, unless it is in supabase.co.",
    },
}


def address(options: Options) -> str:
    """Return the base address of a project's own API."""
    return str(options.get("project_url", f"https://{options['project']}.supabase.co"))


class SupabaseConnection(ApiConnection):
    system = "Supabase"
    base_url = "https://api.supabase.com/v1"
    whoami = Call("GET", "/projects")
    per_second = 1  # 60 or 120 a minute, by the age of the page that says it
