# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy passes on what comes as it comes, and spoils what it is told to and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.conformance.proxy import Proxy
from tests.unit.core.doubles import Scripted, ScriptedServer


@pytest.fixture
def upstream() -> Iterator[Scripted]:
    with ScriptedServer() as script:
        yield script


@pytest.fixture
def proxy(upstream: Scripted) -> Iterator[Proxy]:
    with Proxy(f"{upstream.url}/base", reads="/login$") as started:
        yield started


def send(proxy: Proxy, method: str, path: str, **options: object) -> requests.Response:
    return requests.request(method, proxy.url + path, timeout=5, **options)  # type: ignore[arg-type]


def test_a_request_is_passed_on_as_it_is_and_its_answer_comes_back(proxy: Proxy, upstream: Scripted) -> None:
    upstream.answer(201, {"made": 1}, x_request_id="7")
    answer = send(proxy, "PUT", "/a%2Fb?q=1", data="body", headers={"X-Own": "yes"})
    assert (answer.status_code, answer.json(), answer.headers["x-request-id"]) == (201, {"made": 1}, "7")
    (received,) = upstream.received
    assert (received.method, received.path, received.body) == ("PUT", "/base/a%2Fb?q=1", b"body")
    assert received.headers["X-Own"] == "yes"
    assert received.headers["Host"] in proxy.url


def test_it_remembers_no_query_no_header_and_no_body(proxy: Proxy, upstream: Scripted) -> None:
    upstream.answer(200)
    send(proxy, "POST", "/x?token=s3cr3t", data="s3cr3t", headers={"Authorization": "s3cr3t"})
    assert "s3cr3t" not in repr(proxy.requests)


@pytest.mark.parametrize(
    ("method", "path", "target", "changing"),
    [
        ("GET", "/x", "", False),
        ("LIST", "/x", "", False),
        ("POST", "/x", "", True),
        ("POST", "/auth/login", "", False),
        ("POST", "/", "AmazonSSM.GetParameters", False),
        ("POST", "/", "AmazonSSM.PutParameter", True),
    ],
)
def test_it_tells_changes_from_questions(
    proxy: Proxy, upstream: Scripted, method: str, path: str, target: str, changing: bool
) -> None:
    send(proxy, method, path, headers={"X-Amz-Target": target} if target else {})
    assert proxy.mutating == proxy.effects == int(changing)
    assert proxy.requests[0].operation == target.rpartition(".")[2]


@pytest.mark.parametrize(("kind", "passed"), [("status", 0), ("lie", 0), ("status_after", 1)])
def test_an_answer_can_be_another_one(proxy: Proxy, upstream: Scripted, kind: str, passed: int) -> None:
    upstream.answer(200, "good")
    proxy.fault(changing=True, kind=kind, status=418, headers={"Retry-After": "3"}, body={"sorry": True})
    answer = send(proxy, "POST", "/x")
    assert (answer.status_code, answer.json(), answer.headers["Retry-After"]) == (418, {"sorry": True}, "3")
    assert (len(upstream.received), proxy.mutating, proxy.effects) == (passed, 1, passed)


@pytest.mark.parametrize(("kind", "passed"), [("reset_before", 0), ("reset_after", 1)])
def test_a_connection_can_be_lost(proxy: Proxy, upstream: Scripted, kind: str, passed: int) -> None:
    upstream.answer(200).answer(200)
    proxy.fault("DELETE", "/x$", kind=kind)
    with pytest.raises(requests.exceptions.ConnectionError):
        send(proxy, "DELETE", "/x")
    assert len(upstream.received) == passed
    assert send(proxy, "DELETE", "/x").status_code == 200


def test_a_fault_comes_as_often_as_it_is_told_to(proxy: Proxy, upstream: Scripted) -> None:
    upstream.answer(200).answer(200).answer(200)
    proxy.fault("GET", "/x$", skip=1, times=2, status=503)
    assert [send(proxy, "GET", path).status_code for path in ("/x", "/y", "/x", "/x", "/x")] == [
        200,
        200,
        503,
        503,
        200,
    ]


def test_a_fault_for_ever_ends_when_all_is_cleared(proxy: Proxy, upstream: Scripted) -> None:
    upstream.answer(200)
    proxy.fault(times=0, status=503)
    assert {send(proxy, "GET", "/x").status_code for _turn in range(4)} == {503}
    proxy.clear()
    assert proxy.requests == []
    assert send(proxy, "GET", "/x").status_code == 200


def test_something_can_happen_right_before_a_request(proxy: Proxy, upstream: Scripted) -> None:
    upstream.answer(200).answer(200)
    seen: list[int] = []
    proxy.before(lambda: seen.append(len(upstream.received)), changing=True)
    send(proxy, "GET", "/x")
    send(proxy, "POST", "/x")
    assert seen == [1]


def test_a_stopped_proxy_does_not_answer(proxy: Proxy) -> None:
    proxy.stop()
    with pytest.raises(requests.exceptions.ConnectionError):
        send(proxy, "GET", "/x")


def test_an_unknown_kind_of_fault_is_the_tests_mistake(proxy: Proxy) -> None:
    with pytest.raises(ValueError, match="unknown kind of fault html"):
        proxy.fault(kind="html")
