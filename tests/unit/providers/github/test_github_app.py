# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A GitHub App in a token's place."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import masking
from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.store import GitHubSecrets
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import START, Scripted, VirtualClock
from tests.unit.providers.github.asked import REPOSITORY, repository, requests

ALL = {"secrets": "write", "actions": "write", "environments": "write", "organization_secrets": "write"}
NEW = {"DEPLOY_TOKEN": SecretValue("value-of-the-app-tests")}
CONTAINER = {"repository": REPOSITORY}

Made = dict[str, Any]


class Today(VirtualClock):
    """It begins at the hour of the sandbox, which verifies what is dated."""

    def __init__(self) -> None:
        super().__init__()
        self.start = datetime.now(UTC)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.time)


@pytest.fixture
def clock() -> Today:
    return Today()


@pytest.fixture
def made(world: Visitor) -> Made:
    return world.act("install_github_app", account="Molecule-AI", permissions=ALL)


@pytest.fixture
def connect(world: Visitor, clock: Today) -> Callable[..., GitHubConnection]:
    def connect(made: Made, **more: Any) -> GitHubConnection:
        app = {"id": made["client_id"], "private_key": SecretValue(made["private_key"]), **more}
        return GitHubConnection({"app": app, "url": f"{world.url}/github"}, clock=clock)

    return connect


Connect = Callable[..., GitHubConnection]


def tokens(world: Visitor) -> int:
    return sum(one.endswith("/access_tokens") for one in requests(world))


def test_it_writes_with_a_token_of_its_installation(connect: Connect, made: Made, world: Visitor) -> None:
    github = connect(made)
    written = GitHubSecrets(github, clock=github.clock).write(CONTAINER, NEW)
    assert "DEPLOY_TOKEN" in written["keys"]
    assert requests(world)[:2] == [
        "GET /app/installations",
        f"POST /app/installations/{made['installation']}/access_tokens",
    ]
    names = {item["token"] for item in world.ask("requests")["requests"] if item["provider"] == "github"}
    assert {name.partition(" ")[0] for name in names} == {"app", "installation"}


@pytest.mark.parametrize("key", ["app_id", "client_id"])
def test_either_id_will_do(connect: Connect, made: Made, key: str) -> None:
    assert connect(made, id=made[key]).probe().endswith("requests are left in this hour")


def test_one_token_serves_for_most_of_its_hour(script: Scripted, made: Made) -> None:
    clock = VirtualClock()
    github = scripted(script, made, clock)
    script.answer(201, {"token": "ghs_first", "expires_at": later()}).answer(404).answer(404)
    script.answer(201, {"token": "ghs_second", "expires_at": later(110)}).answer(404)
    github.probe()
    clock.time += 49 * 60
    github.probe()
    clock.time += 2 * 60
    github.probe()
    shown = [item.headers["Authorization"] for item in script.received if item.path == "/rate_limit"]
    assert shown == ["Bearer ghs_first", "Bearer ghs_first", "Bearer ghs_second"]


