#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: api_key
short_description: Make or revoke a key of any API that makes, lists and revokes keys
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Makes a key, unless there is one of that name that still works, and puts it into a file.
  - Revokes one.
extends_documentation_fragment:
  - rotor.secrets.api_key
  - rotor.secrets.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: Not with O(id), where the API lists no revoked keys and others of that name work.
options:
  name:
    description: Name of the key.
    type: str
    required: true
  id:
    description:
      - Id of the key, to revoke the right one where several have the same name.
      - The key of that id has to have the O(name). An id that is not listed, while others of that name work, is an
        error. Not with O(state=present).
    type: str
  dest:
    description:
      - File for a new key, on the controller. Only its owner may read it.
      - What is there is replaced by a new key, and by nothing else. A directory is refused.
      - If there is a key of that name and no such file, the task fails, since the key cannot be had again.
      - With O(state=present), O(dest) or O(return_value) is needed, since an API shows a key once.
    type: path
  return_value:
    description: Return a new key as RV(value). Put C(no_log) on such a task, since Ansible shows results.
    type: bool
    default: false
  state:
    description: Whether a key of that name is to be there and valid.
    type: str
    choices: [present, absent]
    default: present
notes:
  - Only keys within the scope of O(options) count, such as those of the one service account or project that they name.
  - A key that was made earlier cannot be had again, so that O(dest) stays as it is where there is one of that name.
  - If the answer to the making of a key is lost, the key may be there, and nobody has it. Revoke it by its id.
  - Where a key is to be stored in several places, the role P(rotor.secrets.rotate#role) does that without the value
    ever being in Ansible's hands.
"""

EXAMPLES = r"""
- name: Make a key for continuous delivery
  rotor.secrets.api_key:
    issuer: neon_api_key
    options:
      organization: acme
    token: "{{ lookup('ansible.builtin.env', 'NEON_ADMIN_KEY') }}"
    name: ci-deploy
    dest: /run/secrets/neon

- name: Revoke it
  rotor.secrets.api_key:
    issuer: neon_api_key
    options:
      organization: acme
    token: "{{ lookup('ansible.builtin.env', 'NEON_ADMIN_KEY') }}"
    name: ci-deploy
    state: absent
"""

RETURN = r"""
keys:
  description: The keys of that name that work now; none after they were revoked.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The provider's id of the key. Empty in check mode.
      type: str
    name:
      description: Name of the key.
      type: str
    created_at:
      description: When it was made, where the API says that.
      type: str
    expires_at:
      description: Until when it is valid, where the API says that.
      type: str
    last_used_at:
      description: When it was last used, where the API says that.
      type: str
    scope:
      description: What it is for, where the API says that.
      type: str
    revoked:
      description: Whether it was revoked.
      type: bool
value:
  description: The new key itself.
  returned: when a key was made and O(return_value) is true
  type: str
note:
  description: What only a real run can tell, such as whether the token may make keys.
  returned: in check mode, when something would change
  type: str
"""
