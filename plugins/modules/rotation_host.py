#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_host
short_description: Do a rotation's work on a host
description:
  - Looks at copies on the delegated host, writes them, and runs what the C(command) of consumers says, and records each
    outcome in the ledger.
  - All files are looked at or written by one command, and each file once.
  - A value goes to the host through the connection's standard input only, never on a command line.
  - Work that fails does not fail the task; the next M(rotor.secrets.rotation_advance) holds the secret, and says
    where everything is.
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
extends_documentation_fragment:
  - rotor.secrets.attributes
  - rotor.secrets.attributes.actions
options:
  run:
    description: The run, from M(rotor.secrets.rotation_plan).
    type: str
    required: true
  work:
    description: The numbers of the pieces of work, from the C(todo) of M(rotor.secrets.rotation_advance).
    type: list
    elements: int
    required: true
"""

EXAMPLES = r"""
- name: Do the work that is left for hosts
  rotor.secrets.rotation_host:
    run: "{{ rotate_plan.run }}"
    work: "{{ rotate_work.work }}"
  delegate_to: "{{ rotate_work.host }}"
  loop: "{{ rotate_progress.todo }}"
  loop_control:
    loop_var: rotate_work
"""

RETURN = r"""
done:
  description: How many pieces of work are done.
  type: int
  returned: success
left:
  description: How many are not, since they failed, or since another run works on their secret.
  type: int
  returned: success
"""
