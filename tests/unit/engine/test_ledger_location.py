# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger where a job runner or a container would lose it, and one that others could alter, are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import BusyError, ConfigurationError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.job import NO_JOB, Job, Runner
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger import ephemeral
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.location import LedgerAccess, open_ledger
from tests.unit.engine.world import FakeClock

KEY = "3jlIz5gMDFcuTBLsSeDyUe-U1Hz-8kXFzYbGJTWtu_4="
SEMAPHORE = Job.of({"semaphore_vars": {"task_details": {"id": 7}}})
AWX = Job.of({"awx_job_id": 4})
MOUNTS = """22 1 0:21 / {root} rw - {kind} none rw
23 22 0:22 {source} {volume} rw,relatime shared:1 - {of} /dev/vdb rw
"""


def opened(job: Job = NO_JOB, **setting: Any) -> LedgerAccess:
    return open_ledger({"key": KEY, **setting}, clock=FakeClock(), holder="a test", job=job)


def refusal(job: Job = NO_JOB, **setting: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        opened(job, **setting)
    assert "secret_ledger.url" in caught.value.hint
    assert "PostgreSQL" in caught.value.hint
    assert opened(job, **setting, allow_ephemeral=True).ledger.id
    return caught.value.message


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is no container, whose temporary folder is not the tests' own."""
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("AWX_ISOLATED_DATA_DIR", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(ephemeral, "TEMPORARY", (str(tmp_path / "temporary"),))
    monkeypatch.setattr(ephemeral, "_MARKERS", ())
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "marker").touch()
    monkeypatch.setattr(ephemeral, "_MARKERS", (tmp_path / "marker",))
    monkeypatch.setattr(ephemeral, "_MOUNTS", tmp_path / "mounts")
    return tmp_path


def test_default_place_is_refused_under_semaphore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened().where == opened(AWX).where
    assert refusal(SEMAPHORE).endswith("would be lost: Semaphore empties the home of its tasks")
    assert opened(SEMAPHORE, url=f"sqlite:///{tmp_path}/lasting/ledger.db").ledger.id
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))  # somebody has chosen it
    assert opened(SEMAPHORE).ledger.id


@pytest.mark.parametrize(
    ("repository", "emptied"),
    [("work", "work"), ("project_1/repository_2", "project_1")],
    ids=["alone", "in a project"],
)
def test_folder_of_a_task_is_refused_under_semaphore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: str, emptied: str
) -> None:
    (tmp_path / repository).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / repository)
    url = f"sqlite:///{tmp_path}/{emptied}/ledger.db"
    assert "the task's folder" in refusal(SEMAPHORE, url=url)
    assert opened(url=url).ledger.id


@pytest.mark.parametrize("job", [SEMAPHORE, AWX, Job(Runner.ANSIBLE_RUNNER)])
def test_temporary_folder_is_refused_in_a_job(tmp_path: Path, job: Job) -> None:
    url = f"sqlite:///{tmp_path}/temporary/deep/ledger.db"
    assert "temporary folder" in refusal(job, url=url)
    assert opened(url=url).ledger.id


def test_private_data_directory_of_a_job_is_refused_by_every_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runner" / "artifacts" / "4").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "runner")
    monkeypatch.setenv("AWX_ISOLATED_DATA_DIR", str(tmp_path / "runner" / "artifacts" / "4"))
    assert Job.of({}).runner is Runner.ANSIBLE_RUNNER
    for folder in ("runner", "runner/project", "link"):
        assert "private data directory" in refusal(Job.of({}), url=f"sqlite:///{tmp_path}/{folder}/ledger.db")
    assert opened(Job.of({})).ledger.id


