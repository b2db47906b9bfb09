# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook run as a user would run it, and what the world says of it afterwards."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
Finding = tuple[str, bool, str]
"""What is to hold, whether it does, and what was seen."""


def run(command: list[str], environment: Mapping[str, str]) -> int:
    print(f"$ {' '.join(command)}", flush=True)
    began = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    print(f"The playbook took {time.monotonic() - began:.1f} s and ended with code {code}.\n")
    return code


@dataclass(frozen=True)
class Played:
    code: int
    output: str

    @property
    def changed(self) -> int:
        """How many tasks have changed something, by Ansible's recap."""
        return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", self.output))


def play(command: list[str], environment: Mapping[str, str]) -> Played:
    """As ``run``, and keep what was printed."""
    print(f"$ {shlex.join(command)}", flush=True)
    began = time.monotonic()
    lines = []
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    print(f"The playbook took {time.monotonic() - began:.1f} s and ended with code {process.returncode}.\n")
    return Played(process.returncode, "".join(lines))


def names(example: str) -> list[str]:
    """Return the secrets of an example's map that somebody rotates."""
    file = ROOT / example / "group_vars" / "all" / "secrets.yml"
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))["secret_map"]
    return [name for name, entry in entries.items() if entry["issuer"]["type"] != "none"]


def report(findings: list[Finding], violations: Iterable[object] = ()) -> int:
    """Print what the world says; 0 where all of it holds."""
    print("What the world itself says:")
    for what, right, detail in findings:
        print(f"  {'yes' if right else 'NO '}  {what} ({detail})")
    for violation in violations:
        print(f"       {violation}")
    return 0 if all(right for _what, right, _detail in findings) else 1
