# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way to speak HTTP."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.answers import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.budget import Budget
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.client import HttpClient, checked_url, origin
from tests.hostile import MARK, problems_of
from tests.unit.core.doubles import START, Scripted, VirtualClock

DOING = "listing the secrets"


@pytest.fixture
def client(server: Scripted, clock: VirtualClock) -> HttpClient:
    return HttpClient("Acme", server.url, lambda: "Bearer s3cr3t-of-http", clock=clock, run="7f3a")


def failure(call: Callable[[], object], kind: type[errors.RotorError]) -> errors.RotorError:
    with pytest.raises(kind) as caught:
        call()
    assert "s3cr3t" not in str(caught.value)
    assert "body" not in str(caught.value)
    return caught.value


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# What is sent


def test_a_request_carries_its_credential_and_the_runs_id(client: HttpClient, server: Scripted) -> None:
    server.answer(200, {"a": 1})
    assert client.request("GET", "/x", doing=DOING, params={"page": 2}).json == {"a": 1}
    received = server.received[0]
    assert received.path == "/x?page=2"
    assert received.headers["Authorization"] == "Bearer s3cr3t-of-http"
    assert received.headers["User-Agent"] == "rotor.secrets/0.1.0 (run 7f3a)"


def test_without_a_credential_none_is_sent_not_even_one_of_netrc(
    server: Scripted, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    HttpClient("Acme", server.answer(200).url, None, clock=clock).request("GET", "/", doing=DOING)
    assert "Authorization" not in server.received[0].headers


def test_a_body_goes_as_json(client: HttpClient, server: Scripted) -> None:
    server.answer(201)
    client.request("POST", "/x", doing=DOING, body={"a": None}, ok=(201,), headers={"Lease": "n"})
    assert server.received[0].json == {"a": None}
    assert server.received[0].headers["Lease"] == "n"


def test_nothing_is_sent_once_the_run_is_stopped(client: HttpClient, server: Scripted, clock: VirtualClock) -> None:
    clock.stop()
    failure(lambda: client.request("GET", "/", doing=DOING), errors.StoppedError)
    assert server.received == []


def test_a_run_that_stops_while_it_logs_in_sends_nothing_else(server: Scripted, clock: VirtualClock) -> None:
    def log_in() -> str:
        clock.stop()
        return "Bearer s3cr3t-of-http"

    client = HttpClient("Acme", server.answer(200).url, log_in, clock=clock)
    failure(lambda: client.request("POST", "/", doing=DOING), errors.StoppedError)
    assert server.received == []


# What is said of a refusal


def test_a_refusals_headers_forge_no_line(client: HttpClient, server: Scripted) -> None:
    sent = f"req\x1b]0;x\x07\x9b31m\x85{MARK}{'z' * 9000}"
    server.answer(403, "", x_request_id=sent)
    error = failure(lambda: client.request("GET", "/", doing=DOING), errors.PermissionDeniedError)
    assert problems_of([str(error), error.request_id]) == []
    assert str(error).count(MARK) == 1
    assert len(error.request_id) <= 200


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidRequestError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (409, errors.ConflictError),
        (412, errors.ConflictError),
        (418, errors.UnexpectedAnswerError),
        (422, errors.InvalidRequestError),
        (500, errors.UnavailableError),
    ],
)
def test_a_refusal_says_what_where_and_which_request(
    client: HttpClient, server: Scripted, status: int, kind: type[errors.RotorError]
) -> None:
    server.answer(status, "a body with s3cr3t", x_request_id="req-1")
    error = failure(lambda: client.request("GET", "/x?key=s3cr3t", doing=DOING), kind)
    assert error.__class__ is kind
    assert error.message == f"{DOING}: GET {server.url}/x answered {status} (request req-1)"
    assert (error.status, error.request_id) == (status, "req-1")


# What is sent again


@pytest.mark.parametrize("status", [502, 503, 504])
def test_reading_is_repeated_while_the_provider_is_away(client: HttpClient, server: Scripted, status: int) -> None:
    server.answer(status).answer(status).answer(200)
    assert client.request("GET", "/", doing=DOING).status == 200
    assert len(server.received) == 3


def test_reading_is_repeated_after_a_broken_connection(client: HttpClient, server: Scripted) -> None:
    server.drop().answer(200)
    assert client.request("GET", "/", doing=DOING).status == 200


def test_a_change_that_does_no_harm_twice_is_repeated(client: HttpClient, server: Scripted) -> None:
    server.drop().answer(503).answer(200)
    assert client.request("PUT", "/", doing=DOING, idempotent=True).status == 200


def test_every_patience_has_an_end(client: HttpClient, server: Scripted) -> None:
    for _turn in range(5):
        server.drop()
    failure(lambda: client.request("GET", "/", doing=DOING), errors.UnavailableError)
    assert len(server.received) == 5


@pytest.mark.parametrize("status", [0, 502, 503, 504])
@pytest.mark.parametrize("last", [0, 429, 500, 503])
def test_a_change_that_may_have_been_made_by_any_attempt_is_of_unknown_outcome(
    client: HttpClient, server: Scripted, status: int, last: int
) -> None:
    server.answer(status)
    for _turn in range(4):
        server.answer(last)
    failure(lambda: client.request("PUT", "/", doing=DOING, idempotent=True), errors.OutcomeUnknownError)


