# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks and the worker's end, with real processes and real signals."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    ConflictError,
    StoppedError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine import worker
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.locks import FileLocks
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.worker import WorkerClock

PREFIX = "from ansible_collections.rotor.secrets.plugins"
Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts Python programs, and ends those that are left."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str, *args: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen(
            [sys.executable, "-c", program, *args], stdin=pipe, stdout=pipe, text=True, env=environment
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(path: Path, text: str) -> list[str]:
    """The file's lines once one of them is ``text``."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        lines = path.read_text().splitlines() if path.exists() else []
        if text in lines:
            return lines
        time.sleep(0.01)
    raise AssertionError(f"{text} never came")


# -- locks ------------------------------------------------------------------------------------------------------------

HOLD = f"""
import sys
from pathlib import Path
{PREFIX}.module_utils._core.clock import Clock
{PREFIX}.plugin_utils._engine.ledger.locks import FileLocks
with FileLocks(Path(sys.argv[1]), Clock(), "run 1234 (process 7)").hold("secret S"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def locks(tmp_path: Path) -> FileLocks:
    return FileLocks(tmp_path / "locks", Clock(), "this test")


def test_a_lock_that_another_process_holds_names_its_holder(run: Run, locks: FileLocks, tmp_path: Path) -> None:
    other = run(HOLD, str(tmp_path / "locks"))
    assert other.stdout
    assert other.stdout.readline() == "held\n"
    with (
        pytest.raises(ConflictError, match=r"secret S is being worked on by run 1234 \(process 7\) since"),
        locks.hold("secret S"),
    ):
        pass
    with locks.hold("secret T"):
        pass
    other.communicate()
    with locks.hold("secret S"):
        pass


def test_a_lock_ends_with_the_process_that_is_killed_with_it(run: Run, locks: FileLocks, tmp_path: Path) -> None:
    other = run(HOLD, str(tmp_path / "locks"))
    assert other.stdout
    other.stdout.readline()
    other.kill()
    other.communicate()
    with locks.hold("secret S"):
        pass


def test_two_holders_in_one_process_exclude_each_other_and_the_second_may_wait(
    locks: FileLocks, tmp_path: Path
) -> None:
    with (
        locks.hold("secret S"),
        pytest.raises(ConflictError, match="by this test since"),
        locks.hold("secret S", wait=0.15),
    ):
        pass
    with locks.hold("secret S", wait=5):
        pass


def test_a_lock_whose_holder_wrote_nothing_yet_is_held_all_the_same(locks: FileLocks, tmp_path: Path) -> None:
    with locks.hold("secret S"):
        (path,) = (tmp_path / "locks").iterdir()
        path.write_text("")
        with pytest.raises(ConflictError, match="by another process"), locks.hold("secret S"):
            pass


def test_lock_files_are_private(locks: FileLocks, tmp_path: Path) -> None:
    with locks.hold("secret S"):
        (path,) = (tmp_path / "locks").iterdir()
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


HOLD_MANY = f"""
import resource, sys
from contextlib import ExitStack
from pathlib import Path
{PREFIX}.module_utils._core.clock import Clock
{PREFIX}.module_utils._core.errors import ConfigurationError
{PREFIX}.plugin_utils._engine.ledger.locks import FileLocks
resource.setrlimit(resource.RLIMIT_NOFILE, (64, int(sys.argv[2])))
locks = FileLocks(Path(sys.argv[1]), Clock(), "a test")
with ExitStack() as held:
    try:
        for number in range(200):
            held.enter_context(locks.hold(f"secret {{number}}"))
        print("all")
    except ConfigurationError as error:
        print(error)
"""


@pytest.mark.parametrize(("most", "said"), [(512, "all"), (64, "Raise the limit of open files")])
def test_a_run_of_many_secrets_may_hold_as_many_locks_as_the_system_allows(
    run: Run, tmp_path: Path, most: int, said: str
) -> None:
    out, _err = run(HOLD_MANY, str(tmp_path / "locks"), str(most)).communicate(timeout=120)
    assert said in out


def test_a_lock_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    locks = FileLocks(tmp_path / "locks", Clock(), "this test")
    with locks.hold("secret S"):
        (path,) = (tmp_path / "locks").iterdir()
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigurationError, match="cannot open a lock in"), locks.hold("secret S"):
        pass


# -- the worker -------------------------------------------------------------------------------------------------------

WORKER = f"""
import os, sys, time
{PREFIX}.module_utils._core.errors import StoppedError
{PREFIX}.plugin_utils._engine.worker import WorkerClock

def say(text):
    with open(sys.argv[1], "a") as log:
        log.write(text + "\\n")

def work():
    os.setsid()  # as ansible-core's workers do
    clock = WorkerClock()
    clock.guard()
    say("ready")
    try:
        while True:
            clock.check()
            say("effect")
            while not os.path.exists(sys.argv[2]):  # the answer is on its way
                time.sleep(0.01)
            say("recorded")
    except StoppedError:
        say("stopped")
    os._exit(0)

child = os.fork()
if child == 0:
    work()
print(child, flush=True)
os.waitpid(child, 0)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_effect_in_hand_is_recorded_and_none_follows(run: Run, tmp_path: Path, how: signal.Signals) -> None:
    """SIGKILL goes to the parent, which takes nothing along; the others go to the worker itself."""
    log, answer = tmp_path / "log", tmp_path / "answer"
    parent = run(WORKER, str(log), str(answer))
    assert parent.stdout
    child = int(parent.stdout.readline())
    wait_for(log, "effect")
    if how is signal.SIGKILL:
        parent.kill()
        parent.wait()
    else:
        os.kill(child, how)
    answer.touch()
    assert wait_for(log, "stopped") == ["ready", "effect", "recorded", "stopped"]


def test_a_storm_of_signals_ends_it_like_one(run: Run, tmp_path: Path) -> None:
    """The kernel signals a parent's death once for each thread: a handler may interrupt itself."""
    log, answer = tmp_path / "log", tmp_path / "answer"
    parent = run(WORKER, str(log), str(answer))
    assert parent.stdout
    child = int(parent.stdout.readline())
    wait_for(log, "effect")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) * 100:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)
    answer.touch()
    assert wait_for(log, "stopped") == ["ready", "effect", "recorded", "stopped"]


def test_an_effect_that_never_ends_is_left_in_the_end(run: Run) -> None:
    program = f"""
import os, signal, time
{PREFIX}.plugin_utils._engine import worker
worker.LAST_ANSWER_WITHIN = 0.05
worker.WorkerClock().guard()
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
"""
    assert run(program).wait(120) == -signal.SIGALRM


def test_a_worker_whose_parent_died_before_it_could_ask_makes_no_effect(run: Run) -> None:
    program = f"""
import os
{PREFIX}.plugin_utils._engine.worker import WorkerClock
clock = WorkerClock()
os.getppid = lambda: 1
clock.guard()
print("effect")
"""
    process = run(program)
    out, _err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")


def test_a_lost_parent_is_noticed_before_an_effect_without_any_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = WorkerClock()
    clock.check()
    monkeypatch.setattr(os, "getppid", lambda: 1)
    with pytest.raises(StoppedError, match="ansible-playbook is gone"):
        clock.check()
    with pytest.raises(StoppedError):
        clock.sleep(0)


def test_where_the_kernel_cannot_be_asked_the_check_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *args, **kwargs: object())
    worker._die_with_parent()
    WorkerClock().check()
