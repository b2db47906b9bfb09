# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every playbook with every store, and with each kind of credential that a connection can have: nothing shows.

And ``--check`` changes nothing in any of these stores; what it plans is what is then carried out.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import groupby

import pytest
from cryptography.fernet import Fernet

from tests.chaos import tally
from tests.sandbox.visitor import Visitor
from tests.servers import sshd
from tests.servers.sshd import Sshd

from .all_stores import MADE, MINTED, AllStores
from .canary import Watch
from .conftest import ROOT, Desk, Outcome
from .facts import paragraph
from .thin_modules import systems

pytestmark = [
    pytest.mark.xdist_group("sshd"),
    pytest.mark.skipif(bool(sshd.is_missing()), reason=sshd.is_missing()),
    pytest.mark.skipif(
        os.environ.get("ROTOR_SECRECY") != "all", reason="takes long; ROTOR_SECRECY=all runs it, as `make chaos` does"
    ),
]
REKEY = "rotate_ledger_key"
PLAYBOOKS = sorted({path.stem for path in (ROOT / "playbooks").glob("*.yml")} - {"rotate", REKEY})
"""Found, and not listed: but for those that have to be the first and the last."""
SHOW_ALL = {
    "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1",
    "ANSIBLE_DISPLAY_TRACEBACK": "always",
    "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
}
BOTH = json.dumps({"rotate_only": [MADE, MINTED], "rotate_force": True})
REPORT = """
- name: Ours
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Try
      block:
        - name: Rotate
          ansible.builtin.include_role:
            name: rotor.secrets.rotate
      rescue:
        - name: Show all that there is to see
          ansible.builtin.debug:
            msg: ["{{ ansible_failed_task }}", "{{ ansible_failed_result }}"]
        - name: Keep it among the facts
          ansible.builtin.set_fact:
            cacheable: true
            kept:
              ["rotate_max_failures", "{{ ansible_failed_task }}", "{{ ansible_failed_result }}", "{{ rotate_plan }}"]
"""
JOB = """
import sys
import ansible_runner
folder, inventory, variables = sys.argv[1:]
result = ansible_runner.run(
    private_data_dir=folder, playbook="rotor.secrets.rotate", inventory=inventory, verbosity=4, quiet=True,
    cmdline=f"-e '{variables}'", suppress_env_files=True,
)
print(result.status, result.stdout.read()[-3000:])
"""


@pytest.fixture(scope="module")
def host() -> Iterator[Sshd]:
    with sshd.running() as running:
        yield running


@pytest.fixture
def stores(world: Visitor, desk: Desk, host: Sshd) -> Iterator[AllStores]:
    with systems(world) as places:
        yield AllStores(places, desk, host)


class Watched:
    """Runs playbooks with all that Ansible can be told to show and to keep, and watches what they leave."""

    def __init__(self, stores: AllStores) -> None:
        self._desk = desk = stores.desk
        desk.environment |= SHOW_ALL | {
            "ANSIBLE_LOG_PATH": str(desk.home / "ansible.log"),
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(desk.home / "facts"),
        }
        self.watch = Watch(desk.home)

    def play(self, playbook: str, *arguments: str) -> Outcome:
        outcome = self._desk.play(playbook, "-vvvv", *arguments)
        self.watch.read(f"the output of {playbook}", str(outcome))
        return outcome


def asks(playbook: str, outcome: Outcome) -> bool:
    """Whether it ended red for want of a variable of its own, and names it."""
    text = (ROOT / "playbooks" / f"{playbook}.yml").read_text("utf-8")
    return any(f"-e {name}=" in outcome.output for name in re.findall(r"(\w+) \| default\(''\)", text))


@pytest.mark.core
def test_no_playbook_shows_a_value_when_it_succeeds(stores: AllStores) -> None:
    runs = Watched(stores)
    old = stores.desk.environment["ROTOR_LEDGER_KEY"]
    new = Fernet.generate_key().decode()
    with runs.watch:
        done = [runs.play("rotor.secrets.rotate", "-e", BOTH)]
        others = {name: runs.play(f"rotor.secrets.{name}") for name in PLAYBOOKS}
        done.append(runs.play("rotor.secrets.rotate", "-e", BOTH))
        stores.desk.environment["ROTOR_LEDGER_KEY"] = f"{new},{old}"
        done.append(runs.play(f"rotor.secrets.{REKEY}"))

    assert [one.code for one in done] == [0, 0, 0], done
    asking = [name for name, outcome in others.items() if outcome.code]
    assert [name for name in asking if not asks(name, others[name])] == []
    assert 0 < len(asking) < len(others)
    assert {"ansible.log", "state/rotor.secrets/ledger.db-wal"} <= runs.watch.places
    assert runs.watch.search("every playbook, done", [*stores.values(), new]) == []


