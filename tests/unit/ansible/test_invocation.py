# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line is rebuilt for a second run, and no variable's value that may be secret is in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible import constants
from ansible.cli.playbook import PlaybookCLI
from ansible.utils import vars as vars_of_core

from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible import invocation
from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible.options import VARIABLES

CANARY = "a-value-nobody-may-see"
Call = Callable[..., None]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Parse a command line as ansible-playbook does, in a folder with a playbook."""
    (tmp_path / "plays").mkdir()
    (tmp_path / "plays" / "site.yml").touch()
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> None:
        cli = PlaybookCLI(["ansible-playbook", *arguments])
        cli.init_parser()
        options: Any = cli.post_process_args(cli.parser.parse_args(list(arguments)))
        monkeypatch.setattr(invocation, "CLIARGS", vars(options))

    return call


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("rotor.secrets.rotate_fly_token", "rotor.secrets.rotate"),
        ("rotor.secrets.rotate --check --diff -vv -f 3 --start-at-task x", "rotor.secrets.rotate"),
        ("rotor.secrets.status -i inventory -i host,", "rotor.secrets.rotate -i inventory -i host,"),
        ("rotor.secrets.rotate --tags x --skip-tags y", "rotor.secrets.rotate"),
        ("acme.ops.nightly --tags x", "acme.ops.nightly --tags x"),
        (
            "plays/site.yml --limit localhost,app1 --tags x --skip-tags y",
            "plays/site.yml --limit localhost,app1 --tags x --skip-tags y",
        ),
        ("plays/site.yml -e @vars.yml -e @more.json", "plays/site.yml -e @vars.yml -e @more.json"),
        (
            "plays/site.yml -J -K -b --become-user deploy --vault-id dev@keys/dev",
            "plays/site.yml --vault-id dev@keys/dev --ask-vault-pass --become --become-user deploy --ask-become-pass",
        ),
        (
            "plays/site.yml --vault-password-file pass.txt --become-password-file become.txt --private-key id",
            "plays/site.yml --vault-password-file pass.txt --private-key id --become-password-file become.txt",
        ),
    ],
)
def test_command_has_what_a_second_run_needs(call: Call, given: str, expected: str) -> None:
    call(*given.split())
    assert invocation.command() == f"ansible-playbook {expected}"
    assert invocation.remark() == ""


def test_command_quotes_what_a_shell_would_split(call: Call) -> None:
    call("plays/site.yml", "-i", "my inventory", "--limit", "a;b")
    assert invocation.command() == "ansible-playbook plays/site.yml -i 'my inventory' --limit 'a;b'"


@pytest.mark.parametrize(
    "given",
    [
        ["-e", f"token={CANARY} rotate_only=A"],
        [f"-etoken={CANARY}"],
        [f"--extra-vars=token='{CANARY} more'", "-e", "rotate_force=true"],
        ["-e", f'{{"token": "{CANARY}", "rotate_reason": "{CANARY}"}}'],
        ["-e", f"{{token: {{deep: [{CANARY}]}}, rotate_adopt: {{A: {CANARY}}}}}"],
    ],
)
def test_value_of_a_variable_is_never_told(call: Call, given: list[str]) -> None:
    call("plays/site.yml", *given)
    assert invocation.command() == "ansible-playbook plays/site.yml"
    assert invocation.remark() == "# and again -e with token"


def test_hooks_of_the_command_line_are_told_again_without_blanks(call: Call) -> None:
    blank = '{"rotate_hooks": {"before_revoke": "ask.yml", "after": " "}, "rotate_where": "", "rotate_confirm": ""}'
    call("plays/site.yml", "-e", blank)
    expected = """-e '{"rotate_hooks": {"before_revoke": "ask.yml"}}'"""
    assert invocation.command() == f"ansible-playbook plays/site.yml {expected}"


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("rotor.secrets.rotate -e rotate_names=X -e @vars.yml", {"rotate_names"}),
        ("""rotor.secrets.rotate -e {"rotate_where":{"store":"x"}}""", {"rotate_where"}),
        ("plays/site.yml -e rotate_names=X", set()),
    ],
)
def test_variables_of_the_command_line_are_addressed_to_our_playbooks(call: Call, given: str, names: set[str]) -> None:
    call(*given.split())
    assert invocation.addressed() == names


def test_variables_of_files_are_among_the_given(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vars.yml").write_text("status_fail_no: drifted\n")
    call("plays/site.yml", "-e", "@vars.yml", "-e", "rotate_only=X")
    monkeypatch.setattr(vars_of_core.context, "CLIARGS", vars(invocation)["CLIARGS"])
    monkeypatch.setattr(vars_of_core.load_extra_vars, "extra_vars", None, raising=False)
    assert invocation.extra_names() == {"status_fail_no", "rotate_only"}


def test_arguments_of_the_actions_are_read_from_our_playbooks() -> None:
    found = invocation.arguments()
    assert found["rotation_status"]["fail_on"] == "status_fail_on"
    assert found["rotation_drop"]["identity"] == "drop_identity"
    assert found["rotation_freeze"] == {"reason": "rotate_reason", "end": "freeze_until"}
    assert set(found["rotation_plan"].values()) == {*VARIABLES}


def test_variables_of_other_playbooks_are_no_part_of_the_remark(call: Call) -> None:
    call("rotor.secrets.status", "-e", "status_fail_on=held ledger_head=x tier=1")
    assert invocation.remark() == "# and again -e with tier"


@pytest.mark.parametrize(
    ("options", "tags", "expected"),
    [
        ("", ["always"], ""),
        ("--tags x", [], ""),
        ("--tags x", ["always"], "--tags x"),
        ("--tags x,a", ["always"], "--tags a,x"),
        ("--tags x", ["always", "x"], ""),
        ("--tags tagged", ["always", "x"], ""),
        ("--tags tagged", ["always"], "--tags tagged"),
        ("--tags untagged", ["always"], ""),
        ("--tags all", ["always"], ""),
        ("--skip-tags x", ["always"], ""),
        ("--skip-tags x", ["always", "x"], "--skip-tags x"),
        ("--skip-tags all", ["always"], "--skip-tags all"),
        ("--skip-tags untagged", ["always"], "--skip-tags untagged"),
        ("--tags x --skip-tags x", ["always", "x"], "--tags x --skip-tags x"),
    ],
)
def test_tags_that_leave_out_all_but_the_plan_are_known(
    call: Call, options: str, tags: list[str], expected: str
) -> None:
    call("rotor.secrets.rotate", *options.split())
    assert invocation.leaving_out(tags) == expected


def test_ad_hoc_command_has_no_playbook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invocation, "CLIARGS", {"args": "localhost", "inventory": list(constants.DEFAULT_HOST_LIST)})
    assert invocation.playbooks() == ()
    assert invocation.command() == "ansible-playbook rotor.secrets.rotate"
