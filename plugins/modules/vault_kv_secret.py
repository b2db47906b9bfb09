#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_kv_secret
short_description: Set or remove keys of a KV document in HashiCorp Vault or OpenBao
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Sets or removes keys of one document of the KV engine, of version 1 or 2, all of them in one write.
  - The other keys of the document stay as they are.
  - What holds the wanted values already is not written.
extends_documentation_fragment:
  - rotor.secrets.vault
  - rotor.secrets.vault.document
  - rotor.secrets.attributes
attributes:
  check_mode:
    support: full
    details: A login is made, and makes a token.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: Not where the token may write the document and not read it; then every write is a change.
options:
  name:
    description: A single key of the document.
    type: str
  value:
    description: Value of the key O(name). Needed with O(state=present).
    type: str
  secrets:
    description: Several keys, instead of O(name) and O(value).
    type: list
    elements: dict
    suboptions:
      name:
        description: The key.
        type: str
        required: true
      value:
        description: Its value. Needed with O(state=present).
        type: str
  state:
    description:
      - Whether the keys are to be there.
      - When the last key is removed, an empty document stays with KV version 2, and none with version 1.
      - Earlier versions of a document keep their values until the server forgets them.
    type: str
    choices: [present, absent]
    default: present
  custom_metadata:
    description:
      - What is to be noted beside the document, as text. With KV version 2 and O(state=present) only.
      - What else is noted there stays. A name without a value (V(null)) is removed.
    type: dict
notes:
  - With KV version 2, a document that somebody else changes meanwhile is read again, so that no key is lost; where it
    was one of these keys, the task fails. The token needs C(read) and C(patch) on the document's C(data) path, or
    C(read), C(create) and C(update).
  - KV version 1 has no way to exclude that somebody else, who writes the same document in the same moment, loses keys.
"""

EXAMPLES = r"""
- name: Set a pair of keys in one write
  rotor.secrets.vault_kv_secret:
    url: https://vault.example.com:8200
    path: agenticverz/database
    secrets:
      - name: POSTGRES_USER
        value: nova_b
      - name: POSTGRES_PASSWORD
        value: "{{ lookup('ansible.builtin.env', 'POSTGRES_PASSWORD') }}"
    custom_metadata:
      owner: platform

- name: Set a key with an AppRole, in a namespace
  rotor.secrets.vault_kv_secret:
    url: https://vault.example.com:8200
    namespace: admin/team
    auth_method: approle
    role_id: ci
    secret_id: "{{ lookup('ansible.builtin.file', '/run/secrets/vault') }}"
    mount: kv
    path: user/neon
    name: DATABASE_URL
    value: "{{ lookup('ansible.builtin.env', 'DATABASE_URL') }}"

- name: Remove a key
  rotor.secrets.vault_kv_secret:
    path: agenticverz/database
    name: POSTGRES_OLD_PASSWORD
    state: absent
"""

RETURN = r"""
secrets:
  description: The named keys that are there now.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The key.
      type: str
    version:
      description: Version of the document in which it was found or written. Only of KV version 2.
      type: int
    fingerprint:
      description: Stands for its value, in this task alone.
      type: str
    written:
      description: V(true) where this task wrote it and could not know what was there.
      type: bool
custom_metadata:
  description: What is noted beside the document.
  returned: with O(custom_metadata)
  type: dict
note:
  description: What only a real run can tell, such as whether the token may write.
  returned: in check mode, when something would change
  type: str
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._core.stored import RULES, SECRETS
from ..module_utils._providers.vault.access import ACCESS, CONTAINER, NEEDED
from ..module_utils._providers.vault.resources import Secrets


def main() -> None:
    module = RotorModule(
        argument_spec={**ACCESS, **CONTAINER, **SECRETS, "custom_metadata": {"type": "dict"}},
        required_if=NEEDED,
        **RULES,
    )
    run(module, Secrets)


if __name__ == "__main__":
    main()
