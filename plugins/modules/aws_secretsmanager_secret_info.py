#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_secretsmanager_secret_info
short_description: List secrets of AWS Secrets Manager, or the keys of one
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Lists names and facts of all secrets of a region, from all pages.
  - With O(secret), tells the same of one secret, and which keys its JSON object has. Values are never shown.
extends_documentation_fragment:
  - rotor.secrets.aws
  - rotor.secrets.attributes
  - rotor.secrets.attributes.info
options:
  secret:
    description: One secret, by its name or its ARN. To know its keys, its value is read.
    type: str
"""

EXAMPLES = r"""
- name: See what there is
  rotor.secrets.aws_secretsmanager_secret_info:
    region: eu-central-1
  register: everything

- name: See which keys a secret has
  rotor.secrets.aws_secretsmanager_secret_info:
    region: eu-central-1
    secret: molecule/prod
  register: molecule
"""

RETURN = r"""
secrets:
  description: The secrets, without those that are about to be deleted; or the one that is named.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the secret.
      type: str
    arn:
      description: Its ARN.
      type: str
    description:
      description: Its description.
      type: str
    kms_key_id:
      description: Its KMS key. Empty for the account's own one.
      type: str
    version:
      description: The version that is current. Empty where it has no value yet.
      type: str
    changed_at:
      description: When it was changed last, in any way.
      type: str
    deleted_at:
      description: From when on AWS may delete it. Empty where it is to stay.
      type: str
    rotates:
      description: Whether AWS rotates it by itself.
      type: bool
    tags:
      description: Its tags.
      type: dict
    keys:
      description: Names of its keys, with O(secret). Empty where it holds no JSON object.
      type: list
      elements: str
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._providers.aws.access import ACCESS, TOGETHER
from ..module_utils._providers.aws.resources import ListedSecrets


def main() -> None:
    module = RotorModule(
        argument_spec={**ACCESS, "secret": {"type": "str", "no_log": False}},
        required_together=TOGETHER,
        supports_check_mode=True,
    )
    run(module, ListedSecrets)


if __name__ == "__main__":
    main()
