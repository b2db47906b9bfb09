# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file on a host: evidence, rights, owners, links, and where a value never shows."""

from __future__ import annotations

import ast
import io
import json
import os
import shlex
import stat
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import host_files_program, registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    ForeignChangeError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RotorError,
    UnavailableError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.fingerprints import Fingerprints
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import (
    HostAnswer,
    HostCommand,
    HostRequest,
    answered,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv import on_host_program
from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv.store import DotenvFile
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.parser import parse
from tests.unit.engine.driver import Play
from tests.unit.engine.world import World

from .access_lists import GROUP, MASK, NO_ID, OTHERS, OWNER, USER, access_list
from .local_host import NOBODY, LocalHost, Run, store_on

ONE, TWO = SecretValue("first-Wert-1!"), SecretValue("second-Wert-2!")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")
Container = dict[str, Any]


def names(file: Path) -> list[str]:
    """What lies in its folder."""
    return [path.name for path in file.parent.iterdir()]


def test_dotenv_file_is_a_store_on_a_host() -> None:
    assert registry.find("stores", "dotenv") is DotenvFile
    assert DotenvFile.on_host
    assert DotenvFile.readable


def test_identity_ignores_the_spelling_of_a_path() -> None:
    first, second = {"host": "app1", "path": "/opt/nova/.env"}, {"host": "app1", "path": "/opt/./x/../nova//.env"}
    assert DotenvFile.identity(first) == DotenvFile.identity(second)
    assert DotenvFile.identity(first) == DotenvFile.identity({**first, "path": "//opt/nova/.env"})
    assert DotenvFile.identity(first) != DotenvFile.identity({**first, "host": "app2"})
    assert DotenvFile.label(first) == "dotenv file app1:/opt/nova/.env"


def test_value_is_read_on_the_controller_alone(file: Path, host: LocalHost, store: DotenvFile) -> None:
    here = {"host": "localhost", "path": str(file)}
    file.write_text("A='first-Wert-1!'\nB=\nC=x y\nD=1\nD=2\n")
    assert store.read(here, "A") == ONE
    for key in ("B", "C", "D", "E"):
        with pytest.raises(NotFoundError, match=f"reading {key} in dotenv file localhost:.*: the file has no value"):
            store.read(here, key)
    with pytest.raises(ConfigurationError, match="no value is fetched from a host"):
        store.read({**here, "host": "app1"}, "A")
    with pytest.raises(NotFoundError, match="there is no such file"):
        store.read({**here, "path": f"{file}.missing"}, "A")
    file.write_text("A='never closed\n")
    with pytest.raises(InvalidRequestError, match=r"do(es)? not (agree|tell)"):
        store.read(here, "A")
    assert host.ran == []


def test_reference_leads_to_a_file_of_the_controller_alone(file: Path) -> None:
    def errors_of(host: str) -> list[str]:
        place = {"store": "env", "host": host, "path": str(file), "key": "TOKEN"}
        there = {"env": {"type": "dotenv"}, "api": {"type": "http", "url": "https://api.example", "token": place}}
        copy = {"store": "api", "path": "/<key>", "read": "none", "write": {"body": {"v": "<value>"}}}
        try:
            parse({"KEY": {"issuer": {"type": "random"}, "copies": [copy]}}, {}, there, check_credentials=True)
        except MapError as error:
            return list(error.errors)
        return []

    assert errors_of("localhost") == []
    assert [error.partition(";")[0] for error in errors_of("app1")] == [
        "secret_connections.api.token: a file on a host is not read"
    ]


def test_value_of_a_person_comes_from_no_dotenv_file(file: Path, tmp_path: Path) -> None:
    """Which asks nothing of its mode; a file of the value alone does."""
    file.write_text("NEW=value-of-a-person\n")
    session = Play(World("dotenv-inbox"), tmp_path, {}, connections={"env": {"type": "dotenv"}}).session()
    with pytest.raises(ConfigurationError, match=r"deposit_from: dotenv file localhost:.* is not read") as raised:
        session.stored({"store": "env", "host": "localhost", "path": str(file)}, ["NEW"])
    assert "deposit_file=PATH" in str(raised.value)


def test_several_keys_are_written_by_one_command(
    store: DotenvFile, container: Container, host: LocalHost, file: Path
) -> None:
    written = store.write(container, {"A": ONE, "B": TWO}, store.observe(container, ["A", "B"]))

    assert len(host.ran) == 2
    assert file.read_text() == "# ours\nSIBLING=stays\nA='first-Wert-1!'\nB='second-Wert-2!'\n"
    assert store.unchanged(written, store.observe(container, ["A", "B"]))
    assert json.loads(json.dumps(written)) == written
    assert written["mode"] == f"{stat.S_IMODE(file.stat().st_mode):04o}"
    assert store.describe(written).startswith("file written ")


def test_value_is_in_no_command_line_and_no_output(store: DotenvFile, container: Container, host: LocalHost) -> None:
    store.write(container, {"A": ONE})
    store.write(container, {"A": TWO}, store.observe(container, ["A"]))
    store.delete(container, ["A"])

    shown = " ".join([*(command.command for command in host.ran), *host.said])
    assert ONE.reveal() not in shown
    assert TWO.reveal() not in shown
    assert len({command.command for command in host.ran}) == 1
    assert len(host.ran[0].command) < 300


def test_unchanged_looks_at_our_keys_alone(store: DotenvFile, container: Container, file: Path) -> None:
    written = store.write(container, {"A": ONE})
    file.write_text(file.read_text().replace("stays", "changes"))
    assert store.unchanged(written, store.observe(container, ["A"]))

    file.write_text(file.read_text().replace("Wert-1", "Wert-3"))
    assert not store.unchanged(written, store.observe(container, ["A"]))


def test_value_changed_by_others_is_not_overwritten(store: DotenvFile, container: Container, file: Path) -> None:
    since = store.observe(container, ["A", "B"])
    file.write_text("A=theirs\n")

    with pytest.raises(ForeignChangeError, match=r"writing to dotenv file app1:.*somebody else has changed A\."):
        store.write(container, {"A": ONE, "B": TWO}, since)

    assert file.read_text() == "A=theirs\n"


def test_value_written_by_a_crashed_run_is_no_conflict(store: DotenvFile, container: Container) -> None:
    since = store.observe(container, ["A"])
    first = store.write(container, {"A": ONE}, since)

    assert store.unchanged(first, store.write(container, {"A": ONE}, since))


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_mode_and_attributes_stay(store: DotenvFile, container: Container, file: Path, mode: int) -> None:
    file.chmod(mode)
    try:
        os.setxattr(file, "user.note", b"keep")
    except OSError:
        pytest.skip("this file system has no extended attributes")

    store.write(container, {"A": ONE})

    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert os.getxattr(file, "user.note") == b"keep"


EVERYBODY_IN = access_list((OWNER, 7, NO_ID), (USER, 7, 4711), (GROUP, 7, NO_ID), (MASK, 7, NO_ID), (OTHERS, 4, NO_ID))


@pytest.fixture
def _open_folder(file: Path) -> None:
    """A folder whose default access list lets user 4711 and the group read what is made in it."""
    try:
        os.setxattr(file.parent, "system.posix_acl_default", EVERYBODY_IN)
    except OSError:
        pytest.skip("this file system has no access lists")


@pytest.mark.usefixtures("_open_folder")
@pytest.mark.parametrize("mode", [0o600, 0o640])
@pytest.mark.parametrize("there", [True, False])
def test_default_access_list_of_the_folder_opens_the_file_to_nobody(
    store: DotenvFile, container: Container, file: Path, mode: int, there: bool
) -> None:
    file.unlink()
    if there:
        file.touch()
        os.removexattr(file, "system.posix_acl_access")
        file.chmod(mode)

    store.write({**container, "create": True, "mode": f"{mode:04o}"}, {"A": ONE})

    assert "system.posix_acl_access" not in os.listxattr(file)
    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.usefixtures("_open_folder")
def test_a_files_own_access_list_stays(store: DotenvFile, container: Container, file: Path) -> None:
    own = access_list((OWNER, 6, NO_ID), (USER, 4, 4712), (GROUP, 0, NO_ID), (MASK, 4, NO_ID), (OTHERS, 0, NO_ID))
    os.setxattr(file, "system.posix_acl_access", own)

    store.write(container, {"A": ONE})

    assert os.getxattr(file, "system.posix_acl_access") == own
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@needs_root
def test_setgid_folder_does_not_change_the_group(store: DotenvFile, container: Container, file: Path) -> None:
    os.chown(file.parent, 0, 4713)
    file.parent.chmod(0o2775)
    os.chown(file, 0, 4714)
    file.chmod(0o640)

    store.write(container, {"A": ONE})

    assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_gid) == (0o640, 4714)


