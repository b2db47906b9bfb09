# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example of docs/tutorial.md, played as the tutorial plays it, on free ports."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from cryptography.fernet import Fernet

from tests import moved
from tests.servers import openbao
from tests.servers.moto import Moto, alone
from tests.servers.openbao import OpenBao
from tests.servers.process import Server, free_port
from tests.unit.providers.dotenv import readers

from .conftest import ROOT, Desk, Outcome

OLD = "the-old-key"
NAME = "SESSION_KEY"


@dataclass
class Shop:
    """The folder of the tutorial, with the shop that runs in it."""

    desk: Desk
    bao: OpenBao
    moto: Moto
    port: int = field(default_factory=free_port)
    server: Server | None = None

    @property
    def folder(self) -> Path:
        return self.desk.inventory

    @property
    def key(self) -> str:
        return readers.shell(self.folder / "shop.env")[NAME]

    def everywhere(self) -> set[str]:
        parameter = self.moto.client("ssm").get_parameter(Name=f"/shop/{NAME}", WithDecryption=True)
        return {self.key, str((self.bao.values("secret", "shop/session") or {})[NAME]), parameter["Parameter"]["Value"]}

    def start(self) -> None:
        command = [sys.executable, str(self.folder / "shop.py")]
        environment = {**os.environ, "SHOP_PORT": str(self.port)}
        self.server = Server(command, self.port, self.folder / "shop.log", environment=environment)

    def stop(self) -> None:
        if self.server:
            self.server.stop()

    def takes(self, key: str) -> bool:
        address, headers = f"http://127.0.0.1:{self.port}/session", {"Authorization": f"Bearer {key}"}
        return requests.get(address, headers=headers, timeout=10).status_code == 200

    def rotate(self, *arguments: str) -> Outcome:
        return self.desk.play("rotor.secrets.rotate", "-e", f"rotate_only={NAME}", *arguments)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with alone(), tempfile.TemporaryDirectory(prefix="shop-") as home:
        folder = Path(home) / "inventory"
        shutil.copytree(ROOT / "examples" / "first_rotation", folder)
        bao, moto = OpenBao(), Moto()
        shop = Shop(Desk(Path(home), folder, environment(home, moto)), bao, moto)
        addresses = {"/tmp/shop": str(folder), ":8200": f":{bao.port}", "http://127.0.0.1:5000": moto.url}  # noqa: S108
        for old, new in (addresses | {":8099": f":{shop.port}"}).items():
            shop.desk.edit(old, new)
        (folder / "shop.env").write_text(f"{NAME}='{OLD}'\n")
        shop.start()
        try:
            yield shop
        finally:
            for server in (shop, bao, moto):
                server.stop()


def environment(home: str, moto: Moto) -> dict[str, str]:
    return {
        **moved.clock(),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": home,
        "XDG_STATE_HOME": f"{home}/state",  # named, since the tests may run in a container
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
        "ANSIBLE_NOCOLOR": "1",
        "VAULT_TOKEN": openbao.ROOT,
        "AWS_ACCESS_KEY_ID": moto.admin["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": moto.admin["secret_access_key"],
        "ROTOR_LEDGER_KEY": Fernet.generate_key().decode(),
    }


def test_tutorial_rotates_is_held_and_goes_on_with_the_same_key(shop: Shop) -> None:
    assert shop.takes(OLD)

    first = shop.rotate()

    assert first.code == 0, first
    assert shop.takes(shop.key)
    assert not shop.takes(OLD)
    assert shop.everywhere() == {shop.key}

    shop.stop()
    held = shop.rotate("-e", "rotate_force=true")

    assert held.code != 0
    assert f"HELD  {NAME} at 2 the shop, reload of shop" in held.output
    minted = shop.key

    shop.start()
    resumed = shop.rotate()

    assert resumed.code == 0, resumed
    assert f"DONE  {NAME}" in resumed.output
    assert shop.everywhere() == {minted}
    assert shop.takes(minted)
