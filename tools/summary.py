# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds up pytest's reports: one line for each suite, and the total as the last line."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path


def count(report: Path) -> Counter[str]:
    total: Counter[str] = Counter()
    for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 - pytest wrote it a moment ago
        total["failed"] += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        total["skipped"] += int(suite.get("skipped", 0))
        total["passed"] += int(suite.get("tests", 0))
    total["passed"] -= total["failed"] + total["skipped"]
    return total


def line(total: Counter[str]) -> str:
    return ", ".join(f"{total[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped"))


def main() -> None:
    counts = {report.stem: count(report) for report in sorted(Path(sys.argv[1]).glob("*.xml"))}
    for suite, total in counts.items():
        print(f"{suite}: {line(total)}")
    print(line(sum(counts.values(), Counter())))


if __name__ == "__main__":
    main()
