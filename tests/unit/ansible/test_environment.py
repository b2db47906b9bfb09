# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables of the environment hold a credential, and that nothing inherits them."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest
from ansible.errors import AnsibleUndefinedVariable

from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible import environment

FLY = {"type": "fly", "token": {"env": "FLY"}, "url": "{{ lookup('env', 'HOME') }}"}


def references(**task_vars: Any) -> environment.References:
    def template(text: str) -> str:
        if "{{" in text:
            raise AnsibleUndefinedVariable(text)
        return text

    return environment.References(task_vars, template)


@pytest.mark.parametrize(
    ("ledger", "names"),
    [
        (None, set()),
        ({"key": {"env": "KEY"}, "password": {"env": "PASSWORD"}}, {"KEY", "PASSWORD"}),
        ({"key": {"env": "KEY"}, "url": {"env": "URL"}}, {"KEY", "URL"}),
        ({"key": "{{ lookup('ansible.builtin.env', 'KEY', default='') }}"}, {"KEY"}),
        ({"key": {"file": "/run/key"}, "url": "{{ lookup('env', 'URL') }}"}, set()),
        ("{{ ours }}", {"OURS"}),
        ({"key": "{{ ours_key }}"}, {"KEY"}),
        ({"key": {"env": "{{ undefined }}"}}, set()),
        ("{{ itself }}", set()),
    ],
)
def test_the_ledgers_key_and_password_are_found(ledger: Any, names: set[str]) -> None:
    others = {
        "ours": {"key": {"env": "OURS"}},
        "ours_key": '{{ query("env", "KEY") | first }}',
        "itself": "{{ itself }}",
    }
    assert references(secret_ledger=ledger, **others).of_ledger() == names | {"ROTOR_LEDGER_KEY"}


@pytest.mark.parametrize(
    ("connection", "names"),
    [
        (FLY, {"FLY"}),
        ({"type": "fly", "token": "{{ fly_token }}"}, {"VIA"}),
        ("{{ fly }}", {"FLY"}),
        ({"type": "vault", "auth": {"method": "approle", "role_id": "ci", "secret_id": {"env": "ID"}}}, {"ID"}),
        ({"type": "vault", "auth": "{{ login }}"}, {"LOGIN"}),
        ({"type": "no.such.type", "token": {"env": "FLY"}}, set()),
        ({"type": "dotenv"}, set()),
        (None, set()),
    ],
)
def test_the_credentials_of_connections_are_found(connection: Any, names: set[str]) -> None:
    others = {"fly": FLY, "fly_token": "{{ lookup('env', 'VIA') }}", "login": {"token": {"env": "LOGIN"}}}
    found = references(secret_connections={"one": connection}, **others).of_all()
    assert found == names | {"ROTOR_LEDGER_KEY"}


def test_what_is_started_does_not_inherit_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLY", "canary")
    with environment.without({"FLY", "NOT_SET"}):
        inherited = subprocess.run(["/usr/bin/env"], check=True, capture_output=True, text=True).stdout
    assert "canary" not in inherited
    assert "PATH=" in inherited
    assert os.environ["FLY"] == "canary"
