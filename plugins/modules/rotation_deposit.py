#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation_deposit
short_description: Take a value that a person has made
description:
  - Plans the rotation of a secret whose value a person makes, takes the value, and seals it in the ledger as the new
    credential. The next rotation goes on with it as with any other.
  - Without O(file) it asks at the controlling terminal, in its own process, for five minutes. It does not ask under
    AWX, ansible-runner and Semaphore, whatever their terminal looks like.
  - A value is never a variable, which the process list, logs and the record of a job would show.
  - Refused are a value that does not fit the issuer's pattern, that is empty, that is known already, that some store
    could not keep, or that its provider does not accept. Nothing of it is kept then.
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
extends_documentation_fragment:
  - rotor.secrets.attributes
  - rotor.secrets.attributes.actions
options:
  secret:
    description: Name of the secret. The playbook takes it as V(deposit_secret).
    type: str
    required: true
  file:
    description:
      - A file that holds the value and nothing else, or a JSON object of the fields where it has several. It is a
        regular file of one's own with the mode 0600, no link, and in no git repository. A byte order mark and one line
        end at its end are cut off.
      - In the playbook it is V(deposit_file), or the environment variable E(ROTOR_DEPOSIT_FILE), which a credential
        type of AWX sets. Delete it afterwards.
    type: str
  from:
    description:
      - A key that holds the value in a store of C(secret_connections) - C(store), the options of a copy, and C(key).
      - A value of several fields is a JSON object in that key, or C(keys) names a key for each field.
      - The store can be read, and is no dotenv file. Delete the value there afterwards, in all of its versions.
      - The playbook takes it as V(deposit_from).
    type: dict
  confirm:
    description: Names of guarded secrets that may be rotated.
    type: raw
  forget:
    description: >-
      Copies or consumers of which the ledger is to forget what it knows, as in M(rotor.secrets.rotation_plan). The
      rotation that goes on with the value needs it, too, where a copy belongs to another ledger.
    type: raw
  reason:
    description: Why; kept in the ledger.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Take the key that I have made in the console
  rotor.secrets.rotation_deposit:
    secret: ANTHROPIC_API_KEY
"""

RETURN = r"""
changed:
  description: Whether a value was sealed.
  type: bool
  returned: always
"""
