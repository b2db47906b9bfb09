# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``dotenv_secret`` as a task runs it: over a real sshd, with and without become, and on a local connection."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers import sshd as server
from tests.servers.sshd import Sshd
from tests.unit.providers.dotenv import readers

from .canary import Watch
from .conftest import Desk, Outcome

pytestmark = [
    pytest.mark.xdist_group("sshd"),
    pytest.mark.skipif(bool(server.is_missing()), reason=server.is_missing()),
]
MODULE = "rotor.secrets.dotenv_secret"
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
BEFORE = "# kept\nSIBLING=stays # as it is\nKEY=old"


@dataclass
class Playground:
    """Somebody's desk with host app1 in the inventory, and a folder on that host."""

    desk: Desk
    sshd: Sshd
    file: Path

    def run(self, *tasks: dict[str, Any], arguments: tuple[str, ...] = ("--diff",), **play: Any) -> Outcome:
        playbook = self.desk.home / "play.yml"
        content = {"hosts": "app1", "gather_facts": False, **play, "tasks": list(tasks)}
        playbook.write_text(yaml.safe_dump([content], sort_keys=False))
        return self.desk.play(str(playbook), *arguments)

    def task(self, value: str = "VALUE", *, name: str = "KEY", path: Path | None = None, **more: Any) -> dict[str, Any]:
        """The value is in the environment, as anybody would hand it over who wants no value in a playbook."""
        given = {"value": f"{{{{ lookup('env', '{value}') }}}}"} if value else {}
        return {"name": "Set it", MODULE: {"path": str(path or self.file), "name": name, **given, **more}}

    def host(self, **variables: Any) -> None:
        known = {"all": {"hosts": {"app1": variables}}}
        (self.desk.inventory / "hosts.yml").write_text(yaml.safe_dump(known))


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with server.running() as running:
        yield running


@pytest.fixture
def ground(sshd: Sshd) -> Iterator[Playground]:
    with tempfile.TemporaryDirectory(prefix="desk-") as folder:
        home = Path(folder) / "home"
        (home / "inventory").mkdir(parents=True)
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
            "ANSIBLE_NOCOLOR": "1",
            "VALUE": "it's $5 #1\nline \\two\\",
        }
        place = sshd.folder / secrets.token_hex(4)
        place.mkdir(mode=0o755)
        file = place / ".env"
        file.write_text(BEFORE)
        give(sshd.user, place, file)
        ground = Playground(Desk(home, home / "inventory", environment), sshd, file)
        ground.host(**sshd.variables)
        yield ground
        assert not (sshd.folder / ".ansible").exists(), "something was put on the host"
        shutil.rmtree(place)


@pytest.fixture
def escalating(ground: Playground) -> Playground:
    if ground.sshd.password is None:
        pytest.skip("only root can make a user who may become another one")
    return ground


def give(user: str, *paths: Path) -> None:
    group = pwd.getpwnam(user).pw_gid
    for path in paths:
        shutil.chown(path, user, group)


def held(file: Path, key: str = "KEY") -> str | None:
    """As all readers that there are here read it."""
    systemd = [readers.systemd] if readers.systemd_library() else []
    (found,) = {reader(file).get(key) for reader in (readers.shell, readers.compose, *systemd)}
    return found


def counts(outcome: Outcome) -> dict[str, int]:
    recap = next(line for line in outcome.output.splitlines() if line.startswith("app1 "))
    return {name: int(number) for name, number in (word.split("=") for word in recap.split() if "=" in word)}


@pytest.mark.core
def test_a_key_is_set_over_ssh_and_the_same_again_changes_nothing(ground: Playground) -> None:
    ground.file.chmod(0o640)

    outcome = ground.run(ground.task(), ground.task())

    assert (counts(outcome)["ok"], counts(outcome)["changed"]) == (2, 1), outcome
    assert held(ground.file) == ground.desk.environment["VALUE"]
    assert ground.file.read_text().startswith("# kept\nSIBLING=stays # as it is\nKEY=")
    assert stat.S_IMODE(ground.file.stat().st_mode) == 0o640
    assert [path.name for path in ground.file.parent.iterdir()] == [".env"]


