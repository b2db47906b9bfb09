#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_freeze
short_description: Begin or end a freeze, in which nothing is rotated or revoked
description:
  - Until a freeze ends, no rotation is begun or gone on with, and nothing is revoked, whatever is due. The ledger keeps
    why, who said so, and until when.
  - It holds up no secret whose old value is dead, or dies whatever is done, and no rollback. A roll-out that runs when
    the freeze begins is finished; its old credential waits.
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
extends_documentation_fragment:
  - rotor.secrets.attributes
  - rotor.secrets.attributes.actions
options:
  state:
    description: V(present) begins a freeze, or takes the place of the one that there is; V(absent) ends it.
    type: str
    choices: [present, absent]
    default: present
  reason:
    description: Why; a freeze needs one. The playbooks take it as V(rotate_reason).
    type: str
    default: ""
  end:
    description:
      - When it ends, such as V(2026-12-27T08:00+01:00), or after how long, such as V(72h). A freeze needs one.
      - The playbook takes it as V(freeze_until).
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Rotate nothing over the holidays
  rotor.secrets.rotation_freeze:
    reason: nobody is there to help
    end: 2026-12-27T08:00+01:00

- name: End it early
  rotor.secrets.rotation_freeze:
    state: absent
"""

RETURN = r"""
changed:
  description: Whether a freeze was begun, changed or ended.
  type: bool
  returned: always
"""
