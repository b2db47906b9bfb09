# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists without an end, and what botocore reads."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    OutcomeUnknownError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.http import limits
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.client import SsmConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.parameters import Reader
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.client import FlyConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.issuer import FlyTokens
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.store import GitHubSecrets
from tests.unit.core.doubles import Scripted, ScriptedServer, VirtualClock
from tests.unit.core.hostile import OK, HostileServer, Script, whole

SECRET = SecretValue("s3cr3t-of-the-bounded")
Ask = Callable[[Scripted], Any]


@pytest.fixture
def server() -> Iterator[Scripted]:
    with ScriptedServer() as script:
        yield script


def of_fly(server: Scripted) -> Any:
    fly = FlyConnection({"token": SECRET, "url": server.url, "graphql_url": server.url}, clock=VirtualClock())
    return FlyTokens({"organization": "o", "lifetime": "1d"}, fly, clock=fly.clock).listed()


def of_github(server: Scripted) -> Any:
    github = GitHubConnection({"token": SECRET, "url": server.url}, clock=VirtualClock())
    return GitHubSecrets(github, clock=github.clock).listed({"repository": "o/r"})


def of_aws(server: Scripted) -> Any:
    return list(Reader(aws(server.url), "parameters").listed(None, recursive=True))


def aws(url: str) -> SsmConnection:
    keys = {"access_key_id": SecretValue("AKIAEXAMPLE"), "secret_access_key": SECRET, "region": "eu-central-1"}
    return SsmConnection({**keys, "endpoint_url": url}, clock=VirtualClock())


def fly_page(server: Scripted, cursor: str) -> None:
    page = {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": cursor}}
    server.answer(200, {"data": {"organization": {"id": "1", "slug": "o", "limitedAccessTokens": page}}})


def github_page(server: Scripted, cursor: str) -> None:
    server.answer(200, {"secrets": []}, Link=f'<{server.url}/page/{cursor}>; rel="next"')


def aws_page(server: Scripted, cursor: str) -> None:
    server.answer(200, {"Parameters": [], "NextToken": cursor})


LISTS = {"fly": (of_fly, fly_page), "github": (of_github, github_page), "aws": (of_aws, aws_page)}
each_list = pytest.mark.parametrize(("ask", "page"), LISTS.values(), ids=LISTS)


@each_list
def test_list_whose_cursor_stays_is_an_error(server: Scripted, ask: Ask, page: Callable[[Scripted, str], None]) -> None:
    for _turn in range(4):
        page(server, "same")
    with pytest.raises(UnexpectedAnswerError, match="leads back to a page that was read before"):
        ask(server)
    assert len(server.received) == 2


@each_list
def test_list_without_end_is_an_error(
    server: Scripted, ask: Ask, page: Callable[[Scripted, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PAGES", 4)
    for turn in range(8):
        page(server, str(turn))
    with pytest.raises(UnexpectedAnswerError, match="more than 4 pages"):
        ask(server)
    assert len(server.received) == 4


# botocore


def endless() -> Any:
    return itertools.chain([OK, b"\r\n"], itertools.repeat(b"x" * 1000))


def read(script: Script, operation: str = "GetParameters", **arguments: Any) -> None:
    with HostileServer(script) as server:
        aws(server.url).call(operation, "asking", **arguments or {"Names": ["a"]})


def test_endless_answer_of_aws_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BYTES", 100_000)
    with pytest.raises(UnexpectedAnswerError, match="more than 100000 bytes"):
        read(endless)


def test_change_with_an_endless_answer_of_aws_is_of_unknown_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BYTES", 100_000)
    with pytest.raises(OutcomeUnknownError, match="more than 100000 bytes"):
        read(endless, "PutParameter", Name="a", Value="b", Type="String")


def test_drip_of_aws_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock()
    monkeypatch.setattr(limits, "monotonic", clock.monotonic)

    def drip() -> Any:
        yield OK + b"X: y"
        while True:
            clock.time += 20
            yield b" "

    with pytest.raises(UnexpectedAnswerError, match="not complete within 120 s"):
        read(drip)


@pytest.mark.parametrize("body", [b"[" * 200_000, b"[]", b"5", b"\xff", b'{"Parameters": [null]}'])
def test_odd_answer_of_aws_is_an_error_of_ours(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswerError, match="asking: GetParameters at http"):
        read(whole(body), Names=["a"], needs={"Parameters": [{"Name": str}]})
