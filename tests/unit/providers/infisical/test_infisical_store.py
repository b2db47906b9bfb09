# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical's own ways: batches, trimming, approvals, versions. What all stores do is in tests/conformance."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConflictError,
    CrossedError,
    InvalidRequestError,
    NotFoundError,
    PendingApprovalError,
    PermissionDeniedError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.infisical.store import InfisicalSecrets
from tests.sandbox.visitor import Visitor
from tests.unit.providers.infisical.conftest import FOLDER, Connect, asked, holds, value


def test_new_and_old_keys_go_in_one_request(store: InfisicalSecrets, world: Visitor) -> None:
    store.write(FOLDER, value("first"))

    written = store.write(FOLDER, {**value("second"), "OTHER": SecretValue("third")})

    assert asked(world, "/secrets/batch") == ["PATCH", "PATCH"]
    assert {key: facts["version"] for key, facts in written["keys"].items()} == {"API_KEY": 2, "OTHER": 1}
    assert holds(world, "second")
    assert holds(world, "third", "OTHER")


def test_only_what_differs_is_sent(store: InfisicalSecrets, world: Visitor) -> None:
    store.write(FOLDER, {**value("stays"), "OTHER": SecretValue("old")})

    written = store.write(FOLDER, {**value("stays"), "OTHER": SecretValue("new")})

    assert {key: facts["version"] for key, facts in written["keys"].items()} == {"API_KEY": 1, "OTHER": 2}


@pytest.mark.parametrize(("lost", "sent"), [("reset_before", 2), ("reset_after", 1)])
def test_a_write_without_an_answer_is_sent_again_only_if_it_did_not_arrive(
    store: InfisicalSecrets, world: Visitor, lost: str, sent: int
) -> None:
    store.write(FOLDER, value("old"))
    world.tell("faults", provider="infisical", path="/secrets/batch", kind=lost, times=1)

    written = store.write(FOLDER, value("new"))

    assert holds(world, "new")
    assert written["keys"]["API_KEY"]["version"] == 2
    assert asked(world, "/secrets/batch") == ["PATCH"] * (1 + sent)


