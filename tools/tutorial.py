# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every command of docs/tutorial.md in one shell, and writes what each of them printed below it.

Usage: python -m tools.tutorial. It takes the ports 5000, 8099 and 8200, and the folder /tmp/shop.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
ANSIBLE = re.compile(r"(PLAY|TASK|included:|ok:|changed:|skipping:|fatal:|localhost |\[ERROR\]|Origin:|\d+ |\s+\^ |$)")
"""How the lines begin that are Ansible's own."""
END = "-- the command has ended --"
STARTING = 3
"""Seconds for a server to start."""


def commands(block: str) -> list[str]:
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def run(lines: list[str]) -> list[list[str]]:
    """What each command printed, without Ansible's own lines."""
    script = "".join(f"{line}\n{f'sleep {STARTING}' if line.endswith('&') else ':'}\necho '{END}'\n" for line in lines)
    with tempfile.TemporaryDirectory() as home:
        own = {"HOME": home, "XDG_STATE_HOME": f"{home}/state", "ANSIBLE_NOCOLOR": "1", "PYTHONUNBUFFERED": "1"}
        environment = {**os.environ, **own}
        environment.pop("ANSIBLE_HOME", None)
        shell = subprocess.run(
            ["bash"], input=script, env=environment, cwd=ROOT, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    printed = shell.stdout.split(f"{END}\n")[:-1]
    return [[line for line in text.splitlines() if not ANSIBLE.match(line)] for text in printed]


def main() -> int:
    text = DOCUMENT.read_text(encoding="utf-8")
    wanted = [line for block in BLOCK.findall(text) for line in commands(block)]
    printed = run(wanted)
    if len(printed) != len(wanted):
        print(f"The shell ended after {wanted[len(printed)]}")
        return 1
    outputs = iter(printed)

    def filled(block: re.Match[str]) -> str:
        return "".join(f"{line}\n" for command in commands(block[0]) for line in [f"$ {command}", *next(outputs)])

    DOCUMENT.write_text(BLOCK.sub(filled, text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
