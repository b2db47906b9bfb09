# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libpq and the server say becomes an error of ours, without their text. A real one is in providers/postgres."""

from __future__ import annotations

import traceback
from typing import Any

import psycopg
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors, postgres
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue

STATEMENT = "ALTER ROLE shop PASSWORD a"
PASSWORD = SecretValue("some-password-of-a-role")
LOCAL = postgres.Server("127.0.0.1", 5432, "shop")


class Libpq:
    """Lets nobody in, and says why."""

    def __init__(self) -> None:
        self.says = ""
        self.given: dict[str, Any] = {}

    def connect(self, **given: Any) -> None:
        self.given = given
        raise psycopg.OperationalError(f"FATAL: {self.says}")


@pytest.fixture
def libpq(monkeypatch: pytest.MonkeyPatch) -> Libpq:
    made = Libpq()
    monkeypatch.setattr(psycopg, "connect", made.connect)
    return made


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ('password authentication failed for user "shop"', errors.AuthenticationError),
        ("SASL authentication failed", errors.AuthenticationError),
        ("SSL error: certificate verify failed", errors.UntrustedServerError),
        ('server certificate for "a" does not match host name "b"', errors.UntrustedServerError),
        ("sorry, too many clients already", errors.UnavailableError),
        ("connection refused", errors.UnavailableError),
    ],
)
def test_refusal_of_a_connection_is_told_without_its_text(
    libpq: Libpq, said: str, kind: type[errors.RotorError]
) -> None:
    libpq.says = said
    with pytest.raises(kind) as caught:
        LOCAL.connect("signing in", "shop", PASSWORD)
    assert caught.type is kind
    assert "FATAL" not in str(caught.value)
    assert caught.value.__context__ is None, "the server's text is in the chain"


def test_only_a_refused_password_is_dead(libpq: Libpq) -> None:
    libpq.says = "password authentication failed"
    assert LOCAL.authenticate("showing", "shop", PASSWORD) is Answer.REFUSED
    libpq.says = "too many clients"
    with pytest.raises(errors.UnavailableError):
        LOCAL.authenticate("showing", "shop", PASSWORD)


@pytest.mark.parametrize(
    ("server", "mode"),
    [
        (LOCAL, "prefer"),
        (postgres.Server("::1", 5432, "shop"), "prefer"),
        (postgres.Server("db.example.com", 5432, "shop"), "verify-full"),
        (postgres.Server.of(SecretValue("postgresql://u:p@127.0.0.1/shop"), None, None), "verify-full"),
    ],
    ids=str,
)
def test_tls_follows_from_the_host(libpq: Libpq, server: postgres.Server, mode: str) -> None:
    with pytest.raises(errors.UnavailableError):
        server.connect("signing in", "shop", PASSWORD)
    assert libpq.given["sslmode"] == mode
    assert bool(libpq.given.get("sslrootcert")) is (mode == "verify-full")


def test_uri_is_taken_apart(libpq: Libpq) -> None:
    uri = SecretValue("postgresql://a%40b:p%2Fw-of-the-uri@db.example.com:6432/sh%20op")
    with pytest.raises(errors.UnavailableError):
        postgres.authenticate(uri, "showing")
    assert {name: libpq.given[name] for name in ("host", "port", "dbname", "user", "password")} == {
        "host": "db.example.com",
        "port": 6432,
        "dbname": "sh op",
        "user": "a@b",
        "password": "p/w-of-the-uri",
    }


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("42501", errors.PermissionDeniedError),
        ("42704", errors.NotFoundError),
        ("53300", errors.UnavailableError),
        ("57014", errors.UnavailableError),
        ("57P01", errors.OutcomeUnknownError),
        ("42601", errors.InvalidRequestError),
    ],
)
def test_error_of_a_statement_is_told_by_its_state(state: str, kind: type[errors.RotorError]) -> None:
    error = psycopg.errors.lookup(state)
    with pytest.raises(kind) as caught, postgres.told("setting it"):
        raise error(STATEMENT)
    assert caught.value.message == f"setting it: PostgreSQL says {state} ({error.__name__})"
    assert "ALTER" not in "".join(traceback.format_exception(caught.value))


def test_broken_connection_leaves_the_outcome_unknown() -> None:
    with pytest.raises(errors.OutcomeUnknownError), postgres.told("setting it"):
        raise psycopg.OperationalError("the connection is lost")
    with postgres.told("setting it"):
        pass
