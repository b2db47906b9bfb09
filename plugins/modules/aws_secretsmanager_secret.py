#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_secretsmanager_secret
short_description: Set or delete keys of a secret of AWS Secrets Manager, or a secret as a whole
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Sets or deletes one or more keys of a secret that holds a JSON object, all of them in one new version. Other keys
    stay letter for letter as they are.
  - With O(format=text), sets or deletes a secret that is one value.
  - The new version is C(AWSPENDING) first, and becomes C(AWSCURRENT) only if nobody else has changed the secret
    meanwhile; a change of other keys is taken along, one of the same keys is an error.
extends_documentation_fragment:
  - rotor.secrets.aws
  - rotor.secrets.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  secret:
    description: The secret, by its name or its ARN.
    type: str
    required: true
  format:
    description:
      - V(json), where the secret is an object of several keys.
      - V(text), where it is one value. Then O(value) is all there is, and with O(state=absent) the whole secret goes,
        whatever it holds.
    type: str
    choices: [json, text]
    default: json
  name:
    description: Name of a single key. Not with O(format=text).
    type: str
  value:
    description: Value of the key O(name), or of the secret with O(format=text). Needed with O(state=present).
    type: str
  secrets:
    description: Several keys, instead of O(name) and O(value). Not with O(format=text).
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the key.
        type: str
        required: true
      value:
        description: Value of the key. Needed with O(state=present).
        type: str
  state:
    description: Whether the keys are to be there; with O(format=text), the secret.
    type: str
    choices: [present, absent]
    default: present
  create:
    description: Whether to make the secret, where there is none.
    type: bool
    default: true
  kms_key_id:
    description: KMS key of a secret that is made. One that is there keeps its own.
    type: str
  description:
    description: Description of a secret that is made. One that is there keeps its own.
    type: str
  tags:
    description: Tags of a secret that is made. One that is there keeps its own.
    type: dict
  recovery_window_days:
    description: For how many days AWS keeps a secret that is deleted as a whole, from 7 to 30.
    type: int
    default: 30
notes:
  - A secret that AWS rotates by itself, that belongs to another service, that is a replica, or that has a version of
    somebody else pending, is left alone; that is an error.
  - AWS asks not to write a secret more often than once in 10 minutes for long. It keeps all versions of a day.
"""

EXAMPLES = r"""
- name: Set a key
  rotor.secrets.aws_secretsmanager_secret:
    region: eu-central-1
    secret: molecule/prod
    name: RESEND_API_KEY
    value: "{{ lookup('ansible.builtin.env', 'RESEND_API_KEY') }}"

- name: Set two keys in one version
  rotor.secrets.aws_secretsmanager_secret:
    profile: production
    secret: molecule/prod
    create: false
    secrets:
      - name: POSTGRES_USER
        value: "{{ lookup('ansible.builtin.env', 'POSTGRES_USER') }}"
      - name: POSTGRES_PASSWORD
        value: "{{ lookup('ansible.builtin.env', 'POSTGRES_PASSWORD') }}"

- name: Set a secret that is one value
  rotor.secrets.aws_secretsmanager_secret:
    region: eu-central-1
    secret: molecule/deploy-key
    format: text
    value: "{{ lookup('ansible.builtin.file', '/run/secrets/deploy-key') }}"

- name: Delete a key
  rotor.secrets.aws_secretsmanager_secret:
    region: eu-central-1
    secret: molecule/prod
    name: STRIPE_API_KEY
    state: absent
"""

RETURN = r"""
secrets:
  description: The named keys that are there now; with O(format=text), the secret.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the key, or of the secret with O(format=text).
      type: str
    fingerprint:
      description: Stands for the value, within this task alone.
      type: str
version:
  description: Version of the secret that is current. Empty where there is none.
  returned: success
  type: str
note:
  description: What only a real run can tell, such as whether the credentials may write.
  returned: in check mode, when something would change
  type: str
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._core.stored import RULES, SECRETS
from ..module_utils._providers.aws.access import ACCESS, TOGETHER
from ..module_utils._providers.aws.resources import Secrets


def main() -> None:
    rules = {name: rule for name, rule in RULES.items() if name != "required_one_of"}
    module = RotorModule(
        argument_spec={
            **ACCESS,
            **SECRETS,
            "secret": {"type": "str", "required": True, "no_log": False},
            "format": {"type": "str", "choices": ["json", "text"], "default": "json"},
            "create": {"type": "bool", "default": True},
            "kms_key_id": {"type": "str", "no_log": False},
            "description": {"type": "str"},
            "tags": {"type": "dict"},
            "recovery_window_days": {"type": "int", "default": 30},
        },
        required_together=TOGETHER,
        required_if=[("format", "json", ("name", "secrets"), True)],
        **rules,
    )
    run(module, Secrets)


if __name__ == "__main__":
    main()
