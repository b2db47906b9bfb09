# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any store as a thin module manages it, with a store that keeps its secrets in a dictionary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Evidence, Limits, Options, Store
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError, ConflictError
from ansible_collections.rotor.secrets.plugins.module_utils._core.module_runner import converge
from ansible_collections.rotor.secrets.plugins.module_utils._core.stored import StoredSecrets

OLD, NEW = "old-value-of-the-test", "new-value-of-the-test"


class Shelf(Store):
    """Readable unless told otherwise; remembers what it was asked to change."""

    readable = True
    limits = Limits(value_bytes=100)
    held: ClassVar[dict[str, str]]
    hidden: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        super().__init__(None, clock=Clock())
        self.changes: list[str] = []

    @classmethod
    def label(cls, container: Options) -> str:
        return f"shelf {container['number']}"

    @classmethod
    def identity(cls, container: Options) -> str:
        return str(container["number"])

    @classmethod
    def validate(cls, container: Options, keys: Sequence[str]) -> list[str]:
        return [f"{key}: names are of letters" for key in keys if not key.isalpha()]

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        return {"keys": {key: self._facts(key) for key in keys if key in self.held}}

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        if since and since["keys"] != self.observe(container, list(values))["keys"]:
            raise ConflictError(f"{self.label(container)} was changed")
        self.changes.append(f"write {', '.join(values)}")
        self.held.update({key: value.reveal() for key, value in values.items()})
        return self.observe(container, list(values))

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        self.changes.append(f"delete {', '.join(keys)}")
        for key in keys:
            self.held.pop(key, None)
        return {"keys": {}}

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        return bool(recorded == observed)

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        return "on the shelf"

    def _facts(self, key: str) -> dict[str, Any]:
        known = self.readable and key not in self.hidden
        return {"version": 1} | ({"fingerprint": self.fingerprint(SecretValue(self.held[key]))} if known else {})


class Dark(Shelf):
    readable = False


class Shelved(StoredSecrets):
    def __init__(self, params: Mapping[str, Any], kind: type[Shelf] = Shelf) -> None:
        super().__init__(params, kind, {"number": 7})
        self.store: Shelf = kind()


@pytest.fixture(autouse=True)
def _shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shelf, "held", {"A": OLD, "SIBLING": OLD}, raising=False)
    monkeypatch.setattr(Shelf, "hidden", set())


def params(**given: Any) -> dict[str, Any]:
    return {"name": None, "value": None, "secrets": None, "state": "present"} | given


def run(resource: StoredSecrets, *, check: bool = False) -> dict[str, Any]:
    result = converge(resource, check_mode=check, diff=True)
    assert OLD not in json.dumps(result)
    assert NEW not in json.dumps(result)
    return result


def names(state: Mapping[str, Any]) -> list[str]:
    return [secret["name"] for secret in state["secrets"]]


def test_a_new_value_is_written_and_is_a_change() -> None:
    resource = Shelved(params(name="A", value=NEW))
    result = run(resource)
    assert result["changed"]
    assert names(result) == ["A"]
    assert Shelf.held == {"A": NEW, "SIBLING": OLD}
    before, after = (result["diff"][side]["secrets"]["A"]["fingerprint"] for side in ("before", "after"))
    assert before != after


def test_the_value_that_is_there_is_left_alone() -> None:
    resource = Shelved(params(name="A", value=OLD))
    assert not run(resource)["changed"]
    assert resource.store.changes == []


@pytest.mark.parametrize("value", [OLD, NEW])
def test_check_mode_knows_of_a_readable_store_what_would_change(value: str) -> None:
    resource = Shelved(params(name="A", value=value))
    result = run(resource, check=True)
    assert result["changed"] is (value == NEW)
    assert "note" not in result
    assert resource.store.changes == []
    assert Shelf.held["A"] == OLD


