# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same work by other means: loops of modules, loops of programs, and the order for a bare script."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.costs import ENVIRONMENT, Places
from tests.servers.moto import REGION

BARE = Path(__file__).with_name("bare.py")


def tasks(places: Places, key: str) -> list[dict[str, Any]]:
    """One task for each store, in a loop over its containers; ``value`` is a variable of the inventory."""

    def known(name: str) -> str:
        return f"{{{{ lookup('ansible.builtin.env', 'BENCH_{name}') }}}}"

    value, headers = "{{ value }}", {"Authorization": f"Bearer {known('INFISICAL')}"}
    body = {"projectId": "molecule", "environment": ENVIRONMENT, "secretPath": "{{ item }}", "secretValue": value}
    keys = {"access_key": known("AWS_ACCESS_KEY_ID"), "secret_key": known("AWS_SECRET_ACCESS_KEY")}
    uri = {"method": "PATCH", "headers": headers, "body_format": "json", "body": body}
    vault = {"auth_method": "token", "token": known("VAULT"), "engine_mount_point": places.mount}
    seed(places, key)
    return [
        {
            "community.hashi_vault.vault_kv2_write": {
                "url": places.vault,
                **vault,
                "path": "{{ item }}",
                "data": {key: value},
            },
            "loop": places.names,
        },
        {
            "community.aws.ssm_parameter": {
                "name": f"{places.top}/{{{{ item }}}}/{key}",
                "value": value,
                "string_type": "SecureString",
                "region": REGION,
                "endpoint_url": places.aws,
                **keys,
            },
            "loop": places.names,
        },
        {
            "community.general.github_secrets": {
                "organization": "{{ item.partition('/')[0] }}",
                "repository": "{{ item.partition('/')[2] }}",
                "key": key,
                "value": value,
                "token": known("GITHUB"),
                "api_url": places.github,
            },
            "loop": places.repositories,
        },
        {"ansible.builtin.uri": {"url": f"{places.infisical}/v4/secrets/{key}", **uri}, "loop": places.folders},
    ]


def loops(
    places: Places, key: str, value: str, program: Callable[[str], str], world: str, home: Path
) -> dict[str, tuple[str, dict[str, str]]]:
    """Return a shell script, with its environment, for each program."""
    basic = {"PATH": os.environ["PATH"], "HOME": str(home), "VALUE": value}
    keys = {name: places.credentials[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    bao, aws, gh, curl = (shlex.quote(program(name)) for name in ("bao", "aws", "gh", "curl"))
    patch = json.dumps({"projectId": "molecule", "environment": ENVIRONMENT, "secretPath": "@", "secretValue": value})
    put = f"{aws} ssm put-parameter --endpoint-url {places.aws} --type SecureString --overwrite"
    ask = f"{curl} -sSf -X PATCH -H 'Content-Type: application/json' -H \"Authorization: Bearer $TOKEN\""
    seed(places, key)

    def each(names: list[str], line: str) -> str:
        return f"for at in {' '.join(names)}; do {line} >/dev/null; done"

    return {
        "bao": (
            each(places.names, f'printf %s "$VALUE" | {bao} kv put -mount={places.mount} "$at" {key}=-'),
            {**basic, "BAO_ADDR": places.vault, "BAO_TOKEN": places.credentials["VAULT"]},
        ),
        "aws": (
            each(places.names, f'{put} --name "{places.top}/$at/{key}" --value "$VALUE"'),
            {**basic, **keys, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"},
        ),
        "gh": (
            each(places.repositories, f'printf %s "$VALUE" | {gh} secret set {key} --repo "github.localhost/$at"'),
            {**basic, "GH_HOST": "github.localhost", "GH_TOKEN": places.credentials["GITHUB"], "HTTP_PROXY": world},
        ),
        "curl": (
            each(places.folders, f'sed "s|@|$at|" <<<"$BODY" | {ask} --data @- {places.infisical}/v4/secrets/{key}'),
            {**basic, "BODY": patch, "TOKEN": places.credentials["INFISICAL"]},
        ),
    }


def bare_order(places: Places, key: str, value: str, looks: Mapping[str, float]) -> dict[str, Any]:
    """Tell the bare script where to write what, and how often to look at each copy before."""
    seed(places, key)
    return {
        "key": key,
        "value": value,
        "looks": {store: round(number) for store, number in looks.items()},
        "vault": {
            "url": places.vault,
            "mount": places.mount,
            "token": places.credentials["VAULT"],
            "names": places.names,
        },
        "ssm": {
            "url": places.aws,
            "region": REGION,
            "keys": [places.credentials["AWS_ACCESS_KEY_ID"], places.credentials["AWS_SECRET_ACCESS_KEY"]],
            "names": [f"{places.top}/{name}/{key}" for name in places.names],
        },
        "github": {"url": places.github, "token": places.credentials["GITHUB"], "names": places.repositories},
        "infisical": {
            "url": places.infisical,
            "token": places.credentials["INFISICAL"],
            "environment": ENVIRONMENT,
            "names": places.folders,
        },
    }


def seed(places: Places, key: str) -> None:
    """Infisical has one call to create a secret and another one to change it: every contender changes."""
    if not places.seeded:
        for folder in places.folders:
            places.set_infisical(key, folder)
        places.seeded = True
