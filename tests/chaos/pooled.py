# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenes of two login roles behind PgBouncer, and of one, on a host and in a real server."""

from __future__ import annotations

import sys
import tempfile
import zlib
from pathlib import Path

import yaml

from tests.servers.postgres import PASSWORD
from tests.servers.shop import FIRST, MANAGER, SECRET

from .scenes import Scene


class Pooled(Scene):
    """The pooler's list and the shop's file are on the host, which is this machine; they keep values, as stores do."""

    name = "two roles behind PgBouncer"
    secrets = (SECRET,)

    def arrange(self) -> None:
        desk, self._shop = self.desk, self.servers.shop
        self._elsewhere = tempfile.TemporaryDirectory(prefix="shop-")
        self._shop.open(Path(self._elsewhere.name))
        python = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        (desk.inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"app1": python}}}))
        desk.environment |= {"MANAGER": MANAGER, "ADMIN": PASSWORD}
        given = self._shop.variables()
        given["secret_connections"]["pg"]["password"] = {"env": "MANAGER"}
        given["secret_connections"]["console"]["password"] = {"env": "ADMIN"}
        desk.override(**given)

    def values(self) -> list[str]:
        _user, password = self._shop.credentials()
        return sorted({*super().values(), FIRST, password, *self._shop.listed().values(), MANAGER, PASSWORD})

    def mints(self) -> dict[str, str]:
        """The ledger alone knows of them: a value of ours is the same however often it is set."""
        return self._query("SELECT name, secret FROM credentials WHERE origin = 'minted'")

    def recorded(self) -> set[str]:
        return set(self.mints())

    def assert_usable(self) -> None:
        """Whoever takes up what is in the file is let in, by the pooler and by the server."""
        for port in (self._shop.pooler.port, self._shop.cluster.port):
            with self._shop.connect(*self._shop.credentials(), port) as connection:
                connection.execute("INSERT INTO sale DEFAULT VALUES")

    def assert_at_rest(self) -> None:
        self.assert_usable()
        user, password = self._shop.credentials()
        assert password != FIRST
        assert self._shop.may_log_in() == {user}
        assert self._shop.listed() == {user: self._shop.verifier(user)}, "the server's own verifier, and no other"

    def effects(self) -> int:
        verifiers = "".join(self._shop.verifier(role) for role in ("shop_a", "shop_b"))
        files = (self._shop.pooler.users, self._shop.env)
        return super().effects() + zlib.crc32(verifiers.encode()) + sum(file.stat().st_mtime_ns for file in files)


class Single(Pooled):
    """One role, whose new password is the end of the old one: clients wait for it in the middle of a rotation."""

    name = "one role behind PgBouncer"

    def arrange(self) -> None:
        super().arrange()
        given = self._shop.variables()
        [entry] = given["secret_map"].values()
        accepted = entry.pop("accept")
        entry["issuer"] = {"type": "postgres_role", "connection": "pg", "role": "shop_a"}
        entry["copies"].append({**accepted["copies"][0], "keys": {"shop_a": "${verifier}"}})
        entry["reload"] = ["pool", *entry["reload"]]
        given["secret_consumers"]["pool"]["reconnect"] = True
        desk = self.desk
        desk.override(secret_map=given["secret_map"], secret_consumers=given["secret_consumers"])

    def assert_usable(self) -> None:
        """Right after a kill, whoever has the new password may be ahead of the server, or of the pooler."""

    def assert_at_rest(self) -> None:
        super().assert_usable()
        super().assert_at_rest()
