#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_ssm_secret_info
short_description: List parameters of AWS Systems Manager's Parameter Store
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Lists names and facts of parameters of every type, from all pages. Never asks for a value.
extends_documentation_fragment:
  - rotor.secrets.aws
  - rotor.secrets.attributes
  - rotor.secrets.attributes.info
options:
  path:
    description: Path below which to look, such as V(/molecule/prod). Without it, all parameters are listed.
    type: str
  recursive:
    description: Whether to look in deeper levels, too.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: See what is set
  rotor.secrets.aws_ssm_secret_info:
    region: eu-central-1
    path: /molecule/prod
  register: molecule
"""

RETURN = r"""
secrets:
  description: The parameters.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Whole name of the parameter.
      type: str
    version:
      description: Its version.
      type: int
    modified_at:
      description: When it was written last.
      type: str
    type:
      description: Its type. Whatever is no C(SecureString) is plain text.
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
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._providers.aws.access import ACCESS, TOGETHER
from ..module_utils._providers.aws.resources import ListedParameters


def main() -> None:
    module = RotorModule(
        argument_spec={**ACCESS, "path": {"type": "str"}, "recursive": {"type": "bool", "default": True}},
        required_together=TOGETHER,
        supports_check_mode=True,
    )
    run(module, ListedParameters)


if __name__ == "__main__":
    main()