def test_a_change_that_was_refused_by_every_attempt_had_no_effect(client: HttpClient, server: Scripted) -> None:
    for _turn in range(5):
        server.answer(429)
    failure(lambda: client.request("PUT", "/", doing=DOING, idempotent=True), errors.RateLimitedError)


@pytest.mark.parametrize("status", [0, 503])
def test_a_post_that_only_reads_has_no_effect_to_be_unknown(client: HttpClient, server: Scripted, status: int) -> None:
    for _turn in range(5):
        server.answer(status)
    failure(lambda: client.request("POST", "/", doing=DOING, reads=True), errors.UnavailableError)
    assert len(server.received) == 5


@pytest.mark.parametrize("status", [0, 500, 502, 503, 504])
def test_a_change_without_an_answer_is_never_sent_twice(client: HttpClient, server: Scripted, status: int) -> None:
    server.answer(status)
    failure(lambda: client.request("POST", "/", doing=DOING), errors.OutcomeUnknownError)
    assert len(server.received) == 1


def test_a_change_that_takes_too_long_is_of_unknown_outcome(clock: VirtualClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = HttpClient("Acme", f"http://127.0.0.1:{silent.getsockname()[1]}", None, clock=clock)
        error = failure(lambda: client.request("POST", "/", doing=DOING, timeout=0.05), errors.OutcomeUnknownError)
    assert "no answer within" in error.message


def test_a_change_that_never_left_had_no_effect(clock: VirtualClock) -> None:
    client = HttpClient("Acme", f"http://127.0.0.1:{closed_port()}", None, clock=clock)
    error = failure(lambda: client.request("POST", "/", doing=DOING), errors.UnavailableError)
    assert error.message.endswith("cannot connect (Connection refused)")
    assert len(clock.slept) == 4


def test_a_name_that_is_not_known_had_no_effect(clock: VirtualClock) -> None:
    client = HttpClient("Acme", "https://acme.invalid", None, clock=clock, attempts=1)
    error = failure(lambda: client.request("POST", "/", doing=DOING), errors.UnavailableError)
    assert "cannot connect" in error.message


def test_a_server_that_speaks_no_tls_had_no_effect(server: Scripted, clock: VirtualClock) -> None:
    client = HttpClient("Acme", server.url.replace("http:", "https:"), None, clock=clock, attempts=1)
    error = failure(lambda: client.request("POST", "/", doing=DOING), errors.UnavailableError)
    assert "cannot connect" in error.message


def test_a_connection_that_is_not_made_in_time_had_no_effect(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests

    def never(*_arguments: object, **_options: object) -> None:
        raise requests.exceptions.ConnectTimeout("s3cr3t")

    monkeypatch.setattr(requests.Session, "request", never)
    error = failure(lambda: client.request("POST", "/", doing=DOING), errors.UnavailableError)
    assert error.message.endswith("no connection within 10 s")


def test_a_request_that_cannot_be_made_does_not_quote_its_headers(client: HttpClient) -> None:
    error = failure(
        lambda: client.request("GET", "/", doing=DOING, headers={"X": "s3cr3t\nsecond line"}),
        errors.InvalidRequestError,
    )
    assert error.message.endswith("it cannot be sent (InvalidHeader)")


def test_one_attempt_is_one_attempt(server: Scripted, clock: VirtualClock) -> None:
    client = HttpClient("Acme", server.answer(503).url, None, clock=clock, attempts=1)
    failure(lambda: client.request("GET", "/", doing=DOING), errors.UnavailableError)
    assert len(server.received) == 1


# Rate limits


def test_a_throttled_change_is_repeated_after_the_pause_it_asks_for(server: Scripted, clock: VirtualClock) -> None:
    client = HttpClient("Acme", server.url, None, clock=clock)
    server.answer(429, retry_after="7").answer(200)
    client.request("POST", "/", doing=DOING)
    assert clock.slept == [7.0]


def test_a_pause_is_for_all_who_share_the_budget(server: Scripted, clock: VirtualClock) -> None:
    budget = Budget(clock)
    one, other = (HttpClient("Acme", server.url, None, clock=clock, attempts=tries, budget=budget) for tries in (2, 1))
    server.answer(429, retry_after="7").answer(429, retry_after="9").answer(200)
    failure(lambda: one.request("POST", "/", doing=DOING), errors.RateLimitedError)
    other.request("GET", "/", doing=DOING)
    assert clock.slept == [7.0, 9.0]


def test_without_a_wish_it_backs_off(client: HttpClient, server: Scripted, clock: VirtualClock) -> None:
    server.answer(429).answer(200)
    client.request("POST", "/", doing=DOING)
    assert len(clock.slept) == 1


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry_after": "3"}, 3.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int(START.timestamp()) + 9)}, 9.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int(START.timestamp()) - 9)}, 1.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": str((int(START.timestamp()) + 9) * 1000)}, 9.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "9"}, 9.0),
        ({"ratelimit_remaining": "0", "ratelimit_reset": "9"}, 9.0),
        ({"ratelimit": '"default";r=0;t=9'}, 9.0),
    ],
)
def test_a_pause_is_asked_for_in_seconds_or_by_the_reset_of_a_quota(
    client: HttpClient, server: Scripted, clock: VirtualClock, headers: dict[str, str], pause: float
) -> None:
    server.answer(429, **headers).answer(200)
    client.request("PUT", "/", doing=DOING)
    assert clock.slept == [pause]