def test_requests_about_one_file_take_one_look_and_one_write(
    store: DotenvFile, container: Container, host: LocalHost, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is answered for itself: what somebody else has changed is left, and the others are written."""
    since = answered(store.answers([HostRequest(container, ["THEIRS"])])[0])
    file.write_text(file.read_text() + "THEIRS=changed\n")
    other = {**container, "path": str(file.parent / "other"), "create": True}
    host.ran.clear()

    written = store.answers(
        [
            HostRequest(container, ["A"], {"A": ONE}),
            HostRequest(container, ["THEIRS"], {"THEIRS": ONE}, since),
            HostRequest(container, ["A-B"], {"A-B": ONE}),
            HostRequest({**container, "path": "/none/.env"}, ["A"], {"A": ONE}),
            HostRequest(other, ["B"], {"B": TWO}),
            HostRequest(container, ["B"], {"B": TWO}),
            HostRequest(container, ["SIBLING", "THEIRS"]),
        ]
    )

    assert len(host.ran) == 1
    assert file.read_text() == "# ours\nSIBLING=stays\nTHEIRS=changed\nA='first-Wert-1!'\nB='second-Wert-2!'\n"
    assert (file.parent / "other").read_text() == "B='second-Wert-2!'\n"
    kinds = [type(one) for one in written]
    assert kinds == [dict, ForeignChangeError, InvalidRequestError, NotFoundError, dict, dict, dict]
    assert [sorted(one["keys"]) for one in written if isinstance(one, dict)] == [
        ["A"], ["B"], ["B"], ["SIBLING", "THEIRS"],
    ]  # fmt: skip


def test_a_file_is_replaced_once_for_many_requests(
    container: Container, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed = []
    rename = os.rename

    def counted(*names: Any, **folders: Any) -> None:
        renamed.append(names)
        rename(*names, **folders)

    monkeypatch.setattr(os, "rename", counted)
    monkeypatch.setattr("signal.signal", lambda *_arguments: None)

    def run(command: HostCommand) -> HostAnswer:
        assert command.stdin
        document = json.loads(command.stdin.reveal())
        with redirect_stdout(io.StringIO()) as output:
            host_files_program.main(document)
        return HostAnswer(0, output.getvalue())

    keys = [f"KEY_{number}" for number in range(20)]
    answers = store_on(run).answers([HostRequest(container, [key], {key: ONE}) for key in keys])  # type: ignore[arg-type]

    assert [sorted(answered(answer)["keys"]) for answer in answers] == [[key] for key in keys]
    assert len(renamed) == 1


def test_lost_answer_of_many_writes_is_resolved_by_one_look(
    store: DotenvFile, container: Container, host: LocalHost, file: Path
) -> None:
    def lost(run: Run, command: HostCommand) -> HostAnswer:
        run(command)
        file.write_text(file.read_text().replace("second", "edited"))
        raise UnavailableError("host app1 cannot be reached")

    host.instead.append(lost)
    answers = store.answers([HostRequest(container, [key], {key: value}) for key, value in (("A", ONE), ("B", TWO))])

    assert [type(answer) for answer in answers] == [dict, OutcomeUnknownError]
    assert len(host.ran) == 2


@needs_root
def test_write_keeps_the_owner(store: DotenvFile, container: Container, file: Path) -> None:
    os.chown(file, NOBODY, 12345)

    written = store.write(container, {"A": ONE})

    assert (file.stat().st_uid, file.stat().st_gid) == (NOBODY, 12345)
    assert written["owner"] == "nobody:12345"


def test_write_keeps_a_link_and_replaces_its_target(store: DotenvFile, tmp_path: Path, file: Path) -> None:
    link = tmp_path / "current" / ".env"
    link.parent.mkdir()
    link.symlink_to("../.env")

    store.write({"host": "app1", "path": str(link)}, {"A": ONE})

    assert link.is_symlink()
    assert file.read_text().endswith("A='first-Wert-1!'\n")
    assert names(link) == [".env"]


def test_a_missing_file_is_not_found_unless_it_is_to_be_made(
    store: DotenvFile, container: Container, file: Path
) -> None:
    file.unlink()
    for attempt in (
        lambda: store.observe(container, ["A"]),
        lambda: store.write(container, {"A": ONE}),
        lambda: store.delete(container, ["A"]),
    ):
        with pytest.raises(NotFoundError, match=r"the file is not there\. Make it, or set create: true"):
            attempt()

    made = {**container, "create": True}
    assert store.observe(made, ["A"]) == {"keys": {}}
    assert store.delete(made, ["A"]) == {"keys": {}}
    assert not file.exists()
    store.write(made, {"A": ONE})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == "A='first-Wert-1!'\n"


@needs_root
def test_a_new_file_has_the_mode_and_owner_that_it_is_to_have(
    store: DotenvFile, container: Container, file: Path
) -> None:
    file.unlink()
    options = {"create": True, "mode": "0640", "owner": "nobody", "group": "12345"}

    store.write({**container, **options}, {"A": ONE})

    status = file.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o640, NOBODY, 12345)


def test_an_owner_that_is_not_there_is_named_and_nothing_is_made(
    store: DotenvFile, container: Container, file: Path
) -> None:
    file.unlink()

    with pytest.raises(InvalidRequestError, match="there is no owner no-such-user on the host"):
        store.write({**container, "create": True, "owner": "no-such-user"}, {"A": ONE})

    assert names(file) == []


def test_a_missing_folder_is_never_made(store: DotenvFile, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"its folder .*/none is not there"):
        store.write({"host": "app1", "path": str(tmp_path / "none" / ".env"), "create": True}, {"A": ONE})


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_irregular_file_is_refused(store: DotenvFile, container: Container, file: Path, kind: str) -> None:
    file.unlink()
    file.mkdir() if kind == "folder" else os.mkfifo(file)

    with pytest.raises(InvalidRequestError, match="it is no regular file"):
        store.write(container, {"A": ONE})


def test_a_file_with_hard_links_is_refused(store: DotenvFile, container: Container, file: Path) -> None:
    (file.parent / "other").hardlink_to(file)

    with pytest.raises(InvalidRequestError, match="it has hard links, and each would keep the old value"):
        store.write(container, {"A": ONE})


def test_a_file_that_cannot_be_replaced_is_a_problem_of_those_alone_who_change_it(
    store: DotenvFile, container: Container, file: Path
) -> None:
    store.write(container, {"A": ONE})
    since = store.observe(container, ["B"])
    file.write_text(f"{file.read_text()}B=changed\n")
    (file.parent / "other").hardlink_to(file)

    requests = [("A", ONE, None), ("B", TWO, since), ("C", TWO, None)]
    answers = store.answers([HostRequest(container, [key], {key: new}, known) for key, new, known in requests])

    assert [type(answer) for answer in answers] == [dict, ForeignChangeError, InvalidRequestError]


@pytest.fixture
def stranger(file: Path) -> LocalHost:
    """Somebody to whom neither the file nor its folder belongs."""
    file.chmod(0o644)
    for folder in file.parents:  # pytest's own are closed to others
        if folder.name.startswith(("pytest-", "popen-", "test_")):
            folder.chmod(0o755)
    return LocalHost(user=NOBODY)


@needs_root
def test_unreadable_file_is_denied_with_advice_to_become(stranger: LocalHost, container: Container, file: Path) -> None:
    file.chmod(0o600)

    with pytest.raises(PermissionDeniedError, match=r"user nobody has no access.*Use become") as denied:
        store_on(stranger).observe(container, ["A"])

    assert "reading dotenv file app1:" in str(denied.value)


@needs_root
@pytest.mark.parametrize("belongs", ["folder", "file"])
def test_file_that_could_not_be_replaced_is_refused_at_once(
    stranger: LocalHost, container: Container, file: Path, belongs: str
) -> None:
    os.chown(file.parent if belongs == "folder" else file, NOBODY, NOBODY)
    before = file.read_bytes()

    for attempt in (
        lambda: store_on(stranger).observe(container, ["A"]),
        lambda: store_on(stranger).write(container, {"A": ONE}),
    ):
        with pytest.raises(PermissionDeniedError, match=r"could not keep|may not write to its folder"):
            attempt()

    assert file.read_bytes() == before


def cut_off(run: Run, command: Any) -> HostAnswer:
    raise UnavailableError("host app1 cannot be reached")


def test_unreachable_host_is_no_missing_file(store: DotenvFile, container: Container, host: LocalHost) -> None:
    host.instead.append(cut_off)

    with pytest.raises(UnavailableError):
        store.observe(container, ["A"])


def test_a_host_without_a_python_says_so(store: DotenvFile, container: Container, host: LocalHost) -> None:
    host.python = "/opt/none/python3"

    with pytest.raises(ConfigurationError, match=r"has no /opt/none/python3, or one older than 3\.9.*interpreter"):
        store.observe(container, ["A"])


def test_the_interpreter_may_have_arguments(store: DotenvFile, container: Container, host: LocalHost) -> None:
    host.python = "/usr/bin/env python3"

    assert store.observe(container, ["A"])["keys"] == {}


@pytest.mark.parametrize("stdout", ["", "Welcome\n", "[]\n", "{}\n", '{"keys": '])
def test_output_without_an_answer_is_unexpected(
    store: DotenvFile, container: Container, host: LocalHost, stdout: str
) -> None:
    host.instead.append(lambda run, command: HostAnswer(0, stdout))

    with pytest.raises(UnexpectedAnswerError, match=r"ended with code 0 and without an answer\. Is become right"):
        store.observe(container, ["A"])


def test_output_before_the_answer_is_ignored(store: DotenvFile, container: Container, host: LocalHost) -> None:
    host.instead.append(lambda run, command: HostAnswer(0, "Welcome!\n" + run(command).stdout + "\n"))

    assert store.observe(container, ["SIBLING"])["keys"]["SIBLING"]["fingerprint"]


def test_store_without_a_host_names_the_role(store: DotenvFile, container: Container) -> None:
    store.connection.host = None

    with pytest.raises(ConfigurationError, match=r"role rotor\.secrets\.rotate"):
        store.observe(container, ["A"])


def test_refused_value_is_not_sent(store: DotenvFile, container: Container, host: LocalHost) -> None:
    for values in ({"A-B": ONE}, {"A": SecretValue("a`'")}):
        with pytest.raises(RotorError, match="nothing was sent"):
            store.write(container, values)

    assert host.ran == []


@pytest.mark.parametrize("program", [host_files_program, on_host_program])
def test_the_program_is_written_for_python_3_9(program: Any) -> None:
    source = Path(program.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 9))
    imported = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    assert set(imported) <= sys.stdlib_module_names


def test_the_command_is_quoted_once(store: DotenvFile, container: Container, host: LocalHost) -> None:
    store.observe(container, ["A"])

    words = shlex.split(host.ran[0].command)
    assert words[:4] == ["exec", "python3", "-I", "-c"]
    assert len(words) == 5


def test_fingerprints_of_a_host_survive_a_new_ledger_key(host: LocalHost, container: dict[str, Any]) -> None:
    store = store_on(host)
    store.fingerprint = Fingerprints(b"k" * 32, [b"l" * 32, b"m" * 32])
    value = SecretValue("value-under-three-keys")
    written = store.write(container, {"KEY": value})
    assert written["keys"]["KEY"]["fingerprint"] == store.fingerprint(value)
    assert store.unchanged(written, store.observe(container, ["KEY"]))


def test_keys_of_files_that_hide_it_are_compared(store: DotenvFile, container: Container, file: Path) -> None:
    beside = [file.with_name(name) for name in ("older", "same", "without", "missing")]
    hidden = {**container, "hidden_by": list(map(str, beside))}
    store.write(container, {"KEY": SecretValue("new")})
    for path, text in zip(beside, ("KEY=old\n", "export KEY=new\n", "OTHER=1\n"), strict=False):
        path.write_text(text)

    found = store.shadows(hidden, ["KEY", "OTHER"], fresh=True)

    assert [(one.key, one.place, one.outdated) for one in found] == [
        ("KEY", str(beside[0]), True),
        ("KEY", str(beside[1]), False),
    ]
    assert found[0].label == f"dotenv file app1:{beside[0]}"
    assert store.may_be_hidden(hidden)
    assert not store.may_be_hidden(container)


def test_file_that_hides_is_looked_at_without_rights_to_write_it(
    store: DotenvFile, container: Container, file: Path, tmp_path: Path
) -> None:
    """It may be somebody else's, in a folder of theirs, and have several names."""
    beside = tmp_path / "theirs" / ".env"
    beside.parent.mkdir()
    beside.write_text("KEY=old\n")
    os.link(beside, beside.with_name("another name"))
    store.write(container, {"KEY": SecretValue("new")})

    found = store.shadows({**container, "hidden_by": [str(beside)]}, ["KEY"], fresh=True)

    assert [one.outdated for one in found] == [True]


@needs_root
def test_file_of_root_that_hides_is_looked_at_by_others(stranger: LocalHost, container: Container, file: Path) -> None:
    own = file.with_name("own") / ".env"
    own.parent.mkdir()
    own.write_text("KEY=new\n")
    for path in (own, own.parent):
        os.chown(path, NOBODY, NOBODY)
    file.write_text("KEY=old\n")

    found = store_on(stranger).shadows({**container, "path": str(own), "hidden_by": [str(file)]}, ["KEY"])

    assert [(one.place, one.outdated) for one in found] == [(str(file), True)]
    file.chmod(0o600)
    with pytest.raises(PermissionDeniedError, match=f"reading dotenv file app1:{file}: user nobody has no access"):
        store_on(stranger).shadows({**container, "path": str(own), "hidden_by": [str(file)]}, ["KEY"])


def test_missing_folder_hides_nothing(store: DotenvFile, container: Container, file: Path) -> None:
    store.write(container, {"KEY": SecretValue("new")})
    missing = str(file.with_name("no such folder") / ".env")

    assert store.shadows({**container, "hidden_by": [missing]}, ["KEY"], fresh=True) == []

    with pytest.raises(NotFoundError, match=r"its folder .* is not there"):
        store.shadows({**container, "path": missing, "hidden_by": [str(file)]}, ["KEY"], fresh=True)
