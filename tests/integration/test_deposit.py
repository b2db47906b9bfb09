# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value that a person has made comes at a terminal or in a file, in no other way, and shows nowhere."""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pexpect
import pytest

from tests.sandbox.visitor import Visitor
from tests.servers.openbao import ROOT, OpenBao

from .canary import Watch
from .conftest import Desk
from .test_job_runners import private_data

NAME = "MEM0_API_KEY"
PROMPT = f"{NAME} (it is not shown): "
ENTRY: dict[str, Any] = {
    "issuer": {
        "type": "person",
        "where": "app.mem0.test, API keys",
        "make": "press New",
        "end": "press Delete",
        "pattern": "m0-.+",
    },
    "copies": [{"store": "fly", "app": "molecule-cp"}],
    "revoke": {"accept": "life"},
}
PAIR = {
    **ENTRY,
    "issuer": {
        **{option: text for option, text in ENTRY["issuer"].items() if option != "pattern"},
        "fields": {"access_key_id": "m0-.+", "secret_access_key": "m0-.+"},
    },
    "copies": [{"store": "fly", "app": "molecule-cp", "keys": {NAME: "${access_key_id}:${secret_access_key}"}}],
}
SEMAPHORE = json.dumps({"semaphore_vars": {"task_details": {"id": 7, "username": "grace"}}})


def made() -> str:
    """Random, since the process list is everybody's; with characters that each spelling writes in its own way."""
    return f"m0-{secrets.token_hex(8)}/+\"='{secrets.token_hex(8)}~?>"


@pytest.fixture
def value() -> str:
    return made()


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    running = OpenBao()
    yield running
    running.stop()


@pytest.fixture
def person(world: Visitor, desk: Desk) -> Desk:
    desk.override(secret_map={NAME: ENTRY})
    return desk


def deposit(desk: Desk, *arguments: str) -> list[str]:
    return desk.command("rotor.secrets.deposit", "-e", f"deposit_secret={NAME}", *arguments)


def at_terminal(desk: Desk, *arguments: str) -> pexpect.spawn:
    command, *words = deposit(desk, *arguments)
    return pexpect.spawn(command, words, env=desk.environment, cwd=str(desk.home), timeout=60, encoding="utf-8")


def sealed(desk: Desk) -> int:
    if not desk.ledger.exists():
        return 0
    with closing(sqlite3.connect(desk.ledger)) as ledger:
        return len(ledger.execute("SELECT 1 FROM credentials WHERE state = 'pending'").fetchall())


@pytest.mark.core
def test_value_typed_at_a_terminal_is_sealed_and_shows_nowhere(person: Desk, value: str) -> None:
    person.environment["ANSIBLE_LOG_PATH"] = str(person.home / "ansible.log")
    with Watch(person.home) as watch:
        terminal = at_terminal(person, "-vvvv")
        terminal.expect_exact(PROMPT)
        before = terminal.before
        terminal.sendline(value)
        terminal.expect(pexpect.EOF)
        watch.read("the terminal", before + terminal.before)
    terminal.close()

    assert terminal.exitstatus == 0, terminal.before
    assert "app.mem0.test, API keys: press New" in before
    assert f"DEPOSITED  {NAME}   rotor-" in terminal.before
    assert (
        f"  go on:    ansible-playbook rotor.secrets.rotate -i inventory -e rotate_only={NAME}\r\n" in terminal.before
    )
    assert sealed(person) == 1
    values = [value]
    assert (watch.search("a value at a terminal", values), watch.inherited(values)) == ([], [])


def test_each_field_is_typed_at_a_prompt_of_its_own(person: Desk) -> None:
    person.override(secret_map={NAME: PAIR})
    values = [made(), made()]
    with Watch(person.home) as watch:
        terminal = at_terminal(person, "-vvvv")
        said = ""
        for field, typed in zip(PAIR["issuer"]["fields"], values, strict=True):
            terminal.expect_exact(f"{NAME}, {field} (it is not shown): ")
            said += terminal.before
            terminal.sendline(typed)
        terminal.expect(pexpect.EOF)
        watch.read("the terminal", said + terminal.before)
    terminal.close()
    assert terminal.exitstatus == 0, terminal.before
    assert sealed(person) == 1
    assert (watch.search("two values at a terminal", values), watch.inherited(values)) == ([], [])


