#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_drop
short_description: Drop an identity that has left the map, such as a login role
description:
  - Tells what becomes of whatever belongs to the identity, and deletes it at its provider if O(confirm) repeats its
    name. Of a role of PostgreSQL, what it owns goes to the owner, and its rights end, in each database.
  - Refused as long as the map names it, be it as an owner or as the user of a connection, one of its credentials has
    yet to be revoked, or it is in use. One that this ledger has neither minted nor adopted is never dropped.
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
extends_documentation_fragment:
  - rotor.secrets.attributes
  - rotor.secrets.attributes.actions
options:
  secret:
    description: Name of the secret whose identity it was. The playbook takes it as V(drop_secret).
    type: str
    required: true
  identity:
    description: What is to be dropped, such as a role. The playbook takes it as V(drop_identity).
    type: str
    required: true
  confirm:
    description:
      - The same name once more; without it nothing is dropped, and the task fails after it has told what would be.
      - The playbook takes it as V(drop_confirm).
    type: str
    default: ""
  reason:
    description: Why; kept in the ledger.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: The role has left the map, and I have read what becomes of its tables
  rotor.secrets.rotation_drop:
    secret: SHOP_ROLES
    identity: shop_old
    confirm: shop_old
"""

RETURN = r"""
changed:
  description: Whether it was there, and was dropped.
  type: bool
  returned: always
"""
