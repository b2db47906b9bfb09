#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dotenv_secret
short_description: Set or remove keys of a dotenv file
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Sets or removes one or more keys of a C(.env) file on the host, all of them at once.
  - The file is replaced in one step, and keeps its mode, owner, group, extended attributes and access list. Everything
    but the lines of these keys stays as it is, byte for byte. A link to the file stays, too.
  - Values are quoted so that C(docker compose), C(EnvironmentFile=) of systemd and a shell (C(set -a; . FILE)) read the
    same. A value for which there is no such way is refused.
  - Values go to the host through the connection's standard input only, with or without pipelining. They are in no
    command line, no environment and no temporary file.
extends_documentation_fragment:
  - rotor.secrets.attributes
attributes:
  action:
    description: Runs on the controller, as an action plugin of the same name.
    support: full
  action_group:
    description: Use C(group/rotor.secrets.dotenv) in C(module_defaults) to set defaults for all of this group.
    support: full
    membership:
      - rotor.secrets.dotenv
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows names and fingerprints, which are made with another key by each task.
  idempotent:
    support: full
options:
  path:
    description: Absolute path of the file on the host.
    type: str
    required: true
  create:
    description: Whether to make the file if it is missing. Its folder must be there.
    type: bool
    default: false
  mode:
    description: Mode of a file that is made, such as V("0640"). V("0600") unless said.
    type: raw
  owner:
    description: Owner of a file that is made.
    type: str
  group:
    description: Group of a file that is made.
    type: str
  readers:
    description:
      - Who reads the file; all three unless said.
      - Lines that these would read differently are refused, such as an apostrophe without quotes, which
        V(compose) takes for a character and the others for an open quote.
    type: list
    elements: str
    choices: [compose, systemd, shell]
  name:
    description: Name of a single key.
    type: str
  value:
    description: Value of the key O(name). Needed with O(state=present).
    type: str
  secrets:
    description: Several keys, instead of O(name) and O(value).
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the key.
        type: str
        required: true
      value:
        description: Value of the key. Needed with O(state=present).
        type: str
  state:
    description: Whether the keys are to be there. With V(absent), the file may be missing.
    type: str
    choices: [present, absent]
    default: present
requirements:
  - Python 3.9 or later on the host; the one that C(ansible_python_interpreter) names, otherwise C(python3)
notes:
  - A key that stands in several lines gets the value in each of them.
  - A value that is there already, but so that the three readers take it for different ones, is written anew.
  - C(docker run --env-file) takes quotes for a part of the value, and cannot read these lines.
  - Whoever runs on the file keeps the old values until restarted.
  - Windows hosts are not supported.
"""

EXAMPLES = r"""
- name: Set two keys
  rotor.secrets.dotenv_secret:
    path: /opt/nova/.env
    secrets:
      - name: POSTGRES_USER
        value: "{{ postgres_user }}"
      - name: POSTGRES_PASSWORD
        value: "{{ lookup('ansible.builtin.env', 'POSTGRES_PASSWORD') }}"
  become: true

- name: Set a key, and make the file if need be
  rotor.secrets.dotenv_secret:
    path: /etc/default/worker
    create: true
    mode: "0640"
    group: worker
    name: RESEND_API_KEY
    value: "{{ lookup('ansible.builtin.env', 'RESEND_API_KEY') }}"
  become: true

- name: Remove a key
  rotor.secrets.dotenv_secret:
    path: /opt/nova/.env
    name: STRIPE_API_KEY
    state: absent
"""

RETURN = r"""
secrets:
  description: The named keys that are there now.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the key.
      type: str
    fingerprint:
      description: Stands for the value; comparable within the same task only.
      type: str
    lines:
      description: In how many lines the key stands.
      returned: when it is more than one
      type: int
"""
