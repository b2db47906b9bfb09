# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server may cost us is limited, and what cannot be read is an error of ours."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Iterable

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.http import limits
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.answers import Answer
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.budget import Budget, Quota
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.client import HttpClient
from tests.unit.core.doubles import START, Scripted, VirtualClock
from tests.unit.core.hostile import OK, HostileServer, Script, whole

DOING = "listing the secrets"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FOREVER = b"x" * 1000


def ask(script: Script, clock: VirtualClock, method: str = "GET") -> Answer:
    with HostileServer(script) as server:
        return HttpClient("Acme", server.url, None, clock=clock).request(method, "/", doing=DOING)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BYTES", 100_000)
    monkeypatch.setattr(limits, "UNPACKED_BYTES", 200_000)


# Size


@pytest.mark.parametrize(
    "script",
    [
        lambda: itertools.chain([OK, b"\r\n"], itertools.repeat(FOREVER)),
        lambda: itertools.chain([CHUNKED], itertools.repeat(b"3e8\r\n" + FOREVER + b"\r\n")),
        lambda: itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    ],
    ids=["body", "chunks", "provisional answers"],
)
def test_endless_answer_is_not_read_to_its_end(script: Script, clock: VirtualClock, small: None) -> None:
    with pytest.raises(errors.UnexpectedAnswerError, match=rf"^{DOING}: GET .*: the answer has more than 100000 bytes"):
        ask(script, clock)


def test_gzip_bomb_is_not_unpacked(clock: VirtualClock, small: None) -> None:
    bomb = gzip.compress(b"[" + b" " * 2_000_000 + b"]", mtime=0)
    with pytest.raises(errors.UnexpectedAnswerError, match="more than 200000 bytes unpacked"):
        ask(whole(bomb, "Content-Encoding: gzip"), clock)


def test_gzip_bomb_of_a_redirect_is_not_unpacked(clock: VirtualClock, small: None) -> None:
    bomb, found = gzip.compress(b" " * 2_000_000, mtime=0), b"HTTP/1.1 302 Found\r\n"
    with pytest.raises(errors.UnexpectedAnswerError, match="more than 200000 bytes unpacked"):
        ask(whole(bomb, "Content-Encoding: gzip", "Location: /x", status=found), clock)


def test_packed_twice_is_not_unpacked(clock: VirtualClock) -> None:
    body = gzip.compress(gzip.compress(b"{}", mtime=0))
    with pytest.raises(errors.UnexpectedAnswerError, match="encoding that was not asked for"):
        ask(whole(body, "Content-Encoding: gzip, gzip"), clock)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b'{"a": 1}', "identity"), (gzip.compress(b'{"a": 1}', mtime=0), "gzip"), (zlib.compress(b'{"a": 1}'), "deflate")],
)
def test_encoded_answer_is_read(clock: VirtualClock, body: bytes, encoding: str) -> None:
    assert ask(whole(body, f"Content-Encoding: {encoding}"), clock).json == {"a": 1}


def test_answer_to_head_has_no_body_to_unpack(clock: VirtualClock) -> None:
    assert ask(lambda: [OK, b"Content-Length: 99\r\nContent-Encoding: gzip\r\n\r\n"], clock, "HEAD").text == ""


def test_damaged_gzip_is_an_unexpected_answer(clock: VirtualClock) -> None:
    with pytest.raises(errors.UnexpectedAnswerError, match="cannot be unpacked"):
        ask(whole(b"no gzip at all", "Content-Encoding: gzip"), clock)


def test_cut_gzip_is_a_broken_connection(clock: VirtualClock) -> None:
    with pytest.raises(errors.UnavailableError, match="broke within the answer"):
        ask(whole(gzip.compress(b'{"a": 1}', mtime=0)[:-9], "Content-Encoding: gzip"), clock)


def test_connection_is_kept_after_a_whole_answer(clock: VirtualClock) -> None:
    with HostileServer(whole(gzip.compress(b"{}", mtime=0), "Content-Encoding: gzip")) as server:
        client = HttpClient("Acme", server.url, None, clock=clock)
        for _turn in range(3):
            client.request("GET", "/", doing=DOING)
        assert (server.connections, server.requests) == (1, 3)


# Time


def drip(clock: VirtualClock, before: bytes) -> Script:
    """A byte in twenty seconds, each of them within the limit of a single read."""

    def script() -> Iterable[bytes]:
        yield before
        while True:
            clock.time += 20
            yield b" "

    return script


@pytest.mark.parametrize(
    "before", [OK + b"\r\n", CHUNKED + b"ffffff\r\n", OK + b"X: y"], ids=["body", "chunk", "header"]
)
def test_drip_ends_when_the_time_for_an_answer_is_over(
    clock: VirtualClock, before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "monotonic", clock.monotonic)
    with pytest.raises(errors.UnexpectedAnswerError, match="not complete within 120 s"):
        ask(drip(clock, before), clock)
    assert clock.slept == []


# What a change came to


def test_change_whose_answer_is_too_much_is_of_unknown_outcome(clock: VirtualClock, small: None) -> None:
    with HostileServer(whole(b"x" * 200_000)) as server:
        client = HttpClient("Acme", server.url, None, clock=clock)
        with pytest.raises(errors.OutcomeUnknownError, match="more than 100000 bytes"):
            client.request("PUT", "/", doing=DOING, idempotent=True)
        assert server.requests == 1


# JSON


