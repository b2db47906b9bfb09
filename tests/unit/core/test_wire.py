# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What certainly had no effect: only what failed before the first byte of the request left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.client import HttpClient
from tests.servers import fronts as tls
from tests.servers.fronts import Front, Fronts
from tests.unit.core.doubles import OneAnswerEach, Received, Scripted, VirtualClock

DOING = "making a token"


@pytest.fixture
def fronts(tmp_path: Path) -> Iterator[Fronts]:
    made = tls.make_fronts(tmp_path)
    yield made
    made.stop()


def in_front(server: Scripted, fronts: Fronts, kind: str) -> Front:
    return fronts.of(int(urlsplit(server.url).port or 0), kind)


def over(url: str, clock: VirtualClock, ca: Path | None = None) -> HttpClient:
    return HttpClient("Acme", url, None, clock=clock, ca_cert=str(ca) if ca else None)


@pytest.mark.parametrize("kind", tls.AFTER_THE_EFFECT)
def test_mint_is_sent_once_when_tls_breaks_in_the_answer(
    server: Scripted, fronts: Fronts, clock: VirtualClock, kind: str
) -> None:
    for _turn in range(5):
        server.answer(201, {"token": "fo1_x"})
    client = over(in_front(server, fronts, kind).url, clock, fronts.ca)
    with pytest.raises(errors.OutcomeUnknownError):
        client.request("POST", "/tokens", doing=DOING, ok=(201,))
    assert server.asked == ["POST /tokens"]


def test_mint_is_unknown_when_tls_is_cut_in_the_request(server: Scripted, fronts: Fronts, clock: VirtualClock) -> None:
    front = in_front(server, fronts, tls.CUT_REQUEST)
    with pytest.raises(errors.OutcomeUnknownError):
        over(front.url, clock, fronts.ca).request("POST", "/tokens", doing=DOING)
    assert front.handshakes == 1


@pytest.mark.parametrize("kind", [tls.REFUSED, tls.HUNG_UP])
def test_failed_handshake_had_no_effect_and_is_tried_again(
    server: Scripted, fronts: Fronts, clock: VirtualClock, kind: str
) -> None:
    front = in_front(server, fronts, kind)
    with pytest.raises(errors.UnavailableError, match="cannot connect"):
        over(front.url, clock, fronts.ca).request("POST", "/tokens", doing=DOING)
    assert front.handshakes == 5


@pytest.mark.parametrize(
    ("kind", "why", "hint"),
    [
        (tls.OTHER_NAME, "it was made for another name", "Use a name in the URL that the certificate has"),
        (tls.EXPIRED, "it has expired", "Renew it on the server"),
        (tls.UNKNOWN_CA, "no CA that is trusted has signed it", "name the file of its CA in ca_cert"),
    ],
)
def test_refused_certificate_is_told_at_once(
    server: Scripted, fronts: Fronts, clock: VirtualClock, kind: str, why: str, hint: str
) -> None:
    front = in_front(server, fronts, kind)
    with pytest.raises(errors.UntrustedServerError) as caught:
        over(front.url, clock, fronts.ca).request("GET", "/tokens", doing=DOING)
    assert caught.value.message.endswith(f"the server's certificate is refused: {why}")
    assert hint in caught.value.hint
    assert (front.handshakes, clock.slept, server.received) == (1, [], [])


def test_lost_change_stays_unknown_when_the_certificate_is_refused_later(
    server: Scripted, fronts: Fronts, clock: VirtualClock
) -> None:
    """A PUT may be repeated, but its first attempt may have had its effect."""
    good, bad = in_front(server.drop(), fronts, tls.GOOD), in_front(server, fronts, tls.EXPIRED)
    client = over(good.url, clock, fronts.ca)
    really_send = client._session.send

    def send(request: Any, **options: Any) -> Any:
        if server.received:
            request.url = request.url.replace(good.url, bad.url)
        return really_send(request, **options)

    vars(client._session)["send"] = send
    with pytest.raises(errors.OutcomeUnknownError, match="it has expired"):
        client.request("PUT", "/secrets/A", doing=DOING, idempotent=True)


@pytest.mark.parametrize("refusal", [401, 403, 404, 409, 422])
def test_refusal_of_a_repetition_leaves_the_lost_attempt_in_doubt(
    server: Scripted, clock: VirtualClock, refusal: int
) -> None:
    server.drop().answer(refusal)
    with pytest.raises(errors.OutcomeUnknownError) as caught:
        over(server.url, clock).request("PUT", "/secrets/A", doing=DOING, idempotent=True)
    assert caught.value.status == refusal
    assert not isinstance(caught.value, errors.UnavailableError)


def test_refusal_of_a_repetition_keeps_its_kind(server: Scripted, clock: VirtualClock) -> None:
    server.drop().answer(404)
    with pytest.raises(errors.NotFoundError):
        over(server.url, clock).request("DELETE", "/secrets/A", doing=DOING, idempotent=True)


def test_proxy_that_refuses_the_tunnel_sent_nothing(
    server: Scripted, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its CONNECT has been sent, which is no byte of the request."""
    for _turn in range(5):
        server.answer(407)
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(errors.UnavailableError, match="the proxy does not connect"):
        over("https://api.example", clock).request("POST", "/tokens", doing=DOING)


def test_mint_takes_no_connection_from_the_pool(clock: VirtualClock) -> None:
    """The server has given up the one in the pool, and its end is still on its way."""
    with OneAnswerEach() as server:
        client = over(server.url, clock)
        client.request("GET", "/", doing=DOING)
        assert client.request("POST", "/tokens", doing=DOING).status == 200


def test_read_takes_its_connection_from_the_pool(clock: VirtualClock) -> None:
    with OneAnswerEach() as server:
        client = over(server.url, clock)
        client.request("GET", "/", doing=DOING)
        client.request("GET", "/", doing=DOING)
        assert server.asked_in_vain == 1


def test_a_client_has_eight_requests_under_way(server: Scripted, clock: VirtualClock) -> None:
    """The server answers none of them before seven others have come."""
    inside: list[str] = []
    most, lock, together = [0], threading.Lock(), threading.Barrier(8)

    def answer(received: Received) -> tuple[int, bytes, dict[str, str]]:
        with lock:
            inside.append(received.path)
            most[0] = max(most[0], len(inside))
        together.wait(60)
        with lock:
            inside.remove(received.path)
        return 200, b"{}", {}

    server.next = answer  # type: ignore[method-assign]
    client = over(server.url, clock)
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda number: client.request("GET", f"/{number}", doing=DOING), range(24)))
    assert [answer.status for answer in answers] == [200] * 24
    assert most == [8]