def test_threads_share_a_token(made: Made, world: Visitor) -> None:
    """By the true time: what one thread waits for would age the token of all others by a clock that waiting moves."""
    app = {"id": made["client_id"], "private_key": SecretValue(made["private_key"])}
    github = GitHubConnection({"app": app, "url": f"{world.url}/github"}, clock=Clock())
    threads = [threading.Thread(target=github.probe) for _turn in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tokens(world) == 1


def test_a_token_that_ended_early_is_replaced_once(connect: Connect, made: Made, world: Visitor) -> None:
    github = connect(made)
    github.probe()
    world.act("revoke_installation_tokens")
    assert github.probe()
    assert tokens(world) == 2


def test_even_a_change_is_sent_again_with_another_token(connect: Connect, made: Made, world: Visitor) -> None:
    github = connect(made)
    github.probe()
    world.act("revoke_installation_tokens")
    path = f"/repos/{REPOSITORY}/actions/workflows/publish-platform-image.yml/dispatches"
    github.change("POST", path, "dispatching", body={"ref": "main"}, ok=(204,), idempotent=False)
    assert len(world.ask("state")["github"][REPOSITORY]["runs"]) == 1


def test_a_second_refusal_is_the_answer(script: Scripted, made: Made, clock: Today) -> None:
    for _turn in range(2):
        script.answer(201, {"token": "ghs_short-lived", "expires_at": later()}).answer(401)
    with pytest.raises(AuthenticationError):
        scripted(script, made, clock).probe()
    assert [item.path for item in script.received] == [*["/app/installations/7/access_tokens", "/rate_limit"] * 2]


def scripted(script: Scripted, made: Made, clock: VirtualClock) -> GitHubConnection:
    app = {"id": "Iv1.one", "installation": 7, "private_key": SecretValue(made["private_key"])}
    return GitHubConnection({"app": app, "url": script.url}, clock=clock)


def later(minutes: int = 60) -> str:
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_jwt_is_as_github_wants_it(script: Scripted, made: Made) -> None:
    script.answer(201, {"token": "ghs_short-lived", "expires_at": later()}).answer(200, repository())
    scripted(script, made, VirtualClock()).repository(REPOSITORY)
    sent = script.received[0].headers["Authorization"].removeprefix("Bearer ")
    assert jwt.get_unverified_header(sent)["alg"] == "RS256"
    claims = jwt.decode(sent, options={"verify_signature": False})
    assert claims == {"iss": "Iv1.one", "iat": START.timestamp() - 60, "exp": START.timestamp() + 540}
    assert script.received[1].headers["Authorization"] == "Bearer ghs_short-lived"


def test_what_it_shows_is_masked(script: Scripted, made: Made) -> None:
    script.answer(201, {"token": "ghs_of-the-masking-test", "expires_at": later()}).answer(404)
    scripted(script, made, VirtualClock()).probe()
    sent = script.received[0].headers["Authorization"].removeprefix("Bearer ")
    assert masking.scrub(f"{sent} ghs_of-the-masking-test") == f"{masking.MASK} {masking.MASK}"


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_is_wrong_is_set_by_githubs(connect: Connect, made: Made, clock: Today, hours: int) -> None:
    clock.time += hours * 3600
    assert connect(made).probe()


def test_a_wrong_key_is_said_to_be_the_likely_cause(connect: Connect, made: Made, world: Visitor) -> None:
    other = world.act("install_github_app", account="Molecule-AI", permissions=ALL, slug="other")
    with pytest.raises(AuthenticationError) as caught:
        connect({**made, "private_key": other["private_key"]}).probe()
    assert "listing the App's installations" in caught.value.message
    assert caught.value.hint.startswith("Is app.private_key one of the App's keys")
    assert caught.value.request_id


@pytest.mark.parametrize(
    "key", ["no key at all", "-----BEGIN RSA PRIVATE KEY-----\nbm8=\n-----END RSA PRIVATE KEY-----"]
)
def test_a_key_that_is_none_is_not_quoted(connect: Connect, made: Made, key: str) -> None:
    with pytest.raises(ConfigurationError, match=r"app\.private_key is not an RSA private key") as caught:
        connect({**made, "private_key": key}).probe()
    assert key not in str(caught.value)
    assert caught.value.__suppress_context__


# Installations


def test_an_installation_is_found_by_its_account(connect: Connect, made: Made, world: Visitor) -> None:
    world.act("install_github_app", account="Another", permissions=ALL)
    with pytest.raises(ConfigurationError, match="is installed on Another, Molecule-AI"):
        connect(made).probe()
    connect(made, installation="molecule-ai").repository(REPOSITORY)
    with pytest.raises(ConfigurationError, match="is installed on Another, Molecule-AI"):
        connect(made, installation="nobody").probe()


def test_an_installation_is_looked_for_on_every_page(connect: Connect, made: Made, world: Visitor) -> None:
    for number in range(100):
        world.act("install_github_app", account=f"account-{number}", permissions={})
    assert connect(made, installation="account-99").probe()


def test_an_app_that_is_installed_nowhere_says_so(script: Scripted, made: Made, clock: Today) -> None:
    script.answer(200, [])
    app = {"id": 7, "private_key": SecretValue(made["private_key"])}
    with pytest.raises(ConfigurationError, match="the App 7 is installed nowhere"):
        GitHubConnection({"app": app, "url": script.url}, clock=clock).probe()


def test_an_installation_that_is_not_its_own_is_named(connect: Connect, made: Made) -> None:
    with pytest.raises(NotFoundError) as caught:
        connect(made, installation=1).probe()
    assert caught.value.hint == "This App has no such installation: check app.installation"


def test_its_tokens_may_be_narrower_than_the_installation(connect: Connect, made: Made) -> None:
    github = connect(made, permissions={"secrets": "read"}, repositories=["molecule-monorepo"])
    store = GitHubSecrets(github, clock=github.clock)
    assert store.observe(CONTAINER, ["DEPLOY_TOKEN"]) == {"keys": {}}
    with pytest.raises(PermissionDeniedError):
        store.write(CONTAINER, NEW)
    with pytest.raises(InvalidRequestError) as caught:
        connect(made, permissions={"dependabot_secrets": "write"}).probe()
    assert caught.value.hint.startswith("The installation has fewer permissions")


@pytest.mark.parametrize("body", [{}, {"token": "", "expires_at": "2026-11-21T13:00:00Z"}, [], {"token": "ghs_12345"}])
def test_an_answer_without_a_token_is_refused(script: Scripted, made: Made, clock: Today, body: Any) -> None:
    script.answer(201, body)
    with pytest.raises(UnexpectedAnswerError, match="answered without a token"):
        scripted(script, made, clock).probe()
