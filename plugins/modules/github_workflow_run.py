#!/usr/bin/python
# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: github_workflow_run
short_description: Run a workflow of GitHub Actions and wait for its end
version_added: 0.1.0
author:
  - The rotor.secrets authors (@rotor-secrets)
description:
  - Dispatches a workflow, and waits for the very run that this started. The task fails unless the run succeeds.
  - The run has the secrets of the moment in which it is queued, its jobs those of their environment when they start.
extends_documentation_fragment:
  - rotor.secrets.github
  - rotor.secrets.attributes
attributes:
  check_mode:
    support: full
    details: Looks whether the workflow is there and active, and says that it would run.
  diff_mode:
    support: full
  idempotent:
    support: none
    details: Each task is a run.
options:
  repository:
    description: The repository, as V(owner/name).
    type: str
    required: true
  workflow:
    description: File name or id of the workflow; it must have the trigger C(workflow_dispatch).
    type: str
    required: true
  ref:
    description: Branch or tag to run it on. The default branch unless said.
    type: str
  inputs:
    description: Inputs of the workflow. They can be read by everybody who sees the run, so put no secret here.
    type: dict
  wait:
    description: Whether to wait for the end of the run.
    type: bool
    default: true
  timeout:
    description: Seconds within which the run must have ended.
    type: int
    default: 1800
"""

EXAMPLES = r"""
- name: Publish with the new token, and see that it works
  rotor.secrets.github_workflow_run:
    repository: Molecule-AI/molecule-monorepo
    workflow: publish-platform-image.yml
    inputs:
      reason: rotation
"""

RETURN = r"""
run:
  description: The run.
  returned: success
  type: dict
  contains:
    ref:
      description: What it was started on.
      type: str
    id:
      description: Id of the run. Not in check mode, as all that follows.
      type: int
    html_url:
      description: Its page.
      type: str
    status:
      description: V(completed) after O(wait=true).
      type: str
    conclusion:
      description: V(success) after O(wait=true).
      type: str
    head_sha:
      description: The commit.
      type: str
note:
  description: What only a real run can tell, such as whether the token may start workflows.
  returned: in check mode, when something would change
  type: str
"""

from ..module_utils._core.module_runner import RotorModule, run
from ..module_utils._providers.github.access import ACCESS, ACCESS_RULES, rules
from ..module_utils._providers.github.resources import WorkflowRun


def main() -> None:
    module = RotorModule(
        argument_spec={
            **ACCESS,
            "repository": {"type": "str", "required": True},
            "workflow": {"type": "str", "required": True},
            "ref": {"type": "str"},
            "inputs": {"type": "dict"},
            "wait": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 1800},
        },
        **rules(ACCESS_RULES),
    )
    run(module, WorkflowRun)


if __name__ == "__main__":
    main()
