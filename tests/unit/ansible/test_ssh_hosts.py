# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How ssh comes to a host follows from the inventory, and takes neither a shared connection nor a credential along."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.forwards import SshHost
from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible.ssh_hosts import SshHosts

SSH = {"ansible_connection": "ssh", "inventory_hostname": "app1"}


def found(name: str = "app1", connections: Any = None, **variables: Any) -> SshHost:
    task_vars = {"hostvars": {"app1": SSH | variables}, "secret_connections": connections or {}}
    return SshHosts(task_vars, lambda text: text)(name)


def settings(host: SshHost) -> dict[str, str]:
    """What ssh itself makes of its command line."""
    command = [*host.command, "-F", "none", "-G", host.destination]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(line.partition(" ")[::2] for line in said.splitlines())


def test_settings_of_the_inventory_reach_ssh() -> None:
    host = found(
        ansible_host="db.example.com",
        ansible_port=2222,
        ansible_user="deploy",
        ansible_ssh_private_key_file="/keys/one",
        ansible_ssh_common_args="-o ProxyJump=bastion.example.com",
        ansible_ssh_extra_args="-o Compression=yes",
        ansible_ssh_timeout=7,
    )

    known = settings(host)

    assert {name: known[name] for name in ("hostname", "port", "user", "identityfile", "proxyjump", "compression")} == {
        "hostname": "db.example.com",
        "port": "2222",
        "user": "deploy",
        "identityfile": "/keys/one",
        "proxyjump": "bastion.example.com",
        "compression": "yes",
    }
    assert known["connecttimeout"] == "7"


@pytest.mark.parametrize("shared", ["-o ControlMaster=auto -o ControlPersist=60s -o ControlPath=/x", "-M -S /x"])
def test_no_connection_is_shared_and_nothing_is_asked(shared: str) -> None:
    known = settings(found(ansible_ssh_args=f"{shared} -vvv -o BatchMode=no"))

    assert known.get("controlpath", "none") == "none"
    assert known["batchmode"] == "yes"
    assert known["exitonforwardfailure"] == "yes"
    assert known["loglevel"] == "INFO"


def test_host_keys_are_checked_unless_the_inventory_says_otherwise() -> None:
    assert settings(found())["stricthostkeychecking"] == "ask"
    assert settings(found(ansible_ssh_host_key_checking=False))["stricthostkeychecking"] == "false"


def test_credentials_are_not_in_the_environment_of_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROTOR_LEDGER_KEY", "VAULT_TOKEN", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "canary")

    host = found(connections={"vault": {"type": "vault", "url": "http://127.0.0.1", "token": {"env": "VAULT_TOKEN"}}})

    assert [name for name, value in host.environment.items() if value == "canary"] == ["SSH_AUTH_SOCK"]


def test_host_that_is_not_there_is_told() -> None:
    with pytest.raises(errors.ConfigurationError, match="there is no host app2 in the inventory"):
        found("app2")


@pytest.mark.parametrize("kind", ["local", "ansible.netcommon.network_cli", "winrm"])
def test_host_without_ssh_is_told(kind: str) -> None:
    with pytest.raises(errors.ConfigurationError, match=f"its connection is {kind}, and a forward needs ssh"):
        found(ansible_connection=kind)
