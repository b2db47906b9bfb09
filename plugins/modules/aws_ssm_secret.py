#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_ssm_secret
short_description: Set or delete parameters of AWS Systems Manager's Parameter Store
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Sets or deletes one or more parameters of the Parameter Store, as C(SecureString).
  - A parameter that is there keeps its KMS key, tier, description, allowed pattern, policies and tags, as far as no
    option says otherwise. One that holds the value already is not written.
extends_documentation_fragment:
  - rotor.secrets.aws
  - rotor.secrets.attributes
attributes:
  check_mode:
    support: full
    details: Where values may not be read, each counts as changed, with RV(note).
  diff_mode:
    support: full
  idempotent:
    support: full
    details: Where values may not be read, it writes every time.
options:
  path:
    description:
      - What the names of the parameters begin with, such as V(/molecule/prod).
      - Without it, O(name) is the whole name, such as V(/molecule/prod/DATABASE_URL).
    type: str
  name:
    description: Name of a single parameter, below O(path).
    type: str
  value:
    description: Value of the parameter O(name). Needed with O(state=present).
    type: str
  secrets:
    description: Several parameters, instead of O(name) and O(value).
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the parameter, below O(path).
        type: str
        required: true
      value:
        description: Value of the parameter. Needed with O(state=present).
        type: str
  state:
    description: Whether the parameters are to be there.
    type: str
    choices: [present, absent]
    default: present
  parameter_type:
    description:
      - Type of the parameters. V(String) is plain text to everybody who may read the parameter.
      - AWS does not change the type of a parameter that is there, so that one of another type is an error. A StringList
        is neither written nor deleted.
    type: str
    choices: [SecureString, String]
    default: SecureString
  key_id:
    description:
      - KMS key, by its id, its ARN or an alias. Not with O(parameter_type=String).
      - Without it, a parameter that is there keeps its key, and a new one gets the account's C(alias/aws/ssm).
    type: str
  tier:
    description:
      - Tier of the parameters. V(advanced) or V(intelligent-tiering) is needed for values of more than 4 KB.
      - AWS makes a standard parameter advanced, and never the other way round.
      - Without it, a parameter that is there keeps its tier, and a new one gets the account's default.
    type: str
    choices: [standard, advanced, intelligent-tiering]
  description:
    description: Description of the parameters. Without it, the description stays.
    type: str
  tags:
    description: Tags that the parameters are to have. Others stay.
    type: dict
  move_labels:
    description:
      - AWS keeps 100 versions of a parameter, and makes no other one as long as the oldest has a label.
      - With V(true), such a label moves to the version after it. Who reads by the label gets that version then.
      - With V(false), it is an error that names the label.
    type: bool
    default: false
notes:
  - AWS cannot compare and set in one. A change of somebody else at the very moment of the write is noticed right after
    it, by the version, and is an error then; both values are in the parameter's history.
"""

EXAMPLES = r"""
- name: Set a parameter
  rotor.secrets.aws_ssm_secret:
    region: eu-central-1
    path: /molecule/prod
    name: RESEND_API_KEY
    value: "{{ lookup('ansible.builtin.env', 'RESEND_API_KEY') }}"

- name: Set two parameters in another account, with a key of its own
  rotor.secrets.aws_ssm_secret:
    region: eu-central-1
    role_arn: arn:aws:iam::123456789012:role/secrets-writer
    path: /molecule/prod
    key_id: alias/molecule
    tags:
      owner: platform
    secrets:
      - name: POSTGRES_USER
        value: "{{ lookup('ansible.builtin.env', 'POSTGRES_USER') }}"
      - name: POSTGRES_PASSWORD
        value: "{{ lookup('ansible.builtin.env', 'POSTGRES_PASSWORD') }}"

- name: Delete a parameter
  rotor.secrets.aws_ssm_secret:
    region: eu-central-1
    name: /molecule/prod/STRIPE_API_KEY
    state: absent
"""

RETURN = r"""
secrets:
  description: The named parameters that are there now.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the parameter, below O(path).
      type: str
    version:
      description: Version. Empty in check mode, when the parameter would be written.
      type: int
    modified_at:
      description: When it was written last.
      type: str
    tier:
      description: Its tier.
      type: str
    key_id:
      description: Its KMS key.
      type: str
    description:
      description: Its description.
      type: str
    tags:
      description: Those of O(tags) that it has.
      type: dict
    fingerprint:
      description: Stands for the value, within this task alone. Missing where values may not be read.
      type: str
    written:
      description: Whether this task wrote it, where values may not be read.
      type: bool
note:
  description: What only a real run can tell, such as whether the credentials may write.
  returned: in check mode, when something would change
  type: str
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._core.stored import RULES, SECRETS
from ..module_utils._providers.aws.access import ACCESS, TOGETHER
from ..module_utils._providers.aws.resources import Parameters


def main() -> None:
    module = RotorModule(
        argument_spec={
            **ACCESS,
            **SECRETS,
            "path": {"type": "str"},
            "parameter_type": {"type": "str", "choices": ["SecureString", "String"], "default": "SecureString"},
            "key_id": {"type": "str", "no_log": False},
            "tier": {"type": "str", "choices": ["standard", "advanced", "intelligent-tiering"]},
            "description": {"type": "str"},
            "tags": {"type": "dict"},
            "move_labels": {"type": "bool", "default": False},
        },
        required_together=TOGETHER,
        **RULES,
    )
    run(module, Parameters)


if __name__ == "__main__":
    main()
