# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody writes in an hour: a pool of threads for each system, and the same libraries as ours.

It knows no ledger, no drift and no way back. ``BARE`` in the environment says what to write where; printed are the
seconds from the first request to the last.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import requests
from nacl.public import PublicKey, SealedBox

ORDER = json.loads(os.environ["BARE"])
KEY, VALUE, LOOKS = ORDER["key"], ORDER["value"], ORDER["looks"]
AT_ONCE = {"vault": 8, "ssm": 8, "github": 8, "infisical": 4}
_own = threading.local()


def session(token: str) -> requests.Session:
    if not hasattr(_own, "session"):
        _own.session = requests.Session()
        _own.session.trust_env = False
        _own.session.headers.update({"X-Vault-Token": token, "Authorization": f"Bearer {token}"})
    made: requests.Session = _own.session
    return made


def vault(place: dict[str, Any], name: str) -> None:
    http, url = session(place["token"]), f"{place['url']}/v1/{place['mount']}/data/{name}"
    for _look in range(LOOKS["vault"]):
        http.get(url).content  # noqa: B018
    http.post(url, json={"data": {KEY: VALUE}}).raise_for_status()


def ssm(place: dict[str, Any], name: str) -> None:
    for _look in range(LOOKS["ssm"]):
        place["client"].get_parameters(Names=[name], WithDecryption=True)
    place["client"].put_parameter(Name=name, Value=VALUE, Type="SecureString", Overwrite=True)


def github(place: dict[str, Any], name: str) -> None:
    http, url = session(place["token"]), f"{place['url']}/repos/{name}/actions/secrets"
    key = http.get(f"{url}/public-key").json()
    for _look in range(LOOKS["github"] - 1):
        http.get(f"{url}/{KEY}").content  # noqa: B018
    sealed = SealedBox(PublicKey(base64.b64decode(key["key"]))).encrypt(VALUE.encode())
    body = {"encrypted_value": base64.b64encode(sealed).decode(), "key_id": key["key_id"]}
    http.put(f"{url}/{KEY}", json=body).raise_for_status()


def infisical(place: dict[str, Any], name: str) -> None:
    http, url = session(place["token"]), f"{place['url']}/v4/secrets/{KEY}"
    where = {"projectId": "molecule", "environment": place["environment"], "secretPath": name}
    for _look in range(LOOKS["infisical"]):
        http.get(url, params=where).content  # noqa: B018
    http.patch(url, json={**where, "secretValue": VALUE}).raise_for_status()


def main() -> None:
    place = ORDER["ssm"]
    place["client"] = boto3.client(
        "ssm",
        endpoint_url=place["url"],
        region_name=place["region"],
        aws_access_key_id=place["keys"][0],
        aws_secret_access_key=place["keys"][1],
    )
    writers: dict[str, Callable[[dict[str, Any], str], None]] = {
        "vault": vault,
        "ssm": ssm,
        "github": github,
        "infisical": infisical,
    }
    began = time.monotonic()
    pools = {store: ThreadPoolExecutor(AT_ONCE[store]) for store in writers}
    futures = [
        pools[store].submit(write, ORDER[store], name)
        for store, write in writers.items()
        for name in ORDER[store]["names"]
    ]
    for future in futures:
        future.result()
    sys.stdout.write(f"{time.monotonic() - began}\n")


main()
