# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The quick start's own parts: OpenBao, moto, and the shop on this machine, which says whether it takes a key.

``python -m tests.demo.quickstart COMMAND...`` runs a command beside them, with their addresses in its environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from cryptography.fernet import Fernet
from dotenv import dotenv_values

from tests.servers import openbao
from tests.servers.moto import Moto, alone
from tests.servers.openbao import OpenBao
from tests.servers.process import Server, free_port

from .played import ROOT, Finding, report, run

EXAMPLE = "examples/quickstart"
NAME = "SESSION_KEY"
OLD = "the-old-key"
NEIGHBOUR = {"SHOP_NAME": "corner"}
"""What stands beside the key, in Vault and in the file."""


class Parts:
    """The three stores, which hold nothing but a neighbour, and a shop in ``folder`` that runs on the old key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / EXAMPLE, folder)
        self.port = free_port()
        (folder / "shop.env").write_text(f"{NAME}='{OLD}'\nSHOP_NAME='{NEIGHBOUR['SHOP_NAME']}'\n")
        self.bao, self.moto = OpenBao(), Moto()
        self.bao.put("secret", "shop/session", NEIGHBOUR)
        self.start()

    @property
    def environment(self) -> dict[str, str]:
        """What a user exports: addresses, credentials, and a key of a ledger of its own."""
        return {
            "SHOP": str(self.folder),
            "SHOP_URL": f"http://127.0.0.1:{self.port}",
            "VAULT_ADDR": self.bao.url,
            "VAULT_TOKEN": openbao.ROOT,
            "AWS_ENDPOINT_URL": self.moto.url,
            "AWS_ACCESS_KEY_ID": self.moto.admin["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.moto.admin["secret_access_key"],
            "ROTOR_LEDGER_KEY": Fernet.generate_key().decode(),
        }

    def start(self) -> None:
        """Start the shop."""
        command = [sys.executable, str(self.folder / "shop.py")]
        environment = {**os.environ, "SHOP_PORT": str(self.port)}
        self.shop = Server(command, self.port, self.folder / "shop.log", environment=environment)

    def stop(self) -> None:
        for server in (self.shop, self.bao, self.moto):
            server.stop()

    def takes(self, key: str) -> bool:
        """Ask the shop."""
        address, headers = f"http://127.0.0.1:{self.port}/session", {"Authorization": f"Bearer {key}"}
        return requests.get(address, headers=headers, timeout=10).status_code == 200

    @property
    def in_file(self) -> dict[str, str]:
        return {name: value or "" for name, value in dotenv_values(self.folder / "shop.env").items()}

    @property
    def in_vault(self) -> dict[str, str]:
        return dict(self.bao.values("secret", "shop/session") or {})

    @property
    def in_ssm(self) -> dict[str, str]:
        found = self.moto.client("ssm").get_parameters_by_path(Path="/shop", WithDecryption=True)["Parameters"]
        return {parameter["Name"].removeprefix("/shop/"): parameter["Value"] for parameter in found}

    def verdict(self) -> list[Finding]:
        """Ask the stores and the shop, and nothing of the collection."""
        places = {"Vault": self.in_vault, "SSM": self.in_ssm, "the dotenv file": self.in_file}
        keys = {place.get(NAME, "") for place in places.values()}
        new = keys.pop() if len(keys) == 1 else ""
        strangers = [place for place, held in places.items() if held.keys() - {NAME, *NEIGHBOUR}]
        kept = all(NEIGHBOUR.items() <= held.items() for held in (self.in_vault, self.in_file)) and not strangers
        return [
            ("every copy holds the same key", bool(new), ", ".join(places)),
            ("it is a new one", new != OLD, "nobody has seen it"),
            ("the shop takes it", self.takes(new), "GET /session"),
            ("the shop refuses the old one", not self.takes(OLD), "GET /session"),
            ("what stands beside it is as it was", kept, ", ".join(NEIGHBOUR)),
        ]


@contextmanager
def parts() -> Iterator[Parts]:
    """Start the parts in a folder of their own, and stop them at the end."""
    with alone(), tempfile.TemporaryDirectory(prefix="shop-") as home:
        running = Parts(Path(home) / "shop")
        try:
            yield running
        finally:
            running.stop()


def main() -> int:
    with parts() as running:
        print(f"OpenBao listens on {running.bao.url}, moto on {running.moto.url}, the shop runs in {running.folder}.\n")
        command = ["ansible-playbook", "rotor.secrets.rotate", "-i", f"{EXAMPLE}/inventory.yml"]
        return run([*command, "-e", f"rotate_only={NAME}"], os.environ | running.environment) or report(
            running.verdict()
        )


def beside(command: list[str]) -> int:
    """Run a command beside the parts; 1 where it does well, and the world says that it has not."""
    with parts() as running:
        code = subprocess.run(command, env=os.environ | running.environment, check=False).returncode
        return code or report(running.verdict())


if __name__ == "__main__":
    sys.exit(beside(sys.argv[1:]))
