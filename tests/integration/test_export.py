# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``export`` as a task runs it: of a real Vault, over a real sshd; no value shows anywhere but where it was to go."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.servers import sshd as server
from tests.servers.openbao import ROOT, OpenBao

from .canary import Watch
from .conftest import Outcome
from .test_dotenv_module import Playground, counts, give, ground, held, sshd

__all__ = ["ground", "sshd"]  # fixtures
pytestmark = [
    pytest.mark.xdist_group("sshd"),
    pytest.mark.skipif(bool(server.is_missing()), reason=server.is_missing()),
]
VALUES = {"TOKEN": "m1-a canary's 'token' $5", "PASSWORD": "m1-another canary #\\ é"}
SPELLED = (
    "import base64, os; value = os.environ['RENAMED']; "
    "print('it has', value, base64.b64encode(value.encode()).decode())"
)


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    running = OpenBao()
    yield running
    running.stop()


@dataclass
class Exporter:
    """Somebody who exports the document ``app`` of a Vault to the host app1."""

    ground: Playground
    bao: OpenBao
    mount: str

    def place(self, **more: Any) -> dict[str, Any]:
        return {"store": "vault", "mount": self.mount, "path": "app", **more}

    def run(self, *places: dict[str, Any], arguments: tuple[str, ...] = ("--diff",), **options: Any) -> Outcome:
        export = {"name": "Export", "rotor.secrets.export": {"from": list(places), **options}, "register": "done"}
        shown = {"name": "Show it", "ansible.builtin.debug": {"msg": ["{{ done }}", "{{ hostvars['app1'] }}"]}}
        connections = {"vault": {"type": "vault", "url": self.bao.url, "token": {"env": "VAULT_TOKEN"}}}
        return self.ground.run(export, shown, arguments=arguments, vars={"secret_connections": connections})

    def file(self, **options: Any) -> Outcome:
        return self.run(self.place(), path=str(self.ground.file), **options)


@pytest.fixture
def exporter(ground: Playground, bao: OpenBao) -> Exporter:
    mount = bao.mount(2)
    bao.put(mount, "app", VALUES)
    ground.desk.environment["VAULT_TOKEN"] = ROOT
    ground.file.unlink()
    return Exporter(ground, bao, mount)


@pytest.mark.core
def test_a_document_becomes_a_file_of_its_owner_and_again_changes_nothing(exporter: Exporter) -> None:
    file = exporter.ground.file

    planned = exporter.file(arguments=("--check", "--diff"))
    assert (planned.code, counts(planned)["changed"], file.exists()) == (0, 1, False), planned
    first = exporter.file()
    assert (first.code, counts(first)["changed"]) == (0, 1), first
    assert {key: held(file, key) for key in VALUES} == VALUES
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.stat()
    for arguments in (("--diff",), ("--check",)):
        again = exporter.file(arguments=arguments)
        assert (again.code, counts(again)["changed"]) == (0, 0), again
    assert file.stat() == before

    exporter.bao.put(exporter.mount, "app", {**VALUES, "TOKEN": "m1-a new one"})
    assert counts(exporter.file())["changed"] == 1
    assert (held(file, "TOKEN"), held(file, "PASSWORD")) == ("m1-a new one", VALUES["PASSWORD"])


def test_no_value_of_an_export_shows_anywhere(exporter: Exporter) -> None:
    desk, place = exporter.ground.desk, exporter.place(keys={"RENAMED": "TOKEN"})
    desk.environment |= {"ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1", "ANSIBLE_LOG_PATH": str(desk.home / "ansible.log")}
    with Watch(desk.home) as watch:
        for options in ({"path": str(exporter.ground.file)}, {"command": ["python3", "-c", SPELLED]}):
            outcome = exporter.run(place, arguments=("-vvvv", "--diff"), **options)
            assert outcome.code == 0, outcome
            watch.read("the output", outcome.output)
    assert held(exporter.ground.file, "RENAMED") == VALUES["TOKEN"]
    assert "it has ********" in outcome.output
    values = list(VALUES.values())
    assert watch.search("an export", values) == []
    assert len(watch.inherited(values)) <= 1, "the command itself, which is to have them"


