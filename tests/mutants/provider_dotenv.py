# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of dotenv files, and of the program that writes files on hosts."""

from __future__ import annotations

from tests.mutants.mutant import CORE, Mutant, provider


def files(safeguard: str, text: str, instead: str, *tests: str) -> Mutant:
    names = tuple(f"providers/dotenv/test_dotenv_{name}" for name in tests)
    return Mutant(f"files on hosts: {safeguard}", f"{CORE}/host_files_program", text, instead, names)


MUTANTS = (
    files("a problem is that of its task", "return [answer or others[number]", "return [others[number]", "store"),
    Mutant(
        "files on hosts: // is /",
        f"{CORE}/host_files",
        'container["path"].lstrip("/")',
        'container["path"][1:]',
        ("providers/dotenv/test_dotenv_store",),
    ),
    files(
        "no access list of the folder",
        "        if _ACCESS_LIST in _attributes(descriptor):",
        "        if False:",
        "store",
    ),
    files(
        "no overwriting of what somebody else has changed",
        'task["since"] not in (None, now)',
        "False",
        "store",
        "interference",
    ),
    provider(
        "no value is fetched from a host",
        "dotenv/store",
        'if container["host"] != LOCALHOST:',
        "if False:",
        "dotenv_store",
    ),
    files(
        "no link leads a private file elsewhere",
        "os.path.realpath(path) if links else path",
        "os.path.realpath(path)",
        "private",
    ),
    files(
        "a private file is closed to others", '        if mode & ~int(task["mode"], 8):', "        if False:", "private"
    ),
    files(
        "a private file has no access list",
        "        if _ACCESS_LIST in file.attributes:",
        "        if False:",
        "private",
    ),
    files(
        "a private file is its owner's",
        "        if file.state.st_uid not in owners:",
        "        if False:",
        "private",
    ),
    files(
        "a file that is compared need not be writable",
        '        if not tasks[0]["look_only"]:',
        "        if True:",
        "store",
    ),
    provider(
        "a file that is not there hides nothing",
        "dotenv/store",
        "{} if isinstance(answer, NotFoundError) else answered",
        "answered",
        "dotenv_store",
    ),
    files(
        "no value is read that readers differ on",
        "values.pop() if len(values) == 1 else None",
        "values.pop()",
        "store",
    ),
)
