# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each member of each answer in turn is something else: what comes of that is a success or an error of ours.

``ROTOR_SWEEP=all`` puts everything that is odd in each place; otherwise each place gets one of it.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Connection
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.secretsmanager import SecretsManagerSecrets
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.ssm import SsmParameters
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.consumer import FlyApp
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.issuer import FlyTokens
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.runs import Runs
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.store import GitHubSecrets
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical.store import InfisicalSecrets
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.store import VaultSecrets
from tests.unit.core.doubles import Scripted, ScriptedServer, VirtualClock

LATE = "9999-12-31T23:59:59-12:00"
ODD: tuple[Any, ...] = (None, 5, "²", [], {}, [None], {"a": None}, True, -1, 10**400, LATE, [[[]]])
SWEEP = os.environ.get("ROTOR_SWEEP") == "all"
DATE = "2026-11-21T12:00:00Z"
SECRET = SecretValue("s3cr3t-among-odd-answers")
KEYS = {"access_key_id": SecretValue("AKIAEXAMPLE"), "secret_access_key": SECRET, "region": "eu-central-1"}
CONNECTIONS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "fly": ({"token": SECRET}, "url"),
    "github": ({"token": SECRET}, "url"),
    "vault": ({"token": SECRET}, "url"),
    "infisical": ({"auth": {"method": "universal", "client_id": "c", "client_secret": SECRET}}, "url"),
    "aws_ssm": (KEYS, "endpoint_url"),
    "aws_secretsmanager": (KEYS, "endpoint_url"),
}
GRANT = {"user": "me@example.com", "org_slug": "o", "apps": ["shop"], "token_id": "1"}
TOKEN = {"id": "t1", "name": "old", "profile": "deploy", "createdAt": DATE, "expiresAt": DATE, "revokedAt": None}
PAGE = {"nodes": [TOKEN], "pageInfo": {"hasNextPage": False, "endCursor": None}}
ORGANIZATION = {"data": {"organization": {"id": "org", "slug": "o", "limitedAccessTokens": PAGE}}}
MADE = {"data": {"createLimitedAccessToken": {"limitedAccessToken": {**TOKEN, "tokenHeader": "FlyV1 fm2_x"}}}}
MACHINE = {
    "id": "m1",
    "state": "started",
    "instance_id": "i1",
    "updated_at": DATE,
    "config": {"image": "x"},
    "checks": [{"name": "up", "status": "passing"}],
}
SECRETS = {"secrets": [{"name": "A", "digest": "d", "updated_at": DATE}], "version": 7}
REPOSITORY = {"full_name": "o/r", "default_branch": "main", "permissions": {"push": True}, "archived": False}
KEY = {"key_id": "1", "key": "hBT5WZEj8ZoOv6TYJsfWq7MxTEQopZO5/IT3ZCVQPzs="}
RUN = {"id": 1, "status": "completed", "conclusion": "success", "html_url": "h", "head_sha": "s", "path": "a/b.yml"}
HIDDEN = {"id": "1", "secretKey": "A", "version": 1, "updatedAt": DATE, "type": "shared", "secretValue": "v"}
LOGIN = {"accessToken": "an-access-token", "expiresIn": 7200}
MOUNT = {"data": {"path": "secret/", "type": "kv", "options": {"version": "2"}}}
VERSION = {"version": 3, "created_time": DATE, "deletion_time": "", "destroyed": False, "custom_metadata": {"a": "b"}}
WHO = {"data": {"display_name": "me", "policies": ["default"], "ttl": 100, "renewable": True}}
NOTHING = ""
OWNER_TAG = datetime(2026, 11, 21, tzinfo=UTC).timestamp()
PARAMETER = {"Name": "/p/A", "Version": 3, "LastModifiedDate": OWNER_TAG, "Type": "SecureString", "Tier": "Standard"}
VALUE = {"Name": "/p/A", "Version": 3, "LastModifiedDate": OWNER_TAG, "Type": "SecureString", "Value": "v"}
VERSION_ID = "0123456789abcdef0123456789abcdef"
STAGES = {VERSION_ID: ["AWSCURRENT"]}
DESCRIBED = {"ARN": "arn:x", "Name": "n", "VersionIdsToStages": STAGES, "Tags": [{"Key": "a", "Value": "b"}]}