def test_check_mode_says_what_would_change_and_changes_nothing(ground: Playground) -> None:
    inode = ground.file.stat().st_ino

    outcome = ground.run(
        ground.task(), ground.task(state="absent", value=""), ground.task(name="NEW"), arguments=("--check", "--diff")
    )

    assert counts(outcome)["changed"] == 3, outcome
    assert '"KEY": {' in outcome.output
    assert '"fingerprint": "' in outcome.output
    assert (ground.file.read_text(), ground.file.stat().st_ino) == (BEFORE, inode)


def test_several_keys_are_set_and_removed(ground: Playground) -> None:
    several = ground.task()
    several[MODULE] = {
        "path": str(ground.file),
        "secrets": [{"name": name, "value": "{{ lookup('env', 'VALUE') }}"} for name in ("KEY", "OTHER")],
    }
    gone = ground.task("", name="SIBLING", state="absent")

    outcome = ground.run(several, gone, gone)

    assert (counts(outcome)["ok"], counts(outcome)["changed"]) == (3, 2), outcome
    assert held(ground.file, "OTHER") == held(ground.file) == ground.desk.environment["VALUE"]
    assert held(ground.file, "SIBLING") is None


def test_a_missing_file_is_made_only_when_asked_to(ground: Playground) -> None:
    new = ground.file.with_name("new")

    refused = ground.run(ground.task(path=new))
    assert counts(refused)["failed"] == 1
    assert f"reading dotenv file app1:{new}: the file is not there. Make it, or set create: true" in refused.output
    assert not new.exists()

    outcome = ground.run(ground.task(path=new, create=True, mode=0o640), ground.task(path=new, create=True))
    assert (counts(outcome)["ok"], counts(outcome)["changed"]) == (2, 1), outcome
    assert stat.S_IMODE(new.stat().st_mode) == 0o640
    assert held(new) == ground.desk.environment["VALUE"]


def test_root_keeps_whose_file_it_is(escalating: Playground) -> None:
    escalating.file.chmod(0o604)
    owner = escalating.file.stat().st_uid

    outcome = escalating.run(escalating.task() | {"become": True})

    assert counts(outcome)["changed"] == 1, outcome
    status = escalating.file.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o604, owner)
    assert held(escalating.file) == escalating.desk.environment["VALUE"]


@pytest.mark.core
def test_with_a_become_password_another_user_is_become(escalating: Playground) -> None:
    give("daemon", escalating.file, escalating.file.parent)
    escalating.sshd.folder.chmod(0o711)
    escalating.file.chmod(0o600)
    escalating.desk.environment["BECOME"] = str(escalating.sshd.password)
    become = {"become": True, "become_user": "daemon"}
    password = {"ansible_become_password": "{{ lookup('env', 'BECOME') }}"}

    outcome = escalating.run(escalating.task() | become, escalating.task() | become, vars=password)

    assert (counts(outcome)["ok"], counts(outcome)["changed"]) == (2, 1), outcome
    assert escalating.file.owner() == "daemon"
    assert held(escalating.file) == escalating.desk.environment["VALUE"]


def test_a_wrong_become_password_is_said_and_nothing_is_changed(escalating: Playground) -> None:
    task = escalating.task() | {"become": True, "become_user": "daemon"}

    outcome = escalating.run(task, vars={"ansible_become_password": "wrong"})

    assert counts(outcome)["failed"] == 1
    assert "the command was not started on host app1: Incorrect sudo password" in outcome.output
    assert escalating.file.read_text() == BEFORE


def test_without_become_a_foreign_file_is_denied_by_name(escalating: Playground) -> None:
    shutil.chown(escalating.file, "daemon")

    outcome = escalating.run(escalating.task())

    assert counts(outcome)["failed"] == 1
    user = escalating.sshd.user
    assert f"dotenv file app1:{escalating.file}: it belongs to daemon:" in outcome.output
    assert f"which user {user} could not keep. Use become, as root or as the user" in outcome.output
    assert escalating.file.read_text() == BEFORE


def test_standard_input_reaches_a_local_host_with_a_become_password(escalating: Playground) -> None:
    """Core makes a terminal of it otherwise, and nothing ever arrives."""
    escalating.host(**LOCAL)
    become = {"become": True, "become_user": "daemon", "vars": {"ansible_become_password": "not asked of root"}}
    give("daemon", escalating.file, escalating.file.parent)
    escalating.sshd.folder.chmod(0o711)

    outcome = escalating.run(escalating.task() | become)

    assert counts(outcome)["changed"] == 1, outcome
    assert held(escalating.file) == escalating.desk.environment["VALUE"]