def test_who_writes_right_before_us_is_told_of(
    store: InfisicalSecrets, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(FOLDER, value("old"))
    ask = store.connection.ask

    def overtaken(method: str, *what: Any, **more: Any) -> Any:
        if method == "PATCH":
            connect().write(FOLDER, value("theirs"))
        return ask(method, *what, **more)

    monkeypatch.setattr(store.connection, "ask", overtaken)
    with pytest.raises(CrossedError, match="somebody else has written API_KEY right before"):
        store.write(FOLDER, value("ours"))


def test_a_write_that_is_answered_with_another_value_is_no_success(
    store: InfisicalSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = store.connection.ask

    def altered(method: str, *what: Any, **more: Any) -> Any:
        said = ask(method, *what, **more)
        if method == "PATCH":
            said["secrets"][0]["secretValue"] = "theirs"
        return said

    monkeypatch.setattr(store.connection, "ask", altered)
    with pytest.raises(UnexpectedAnswerError, match="API_KEY has another value"):
        store.write(FOLDER, value("ours"))


@pytest.mark.parametrize("text", [" x", "x ", "x\n\n", "\tx", "x\r\n", "\nx\n"])
def test_what_the_server_would_trim_is_refused(store: InfisicalSecrets, world: Visitor, text: str) -> None:
    with pytest.raises(InvalidRequestError, match="API_KEY: Infisical trims blanks"):
        store.write(FOLDER, value(text))

    assert asked(world, "/secrets/batch") == []


@pytest.mark.parametrize("text", ["x\n", "two\nlines\n", "inner  blanks"])
def test_what_the_server_keeps_is_taken(store: InfisicalSecrets, world: Visitor, text: str) -> None:
    store.write(FOLDER, value(text))
    assert holds(world, text)


def test_a_reference_to_another_secret_is_refused() -> None:
    refused = InfisicalSecrets.reject_values(FOLDER, value("${prod.backend.OTHER}"))
    assert refused == ["API_KEY: Infisical takes ${…} for a reference to another secret"]


def test_a_change_that_needs_approval_is_no_success(store: InfisicalSecrets, world: Visitor) -> None:
    world.act("guard_infisical_folder")

    with pytest.raises(PendingApprovalError, match=r"pending approval.*request change-1\. Have it approved"):
        store.write(FOLDER, value("later"))

    assert holds(world, "later") is None
    world.act("approve_infisical_requests")
    assert store.write(FOLDER, value("later"))["keys"]["API_KEY"]["version"] == 1
    assert asked(world, "/secrets/batch") == ["PATCH"]


def test_a_deletion_that_needs_approval_is_none(store: InfisicalSecrets, world: Visitor) -> None:
    store.write(FOLDER, value("stays"))
    world.act("guard_infisical_folder")

    with pytest.raises(PendingApprovalError):
        store.delete(FOLDER, ["API_KEY"])

    assert holds(world, "stays")


def test_somebodys_change_since_is_not_overwritten(store: InfisicalSecrets, world: Visitor) -> None:
    written = store.write(FOLDER, value("ours"))
    world.act("set_infisical_secret", name="API_KEY", value="theirs")

    with pytest.raises(ConflictError, match="prod:/backend: somebody else has changed API_KEY"):
        store.write(FOLDER, value("new"), written)

    assert holds(world, "theirs")


def test_who_may_not_read_values_still_has_versions(connect: Connect, world: Visitor) -> None:
    token = world.act("mint_infisical_token", rights=["describe", "create", "edit"])["token"]
    blind = connect(method="token", token=token)

    written = blind.write(FOLDER, value("unseen"))

    assert "fingerprint" not in written["keys"]["API_KEY"]
    assert blind.unchanged(written, blind.observe(FOLDER, ["API_KEY"]))
    assert holds(world, "unseen")


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"project": "nobody"}, "There is no project with the id nobody that this identity could see; a slug is no id"),
        ({"environment": "qa"}, "The project has no environment with the slug qa"),
        ({"path": "/nowhere"}, "Environment prod has no folder /nowhere: make it first"),
    ],
)
def test_a_place_that_is_not_there_is_named(store: InfisicalSecrets, wrong: dict[str, str], hint: str) -> None:
    place = {**FOLDER, **wrong}
    with pytest.raises(NotFoundError, match=hint) as missing:
        store.observe(place, ["API_KEY"])
    assert store.label(place) in str(missing.value)


def test_a_missing_right_is_not_taken_for_absence(connect: Connect, world: Visitor) -> None:
    nobody = connect(method="token", token=world.act("mint_infisical_token", rights=[])["token"])
    with pytest.raises(PermissionDeniedError, match="may describe secrets in infisical molecule prod:/backend"):
        nobody.observe(FOLDER, ["SENTRY_DSN"])


def test_two_spellings_of_a_folder_are_one(store: InfisicalSecrets) -> None:
    assert store.identity({**FOLDER, "path": "/backend/"}) == store.identity(FOLDER)
    assert store.observe({**FOLDER, "path": "//backend/"}, ["SENTRY_DSN"])["keys"]


def test_never_more_than_four_requests_are_under_way(store: InfisicalSecrets, world: Visitor) -> None:
    with ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(lambda _number: store.observe(FOLDER, ["SENTRY_DSN"]), range(40)))

    assert all(one["keys"] for one in seen)
    assert world.ask("state")["infisical"]["most_at_once"] <= 4


def test_the_list_has_no_values(store: InfisicalSecrets) -> None:
    assert [sorted(one) for one in store.listed(FOLDER)] == [["name", "updated_at", "version"]]


def test_a_secret_that_one_may_not_see_is_not_absent(connect: Connect, world: Visitor) -> None:
    token = world.act("mint_infisical_token", unseen=["SENTRY_DSN"])["token"]
    with pytest.raises(PermissionDeniedError, match="SENTRY_DSN among them"):
        connect(method="token", token=token).observe(FOLDER, ["SENTRY_DSN"])


def test_what_infisical_rotates_itself_is_refused_before_anything_is_written(
    store: InfisicalSecrets, world: Visitor
) -> None:
    world.act("rotate_infisical_secret", name="SENTRY_DSN")
    for task in (
        lambda: store.observe(FOLDER, ["SENTRY_DSN"]),
        lambda: store.write(FOLDER, {**value("new"), "SENTRY_DSN": SecretValue("new")}),
    ):
        with pytest.raises(InvalidRequestError, match="Infisical rotates SENTRY_DSN itself"):
            task()
    assert not holds(world, "new")


