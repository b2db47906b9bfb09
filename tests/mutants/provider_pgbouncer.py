# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of PgBouncer."""

from __future__ import annotations

from tests.mutants.mutant import provider

MUTANTS = (
    provider(
        "a list that PgBouncer does not read to its end is left alone",
        "pgbouncer/on_host_program",
        "        if match is None:",
        "        if match is None and (match := re.compile(b'.*', re.DOTALL).match(text, start)) is None:",
        "userlist",
    ),
    provider(
        "a quote in a name is doubled", "pgbouncer/on_host_program", """field.replace('"', '""')""", "field", "userlist"
    ),
)
