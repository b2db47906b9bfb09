# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every action, with each credential of each connection and of the ledger spoilt in each way: nothing comes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.chaos import tally
from tests.unit import bad_credentials
from tests.unit.bad_credentials import BAD, FITS, Echo, Option, pieces

from .conftest import Act

KEY = Fernet.generate_key().decode()
ASKING = ("rotation_plan", "rotation_status")
"""They open the connections that are in use."""
ACTIONS: Mapping[str, Mapping[str, Any]] = {
    "rotation_plan": {},
    "rotation_status": {},
    "rotation_advance": {"run": "0123abcd", "until": "issued"},
    "rotation_host": {"run": "0123abcd", "work": [1]},
    "ledger_verify": {},
    "ledger_rekey": {},
}
LEDGER = [Option(action, path) for action in ACTIONS for path in ("key", "password")]


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    with Echo() as echo:
        yield echo


def forms(value: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The value as a reference: as it is, in a file, and in the environment, which takes no NUL."""
    (folder / "credential").write_bytes(value.encode(errors="surrogateescape"))
    found: list[Any] = [value, {"file": str(folder / "credential")}]
    if "\x00" not in value:
        monkeypatch.setenv("ROTOR_BAD_CREDENTIAL", value)
        found.append({"env": "ROTOR_BAD_CREDENTIAL"})
    return found


def search(said: str, canary: str) -> list[str]:
    return [piece for piece in pieces(canary) if piece in said]


@pytest.mark.parametrize(("option", "bad"), bad_credentials.sample(bad_credentials.connection_options()), ids=str)
def test_no_action_shows_a_credential_that_cannot_be_sent(
    option: Option, bad: str, echo: Echo, act: Act, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for action in ASKING:
        canary = bad_credentials.canary()
        for reference in forms(BAD[bad](canary), tmp_path, monkeypatch):
            before = echo.requests
            said = act(
                action,
                {
                    "secret_ledger": {"url": f"sqlite:///{tmp_path}/ledger.db", "key": KEY},
                    "secret_connections": bad_credentials.connections(option, reference, echo.url),
                    "secret_map": {"SECRET": bad_credentials.secret(option)},
                },
                only="SECRET",
            )
            assert not search(said, canary), f"{action} shows pieces of the canary"
            refused = f"secret_connections.canary.{option.path}: " in said
            from_a_file = isinstance(reference, dict) and "file" in reference
            mended = bad == FITS or (from_a_file and bad in ("line feed", "byte order mark"))
            assert refused != mended or not option.in_header
            assert refused or action == "rotation_status" or echo.requests > before or "problems" in said, said
            tally.add("bad credentials: actions", cases=1, leaks=0)


@pytest.mark.parametrize(("option", "bad"), bad_credentials.sample(LEDGER), ids=str)
def test_no_action_shows_a_credential_of_the_ledger(
    option: Option, bad: str, act: Act, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = bad_credentials.canary()
    value = BAD[bad](canary)
    for reference in forms(value, tmp_path, monkeypatch):
        urls = ["postgresql://rotor@127.0.0.1:1/rotor"]
        if option.path == "key":
            urls.append(f"sqlite:///{tmp_path}/ledger.db")
        for url in urls:
            ledger = {"url": url, "key": KEY} | {option.path: reference}
            variables = {"secret_ledger": ledger, "secret_connections": {}, "secret_map": {}}
            said = act(option.owner, variables, **ACTIONS[option.owner])
            assert not search(said, canary), "pieces of the canary"
            assert "AnsibleActionFail" in said
            tally.add("bad credentials: ledger", cases=1, leaks=0)


@pytest.mark.parametrize("bad", BAD)
def test_no_password_in_the_url_of_the_ledger_is_shown(bad: str, act: Act) -> None:
    canary = bad_credentials.canary()
    ledger = {"url": f"postgresql://rotor:{BAD[bad](canary)}@127.0.0.1:1/rotor", "key": KEY}
    said = act("rotation_status", {"secret_ledger": ledger, "secret_map": {}})
    assert not search(said, canary)
    assert "AnsibleActionFail" in said


@pytest.mark.parametrize("path", ["value", "secrets.value"])
@pytest.mark.parametrize("bad", BAD)
def test_a_dotenv_task_without_a_host_shows_no_value(path: str, bad: str, act: Act) -> None:
    canary = bad_credentials.canary()
    said = act("dotenv_secret", **bad_credentials.module_arguments(Option("dotenv_secret", path), BAD[bad](canary), ""))
    assert not search(said, canary)
    assert "AnsibleActionFail" in said
