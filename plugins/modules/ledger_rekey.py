#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_rekey
short_description: Bring the ledger under a new key
description:
  - Takes the first key of C(secret_ledger.key), which has to name the new and the old one with a comma between, and
    seals every value, every plan and the ledger's own keys with it.
  - Makes new keys for fingerprints and for the audit trail. No fingerprint is lost, whether or not its value is still
    known, and links of the trail that were noted earlier stay good.
  - It is one transaction. After a crash, run it again. It is refused while a rotation is at work, and a rotation that
    was planned before goes on after it.
  - Where everything is sealed with the first key already, nothing is changed. With a further key that never was this
    ledger's, that is an error, since the new one may have been given last.
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
extends_documentation_fragment:
  - rotor.secrets.attributes
  - rotor.secrets.attributes.actions
options:
  reason:
    description: Why, for the audit trail.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: The old key has been seen in a job log
  rotor.secrets.ledger_rekey:
    reason: INC-114
"""

RETURN = r"""
changed:
  description: Whether anything was sealed with an older key.
  type: bool
  returned: success
"""
