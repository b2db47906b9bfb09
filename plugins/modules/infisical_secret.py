#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: infisical_secret
short_description: Set or delete secrets of a folder in Infisical
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Sets or deletes one or more secrets of a folder, all of them in one request.
  - What has the wanted value already is left alone.
  - Where a change policy turns the change into a request, the task fails with C(pending approval), since nothing has
    been changed yet. Once it is approved, the task finds the value, and changes nothing.
extends_documentation_fragment:
  - rotor.secrets.infisical
  - rotor.secrets.stored
  - rotor.secrets.attributes
attributes:
  check_mode:
    support: full
    details: Where the identity may not read values, a secret counts as changed, with RV(note).
  diff_mode:
    support: full
  idempotent:
    support: full
    details: Where the identity may not read values, it writes every time, and each write is a change.
notes:
  - Infisical trims blanks and newlines around a value, but for a single newline at its end, and takes C(${…}) for a
    reference to another secret. Such values are refused.
"""

EXAMPLES = r"""
- name: Set a secret
  rotor.secrets.infisical_secret:
    project: 7e2f1a4c-9b1d-4a57-8a3e-0c5d8b6f2e11
    environment: prod
    path: /backend
    name: FLY_API_TOKEN
    value: "{{ lookup('ansible.builtin.env', 'FLY_API_TOKEN') }}"

- name: Delete two secrets in one request
  rotor.secrets.infisical_secret:
    project: 7e2f1a4c-9b1d-4a57-8a3e-0c5d8b6f2e11
    environment: prod
    secrets:
      - name: POSTGRES_USER
      - name: POSTGRES_PASSWORD
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
    id:
      description: Id of the secret. Missing in check mode, when it would change.
      type: str
    version:
      description: Version of the secret. Missing in check mode, when it would change.
      type: int
    updated_at:
      description: When it was written last.
      type: str
    fingerprint:
      description: Stands for the value; comparable within this task only.
      type: str
note:
  description: What only a real run can tell, such as whether the token may write.
  returned: in check mode, when something would change
  type: str
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._core.stored import RULES, SECRETS
from ..module_utils._providers.infisical.access import ACCESS
from ..module_utils._providers.infisical.resources import Secrets


def main() -> None:
    run(RotorModule(argument_spec={**ACCESS, **SECRETS}, **RULES), Secrets)


if __name__ == "__main__":
    main()
