# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation of all plugins has in common."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  async:
    description: Supports the keyword C(async).
    support: none
    details: Core keeps the result of such a task in a file that everybody on its host may read.
  check_mode:
    description: Can run in check mode and predict what it would change, without changing anything.
  diff_mode:
    description: Says what changed in diff mode, by names, digests, versions and times; never by values.
  idempotent:
    description: Running it again without any change in between changes nothing.
notes:
  - Text that others gave, such as a name or a state, is returned as printable text on one line of at most 4,000
    characters. A control character or an invisible one stands there as its escape, such as C(\x1b).
  - An C(id), or what ends in C(_id), is returned exactly. One that has anything but visible ASCII characters, or more
    than 200 of them, could be taken for another and is not returned; a phrase with a digest stands in its place.
seealso:
  - module: rotor.secrets.rotation_plan
    description: The first task of the role P(rotor.secrets.rotate#role), which rotates a secret in all of its copies.
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: Only reads.
  diff_mode:
    support: N/A
    details: Changes nothing.
  idempotent:
    support: full
    details: Changes nothing.
"""

    ACTIONS = r"""
options: {}
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
    support: full
  diff_mode:
    support: none
    details: The plan says what will change.
  idempotent:
    support: full
    details: Running a rotation again resumes it; one that has ended and is not due is left alone.
"""
