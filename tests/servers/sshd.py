# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ``sshd`` on a loopback port, with keys, configuration and, if root starts it, a user of its own.

That user may become root without a password, and ``daemon`` with one. All of it is gone when it stops.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.process import Server, free_port

_SSHD = "/usr/sbin/sshd"
_RUN = Path("/run/sshd")
"""Started by root, it wants to have this folder, and an init system to make it."""


@dataclass(frozen=True)
class Sshd:
    """An inventory host behind ``sshd``."""

    port: int
    folder: Path
    """For files that the login user may reach; its keys lie elsewhere."""
    user: str
    password: str | None
    """With it the user becomes ``daemon``; None: there is no become here."""
    keys: Path

    @property
    def variables(self) -> dict[str, Any]:
        """The host's connection, for an inventory. No connection is shared: none outlives its task."""
        known = f"-o UserKnownHostsFile={self.keys / 'known_hosts'} -o StrictHostKeyChecking=yes"
        return {
            "ansible_connection": "ssh",
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": self.user,
            "ansible_ssh_private_key_file": str(self.keys / "login"),
            "ansible_ssh_args": f"-F none -o ControlMaster=no -o ControlPath=none -o IdentitiesOnly=yes {known}",
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    @property
    def command(self) -> tuple[str, ...]:
        """ssh and its options, for who has no inventory."""
        variables = self.variables
        key = variables["ansible_ssh_private_key_file"]
        words = shlex.split(variables["ansible_ssh_args"])
        return ("ssh", *words, "-o", "BatchMode=yes", "-i", key, "-p", str(self.port), "-l", self.user)


def is_missing() -> str:
    """What a test that needs it should say, when it cannot be had."""
    missing = [name for name in (_SSHD, "ssh", "ssh-keygen", "sudo") if shutil.which(name) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


@contextmanager
def running() -> Iterator[Sshd]:
    with ExitStack() as stack:
        top = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sshd-")))
        top.chmod(0o755)
        keys, folder, port = top / "keys", top / "host", free_port()
        keys.mkdir(mode=0o755)
        folder.mkdir(mode=0o700)
        user, password = stack.enter_context(_user(folder)) if os.geteuid() == 0 else (getpass.getuser(), None)
        _write(keys, port)
        server = Server([_SSHD, "-D", "-e", "-f", str(keys / "config")], port, keys / "log")
        stack.callback(server.stop)
        yield Sshd(port, folder, user, password, keys)


def _write(keys: Path, port: int) -> None:
    for name in ("host", "login"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(keys / name))
    shutil.copy(keys / "login.pub", keys / "authorized")
    (keys / "known_hosts").write_text(f"[127.0.0.1]:{port} {(keys / 'host.pub').read_text()}")
    options = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": keys / "host",
        "AuthorizedKeysFile": keys / "authorized",
        "PasswordAuthentication": "no",
        "UsePAM": "no",
        "StrictModes": "no",
        "PidFile": "none",
    }
    (keys / "config").write_text("".join(f"{name} {value}\n" for name, value in options.items()))


@contextmanager
def _user(home: Path) -> Iterator[tuple[str, str]]:
    """A user for as long as it takes, its right to become somebody, and sshd's folder while anybody needs it."""
    name, password = f"rotor-{secrets.token_hex(4)}", secrets.token_urlsafe()
    rules, here = Path("/etc/sudoers.d") / name, _RUN / name
    rights = f"{name} ALL=(root) NOPASSWD: ALL\n{name} ALL=(daemon) PASSWD: ALL\n"
    with ExitStack() as stack:
        _run("useradd", "--no-create-home", "--home-dir", str(home), "--shell", "/bin/sh", name)
        stack.callback(_run, "userdel", name)
        _run("chpasswd", text=f"{name}:{password}\n")
        shutil.chown(home, name, name)
        stack.callback(rules.unlink)
        rules.touch(0o440)
        rules.write_text(rights)
        stack.callback(_remove, here)
        _RUN.mkdir(mode=0o755, exist_ok=True)
        here.touch()
        yield name, password


def _remove(here: Path) -> None:
    here.unlink()
    with contextlib.suppress(OSError):  # somebody else is in it
        here.parent.rmdir()


def _run(*command: str, text: str | None = None) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, input=text)
