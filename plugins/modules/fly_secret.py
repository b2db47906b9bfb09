#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_secret
short_description: Set or unset secrets of a Fly app
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Sets or unsets one or more secrets of an app, all of them in one call, which makes one new version.
  - Setting a secret restarts nothing. Machines know it once they are updated, by O(stage=false),
    by M(rotor.secrets.fly_secrets_deploy), or by the app's next deployment.
extends_documentation_fragment:
  - rotor.secrets.fly
  - rotor.secrets.stored
  - rotor.secrets.attributes
attributes:
  check_mode:
    support: full
    details: Whether a secret would get another value cannot be known; it counts as changed, with RV(note).
  diff_mode:
    support: full
  idempotent:
    support: full
    details: It writes every time, and reports a change when that made another digest.
options:
  app:
    description: Name of the app.
    type: str
    required: true
  stage:
    description:
      - With V(true), the secrets are stored, and no machine is touched.
      - With V(false), the machines are updated as well, one at a time, when something changed, or when one of them
        was last updated before the secrets were set. An update takes along whatever else is staged.
      - A secret that is unset leaves no date. Where it was only staged, or the update of the machines failed,
        M(rotor.secrets.fly_secrets_deploy) makes up for it, and another run of this module does not.
    type: bool
    default: true
notes:
  - Fly never shows a value. Whether a secret was changed is told by the digest from before and after the write.
"""

EXAMPLES = r"""
- name: Set a secret, and let the machines take it up
  rotor.secrets.fly_secret:
    app: molecule-cp
    name: RESEND_API_KEY
    value: "{{ lookup('ansible.builtin.env', 'RESEND_API_KEY') }}"
    stage: false

- name: Stage two secrets in one call
  rotor.secrets.fly_secret:
    token: "{{ lookup('ansible.builtin.env', 'FLY_ADMIN_TOKEN') }}"
    app: molecule-cp
    secrets:
      - name: POSTGRES_USER
        value: "{{ lookup('ansible.builtin.env', 'POSTGRES_USER') }}"
      - name: POSTGRES_PASSWORD
        value: "{{ lookup('ansible.builtin.env', 'POSTGRES_PASSWORD') }}"

- name: Unset a secret
  rotor.secrets.fly_secret:
    app: molecule-cp
    name: STRIPE_API_KEY
    state: absent
"""

RETURN = r"""
secrets:
  description: The named secrets that are there now.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the secret.
      type: str
    digest:
      description: Fly's digest of the value; comparable with other digests of the same app only. Empty in check mode.
      type: str
    updated_at:
      description: When the secret was set last, as far as Fly says. Empty in check mode.
      type: str
version:
  description: Version of the app's secrets that the write made, for M(rotor.secrets.fly_secrets_deploy).
  returned: success
  type: int
machines:
  description: Machine to its instance, for the machines that were updated. Without the instance in check mode.
  returned: success
  type: dict
  sample: {d8905e2c41e708: 01K3ZQ8M6T5V7WXYZ0ABCDEFGH}
note:
  description: What only a real run can tell.
  returned: in check mode, when something might change
  type: str
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._core.stored import RULES, SECRETS
from ..module_utils._providers.fly.access import ACCESS
from ..module_utils._providers.fly.resources import Secrets


def main() -> None:
    own = {"app": {"type": "str", "required": True}, "stage": {"type": "bool", "default": True}}
    run(RotorModule(argument_spec={**ACCESS, **SECRETS, **own}, **RULES), Secrets)


if __name__ == "__main__":
    main()