def test_a_secret_made_anew_is_another_one_although_its_version_is_the_same(
    connect: Connect, store: InfisicalSecrets, world: Visitor
) -> None:
    token = world.act("mint_infisical_token", rights=["describe", "write"])["token"]
    blind = connect(method="token", token=token)
    written = blind.write(FOLDER, value("ours"))
    store.delete(FOLDER, ["API_KEY"])
    world.act("set_infisical_secret", name="API_KEY", value="theirs")

    assert not blind.unchanged(written, blind.observe(FOLDER, ["API_KEY"]))


def test_more_than_a_request_holds_is_refused() -> None:
    values = {f"KEY_{number}": SecretValue(f"{number}" * 300_000) for number in range(4)}
    assert InfisicalSecrets.reject_values(FOLDER, values)[-1].endswith("Infisical takes no request of more than 1 MiB")


def reads(world: Visitor) -> list[str]:
    """What was read, in order."""
    requests = world.ask("requests")["requests"]
    paths = [entry["path"] for entry in requests if entry["method"] == "GET"]
    return [path.removeprefix("/api/v4/") for path in paths]


def test_only_the_named_secrets_are_read(store: InfisicalSecrets, world: Visitor) -> None:
    store.observe(FOLDER, ["SENTRY_DSN"])
    assert reads(world) == ["secrets/SENTRY_DSN"]


def test_many_secrets_are_read_by_one_list(store: InfisicalSecrets, world: Visitor) -> None:
    values = {f"KEY_{number}": SecretValue(f"value-{number}") for number in range(5)}
    store.write(FOLDER, values)
    asked_before = len(reads(world))
    assert store.observe(FOLDER, list(values))["keys"].keys() == values.keys()
    assert reads(world)[asked_before:] == ["secrets"]


@pytest.mark.parametrize("others", [0, 5])
def test_who_may_read_some_values_only_has_those(
    connect: Connect, store: InfisicalSecrets, world: Visitor, others: int
) -> None:
    names = ["API_KEY", *(f"OTHER_{number}" for number in range(others))]
    store.write(FOLDER, {name: SecretValue(f"value of {name}") for name in names})
    token = world.act("mint_infisical_token", unreadable=["SENTRY_DSN"])["token"]
    narrow = connect(method="token", token=token)

    assert all("fingerprint" in facts for facts in narrow.observe(FOLDER, names)["keys"].values())
    assert "fingerprint" not in narrow.observe(FOLDER, ["SENTRY_DSN"])["keys"]["SENTRY_DSN"]


def test_a_name_too_long_for_an_address_is_read_from_the_list(store: InfisicalSecrets) -> None:
    name = "LONG_" * 40
    written = store.write(FOLDER, {name: SecretValue("a value")})
    assert store.unchanged(written, store.observe(FOLDER, [name]))
    assert store.delete(FOLDER, [name]) == {"keys": {}}
    assert store.observe(FOLDER, [name])["keys"] == {}


def test_imported_secret_is_neither_seen_nor_touched(store: InfisicalSecrets, world: Visitor) -> None:
    world.act("set_infisical_secret", name="API_KEY", value="of the other folder", path="/")
    world.act("import_infisical_folder", source="/")
    assert store.observe(FOLDER, ["API_KEY"])["keys"] == {}
    assert store.delete(FOLDER, ["API_KEY"]) == {"keys": {}}

    store.write(FOLDER, value("own"))

    assert holds(world, "own")
    assert store.observe(FOLDER, ["API_KEY"])["keys"]["API_KEY"]["version"] == 1


def test_a_value_that_lies_there_is_read_and_an_absent_one_told(store: InfisicalSecrets) -> None:
    store.write(FOLDER, value("first"))
    assert store.read(FOLDER, "API_KEY") == SecretValue("first")
    with pytest.raises(NotFoundError, match="has no value in OTHER"):
        store.read(FOLDER, "OTHER")


def test_folder_is_read_whole(store: InfisicalSecrets) -> None:
    values = {name: SecretValue(f"of {name}") for name in ("API_KEY", "B", "C", "D", "E")}
    store.write(FOLDER, values)
    assert store.contents(FOLDER, list(values)) == values
    assert store.contents(FOLDER, []).items() > values.items()
