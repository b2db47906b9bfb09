#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: github_secret_info
short_description: List the secrets of a repository, an environment or an organization on GitHub
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Lists names and dates of all secrets of a repository, of one of its environments, or of an organization, from all
    pages.
extends_documentation_fragment:
  - rotor.secrets.github
  - rotor.secrets.github.scope
  - rotor.secrets.attributes
  - rotor.secrets.attributes.info
"""

EXAMPLES = r"""
- name: See what is set for Actions
  rotor.secrets.github_secret_info:
    repository: Molecule-AI/molecule-monorepo
  register: monorepo

- name: See what the organization has for Dependabot
  rotor.secrets.github_secret_info:
    organization: Molecule-AI
    application: dependabot
  register: dependabot
"""

RETURN = r"""
secrets:
  description: All secrets that are there.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the secret.
      type: str
    created_at:
      description: When it was made.
      type: str
    updated_at:
      description: When it was written last.
      type: str
    visibility:
      description: Which repositories get it. Of an organization's secrets alone.
      type: str
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._providers.github.access import ACCESS, ACCESS_RULES, CONTAINER, CONTAINER_RULES, rules
from ..module_utils._providers.github.resources import ListedSecrets


def main() -> None:
    module = RotorModule(argument_spec={**ACCESS, **CONTAINER}, **rules(ACCESS_RULES, CONTAINER_RULES))
    run(module, ListedSecrets)


if __name__ == "__main__":
    main()
