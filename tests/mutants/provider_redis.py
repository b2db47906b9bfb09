# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of Redis."""

from __future__ import annotations

from tests.mutants.mutant import provider

MUTANTS = (
    provider(
        "Redis: a password of nobody is refused",
        "redis",
        'self._demand(Answer.REFUSED, "a password of nobody", SecretValue(secrets.token_urlsafe(32)), name)',
        "pass",
        "redis",
    ),
    provider("Redis: in clear on loopback only", "redis", 'parts.scheme == "redis" and', "False and", "redis"),
)