@dataclass(frozen=True)
class Case:
    """What is asked, and how it is answered when all is well."""

    connection: str
    ask: Callable[[Any], Any]
    answers: tuple[Any, ...]


def fly_tokens(fly: Any) -> FlyTokens:
    return FlyTokens({"organization": "o", "lifetime": "1d"}, fly, clock=fly.clock)


def at_github(ask: Callable[[GitHubSecrets], Any]) -> Callable[[Any], Any]:
    return lambda github: ask(GitHubSecrets(github, clock=github.clock))


REPO, ORG = {"repository": "o/r"}, {"organization": "o", "visibility": "all"}
FOLDER, DOCUMENT = {"project": "p", "environment": "e"}, {"path": "d"}
CASES = {
    "fly probe": Case("fly", lambda fly: fly.probe(), ({"tokens": [GRANT]},)),
    "fly apps": Case("fly", lambda fly: fly.apps("o"), ({"apps": [{"name": "shop"}]},)),
    "fly secrets": Case("fly", lambda fly: fly.secrets("shop"), (SECRETS,)),
    "fly write": Case("fly", lambda fly: fly.set_secrets("shop", {"A": SECRET}), (SECRETS,)),
    "fly outlook": Case(
        "fly", lambda fly: FlyApp({"app": "shop"}, fly, clock=fly.clock).preview(), ([MACHINE], SECRETS)
    ),
    "fly sick": Case("fly", lambda fly: FlyApp({"app": "shop"}, fly, clock=fly.clock).health_problems(), ([MACHINE],)),
    "fly lease": Case("fly", lambda fly: fly.lease("shop", "m1", "", 30), ({"data": {"nonce": "n"}},)),
    "fly tokens": Case("fly", lambda fly: fly_tokens(fly).listed(), (ORGANIZATION,)),
    "fly mint": Case("fly", lambda fly: fly_tokens(fly).mint("new"), (ORGANIZATION, MADE)),
    "fly refusal": Case(
        "fly", lambda fly: fly_tokens(fly).listed(), ({"errors": [{"extensions": {"code": "FORBIDDEN"}}]},)
    ),
    "github probe": Case("github", lambda hub: hub.probe(), ({"resources": {"core": {"limit": 1, "remaining": 1}}},)),
    "github observe": Case(
        "github",
        at_github(lambda s: s.observe(REPO, ["A"])),
        (REPOSITORY, {"secrets": [{"name": "A", "updated_at": DATE}], "total_count": 1}),
    ),
    "github observe of an organization": Case(
        "github",
        at_github(lambda s: s.observe(ORG, ["A"])),
        ({"updated_at": DATE, "visibility": "all"},),
    ),
    "github shadows": Case(
        "github",
        at_github(lambda s: s.shadows(REPO, ["A"])),
        (
            {"environments": [{"name": "production"}], "total_count": 1},
            {"secrets": [{"name": "A", "updated_at": DATE}], "total_count": 1},
            REPOSITORY,
            {"secrets": [{"name": "A", "updated_at": DATE}], "total_count": 1},
        ),
    ),
    "github write": Case(
        "github", at_github(lambda s: s.write(REPO, {"A": SECRET})), (KEY, NOTHING, {"updated_at": DATE})
    ),
    "github list": Case(
        "github", at_github(lambda s: s.listed(ORG)), ({"secrets": [{"name": "A", "updated_at": DATE}]},)
    ),
    "github selection": Case(
        "github", at_github(lambda s: s.selected(ORG, "A")), ({"repositories": [{"name": "r", "id": 1}]},)
    ),
    "github run": Case("github", lambda hub: Runs(hub, "o/r").wait(1, within=1), (RUN,)),
    "github runs": Case(
        "github",
        lambda hub: Runs(hub, "o/r").under_way(datetime.fromisoformat(DATE), ["b.yml"]),
        ({"workflow_runs": [{**RUN, "status": "queued"}], "total_count": 1},),
    ),
    "github jobs": Case(
        "github",
        lambda hub: Runs(hub, "o/r").has_jobs_from_before(1, datetime.fromisoformat(DATE)),
        ({"jobs": [{"status": "in_progress", "started_at": DATE}]},),
    ),
    "infisical observe": Case(
        "infisical",
        lambda it: InfisicalSecrets(it, clock=it.clock).observe(FOLDER, ["A"]),
        (LOGIN, {"secret": HIDDEN}),
    ),
    "infisical list": Case(
        "infisical",
        lambda it: InfisicalSecrets(it, clock=it.clock).listed(FOLDER),
        (LOGIN, {"secrets": [HIDDEN]}),
    ),
    "infisical write": Case(
        "infisical",
        lambda it: InfisicalSecrets(it, clock=it.clock).write(FOLDER, {"A": SECRET}),
        (LOGIN, {"secret": HIDDEN}, {"secrets": [{**HIDDEN, "version": 2, "secretValue": SECRET.reveal()}]}),
    ),
    "vault probe": Case("vault", lambda vault: vault.probe(), (WHO,)),
    "vault observe": Case(
        "vault",
        lambda vault: VaultSecrets(vault, clock=vault.clock).observe(DOCUMENT, ["A"]),
        (MOUNT, {"data": {"data": {"A": "v"}, "metadata": VERSION}}),
    ),
    "vault write": Case(
        "vault",
        lambda vault: VaultSecrets(vault, clock=vault.clock, owner_tag="ledger").write(DOCUMENT, {"A": SECRET}),
        (MOUNT, {"data": {"data": {"A": "v"}, "metadata": VERSION}}, {"data": VERSION}, {}),
    ),
    "ssm observe": Case(
        "aws_ssm",
        lambda aws: SsmParameters(aws, clock=aws.clock).observe({"path": "/p"}, ["A"]),
        ({"Parameters": [PARAMETER]}, {"Parameters": [VALUE], "InvalidParameters": []}),
    ),
    "secretsmanager observe": Case(
        "aws_secretsmanager",
        lambda aws: SecretsManagerSecrets(aws, clock=aws.clock).observe({"secret": "n", "format": "json"}, ["A"]),
        (DESCRIBED, {"VersionId": VERSION_ID, "SecretString": '{"A": "v"}'}, {"VersionId": VERSION_ID}),
    ),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    with ScriptedServer() as script:
        yield script


@pytest.mark.parametrize("name", CASES)
def test_odd_member_is_an_error_of_ours(name: str, server: Scripted) -> None:
    case = CASES[name]
    once = connected(case, server) if case.connection.startswith("aws") else None
    raised: list[str] = []
    for spoilt in [case.answers, *spoilt_answers(case.answers)]:
        server.forget()
        for answer in spoilt:
            server.answer(204 if answer == NOTHING else 200, answer, Content_Type="application/json")
        try:
            case.ask(once or connected(case, server))
        except RotorError as error:
            raised.append(str(error))
        except Exception as error:  # noqa: BLE001 - what this is about
            pytest.fail(f"{type(error).__name__} ({error}) after {spoilt}")
        if spoilt is case.answers:
            assert raised == [] or name == "fly refusal"
    assert raised
    assert SECRET.reveal() not in "".join(raised)


def connected(case: Case, server: Scripted) -> Connection:
    options, address = CONNECTIONS[case.connection]
    made: Connection = registry.find("connections", case.connection)(
        {**options, address: server.url, "graphql_url": server.url}, clock=VirtualClock()
    )
    return made


def spoilt_answers(answers: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    turn = 0
    for index, answer in enumerate(answers):
        for path in paths(answer):
            turn += 1
            for odd in ODD if SWEEP else (ODD[turn % len(ODD)],):
                yield (*answers[:index], replaced(answer, path, odd), *answers[index + 1 :])


def paths(tree: Any) -> Iterator[tuple[Any, ...]]:
    yield ()
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, inner in members:
        yield from ((name, *path) for path in paths(inner))


def replaced(tree: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return json.dumps(odd)  # as it is: a string would be sent without its quotes
    spoilt = copy.deepcopy(tree)
    node = spoilt
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = odd
    return spoilt
