# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of a run are split only by the hooks that are defined, and a hook's file is looked for beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible.phases import HOOKS, find_hooks, folders, phases

LOAD = DataLoader().load_from_file
TASKS = Path(__file__).resolve().parents[3] / "roles" / "rotate" / "tasks"


def test_a_run_without_hooks_is_one_phase() -> None:
    assert phases({}, hosts=False) == [
        {"name": "Issue, roll out, revoke", "file": "advance.yml", "until": "revoked"},
    ]


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        ("before_issue", ["mine", "revoked"]),
        ("before_roll_out", ["issued", "mine", "revoked"]),
        ("before_revoke", ["rolled_out", "mine", "revoked"]),
        ("after", ["revoked", "mine"]),
    ],
)
def test_a_hook_splits_the_run_at_its_place(hook: str, expected: list[str]) -> None:
    assert [phase.get("until", phase["file"]) for phase in phases({hook: "mine"}, hosts=True)] == expected


def test_all_hooks_alternate_with_all_phases() -> None:
    names = [phase["name"] for phase in phases(dict.fromkeys(HOOKS, "mine"), hosts=False)]
    assert names[::2] == [f"Hook {hook}" for hook in HOOKS]
    assert names[1::2] == ["Issue", "Roll out", "Revoke"]


@pytest.mark.parametrize("hosts", [True, False])
def test_task_files_of_phases_exist(hosts: bool) -> None:
    assert (TASKS / phases({}, hosts=hosts)[0]["file"]).is_file()


def test_a_relative_hook_begins_at_the_playbooks_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plays").mkdir()
    for name in ("plays/site.yml", "plays/hook.yml"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    expected = {"after": str(tmp_path / "plays" / "hook.yml")}
    assert find_hooks({"after": "hook.yml"}, ["plays/site.yml"], LOAD) == expected
    assert find_hooks({"after": "plays/hook.yml"}, ["rotor.secrets.rotate"], LOAD) == expected
    assert find_hooks({"after": expected["after"], "before_issue": " ", "before_revoke": None}, (), LOAD) == expected


def test_every_missing_hook_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        find_hooks({"after": "a.yml", "before_issue": str(tmp_path)}, ["rotor.secrets.rotate"], LOAD)
    assert f"rotate_hooks.after: there is no file {tmp_path}/a.yml; rotate_hooks.before_issue: " in str(caught.value)


@pytest.mark.parametrize("text", ["- a: [", "hosts: all", "- just words", "- {a: 1}\n- - b"])
def test_a_hook_that_is_no_list_of_tasks_is_told_without_its_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "hook.yml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        find_hooks({"after": str(tmp_path / "hook.yml")}, (), LOAD)
    assert caught.value.message == f"rotate_hooks.after: the file {tmp_path}/hook.yml is no list of tasks"


def test_relative_paths_begin_beside_a_playbook_and_an_inventory(tmp_path: Path) -> None:
    (tmp_path / "site.yml").touch()
    (tmp_path / "inventory").mkdir()
    sources = [str(tmp_path / "site.yml"), str(tmp_path / "inventory"), "a,b"]
    assert folders(sources) == [tmp_path, tmp_path / "inventory", Path.cwd()]
    assert folders([]) == [Path.cwd()]
