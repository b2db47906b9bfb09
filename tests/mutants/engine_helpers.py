# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the safeguards of the engine are written down."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

RUNS = ("rotation", "revoking", "kill")
PLANS = ("rule", *RUNS)


def mutant(safeguard: str, text: str, instead: str, *tests: str) -> Mutant:
    names = tuple(f"engine/test_{name}" for name in tests)
    return Mutant(safeguard, "plugin_utils/_engine", text, instead, names)


def dropped(safeguard: str, clause: str, *tests: str, instead: str = "") -> Mutant:
    return mutant(safeguard, clause, instead, *(tests or PLANS))


def departed(safeguard: str, text: str, instead: str) -> Mutant:
    return Mutant(safeguard, "plugin_utils/_engine", text, instead, ("providers/postgres/test_departed",))


def deposited(safeguard: str, text: str, instead: str) -> Mutant:
    return Mutant(safeguard, "plugin_utils/_ansible/deposited", text, instead, ("ansible/test_deposited",))


def ssh_host(safeguard: str, text: str, instead: str) -> Mutant:
    return Mutant(safeguard, "plugin_utils/_ansible/ssh_hosts", text, instead, ("ansible/test_ssh_hosts",))


def late(attempt: str, effect: str) -> tuple[str, str]:
    """Return an attempt at an effect, and the same with the effect before its intent."""
    margin = attempt[: len(attempt) - len(attempt.lstrip())]
    inner = f"{margin}    "
    early = effect.replace(f"\n{inner}", f"\n{margin}")
    return f"{attempt}{inner}{effect}", f"{margin}intent = 0\n{margin}{early}{attempt}{inner}pass\n"
