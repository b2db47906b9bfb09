# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the modules for Infisical reach it."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - requests
options:
  url:
    description:
      - Address of the server, with or without C(/api) at its end.
      - Without it, the environment variable E(INFISICAL_DOMAIN) is used, and then E(INFISICAL_API_URL).
    type: str
    default: https://app.infisical.com
  ca_cert:
    description:
      - PEM file of the certificates to trust, such as those of a CA of your own, instead of the usual ones.
      - Without it, the environment variable E(REQUESTS_CA_BUNDLE) is used, if it is set.
    type: path
  token:
    description:
      - An access token of a machine identity.
      - Without it, and without a client, the environment variable E(INFISICAL_TOKEN) is used.
      - Mutually exclusive with O(client_id) and O(client_secret).
    type: str
  client_id:
    description:
      - Client id of a machine identity, for universal auth.
      - Without it, the environment variable E(INFISICAL_UNIVERSAL_AUTH_CLIENT_ID) is used.
    type: str
  client_secret:
    description:
      - Client secret of that machine identity.
      - Without it, the environment variable E(INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET) is used.
    type: str
  project:
    description:
      - Id of the project.
      - Without it, the environment variable E(INFISICAL_PROJECT_ID) is used.
    type: str
    required: true
  environment:
    description: Slug of the environment, such as V(prod).
    type: str
    required: true
  path:
    description: The folder. It must be there.
    type: str
    default: /
attributes:
  action_group:
    description: Use C(group/rotor.secrets.infisical) in C(module_defaults) to set defaults for all of this group.
    support: full
    membership:
      - rotor.secrets.infisical
notes:
  - Talks to Infisical from where the task runs, usually C(localhost).
  - With a credential or a value of a secret among the options, pipelining keeps them out of a temporary file.
"""