@pytest.mark.parametrize("entry", [ENTRY, PAIR], ids=["one value", "a pair"])
def test_value_from_a_file_shows_nowhere_else_and_the_file_is_named(person: Desk, entry: dict[str, Any]) -> None:
    values = [made(), made()] if entry is PAIR else [made()]
    person.override(secret_map={NAME: entry})
    file = person.home / "value"
    file.touch(0o600)
    file.write_text(
        json.dumps(dict(zip(PAIR["issuer"]["fields"], values, strict=True))) if entry is PAIR else values[0]
    )
    with Watch(person.home) as watch:
        watch.read("the output", str(taken := person.run(deposit(person, "-vvvv", "-e", f"deposit_file={file}"))))
    assert taken.code == 0, taken
    assert f"  delete:   {file}, which still holds the value" in taken.output
    assert sealed(person) == 1
    assert (watch.search("a value in a file", values, ["value"]), watch.inherited(values)) == ([], [])


@pytest.mark.parametrize("entry", [ENTRY, PAIR], ids=["one value", "a pair"])
def test_value_from_a_store_shows_nowhere_and_its_keys_are_named(
    person: Desk, bao: OpenBao, entry: dict[str, Any]
) -> None:
    keys = {"access_key_id": "ID", "secret_access_key": "NEW"} if entry is PAIR else {"": "NEW"}
    left = {key: made() for key in keys.values()}
    mount = bao.mount(2)
    bao.put(mount, "inbox", left)
    vault = {"type": "vault", "url": bao.url, "token": {"env": "VAULT_TOKEN"}}
    known = person.example["secret_connections"]
    person.override(secret_map={NAME: entry}, secret_connections={**known, "vault": vault})
    person.environment["VAULT_TOKEN"] = ROOT
    place = {"store": "vault", "mount": mount, "path": "inbox"}
    given = {"deposit_from": {**place, **({"keys": keys} if entry is PAIR else {"key": "NEW"})}}
    with Watch(person.home) as watch:
        watch.read("the output", str(taken := person.run(deposit(person, "-vvvv", "-e", json.dumps(given)))))
    assert taken.code == 0, taken
    where = f"vault {mount}/inbox: {', '.join(left)}"
    assert f"  delete:   {where}, in all of its versions, which still holds the value" in taken.output
    assert sealed(person) == 1
    values = list(left.values())
    assert (watch.search("a value in a store", values), watch.inherited(values)) == ([], [])


def test_nobody_is_asked_without_a_terminal(person: Desk) -> None:
    process = person.start(*deposit(person), start_new_session=True)
    output, _none = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "there is no terminal at which a person could type a value" in output
    assert "-e deposit_file=PATH" in output


def test_nobody_is_asked_under_semaphore_whatever_its_terminal_looks_like(person: Desk) -> None:
    terminal = at_terminal(person, "--extra-vars", SEMAPHORE)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus != 0
    assert "Semaphore runs this, so no person can type a value" in terminal.before
    assert sealed(person) == 0


@pytest.mark.core
def test_job_takes_a_value_from_its_credential_alone(person: Desk, value: str) -> None:
    """Under the real ansible-runner, which gives Ansible a terminal."""
    folder = private_data(person)
    (folder / "project" / "site.yml").write_text("- import_playbook: rotor.secrets.deposit\n")
    listed = json.loads((folder / "variables.json").read_text())
    listed["all"]["vars"] |= {"secret_map": {NAME: ENTRY}, "deposit_secret": NAME, "deposit_file": " "}
    (folder / "variables.json").write_text(json.dumps(listed))
    job = [sys.executable, str(person.home / "job.py"), str(folder)]

    asked = person.run(job)

    assert "AWX runs this, so no person can type a value" in asked.output, asked
    shutil.rmtree(folder / "artifacts")
    (folder / "credential").write_text(value)
    (folder / "credential").chmod(0o600)
    person.environment["ROTOR_DEPOSIT_FILE"] = str(folder / "credential")
    with Watch(person.home) as watch:
        watch.read("the output", str(taken := person.run(job)))

    assert f"DEPOSITED  {NAME}" in taken.output, taken
    assert "delete:   the credential of the job" in taken.output
    assert sealed(person) == 1
    spared = [str((folder / "credential").relative_to(person.home))]
    assert (watch.search("a value in a job's credential", [value], spared), watch.inherited([value])) == ([], [])
