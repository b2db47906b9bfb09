# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vault's own credentials: there is no stand-in that could be slow or full; their own tests ask a real server."""

from __future__ import annotations

from tests.conformance.issuers.absent import column, open_bench

__all__ = ["open_bench"]

WHY = "No stand-in answers: `tests/unit/providers/vault` asks a real OpenBao."
BENCHES = [column(name, WHY) for name in ("vault_approle_secret_id", "vault_token")]


def stop_all() -> None:
    """Nothing was started."""
