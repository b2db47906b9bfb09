#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_adopt
short_description: Take existing values under management, and rotate nothing
description:
  - Looks at every copy of the secrets that are named, and records in the ledger what is there - versions, digests,
    times, and fingerprints where a store shows them. From then on a change by somebody else is noticed.
  - The age is that of the provider, for a credential whose id is given and that its provider lists; else it is unknown.
  - Everything that stands in the way is said at once, and nothing is recorded then - a key that is missing, copies that
    show different values, a credential that is not listed as valid, a secret that the ledger knows already.
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
extends_documentation_fragment:
  - rotor.secrets.attributes
  - rotor.secrets.attributes.actions
options:
  only:
    description: Names of the secrets; a list, or names with commas between. The playbook takes it as V(rotate_only).
    type: raw
    required: true
  adopt:
    description:
      - Name of a secret to the provider's id of the credential in use; C(issuer.current_id) of the map, unless said.
      - Without an id, a person has to end the credential after its rotation.
    type: dict
  forget:
    description: Refused, since nothing is overwritten here. It belongs to the run that rotates.
    type: raw
  reason:
    description: Why; kept in the ledger.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Begin to manage a token that works
  rotor.secrets.rotation_adopt:
    only: [FLY_API_TOKEN]
    adopt: {FLY_API_TOKEN: TGltaXRlZEFjY2Vzc1Rva2VuOjgz}
"""

RETURN = r"""
changed:
  description: Whether anything was recorded.
  type: bool
  returned: success
"""
