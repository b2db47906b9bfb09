#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_secrets_deploy
short_description: Let the machines of a Fly app take up its secrets
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Updates every machine of an app with its own configuration, under a lease, so that it reads the app's secrets anew.
  - Waits until each has started and passes its checks, and stops at the first one that does not.
  - Machines that were stopped stay stopped. One that somebody else launches or deploys meanwhile is updated, too.
  - As with C(fly secrets deploy) it is recorded as a release, where the token may make one, so that C(fly secrets list)
    shows the secrets as deployed.
extends_documentation_fragment:
  - rotor.secrets.fly
  - rotor.secrets.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: none
    details: Fly does not say which secrets a machine has read, so that each run updates all machines.
options:
  app:
    description: Name of the app.
    type: str
    required: true
  min_version:
    description:
      - The version of the app's secrets that the machines must have read at least, from
        RV(rotor.secrets.fly_secret#module:version).
      - Without it, a machine whose host has not heard of the newest version yet may read an older one.
    type: int
  batch:
    description: How many machines are updated at once.
    type: int
    default: 1
  timeout:
    description: Seconds within which an updated machine must have started and pass its checks.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Stage a secret
  rotor.secrets.fly_secret:
    app: molecule-cp
    name: RESEND_API_KEY
    value: "{{ lookup('ansible.builtin.env', 'RESEND_API_KEY') }}"
  register: staged

- name: Make it live, two machines at a time, also where the last run staged it and failed here
  rotor.secrets.fly_secrets_deploy:
    app: molecule-cp
    min_version: "{{ staged.version | default(omit, true) }}"
    batch: 2
"""

RETURN = r"""
machines:
  description: Machine to what it is now.
  returned: success
  type: dict
  contains:
    instance_id:
      description: The machine's new instance. Empty in check mode.
      type: str
    running:
      description: Whether the machine is meant to run; others stayed stopped.
      type: bool
  sample: {d8905e2c41e708: {instance_id: 01K3ZQ8M6T5V7WXYZ0ABCDEFGH, running: true}}
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._providers.fly.access import ACCESS
from ..module_utils._providers.fly.resources import Deployment


def main() -> None:
    module = RotorModule(
        argument_spec={
            **ACCESS,
            "app": {"type": "str", "required": True},
            "min_version": {"type": "int"},
            "batch": {"type": "int", "default": 1},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    run(module, Deployment)


if __name__ == "__main__":
    main()
