# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the ssh command that leads to an inventory host, by what the inventory and Ansible's settings say of it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.context import CLIARGS
from ansible.errors import AnsibleError
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader

from ...module_utils._core.errors import ConfigurationError
from ...module_utils._core.forwards import SshHost
from .environment import References, Template

_SSH = ("ssh", "smart", "ansible.builtin.ssh")
_FIRST = ("-S", "none", "-o", "ControlMaster=no", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes")
"""The first word counts: a master that others share would keep a forward after us."""
_LAST = ("-S", "none", "-T", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3")


class SshHosts:
    """The inventory's hosts, as a task sees them."""

    def __init__(self, task_vars: Mapping[str, Any], template: Template) -> None:
        self._variables = task_vars
        self._references = References(task_vars, template)

    def __call__(self, host: str) -> SshHost:
        """Return how ssh comes to a host; ConfigurationError where the inventory has none, or another connection."""
        known: Mapping[str, Any] = self._variables.get("hostvars") or {}
        if host not in known:
            raise ConfigurationError(f"there is no host {host} in the inventory")
        try:
            option = _options(known[host])
        except AnsibleError as error:
            raise ConfigurationError(f"the connection of host {host} cannot be told: {_first_line(error)}") from None
        destination = str(option("host") or host)
        return SshHost(host, tuple(_command(option)), destination, self._environment())

    def _environment(self) -> Mapping[str, str]:
        secret = self._references.of_all()
        return {name: value for name, value in os.environ.items() if name not in secret}


def _options(variables: Mapping[str, Any]) -> Any:
    """Return what gives an option of core's ssh connection for a host; ConfigurationError where it has another one."""
    kind = str(variables.get("ansible_connection") or CLIARGS.get("connection") or constants.DEFAULT_TRANSPORT)
    if kind not in _SSH:
        raise ConfigurationError(f"its connection is {kind}, and a forward needs ssh")
    connection = connection_loader.get("ssh", PlayContext())
    names = constants.config.get_plugin_vars("connection", connection._load_name)
    connection.set_options(var_options={name: variables[name] for name in names if name in variables})
    return connection.get_option


def _command(option: Any) -> Iterator[str]:
    """Yield ssh and its options, in the order in which core gives them: of most options, ssh takes the first."""
    yield str(option("ssh_executable"))
    yield from _FIRST
    yield from _words(option("ssh_args"))
    if option("host_key_checking") is False:
        yield from ("-o", "StrictHostKeyChecking=no")
    found = {
        "Port": option("port"),
        "IdentityFile": _quoted(Path(str(option("private_key_file"))).expanduser())
        if option("private_key_file")
        else "",
        "User": _quoted(option("remote_user")) if option("remote_user") else "",
        "ConnectTimeout": option("timeout"),
    }
    for name, value in found.items():
        yield from ("-o", f"{name}={value}") if value else ()
    yield from _words(option("ssh_common_args"))
    yield from _words(option("ssh_extra_args"))
    yield from _LAST


def _words(text: Any) -> list[str]:
    """Split options of ssh, without ``-v``: what ssh would say is read only now and then."""
    return [word for word in shlex.split(str(text or "")) if word == "-" or word.strip("v") != "-"]


def _quoted(text: Any) -> str:
    return f'"{text}"'


def _first_line(error: AnsibleError) -> str:
    return str(error).partition("\n")[0]
