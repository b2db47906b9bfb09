# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the modules for AWS reach it."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - boto3 >= 1.34
options:
  region:
    description:
      - The region.
      - Without it, the environment variable E(AWS_REGION) is used, then E(AWS_DEFAULT_REGION), then what the profile
        says.
    type: str
  profile:
    description:
      - A profile of AWS's configuration files.
      - Without it, the environment variable E(AWS_PROFILE) is used.
    type: str
  access_key_id:
    description:
      - Id of an access key.
      - Without it, credentials are found as AWS's own tools find them, in E(AWS_ACCESS_KEY_ID) with
        E(AWS_SECRET_ACCESS_KEY) and E(AWS_SESSION_TOKEN), in the profile, or as a role of the machine.
    type: str
    aliases: [access_key]
  secret_access_key:
    description: The secret part of O(access_key_id).
    type: str
    aliases: [secret_key]
  session_token:
    description: Session that O(access_key_id) belongs to, if it is a temporary one.
    type: str
  role_arn:
    description: A role to assume with these credentials.
    type: str
  external_id:
    description: External id that the trust policy of O(role_arn) asks for.
    type: str
  endpoint_url:
    description:
      - Another address of the API, for STS as well.
      - Without it, the environment variable E(AWS_ENDPOINT_URL) is used, then whatever boto3 finds.
    type: str
  ca_cert:
    description:
      - PEM file of the certificates to trust, such as those of a CA of your own, instead of the usual ones.
      - Without it, the environment variable E(AWS_CA_BUNDLE) is used, then what the profile says, then
        E(REQUESTS_CA_BUNDLE).
    type: path
attributes:
  action_group:
    description: Use C(group/rotor.secrets.aws) in C(module_defaults) to set defaults for all of this group.
    support: full
    membership:
      - rotor.secrets.aws
notes:
  - Talks to AWS from where the task runs, usually C(localhost).
  - With a key or a value of a secret among the options, pipelining keeps them out of a temporary file.
"""
