# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails where too few branches are covered: coverage's own limit is for lines and branches together."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> int:
    report, limit = Path(sys.argv[1]), float(sys.argv[2])
    covered = json.loads(report.read_text())["totals"]["percent_branches_covered"]
    print(f"{covered:.1f} % of the engine's branches are covered ({limit:g} % are wanted)")
    return int(covered < limit)


if __name__ == "__main__":
    sys.exit(main())