@pytest.mark.parametrize("given", [{"value": NEW}, {"state": "absent"}])
@pytest.mark.parametrize("kind", [Shelf, Dark])
def test_check_mode_says_what_no_preflight_can_know(
    monkeypatch: pytest.MonkeyPatch, kind: type[Shelf], given: dict[str, Any]
) -> None:
    monkeypatch.setattr(kind, "unverifiable", "whether anybody may write")
    assert run(Shelved(params(name="A", **given), kind), check=True)["note"].endswith(
        "Only a real run can tell whether anybody may write."
    )


def test_several_secrets_are_one_write() -> None:
    resource = Shelved(params(secrets=[{"name": "A", "value": NEW}, {"name": "B", "value": NEW}]))
    result = run(resource)
    assert names(result) == ["A", "B"]
    assert resource.store.changes == ["write A, B"]


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("check", [False, True])
def test_no_secrets_are_nothing_to_do(state: str, check: bool) -> None:
    resource = Shelved(params(secrets=[], state=state))
    result = run(resource, check=check)
    assert (result["changed"], result["secrets"], resource.store.changes) == (False, [], [])


def test_what_has_changed_since_it_was_read_is_not_overwritten() -> None:
    resource = Shelved(params(name="A", value=NEW))
    before = resource.read()
    Shelf.held["A"] = "value-of-somebody-else"
    with pytest.raises(ConflictError):
        resource.apply(before)
    assert Shelf.held["A"] == "value-of-somebody-else"


def test_a_store_that_shows_nothing_writes_every_time_and_check_mode_says_why() -> None:
    for _turn in range(2):
        resource = Shelved(params(name="A", value=NEW), Dark)
        foreseen = run(resource, check=True)
        assert foreseen["changed"]
        assert "cannot be known" in foreseen["note"]
        assert resource.store.changes == []
        assert run(resource)["changed"]
        assert resource.store.changes == ["write A"]


def test_a_key_that_may_not_be_read_is_written_and_is_not_taken_for_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shelf, "hidden", {"A"})
    resource = Shelved(params(secrets=[{"name": "A", "value": OLD}, {"name": "SIBLING", "value": OLD}]))
    result = run(resource)
    assert result["changed"]
    assert result["diff"]["before"]["secrets"].keys() == {"A", "SIBLING"}
    assert resource.store.changes == ["write A, SIBLING"]


def test_absent_deletes_what_is_there_and_nothing_else() -> None:
    resource = Shelved(params(secrets=[{"name": "A"}, {"name": "GONE"}], state="absent"))
    result = run(resource)
    assert (result["changed"], result["secrets"]) == (True, [])
    assert resource.store.changes == ["delete A"]
    assert Shelf.held == {"SIBLING": OLD}


def test_what_is_absent_already_is_no_change() -> None:
    resource = Shelved(params(name="GONE", state="absent"))
    assert not run(resource)["changed"]
    assert resource.store.changes == []


def test_deleting_in_check_mode_deletes_nothing() -> None:
    resource = Shelved(params(name="A", state="absent"))
    assert run(resource, check=True)["changed"]
    assert resource.store.changes == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "A"}, "A: its value is missing or empty"),
        ({"name": "A", "value": ""}, "A: its value is missing or empty"),
        ({"name": "A-B", "value": NEW}, "A-B: names are of letters"),
        ({"name": "A", "value": NEW * 10}, "A: the value is longer than the 100 bytes that are allowed"),
        ({"secrets": [{"name": "A", "value": NEW}, {"name": "B", "value": None}]}, "B: its value is missing or empty"),
    ],
)
def test_what_is_wrong_with_the_options_is_said_before_anything_is_sent(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Shelved(params(**given))
    assert caught.value.message == f"shelf 7: {said}"


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Shelved(params(secrets=[{"name": "A-B", "value": NEW}, {"name": "C", "value": NEW * 10}, {"name": "D"}]))
    assert [part in caught.value.message for part in ("A-B: ", "C: ", "D: ")] == [True, True, True]
    assert NEW not in str(caught.value)


def test_a_value_is_no_mistake_where_the_secret_is_to_be_absent() -> None:
    resource = Shelved(params(name="A", value=NEW * 10, state="absent"))
    assert run(resource)["changed"]