@pytest.mark.core
def test_no_playbook_shows_a_value_when_no_credential_is_taken(stores: AllStores) -> None:
    runs = Watched(stores)
    with runs.watch:
        assert runs.play("rotor.secrets.rotate", "-e", BOTH).code == 0
        stores.spoil()
        refused = runs.play("rotor.secrets.rotate", "-e", BOTH)
        for name in [*PLAYBOOKS, REKEY]:
            runs.play(f"rotor.secrets.{name}")
        wrong = stores.desk.environment["ROTOR_LEDGER_KEY"] = Fernet.generate_key().decode()
        codes = {name: runs.play(f"rotor.secrets.{name}").code for name in ["rotate", *PLAYBOOKS, REKEY]}

    assert refused.code != 0
    assert "cannot go on" in refused.output
    assert 0 not in codes.values(), codes
    assert runs.watch.search("every playbook, refused", [*stores.values(), wrong]) == []


@pytest.mark.core
@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_nothing_of_a_held_run_shows_in_what_a_rescue_can_print_and_keep(stores: AllStores, method: str) -> None:
    stores.world.tell("faults", provider="github", method=method, path="/actions/secrets/", status=403, times=0)
    playbook = stores.desk.home / "site.yml"
    playbook.write_text(REPORT)
    runs = Watched(stores)
    with runs.watch:
        outcome = runs.play(str(playbook), "-e", BOTH)

    assert "rescued=1" in outcome.output, outcome
    shown = runs.watch.find(["rotate_max_failures"])
    assert "ansible.log" in shown
    assert any(place.startswith("facts/") for place in shown)
    assert runs.watch.search("after a rescue", stores.values()) == []


def test_the_events_of_a_job_hold_no_value_and_its_copy_of_the_environment_is_where_the_documentation_says(
    stores: AllStores,
) -> None:
    desk = stores.desk
    desk.override(secret_ledger={"allow_ephemeral": True})  # the tests' home is a temporary folder
    (desk.home / "runner").mkdir()
    script = desk.home / "job.py"
    script.write_text(JOB)
    with Watch(desk.home) as watch:
        outcome = desk.run([sys.executable, str(script), str(desk.home / "runner"), str(desk.inventory), BOTH], 300)
        watch.read("the output", str(outcome))

    assert "successful" in outcome.output, str(outcome)
    copies = {str(path.relative_to(desk.home)) for path in (desk.home / "runner" / "artifacts").glob("*/command")}
    events = {place for place in watch.places if "/job_events/" in place and place.endswith(".json")}
    assert len(copies) == 1
    assert events
    assert not (desk.home / "runner" / "env" / "envvars").exists()
    assert set(watch.find(stores.values())) == copies
    assert watch.search("artifacts of ansible-runner", stores.values(), spared=copies) == []


Step = tuple[str, str]


NAMED = ("probe", "write", "reload")
"""What the plan and the ledger call by the same name."""


def planned(output: str, secret: str) -> list[Step]:
    """The verbs of a plan, with the copy or the consumer that they are about."""
    found = re.findall(
        r"^  .{24}(probe|mint|write|reload|verify|revoke) +(.*)$", paragraph(output, secret), re.MULTILINE
    )
    checks = sum(verb == "verify" and "(proves " in what for verb, what in found)
    again = any(verb == "revoke" and "its checks run again after it" in what for verb, what in found)
    found += [("verify", "")] * checks * again
    return in_order((verb, re.split(r": |, ", what)[0] if verb in NAMED else "") for verb, what in found)


def carried_out(desk: Desk, secret: str) -> list[Step]:
    """The same, as the ledger has recorded its intents."""
    with closing(sqlite3.connect(desk.ledger)) as ledger:
        labels = dict(ledger.execute("SELECT copy, label FROM holdings"))
        rows = ledger.execute("SELECT kind, target FROM intents WHERE secret = ? ORDER BY id", [secret]).fetchall()
    shown = {"accept": "verify", "inspect": "probe"}
    found = [(shown.get(kind, kind), target) for kind, target in rows]
    return in_order((verb, labels.get(target, target) if verb in NAMED else "") for verb, target in found)


def in_order(steps: Iterable[Step]) -> list[Step]:
    """What is named once, as work on a host is noted twice; those that go side by side by their names."""
    listed = list(steps)
    once = [step for index, step in enumerate(listed) if not step[1] or step not in listed[:index]]
    groups = groupby(once, key=lambda step: step[0])
    return [step for _verb, group in groups for step in sorted(group)]


@pytest.mark.core
def test_check_mode_and_plan_change_nothing_in_any_store_and_what_they_plan_is_carried_out(stores: AllStores) -> None:
    desk = stores.desk
    before, mutating = stores.possessions(), stores.places.mutating

    checked = desk.play("rotor.secrets.rotate", "-e", BOTH, "--check")
    plan = desk.play("rotor.secrets.plan", "-e", BOTH)

    assert (checked.code, plan.code) == (0, 0), f"{checked}{plan}"
    assert stores.possessions() == before
    assert stores.places.mutating == mutating
    assert not desk.ledger.exists()

    done = desk.play("rotor.secrets.rotate", "-e", BOTH)

    assert done.code == 0, str(done)
    for secret in (MADE, MINTED):
        steps = carried_out(desk, secret)
        assert planned(checked.output, secret) == planned(plan.output, secret) == planned(done.output, secret) == steps
        tally.add("planned, and carried out", steps=len(steps), differences=0)
    assert stores.possessions() != before
