#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_status
short_description: Tell the state of the secrets
description:
  - Prints which credential each copy and each consumer holds, which credentials still work, whether somebody has
    changed a copy by hand, what is unfinished, and the command to go on with.
  - Changes nothing.
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
extends_documentation_fragment:
  - rotor.secrets.attributes
  - rotor.secrets.attributes.actions
options:
  only:
    description: Names of the secrets to tell about; a list, or names with commas between. Without it, all of them.
    type: raw
  where:
    description: Pick secrets by V(store), V(connection), V(consumer), V(owner) or V(environment).
    type: dict
"""

EXAMPLES = r"""
- name: Where is the token?
  rotor.secrets.rotation_status:
    only: [FLY_API_TOKEN]
"""

RETURN = r"""
secrets:
  description: The state of each secret.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The secret's name.
      type: str
    status:
      description: V(due), V(unfinished), V(unknown) or V(up_to_date).
      type: str
    why:
      description: The reason for the status.
      type: str
    credentials:
      description: The credentials that are alive, as far as the ledger knows them, by name, id and state.
      type: list
      elements: dict
    copies:
      description: Copy to the name of the credential in it.
      type: dict
    changed_by_others:
      description: Copies that somebody has changed since.
      type: list
      elements: str
    consumers:
      description: Consumer to the name of the credential that it runs on.
      type: dict
"""
