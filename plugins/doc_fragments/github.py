# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the modules for GitHub reach it."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - requests
options:
  token:
    description:
      - Token for GitHub, of any kind.
      - Without it, the environment variable E(GH_TOKEN) is used, then E(GITHUB_TOKEN), as by C(gh) itself.
    type: str
    required: true
  api_url:
    description: Base address of the REST API; of an Enterprise Server V(https://HOST/api/v3).
    type: str
    default: https://api.github.com
  repository:
    description: The repository, as V(owner/name).
    type: str
    required: true
notes:
  - Talks to GitHub from where the task runs, usually C(localhost).
  - With O(token) or a value of a secret among the options, pipelining keeps them out of a temporary file.
"""
