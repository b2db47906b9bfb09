# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a provider's answers mean where HTTP leaves it open; most say what HTTP's own words are for."""

from __future__ import annotations

import random

from . import limits
from .answers import Answer, http_date
from .budget import remaining


class Dialect:
    """429 says that requests come too fast. A provider that says so in other ways has a subclass."""

    def throttles(self, answer: Answer) -> bool:
        """Return whether a request was refused for its pace: it had no effect, whatever its method."""
        return answer.status == 429

    def default_pause(self, answer: Answer, attempt: int) -> float:
        """Return the seconds to wait after a refusal for the pace that asks for no pause."""
        return backoff(attempt)

    def permission_hint(self, answer: Answer) -> str:
        """Return advice from a 403 that names the missing right."""
        return ""


def backoff(attempt: int) -> float:
    return random.uniform(0.5, 1) * float(min(2 ** (attempt - 1), 30))  # noqa: S311 - jitter


def requested_pause(answer: Answer) -> float | None:
    """Return the seconds that Retry-After or the reset of a spent quota asks for; None where neither can be read."""
    after = answer.headers.get("Retry-After", "")
    seconds, moment = limits.number(after), http_date(after)
    if seconds is not None:
        return float(seconds)
    if moment:
        return max((moment - answer.date).total_seconds(), 1.0)
    now = answer.date.timestamp()
    left, reset = remaining(answer.headers, now)
    return None if left else max(reset - now, 1.0)
