# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub: secrets for Actions, workflow runs."""

from __future__ import annotations

from ..._core.contracts import Provider

PROVIDER = Provider(
    title="GitHub",
    connections={"github": "client:GitHubConnection"},
    stores={"github": "store:GitHubSecrets"},
    consumers={"github_actions": "consumer:GitHubActions"},
    checks={"github_workflow": "check:GitHubWorkflow"},
)
