#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_verify
short_description: Examine the audit trail of the ledger
description:
  - Follows the chain of the audit trail from its first row to its last, and finds a row that was edited, removed, put
    in or moved.
  - Rows cut off the end leave a chain that is whole. O(head), noted from the output of an earlier run, finds that, too.
  - Compares every other row of the ledger with what the trail tells of it, and names each row that was altered,
    deleted, put in, exchanged, or put back from an older state. A run refuses a ledger with such a row.
  - Prints the number of rows, the newest link, and what is wrong. The task fails if anything is. Changes nothing.
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
extends_documentation_fragment:
  - rotor.secrets.attributes
  - rotor.secrets.attributes.actions
options:
  head:
    description: A link of the chain as an earlier run has printed it after C(audit trail). It has to be in the chain.
    type: str
    default: ""
  secret:
    description: >-
      The name of a secret. Who did what to it, when and why is printed, a line for each row, without values. One that
      the trail does not know is an error.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Is the trail as it was when the ticket was closed?
  rotor.secrets.ledger_verify:
    head: "{{ head_in_the_ticket }}"
    secret: FLY_API_TOKEN
"""

RETURN = r"""
rows:
  description: How many rows were read.
  type: int
  returned: always
head:
  description: The last link that holds.
  type: str
  returned: always
bad_row:
  description: The number of the first row that does not hold, if there is one.
  type: int
  returned: always
problems:
  description: What is wrong, the first 50.
  type: list
  elements: str
  returned: always
"""
