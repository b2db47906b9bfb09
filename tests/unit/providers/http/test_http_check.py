# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One URL that answers as it should."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Evidence
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    CheckFailedError,
    ConfigurationError,
    StoppedError,
    UntrustedServerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.http.check import Http
from tests.servers.fronts import EXPIRED, make_fronts
from tests.unit.core.doubles import MemoryCheckpoint, OneAnswerEach, Scripted, ScriptedServer, VirtualClock

TOKEN = "token-of-the-http-check"
NEW = Credential("tok_2", "rotor-2", {"token": SecretValue(TOKEN)})
FLY = {"organization": "molecule-ai", "apps": [{"name": "cp"}], "ready": True, "machines": 3, "error": None}
GOOD = {"status": "ok", "fly": FLY}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def server() -> Iterator[Scripted]:
    with ScriptedServer() as script:
        yield script


def run(server: Scripted, clock: VirtualClock, credential: Credential | None = NEW, **options: Any) -> Evidence:
    options = {"url": f"{server.url}/health?key=hidden"} | options
    return Http(options, None, clock=clock).run(credential, MemoryCheckpoint())


def failure(server: Scripted, clock: VirtualClock, **options: Any) -> str:
    with pytest.raises(CheckFailedError) as caught:
        run(server, clock, retries=0, **options)
    assert TOKEN not in str(caught.value)
    assert "hidden" not in str(caught.value)
    return caught.value.message


def test_a_good_answer_is_enough(server: Scripted, clock: VirtualClock) -> None:
    server.answer(200)
    assert run(server, clock) == {"attempts": 1, "soaked": 0}
    assert server.asked == ["GET /health?key=hidden"]


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_it_asks_with_the_verb_that_was_said(server: Scripted, clock: VirtualClock, method: str) -> None:
    server.answer(204)
    run(server, clock, method=method, status=[200, 204])
    assert server.asked == [f"{method} /health?key=hidden"]


def test_it_tries_until_it_holds(server: Scripted, clock: VirtualClock) -> None:
    server.answer(503).drop().answer(200, {"status": "starting"}).answer(200, GOOD)
    assert run(server, clock, json={"status": "ok"}, every="5s")["attempts"] == 4
    assert clock.slept == [5, 5, 5]


def test_refused_certificate_ends_the_check_at_once(server: Scripted, clock: VirtualClock, tmp_path: Path) -> None:
    fronts = make_fronts(tmp_path)
    front = fronts.of(int(urlsplit(server.url).port or 0), EXPIRED)
    with pytest.raises(UntrustedServerError, match="it has expired"):
        run(server, clock, url=front.url, ca_cert=str(fronts.ca))
    fronts.stop()
    assert (front.handshakes, clock.slept) == (1, [])


def test_it_gives_up_after_its_retries_and_says_what_came_last(server: Scripted, clock: VirtualClock) -> None:
    server.answer(200, {}).answer(500).answer(503)
    with clock.busy("verify"):
        with pytest.raises(CheckFailedError) as caught:
            run(server, clock, retries=2, status=[200, 204], json={"status": "ok"})
        (busy,) = clock.working()
    assert busy.waits_for == "another answer: it answered 500, not 200 or 204"
    address = server.url.removeprefix("http://")
    assert caught.value.message == f"GET {address}/health answered 503, not 200 or 204 (asked 3 times)"


def test_no_answer_is_told_with_its_reason(server: Scripted, clock: VirtualClock) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}/"
        assert "gave no answer: cannot connect (Connection refused)" in failure(server, clock, url=nobody)
    assert "gave no answer: the connection broke" in failure(server.drop(), clock, method="POST")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("status", "ok"),
        ("fly.organization", "molecule-ai"),
        ("fly.apps.0.name", "cp"),
        ("fly.ready", True),
        ("fly.machines", 3),
        ("fly.error", None),
    ],
)
def test_fields_of_the_answer_are_compared(server: Scripted, clock: VirtualClock, path: str, expected: object) -> None:
    server.answer(200, GOOD)
    assert run(server, clock, json={path: expected})["attempts"] == 1


@pytest.mark.parametrize(
    ("path", "expected", "shown"),
    [
        ("fly.organization", "another", '"another"'),
        ("fly.apps.1.name", "cp", '"cp"'),
        ("fly.apps.name", "cp", '"cp"'),
        ("fly.ready", 1, "1"),
        ("fly.machines", "3", '"3"'),
        ("fly.missing", "$${token}", '"${token}"'),
        ("fly.missing", None, "null"),
        ("fly.apps.1", None, "null"),
    ],
)
def test_a_field_that_differs_is_named_with_what_was_expected_and_never_with_what_came(
    server: Scripted, clock: VirtualClock, path: str, expected: object, shown: str
) -> None:
    server.answer(200, GOOD)
    message = failure(server, clock, json={"status": "ok", path: expected})
    assert f"{path} in its JSON is not {shown} (asked" in message
    assert "molecule-ai" not in message


def test_fields_may_be_compared_with_the_new_credential(server: Scripted, clock: VirtualClock) -> None:
    server.answer(200, {"id": "tok_2", "number": 7, "text": f"v1 {TOKEN}"})
    credential = Credential("7", "rotor-2", NEW.fields)
    assert run(server, clock, credential, json={"number": "${id}", "text": "v1 ${token}"})["attempts"] == 1


