# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of the command on a host."""

from __future__ import annotations

from tests.mutants.mutant import provider

MUTANTS = (
    provider("log: a command that fails proves nothing", "command/log", "if look.exit:", "if False:", "log"),
    provider("log: a wrong pattern proves nothing", "command/log", "look.grep >= _BAD_PATTERN", "False", "log"),
    provider(
        "log: the whole grace is looked at",
        "command/log",
        "self.earlier if self.before_revoke else checkpoint.recall()",
        "checkpoint.recall()",
        "log",
    ),
    provider("a script is run as a whole", "command/command", "-eq {size} ]", "-ge 0 ]", "command"),
    provider(
        "a script and its input are kept apart",
        "command/command",
        'f"""{whole}; {check}; printf %s "$s" | {own}"""',
        'f"exec 3<&0; dd bs=1 count={size} <&3 2>/dev/null | {own}"',
        "command",
    ),
)
