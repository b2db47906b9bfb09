# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that are signed with a new secret, in front of verifiers that were written from the vendors' pages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema
import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Evidence
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import CheckFailedError, ConfigurationError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map import schema
from tests.unit.core.doubles import START, MemoryCheckpoint, Received, Scripted, ScriptedServer, VirtualClock

SignedRequest = registry.find("checks", "signed_request")
OLD, NEW = (f"whsec_{base64.b64encode(name * 24).decode()}" for name in (b"o", b"n"))
NOW = str(int(START.timestamp()))
Verify = Callable[[str, Received], bool]


def same(one: bytes, other: str | None) -> bool:
    return other is not None and hmac.compare_digest(one.hex(), other)


def by_stripe(secret: str, got: Received) -> bool:
    said = dict(part.split("=", 1) for part in got.headers["Stripe-Signature"].split(","))
    expected = hmac.digest(secret.encode(), f"{said['t']}.".encode() + got.body, hashlib.sha256)
    return abs(int(said["t"]) - int(NOW)) < 300 and same(expected, said["v1"]) and got.json["object"] == "event"


def by_standard_webhooks(secret: str, got: Received) -> bool:
    names = ("id", "timestamp")
    content = b".".join([*(got.headers[f"webhook-{name}"].encode() for name in names), got.body])
    expected = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), content, hashlib.sha256)
    version, _comma, signature = got.headers["webhook-signature"].partition(",")
    return version == "v1" and same(expected, base64.b64decode(signature).hex()) and "timestamp" in got.json


def by_github(secret: str, got: Received) -> bool:
    expected = hmac.digest(secret.encode(), got.body, hashlib.sha256)
    kind, _equals, signature = got.headers["X-Hub-Signature-256"].partition("=")
    return kind == "sha256" and same(expected, signature) and got.headers["X-GitHub-Event"] == "ping"


def by_shop(secret: str, got: Received) -> bool:
    content = f"v0:{got.headers['X-Time']}:{got.body.decode()}".encode()
    return same(hmac.digest(secret.encode(), content, hashlib.sha512), got.headers["X-Shop"].removeprefix("v0="))


SHOP: Mapping[str, Any] = {
    "dialect": "hmac",
    "signs": "v0:<timestamp>:<body>",
    "headers": {"X-Shop": "v0=<signature>", "X-Time": "<timestamp>"},
    "algorithm": "sha512",
    "event": "type=check&id=<id>",
}
DIALECTS = [
    pytest.param({"dialect": "stripe"}, by_stripe, id="stripe"),
    pytest.param({"dialect": "standard_webhooks"}, by_standard_webhooks, id="standard webhooks"),
    pytest.param({"dialect": "github"}, by_github, id="github"),
    pytest.param(SHOP, by_shop, id="described"),
]


class Verifier(Scripted):
    """Takes what one of its secrets has signed, and as several replicas, what one of the next one's has.

    ``verify`` is the vendor's way.
    """

    verify: Verify
    secrets: tuple[str, ...] = (NEW,)
    replicas: Iterator[tuple[str, ...]] | None = None

    def next(self, received: Received) -> tuple[int, bytes, Mapping[str, str]]:
        if self._answers:
            return super().next(received)
        self.received.append(received)
        secrets = next(self.replicas) if self.replicas else self.secrets
        return (204 if any(self.verify(secret, received) for secret in secrets) else 400), b"", {}


@pytest.fixture
def verifier() -> Iterator[Verifier]:
    with ScriptedServer(Verifier()) as script:
        assert isinstance(script, Verifier)
        script.verify = by_github
        yield script


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def credential(secret: str, number: int = 2) -> Credential:
    return Credential(str(number), f"rotor-{number}", {"value": SecretValue(secret)})


def run(
    verifier: Verifier,
    clock: VirtualClock,
    *,
    old: str = "",
    before_revoke: bool = False,
    **options: Any,
) -> Evidence:
    options = {"url": f"{verifier.url}/hook", "secret": "${value}", "dialect": "github"} | options
    check = SignedRequest(options, None, clock=clock)
    check.replaced = credential(old, 1) if old else None
    check.before_revoke = before_revoke
    evidence: Evidence = check.run(credential(NEW), MemoryCheckpoint())
    return evidence


