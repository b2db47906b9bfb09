# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of a JSON API that the user describes: write-only, with the evidence that the description names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from ..._core.contracts import Evidence, Limits, Options, Schema, Shadow, Store
from ..._core.credential import SecretValue
from ..._core.errors import (
    ConfigurationError,
    NotFoundError,
    OutcomeUnknownError,
    RotorError,
    StoppedError,
    UnexpectedAnswerError,
    after_an_effect,
)
from ..._core.http import paths
from ..._core.http.answers import Answer
from . import description
from .client import HttpConnection
from .consumer import HttpRequests, ids_of

_METHODS = {"write": "PUT", "delete": "DELETE"}
_OK = {"write": description.OK, "delete": description.GONE}
_UNSEEN = "unseen"
_VERSION = re.compile(r"v?\d{1,5}(\.\d{1,5}){0,3}")

_HIDDEN_BY = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["path", "evidence"],
        "properties": {**description.READ["properties"], "list": HttpRequests.schema.properties["list"]},
    },
    "description": "Where else a secret of the same name may be, which wins over this one: a path, and evidence as in "
    "read; with list, as the consumer http has it, <id> in the path is each of its items. A date of the same name as "
    "in read tells which is older; without one, whatever is there is taken for older.",
}


class HttpSecrets(Store):
    """A container is a description with its path. ``read: none`` is said aloud by whoever has nothing to compare."""

    schema = Schema({**description.SCHEMA.properties, "hidden_by": _HIDDEN_BY}, description.SCHEMA.required)
    to_read = description.TO_READ
    limits = Limits(keys_at_once=1)  # unless the description repeats something for each of them
    unverifiable = "whether the token may write; and where read is none, whether somebody else has changed a secret"
    connection: HttpConnection

    @classmethod
    def label(cls, container: Options) -> str:
        return f"http {container['path']}"

    @classmethod
    def identity(cls, container: Options) -> str:
        return str((container.get("write") or {}).get("path") or container["path"])

    @classmethod
    def validate(cls, container: Options, keys: Sequence[str]) -> list[str]:
        return (description.validate_place if "value" in container else description.validate)(container, keys)

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        read = description.reading(container)
        if read is None:
            return {"keys": {}, _UNSEEN: True}
        seen = self._read_each if description.KEY in read["path"] else self._read_all
        found = {key: facts for key, facts in seen(container, read, keys).items() if facts}
        return {"keys": found}

    @classmethod
    def place(cls, container: Options) -> str:
        return str((description.reading(container) or container)["path"])

    @classmethod
    def may_be_hidden(cls, container: Options) -> bool:
        return bool(container.get("hidden_by"))

    def shadows(self, container: Options, keys: Sequence[str], *, fresh: bool = False) -> list[Shadow]:
        """Read the places that the description names, and compare their dates with those of the secrets."""
        own = self.observe(container, keys)["keys"]
        found: list[Shadow] = []
        for place, path, evidence in self._hiding(container):
            one = {"path": path, "read": {"evidence": evidence}}
            for key, facts in self.observe(one, keys)["keys"].items():
                outdated = not _is_newer(facts, own.get(key) or {})
                found.append(Shadow(key, place, self.label(one), path, outdated))
        return found

    def _hiding(self, container: Options) -> Iterator[tuple[str, str, Mapping[str, str]]]:
        """Yield name, path and evidence of each place that hides a secret; of an item of a list, the name is its id."""
        for place in container["hidden_by"]:
            path = place["path"]
            ids = ids_of(place["list"], self.connection, self.clock) if "list" in place else []
            yield from ((one, path.replace(description.ID, quote(one, safe="")), place["evidence"]) for one in ids)
            if "list" not in place:
                yield path, path, place["evidence"]

    def read(self, container: Options, key: str) -> SecretValue:
        path, doing = description.in_path(container["path"], key), f"reading {key} of {self.label(container)}"
        value = paths.at(self.connection.read(path, doing, ok=(200,)).json, container["value"], key)
        if not isinstance(value, str) or not value:
            raise NotFoundError(f"{self.label(container)} has no text in {container['value']} for {key}")
        return SecretValue(value)

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        self.refuse_unfit(container, values)
        if since is None:
            self.observe(container, list(values))  # what cannot be read back had better not be written
        done = self._change(container, "write", {key: value.reveal() for key, value in values.items()})
        if description.reading(container) is None:
            return {"keys": {key: {} for key in values}, _UNSEEN: True}
        seen = self._look_back(container, done)
        if missing := [key for key in values if key not in seen["keys"]]:
            raise UnexpectedAnswerError(
                f"{self.label(container)} took {', '.join(missing)}, and does not show it",
                hint="Does the description's read say where it is shown?",
            )
        with after_an_effect():
            self._refuse_values_as_evidence(container, seen, values)
        return seen

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        if container.get("delete") is None:
            raise ConfigurationError(
                f"{self.label(container)}: its description does not say how to delete", hint="Add delete to it"
            )
        seen = self.observe(container, keys)
        there = list(keys) if seen.get(_UNSEEN) else list(seen["keys"])
        if not there:
            return {"keys": {}}
        done = self._change(container, "delete", dict.fromkeys(there, ""))
        if left := list(self._look_back(container, done)["keys"]):
            raise UnexpectedAnswerError(f"{self.label(container)} took the deletion of {', '.join(left)}, and shows it")
        return {"keys": {}}

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        """Compare evidence; with ``read: none`` the user has said that changes by others do not count."""
        return dict(recorded["keys"]) == dict(observed["keys"]) or bool(recorded.get(_UNSEEN) and observed.get(_UNSEEN))

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        if evidence.get(_UNSEEN):
            return "nothing is shown of it"
        facts = {f"{name} {_shown(fact)}" for facts in evidence["keys"].values() for name, fact in facts.items()}
        return ", ".join(sorted(facts)) or "absent"

    def _look_back(self, container: Options, done: Sequence[str]) -> Evidence:
        try:
            return self.observe(container, done)
        except StoppedError:
            raise
        except RotorError as error:
            raise _halfway(error, done) from None

    def _change(self, container: Options, name: str, values: Mapping[str, str]) -> list[str]:
        operation = container[name]
        method, ok = operation.get("method") or _METHODS[name], tuple(operation.get("ok") or _OK[name])
        done: list[str] = []
        for path, body, keys in description.requests(container, name, values):
            doing = f"{'writing' if name == 'write' else 'deleting'} {', '.join(keys)} of {self.label(container)}"
            try:
                answer = self.connection.change(method, path, doing, body=body, ok=ok)
            except StoppedError:
                raise
            except RotorError as error:
                raise _halfway(error, done) if done else error from None
            if answer.status != 404:
                _expect(answer, operation.get("success") or {}, keys)
            done += keys
        return done

    def _read_all(self, container: Options, read: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Evidence]:
        answer = self.connection.read(read["path"], f"looking at {self.label(container)}", ok=(200,))
        return {key: self._evidence(answer, read["evidence"], key, may_lack=True) for key in keys}

    def _read_each(self, container: Options, read: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Evidence]:
        found: dict[str, Evidence] = {}
        for key in keys:
            doing = f"looking at {key} of {self.label(container)}"
            answer = self.connection.read(description.in_path(read["path"], key), doing, ok=(200, 404))
            found[key] = {} if answer.status == 404 else self._evidence(answer, read["evidence"], key, may_lack=False)
        return found

    def _evidence(self, answer: Answer, wanted: Mapping[str, str], key: str, *, may_lack: bool) -> Evidence:
        """Return the evidence of a key; a text that may be a value, which nobody knows before a write, is not kept."""
        facts = _facts(answer, wanted, key, may_lack=may_lack)
        return {name: self._fingerprinted(fact) if _may_be_value(fact) else fact for name, fact in facts.items()}

    def _fingerprinted(self, text: str) -> Evidence:
        return {"fingerprint": self.fingerprint(SecretValue(text))}

    def _refuse_values_as_evidence(self, container: Options, seen: Evidence, values: Mapping[str, SecretValue]) -> None:
        facts = [fact for facts in seen["keys"].values() for fact in facts.values()]
        given = {value.reveal() for value in values.values()} | {self.fingerprint(one) for one in values.values()}
        if any(one in str(_shown(fact)) for one in given for fact in facts):
            raise ConfigurationError(
                f"{self.label(container)}: read.evidence leads to the value itself, which was not kept",
                hint="Name a version or a date instead",
            )


