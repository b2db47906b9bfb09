#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: http_secret
short_description: Set or delete secrets by a JSON API that you describe
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Sets or deletes secrets where there is no module for it, but an HTTP API that takes JSON.
  - In paths, bodies and JSON paths, C(<key>) stands for the name of a secret, and in the body of a write C(<value>) for
    its value. An address never holds a value.
  - A member of an object named C(<key>), and an item of a list that holds C(<key>) or C(<value>), is repeated for each
    secret, so that all of them go in one request. Otherwise each secret has a request of its own.
  - A JSON path is such as V(data.items[0].version), V(secrets.<key>.version) or V([key=<key>].updated_at); the last one
    is of the first object in a list whose member C(key) is the secret's name.
extends_documentation_fragment:
  - rotor.secrets.http_api
  - rotor.secrets.stored
  - rotor.secrets.attributes
attributes:
  check_mode:
    support: full
    details: Whether a secret would get another value cannot be known; it counts as changed, with RV(note).
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: With O(state=present), it writes every time, and each write is a change. Without O(read), each deletion is
      one, too.
options:
  path:
    description: Path of the secrets, appended to O(url). May hold C(<key>).
    type: str
    required: true
  write:
    description: How to set secrets. Needed with O(state=present).
    type: dict
    suboptions:
      method:
        description: The request's verb.
        type: str
        choices: [PUT, PATCH, POST, DELETE]
        default: PUT
      path:
        description: Path to use instead of O(path).
        type: str
      body:
        description: What to send as JSON, an object or a list, with C(<key>) and C(<value>) in it.
        type: raw
        required: true
      ok:
        description: The statuses of a success. Those are 200, 201 and 204 unless said.
        type: list
        elements: int
      success:
        description: JSON path in the answer to what must stand there, or it was no success whatever the status.
        type: dict
  read:
    description: Where to see what is there. Never read a value.
    type: dict
    suboptions:
      path:
        description: Path to use instead of O(path). With C(<key>) in it, 404 says that the secret is not there.
        type: str
      evidence:
        description:
          - A name of yours to the JSON path of what changes with every write, such as a version or a date.
          - Not V(name) or V(written), which RV(secrets) has anyway.
        type: dict
        required: true
  delete:
    description: How to delete secrets. Needed with O(state=absent).
    type: dict
    suboptions:
      method:
        description: The request's verb.
        type: str
        choices: [PUT, PATCH, POST, DELETE]
        default: DELETE
      path:
        description: Path to use instead of O(path).
        type: str
      body:
        description: What to send as JSON, an object or a list, with C(<key>) in it.
        type: raw
      ok:
        description: The statuses of a success. Those are 200, 204 and 404 unless said.
        type: list
        elements: int
      success:
        description: JSON path in the answer to what must stand there, or it was no success whatever the status.
        type: dict
"""

EXAMPLES = r"""
- name: Set a global secret of a tenant platform
  rotor.secrets.http_secret:
    url: https://tenant.example.com
    token: "{{ lookup('ansible.builtin.env', 'TENANT_ADMIN_TOKEN') }}"
    path: /settings/secrets
    write:
      body: {key: <key>, value: <value>}
      success: {status: saved}
    read:
      evidence:
        updated_at: "[key=<key>].updated_at"
    name: ANTHROPIC_API_KEY
    value: "{{ lookup('ansible.builtin.env', 'ANTHROPIC_API_KEY') }}"

- name: Set two secrets in one request
  rotor.secrets.http_secret:
    url: https://api.example.com/v1
    token: "{{ lookup('ansible.builtin.env', 'EXAMPLE_TOKEN') }}"
    header: X-Api-Key
    scheme: ""
    path: /projects/7/secrets
    write:
      method: PATCH
      body:
        secrets:
          <key>: <value>
    secrets:
      - name: POSTGRES_USER
        value: "{{ lookup('ansible.builtin.env', 'POSTGRES_USER') }}"
      - name: POSTGRES_PASSWORD
        value: "{{ lookup('ansible.builtin.env', 'POSTGRES_PASSWORD') }}"

- name: Delete a secret
  rotor.secrets.http_secret:
    url: https://tenant.example.com
    token: "{{ lookup('ansible.builtin.env', 'TENANT_ADMIN_TOKEN') }}"
    path: /settings/secrets
    read:
      evidence:
        updated_at: "[key=<key>].updated_at"
    delete:
      path: /settings/secrets/<key>
    name: OPENAI_API_KEY
    state: absent
"""

RETURN = r"""
secrets:
  description: The named secrets that are there now, each with the evidence that O(read) names.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the secret.
      type: str
    written:
      description: V(true) where this task wrote it.
      type: bool
  sample: [{name: ANTHROPIC_API_KEY, updated_at: "2026-11-21T09:14:07Z", written: true}]
note:
  description: What only a real run can tell, such as whether the token may write.
  returned: in check mode, when something would change
  type: str
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._core.stored import RULES, SECRETS
from ..module_utils._providers.http.access import ACCESS, CONTAINER, NEEDED
from ..module_utils._providers.http.resources import Secrets


def main() -> None:
    module = RotorModule(argument_spec={**ACCESS, **CONTAINER, **SECRETS}, required_if=NEEDED, **RULES)
    run(module, Secrets)


if __name__ == "__main__":
    main()