@pytest.mark.parametrize("depth", [limits.DEPTH + 1, 200_000])
@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
def test_deep_json_is_an_unexpected_answer(clock: VirtualClock, depth: int, left: str, right: str) -> None:
    answer = ask(whole((left * depth + "1" + right * depth).encode()), clock)
    with pytest.raises(errors.UnexpectedAnswerError, match=r"answered 200 with JSON that is nested more than 100"):
        assert answer.json


def test_json_of_allowed_depth_is_read(clock: VirtualClock) -> None:
    answer = ask(whole(b"[" * limits.DEPTH + b"]" * limits.DEPTH), clock)
    assert isinstance(answer.json, list)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "9" * 5000, "\ufeff{}"])
def test_what_python_alone_takes_for_json_is_refused(clock: VirtualClock, text: str) -> None:
    with pytest.raises(errors.UnexpectedAnswerError, match="not JSON"):
        assert ask(whole(text.encode()), clock).json


# Pages


def test_cursor_that_does_not_move_ends_the_list() -> None:
    cursors = limits.Cursors(DOING)
    assert cursors.next("a") == "a"
    with pytest.raises(errors.UnexpectedAnswerError, match=rf"^{DOING}: .* leads back"):
        cursors.next("a")


def test_pages_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PAGES", 5)
    cursors = limits.Cursors(DOING)
    assert [cursors.next(page) for page in range(4)] == [0, 1, 2, 3]
    with pytest.raises(errors.UnexpectedAnswerError, match="more than 5 pages"):
        cursors.next(4)


# Headers


@pytest.mark.parametrize(
    "date",
    ["", "soon", "²", "Mon, 01 Jan 0970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 1 Jan 99999 0:0:0"],
)
def test_unreadable_date_tells_no_time(clock: VirtualClock, date: str) -> None:
    with HostileServer(whole(b"{}", f"Date: {date}")) as server:
        client = HttpClient("Acme", server.url, None, clock=clock)
        assert client.request("GET", "/", doing=DOING).json == {}
        assert client.server_time() is None


@pytest.mark.parametrize("after", ["²", "-7", "1e3", "soon", "9" * 5000, "Fri, 99 Nov 2026 25:61:61 GMT", ""])
def test_unreadable_retry_after_asks_for_nothing(clock: VirtualClock, after: str) -> None:
    answers = iter([whole(b"", f"Retry-After: {after}", status=b"HTTP/1.1 429 No\r\n"), whole(b"{}")])

    def script() -> Iterable[bytes]:
        return next(answers)()

    assert ask(script, clock).status == 200
    assert len(clock.slept) == 1
    assert clock.slept[0] <= 1


def test_retry_after_may_be_a_date(server: Scripted, clock: VirtualClock) -> None:
    server.answer(429, retry_after="Sat, 21 Nov 2026 12:00:42 GMT").answer(200)
    HttpClient("Acme", server.url, None, clock=clock).request("GET", "/", doing=DOING)
    assert clock.slept == [42.0]


@pytest.mark.parametrize("after", ["999999999999999", "Sat, 21 Nov 2099 12:00:00 GMT"])
def test_retry_after_far_away_is_not_waited_for(server: Scripted, clock: VirtualClock, after: str) -> None:
    server.answer(429, retry_after=after)
    with pytest.raises(errors.RateLimitedError):
        HttpClient("Acme", server.url, None, clock=clock).request("GET", "/", doing=DOING)
    assert clock.slept == []


@pytest.mark.parametrize(
    "headers",
    [
        ("x-ratelimit-remaining: ²", "x-ratelimit-reset: ²"),
        ("x-ratelimit-remaining: 5", f"x-ratelimit-reset: {'9' * 5000}"),
        ("x-ratelimit-remaining: 5", "x-ratelimit-reset: -1"),
        ("x-ratelimit-remaining: nan", "x-ratelimit-reset: inf"),
        (f'ratelimit: "default";r={"9" * 5000};t=1',),
        ('ratelimit: "default";r=٣;t=٣',),
        ("x-ratelimit-remaining: 0", "x-ratelimit-reset: 12"),
    ],
)
def test_odd_rate_limit_headers_fail_nothing(clock: VirtualClock, headers: tuple[str, ...]) -> None:
    printable = [header.encode("utf-8").decode("latin-1") for header in headers]
    with HostileServer(whole(b"{}", *printable)) as server:
        client = HttpClient("Acme", server.url, None, clock=clock, budget=Budget(clock, Quota()))
        for _turn in range(3):
            assert client.request("GET", "/", doing=DOING).status == 200


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 01 Jan 0970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -1200",
        "Sat, 21 Nov 2026 12:00:00 +99999999999999",
        "²",
        "Sat, 99 Nov 2026 99:99:99 GMT",
    ],
)
def test_date_that_cannot_be_true_is_ours(date: str) -> None:
    answer = Answer(200, {"Date": date}, "", "", "")
    assert abs(answer.date.year - START.year) < 100
    assert answer.date.tzinfo


def test_date_without_a_zone_can_be_compared() -> None:
    assert Answer(200, {"Date": "Sat, 21 Nov 2026 12:00:00 -0000"}, "", "", "").date == START


@pytest.mark.parametrize("location", ["https://[::1", "//[", "http://a:b/", "\x01", "https://" + "a" * 300 + "/"])
def test_odd_redirect_is_an_error_of_ours(clock: VirtualClock, location: str) -> None:
    script = whole(b"", f"Location: {location}", status=b"HTTP/1.1 302 Found\r\n")
    with pytest.raises(errors.UnexpectedAnswerError):
        ask(script, clock)