def test_a_403_is_a_missing_right_whatever_it_says_of_a_pause(client: HttpClient, server: Scripted) -> None:
    server.answer(403, retry_after="3")
    failure(lambda: client.request("PUT", "/", doing=DOING), errors.PermissionDeniedError)


def test_a_spent_hour_is_reported_and_not_waited_for(client: HttpClient, server: Scripted, clock: VirtualClock) -> None:
    server.answer(429, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(START.timestamp()) + 3000))
    error = failure(lambda: client.request("GET", "/", doing=DOING), errors.RateLimitedError)
    assert error.hint == "Run again in 3000 s, as it asks"
    assert clock.slept == []


def test_a_limit_that_does_not_end_is_reported(client: HttpClient, server: Scripted) -> None:
    for _turn in range(5):
        server.answer(429)
    error = failure(lambda: client.request("GET", "/", doing=DOING), errors.RateLimitedError)
    assert error.hint == "Run again in a minute"


# Redirects and origins


def test_a_redirect_on_the_same_origin_is_followed_when_reading(client: HttpClient, server: Scripted) -> None:
    server.answer(301, Location="/moved").answer(200, {"moved": True})
    answer = client.request("GET", "/", doing=DOING)
    assert answer.json == {"moved": True}
    assert answer.url == f"{server.url}/moved"


def test_a_credential_follows_no_redirect_to_another_origin(client: HttpClient, server: Scripted) -> None:
    server.answer(302, Location="https://elsewhere.example/")
    error = failure(lambda: client.request("GET", "/", doing=DOING), errors.UnexpectedAnswerError)
    assert "https://elsewhere.example:443" in error.message


def test_redirects_in_a_circle_come_to_an_end(client: HttpClient, server: Scripted) -> None:
    for _turn in range(4):
        server.answer(302, Location="/")
    failure(lambda: client.request("GET", "/", doing=DOING), errors.UnexpectedAnswerError)
    assert len(server.received) == 4


def test_a_change_follows_no_redirect(client: HttpClient, server: Scripted) -> None:
    server.answer(307, Location="/moved")
    error = failure(lambda: client.request("PUT", "/", doing=DOING), errors.UnexpectedAnswerError)
    assert "redirect was not followed" in error.hint


def test_where_redirects_are_off_one_is_an_answer(server: Scripted, clock: VirtualClock) -> None:
    client = HttpClient("Acme", server.answer(302, Location="/moved").url, None, clock=clock, redirects=False)
    assert client.request("GET", "/", doing=DOING, ok=(302,)).status == 302


def test_the_next_page_is_asked_on_the_same_origin_only(client: HttpClient, server: Scripted) -> None:
    failure(lambda: client.request("GET", "http://127.0.0.1:1/page/2", doing=DOING), errors.UnexpectedAnswerError)
    assert server.received == []


@pytest.mark.parametrize(
    "url",
    ["https://api.example", "https://api.example:8443/v1", "http://localhost:80", "http://127.0.0.1", "http://[::1]:8"],
)
def test_https_and_loopback_are_good_addresses(url: str) -> None:
    assert checked_url(f"{url}/") == url


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://api.example", "would send a credential in clear"),
        ("http://10.0.0.1", "would send a credential in clear"),
        ("ftp://api.example", "not an https"),
        ("api.example", "not an https"),
        ("https://me:s3cr3t@api.example", "https://api.example is not an https"),
        ("https://", "not an https"),
        ("https://api.example:port", "not an https"),
        ("https://[::1", "not an https"),
    ],
)
def test_any_other_address_is_refused(url: str, complaint: str) -> None:
    assert complaint in failure(lambda: checked_url(url), errors.ConfigurationError).message


def test_an_origin_has_its_port_whether_it_is_written_or_not() -> None:
    assert origin("https://a.example/x") == origin("https://a.example:443/y")
    assert origin("http://a.example") != origin("https://a.example")


# Answers


@pytest.mark.parametrize("text", ["<html>", '{"a": ', ""])
def test_what_is_not_json_is_an_unexpected_answer(text: str) -> None:
    answer = Answer(200, {}, text, "reading: GET https://a.example", "https://a.example")
    assert "something that is not JSON" in failure(lambda: answer.json, errors.UnexpectedAnswerError).message


def test_time_is_the_servers(client: HttpClient, server: Scripted) -> None:
    server.answer(200)
    assert client.request("GET", "/", doing=DOING).date == START


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}])
def test_time_is_ours_where_the_server_has_none(headers: dict[str, str]) -> None:
    before = datetime.now(UTC)
    assert Answer(200, headers, "", "", "").date >= before
