#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_advance
short_description: Carry out a planned rotation up to the end of a phase
description:
  - Advances every secret of the run on its own; one that fails is held, and the others go on.
  - Fails when all of them are held, or at the end of the last phase when any is. The lines that it prints then say
    which credential is where, and the command to go on with.
  - No value passes through its options or its result.
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
extends_documentation_fragment:
  - rotor.secrets.attributes
  - rotor.secrets.attributes.actions
options:
  run:
    description: The run's id, from M(rotor.secrets.rotation_plan).
    type: str
    required: true
  until:
    description: The last phase to carry out.
    type: str
    required: true
    choices: [issued, rolled_out, revoked]
"""

EXAMPLES = r"""
- name: Mint the new credentials
  rotor.secrets.rotation_advance:
    run: "{{ rotate_plan.run }}"
    until: issued
"""

RETURN = r"""
run:
  description: The run's id.
  type: str
  returned: always
todo:
  description: Work that only Ansible can do, for M(rotor.secrets.rotation_host); one entry for each host.
  type: list
  elements: dict
  returned: success
  contains:
    host:
      description: The inventory host.
      type: str
    work:
      description: The numbers of the pieces of work.
      type: list
      elements: int
    what:
      description: What is to be done there, such as V(reload worker).
      type: str
over:
  description: Whether nothing is left that a later phase could do.
  type: bool
  returned: always
counts:
  description: How many secrets are V(done), V(held), V(waiting), V(todo), V(skipped), V(locked) or V(ready)
    for the next phase.
  type: dict
  returned: always
held:
  description: Names of the secrets that cannot go on; fifty at most.
  type: list
  elements: str
  returned: always
states:
  description: Name of each secret to how it stands; fifty at most.
  type: dict
  returned: always
"""
