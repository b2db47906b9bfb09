# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS's Parameter Store and Secrets Manager, as moto has them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.client import (
    SecretsManagerConnection,
    SsmConnection,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.secretsmanager import SecretsManagerSecrets
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.ssm import SsmParameters
from tests.conformance.bench import Bench, Front, Lie, Refusal
from tests.conformance.proxy import Proxy
from tests.servers.moto import REGION, Moto, alone


class _AwsBench(Bench):
    server = f"moto {version('moto')}, with IAM in force"
    throttle = Refusal(400, body={"__type": "ThrottlingException", "message": "Rate exceeded"})
    denial = Refusal(400, body={"__type": "AccessDeniedException", "message": "User is not authorized"})

    def __init__(self, moto: Moto, proxy: Proxy) -> None:
        super().__init__()
        self.proxy = proxy
        self._moto = moto
        self._own = f"conformance-{secrets.token_hex(6)}"

    def options(self, container: Options, *, allowed: bool = True) -> dict[str, Any]:
        return {**container, **self._access(allowed)}

    def _access(self, allowed: bool) -> dict[str, str]:
        keys = self._moto.admin if allowed else self._moto.stranger
        return {"region": REGION, "endpoint_url": self.url, **keys}

    def _resolved(self, allowed: bool) -> dict[str, Any]:
        access = self._access(allowed)
        return {name: SecretValue(text) if "access" in name else text for name, text in access.items()}


class SsmBench(_AwsBench):
    title = "AWS SSM parameters"
    server = "moto with IAM in force, through boto3"
    module = "aws_ssm_secret"
    makes_containers = True
    may_be_plain = True
    bad_name = "NOT A NAME"
    lie = Lie("POST", "", 200, {"Version": 1, "Tier": "Standard"}, operation="PutParameter")

    @property
    def container(self) -> Options:
        return {"path": f"/{self._own}"}

    def store(self, *, allowed: bool = True) -> SsmParameters:
        return SsmParameters(SsmConnection(self._resolved(allowed), clock=self.clock), clock=self.clock)

    def holds(self, key: str, value: str) -> bool:
        return self._values([key]) == [value]

    def exists(self, key: str) -> bool:
        return len(self._values([key])) == 1

    def encrypted(self, key: str) -> bool:
        found = self._moto.client("ssm").get_parameter(Name=f"/{self._own}/{key}")
        return bool(found["Parameter"]["Type"] == "SecureString")

    def poke(self, key: str, value: str) -> None:
        name = f"/{self._own}/{key}"
        self._moto.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)

    def _values(self, keys: list[str]) -> list[str]:
        names = [f"/{self._own}/{key}" for key in keys]
        found = self._moto.client("ssm").get_parameters(Names=names, WithDecryption=True)
        return [parameter["Value"] for parameter in found["Parameters"]]


class SecretsManagerBench(_AwsBench):
    title = "AWS Secrets Manager"
    server = "moto with IAM in force, through boto3"
    module = "aws_secretsmanager_secret"
    atomic = True
    lie = Lie("POST", "", 200, {"ARN": "arn:of:it", "Name": "it"}, operation="UpdateSecretVersionStage")

    def __init__(self, moto: Moto, proxy: Proxy) -> None:
        super().__init__(moto, proxy)
        self._client = moto.client("secretsmanager")
        self._client.create_secret(Name=self._own, SecretString="{}")

    @property
    def container(self) -> Options:
        return {"secret": self._own}

    @property
    def missing(self) -> Options:
        return {"secret": f"{self._own}-nowhere"}

    def store(self, *, allowed: bool = True) -> SecretsManagerSecrets:
        connection = SecretsManagerConnection(self._resolved(allowed), clock=self.clock)
        return SecretsManagerSecrets(connection, clock=self.clock)

    def options(self, container: Options, *, allowed: bool = True) -> dict[str, Any]:
        return {**super().options(container, allowed=allowed), "create": False}

    def holds(self, key: str, value: str) -> bool:
        return self._document().get(key) == value

    def exists(self, key: str) -> bool:
        return key in self._document()

    def poke(self, key: str, value: str) -> None:
        text = json.dumps({**self._document(), key: value})
        self._client.put_secret_value(SecretId=self._own, SecretString=text)

    def _document(self) -> dict[str, Any]:
        """As a reader gets it who asks for no version."""
        document: dict[str, Any] = json.loads(self._client.get_secret_value(SecretId=self._own)["SecretString"])
        return document


BENCHES: list[type[_AwsBench]] = [SsmBench, SecretsManagerBench]


@contextmanager
def open_bench(kind: type[_AwsBench], front: Front) -> Iterator[Bench]:
    with alone():
        moto = _server()
        yield kind(moto, front(moto.url))


def stop_all() -> None:
    if _server.cache_info().currsize:
        _server().stop()
        _server.cache_clear()


@cache
def _server() -> Moto:
    return Moto()