@pytest.mark.core
def test_a_command_has_the_values_and_its_failure_fails_the_task(exporter: Exporter) -> None:
    proof, folder = exporter.ground.file.with_name("proof"), str(exporter.ground.file.parent)
    line = 'test -n "$TOKEN$PASSWORD" && printf %s "$TOKEN" >proof; cat; exit $1'

    planned = exporter.run(exporter.place(), command=["sh", "-c", line], chdir=folder, arguments=("--check",))
    assert (planned.code, counts(planned)["skipped"], proof.exists()) == (0, 1, False), planned
    done = exporter.run(exporter.place(), command=["sh", "-c", line, "sh", "0"], chdir=folder)
    assert (done.code, counts(done)["changed"]) == (0, 1), done
    assert proof.read_text() == VALUES["TOKEN"]
    failed = exporter.run(exporter.place(), command=["sh", "-c", f"echo 'no luck'; {line}", "sh", "7"], chdir=folder)
    assert "the command ended with code 7 on host app1, and printed: no luck" in failed.output, failed
    missing = exporter.run(exporter.place(), command=["no-such-command"])
    assert "no-such-command: No such file or directory" in missing.output, missing


@pytest.mark.parametrize(
    ("begin", "problem"),
    [
        ("chmod", "its mode is 0644, and not 0600. chmod 0600 it, or say that mode is 0644"),
        ("link", "it is a link"),
        ("foreign", "it belongs to "),
    ],
)
def test_a_file_that_others_could_read_is_refused(exporter: Exporter, begin: str, problem: str) -> None:
    file = exporter.ground.file
    file.write_text("OTHER=1\n")
    file.chmod(0o644 if begin == "chmod" else 0o600)
    if begin != "foreign":
        give(exporter.ground.sshd.user, file)
    elif exporter.ground.sshd.password is None:
        pytest.skip("only root can make a file of somebody else's")
    if begin == "link":
        file.rename(file.with_name("behind"))
        file.symlink_to("behind")

    for arguments in ((), ("--check",)):
        refused = exporter.file(arguments=arguments)
        assert refused.code != 0
        expected = "has no access" if begin == "foreign" and "no access" in refused.output else problem
        assert expected in refused.output, refused
    assert file.read_text() == "OTHER=1\n"


@pytest.mark.parametrize(
    ("places", "options", "problem"),
    [
        ([{}, {"keys": {"TOKEN": "PASSWORD"}}], {"path": "/x"}, "TOKEN comes from two places"),
        ([{"keys": ["MISSING"]}], {"path": "/x"}, "has no text in MISSING, or the token may not read it"),
        ([{"keys": {"not a name": "TOKEN"}}], {"path": "/x"}, "not a name: a name has letters of ASCII"),
        ([{"keys": "TOKEN"}], {"path": "/x"}, "keys are a list of names"),
        ([{"pth": "x"}], {"path": "/x"}, "from.pth: unknown option"),
        ([{"store": "vlt"}], {"path": "/x"}, "there is no such connection. In secret_connections: did you mean vault?"),
        ([{}], {}, "one of the following is required: path, command"),
        ([{}], {"path": "/x", "chdir": "/"}, "missing parameter(s) required by 'chdir': command"),
    ],
)
def test_what_is_wrong_is_told_before_the_host_is_asked(
    exporter: Exporter, places: list[dict[str, Any]], options: dict[str, Any], problem: str
) -> None:
    refused = exporter.run(*(exporter.place(**place) for place in places), **options)
    assert refused.code != 0
    assert problem in refused.output, yaml.safe_dump(refused.output)
