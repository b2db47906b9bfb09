#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_token
short_description: Make or revoke an access token of a Fly organization or app
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Makes a deploy token for a whole organization or for one app, unless there is one of that name that still works.
  - Revokes one. Fly goes on listing a revoked token.
extends_documentation_fragment:
  - rotor.secrets.fly
  - rotor.secrets.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description: Name of the token.
    type: str
    required: true
  id:
    description:
      - Id of the token, to revoke the right one where several have the same name.
      - The token of that id has to have the O(name). An id that is not listed, while others of that name work, is an
        error. Not with O(state=present).
    type: str
  organization:
    description: Slug of the organization; the token may deploy all of its apps.
    type: str
  app:
    description: Name of the app; the token may deploy this one only.
    type: str
  lifetime:
    description: How long the token is to be valid, such as V(120d) or V(36h). Needed with O(state=present).
    type: str
  state:
    description: Whether a token of that name is to be there and valid.
    type: str
    choices: [present, absent]
    default: present
notes:
  - Only tokens like those that are made here count. Fly lists the tokens of an organization's apps with those of the
    organization, and such as do something else; they are left alone.
  - If the answer to the making of a token is lost, the token may be there, and nobody has it. Another run takes it for
    the one that is wanted; look for it with M(rotor.secrets.fly_token_info), and revoke it by its id.
  - A new token is in the task's result, as RV(token), and Ansible shows results. Put C(no_log) on the task, and hand
    the value on at once. Where it is to be stored in several places, the role P(rotor.secrets.rotate#role) does that
    without the value ever being in Ansible's hands.
  - According to operators only the token of a person's session makes tokens, as from C(fly auth token). Fly does not
    document it, so that check mode does not tell.
"""

EXAMPLES = r"""
- name: Make a token for continuous delivery
  rotor.secrets.fly_token:
    name: ci-deploy
    app: molecule-tenant
    lifetime: 120d
  register: ci_deploy
  no_log: true

- name: Revoke it
  rotor.secrets.fly_token:
    name: ci-deploy
    app: molecule-tenant
    state: absent
"""

RETURN = r"""
tokens:
  description: The tokens of that name that work now; none after they were revoked.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Fly's id of the token. Empty in check mode.
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
token:
  description: The new token itself. Fly shows it this once.
  returned: when a token was made
  type: str
note:
  description: What only a real run can tell, such as whether the connection's token may make tokens.
  returned: in check mode, when something would change
  type: str
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._providers.fly.access import ACCESS
from ..module_utils._providers.fly.resources import Token


def main() -> None:
    module = RotorModule(
        argument_spec={
            **ACCESS,
            "name": {"type": "str", "required": True},
            "id": {"type": "str"},
            "organization": {"type": "str"},
            "app": {"type": "str"},
            "lifetime": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_one_of=[("organization", "app")],
        mutually_exclusive=[("organization", "app")],
        required_if=[("state", "present", ("lifetime",))],
        supports_check_mode=True,
    )
    run(module, Token)


if __name__ == "__main__":
    main()
