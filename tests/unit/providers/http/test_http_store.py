# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a JSON API that the user describes, in the tenant platform of the sandbox and in scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.http.client import HttpConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.http.store import HttpSecrets
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.parser import parse
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import Scripted, ScriptedServer, VirtualClock

TOKEN = "token-of-the-http-tests"
NAME, VALUE = "ANTHROPIC_API_KEY", "sk-ant-api03-new-value"
DATE = {"updated_at": "[key=<key>].updated_at"}
SETTINGS: dict[str, Any] = {
    "path": "/settings/secrets",
    "write": {"body": {"key": "<key>", "value": "<value>"}, "success": {"status": "saved"}},
    "read": {"evidence": DATE},
    "delete": {"path": "/settings/secrets/<key>"},
}
SINCE: dict[str, Any] = {"keys": {}}
PAIR = {"PGUSER": SecretValue("nova_b"), "PGPASSWORD": SecretValue('correct "horse" {{ battery }} <key> ${x}')}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def script() -> Iterator[Scripted]:
    with ScriptedServer() as script:
        yield script


Connect = Callable[..., HttpSecrets]


@pytest.fixture
def scripted(script: Scripted, clock: VirtualClock) -> Connect:
    def connect(**options: Any) -> HttpSecrets:
        given = {"token": SecretValue(TOKEN), "url": script.url, **options}
        return HttpSecrets(HttpConnection(given, clock=clock, run="7f3a"), clock=clock)

    return connect


@pytest.fixture
def tenant(world: Visitor, clock: VirtualClock) -> HttpSecrets:
    world.tell("switch", named=[*world.ask("state")["switches"]["named"], NAME])
    options = {"token": SecretValue(world.credentials["TENANT_ADMIN_TOKEN"]), "url": f"{world.url}/tenant"}
    return HttpSecrets(HttpConnection({**options, "probe": "/health"}, clock=clock), clock=clock)


def described(**operations: Any) -> dict[str, Any]:
    return {"path": "/secrets", "read": "none", **operations}


def failure(call: Callable[[], object], kind: type[errors.RotorError]) -> errors.RotorError:
    with pytest.raises(kind) as caught:
        call()
    assert TOKEN not in str(caught.value)
    assert VALUE not in str(caught.value)
    return caught.value


# The tenant platform


def test_a_global_secret_reaches_every_workspace_that_is_not_paused(world: Visitor, tenant: HttpSecrets) -> None:
    since = tenant.observe(SETTINGS, [NAME])
    written = tenant.write(SETTINGS, {NAME: SecretValue(VALUE)}, since)
    held = {place: world.tell("holds", kind=place, name=NAME, value=VALUE)["holds"] for place in (
        "tenant secret", "tenant workspace hitl", "tenant workspace dev", "tenant workspace old"
    )}  # fmt: skip
    assert held == {**dict.fromkeys(held, True), "tenant workspace old": None}
    assert not tenant.unchanged(since, written)
    assert tenant.unchanged(written, tenant.observe(SETTINGS, [NAME]))
    assert world.violations() == []


def test_somebody_elses_change_is_noticed_and_a_siblings_is_none_of_ours(world: Visitor, tenant: HttpSecrets) -> None:
    written = tenant.write(SETTINGS, {NAME: SecretValue(VALUE)})
    world.act("set_tenant_secret", name="SIBLING", value="of-somebody-else")
    assert tenant.unchanged(written, tenant.observe(SETTINGS, [NAME]))
    world.act("set_tenant_secret", name=NAME, value="by-hand")
    assert not tenant.unchanged(written, tenant.observe(SETTINGS, [NAME]))


def test_what_is_deleted_is_gone_and_deleting_it_again_is_no_error(world: Visitor, tenant: HttpSecrets) -> None:
    tenant.write(SETTINGS, {NAME: SecretValue(VALUE)})
    assert tenant.delete(SETTINGS, [NAME]) == {"keys": {}}
    assert tenant.delete(SETTINGS, [NAME]) == {"keys": {}}
    assert tenant.observe(SETTINGS, [NAME]) == {"keys": {}}


