# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS: parameters of the Parameter Store, secrets of Secrets Manager, access keys of IAM users."""

from __future__ import annotations

from ..._core.contracts import Provider

PROVIDER = Provider(
    title="AWS",
    connections={"aws_ssm": "client:SsmConnection", "aws_secretsmanager": "client:SecretsManagerConnection"},
    stores={"aws_ssm": "ssm:SsmParameters", "aws_secretsmanager": "secretsmanager:SecretsManagerSecrets"},
    issuers={"aws_iam_access_key": "access_keys:IamAccessKeys"},
)
