# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What descriptions of key APIs have in common: pages, times, odd answers, and the shapes beside create-list-delete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer, Issuer, Options, Schema
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential
from ansible_collections.rotor.secrets.plugins.module_utils._core.http import limits
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.key_api import (
    ApiConnection,
    Call,
    Facts,
    KeyApi,
    Listing,
    ResetApi,
    RollApi,
    Sign,
    Verify,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.key_issuers import (
    KeyIssuer,
    ResetIssuer,
    RollIssuer,
)
from tests.unit.core.described import KEY, TOKEN
from tests.unit.core.doubles import START, Scripted, ScriptedServer, VirtualClock

ROUND = Facts(expires_at="expires_at", last_used_at="used")
CREATE = Call("POST", "/keys", {"name": "<name>", "note": "by <name>", "scope": "<scope>"})
SHOWN = Verify(Call("GET", "/me"))
MADE: dict[str, Any] = {"id": 7, "secret": "value-of-the-key-tests", "created_at": 1767225600}


class Acme(ApiConnection):
    system = "Acme"
    whoami = Call("GET", "/me")


class Keys(KeyIssuer):
    schema = Schema({"scope": {"type": "string"}, "none": {"type": "string"}})

    @classmethod
    def label(cls, options: Options) -> str:
        return "acme key"

    @classmethod
    def describe(cls, options: Options) -> KeyApi:
        listing: dict[str, Any] = {"call": Call("GET", "/keys"), "items": "data", "facts": ROUND}
        return KeyApi(
            create=options.get("create", CREATE),
            value={"token": "secret"},
            listing=Listing(**{**listing, **options.get("listing", {})}),
            revoke=options.get("revoke", Call("DELETE", "/keys/<id>")),
            verify=options.get("verify", SHOWN),
            quota=2,
        )


class Value(ResetIssuer):
    api = ResetApi(Call("POST", "/reset"), Call("GET", "/value"), {"token": "secret"}, "id", SHOWN)

    @classmethod
    def label(cls, options: Options) -> str:
        return "acme value"


class Rolled(RollIssuer):
    api = RollApi(Call("POST", "/roll"), {"token": "secret"}, "id", SHOWN, timedelta(hours=24))

    @classmethod
    def label(cls, options: Options) -> str:
        return "acme value"


@pytest.fixture
def server() -> Iterator[Scripted]:
    with ScriptedServer() as script:
        yield script


def issue(kind: type[Issuer], server: Scripted, **options: Any) -> Any:
    clock = VirtualClock()
    return kind(options, Acme({"token": TOKEN, "url": server.url}, clock=clock), clock=clock)


def page(*numbers: int, **more: Any) -> dict[str, Any]:
    return {"data": [{"id": f"k{number}", "name": f"n{number}"} for number in numbers], **more}


# Mint


def test_mint_leaves_out_what_is_not_given(server: Scripted) -> None:
    made = issue(Keys, server.answer(200, MADE)).mint("rotor-1")
    assert server.received[0].json == {"name": "rotor-1", "note": "by rotor-1"}
    assert (made.id, made.facts) == ("7", {"created_at": "2026-01-01T00:00:00+00:00"})


@pytest.mark.parametrize(
    "create",
    [
        Call("POST", "/keys", {"name": "<name>", "scope": "<scpoe>"}),
        Call("POST", "/keys", {"name": "<name> of <scpoe>"}),
        Call("POST", "/keys/<scpoe>"),
        Call("POST", "/keys", params={"scope": "<scpoe>"}),
    ],
)
def test_misspelt_placeholder_is_refused_before_anything_is_sent(server: Scripted, create: Call) -> None:
    with pytest.raises(errors.ConfigurationError, match="names <scpoe>, which is no option") as caught:
        issue(Keys, server, create=create).mint("rotor-1")
    assert "<scope>" in caught.value.hint
    assert server.asked == []


@pytest.mark.parametrize(
    "body",
    ["<html>", {}, [], {**MADE, "id": None}, {**MADE, "id": True}, {**MADE, "secret": ""}, {**MADE, "secret": 5}],
)
def test_mint_without_a_key_in_its_answer_is_unknown(server: Scripted, body: Any) -> None:
    with pytest.raises(errors.OutcomeUnknownError) as caught:
        issue(Keys, server.answer(201, body)).mint("rotor-1")
    assert MADE["secret"] not in str(caught.value)


def test_mint_with_a_value_that_is_no_text_is_unknown(server: Scripted) -> None:
    with pytest.raises(errors.OutcomeUnknownError):
        issue(Keys, server.answer(200, json.dumps(MADE).replace("value-of", "\\ud800"))).mint("rotor-1")


@pytest.mark.parametrize("status", [400, 404, 409, 302])
def test_mint_that_is_refused_is_not_unknown(server: Scripted, status: int) -> None:
    with pytest.raises(errors.RotorError) as caught:
        issue(Keys, server.answer(status, {})).mint("rotor-1")
    assert not isinstance(caught.value, errors.OutcomeUnknownError)


def test_mint_whose_answer_is_lost_is_sent_once(server: Scripted) -> None:
    with pytest.raises(errors.OutcomeUnknownError):
        issue(Keys, server.drop().answer(200, MADE)).mint("rotor-1")
    assert server.asked == ["POST /keys"]


# Lists


@pytest.mark.parametrize(
    ("listing", "pages", "queries"),
    [
        ({}, [page(1, 2)], [""]),
        ({"after": "after", "more": "more"}, [page(1, 2, more=True), page(3, more=False)], ["", "?after=k2"]),
        ({"after": "at", "cursor": "next"}, [page(1, next="c1"), page(2, next="")], ["", "?at=c1"]),
        ({"page": "p"}, [page(1), page(2), page()], ["?p=1", "?p=2", "?p=3"]),
        ({"page": "p", "more": "more"}, [page(1, more=True), page(2)], ["?p=1", "?p=2"]),
    ],
)
def test_listed_goes_on_over_pages(server: Scripted, listing: Any, pages: list[Any], queries: list[str]) -> None:
    for one in pages:
        server.answer(200, one)
    listed = [key.id for key in issue(Keys, server, listing=listing).listed()]
    assert listed == [key["id"] for one in pages for key in one["data"]]
    assert server.asked == [f"GET /keys{query}" for query in queries]


@pytest.mark.parametrize("how", [{"after": "after"}, {"page": "p"}])
def test_list_that_leads_back_is_an_error(server: Scripted, how: dict[str, str]) -> None:
    for _turn in range(4):
        server.answer(200, page(1))
    with pytest.raises(errors.UnexpectedAnswerError, match="leads back to a page"):
        issue(Keys, server, listing=how).listed()
    assert len(server.received) == 2


def test_list_without_end_is_an_error(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PAGES", 3)
    for number in range(6):
        server.answer(200, page(number))
    with pytest.raises(errors.UnexpectedAnswerError, match="more than 3 pages"):
        issue(Keys, server, listing={"after": "after"}).listed()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": {}},
        {"data": ["k1"]},
        {"data": [{"name": "no id"}]},
        {"data": [{"id": "k", "name": 5}]},
        {"data": [{"id": "k", "used": "yesterday"}]},
        {"data": [{"id": "k", "expires_at": "2026-01-01T00:00:00"}]},
        page(1, more="yes"),
    ],
)
def test_list_of_another_shape_is_an_error(server: Scripted, body: Any) -> None:
    with pytest.raises(errors.UnexpectedAnswerError):
        issue(Keys, server.answer(200, body), listing={"after": "after", "more": "more"}).listed()


