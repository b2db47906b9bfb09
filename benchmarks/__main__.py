# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the contests and writes the page: ``python -m benchmarks [--quick] [--only NAME,NAME] [--runs N]``."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack

from benchmarks import machine, page, runner
from benchmarks.contests import CONTESTS
from benchmarks.stage import Stage


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description="What a rotation costs.")
    parser.add_argument("--quick", action="store_true", help="small sizes and one round: two minutes, ratios only")
    parser.add_argument("--only", default="", help=f"some of {', '.join(one.name for one in CONTESTS)}")
    parser.add_argument("--runs", type=int, default=0, help="how many rounds, instead of three or five")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else [one.name for one in CONTESTS]
    picked = [one for one in CONTESTS if one.name in wanted and (one.quick or not options.quick)]
    began = time.monotonic()
    with ExitStack() as stack:
        stage = Stage(stack, quick=options.quick)
        about = machine.describe(stage)
        rows = []
        for one, found in runner.run(picked, stage, _say, options.runs):
            page.keep(one.name, found, about, quick=options.quick)
            rows += found.figures(one)
    _say("\n".join(["", *page.table(rows)]))
    files = ", ".join(path.name for path in (page.KEPT, page.PAGE, page.PICTURE))
    _say(f"\n{time.monotonic() - began:.0f} s. Written: {files}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