def test_a_task_may_be_delegated_and_a_group_may_have_defaults(ground: Playground) -> None:
    task = {"name": "Set it", MODULE: {"name": "KEY", "value": "{{ lookup('env', 'VALUE') }}"}, "delegate_to": "app1"}
    defaults = {"group/rotor.secrets.dotenv": {"path": str(ground.file)}}

    outcome = ground.run(task, hosts="localhost", connection="local", module_defaults=defaults)

    assert outcome.code == 0, outcome
    assert held(ground.file) == ground.desk.environment["VALUE"]


def test_a_host_that_is_down_is_unreachable(ground: Playground) -> None:
    ground.host(**ground.sshd.variables | {"ansible_port": 1})

    outcome = ground.run(ground.task())

    assert counts(outcome)["unreachable"] == 1
    assert "host app1 cannot be reached" in outcome.output


def test_a_host_without_that_python_says_so(ground: Playground) -> None:
    ground.host(**ground.sshd.variables | {"ansible_python_interpreter": "/opt/none/python3"})

    outcome = ground.run(ground.task())

    assert counts(outcome)["failed"] == 1
    assert "the host has no /opt/none/python3, or one older than 3.9" in outcome.output


def test_files_that_would_keep_a_value_on_the_host_are_refused(ground: Playground) -> None:
    ground.desk.environment["ANSIBLE_KEEP_REMOTE_FILES"] = "1"

    outcome = ground.run(ground.task())

    assert counts(outcome)["failed"] == 1
    assert "ANSIBLE_KEEP_REMOTE_FILES would leave a value on the host. Unset it" in outcome.output
    assert ground.file.read_text() == BEFORE


def test_what_is_wrong_is_said_before_the_host_is_asked(ground: Playground) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "path: does not match ^/: The file's absolute path": {"path": "opt/.env"},
        "A-B: a name has letters of ASCII, digits and underscores": {"name": "A-B"},
        'mode: does not match ^0?[0-7]{3}$: A new file\'s mode, such as \\"0640\\"': {"mode": 640},
        "KEY: its value is missing or empty": {"value": ""},
        "Unsupported parameters": {"nmae": "KEY"},
    }
    ground.host(**ground.sshd.variables | {"ansible_port": 1})
    tasks = [ground.task() | {"ignore_errors": True} for _said in wrong]
    for task, options in zip(tasks, wrong.values(), strict=True):
        task[MODULE] |= options

    outcome = ground.run(*tasks)

    assert counts(outcome)["ignored"] == len(wrong), outcome
    printed = outcome.output.split("TASK [")[1:]
    assert [said for said, of_task in zip(wrong, printed, strict=True) if said not in of_task] == []


@pytest.mark.core
@pytest.mark.parametrize("pipelining", ["0", "1"])
@pytest.mark.parametrize("become", [{}, {"become": True}], ids=["login user", "root"])
def test_no_value_shows_anywhere_but_in_the_file(ground: Playground, become: dict[str, Any], pipelining: str) -> None:
    if become and ground.sshd.password is None:
        pytest.skip("only root can make a user who may become another one")
    first, second = (f'canary{secrets.token_hex(8)} "{secrets.token_hex(8)}$ü' for _number in range(2))
    ground.desk.environment |= {
        "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1",
        "ANSIBLE_LOG_PATH": str(ground.desk.home / "ansible.log"),
        "ANSIBLE_PIPELINING": pipelining,
        "FIRST": first,
        "SECOND": second,
    }
    tasks = [ground.task(value) | become for value in ("FIRST", "SECOND", "SECOND")]
    tasks.append(ground.task("SECOND", name="A-B") | become | {"ignore_errors": True})

    with Watch(ground.sshd.folder) as there, Watch(ground.desk.home) as here:
        outcome = ground.run(*tasks, arguments=("--diff", "-vvvv"))
        here.read("the output", str(outcome))

    assert (counts(outcome)["changed"], counts(outcome)["ignored"]) == (2, 1), outcome
    assert held(ground.file) == second
    own = str(ground.file.relative_to(ground.sshd.folder))
    new = str(ground.file.with_name("..env.rotor").relative_to(ground.sshd.folder))
    assert own in there.find([second])
    assert set(there.find([first, second])) <= {own, new}
    assert "ansible.log" in here.places
    assert here.find([first, second]) == []