def test_listed_leaves_out_keys_of_another_kind_and_goes_on_past_them(server: Scripted) -> None:
    other, meant = {"id": "k1", "kind": "public"}, {"id": "k2", "kind": "secret"}
    server.answer(200, {"data": [{"id": None}, other]}).answer(200, {"data": [meant]}).answer(200, page())
    listed = issue(Keys, server, listing={"after": "after", "only": ("kind", "secret")}).listed()
    assert [key.id for key in listed] == ["k2"]


def test_list_that_cannot_go_on_is_an_error(server: Scripted) -> None:
    server.answer(200, {"data": [{"id": "k1", "kind": "secret"}, {"id": None}]})
    with pytest.raises(errors.UnexpectedAnswerError, match="has no id"):
        issue(Keys, server, listing={"after": "after", "only": ("kind", "secret")}).listed()


@pytest.mark.parametrize(("status", "revoked"), [("on", False), ("off", True), (None, True)])
def test_listed_tells_by_a_status_whether_a_key_is_revoked(server: Scripted, status: Any, revoked: bool) -> None:
    keys = {"data": [{"id": "k1", "status": status}]}
    (listed,) = issue(Keys, server.answer(200, keys), listing={"facts": Facts(alive=("status", "on"))}).listed()
    assert listed.revoked is revoked


def test_times_are_read_in_each_way(server: Scripted) -> None:
    key = {"id": 1, "created_at": "2026-01-01 00:00:00+00", "expires_at": 1767225600, "used": "0001-01-01T00:00:00Z"}
    (listed,) = issue(Keys, server.answer(200, {"data": [{**key, "name": None}]})).listed()
    assert listed.created_at == listed.expires_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert (listed.id, listed.name, listed.last_used_at) == ("1", "", None)


# Preflight, revoke


def test_preflight_says_that_the_current_key_has_expired(server: Scripted) -> None:
    over = {"id": "k3", "expires_at": (START - timedelta(days=1)).isoformat()}
    keys = {"data": [*page(1, 2)["data"], over]}
    acme = issue(Keys, server.answer(200, keys).answer(200, keys))
    assert (acme.quota(), acme.preflight("k1")) == (2, [])
    assert acme.preflight("k3")[0].startswith("the current key k3 is not among the valid keys of acme key")


