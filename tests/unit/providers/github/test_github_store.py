# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a repository, for Actions."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from nacl.public import PrivateKey, SealedBox

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ForeignChangeError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RotorError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import GitHubConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.store import GitHubSecrets
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import START, Scripted, VirtualClock
from tests.unit.providers.github.asked import BASE, REPOSITORY, repository, requests
from tests.unit.providers.github.conftest import Connect

CONTAINER = {"repository": REPOSITORY}
NAME = "FLY_API_TOKEN"
VALUE = "value-of-the-store-tests-\u00e4"
NEW = {NAME: SecretValue(VALUE)}
PATH = f"{BASE}/actions/secrets"


@pytest.fixture
def store(github: GitHubConnection, clock: VirtualClock) -> GitHubSecrets:
    return GitHubSecrets(github, clock=clock)


@pytest.fixture
def scripted_store(scripted: GitHubConnection, clock: VirtualClock) -> GitHubSecrets:
    return GitHubSecrets(scripted, clock=clock)


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def key(private: PrivateKey, key_id: str) -> dict[str, str]:
    return {"key_id": key_id, "key": base64.b64encode(bytes(private.public_key)).decode()}


def at(moment: datetime) -> dict[str, str]:
    return {"name": NAME, "updated_at": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}


def test_observing_gives_a_date_for_each_key_that_exists(store: GitHubSecrets, world: Visitor) -> None:
    seen = store.observe(CONTAINER, [NAME, "NOT_THERE"])
    assert seen == {"keys": {NAME: {"updated_at": seen["keys"][NAME]["updated_at"]}}}
    assert requests(world) == ["GET /", "GET /actions/secrets"]


def test_what_was_written_is_sealed_for_the_repository_and_for_nobody_else(
    store: GitHubSecrets, world: Visitor
) -> None:
    evidence = store.write(CONTAINER, NEW)
    world.act("queue_run", repository=REPOSITORY, workflow="ci.yml")
    assert VALUE in world.ask("credentials")["values"], "GitHub opened the box"
    assert evidence["keys"][NAME]["updated_at"] <= now()


def test_a_write_after_an_observation_asks_for_nothing_twice(store: GitHubSecrets, world: Visitor) -> None:
    for _turn in range(2):
        store.write(CONTAINER, NEW)
    written = [f"PUT /actions/secrets/{NAME}", f"GET /actions/secrets/{NAME}"]
    assert requests(world) == ["GET /actions/secrets/public-key", *written, *written]


def test_a_write_takes_the_public_key_from_the_evidence_of_the_last(
    store: GitHubSecrets, world: Visitor, connect: Connect, clock: VirtualClock
) -> None:
    evidence = store.write(CONTAINER, NEW)
    before = len(requests(world))
    GitHubSecrets(connect({"secrets": "write"}), clock=clock).write(CONTAINER, NEW, evidence)
    path = f"/actions/secrets/{NAME}"
    assert requests(world)[before:] == [f"GET {path}", f"PUT {path}", f"GET {path}"]


def test_a_change_since_it_was_looked_at_is_refused(store: GitHubSecrets, world: Visitor) -> None:
    since = {"keys": {NAME: {"updated_at": "2026-01-01T00:00:00Z"}}}
    with pytest.raises(ForeignChangeError, match="somebody else has changed it; nothing was sent"):
        store.write(CONTAINER, NEW, since)
    assert not any(line.startswith("PUT") for line in requests(world))


def test_several_secrets_of_a_repository_are_looked_at_by_one_list(store: GitHubSecrets, world: Visitor) -> None:
    values = {f"SEVERAL_{at}": SecretValue(f"value-{at}") for at in range(3)}
    evidence = store.write(CONTAINER, values)
    before = len(requests(world))
    store.write(CONTAINER, values, evidence)
    puts = [f"PUT /actions/secrets/{name}" for name in values]
    assert requests(world)[before:] == ["GET /actions/secrets", *puts, "GET /actions/secrets"]


def test_repositories_are_asked_for_together(store: GitHubSecrets, world: Visitor) -> None:
    names = [f"Molecule-AI/service-{at}" for at in range(3)]
    for name in names:
        world.act("create_github_repository", owner="Molecule-AI", name=name.partition("/")[2])
    seen = store.observe_all([({"repository": name}, [NAME]) for name in [*names, "Molecule-AI/nowhere"]])
    assert seen[:3] == [{"keys": {}}] * 3
    assert isinstance(seen[3], NotFoundError)
    lists = [f"GET /repos/{name}/actions/secrets" for name in names]
    assert requests(world) == ["POST /graphql", *lists, "GET /repos/Molecule-AI/nowhere"]


