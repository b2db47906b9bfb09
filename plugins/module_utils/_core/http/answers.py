# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An answer over HTTP, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from . import limits
from .shapes import Shape, checked

_YEARS = (2000, 2200)
"""Between which a server's date lies; what is compared with another one stays within the calendar."""


@dataclass(frozen=True)
class Answer:
    """An answer with a status that the caller expected."""

    status: int
    headers: Mapping[str, str]
    text: str
    where: str
    url: str

    @property
    def json(self) -> Any:
        """Parse the body; UnexpectedAnswerError for HTML, cut-off JSON and their like."""
        return limits.document(self.text, f"{self.where} answered {self.status}", self.status)

    def shaped(self, shape: Shape) -> Any:
        """Parse the body and check its shape; UnexpectedAnswerError otherwise."""
        return checked(self.json, shape, f"{self.where} answered {self.status}", self.status)

    @property
    def date(self) -> datetime:
        """Return the server's time, or our own where it sends none that can be true."""
        return http_date(self.headers.get("Date", "")) or datetime.now(UTC)


def http_date(header: str) -> datetime | None:
    """Parse a moment as HTTP writes it; None for what is none, or lies centuries away."""
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if _YEARS[0] <= moment.year < _YEARS[1] else None
