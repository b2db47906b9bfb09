# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An example against its world: ``python -m tests.demo EXAMPLE``, as ``make demo`` runs it."""

from __future__ import annotations

import sys

from . import agenticverz, molecule_saas, quickstart

EXAMPLES = {"agenticverz": agenticverz.main, "molecule_saas": molecule_saas.main, "quickstart": quickstart.main}


def main(example: str) -> int:
    if example not in EXAMPLES:
        print(f"EXAMPLE: there is no demo of {example}; there are: {', '.join(EXAMPLES)}", file=sys.stderr)
        return 2
    return EXAMPLES[example]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
