# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS as ``moto`` has it, over HTTP, with IAM in force: who has no policy may do nothing.

It is more lenient than AWS in places, which the tests say where it matters: it throttles nobody, knows no KMS key, and
takes names and values that AWS refuses.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.servers.process import Server, free_port

REGION = "eu-central-1"
ACCOUNT = "123456789012"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
Keys = dict[str, str]
_CALLS_FOR_A_USER = 3
"""After so many, nobody gets in without a right: the first user is made before there is anybody to make it."""


@contextmanager
def alone() -> Iterator[None]:
    """Without what the environment and the home of whoever runs the tests say of AWS."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


class Moto:
    """``admin`` may do everything, and ``stranger`` nothing at all but ask who it is."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="rotor-moto-"))
        self._clients: dict[tuple[str, str], Any] = {}
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
        open_door = {"INITIAL_NO_AUTH_ACTION_COUNT": str(_CALLS_FOR_A_USER)}
        self._server = Server(command, port, self._folder / "moto.log", environment=clean | open_door)
        try:
            self._iam = self._client("iam", {"access_key_id": "nobody", "secret_access_key": "nothing"})
            self.admin = self.user("admin", EVERYTHING)
            self._iam = self.client("iam")
            self.stranger = self.user("stranger")
        except BaseException:
            self.stop()
            raise

    def user(self, name: str, *statements: dict[str, Any]) -> Keys:
        """A new user with these rights, and its access key as our connections take it."""
        self._iam.create_user(UserName=name)
        if statements:
            self._iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=_policy(*statements))
        made = self._iam.create_access_key(UserName=name)["AccessKey"]
        return {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}

    def role(self, name: str, *statements: dict[str, Any]) -> str:
        """A new role with these rights, which everybody in the account may assume; its ARN."""
        trust = _policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}})
        made = self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
        self._iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=_policy(*statements))
        return str(made["Arn"])

    def client(self, service: str, *, region: str = REGION) -> Any:
        """boto3 as somebody else uses it: past any proxy, and without our code."""
        if (service, region) not in self._clients:
            self._clients[service, region] = self._client(service, self.admin, region=region)
        return self._clients[service, region]

    def stop(self) -> None:
        self._server.stop()
        shutil.rmtree(self._folder)

    def _client(self, service: str, keys: Keys, *, region: str = REGION) -> Any:
        session = boto3.Session(
            aws_access_key_id=keys["access_key_id"],
            aws_secret_access_key=keys["secret_access_key"],
            region_name=region,
        )
        return session.client(service, endpoint_url=self.url)


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