def test_the_probe_asks_what_it_was_told_to(world: Visitor, tenant: HttpSecrets) -> None:
    assert tenant.connection.probe() == "/health answers"
    assert world.ask("counts")["mutating"] == 0


def test_a_token_without_the_right_is_told_from_a_missing_secret(world: Visitor, clock: VirtualClock) -> None:
    token = world.act("mint_tenant_token")["token"]
    api = HttpConnection({"token": SecretValue(token), "url": f"{world.url}/tenant"}, clock=clock)
    error = failure(lambda: HttpSecrets(api, clock=clock).observe(SETTINGS, [NAME]), errors.PermissionDeniedError)
    assert error.hint == "The token is alive, but may not do this"


# What is sent


@pytest.mark.parametrize(
    ("write", "asked", "bodies"),
    [
        (
            {"body": {"name": "<key>", "value": "<value>"}},
            ["PUT /secrets"] * 2,
            [{"name": key, "value": value.reveal()} for key, value in PAIR.items()],
        ),
        (
            {"method": "PATCH", "body": {"secrets": {"<key>": "<value>"}, "env": "production"}},
            ["PATCH /secrets"],
            [{"secrets": {key: value.reveal() for key, value in PAIR.items()}, "env": "production"}],
        ),
        (
            {"method": "POST", "body": [{"key": "<key>", "value": "<value>", "tags": ["rotor"]}]},
            ["POST /secrets"],
            [[{"key": key, "value": value.reveal(), "tags": ["rotor"]} for key, value in PAIR.items()]],
        ),
        (
            {"path": "/secrets/<key>?env=production", "body": {"value": "<value>"}},
            [f"PUT /secrets/{key}?env=production" for key in PAIR],
            [{"value": value.reveal()} for value in PAIR.values()],
        ),
        (
            {"path": "/secrets/<key>", "body": [{"value": "<value>"}]},
            [f"PUT /secrets/{key}" for key in PAIR],
            [[{"value": value.reveal()}] for value in PAIR.values()],
        ),
    ],
)
def test_a_body_is_what_the_description_makes_of_the_secrets(
    scripted: Connect, script: Scripted, write: dict[str, Any], asked: list[str], bodies: list[Any]
) -> None:
    for _request in asked:
        script.answer(200, {})
    container = described(write=write)
    assert HttpSecrets.validate(container, list(PAIR)) == []
    scripted().write(container, PAIR)
    assert script.asked == asked
    assert [item.json for item in script.received] == bodies


def test_the_token_goes_where_the_connection_says(scripted: Connect, script: Scripted) -> None:
    ways: list[dict[str, Any]] = [{}, {"scheme": ""}, {"header": "X-Api-Key", "scheme": "", "headers": {"X-Team": "a"}}]
    for way in ways:
        script.answer(200)
        scripted(**way).write(described(write={"body": {"k": "<key>", "v": "<value>"}}), {NAME: SecretValue(VALUE)})
    first, second, third = (item.headers for item in script.received)
    assert first["Authorization"] == f"Bearer {TOKEN}"
    assert second["Authorization"] == TOKEN
    assert (third.get("Authorization"), third["X-Api-Key"], third["X-Team"]) == (None, TOKEN, "a")
    assert first["User-Agent"] == "rotor.secrets/0.1.0 (run 7f3a)"


def test_a_name_stays_within_its_part_of_the_address(scripted: Connect, script: Scripted) -> None:
    script.answer(200)
    container = described(write={"path": "/secrets/<key>", "body": {"value": "<value>"}})
    scripted().write(container, {"a/../b?c#d": SecretValue(VALUE)})
    assert script.asked == ["PUT /secrets/a%2F..%2Fb%3Fc%23d"]


def test_nothing_follows_a_redirect(scripted: Connect, script: Scripted) -> None:
    script.answer(307, location="https://elsewhere.example/secrets").answer(302, location="/login")
    store, container = scripted(), {**SETTINGS, "write": {"body": {"k": "<key>", "v": "<value>"}}}
    written = failure(lambda: store.write(container, {NAME: SecretValue(VALUE)}, SINCE), errors.UnexpectedAnswerError)
    seen = failure(lambda: store.observe(container, [NAME]), errors.UnexpectedAnswerError)
    assert "redirect was not followed" in written.hint
    assert "redirect was not followed" in seen.hint
    assert len(script.received) == 2


