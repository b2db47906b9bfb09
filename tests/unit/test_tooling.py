# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configurations of CI and of pre-commit agree with the gate, and each provider's tests are found."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.demo import __main__ as demo
from tests.mutants import __main__ as mutants
from tools import provider

STRANGERS = Path(__file__).parents[1] / "second_collection"
ROOT = Path(__file__).resolve().parents[2]
PYTHONS = {
    "2.19": {"3.11", "3.12", "3.13"},
    "2.20": {"3.12", "3.13", "3.14"},
    "2.21": {"3.12", "3.13", "3.14"},
    "2.22": {"3.13", "3.14"},
}
"""The controller's Pythons that each ansible-core supports."""


def test_pre_commit_pins_what_the_gate_pins() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    pins = {pin for repo in config["repos"] for hook in repo["hooks"] for pin in hook["additional_dependencies"]}
    constraints = (ROOT / "requirements" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert pins
    assert pins <= set(constraints)


def test_workflow_runs_every_core_on_its_pythons() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    jobs = workflow["jobs"]["gate"]["strategy"]["matrix"]["include"]
    assert {(job["core"], job["python"]) for job in jobs} == {(core, own) for core in PYTHONS for own in PYTHONS[core]}
    assert workflow["permissions"] == {"contents": "read"}


def test_each_safeguard_stands_where_it_can_be_taken_out() -> None:
    """Moved or written anew, it would be tried by nobody until the next sweep."""
    for mutant in mutants.MUTANTS:
        mutants.file_of(ROOT, mutant)


@pytest.mark.parametrize("name", provider.providers())
def test_make_finds_tests_of_each_provider(name: str) -> None:
    own = [path for path in provider.arguments(name)[:-2] if path.startswith("tests/unit/providers/")]
    assert own


def test_make_finds_the_issuers_of_another_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLECTIONS", str(STRANGERS))
    monkeypatch.setattr("sys.argv", ["provider", "acme.mail", "-q", "-p", "no:cacheprovider", "-k", "mint or pages"])
    assert provider.main() == 0


def test_make_says_where_it_looked_for_another_collection(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["provider", "acme.male"])
    monkeypatch.setenv("COLLECTIONS", str(STRANGERS))
    assert provider.main() == 2
    assert f"{STRANGERS}/ansible_collections/acme/male/tests/rotor_bench.py" in capsys.readouterr().err


def test_demo_of_an_unknown_example_names_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main("quick_start") == 2
    there = "agenticverz, molecule_saas, quickstart"
    assert capsys.readouterr().err == f"EXAMPLE: there is no demo of quick_start; there are: {there}\n"
    assert [name for name in demo.EXAMPLES if not (ROOT / "examples" / name / "README.md").exists()] == []
