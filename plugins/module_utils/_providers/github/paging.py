# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that come in pages."""

from __future__ import annotations

import re

from ..._core.http.answers import Answer

PER_PAGE = 100
_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')


def next_page(answer: Answer) -> str | None:
    """Return the address of the next page; HttpClient refuses one on another host."""
    following = _NEXT.search(answer.headers.get("Link", ""))
    return following.group(1) if following else None