def test_a_field_that_is_not_the_new_credentials_is_named_without_any_value(
    server: Scripted, clock: VirtualClock
) -> None:
    server.answer(200, {"token": "the-old-one"})
    message = failure(server, clock, json={"token": "${token}"})
    assert "token in its JSON is not what the new credential says" in message
    assert "the-old-one" not in message


@pytest.mark.parametrize("said", [{}, {"token": None}, {"token": True}, {"token": {"a": 1}}], ids=str)
def test_value_that_is_no_text_is_not_the_new_credentials(server: Scripted, clock: VirtualClock, said: Any) -> None:
    server.answer(200, said)
    value = str(said.get("token"))
    credential = Credential("7", value, NEW.fields)
    with pytest.raises(CheckFailedError, match="token in its JSON is not what the new credential says"):
        run(server, clock, credential, retries=0, json={"token": "${name}"})


@pytest.mark.parametrize("body", ["<html>", "", '{"status": '])
def test_something_that_is_not_json_does_not_hold(server: Scripted, clock: VirtualClock, body: str) -> None:
    server.answer(200, body)
    assert "answered 200 with something that is not JSON" in failure(server, clock, json={"status": "ok"})


# The credential


def test_headers_are_made_from_the_new_credential(server: Scripted, clock: VirtualClock) -> None:
    server.answer(200)
    run(server, clock, header={"Authorization": "Bearer ${token}", "X-Name": "${name} ${id}"})
    headers = server.received[0].headers
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["X-Name"] == "rotor-2 tok_2"


def test_no_redirect_is_followed_not_even_to_the_same_place(server: Scripted, clock: VirtualClock) -> None:
    server.answer(302, Location="/elsewhere")
    assert "answered 302, not 200" in failure(server, clock, header={"Authorization": "${token}"})
    assert len(server.received) == 1


def test_a_field_that_the_credential_lacks_is_a_mistake(server: Scripted, clock: VirtualClock) -> None:
    with pytest.raises(ConfigurationError) as caught:
        run(server, clock, header={"Authorization": "${password}"})
    assert "${password} is unknown" in caught.value.message
    assert caught.value.hint == "There are id, name, token"
    assert server.asked == []


def test_health_is_asked_without_a_credential(server: Scripted, clock: VirtualClock) -> None:
    server.answer(200, GOOD)
    assert run(server, clock, None, json={"status": "ok"}, header={"Accept": "text/plain"})["attempts"] == 1


def test_health_cannot_be_asked_with_a_credential_that_is_not_there(server: Scripted, clock: VirtualClock) -> None:
    with pytest.raises(ConfigurationError, match="needs the new credential"):
        run(server, clock, None, header={"Authorization": "${token}"})


# Soaking


def test_it_must_go_on_to_hold(server: Scripted, clock: VirtualClock) -> None:
    for _turn in range(5):
        server.answer(200)
    assert run(server, clock, soak="10s", every="3s") == {"attempts": 1, "soaked": 4}
    assert clock.time == 10


def test_one_bad_answer_ends_the_soak(server: Scripted, clock: VirtualClock) -> None:
    server.answer(200).answer(200).answer(503)
    message = failure(server, clock, soak="1m", every="10s")
    assert "answered 503, not 200 (after it had held; it was to hold for 1m)" in message


def test_each_look_takes_a_connection_of_its_own(clock: VirtualClock) -> None:
    with OneAnswerEach() as replicas:
        options = {"url": replicas.url, "soak": "9s"}
        assert Http(options, None, clock=clock).run(None, MemoryCheckpoint())["soaked"] == 3
        assert replicas.asked_in_vain == 0


def test_a_stopped_run_asks_no_more(server: Scripted, clock: VirtualClock) -> None:
    clock.stop()
    with pytest.raises(StoppedError):
        run(server, clock)
    assert server.asked == []


# The map


def test_what_the_schema_cannot_say_is_found_beforehand() -> None:
    options = {
        "url": "http://molecule-cp.fly.dev/health",
        "header": {"Authorization": "Bearer ${token|upper}"},
        "json": {"id": "${", "fine": 5},
    }
    url, header, field = Http.validate(options)
    assert url.startswith("url: http://molecule-cp.fly.dev/health would send a credential in clear")
    assert header.startswith("header.Authorization: ")
    assert field.startswith("json.id: ")
    assert Http.validate({"url": "https://molecule-cp.fly.dev/health"}) == []


def test_it_goes_by_verb_host_and_path() -> None:
    assert Http.label({"url": "https://molecule-cp.fly.dev/cp/self-test?a=b"}) == "GET molecule-cp.fly.dev/cp/self-test"
    assert Http.label({"url": "http://localhost:8080/x", "method": "HEAD"}) == "HEAD localhost:8080/x"


@pytest.mark.parametrize(
    ("option", "value", "good"),
    [
        ("status", 204, True),
        ("status", [200, 204], True),
        ("status", 99, False),
        ("status", [], False),
        ("method", "DELETE", False),
        ("json", {"a.b": None}, True),
        ("json", {"a": {"b": 1}}, False),
        ("every", "1h30m", True),
        ("every", "", False),
        ("soak", 30, False),
        ("retries", 0, True),
    ],
)
def test_its_schema_takes_what_it_understands(option: str, value: object, good: bool) -> None:
    assert jsonschema.Draft202012Validator(Http.schema.properties[option]).is_valid(value) is good