# What comes back


@pytest.mark.parametrize(
    ("read", "answer"),
    [
        (
            {"evidence": {"version": "[key=<key>].version"}},
            [{"key": "OTHER", "version": 9}, {"key": NAME, "version": 3}],
        ),
        ({"evidence": {"version": "data.secrets.<key>.version"}}, {"data": {"secrets": {NAME: {"version": 3}}}}),
        ({"evidence": {"version": "items[0].meta.version"}, "path": "/x/<key>"}, {"items": [{"meta": {"version": 3}}]}),
    ],
)
def test_evidence_is_found_where_the_description_says(
    scripted: Connect, script: Scripted, read: dict[str, Any], answer: Any
) -> None:
    script.answer(200, answer)
    container = {**SETTINGS, "read": read}
    assert HttpSecrets.validate(container, [NAME]) == []
    assert scripted().observe(container, [NAME]) == {"keys": {NAME: {"version": 3}}}


def test_a_key_with_an_address_of_its_own_is_absent_at_404(scripted: Connect, script: Scripted) -> None:
    script.answer(404, {})
    container = {**SETTINGS, "read": {"path": "/secrets/<key>", "evidence": {"version": "version"}}}
    assert scripted().observe(container, [NAME]) == {"keys": {}}


@pytest.mark.parametrize("answer", [[{"key": NAME, "version": {"n": 3}}], [{"key": NAME, "version": 3, "at": [1]}]])
def test_evidence_is_a_plain_fact(scripted: Connect, script: Scripted, answer: Any) -> None:
    script.answer(200, answer)
    read = {"evidence": {"version": "[key=<key>].version", "at": "[key=<key>].at"}}
    error = failure(lambda: scripted().observe({**SETTINGS, "read": read}, [NAME]), errors.UnexpectedAnswerError)
    assert "of ANTHROPIC_API_KEY" in error.message


def test_a_good_status_is_no_success_by_itself(scripted: Connect, script: Scripted) -> None:
    script.answer(200, {"status": "queued", "note": VALUE})
    error = failure(lambda: scripted().write(SETTINGS, {NAME: SecretValue(VALUE)}, SINCE), errors.UnexpectedAnswerError)
    assert error.message.endswith('answered 200, and status in its JSON is not "saved"')


def test_what_was_taken_and_is_not_shown_is_no_success(scripted: Connect, script: Scripted) -> None:
    script.answer(200, {"status": "saved"}).answer(200, [])
    error = failure(lambda: scripted().write(SETTINGS, {NAME: SecretValue(VALUE)}, SINCE), errors.UnexpectedAnswerError)
    assert "does not show it" in error.message


def test_what_may_not_be_read_back_is_not_written(scripted: Connect, script: Scripted) -> None:
    script.answer(403)
    failure(lambda: scripted().write(SETTINGS, {NAME: SecretValue(VALUE)}), errors.PermissionDeniedError)
    assert script.asked == ["GET /settings/secrets"]


def test_what_was_written_and_could_not_be_read_back_is_of_unknown_outcome(scripted: Connect, script: Scripted) -> None:
    script.answer(200, {"status": "saved"}).answer(403)
    failure(lambda: scripted().write(SETTINGS, {NAME: SecretValue(VALUE)}, SINCE), errors.OutcomeUnknownError)


def test_a_deletion_that_leaves_it_there_is_none(scripted: Connect, script: Scripted) -> None:
    there = [{"key": NAME, "updated_at": "today"}]
    script.answer(200, there).answer(200).answer(200, there)
    failure(lambda: scripted().delete(SETTINGS, [NAME]), errors.UnexpectedAnswerError)


def test_a_page_for_people_is_no_success(scripted: Connect, script: Scripted) -> None:
    script.answer(200, "<html>sign in</html>", content_type="text/html; charset=utf-8")
    container = described(write={"body": {"k": "<key>", "v": "<value>"}})
    failure(lambda: scripted().write(container, {NAME: SecretValue(VALUE)}), errors.UnexpectedAnswerError)


