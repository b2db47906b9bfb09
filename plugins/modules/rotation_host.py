#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_host
short_description: Do one piece of a rotation's work on a host
description:
  - Looks at a copy on the delegated host, writes it, or runs what a consumer's C(command) says, and records the
    outcome in the ledger.
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
  id:
    description: The number of the piece of work, from the C(todo) of M(rotor.secrets.rotation_advance).
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Do one piece of work on its host
  rotor.secrets.rotation_host:
    id: "{{ rotate_work.id }}"
  delegate_to: "{{ rotate_work.host }}"
"""

RETURN = r"""
done:
  description: Whether the consumer was reloaded.
  type: bool
  returned: success
"""