@pytest.mark.parametrize(
    ("mounts", "lasts"),
    [
        ({"kind": "overlay"}, False),
        ({"kind": "ext4"}, True),  # a virtual machine that was made from an image of a container
        ({"kind": "overlay", "volume": "{home}"}, True),
        ({"kind": "overlay", "volume": "{home}", "of": "tmpfs"}, False),
        ({"kind": "overlay", "volume": "{home}", "source": "/pods/1/volumes/kubernetes.io~empty-dir/home"}, False),
        (None, False),
    ],
    ids=["layer", "disk", "volume", "memory", "emptyDir", "unknown"],
)
def test_default_place_in_a_container_needs_a_volume(
    container: Path, mounts: dict[str, str] | None, lasts: bool
) -> None:
    if mounts is not None:
        filled = {"root": "/", "of": "ext4", "source": "/", "volume": "/elsewhere", **mounts}
        text = MOUNTS.format_map({name: value.format(home=container / "home") for name, value in filled.items()})
        (container / "mounts").write_text(text)
    if lasts:
        assert opened().ledger.id
    else:
        assert "a container, which is thrown away" in refusal()
    assert opened(url=f"sqlite:///{container}/named/ledger.db").ledger.id


@pytest.mark.parametrize(
    ("target", "mode", "harmless"), [("file", 0o666, False), ("folder", 0o777, False), ("folder", 0o1777, True)]
)
def test_ledger_that_everybody_can_alter_is_refused(tmp_path: Path, target: str, mode: int, harmless: bool) -> None:
    path = tmp_path / "shared" / "ledger.db"
    opened(url=f"sqlite:///{path}")
    place = path if target == "file" else path.parent
    place.chmod(mode)
    if harmless:
        assert opened(url=f"sqlite:///{path}").ledger.id
        return
    with pytest.raises(ConfigurationError, match=f"everybody can write to {place}"):
        opened(url=f"sqlite:///{path}")


def test_ledger_has_one_lock_by_its_path_and_by_a_link(tmp_path: Path) -> None:
    direct = opened(url=f"sqlite:///{tmp_path}/real/ledger.db")
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "ledger.db")
    linked = opened(url=f"sqlite:///{tmp_path}/link.db")
    assert direct.ledger.id == linked.ledger.id
    with direct.locks.hold("secret A"), pytest.raises(BusyError), linked.locks.hold("secret A"):
        pass


def test_ledger_with_a_second_name_is_refused(tmp_path: Path) -> None:
    real, other = tmp_path / "real" / "ledger.db", tmp_path / "other.db"
    assert opened(url=f"sqlite:///{real}").ledger.id
    other.hardlink_to(real)
    for path in (real, other):
        with pytest.raises(ConfigurationError, match=f"{path} has a second name, a hard link"):
            opened(url=f"sqlite:///{path}")


def test_lock_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    access = opened(url=f"sqlite:///{tmp_path}/real/ledger.db")
    with access.locks.hold("secret A"):
        pass
    (lock,) = (tmp_path / "real" / "ledger.db.locks").iterdir()
    lock.unlink()
    lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="cannot open a lock"), access.locks.hold("secret A"):
        pass
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("key", [{"env": "ROTOR_TEST_UNSET"}, "AAAA"])
def test_ledger_that_is_there_wants_its_own_key(tmp_path: Path, key: Any) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with pytest.raises(ConfigurationError, match="Make one with: python3"):
        opened(url=url, key=key)
    opened(url=url)
    with pytest.raises(ConfigurationError) as caught:
        opened(url=url, key=key)
    assert "is there, and opens only with the key that it was made with" in caught.value.hint
    assert "python3" not in caught.value.hint


def test_unknown_option_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown option uri\. uri: did you mean url\?"):
        opened(uri="sqlite:////tmp/ledger.db")


def test_place_where_no_ledger_can_be_made_is_refused_before_a_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    url = f"sqlite:///{tmp_path / 'file' / 'ledger.db'}"
    with pytest.raises(ConfigurationError, match="cannot make the ledger"):
        open_ledger({"key": KEY, "url": url}, clock=FakeClock(), holder="a test", readonly=True)
