# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In front of a user's own playbooks and of job runners: what is printed there works there."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.sandbox.visitor import Visitor

from .conftest import Desk
from .facts import command_after, minted, paragraph, working

WORKFLOW = "publish-platform-image.yml"
CANARY = "an-extra-variable-nobody-may-see"
BLANK = {"rotate_force": "", "rotate_where": " ", "rotate_resume": "", "rotate_hooks": {"after": " "}}
SITE = """
- name: Ours
  hosts: localhost
  gather_facts: false
  vars_files: [vaulted.yml]
  roles: [rotor.secrets.rotate]
"""
STATUS = """
- name: Where is everything?
  hosts: localhost
  gather_facts: false
  vars_files: [vaulted.yml]
  tasks:
    - name: Tell
      rotor.secrets.rotation_status:
"""


def move_variables(desk: Desk, playbooks: Path) -> None:
    """Put the variables beside the user's own playbooks, and the admin token into a vault there."""
    playbooks.mkdir()
    shutil.move(str(desk.inventory / "group_vars"), playbooks)
    vault = VaultLib([("default", VaultSecret(b"a password"))])
    token = yaml.safe_dump({"fly_admin_token": desk.environment.pop("FLY_ADMIN_TOKEN")})
    (playbooks / "vaulted.yml").write_bytes(vault.encrypt(token))
    connections = playbooks / "group_vars" / "all" / "connections.yml"
    connections.write_text(connections.read_text().replace("{env: FLY_ADMIN_TOKEN}", '"{{ fly_admin_token }}"'))
    (desk.home / "password.txt").write_text("a password\n")
    (desk.home / "more.yml").write_text('{"rotate_max_failures": "", "rotate_confirm": [""]}')
    for name, text in (("site", SITE), ("status", STATUS)):
        (playbooks / f"{name}.yml").write_text(text)


def test_printed_command_goes_on_in_ones_own_playbook(world: Visitor, desk: Desk) -> None:
    move_variables(desk, desk.home / "our plays")
    world.tell("switch", failing_workflows=[WORKFLOW])
    vault = ("--vault-password-file", "password.txt")

    inline = ("-e", f"rotate_only=FLY_API_TOKEN token={CANARY}", "-e", json.dumps(BLANK))
    held = desk.play("our plays/site.yml", *vault, "--limit", "localhost", "--diff", "-e", "@more.yml", *inline)
    status = desk.play("our plays/status.yml", *vault)

    assert held.code != 0
    assert "failed=1" in held.output
    assert CANARY not in held.output
    command = command_after(held.output, "go on")
    assert command == (
        f"ansible-playbook 'our plays/site.yml' -i inventory --limit localhost {' '.join(vault)} -e @more.yml "
        "-e rotate_only=FLY_API_TOKEN # and again -e with token"
    )
    assert "  go on:    run your playbook that rotates with rotate_only=FLY_API_TOKEN\n" in status.output

    world.tell("switch", failing_workflows=[])
    again = desk.type(command.partition(" #")[0])
    assert again.code == 0, again
    assert working(world)
    assert len(minted(world)) == 1


def test_variables_beside_a_playbook_that_imports_ours_are_missed_with_the_reason(world: Visitor, desk: Desk) -> None:
    move_variables(desk, desk.home / "plays")
    playbook = desk.home / "plays" / "imported.yml"
    playbook.write_text("- import_playbook: rotor.secrets.rotate_fly_token\n")

    outcome = desk.play(str(playbook))

    assert outcome.code != 0
    assert "secret_map: is not defined" in outcome.output
    assert "group_vars beside a playbook count for its own plays" in outcome.output
    assert world.ask("counts")["total"] == 0


def test_default_place_of_the_ledger_is_refused_under_semaphore(world: Visitor, desk: Desk) -> None:
    del desk.environment["XDG_STATE_HOME"]
    semaphore = {"semaphore_vars": {"task_details": {"id": 7, "username": "grace"}}}

    outcome = desk.rotate("--extra-vars", json.dumps(semaphore))

    assert outcome.code != 0
    assert "would be lost: " in outcome.output
    assert "Name a path that lasts as secret_ledger.url" in outcome.output
    assert world.ask("counts")["total"] == 0
    assert not (desk.home / ".local").exists()


RUNNER = """
import sys
import ansible_runner
result = ansible_runner.run(private_data_dir=sys.argv[1], playbook="site.yml", suppress_env_files=True)
"""
INVENTORY = """#!{python}
import sys
print(open({variables!r}).read() if "--list" in sys.argv else "{{}}")
"""
EXTRAVARS = """
awx_job_id: 42
awx_job_launch_type: scheduled
awx_schedule_name: !unsafe "every night {{ nobody_templates_this }}"
rotate_only: !unsafe "FLY_API_TOKEN"
rotate_reason: !unsafe ""
rotate_environments: []
"""


def private_data(desk: Desk) -> Path:
    """A job as AWX prepares it: a project, an inventory that is a script, extra variables that are no templates."""
    folder = desk.home / "awx_42_x"
    for name in ("project", "inventory", "env"):
        (folder / name).mkdir(parents=True)
    (folder / "project" / "site.yml").write_text("- import_playbook: rotor.secrets.rotate\n")
    hostvars = {"localhost": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}
    variables = desk.example | {"secret_ledger": {"allow_ephemeral": True}}  # in a temporary folder
    listed = {"all": {"hosts": ["localhost"], "vars": variables}, "_meta": {"hostvars": hostvars}}
    (folder / "variables.json").write_text(json.dumps(listed))
    script = folder / "inventory" / "hosts"
    script.write_text(INVENTORY.format(python=sys.executable, variables=str(folder / "variables.json")))
    script.chmod(0o700)
    (folder / "env" / "extravars").write_text(EXTRAVARS)
    (desk.home / "job.py").write_text(RUNNER)
    return folder


@pytest.mark.core
def test_job_of_awx_says_how_it_is_launched_again_and_is_recorded(world: Visitor, desk: Desk) -> None:
    folder = private_data(desk)
    world.tell("switch", failing_workflows=[WORKFLOW])
    held = desk.run([sys.executable, str(desk.home / "job.py"), str(folder)])

    assert "HELD  FLY_API_TOKEN" in held.output, held
    said = paragraph(held.output[held.output.index("HELD  ") :], "FLY_API_TOKEN")
    assert "  go on:    launch the template again with rotate_only=FLY_API_TOKEN\n" in said
    assert "ansible-playbook" not in said
    assert str(folder) not in said
    with closing(sqlite3.connect(desk.ledger)) as ledger:
        ((by,),) = ledger.execute('SELECT "by" FROM runs')
    assert by.endswith(", job 42, schedule every night {{ nobody_templates_this }}")