def failure(verifier: Verifier, clock: VirtualClock, **options: Any) -> CheckFailedError:
    with pytest.raises(CheckFailedError) as caught:
        run(verifier, clock, retries=2, **options)
    assert not any(secret in str(caught.value) for secret in (OLD, NEW))
    return caught.value


@pytest.mark.parametrize(("options", "verify"), DIALECTS)
def test_verifier_takes_the_new_secret_alone(
    verifier: Verifier, clock: VirtualClock, options: dict[str, Any], verify: Verify
) -> None:
    verifier.verify = verify
    assert run(verifier, clock, **options) == {"attempts": 1, "old": "not asked"}
    assert verifier.asked == ["POST /hook"] * 10
    assert not any(NEW.encode() in got.body or NEW in str(got.headers) for got in verifier.received)


@pytest.mark.parametrize(("options", "verify"), DIALECTS)
def test_verifier_that_has_the_old_secret_fails(
    verifier: Verifier, clock: VirtualClock, options: dict[str, Any], verify: Verify
) -> None:
    verifier.verify, verifier.secrets = verify, (OLD,)
    where = verifier.url.removeprefix("http://")
    problem = failure(verifier, clock, **options)
    assert problem.message == (
        f"signed request to {where}/hook: an event that the new secret has signed is not accepted: "
        "it answered 400 (asked 3 times)"
    )
    assert clock.slept == [3, 3]


def test_verifier_that_takes_everything_proves_nothing(verifier: Verifier, clock: VirtualClock) -> None:
    verifier.verify = lambda _secret, _got: True
    problem = failure(verifier, clock)
    assert "an event that nobody's secret has signed is not refused: it answered 204" in problem.message
    assert problem.hint.startswith("What takes it does not verify signatures")


@pytest.mark.parametrize("status", [403, 404, 429, 500, 302])
def test_other_answers_prove_neither(verifier: Verifier, clock: VirtualClock, status: int) -> None:
    verifier.answer(204).answer(status).answer(status).answer(status)
    assert f"is not refused: it answered {status}" in failure(verifier, clock, in_a_row=1).message


def test_403_is_a_refusal_where_the_map_says_so(verifier: Verifier, clock: VirtualClock) -> None:
    verifier.answer(204).answer(403)
    assert run(verifier, clock, in_a_row=1, refused=[403])["attempts"] == 1


# Several replicas behind one address


def test_replica_that_has_not_been_reloaded_fails_the_check(verifier: Verifier, clock: VirtualClock) -> None:
    verifier.replicas = itertools.cycle([(NEW,), (OLD,)])
    message = failure(verifier, clock).message
    assert message.endswith("is not accepted: it answered 400, after 1 right answers (asked 3 times)")


def test_wrong_answer_among_right_ones_asks_for_twice_as_many(verifier: Verifier, clock: VirtualClock) -> None:
    verifier.replicas = itertools.chain([(NEW,)] * 4, [(OLD,)], itertools.repeat((NEW,)))
    assert run(verifier, clock)["attempts"] == 2
    assert len(verifier.received) == 5 + 10 + 5


@pytest.mark.parametrize("retries", [2, 10])
def test_replica_that_takes_the_old_secret_fails_before_a_revoke(
    verifier: Verifier, clock: VirtualClock, retries: int
) -> None:
    verifier.replicas = itertools.cycle([(NEW,), (NEW, OLD)])
    with pytest.raises(CheckFailedError, match=r"the old secret has signed is not refused: .* \(asked 1 times\)"):
        run(verifier, clock, old=OLD, before_revoke=True, retries=retries)
    assert clock.slept == []


def test_unclear_answer_is_asked_again_before_a_revoke(verifier: Verifier, clock: VirtualClock) -> None:
    verifier.drop().answer(503)
    assert run(verifier, clock, old=OLD, before_revoke=True) == {"attempts": 3, "old": "refused"}


def test_verifier_that_comes_late_is_awaited(verifier: Verifier, clock: VirtualClock) -> None:
    verifier.answer(400).drop()
    assert run(verifier, clock, every="5s")["attempts"] == 3
    assert clock.slept == [5, 5]


def test_every_event_has_an_id_of_its_own(verifier: Verifier, clock: VirtualClock) -> None:
    verifier.verify = by_stripe
    verifier.answer(400).answer(400)
    run(verifier, clock, dialect="stripe")
    assert len({got.json["id"] for got in verifier.received}) == 2 + 10


