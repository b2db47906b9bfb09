# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the modules for keys reach an issuer."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - requests
  - jsonschema
options:
  issuer:
    description:
      - Type of the issuer as in the secret map, such as V(neon_api_key), V(resend_api_key), V(grafana_token),
        V(openai_api_key) or V(fly_token); V(key_api) for an API that you describe.
      - Another collection's issuer goes by its full name.
    type: str
    required: true
  options:
    description: Options of the issuer as in the secret map, without C(type), C(connection) and C(current_id).
    type: dict
    default: {}
  token:
    description: Credential of the connection, which makes, lists and revokes keys.
    type: str
    required: true
  url:
    description: Base address of the API, where it is not the issuer's own.
    type: str
  account:
    description: Other options of the connection as in C(secret_connections). They are no place for secrets.
    type: dict
    default: {}
  ca_cert:
    description:
      - PEM file of the certificates to trust, such as those of a CA of your own, instead of the usual ones.
      - Without it, the environment variable E(REQUESTS_CA_BUNDLE) is used, if it is set.
    type: path
attributes:
  action:
    description: Runs on the controller, as an action plugin of the same name.
    support: full
  action_group:
    description: Use C(group/rotor.secrets.api_key) in C(module_defaults) to set defaults for all of this group.
    support: full
    membership:
      - rotor.secrets.api_key
notes:
  - Talks to the API from the controller, whatever the task's host.
"""
