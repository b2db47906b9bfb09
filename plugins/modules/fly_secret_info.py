#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_secret_info
short_description: List the secrets of a Fly app
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Lists names, digests and dates of all secrets of an app. Never asks for a value.
extends_documentation_fragment:
  - rotor.secrets.fly
  - rotor.secrets.attributes
  - rotor.secrets.attributes.info
options:
  app:
    description: Name of the app.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: See what is set
  rotor.secrets.fly_secret_info:
    app: molecule-cp
  register: molecule_cp
"""

RETURN = r"""
secrets:
  description: All secrets of the app.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the secret.
      type: str
    digest:
      description: Fly's digest of the value; comparable with other digests of the same app only.
      type: str
    updated_at:
      description: When the secret was set last, as far as Fly says.
      type: str
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._providers.fly.access import ACCESS
from ..module_utils._providers.fly.resources import ListedSecrets


def main() -> None:
    module = RotorModule(
        argument_spec={**ACCESS, "app": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    run(module, ListedSecrets)


if __name__ == "__main__":
    main()
