# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The community's modules in the same places: other options, the same servers, the same cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from tests.conformance.bench import Bench, Front, Refusal
from tests.conformance.benches import aws, github, sandboxed, vault
from tests.conformance.tasks import TaskResult, play

VENV = Path()
"""Where ``ansible`` is installed with its collections; set before the first case."""


class _Community(Bench):
    """Mixed into a bench of ours: ``options`` are translated, and ``ansible-playbook`` runs the module."""

    def run_task(self, options: Mapping[str, Any], *, check: bool = False) -> TaskResult:
        return play(VENV / "bin", self.module, options, check=check)


def _soon(no: Refusal) -> Refusal:
    """Whoever waits, waits for real."""
    return replace(no, headers={**(no.headers or {}), "Retry-After": "1"})


class GitHub(_Community, github.GitHubBench):
    title = "`github_secrets`"
    module = "community.general.github_secrets"
    throttle = _soon(github.GitHubBench.throttle)

    def options(self, container: Options, *, allowed: bool = True) -> dict[str, Any]:
        ours = super().options(container, allowed=allowed)
        owner, repository = container["repository"].split("/")
        access = {"token": ours["token"], "api_url": ours["api_url"]}
        return {**access, "organization": owner, "repository": repository}

    def tasks(self, options: Mapping[str, Any], secrets: Mapping[str, str | None]) -> list[dict[str, Any]]:
        return [{**options, "key": name, **_wanted(value)} for name, value in secrets.items()]


class Ssm(_Community, aws.SsmBench):
    title = "`ssm_parameter`"
    module = "community.aws.ssm_parameter"

    def options(self, container: Options, *, allowed: bool = True) -> dict[str, Any]:
        ours = super().options(container, allowed=allowed)
        access = {"region": ours["region"], "endpoint_url": ours["endpoint_url"]}
        keys = {"access_key": ours["access_key_id"], "secret_key": ours["secret_access_key"]}
        return {**access, **keys, "name": container["path"]}

    def tasks(self, options: Mapping[str, Any], secrets: Mapping[str, str | None]) -> list[dict[str, Any]]:
        folder = options.get("name")
        return [{**options, "name": f"{folder}/{name}", **_wanted(value)} for name, value in secrets.items()]


class Vault(_Community, vault.KvV2Bench):
    """One task writes a whole document; another module of the collection deletes it."""

    title = "`vault_kv2_write`"
    module = "community.hashi_vault.vault_kv2_write"
    throttle = _soon(vault.KvV2Bench.throttle)

    def options(self, container: Options, *, allowed: bool = True) -> dict[str, Any]:
        ours = super().options(container, allowed=allowed)
        access = {"url": ours["url"], "auth_method": "token", "token": ours["token"]}
        return {**access, "engine_mount_point": container["mount"], "path": container["path"]}

    def tasks(self, options: Mapping[str, Any], secrets: Mapping[str, str | None]) -> list[dict[str, Any]]:
        return [] if None in secrets.values() else [{**options, "data": dict(secrets)}]


def _wanted(value: str | None) -> dict[str, str]:
    return {"state": "absent"} if value is None else {"value": value}


BENCHES: list[type[Bench]] = [GitHub, Ssm, Vault]


@contextmanager
def open_bench(kind: type[Any], front: Front) -> Iterator[Bench]:
    if issubclass(kind, github.GitHubBench):
        with sandboxed.world(strict=False) as visitor:
            yield kind(visitor, front(f"{visitor.url}/github"))
    else:
        opened = aws.open_bench if issubclass(kind, aws.SsmBench) else vault.open_bench
        with opened(kind, front) as bench:
            yield bench
