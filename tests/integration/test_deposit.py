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
from contextlib import closing

import pexpect
import pytest

from tests.sandbox.visitor import Visitor

from .canary import Watch
from .conftest import Desk
from .test_job_runners import private_data

NAME = "MEM0_API_KEY"
PROMPT = f"{NAME} (it is not shown): "
ENTRY = {
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
SEMAPHORE = json.dumps({"semaphore_vars": {"task_details": {"id": 7, "username": "grace"}}})


@pytest.fixture
def value() -> str:
    """Random, since the process list is everybody's; with characters that each spelling writes in its own way."""
    return f"m0-{secrets.token_hex(8)}/+\"='{secrets.token_hex(8)}~?>"


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
