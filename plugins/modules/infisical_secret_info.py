#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: infisical_secret_info
short_description: List the secrets of a folder in Infisical
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Lists names, versions and dates of all secrets of a folder. Values are not asked for.
extends_documentation_fragment:
  - rotor.secrets.infisical
  - rotor.secrets.attributes
  - rotor.secrets.attributes.info
"""

EXAMPLES = r"""
- name: See what is set
  rotor.secrets.infisical_secret_info:
    project: 7e2f1a4c-9b1d-4a57-8a3e-0c5d8b6f2e11
    environment: prod
    path: /backend
  register: backend
"""

RETURN = r"""
secrets:
  description: All secrets of the folder.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the secret.
      type: str
    version:
      description: Version of the secret.
      type: int
    updated_at:
      description: When it was written last.
      type: str
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._providers.infisical.access import ACCESS
from ..module_utils._providers.infisical.resources import ListedSecrets


def main() -> None:
    run(RotorModule(argument_spec=ACCESS, supports_check_mode=True), ListedSecrets)


if __name__ == "__main__":
    main()
