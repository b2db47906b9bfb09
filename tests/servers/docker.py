# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands for ``docker exec`` on a host: in its one container, psql logs in as a superuser without being asked."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.servers.postgres import ADMIN, PASSWORD, Postgres
from tests.servers.sshd import Sshd

CONTAINER = "shop"
_SCRIPT = """\
#!/bin/sh
{ env; printf '%s\\n' "$@"; } >>"FOLDER/given"
[ "$1 $2 $3 $4" = "exec -i CONTAINER psql" ] || { echo "Error: No such container: $3" >&2; exit 1; }
shift 4
tee -a "FOLDER/said" | PGPASSFILE="FOLDER/pgpass" psql -X -h 127.0.0.1 -p PORT "$@"
"""


@dataclass(frozen=True)
class Docker:
    """The command, and what it was given: in its arguments and environment, and on standard input."""

    folder: Path

    @property
    def psql(self) -> list[str]:
        return [str(self.folder / "docker"), "exec", "-i", CONTAINER, "psql", "-U", ADMIN, "-d", "postgres"]

    @property
    def given(self) -> str:
        return (self.folder / "given").read_text()

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text()


def installed(sshd: Sshd, server: Postgres) -> Docker:
    """Put it on the host, for its login user."""
    words = {"FOLDER": str(sshd.folder), "CONTAINER": CONTAINER, "PORT": str(server.port)}
    script = _SCRIPT
    for word, text in words.items():
        script = script.replace(word, text)
    for name, text, mode in (("docker", script, 0o700), ("pgpass", f"*:*:*:{ADMIN}:{PASSWORD}\n", 0o600)):
        file = sshd.folder / name
        file.write_text(text)
        file.chmod(mode)
        if sshd.password is not None:
            shutil.chown(file, sshd.user)
    for name in ("given", "said"):
        (sshd.folder / name).unlink(missing_ok=True)
    return Docker(sshd.folder)
