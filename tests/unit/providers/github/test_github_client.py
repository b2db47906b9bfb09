# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reaching GitHub."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import START, Scripted, VirtualClock
from tests.unit.providers.github.asked import REPOSITORY, repository, requests
from tests.unit.providers.github.conftest import TOKEN, Connect


def test_the_probe_costs_nothing_and_says_how_much_is_left(github: GitHubConnection, world: Visitor) -> None:
    assert github.probe() == "5000 of 5000 requests are left in this hour"
    assert requests(world) == ["GET /rate_limit"]


def test_the_probe_takes_a_server_without_limits(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(404, {"message": "Rate limiting is not enabled."})
    assert scripted.probe() == "no rate limit"


def test_end_of_the_connections_token_is_heard_and_kept(scripted: GitHubConnection, script: Scripted) -> None:
    assert scripted.expires_at() is None
    script.answer(200, repository(), github_authentication_token_expiration="2027-02-01 01:00:00 +0100")
    scripted.repository(REPOSITORY)
    script.answer(404, {}, github_authentication_token_expiration="whenever")
    scripted.probe()
    assert scripted.expires_at() == datetime(2027, 2, 1, tzinfo=UTC)


def test_a_bad_token_is_found_by_the_probe(world: Visitor, clock: VirtualClock) -> None:
    options = {"token": SecretValue("ghp_nobodys"), "url": f"{world.url}/github"}
    with pytest.raises(AuthenticationError) as caught:
        GitHubConnection(options, clock=clock).probe()
    assert caught.value.request_id.endswith(":SANDBOX")


def test_it_asks_as_github_wants_to_be_asked(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(200, repository())
    scripted.repository(REPOSITORY)
    headers = script.received[0].headers
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Accept"] == "application/vnd.github+json"
    assert headers["X-GitHub-Api-Version"] == "2022-11-28"


def test_a_repository_is_looked_at_once_in_a_run(github: GitHubConnection, world: Visitor) -> None:
    assert github.repository(REPOSITORY)["default_branch"] == "main"
    github.repository(REPOSITORY)
    assert requests(world) == ["GET /"]


@pytest.mark.parametrize("name", ["Molecule-AI/nowhere", REPOSITORY])
def test_a_repository_that_is_missing_or_hidden_is_said_to_be_either(connect: Connect, name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        connect({"secrets": "write"}, ["Molecule-AI/another"]).repository(name)
    assert name in caught.value.message
    assert caught.value.hint == "It is missing, or the token may not see it"


def test_a_renamed_repository_is_named(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(301, Location=f"{script.url}/repositories/7").answer(200, repository(full_name="Molecule-AI/new"))
    with pytest.raises(ConfigurationError, match="is called Molecule-AI/new now"):
        scripted.repository(REPOSITORY)


def test_a_classic_token_without_the_scope_repo_is_refused(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(200, repository(), X_OAuth_Scopes="gist, read:org")
    with pytest.raises(PermissionDeniedError, match="lacks the scope repo"):
        scripted.repository(REPOSITORY)


def test_the_token_of_somebody_who_may_only_read_is_refused(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(200, repository(permissions={"push": False, "pull": True}))
    with pytest.raises(PermissionDeniedError, match="may only read"):
        scripted.repository(REPOSITORY)


def test_an_installations_token_has_no_owner_to_judge_by(script: Scripted, clock: VirtualClock) -> None:
    script.answer(200, repository(permissions={"push": False, "pull": False}))
    connection = GitHubConnection({"token": SecretValue("ghs_of-an-app"), "url": script.url}, clock=clock)
    assert connection.repository(REPOSITORY)["full_name"] == REPOSITORY


def test_all_pages_are_read(github: GitHubConnection, world: Visitor) -> None:
    for number in range(5):
        world.act("set_repo_secret", repository=REPOSITORY, name=f"MORE_{number}", value="unimportant")
    path = f"/repos/{REPOSITORY}/actions/secrets"
    pages = list(github.pages(path, "secrets", "listing", {"name": str}, {"per_page": 4}))
    assert [len(page) for page in pages] == [4, 4, 1]


def test_a_next_page_on_another_host_is_not_asked(scripted: GitHubConnection, script: Scripted) -> None:
    script.answer(200, {"secrets": []}, Link='<https://elsewhere.example/2>; rel="next"')
    with pytest.raises(UnexpectedAnswerError, match=r"elsewhere\.example"):
        list(scripted.pages("/x", "secrets", "listing", dict))


@pytest.mark.parametrize("body", [{"message": "hello"}, [], "<html>"])
def test_an_answer_that_its_description_does_not_know_is_refused(
    scripted: GitHubConnection, script: Scripted, body: object
) -> None:
    script.answer(200, body)
    with pytest.raises(UnexpectedAnswerError):
        scripted.repository(REPOSITORY)


def test_changes_are_paced_and_reading_is_not(
    scripted: GitHubConnection, script: Scripted, clock: VirtualClock
) -> None:
    for _turn in range(14):
        script.answer(200, {})
    for _turn in range(7):
        scripted.get("/x", "reading", shape={})
    assert clock.slept == []
    for _turn in range(7):
        scripted.change("PUT", "/x", "writing", ok=(200,), idempotent=True)
    assert clock.slept == [1] * 6


def test_a_secondary_limit_holds_every_change(
    scripted: GitHubConnection, script: Scripted, clock: VirtualClock
) -> None:
    script.answer(403, retry_after="90").answer(200, {}).answer(200, {})
    scripted.change("PUT", "/x", "writing", ok=(200,), idempotent=True)
    assert clock.time == 90
    scripted.change("PUT", "/y", "writing", ok=(200,), idempotent=True)
    assert script.asked == ["PUT /x", "PUT /x", "PUT /y"]


def test_its_time_is_githubs(scripted: GitHubConnection, script: Scripted, clock: VirtualClock) -> None:
    clock.time = 600
    script.answer(200, repository())
    scripted.repository(REPOSITORY)
    assert scripted.now() == START
