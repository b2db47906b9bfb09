#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: github_secret
short_description: Set or delete secrets of a repository, an environment or an organization on GitHub
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Sets or deletes secrets of a repository, of one of its environments, or of an organization, for Actions, Dependabot
    or Codespaces.
  - Each value is sealed with the public key of its place before it is sent.
  - A workflow run has the secrets of a repository and an organization as they were when it was queued, those of an
    environment as they were when the job started.
extends_documentation_fragment:
  - rotor.secrets.github
  - rotor.secrets.github.scope
  - rotor.secrets.stored
  - rotor.secrets.attributes
requirements:
  - PyNaCl
attributes:
  check_mode:
    support: full
    details: Whether a secret would get another value cannot be known; it counts as changed, with RV(note).
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: With O(state=present) and O(overwrite=true), it writes every time, and each write is a change.
options:
  overwrite:
    description: With V(false), a secret that is there already is left as it is.
    type: bool
    default: true
  visibility:
    description:
      - Which repositories of the O(organization) get the secrets.
      - Needed for a secret that does not exist yet. Without it, one that exists stays visible to whom it is.
    type: str
    choices: [all, private, selected]
  repositories:
    description: Names of the organization's repositories that get the secrets, all of them. With
      O(visibility=selected) only.
    type: list
    elements: str
notes:
  - A name is of capitals, digits and underscores; a value has at most 48 KB.
  - GitHub shows neither a value nor anything that is made from it, only when a secret was written. So nobody can tell
    whether a write made a difference, and every write is reported as a change.
"""

EXAMPLES = r"""
- name: Set a secret
  rotor.secrets.github_secret:
    repository: Molecule-AI/molecule-monorepo
    name: FLY_API_TOKEN
    value: "{{ lookup('ansible.builtin.env', 'FLY_API_TOKEN') }}"

- name: Set a secret of an environment only where there is none, as an App
  rotor.secrets.github_secret:
    app_id: Iv23liAbCdEfGhIjKlMn
    app_private_key: "{{ lookup('ansible.builtin.file', '/run/secrets/rotor.pem') }}"
    repository: Molecule-AI/molecule-monorepo
    environment: production
    name: NPM_TOKEN
    value: "{{ lookup('ansible.builtin.env', 'NPM_TOKEN') }}"
    overwrite: false

- name: Set a secret of an organization for two repositories
  rotor.secrets.github_secret:
    organization: Molecule-AI
    application: dependabot
    name: REGISTRY_PASSWORD
    value: "{{ lookup('ansible.builtin.env', 'REGISTRY_PASSWORD') }}"
    visibility: selected
    repositories: [molecule-monorepo, molecule-docs]

- name: Delete a secret on an Enterprise Server
  rotor.secrets.github_secret:
    api_url: https://github.example.com/api/v3
    repository: Molecule-AI/molecule-monorepo
    name: CODECOV_TOKEN
    state: absent
"""

RETURN = r"""
secrets:
  description: The named secrets that are there now.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the secret.
      type: str
    updated_at:
      description: When it was written last, by GitHub's clock. Not in check mode, for one that would be written.
      type: str
    visibility:
      description: Which repositories get it. Of an organization's secrets alone.
      type: str
    repositories:
      description: The names of those repositories, where they are selected.
      type: list
      elements: str
    written:
      description: V(true) where this task wrote it.
      type: bool
note:
  description: What only a real run can tell, such as whether the token may write.
  returned: in check mode, when something would change
  type: str
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._core.stored import RULES, SECRETS
from ..module_utils._providers.github.access import ACCESS, ACCESS_RULES, CONTAINER, CONTAINER_RULES, rules
from ..module_utils._providers.github.resources import Secrets


def main() -> None:
    module = RotorModule(
        argument_spec={
            **ACCESS,
            **CONTAINER,
            **SECRETS,
            "overwrite": {"type": "bool", "default": True},
            "visibility": {"type": "str", "choices": ["all", "private", "selected"]},
            "repositories": {"type": "list", "elements": "str"},
        },
        **rules(ACCESS_RULES, CONTAINER_RULES, RULES),
    )
    run(module, Secrets)


if __name__ == "__main__":
    main()
