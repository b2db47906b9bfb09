# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every module that sets or removes secrets; their argument spec is in ``_core/stored.py``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  name:
    description: Name of a single secret.
    type: str
  value:
    description: Value of the secret O(name). Needed with O(state=present).
    type: str
  secrets:
    description: Several secrets, instead of O(name) and O(value).
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the secret.
        type: str
        required: true
      value:
        description: Value of the secret. Needed with O(state=present).
        type: str
  state:
    description: Whether the secrets are to be there.
    type: str
    choices: [present, absent]
    default: present
"""