def test_an_empty_answer_is_no_page(scripted: Connect, script: Scripted) -> None:
    script.answer(204, "", content_type="text/html; charset=utf-8")
    container = described(write={"body": {"k": "<key>", "v": "<value>"}})
    assert NAME in scripted().write(container, {NAME: SecretValue(VALUE)})["keys"]


def test_a_value_is_never_kept_as_evidence(scripted: Connect, script: Scripted) -> None:
    script.answer(200, {"status": "saved"}).answer(200, [{"key": NAME, "plain": VALUE}])
    container = {**SETTINGS, "read": {"evidence": {"text": "[key=<key>].plain"}}}
    error = failure(lambda: scripted().write(container, {NAME: SecretValue(VALUE)}, SINCE), errors.OutcomeUnknownError)
    assert "read.evidence leads to the value itself, which was not kept, after something was written" in str(error)


def test_text_that_may_be_an_old_value_is_kept_as_a_fingerprint(scripted: Connect, script: Scripted) -> None:
    dates = {"a": "2026-11-02T00:00:00Z", "b": "2026-11-02", "c": "v12.3", "d": "7", "e": 7, "f": True}
    script.answer(200, [{"key": NAME, "plain": VALUE, **dates}])
    evidence = {name: f"[key=<key>].{name}" for name in ("plain", *dates)}
    store = scripted()
    seen = store.observe({**SETTINGS, "read": {"evidence": evidence}}, [NAME])
    assert seen == {"keys": {NAME: {"plain": {"fingerprint": store.fingerprint(SecretValue(VALUE))}, **dates}}}
    assert f"plain {store.fingerprint(SecretValue(VALUE))}" in store.describe(seen)


@pytest.mark.parametrize(("read", "values"), [(SETTINGS["read"], {NAME: SecretValue(VALUE)}), ("none", PAIR)])
def test_a_run_that_is_stopped_after_a_write_says_so(
    scripted: Connect,
    script: Scripted,
    clock: VirtualClock,
    monkeypatch: pytest.MonkeyPatch,
    read: Any,
    values: dict[str, SecretValue],
) -> None:
    answer = script.answer(200, {"status": "saved"}).next

    def stop(received: Any) -> Any:
        clock.stop()
        return answer(received)

    monkeypatch.setattr(script, "next", stop)
    failure(lambda: scripted().write({**SETTINGS, "read": read}, values, SINCE), errors.StoppedError)


def test_a_refusal_after_a_first_success_leaves_the_outcome_open(scripted: Connect, script: Scripted) -> None:
    script.answer(200).answer(403)
    container = described(write={"body": {"k": "<key>", "v": "<value>"}})
    error = failure(lambda: scripted().write(container, PAIR), errors.OutcomeUnknownError)
    assert error.message.endswith("before that, PGUSER went well")


def test_a_put_is_sent_again_and_a_post_without_an_answer_is_not(scripted: Connect, script: Scripted) -> None:
    body = {"k": "<key>", "v": "<value>"}
    script.drop().answer(200)
    scripted().write(described(write={"body": body}), {NAME: SecretValue(VALUE)})
    script.drop()
    post = described(write={"method": "POST", "body": body})
    failure(lambda: scripted().write(post, {NAME: SecretValue(VALUE)}), errors.OutcomeUnknownError)
    assert script.asked == ["PUT /secrets"] * 2 + ["POST /secrets"]


def test_where_nothing_is_shown_nothing_is_asked_and_changes_do_not_count(scripted: Connect, script: Scripted) -> None:
    script.answer(204)
    store, container = scripted(), described(write={"body": {"k": "<key>", "v": "<value>"}})
    since = store.observe(container, [NAME])
    written = store.write(container, {NAME: SecretValue(VALUE)}, since)
    assert store.unchanged(written, store.observe(container, [NAME]))
    assert store.describe(written) == "nothing is shown of it"
    assert script.asked == ["PUT /secrets"]


