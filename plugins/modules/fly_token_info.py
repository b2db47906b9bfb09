#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_token_info
short_description: List the access tokens of a Fly organization or app
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Lists all access tokens of an organization or an app, those that were revoked as well. Never asks for a value.
extends_documentation_fragment:
  - rotor.secrets.fly
  - rotor.secrets.attributes
  - rotor.secrets.attributes.info
options:
  organization:
    description: Slug of the organization.
    type: str
  app:
    description: Name of the app. Tokens of its whole organization are not among the app's own.
    type: str
"""

EXAMPLES = r"""
- name: List the tokens of an organization
  rotor.secrets.fly_token_info:
    organization: molecule-ai
  register: fly

- name: Show those that still work
  ansible.builtin.debug:
    msg: "{{ fly.tokens | rejectattr('revoked') | map(attribute='name') }}"
"""

RETURN = r"""
tokens:
  description: All tokens, from all pages.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Fly's id of the token.
      type: str
    name:
      description: Name of the token.
      type: str
    created_at:
      description: When it was made.
      type: str
    expires_at:
      description: Until when it is valid.
      type: str
    scope:
      description: What it is for.
      type: str
    revoked:
      description: Whether it was revoked.
      type: bool
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._providers.fly.access import ACCESS
from ..module_utils._providers.fly.resources import Tokens


def main() -> None:
    module = RotorModule(
        argument_spec={**ACCESS, "organization": {"type": "str"}, "app": {"type": "str"}},
        required_one_of=[("organization", "app")],
        mutually_exclusive=[("organization", "app")],
        supports_check_mode=True,
    )
    run(module, Tokens)


if __name__ == "__main__":
    main()
