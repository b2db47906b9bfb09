#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_report
short_description: Write that a run has ended
description:
  - Writes time, counts and states of a run to a file on the delegated host, or puts them to an HTTP connection, so that
    it shows from outside that a scheduled run took place. No value is in it.
  - What fails is told as C(NOT REPORTED), and neither fails the task nor changes anything of the rotation.
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
extends_documentation_fragment:
  - rotor.secrets.attributes
  - rotor.secrets.attributes.actions
options:
  to:
    description: Where to, as O(rotor.secrets.rotate#role:rotate:rotate_report_to) of the role has it.
    type: dict
    required: true
  plan:
    description: The result of M(rotor.secrets.rotation_plan).
    type: dict
    required: true
  progress:
    description: The result of the last M(rotor.secrets.rotation_advance), if there was one. That of another run is left
      out.
    type: dict
"""

EXAMPLES = r"""
- name: Report the end of the run
  rotor.secrets.rotation_report:
    to: {host: monitor1, path: /var/lib/rotor/revoke_due.json}
    plan: "{{ rotate_plan }}"
    progress: "{{ rotate_progress | default({}) }}"
  delegate_to: monitor1
"""

RETURN = r"""
reported:
  description: Whether the report is where it was to go.
  type: bool
  returned: success
"""