def test_where_something_is_shown_by_now_what_was_unseen_before_is_in_doubt(scripted: Connect) -> None:
    seen = {"keys": {NAME: {"updated_at": "today"}}}
    assert not scripted().unchanged({"keys": {NAME: {}}, "unseen": True}, seen)


# What is read


PLACE = {"path": "/secrets/<key>", "value": "data.<key>"}


def test_value_is_read_where_the_place_says(script: Scripted, scripted: Connect) -> None:
    script.answer(200, {"data": {NAME: VALUE}})
    assert scripted().read(PLACE, NAME) == SecretValue(VALUE)
    assert script.asked == [f"GET /secrets/{NAME}"]


@pytest.mark.parametrize("found", [None, "", 7, {"x": VALUE}])
def test_what_is_no_text_is_not_read_nor_shown(script: Scripted, scripted: Connect, found: Any) -> None:
    script.answer(200, {"data": {NAME: found}})
    error = failure(lambda: scripted().read(PLACE, NAME), errors.NotFoundError)
    assert f"http /secrets/<key> has no text in data.<key> for {NAME}" in str(error)


def test_reference_to_an_api_says_where_the_value_stands() -> None:
    url = {"url": "https://api.example"}
    there: dict[str, Any] = {"api": {"type": "http", **url}, "own": {"type": "http", **url}}

    def errors_of(place: dict[str, Any]) -> list[str]:
        there["own"]["token"] = {"store": "api", "key": "TOKEN", **place}
        copy = {"store": "own", **described(write=SETTINGS["write"])}
        entry = {"issuer": {"type": "random"}, "copies": [copy]}
        try:
            parse({"KEY": entry}, {}, there, check_credentials=True)
        except MapError as error:
            return list(error.errors)
        return []

    assert errors_of({"path": "/secrets/<key>", "value": "value"}) == []
    at = "secret_connections.own.token"
    assert errors_of({"path": "/secrets"})[0].startswith(f"{at}: missing option value")
    assert errors_of({"path": "/secrets", "value": "value"}) == [f"{at}.value: neither it nor the path says <key>"]
    assert "value[" in errors_of({"path": "/<value>/<key>", "value": "value["})[1]
    assert errors_of({**PLACE, "write": {}})[0].startswith(f"{at}.write: unknown option")


# What is wrong with a description

BODY = {"k": "<key>", "v": "<value>"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"path": "/secrets/<value>"}, "path: <value> may stand in a body only"),
        ({"write": {"path": "/s?v=<value>", "body": BODY}}, "path: <value> may stand in a body only"),
        ({"write": {"body": {"k": "<key>"}}}, "write.body: it needs <value>"),
        ({"write": {"body": {"v": "<value>"}}}, "write: neither its path nor its body says <key>"),
        ({"write": {"body": {"<value>": "<key>"}}}, "<value> cannot be the name of a member"),
        ({"write": {"body": {"all": {"<key>": "<value>"}, "v": "<value>"}}}, "outside of what is repeated"),
        ({"delete": {"path": "/s", "body": BODY}}, "delete.body: it cannot have <value>"),
        ({"delete": {}}, "delete: neither its path nor its body says <key>"),
        ({"read": {"evidence": {"at": "[key="}}}, "read.evidence.at: [key= is not a path"),
        ({"read": {"evidence": {"at": "items[0].at"}}}, "neither it nor the path says <key>"),
        ({"read": {"evidence": {"at": "[key=<key>].v"}}}, "is where the value stands"),
        ({"write": {"body": BODY, "success": {"a..b": 1}}}, "write.success: a..b is not a path"),
    ],
)
def test_a_wrong_description_is_refused_before_anything_is_sent(
    scripted: Connect, script: Scripted, change: dict[str, Any], complaint: str
) -> None:
    container = {**SETTINGS, "write": {"body": BODY}, **change}
    assert any(complaint in mistake for mistake in HttpSecrets.validate(container, [NAME]))
    failure(lambda: scripted().write(container, {NAME: SecretValue(VALUE)}), errors.InvalidRequestError)
    assert script.received == []


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_that_leads_elsewhere_cannot_stand_in_a_path(name: str) -> None:
    container = described(write={"path": "/secrets/<key>", "body": {"value": "<value>"}})
    assert HttpSecrets.validate(container, [name]) == [f"{name}: it cannot stand in a path"]


