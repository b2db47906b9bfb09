#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: api_key_info
short_description: List the keys of any API that makes, lists and revokes keys
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Lists all keys in an issuer's scope. Never asks for a value.
extends_documentation_fragment:
  - rotor.secrets.api_key
  - rotor.secrets.attributes
  - rotor.secrets.attributes.info
"""

EXAMPLES = r"""
- name: List the tokens of a service account
  rotor.secrets.api_key_info:
    issuer: grafana_token
    options:
      service_account: 7
    url: https://grafana.example.com
    token: "{{ lookup('ansible.builtin.env', 'GRAFANA_ADMIN_TOKEN') }}"
  register: grafana

- name: Show those that nobody has ever used
  ansible.builtin.debug:
    msg: "{{ grafana['keys'] | rejectattr('last_used_at') | map(attribute='name') }}"
"""

RETURN = r"""
keys:
  description: All keys, from all pages.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The provider's id of the key.
      type: str
    name:
      description: Name of the key.
      type: str
    created_at:
      description: When it was made, where the API says that.
      type: str
    expires_at:
      description: Until when it is valid, where the API says that.
      type: str
    last_used_at:
      description: When it was last used, where the API says that.
      type: str
    scope:
      description: What it is for, where the API says that.
      type: str
    revoked:
      description: Whether it was revoked.
      type: bool
"""