@pytest.mark.parametrize("fact", ["isArchived", "isDisabled"])
def test_a_repository_of_several_that_takes_no_secrets_is_found(
    scripted_store: GitHubSecrets, script: Scripted, fact: str
) -> None:
    told = {"nameWithOwner": REPOSITORY, "isArchived": False, "isDisabled": False, "viewerPermission": "WRITE"}
    told |= {"defaultBranchRef": {"name": "main"}, fact: True}
    script.answer(200, {"data": {"r0": told, "r1": None}}).answer(404)
    seen = scripted_store.observe_all([(CONTAINER, [NAME]), ({"repository": "Molecule-AI/nowhere"}, [NAME])])
    assert "takes no secrets" in str(seen[0])
    assert isinstance(seen[1], NotFoundError)


@pytest.mark.parametrize("status", [200, 404, 502])
def test_repositories_are_asked_for_alone_where_graphql_does_not_answer(
    store: GitHubSecrets, world: Visitor, status: int
) -> None:
    world.act("create_github_repository", owner="Molecule-AI", name="other")
    world.tell("faults", provider="github", method="POST", path="/graphql", kind="status", status=status, times=0)
    seen = store.observe_all([(CONTAINER, [NAME]), ({"repository": "Molecule-AI/other"}, [NAME])])
    assert [list(each["keys"]) for each in seen if not isinstance(each, RotorError)] == [[NAME], []]


def test_evidence_tells_a_change_by_somebody_else(store: GitHubSecrets) -> None:
    written = {"keys": {NAME: {"updated_at": "2026-11-21T02:14:07Z"}}}
    assert store.unchanged(written, dict(written))
    assert not store.unchanged(written, {"keys": {NAME: {"updated_at": "2026-11-21T03:00:00Z"}}})
    assert not store.unchanged(written, {"keys": {}})
    assert not store.unchanged({"keys": {}}, written)
    assert store.unchanged({"keys": {}}, {"keys": {}})


def test_two_spellings_of_one_moment_are_no_change(store: GitHubSecrets) -> None:
    listed, single = (
        {"keys": {NAME: {"updated_at": f"2026-11-21T{at}"}}} for at in ("02:14:07Z", "03:14:07.000+01:00")
    )
    assert store.unchanged(listed, single)
    assert store.describe(single) == store.describe(listed) == "updated 02:14:07"


def test_evidence_is_described_in_a_few_words(store: GitHubSecrets) -> None:
    assert store.describe({"keys": {NAME: {"updated_at": "2026-11-21T02:14:07Z"}}}) == "updated 02:14:07"
    assert store.describe({"keys": {}}) == "absent"


def test_a_new_secret_is_made(store: GitHubSecrets) -> None:
    evidence = store.write(CONTAINER, {"BRAND_NEW": SecretValue("value-of-a-new-secret")})
    assert store.unchanged(evidence, store.observe(CONTAINER, ["BRAND_NEW"]))


def test_deleting_takes_absent_keys_for_deleted(store: GitHubSecrets) -> None:
    store.delete(CONTAINER, [NAME, "NOT_THERE"])
    assert store.observe(CONTAINER, [NAME]) == {"keys": {}}


def test_deleting_in_a_missing_repository_is_an_error(store: GitHubSecrets) -> None:
    with pytest.raises(NotFoundError):
        store.delete({"repository": "Molecule-AI/nowhere"}, [NAME])


def test_every_page_is_listed(store: GitHubSecrets, world: Visitor) -> None:
    for number in range(90):
        world.act("set_repo_secret", repository=REPOSITORY, name=f"MORE_{number}", value="unimportant")
    names = [secret["name"] for secret in store.listed(CONTAINER)]
    assert len(names) == len(set(names)) == 94


def test_two_spellings_of_a_repository_are_one_container() -> None:
    assert GitHubSecrets.identity(CONTAINER) == GitHubSecrets.identity({"repository": REPOSITORY.lower()})
    assert GitHubSecrets.label(CONTAINER) == f"github {REPOSITORY}"


@pytest.mark.parametrize("name", ["lower_case", "1ST", "WITH-DASH", "", "GITHUB_TOKEN"])
def test_names_that_github_refuses_are_mistakes(name: str) -> None:
    assert GitHubSecrets.validate(CONTAINER, [name, NAME])[0].startswith(f"{name}: GitHub keeps names")
    assert GitHubSecrets.validate(CONTAINER, [NAME, "_UNDER_1"]) == []


@pytest.mark.parametrize("values", [{NAME: SecretValue("x" * 49153)}, {"bad-name": SecretValue("good-value")}])
def test_what_github_would_refuse_is_not_sent(
    store: GitHubSecrets, world: Visitor, values: dict[str, SecretValue]
) -> None:
    with pytest.raises(InvalidRequestError, match="nothing was sent"):
        store.write(CONTAINER, NEW | values)
    assert requests(world) == []


def test_the_largest_value_is_taken(store: GitHubSecrets) -> None:
    assert NAME in store.write(CONTAINER, {NAME: SecretValue("x" * 49152)})["keys"]


# Rights


