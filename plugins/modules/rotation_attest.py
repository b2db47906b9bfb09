#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_attest
short_description: Take a person's word that a credential has ended
description:
  - Records that a credential which was replaced has ended at its provider, where nobody can be asked. The grade of the
    proof is V(attested), and the ledger keeps who said so, and when.
  - Refused as long as a copy holds it or a consumer runs on it, the replacement is not proven everywhere, or its
    provider says that it lives.
  - Of a secret that has left the map, any credential can be taken for ended, and nobody is asked.
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
extends_documentation_fragment:
  - rotor.secrets.attributes
  - rotor.secrets.attributes.actions
options:
  secret:
    description: Name of the secret. The playbook takes it as V(attest_secret).
    type: str
    required: true
  credential:
    description:
      - Name or id of the credential; the only one that was replaced and is not known to have ended, unless said.
      - The playbook takes it as V(attest_credential).
    type: str
    default: ""
  reason:
    description: Why; kept in the ledger.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: I have deleted the old key in the console
  rotor.secrets.rotation_attest:
    secret: MEM0_API_KEY
"""

RETURN = r"""
changed:
  description: Whether the credential was taken for ended.
  type: bool
  returned: always
"""
