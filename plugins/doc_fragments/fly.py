# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the modules for Fly reach it."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - requests
options:
  token:
    description:
      - Access token for Fly, whole, with any scheme word, spaces and commas that it has.
      - Without it, the environment variable E(FLY_ACCESS_TOKEN) is used, then E(FLY_API_TOKEN), as by C(fly) itself.
    type: str
    required: true
  api_url:
    description: Base address of the Machines API.
    type: str
    default: https://api.machines.dev/v1
  graphql_url:
    description: Address of the GraphQL API.
    type: str
    default: https://api.fly.io/graphql
  ca_cert:
    description:
      - PEM file of the certificates to trust, such as those of a CA of your own, instead of the usual ones.
      - Without it, the environment variable E(REQUESTS_CA_BUNDLE) is used, if it is set.
    type: path
attributes:
  action_group:
    description: Use C(group/rotor.secrets.fly) in C(module_defaults) to set defaults for all of this group.
    support: full
    membership:
      - rotor.secrets.fly
notes:
  - Talks to Fly from where the task runs, usually C(localhost).
  - With O(token) or a value of a secret among the options, pipelining keeps them out of a temporary file.
"""