def test_a_token_without_the_right_to_secrets_is_found_before_any_write(connect: Connect, clock: VirtualClock) -> None:
    store = GitHubSecrets(connect({"actions": "write"}), clock=clock)
    with pytest.raises(PermissionDeniedError) as caught:
        store.observe(CONTAINER, [NAME])
    assert caught.value.hint == "It needs the permission secrets=read"


def test_a_right_to_read_alone_is_named_by_the_write(connect: Connect, clock: VirtualClock) -> None:
    store = GitHubSecrets(connect({"secrets": "read"}), clock=clock)
    with pytest.raises(PermissionDeniedError) as caught:
        store.write(CONTAINER, NEW)
    assert caught.value.hint == "It needs the permission secrets=write"


@pytest.mark.parametrize("state", ["archived", "disabled"])
def test_a_repository_that_takes_no_secrets_is_found_before_any_write(
    scripted_store: GitHubSecrets, script: Scripted, state: str
) -> None:
    script.answer(200, repository(**{state: True}))
    with pytest.raises(PermissionDeniedError, match="takes no secrets"):
        scripted_store.observe(CONTAINER, [NAME])


# When things go wrong in between


def test_a_lost_answer_to_a_write_is_put_right_by_writing_again(store: GitHubSecrets, world: Visitor) -> None:
    world.tell("faults", provider="github", method="PUT", path=".*", times=1, kind="reset_after")
    assert NAME in store.write(CONTAINER, NEW)["keys"]


def test_a_new_public_key_is_fetched_once(scripted_store: GitHubSecrets, script: Scripted, clock: VirtualClock) -> None:
    old, new = PrivateKey.generate(), PrivateKey.generate()
    script.answer(200, key(old, "1")).answer(422).answer(200, key(new, "2")).answer(204).answer(200, at(START))
    scripted_store.write(CONTAINER, NEW)
    sent = script.received[3].json
    assert sent["key_id"] == "2"
    assert SealedBox(new).decrypt(base64.b64decode(sent["encrypted_value"])).decode() == VALUE


def test_a_refusal_with_the_right_key_is_not_repeated(scripted_store: GitHubSecrets, script: Scripted) -> None:
    known = key(PrivateKey.generate(), "1")
    script.answer(200, known).answer(422).answer(200, known)
    with pytest.raises(InvalidRequestError):
        scripted_store.write(CONTAINER, NEW)
    assert script.asked == [f"GET {PATH}/public-key", f"PUT {PATH}/{NAME}", f"GET {PATH}/public-key"]


def test_a_date_from_before_the_write_is_no_evidence_of_it(scripted_store: GitHubSecrets, script: Scripted) -> None:
    stale = datetime(2026, 11, 1, tzinfo=UTC)
    script.answer(200, key(PrivateKey.generate(), "1")).answer(204)
    script.answer(200, at(stale)).answer(404).answer(200, at(START))
    assert scripted_store.write(CONTAINER, NEW)["keys"] == {NAME: {"updated_at": "2026-11-21T12:00:00Z"}}


def test_a_write_that_is_never_shown_is_reported(scripted_store: GitHubSecrets, script: Scripted) -> None:
    script.answer(200, key(PrivateKey.generate(), "1")).answer(204)
    for _turn in range(11):
        script.answer(404)
    with pytest.raises(UnexpectedAnswerError, match="does not show it"):
        scripted_store.write(CONTAINER, NEW)


@pytest.mark.parametrize("public", ["c2hvcnQ=", "not base64!"])
def test_a_key_that_is_none_seals_nothing(scripted_store: GitHubSecrets, script: Scripted, public: str) -> None:
    script.answer(200, {"key_id": "1", "key": public})
    with pytest.raises(UnexpectedAnswerError, match="not a Curve25519 key"):
        scripted_store.write(CONTAINER, NEW)


def test_no_error_holds_the_value(store: GitHubSecrets, world: Visitor) -> None:
    world.tell("faults", provider="github", method="PUT", path=".*", times=9, kind="status", status=400)
    with pytest.raises(InvalidRequestError) as caught:
        store.write(CONTAINER, NEW)
    assert VALUE not in str(caught.value)


def test_a_second_key_that_is_refused_leaves_the_outcome_of_both_unknown(store: GitHubSecrets, world: Visitor) -> None:
    world.tell("faults", provider="github", method="PUT", path="/secrets/SECOND$", status=403, times=0)

    with pytest.raises(OutcomeUnknownError, match=r"writing SECOND of .* answered 403.*after something was written"):
        store.write(CONTAINER, {**NEW, "SECOND": SecretValue("of-the-store-tests")})


def test_a_write_that_cannot_be_read_back_is_no_refusal(store: GitHubSecrets, world: Visitor) -> None:
    world.tell("faults", provider="github", method="GET", path=f"/secrets/{NAME}$", status=403, times=0)

    with pytest.raises(OutcomeUnknownError, match="after something was written"):
        store.write(CONTAINER, NEW)
