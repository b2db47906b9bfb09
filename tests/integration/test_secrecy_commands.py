# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary, through commands on hosts: over a real sshd and on this machine, whatever they print and inherit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.sandbox.visitor import Visitor
from tests.servers import sshd as server
from tests.servers.sshd import Sshd

from .conftest import Desk
from .facts import minted, working
from .test_secrecy import assert_nothing_shows, watched

pytestmark = [
    pytest.mark.xdist_group("sshd"),
    pytest.mark.skipif(bool(server.is_missing()), reason=server.is_missing()),
]
whole_sweep = pytest.mark.skipif(
    os.environ.get("ROTOR_SECRECY") != "all", reason="takes long; ROTOR_SECRECY=all runs it, as `make chaos` does"
)

SPELL = (
    "import base64, json, sys, urllib.parse; value = sys.stdin.read(); data = value.encode(); "
    "print('the proxy'.upper(), value, json.dumps(value), urllib.parse.quote(value, safe='')); "
    "print(base64.b64encode(data).decode(), value[3:-3], data.hex(), file=sys.stderr); "
    "print(base64.encodebytes(b'KEY=' + data).decode(), '\\x1b]0;title\\x07 the end'); "
)
RECORDER = """\
#!/bin/sh
{ env; printf '%s\\n' "$@"; } >"$(mktemp RECORDS/ssh.XXXXXX)"
exec ssh "$@"
"""


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with server.running() as running:
        yield running


def commands(desk: Desk, sshd: Sshd, *, become: bool, code: int) -> None:
    """Two consumers of the first step: a command on this machine keeps what it inherits, one on app1 prints all."""
    recorder = desk.home / "ssh-recorder"
    recorder.write_text(RECORDER.replace("RECORDS", str(desk.home)))
    recorder.chmod(0o755)
    there: dict[str, Any] = sshd.variables | {"ansible_ssh_executable": str(recorder)}
    if become and sshd.password is not None:
        there |= {"ansible_become": True, "ansible_become_user": "daemon", "ansible_become_password": sshd.password}
    here = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
    (desk.inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"app1": there, "here": here}}}))
    kept = "cat >/dev/null; { env; cat /proc/$PPID/environ; } >" + str(desk.home / "inherited")
    consumers = {
        "local": {"type": "command", "host": "here", "command": kept, "stdin": "${token}"},
        "printer": {
            "type": "command",
            "host": "app1",
            "command": ["/usr/bin/python3", "-c", f"{SPELL}sys.exit({code})"],
            "stdin": "${token}",
        },
    }
    example = desk.example
    example["secret_map"]["FLY_API_TOKEN"]["rollout"][0]["reload"] += consumers
    example["secret_connections"]["github"]["token"] = "{{ lookup('env', 'GITHUB_ADMIN_TOKEN') }}"
    desk.override(
        secret_map=example["secret_map"],
        secret_consumers=example["secret_consumers"] | consumers,
        secret_connections=example["secret_connections"],
    )


@pytest.mark.core
@pytest.mark.parametrize("become", [True, pytest.param(False, marks=whole_sweep)])
def test_a_command_that_fails_is_told_without_a_value(world: Visitor, desk: Desk, sshd: Sshd, become: bool) -> None:
    commands(desk, sshd, become=become, code=7)

    watch = watched(desk)

    assert_nothing_shows(world, desk, watch)
    (output,) = (text for place, text in watch.texts if place == "the output")
    told = next(line for line in output.splitlines() if "ended with code 7 on host app1, and printed: " in line)
    assert "THE PROXY ******** " in told
    assert "the end. No value is shown" in told
    assert "\x1b]" not in output
    assert len(minted(world)) == 1
    assert "PATH=" in (desk.home / "inherited").read_text()
    assert list(desk.home.glob("ssh.*"))


@whole_sweep
@pytest.mark.core
@pytest.mark.parametrize("become", [True, False])
def test_a_command_that_succeeds_shows_nothing(world: Visitor, desk: Desk, sshd: Sshd, become: bool) -> None:
    commands(desk, sshd, become=become, code=0)

    watch = watched(desk)

    assert working(world)
    assert watch.find(["THE PROXY"]) == [], "nor what was printed without a value"
    assert_nothing_shows(world, desk, watch)
