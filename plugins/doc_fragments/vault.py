# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the modules for Vault and OpenBao reach it."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - hvac
  - requests
options:
  url:
    description:
      - Address of the server, such as V(https://vault.example.com:8200).
      - Without it, the environment variable E(BAO_ADDR) is used, then E(VAULT_ADDR).
    type: str
    required: true
  namespace:
    description:
      - The namespace to work in.
      - Without it, the environment variable E(BAO_NAMESPACE) is used, then E(VAULT_NAMESPACE).
    type: str
  ca_cert:
    description:
      - PEM file of the certificates to trust, such as those of a CA of your own, instead of the usual ones.
      - Without it, the environment variable E(BAO_CACERT) is used, then E(VAULT_CACERT), then E(REQUESTS_CA_BUNDLE).
    type: path
  auth_method:
    description: How to log in. V(token) is not to log in, but to use O(token).
    type: str
    choices: [token, approle, userpass, jwt, kubernetes]
    default: token
  auth_mount:
    description: Where the method is mounted. Without it, under its own name.
    type: str
  auth_namespace:
    description: The namespace in which the method is mounted, where that is not O(namespace).
    type: str
  token:
    description:
      - The token, with O(auth_method=token).
      - Without it, the environment variable E(BAO_TOKEN) is used, then E(VAULT_TOKEN).
    type: str
  role_id:
    description: Of the AppRole, with O(auth_method=approle).
    type: str
  secret_id:
    description: Of the AppRole, with O(auth_method=approle), unless the role asks for none.
    type: str
  username:
    description: With O(auth_method=userpass).
    type: str
  password:
    description: With O(auth_method=userpass).
    type: str
  role:
    description: With O(auth_method=jwt), where it is not the method's default one, and with O(auth_method=kubernetes).
    type: str
  jwt:
    description:
      - The JSON Web Token, with O(auth_method=jwt) or O(auth_method=kubernetes).
      - With V(kubernetes), the one of the pod is used unless it is given.
    type: str
attributes:
  action_group:
    description: Use C(group/rotor.secrets.vault) in C(module_defaults) to set defaults for all of this group.
    support: full
    membership:
      - rotor.secrets.vault
notes:
  - Talks to the server from where the task runs, usually C(localhost).
  - Knows KV versions 1 and 2 of HashiCorp Vault and of OpenBao.
  - With a credential or a value of a secret among the options, pipelining keeps them out of a temporary file.
"""

    DOCUMENT = r"""
options:
  path:
    description: The document below the mount, as C(vault kv) takes it, such as V(agenticverz/database).
    type: str
    required: true
  mount:
    description: Where the KV engine is mounted.
    type: str
    default: secret
  version:
    description:
      - Version of the KV engine.
      - The server is asked. It is needed only where the server does not say that to the token, and the version is V(1).
    type: int
    choices: [1, 2]
"""
