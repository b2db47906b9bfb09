#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: github_secret
short_description: Set or delete a secret that GitHub Actions gets in a repository
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Sets or deletes one secret of a repository, for Actions.
  - The value is sealed with the repository's public key before it is sent.
  - A workflow run has the secrets of the moment in which it was queued; those queued before keep the old value.
extends_documentation_fragment:
  - rotor.secrets.github
  - rotor.secrets.attributes
  - rotor.secrets.attributes.github
requirements:
  - PyNaCl
attributes:
  check_mode:
    support: full
    details: Whether the secret would get another value cannot be known; it counts as changed, with RV(note).
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: With O(state=present) and O(overwrite=true), it writes every time, and each write is a change.
options:
  name:
    description: Name of the secret, of capitals, digits and underscores.
    type: str
    required: true
  value:
    description: Value of the secret, of at most 48 KB. Needed with O(state=present).
    type: str
  state:
    description: Whether the secret is to be there.
    type: str
    choices: [present, absent]
    default: present
  overwrite:
    description: With V(false), a secret that is there already is left as it is.
    type: bool
    default: true
notes:
  - GitHub shows neither a value nor anything that is made from it, only when a secret was written. So nobody can tell
    whether a write made a difference, and every write is reported as a change.
"""

EXAMPLES = r"""
- name: Set a secret
  rotor.secrets.github_secret:
    repository: Molecule-AI/molecule-monorepo
    name: FLY_API_TOKEN
    value: "{{ lookup('ansible.builtin.env', 'FLY_API_TOKEN') }}"

- name: Set a secret only where there is none, with a token of its own
  rotor.secrets.github_secret:
    token: "{{ lookup('ansible.builtin.env', 'GITHUB_ADMIN_TOKEN') }}"
    repository: Molecule-AI/molecule-monorepo
    name: NPM_TOKEN
    value: "{{ lookup('ansible.builtin.env', 'NPM_TOKEN') }}"
    overwrite: false

- name: Delete a secret
  rotor.secrets.github_secret:
    repository: Molecule-AI/molecule-monorepo
    name: CODECOV_TOKEN
    state: absent
"""

RETURN = r"""
secret:
  description: The secret as it is now. Empty when there is none.
  returned: success
  type: dict
  contains:
    name:
      description: Name of the secret.
      type: str
    updated_at:
      description: When it was written last, by GitHub's clock. Empty in check mode.
      type: str
    written:
      description: Whether this task wrote it.
      type: bool
note:
  description: What cannot be known.
  returned: in check mode, when something would be written
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.rotor.secrets.plugins.module_utils._core.module_runner import run
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.access import ACCESS
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.resources import Secret


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **ACCESS,
            "name": {"type": "str", "required": True},
            "value": {"type": "str", "no_log": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "overwrite": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    run(module, Secret)


if __name__ == "__main__":
    main()