def _may_be_value(fact: Any) -> bool:
    """Tell whether a fact is a text that is neither a date nor the number of a version."""
    return isinstance(fact, str) and not (_VERSION.fullmatch(fact) or _time(fact))


def _shown(fact: Any) -> Any:
    return fact["fingerprint"] if isinstance(fact, Mapping) else fact


def _is_newer(facts: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Return whether dates of the same name say that something was not written before our own."""
    pairs = [(_time(facts[name]), _time(own[name])) for name in facts.keys() & own.keys()]
    times = [(theirs, ours) for theirs, ours in pairs if theirs and ours]
    return bool(times) and all(theirs >= ours for theirs, ours in times)


def _time(text: Any) -> datetime | None:
    """Parse a date; one without an offset is taken for UTC."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _facts(answer: Answer, wanted: Mapping[str, str], key: str, *, may_lack: bool) -> Evidence:
    """Return what stands where a key's evidence is to be; empty where the document lacks the key."""
    facts = {name: paths.at(answer.json, path, key) for name, path in wanted.items()}
    there = [fact for fact in facts.values() if fact is not None]
    if not there and may_lack:
        return {}
    odd = [name for name, fact in facts.items() if fact is None or isinstance(fact, (dict, list))]
    if odd:
        raise UnexpectedAnswerError(
            f"{answer.where} answered {answer.status} without {', '.join(odd)} of {key}",
            hint="Does read.evidence say where it stands?",
            status=answer.status,
        )
    return facts


def _halfway(error: RotorError, done: Sequence[str]) -> OutcomeUnknownError:
    """Return the error of a write that failed halfway: earlier requests had their effect."""
    message = f"{error.message}; before that, {', '.join(done)} went well"
    return OutcomeUnknownError(message, hint=error.hint, status=error.status, request_id=error.request_id)


def _expect(answer: Answer, success: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Check what the description calls a success; a page never is one, and an answer without a body is no page."""
    if answer.text.strip() and answer.headers.get("Content-Type", "").startswith("text/html"):
        raise UnexpectedAnswerError(f"{answer.where} answered {answer.status} with a page", status=answer.status)
    for path, value in success.items():
        for key in keys:
            found = paths.at(answer.json, path, key)
            if found != value or isinstance(found, bool) != isinstance(value, bool):
                raise UnexpectedAnswerError(
                    f"{answer.where} answered {answer.status}, and {path} in its JSON is not {json.dumps(value)}",
                    hint="By its description, that is no success; what became of it has to be looked up",
                    status=answer.status,
                )
