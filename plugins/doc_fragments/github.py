# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the modules for GitHub reach it."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - requests
  - PyJWT and cryptography, with O(app_id)
options:
  token:
    description:
      - Token for GitHub, of any kind. Needed unless there is O(app_id).
      - Without it, the environment variable E(GH_TOKEN) is used, then E(GITHUB_TOKEN), as by C(gh) itself; for an
        Enterprise Server E(GH_ENTERPRISE_TOKEN), then E(GITHUB_ENTERPRISE_TOKEN), so that no token for GitHub is sent
        to another server.
    type: str
  app_id:
    description: Client id or App id of a GitHub App, whose installation is used instead of a token.
    type: str
  app_installation:
    description: Id of the App's installation, or the account that it is installed on. Needed where there are several.
    type: str
  app_private_key:
    description: The private key of the App, as the text of the C(.pem) file that GitHub made for it.
    type: str
  api_url:
    description:
      - Base address of the REST API; of an Enterprise Server V(https://HOST/api/v3).
      - Without it, it is made of the environment variable E(GH_HOST), as by C(gh) itself, and is
        V(https://api.github.com) where that is unset.
    type: str
  ca_cert:
    description:
      - PEM file of the certificates to trust, such as those of a CA of your own, instead of the usual ones.
      - Without it, the environment variable E(REQUESTS_CA_BUNDLE) is used, if it is set.
    type: path
attributes:
  action_group:
    description: Use C(group/rotor.secrets.github) in C(module_defaults) to set defaults for all of this group.
    support: full
    membership:
      - rotor.secrets.github
notes:
  - Talks to GitHub from where the task runs, usually C(localhost).
  - With a credential or a value of a secret among the options, pipelining keeps them out of a temporary file.
"""

    SCOPE = r"""
options:
  repository:
    description: The repository, as V(owner/name).
    type: str
  organization:
    description: The organization, instead of O(repository).
    type: str
  environment:
    description: An environment of the repository. It must be there.
    type: str
  application:
    description: What the secrets are for. The secrets of an environment are for V(actions) alone.
    type: str
    choices: [actions, dependabot, codespaces]
    default: actions
"""
