# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Become a command with some variables more. This program runs on the host, alone, on Python 3.7 or later."""

from __future__ import annotations

import json
import os
import sys


def main(ctype: str) -> None:
    """Read the variables from standard input, which the command gets empty; ``ctype`` is the LC_CTYPE of before."""
    document = json.load(sys.stdin)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if not ctype:
        os.environ.pop("LC_CTYPE", None)
    os.environ.update(document["variables"])
    command = document["command"]
    try:
        os.execvp(command[0], command)  # noqa: S606 - what it is for
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1])
