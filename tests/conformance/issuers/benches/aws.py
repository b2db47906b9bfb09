# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM's access keys: there is no stand-in of ours that could be slow or full; their own tests ask moto."""

from __future__ import annotations

from tests.conformance.issuers.absent import column, open_bench

__all__ = ["open_bench"]

WHY = "No stand-in of ours answers: `tests/unit/providers/aws` asks moto."
BENCHES = [column(name, WHY) for name in ("aws_iam_access_key",)]


def stop_all() -> None:
    """Nothing was started."""
