# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub: secrets for Actions, workflow runs; personal tokens and keys of Apps, which a person makes."""

from __future__ import annotations

from ..._core.contracts import Provider

PROVIDER = Provider(
    title="GitHub",
    connections={"github": "client:GitHubConnection"},
    stores={"github": "store:GitHubSecrets"},
    issuers={
        "github_personal_token": "personal_tokens:GitHubPersonalTokens",
        "github_app_key": "app_keys:GitHubAppKeys",
    },
    consumers={"github_actions": "consumer:GitHubActions"},
    checks={"github_workflow": "check:GitHubWorkflow"},
)
