#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_plan
short_description: Plan a rotation of secrets
description:
  - Reads the secret map from the play's variables, asks every system that is involved whether the rotation can be
    done, prints the plan, and keeps it in the ledger for M(rotor.secrets.rotation_advance).
  - Reports every mistake in the map at once, and every obstacle before anything is minted.
  - Sends nothing that changes anything to anybody. In check mode it makes no file either.
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
extends_documentation_fragment:
  - rotor.secrets.attributes
  - rotor.secrets.attributes.actions
options:
  only:
    description: Names of the secrets to work on; a list, or names with commas between. By default, what is due.
    type: raw
  where:
    description: >-
      Narrow the run by V(store), V(connection), V(consumer), V(owner) or V(environment). It names no secret.
    type: dict
  environments:
    description: Work only on the rollout steps of these environments, and on those without one.
    type: raw
  force:
    description: >-
      Rotate the picked secrets although they are not due. With O(only), it also replaces a new credential in the middle
      of its rotation, unless its provider says that it lives.
    type: bool
    default: false
  resume:
    description: >-
      Which way to finish a rotation that is under way; V(roll_out) revokes no old credential, V(revoke) begins nothing,
      and revokes what is over.
    type: str
    choices: [forward, rollback, roll_out, revoke]
    default: forward
  confirm:
    description: Names of guarded secrets that this run may rotate.
    type: raw
  approve:
    description: >-
      A person's yes to revokes for which the map wants one, each as C(NAME:RUN). One that nothing waits for is an
      error, and so is one of the job that has asked.
    type: raw
  reason:
    description: Why; kept in the ledger.
    type: str
    default: ""
  adopt:
    description: Name of a secret to the provider's id of the credential in use, where the ledger does not know it.
    type: dict
  forget:
    description: Copies or consumers of which the ledger is to forget what it knows.
    type: raw
  max_failures:
    description: >-
      Stop minting when more secrets than this are held. One more than this may be on their way at once, and more with
      each that is proven.
    type: int
    default: 1
  report_to:
    description: Where the role reports the end of the run; it is validated here, before anything is minted.
    type: dict
  hooks:
    description:
      - Task files that the role includes between the phases. A relative path begins at the folder of the playbook on
        the command line, or at the working directory if that playbook belongs to a collection.
      - A file that does not exist is an error here, before anything is minted.
    type: dict
    suboptions:
      before_issue:
        description: Before anything is minted.
        type: path
      before_roll_out:
        description: Before the first copy is written.
        type: path
      before_revoke:
        description: Before anything is revoked.
        type: path
      after:
        description: After everything.
        type: path
"""

EXAMPLES = r"""
- name: See what a rotation would do
  rotor.secrets.rotation_plan:
    only: [FLY_API_TOKEN]
  check_mode: true
"""

RETURN = r"""
changed:
  description: In check mode, whether a run would rotate or finish anything; a plan itself changes nothing.
  type: bool
  returned: success
run:
  description: The run's id, for M(rotor.secrets.rotation_advance).
  type: str
  returned: success
  sample: 7f3a91c2
go:
  description: Whether there is anything to do that nothing speaks against.
  type: bool
  returned: success
hosts:
  description: Whether a copy or a consumer is on an inventory host, where only Ansible can work.
  type: bool
  returned: success
phases:
  description: What to include, in this order; empty in check mode, and where there is nothing to do.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: What happens in the phase.
      type: str
    file:
      description: A task file of the role, or the absolute path of a hook.
      type: str
    until:
      description: For M(rotor.secrets.rotation_advance); not there for a hook.
      type: str
parts:
  description: The phases that the only one of RV(phases) includes, where the end of the run is reported.
  type: list
  elements: dict
  returned: when O(report_to) is given
stuck:
  description: Why the run ends as failed once that is reported; empty where it does not.
  type: str
  returned: when O(report_to) is given
secrets:
  description: The secrets to rotate or to finish, and those with problems; fifty at most.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The secret's name.
      type: str
    status:
      description: V(due), V(unfinished), V(unknown), V(dead), V(resting), V(unrotated) or V(up_to_date).
      type: str
    why:
      description: The reason for the status.
      type: str
    goes:
      description: Whether the run works on it.
      type: bool
    mints:
      description: Whether a new credential will be minted.
      type: bool
    problems:
      description: What stands in the way.
      type: list
      elements: str
counts:
  description: How many secrets go, are stuck, and were looked at.
  type: dict
  returned: success
"""
