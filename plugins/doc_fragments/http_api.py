# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the modules for a JSON API of one's own reach it."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - requests
options:
  url:
    description: Base address of the API. Https, or plain http on loopback.
    type: str
    required: true
  token:
    description: The token to show. Without it, none is sent.
    type: str
  header:
    description: The header that carries the token.
    type: str
    default: Authorization
  scheme:
    description: The word before the token; empty for none.
    type: str
    default: Bearer
  headers:
    description: Other headers to send. They are no place for secrets.
    type: dict
  ca_cert:
    description:
      - PEM file of the certificates to trust, such as those of a CA of your own, instead of the usual ones.
      - Without it, the environment variable E(REQUESTS_CA_BUNDLE) is used, if it is set.
    type: path
attributes:
  action_group:
    description: Use C(group/rotor.secrets.http) in C(module_defaults) to set defaults for all of this group.
    support: full
    membership:
      - rotor.secrets.http
notes:
  - Talks to the API from where the task runs, usually C(localhost).
  - No redirect is followed, and nothing is sent to another host.
  - With O(token) or a value of a secret among the options, pipelining keeps them out of a temporary file.
"""
