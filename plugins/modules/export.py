#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: export
short_description: Export stored secrets to a dotenv file or to a command's environment
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Reads keys of Vault documents, of secrets of AWS Secrets Manager, of SSM parameters, of Infisical folders and of
    whatever else can be read, through C(secret_connections); writes them into a dotenv file on the host, or runs one
    command there that has them in its environment.
  - Values go from the store to the host through the connection's standard input. They are in no variable, result,
    command line or temporary file.
  - The file is for its owner alone. It is replaced in one step; lines of other keys stay as they are. One that others
    could read, by its mode or an access list, that belongs to somebody else, or that is a link, is refused.
extends_documentation_fragment:
  - rotor.secrets.attributes
attributes:
  action:
    description: Runs on the controller, as an action plugin of the same name.
    support: full
  action_group:
    description: Use C(group/rotor.secrets.rotation) in C(module_defaults) to set defaults for all of this group.
    support: full
    membership:
      - rotor.secrets.rotation
  check_mode:
    support: partial
    details: Values are read. A file is compared and left alone. A command is skipped.
  diff_mode:
    support: partial
    details: Shows names and fingerprints of a file's keys, which are made with another key by each task.
  idempotent:
    support: partial
    details: A file is; a command is run each time.
options:
  from:
    description:
      - What to export. Each entry names a connection as C(store), the options of a container in it, and C(keys).
      - C(keys) is a list of keys, or a mapping of variable names to keys, and never empty. Without it, all keys are
        exported; Vault, AWS Secrets Manager and Infisical list them.
    type: list
    elements: dict
    required: true
  path:
    description: Absolute path of a dotenv file on the host. It is made if it is missing; its folder must be there.
    type: str
  mode:
    description:
      - Mode of a file that is made, such as V("0640"). V("0600") unless said.
      - A file that is there keeps its own mode, and is refused where that allows more than this one.
    type: raw
  owner:
    description: Owner of a file that is made.
    type: str
  group:
    description: Group of a file that is made.
    type: str
  readers:
    description: Who reads the file, as M(rotor.secrets.dotenv_secret) has it; all three unless said.
    type: list
    elements: str
    choices: [compose, systemd, shell]
  command:
    description:
      - A command and its arguments, without a shell. It gets the values in its environment, and an empty standard
        input.
      - The end of what it prints is returned, with every value masked in each spelling that is known, but for values
        of fewer than four characters, which stand in a text by chance. What it makes of a value beyond that is up to
        it.
    type: list
    elements: str
  chdir:
    description: The folder in which the command runs.
    type: str
requirements:
  - Python 3.9 or later on the host; the one that C(ansible_python_interpreter) names, otherwise C(python3)
notes:
  - No ledger is needed, and nothing is rotated.
  - A file keeps the values of its export. Export again after a rotation, or let the map have the file as a copy, which
    each rotation writes.
  - Windows hosts are not supported.
seealso:
  - module: rotor.secrets.dotenv_secret
"""

EXAMPLES = r"""
- name: Write a whole document into a file that only its owner can read
  rotor.secrets.export:
    from:
      - {store: vault, path: agenticverz/app-prod}
    path: /opt/nova/app-prod.env
  become: true

- name: Migrate with the database's credentials, which nothing keeps
  rotor.secrets.export:
    from:
      - {store: vault, path: agenticverz/database, keys: [DATABASE_URL]}
      - {store: vault, path: agenticverz/external-apis, keys: {OPENAI_TOKEN: OPENAI_API_KEY}}
    command: [./manage.py, migrate]
    chdir: /opt/nova
"""

RETURN = r"""
secrets:
  description: The exported keys of the file.
  returned: with O(path)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the key.
      type: str
    fingerprint:
      description: Stands for the value; comparable within the same task only.
      type: str
names:
  description: The names of the variables.
  returned: with O(command)
  type: list
  elements: str
rc:
  description: The command's exit code; any but 0 fails the task.
  returned: when the command was run
  type: int
output:
  description: The end of what the command printed on both of its outputs, masked; at most 4 KiB.
  returned: when the command was run
  type: str
"""
