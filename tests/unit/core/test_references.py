# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a connection's own credential comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import references
from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Connection, Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    MissingCredentialError,
)

WHAT = "secret_connections.fly.token"
CANARY = "canary-0123456789abcdef"


class Door(Connection):
    references = ("token", "auth.secret_id", "auth.jwt")
    in_headers = ("token",)

    def __init__(self, options: Options, *, clock: Clock, run: str = "") -> None:
        self.options = options

    def probe(self) -> str:
        return "open"


def resolve_all(options: dict[str, Any]) -> tuple[dict[str, Any], list[SecretValue]]:
    return references.resolve_all(options, Door, "secret_connections.vault.{}".format)


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROTOR_TEST_TOKEN", "from-the-environment")
    assert references.resolve({"env": "ROTOR_TEST_TOKEN"}, WHAT).reveal() == "from-the-environment"


def test_a_variable_may_name_the_path_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    monkeypatch.setenv("ROTOR_TEST_TOKEN", "")
    monkeypatch.setenv("ROTOR_TEST_TOKEN_FILE", str(tmp_path / "token"))
    assert references.resolve({"env": "ROTOR_TEST_TOKEN"}, WHAT).reveal() == "from-a-file"


def test_a_variable_and_its_file_are_not_both_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text(CANARY)
    monkeypatch.setenv("ROTOR_TEST_TOKEN", CANARY)
    monkeypatch.setenv("ROTOR_TEST_TOKEN_FILE", str(tmp_path / "token"))
    with pytest.raises(ConfigurationError) as caught:
        references.resolve({"env": "ROTOR_TEST_TOKEN"}, WHAT)
    both = "the environment variables ROTOR_TEST_TOKEN and ROTOR_TEST_TOKEN_FILE are both set"
    assert caught.value.message == f"{WHAT}: {both}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("from-a-file", "from-a-file"),
        ("from-a-file\n", "from-a-file"),
        ("from-a-file\r\n", "from-a-file"),
        ("from-a-file\n\n", "from-a-file\n"),
        ("\ufefffrom-a-file\n", "from-a-file"),
        (" from-a-file \n", " from-a-file "),
    ],
)
def test_a_file_loses_one_line_end_and_its_byte_order_mark(tmp_path: Path, text: str, value: str) -> None:
    (tmp_path / "password").write_bytes(text.encode())
    assert references.resolve({"file": str(tmp_path / "password")}, WHAT).reveal() == value


@pytest.mark.parametrize("value", ["  in-a-header\t", "in-a-header"])
def test_a_header_loses_the_blanks_around_it(value: str) -> None:
    assert references.resolve(value, WHAT, in_header=True).reveal() == "in-a-header"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (f"{CANARY}\n", "contains a line end"),
        (f"{CANARY}\r", "contains a line end"),
        (f"{CANARY}\r\nX-Other: {CANARY}", "contains a line end"),
        (f"{CANARY}\x00", "contains a NUL"),
        (f"{CANARY}\x1b[0m", "contains a control character"),
        (f"\ufeff{CANARY}", "begins with a byte order mark"),
        (f"{CANARY}é", "contains a character that is not ASCII"),
        (f"{CANARY}\N{EURO SIGN}", "contains a character that is not ASCII"),
        (CANARY * 5000, "is longer than 32768 characters"),
    ],
)
def test_what_cannot_stand_in_a_header_is_refused_without_it(value: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        references.resolve(value, WHAT, in_header=True)
    assert caught.value.message == f"{WHAT}: {problem}"
    assert references.resolve(value, WHAT).reveal() == value


def test_a_refusal_names_the_variable_or_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROTOR_TEST_TOKEN", "a\nb")
    (tmp_path / "token").write_text("a\n\n")
    for reference, source in (
        ({"env": "ROTOR_TEST_TOKEN"}, "the environment variable ROTOR_TEST_TOKEN"),
        ({"file": str(tmp_path / "token")}, f"the file {tmp_path}/token"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            references.resolve(reference, WHAT, in_header=True)
        assert caught.value.message == f"{WHAT}: {source} contains a line end"


@pytest.mark.parametrize("content", [b"\xff\xfe" + CANARY.encode("utf-16-le"), b"\x80" + CANARY.encode()])
def test_a_file_that_is_not_utf_8_is_refused_without_its_bytes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigurationError, match="token is not text: it has bytes that are none in UTF-8") as caught:
        references.resolve({"file": str(tmp_path / "token")}, WHAT)
    assert CANARY not in str(caught.value)


def test_an_endless_file_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="the file /dev/zero is longer than 1048576 characters"):
        references.resolve({"file": "/dev/zero"}, WHAT)


@pytest.mark.parametrize("reference", [5, ["a"], {}, {"vault": "a"}, {"env": 5}, {"env": "A", "file": "a"}])
def test_anything_but_the_three_forms_is_refused(reference: object) -> None:
    with pytest.raises(ConfigurationError, match=r"is neither a value nor \{env: NAME\} nor \{file: PATH\}"):
        references.resolve(reference, WHAT)


@pytest.mark.parametrize("reference", [{"file": "a\x00b"}, {"file": "~no-such-user/x"}, {"env": "a\ud800"}])
def test_a_name_that_nothing_can_have_is_refused(reference: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="can have such a"):
        references.resolve(reference, WHAT)


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
    resolved, values = resolve_all(
        {
            "url": "https://x",
            "token": " given ",
            "auth": {"role_id": "r", "secret_id": {"env": "ROTOR_TEST_SECRET_ID"}},
        }
    )
    assert resolved["token"] == SecretValue("given")
    assert resolved["auth"] == {"role_id": "r", "secret_id": SecretValue("from-the-environment")}
    assert values == [SecretValue("given"), SecretValue("from-the-environment")]


def test_the_options_themselves_stay_as_they_were() -> None:
    options = {"auth": {"secret_id": "given"}}
    resolve_all(options)
    assert options == {"auth": {"secret_id": "given"}}


@pytest.mark.parametrize("auth", [{}, {"auth": {}}, {"auth": "a string"}])
def test_a_reference_that_is_not_given_is_not_made_up(auth: dict[str, Any]) -> None:
    assert resolve_all({"url": "https://x", **auth}) == ({"url": "https://x", **auth}, [])


def test_all_mistakes_of_a_connection_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROTOR_TEST_TOKEN", raising=False)
    with pytest.raises(ConfigurationError) as caught:
        resolve_all({"token": "a\n", "auth": {"jwt": {"env": "ROTOR_TEST_TOKEN"}}})
    assert not isinstance(caught.value, MissingCredentialError)
    assert caught.value.message == (
        "secret_connections.vault.token: contains a line end; secret_connections.vault.auth.jwt: the environment "
        "variable ROTOR_TEST_TOKEN is unset or empty"
    )


def test_a_module_names_its_option_and_not_the_path() -> None:
    with pytest.raises(ConfigurationError, match=r"^jwt: its variable is unset or empty\. "):
        references.connect(Door, {"auth": {"jwt": ""}}, lambda path: path.removeprefix("auth."))


def test_a_variable_with_bytes_that_are_no_text_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKEN", "abc\udcff")
    with pytest.raises(ConfigurationError, match="token: the environment variable BROKEN is not text"):
        references.resolve({"env": "BROKEN"}, "token")
