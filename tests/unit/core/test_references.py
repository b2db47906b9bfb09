# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a connection's own credential comes from."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import references
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError

WHAT = "secret_connections.fly.token"


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROTOR_TEST_TOKEN", "from-the-environment")
    assert references.resolve({"env": "ROTOR_TEST_TOKEN"}, WHAT).reveal() == "from-the-environment"


def test_from_a_file_without_its_last_newline(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n\n")
    assert references.resolve({"file": str(tmp_path / "token")}, WHAT).reveal() == "from-a-file\n"


def test_as_a_value_or_resolved_already() -> None:
    assert references.resolve("from-a-lookup", WHAT).reveal() == "from-a-lookup"
    known = SecretValue("known-already")
    assert references.resolve(known, WHAT) is known


@pytest.mark.parametrize("value", [None, ""])
def test_an_unset_or_empty_variable_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("ROTOR_TEST_TOKEN", raising=False)
    else:
        monkeypatch.setenv("ROTOR_TEST_TOKEN", value)
    with pytest.raises(ConfigurationError) as caught:
        references.resolve({"env": "ROTOR_TEST_TOKEN"}, WHAT)
    assert caught.value.message == f"{WHAT}: the environment variable ROTOR_TEST_TOKEN is unset or empty"


def test_an_empty_value_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="its variable is unset or empty"):
        references.resolve("", WHAT)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere: No such file"):
        references.resolve({"file": str(tmp_path / "nowhere")}, WHAT)


@pytest.mark.parametrize(
    ("reference", "good"),
    [
        ("value", True),
        ({"env": "A"}, True),
        ({"file": "a"}, True),
        ("", False),
        ({}, False),
        ({"vault": "a"}, False),
        ({"env": "A", "file": "a"}, False),
        (5, False),
    ],
)
def test_the_schema_takes_exactly_these_forms(reference: object, good: bool) -> None:
    assert jsonschema.Draft202012Validator(references.SCHEMA).is_valid(reference) is good


def test_all_references_of_a_connection_are_resolved_also_inside_of_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROTOR_TEST_SECRET_ID", "from-the-environment")
    options = {
        "url": "https://x",
        "token": "given",
        "auth": {"role_id": "r", "secret_id": {"env": "ROTOR_TEST_SECRET_ID"}},
    }
    resolved, values = references.resolve_all(options, ("token", "auth.secret_id"), "secret_connections.vault")
    assert resolved["token"] == SecretValue("given")
    assert resolved["auth"] == {"role_id": "r", "secret_id": SecretValue("from-the-environment")}
    assert values == [SecretValue("given"), SecretValue("from-the-environment")]


def test_the_options_themselves_stay_as_they_were() -> None:
    options = {"auth": {"secret_id": "given"}}
    references.resolve_all(options, ("auth.secret_id",), WHAT)
    assert options == {"auth": {"secret_id": "given"}}


def test_a_reference_that_is_not_given_is_not_made_up() -> None:
    resolved, values = references.resolve_all({"url": "https://x"}, ("token",), WHAT)
    assert (resolved, values) == ({"url": "https://x"}, [])


def test_a_reference_inside_of_an_object_is_named_by_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROTOR_TEST_TOKEN", raising=False)
    with pytest.raises(ConfigurationError, match=r"^secret_connections\.v\.auth\.jwt: the environment variable"):
        references.resolve_all({"auth": {"jwt": {"env": "ROTOR_TEST_TOKEN"}}}, ("auth.jwt",), "secret_connections.v")


def test_an_object_that_is_not_given_stays_away() -> None:
    resolved, values = references.resolve_all({"url": "https://x"}, ("auth.secret_id", "auth.jwt"), WHAT)
    assert (resolved, values) == ({"url": "https://x"}, [])


def test_a_variable_with_bytes_that_are_no_text_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKEN", "abc\udcff")
    with pytest.raises(ConfigurationError, match="token: the environment variable BROKEN: a secret value is text"):
        references.resolve({"env": "BROKEN"}, "token")
