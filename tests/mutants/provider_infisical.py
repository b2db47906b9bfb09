# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of Infisical."""

from __future__ import annotations

from tests.mutants.mutant import provider

MUTANTS = (
    provider(
        "lost write: read back (Infisical)",
        "infisical/store",
        "if all(_holds(now, key, value) for key, value in values.items()):\n                    return now",
        "if values:\n                    return now",
        "infisical_store",
    ),
    provider(
        "evidence (Infisical)",
        "infisical/store",
        "before.keys() == now.keys() and all(_same(before[key], now[key]) for key in before)",
        "True",
        "infisical_store",
    ),
    provider("check and set: crossed (Infisical)", "infisical/store", "if crossed:", "if False:", "infisical_store"),
    provider(
        "200 that awaits approval (Infisical)",
        "infisical/store",
        'if "approval" in response:',
        "if False:",
        "infisical_store",
    ),
    provider(
        "200 with another value (Infisical)",
        "infisical/store",
        "if other := [key for key in values if key in seen and value_of(made[key]) != values[key]]:",
        "if other := ():",
        "infisical_store",
    ),
    provider(
        "Infisical: the connection's own client secret is told",
        "infisical/client_secrets",
        "bool(begins and own.reveal().startswith(begins))",
        "False",
        "client_secrets",
    ),
)
