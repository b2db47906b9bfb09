# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Others write at the same time, connections break, disks are full: nothing is lost, nothing is left beside."""

from __future__ import annotations

import fcntl
import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import host_files_program
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import OutcomeUnknownError, UnavailableError
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import HostAnswer
from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv import on_host_program
from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv.store import DotenvFile

from .local_host import LocalHost, Run

ONE, TWO = SecretValue("first-Wert-1!"), SecretValue("second-Wert-2!")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")
Container = dict[str, Any]


def names(file: Path) -> list[str]:
    """What lies in its folder."""
    return [path.name for path in file.parent.iterdir()]


def cut_off(run: Run, command: Any) -> HostAnswer:
    raise UnavailableError("host app1 cannot be reached")


def cut_off_after(run: Run, command: Any) -> HostAnswer:
    run(command)
    raise UnavailableError("host app1 cannot be reached")


def noise_after(run: Run, command: Any) -> HostAnswer:
    run(command)
    return HostAnswer(1, "Connection closed\n")


def test_concurrent_writes_lose_nothing(store: DotenvFile, container: Container, file: Path) -> None:
    keys = [f"KEY_{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(store.write, container, {key: ONE}) for key in keys]:
            done.result()

    assert sorted(store.observe(container, keys)["keys"]) == keys
    assert names(file) == [".env"]


def test_write_waits_for_the_lock_of_another_run(store: DotenvFile, container: Container, file: Path) -> None:
    folder = os.open(file.parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(store.write, container, {"A": ONE})
        assert store.observe(container, ["A"])["keys"] == {}
        assert not writing.done()
        os.close(folder)
        assert set(writing.result()["keys"]) == {"A"}


def task(file: Path, since: dict[str, str] | None = None) -> dict[str, Any]:
    """To set A to ours."""
    return {
        "operation": "change", "path": str(file), "create": False, "mode": "0600", "owner": "", "group": "",
        "readers": ["shell"], "private": False, "look_only": False, "keys": ["A"],
        "values": {"A": "'ours'"}, "wanted": {"A": "no"}, "since": since,
    }  # fmt: skip


def document(*tasks: dict[str, Any]) -> dict[str, Any]:
    """What the program is told."""
    form = Path(on_host_program.__file__).read_text(encoding="utf-8")
    return {"format": form, "fingerprint_key": "00", "tasks": list(tasks)}


def change(file: Path, since: dict[str, str] | None = None) -> dict[str, Any]:
    """The host's program, in this process."""
    with redirect_stdout(io.StringIO()) as output:
        host_files_program.main(document(task(file, since)))
    found: dict[str, Any] = json.loads(output.getvalue())["answers"][0]
    return found


@pytest.fixture
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *_arguments: None)


@pytest.mark.usefixtures("_quiet")
def test_save_by_an_editor_meanwhile_is_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync, saves = os.fsync, [b"SIBLING=edited\n"]

    def edit(descriptor: int) -> None:
        sync(descriptor)
        if saves:
            file.write_bytes(saves.pop())

    monkeypatch.setattr(os, "fsync", edit)

    answer = change(file, since={})

    assert file.read_bytes() == b"SIBLING=edited\nA='ours'\n"
    assert set(answer["keys"]) == {"A"}
    assert names(file) == [".env"]


@pytest.mark.usefixtures("_quiet")
def test_save_of_our_key_by_an_editor_meanwhile_is_a_conflict(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def edit(descriptor: int) -> None:
        sync(descriptor)
        file.write_bytes(b"A=theirs\n")

    monkeypatch.setattr(os, "fsync", edit)

    answer = change(file, since={})

    assert answer == {"problem": "conflict", "message": "somebody else has changed A", "hint": ""}
    assert file.read_bytes() == b"A=theirs\n"


@pytest.mark.usefixtures("_quiet")
def test_editor_who_saves_at_every_attempt_fails_the_write(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync, saves = os.fsync, list(range(100))

    def edit(descriptor: int) -> None:
        sync(descriptor)
        file.write_text(f"SIBLING={saves.pop()}\n")

    monkeypatch.setattr(os, "fsync", edit)

    assert change(file)["message"] == "somebody else wrote it each of 5 times"
    assert len(saves) == 95
    assert names(file) == [".env"]


@pytest.mark.usefixtures("_quiet")
def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    answer = change(file)

    assert answer["problem"] == "failed"
    assert answer["message"] == "the host's system says: No space left on device (ENOSPC)"
    assert file.read_text() == "# ours\nSIBLING=stays\n"
    assert names(file) == [".env"]


def test_file_left_by_a_killed_write_is_removed_by_the_next(
    store: DotenvFile, container: Container, file: Path
) -> None:
    (file.parent / "..env.rotor").write_text("A='half a va")

    store.write(container, {"A": ONE})

    assert names(file) == [".env"]


@pytest.mark.parametrize("trouble", [cut_off_after, noise_after])
def test_a_lost_answer_is_resolved_by_looking(
    store: DotenvFile, container: Container, host: LocalHost, trouble: Any
) -> None:
    host.instead.append(trouble)

    written = store.write(container, {"A": ONE})

    assert store.unchanged(written, store.observe(container, ["A"]))
    host.instead.append(trouble)
    assert store.delete(container, ["A"])["keys"] == {}


def test_a_write_that_may_have_happened_is_unknown(store: DotenvFile, container: Container, host: LocalHost) -> None:
    host.instead += [cut_off_after, cut_off]

    with pytest.raises(OutcomeUnknownError, match="host app1 cannot be reached: whether it is done is unknown"):
        store.write(container, {"A": ONE})

    assert set(store.write(container, {"A": ONE})["keys"]) == {"A"}


def test_program_ended_by_a_signal_leaves_no_other_file(file: Path) -> None:
    """A connection that breaks sends SIGHUP."""
    program = Path(host_files_program.__file__).read_text(encoding="utf-8")
    stopping = "import os, signal\nos.fsync = lambda fd: os.kill(os.getpid(), signal.SIGHUP)"
    space = {"__name__": "program"}
    run = f"{stopping}; space = {space}; exec({program!r}, space); space['main']({document(task(file))})"

    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (129, "", "")
    assert file.read_text() == "# ours\nSIBLING=stays\n"
    assert names(file) == [".env"]