def test_event_of_githubs_page_has_its_signature(verifier: Verifier, clock: VirtualClock) -> None:
    verifier.answer(200).answer(400)
    options = {"url": f"{verifier.url}/", "secret": "${value}", "dialect": "github", "in_a_row": 1}
    options |= {"event": "Hello, World!"}
    SignedRequest(options, None, clock=clock).run(credential("It's a Secret to Everybody"), MemoryCheckpoint())
    signature = verifier.received[0].headers["X-Hub-Signature-256"]
    assert signature == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_headers_of_a_dialect_can_be_others(verifier: Verifier, clock: VirtualClock) -> None:
    headers = {"svix-id": "msg_<id>", "svix-timestamp": "<timestamp>", "svix-signature": "v1,<signature>"}
    verifier.answer(204).answer(400)
    run(verifier, clock, dialect="standard_webhooks", headers=headers, event={"at": "<timestamp>"}, in_a_row=1)
    assert headers.keys() <= {name.lower() for name in verifier.received[0].headers}
    assert json.loads(verifier.received[0].body) == {"at": int(NOW)}


# The old secret


def test_old_secret_may_still_be_taken_during_the_grace(verifier: Verifier, clock: VirtualClock) -> None:
    verifier.secrets = (OLD, NEW)
    assert run(verifier, clock, old=OLD)["old"] == "not asked"


@pytest.mark.parametrize("options", [{"before_revoke": True}, {"old_refused": "at_once"}], ids=["end", "at once"])
def test_old_secret_is_refused_in_the_end(verifier: Verifier, clock: VirtualClock, options: dict[str, Any]) -> None:
    assert run(verifier, clock, old=OLD, **options)["old"] == "refused"
    verifier.secrets = (OLD, NEW)
    problem = failure(verifier, clock, old=OLD, **options)
    assert "an event that the old secret has signed is not refused: it answered 204" in problem.message


def test_old_secret_whose_value_is_not_kept_is_not_asked(verifier: Verifier, clock: VirtualClock) -> None:
    assert run(verifier, clock, before_revoke=True)["old"] == "not asked"


# The map


def test_secret_that_is_no_base64_is_told_without_it(verifier: Verifier, clock: VirtualClock) -> None:
    with pytest.raises(ConfigurationError, match="the secret is not the base64 of a key") as caught:
        run(verifier, clock, secret="not base64 ${value}", key="base64")
    assert NEW not in str(caught.value)
    assert verifier.received == []


def test_health_cannot_be_asked(verifier: Verifier, clock: VirtualClock) -> None:
    options = {"url": verifier.url, "secret": "${value}", "dialect": "github"}
    with pytest.raises(ConfigurationError, match="needs the new credential"):
        SignedRequest(options, None, clock=clock).run(None, MemoryCheckpoint())


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"url": "http://shop.example.com/hook"}, "url: http://shop.example.com/hook would send a credential in clear"),
        ({"secret": "${name}"}, "secret: it needs the field that holds the secret, such as ${value}"),
        ({"secret": "${"}, "secret: '${' is never closed with '}'"),
        ({"dialect": "hmac", "event": {}, "headers": {"a": "<signature>"}}, "dialect: hmac has to be described; signs"),
        ({**SHOP, "headers": {"X-Time": "<timestamp>"}}, "headers: none of them says <signature>"),
        ({"event": {"secret": "${value}"}}, "fields of the credential stand in secret alone"),
        ({"status": [200, 400]}, "refused: 400 cannot say both that it is taken and that it is not"),
    ],
)
def test_what_the_schema_cannot_say_is_found_beforehand(options: dict[str, Any], problem: str) -> None:
    given = {"url": "https://shop.example.com/hook", "secret": "${value}", "dialect": "stripe", **options}
    (found,) = SignedRequest.validate(given)
    assert found.startswith(problem)


@pytest.mark.parametrize(("options", "_verify"), DIALECTS)
def test_right_options_have_no_problem(options: dict[str, Any], _verify: Verify) -> None:
    given = {"url": "https://shop.example.com/hook", "secret": "${value}", **options}
    jsonschema.Draft202012Validator(schema.check("signed_request")).validate({"type": "signed_request", **given})
    assert SignedRequest.validate(given) == []
    assert SignedRequest.label(given) == "signed request to shop.example.com/hook"
