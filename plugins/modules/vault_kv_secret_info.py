#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_kv_secret_info
short_description: List the keys of a KV document in HashiCorp Vault or OpenBao
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Lists the keys of one document of the KV engine, of version 1 or 2, and what is noted beside it.
  - With KV version 2 no value is fetched, where the token may read the document's C(subkeys).
extends_documentation_fragment:
  - rotor.secrets.vault
  - rotor.secrets.vault.document
  - rotor.secrets.attributes
  - rotor.secrets.attributes.info
"""

EXAMPLES = r"""
- name: See which keys there are
  rotor.secrets.vault_kv_secret_info:
    url: https://vault.example.com:8200
    path: agenticverz/database
  register: database
"""

RETURN = r"""
secrets:
  description: All keys of the document; none, where there is no document, or its newest version is deleted.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The key.
      type: str
version:
  description: Version of the document, V(0) where there never was any.
  returned: with KV version 2
  type: int
created_time:
  description: When that version was written.
  returned: with KV version 2, if there is one
  type: str
custom_metadata:
  description: What is noted beside the document.
  returned: success
  type: dict
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._providers.vault.access import ACCESS, CONTAINER, NEEDED
from ..module_utils._providers.vault.resources import ListedSecrets


def main() -> None:
    module = RotorModule(argument_spec={**ACCESS, **CONTAINER}, required_if=NEEDED, supports_check_mode=True)
    run(module, ListedSecrets)


if __name__ == "__main__":
    main()