@pytest.mark.parametrize("id_", ["..", ".", ""])
def test_revoke_sends_nothing_for_an_id_that_leads_elsewhere(server: Scripted, id_: str) -> None:
    with pytest.raises(errors.ConfigurationError):
        issue(Keys, server).revoke(Credential(id_, "odd", {}))
    assert server.asked == []


def test_revoke_quotes_an_id(server: Scripted) -> None:
    issue(Keys, server.answer(204)).revoke(Credential("a/b?c", "odd", {}))
    assert server.asked == ["DELETE /keys/a%2Fb%3Fc"]


def test_revoke_of_what_is_still_listed_is_an_error(server: Scripted) -> None:
    with pytest.raises(errors.NotFoundError):
        issue(Keys, server.answer(404, {}).answer(200, page(1))).revoke(Credential("k1", "rotor-1", {}))


@pytest.mark.parametrize(("body", "done"), [({"ok": True}, True), ({"ok": False}, False), ({}, False), ("<p>", False)])
def test_revoke_is_done_once_the_answer_says_so(server: Scripted, body: Any, done: bool) -> None:
    keys = issue(Keys, server.answer(200, body), revoke=Call("DELETE", "/keys/<id>", says=("ok", True)))
    with nullcontext() if done else pytest.raises(errors.UnexpectedAnswerError):
        keys.revoke(KEY)


def test_body_of_a_form_is_written_as_pairs(server: Scripted) -> None:
    body = {"on": True, "one": {"name": "<id>", "none": "<none>"}, "many": ["a", "b&c"]}
    issue(Keys, server.answer(200, {}), revoke=Call("POST", "/keys", body, form=True)).revoke(KEY)
    assert parse_qsl(server.received[0].body.decode()) == [
        ("on", "true"),
        ("one[name]", "7"),
        ("many[]", "a"),
        ("many[]", "b&c"),
    ]
    assert server.received[0].headers["Content-Type"] == "application/x-www-form-urlencoded"


# Verify

NAMED = Verify(
    Call("GET", "/me"),
    alive=(Sign(200, "ok", True), Sign(403, "code", "narrow")),
    dead=(Sign(401, "code", "dead"),),
    headers={"K": "${token}"},
)


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (200, {"ok": True}, Answer.ACCEPTED),
        (403, {"code": "narrow"}, Answer.ACCEPTED),
        (401, {"code": "dead"}, Answer.REFUSED),
        (200, {"ok": False}, Answer.UNCLEAR),
        (403, {"code": "firewall"}, Answer.UNCLEAR),
        (401, {}, Answer.UNCLEAR),
        (401, "<html>dead</html>", Answer.UNCLEAR),
        (404, {"code": "dead"}, Answer.UNCLEAR),
    ],
)
def test_verify_goes_by_the_signs(server: Scripted, status: int, body: Any, answer: Answer) -> None:
    assert issue(Keys, server.answer(status, body), verify=NAMED).answer(KEY) is answer
    assert server.received[0].headers["K"] == KEY.fields["token"].reveal()
    assert server.received[0].headers["Authorization"] is None


# The other shapes


def test_reset_waits_until_the_value_is_another_one(server: Scripted) -> None:
    new = {**MADE, "secret": "another-value-of-the-key-tests"}
    server.answer(200, MADE).answer(200, "reset").answer(200, MADE).answer(200, new)
    assert issue(Value, server).mint("rotor-1").fields["token"].reveal() == new["secret"]


@pytest.mark.parametrize("answers", [[(200, MADE)] * 5, [(403, {})], [(200, "<html>")]])
def test_reset_whose_value_cannot_be_read_is_unknown(server: Scripted, answers: list[tuple[int, Any]]) -> None:
    server.answer(200, MADE).answer(200, "reset")
    for status, body in answers:
        server.answer(status, body)
    with pytest.raises(errors.OutcomeUnknownError):
        issue(Value, server).mint("rotor-1")


def test_reset_issuer_knows_its_id(server: Scripted) -> None:
    assert issue(Value, server.answer(200, MADE)).preflight("8") == ["the current id 8 is not that of acme value"]
    assert issue(Value, server.answer(404, {})).preflight(None)[0].startswith("there is no acme value")


def test_roll_gives_the_new_value_and_says_when_the_old_one_ends(server: Scripted) -> None:
    issuer = issue(Rolled, server.answer(200, MADE).answer(200, {}))
    assert issuer.answer(issuer.mint("rotor-1")) is Answer.ACCEPTED
    assert Rolled.ends_after({}) == timedelta(hours=24)


def test_probe_takes_no_page_for_an_answer(server: Scripted) -> None:
    with pytest.raises(errors.UnexpectedAnswerError):
        issue(Keys, server.answer(200, "<html>")).connection.probe()