def test_without_a_description_of_it_nothing_is_deleted(scripted: Connect) -> None:
    failure(lambda: scripted().delete(described(write={"body": BODY}), [NAME]), errors.ConfigurationError)


def test_plain_http_is_for_loopback_only(clock: VirtualClock) -> None:
    options = {"token": SecretValue(TOKEN), "url": "http://tenant.example"}
    failure(lambda: HttpConnection(options, clock=clock), errors.ConfigurationError)


# A report of a run


def test_a_document_is_put_with_the_token_and_again_after_a_failure(script: Scripted, clock: VirtualClock) -> None:
    script.answer(503).answer(204)
    connection = HttpConnection({"token": SecretValue(TOKEN), "url": script.url}, clock=clock)
    connection.put("/rotor/report", {"failed": False})
    assert script.asked == ["PUT /rotor/report"] * 2
    assert script.received[-1].body == b'{"failed": false}'
    assert TOKEN in script.received[-1].headers["Authorization"]


# What hides it

HIDDEN = {**SETTINGS, "hidden_by": [{"path": "/workspaces/hitl/secrets", "evidence": DATE}]}


@pytest.mark.parametrize(
    ("own", "override", "outdated"),
    [
        ("2026-11-02T00:00:00Z", "2026-11-01T23:59:59Z", [True]),
        ("2026-11-02T00:00:00Z", "2026-11-02T01:00:00+00:00", [False]),
        ("2026-11-02T00:00:00", "2026-11-02T00:00:00Z", [False]),
        ("7", "8", [True]),
        ("2026-11-02T00:00:00Z", None, []),
    ],
)
def test_override_is_told_by_its_date(
    scripted: Connect, script: Scripted, own: str, override: str | None, outdated: list[bool]
) -> None:
    there = [{"key": NAME, "updated_at": override}] if override else []
    script.answer(200, [{"key": NAME, "updated_at": own}]).answer(200, there)

    found = scripted().shadows(HIDDEN, [NAME], fresh=True)

    assert [one.outdated for one in found] == outdated
    assert [(one.key, one.label) for one in found] == [(NAME, "http /workspaces/hitl/secrets")] * len(outdated)


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ({"path": "/w/<id>", "evidence": DATE}, "hidden_by: <id> in its path stands for each item of its list"),
        ({"path": "/w", "evidence": {"at": "[key"}}, "hidden_by: evidence at: [key is not a path"),
        (
            {"path": "/w", "evidence": {"at": "updated_at"}},
            "hidden_by: evidence at: neither it nor the path says <key>",
        ),
        (
            {"path": "/w", "evidence": {"at": "[key=<key>].value"}},
            "value is where the value stands, which is no evidence",
        ),
    ],
)
def test_place_that_hides_is_described_soundly(place: dict[str, Any], problem: str) -> None:
    [said] = HttpSecrets.validate({**SETTINGS, "hidden_by": [place]}, [NAME])
    assert problem in said


def test_override_of_a_workspace_hides_the_global_secret(tenant: HttpSecrets, world: Visitor) -> None:
    listing = {"path": "/workspaces", "items": "workspaces"}
    hidden = {**SETTINGS, "hidden_by": [{"list": listing, "path": "/workspaces/<id>/secrets", "evidence": DATE}]}
    assert tenant.shadows(hidden, [NAME], fresh=True) == []
    world.act("set_workspace_secret", workspace="dev", name=NAME, value="sk-ant-of-dev")
    tenant.write(SETTINGS, {NAME: SecretValue(VALUE)})

    [shadow] = tenant.shadows(hidden, [NAME], fresh=True)

    assert (shadow.place, shadow.label, shadow.outdated) == ("dev", "http /workspaces/dev/secrets", True)
    assert tenant.may_be_hidden(hidden)
    assert not tenant.may_be_hidden(SETTINGS)
