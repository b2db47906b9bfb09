# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of the check ``http``: requests one after the other, each of which may use what an earlier one answered.

What they make has a name of its own, ``<name>``, which is in the ledger before the first request. ``cleanup`` finds it
by that name and deletes it: after the steps however they ended, and where a kill came between, in the next attempt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from ..._core import durations
from ..._core.clock import Clock
from ..._core.contracts import CLEANED, LEFT, MADE, Checkpoint, Evidence, Options
from ..._core.errors import (
    CheckFailedError,
    OutcomeUnknownError,
    RotorError,
    StoppedError,
    UnavailableError,
    UnexpectedAnswerError,
    UnreadableAnswerError,
    UntrustedServerError,
)
from ..._core.http import paths
from ..._core.http.answers import Answer
from ..._core.http.client import HttpClient
from ..._core.http.key_api import Call, send
from . import description

NAME = "<name>"
ANY_STATUS = tuple(range(100, 600))
_OK, _GONE = (200, 201, 202, 204), (200, 202, 204, 404)
_READS = ("GET", "HEAD")
_TEXT = {"type": "string", "minLength": 1}
_PLAIN = {"type": ["string", "number", "boolean", "null"]}
_DURATION = {"type": "string", "pattern": durations.PATTERN, "minLength": 2}
_NOW, _EVERY = "0s", "3s"


def _schema(about: str, **more: Any) -> dict[str, Any]:
    properties = {
        "method": {"enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], "default": "GET"},
        "path": description.PATH,
        "body": {"type": "object"},
        "status": description.STATUSES,
        "save": {"type": "object", "propertyNames": {"pattern": r"^[a-z]\w*$"}, "additionalProperties": _TEXT},
        **more,
    }
    step = {"type": "object", "additionalProperties": False, "properties": properties, "required": ["path"]}
    return {"type": "array", "minItems": 1, "items": step, "description": about}


SCHEMA = {
    "steps": _schema(
        "Requests below url, one after the other, in place of one: path, and method, body and status unless they are "
        "GET, none and 200, 201, 202 or 204. until is what has to stand at JSON paths, matches regular expressions of "
        "what does; within says for how long to ask again. save keeps values for later steps: <org> is what {org: id} "
        f"has found. {NAME} is a name of this attempt, for what they make.",
        until={"type": "object", "minProperties": 1, "additionalProperties": _PLAIN},
        matches={"type": "object", "minProperties": 1, "additionalProperties": _TEXT},
        within={**_DURATION, "default": _NOW},
        every={**_DURATION, "default": _EVERY},
    ),
    "cleanup": _schema(
        f"Requests that find what the steps have made, by {NAME} alone, and delete it; after a kill, in the next run. "
        "A save that finds nothing ends them."
    ),
}


class Steps:
    """One attempt at the steps of a check; ``label`` begins every message."""

    def __init__(
        self, options: Options, client: HttpClient, headers: Mapping[str, str], clock: Clock, label: str
    ) -> None:
        self._options = options
        self._client = client
        self._headers = headers
        self._clock = clock
        self._label = label

    def run(self, name: str, checkpoint: Checkpoint) -> Evidence:
        left = list(checkpoint.recall().get(LEFT, ()))
        for one in left:
            self._clean(one)
        if "cleanup" in self._options:
            checkpoint.record({MADE: name, CLEANED: left})
        try:
            self._carry_out(name)
        except StoppedError:
            raise
        except RotorError as error:
            problem = self._undo(name, left, checkpoint)
            raise error.turned_into(type(error), f"{error.message}; and {problem}") if problem else error from None
        if problem := self._undo(name, left, checkpoint):
            raise CheckFailedError(f"{self._label}: {problem}", hint="Run again: it is deleted first")
        return {"steps": len(self._options["steps"]), "name": name}

    def _undo(self, name: str, left: Sequence[str], checkpoint: Checkpoint) -> str:
        """Delete what was made, and say why that was not possible."""
        if "cleanup" not in self._options:
            return ""
        try:
            self._clean(name)
        except StoppedError:
            raise
        except RotorError as error:
            return f"what it has made, {name}, could not be deleted: {error.message}"
        checkpoint.record({MADE: name, CLEANED: [*left, name]})
        return ""

    def _clean(self, name: str) -> None:
        places: dict[str, Any] = {"name": name}
        for number, step in enumerate(self._options["cleanup"], 1):
            answer, problem = self._ask(step, places, step.get("status", _GONE))
            if answer is None or problem:
                raise self._failed("cleanup", number, step, problem)
            saved = self._saved(step, answer, places) if answer.status != 404 else {}
            if saved.keys() < step.get("save", {}).keys():
                return
            places |= saved

    def _carry_out(self, name: str) -> None:
        places: dict[str, Any] = {"name": name}
        for number, step in enumerate(self._options["steps"], 1):
            answer = self._await(number, step, places)
            saved = self._saved(step, answer, places)
            if lacking := sorted(step.get("save", {}).keys() - saved.keys()):
                raise self._failed("step", number, step, f"answered without {step['save'][lacking[0]]}")
            places |= saved

    def _await(self, number: int, step: Mapping[str, Any], places: Mapping[str, Any]) -> Answer:
        problem = ""

        def good() -> Answer | None:
            nonlocal problem
            answer, problem = self._ask(step, places, step.get("status", _OK))
            problem = problem or (self._unfit(step, answer, places) if answer else "")
            if problem:
                self._clock.waits_for(f"step {number}, which {problem}")
            return None if problem else answer

        within, every = (
            durations.parse(step.get(option, default)).total_seconds()
            for option, default in (("within", _NOW), ("every", _EVERY))
        )
        found = self._clock.poll(good, every=every, within=within)
        if found is None:
            raise self._failed("step", number, step, problem)
        return found

    def _ask(
        self, step: Mapping[str, Any], places: Mapping[str, Any], statuses: Sequence[int]
    ) -> tuple[Answer | None, str]:
        """Send a request, and return the answer and what is wrong with its status."""
        method = step.get("method", "GET")
        call = Call(method, step["path"], step.get("body"), ok=ANY_STATUS)
        timeout = self._options.get("timeout", 10)
        try:
            answer = send(self._client, call, "checking", places, headers=self._headers, timeout=timeout)
        except UntrustedServerError:
            raise
        except (UnavailableError, OutcomeUnknownError, UnreadableAnswerError) as error:
            return None, f"gave no answer: {error.message.rpartition(': ')[2]}"
        wrong = "" if answer.status in statuses else f"answered {answer.status}, not {' or '.join(map(str, statuses))}"
        return answer, wrong

    def _unfit(self, step: Mapping[str, Any], answer: Answer, places: Mapping[str, Any]) -> str:
        if not {"until", "matches"} & step.keys():
            return ""
        try:
            document = answer.json
        except UnexpectedAnswerError:
            return f"answered {answer.status} with something that is not JSON"
        for path, wanted in step.get("until", {}).items():
            if not paths.says(document, _filled(path, places), _filled(wanted, places)):
                return f"does not say {json.dumps(wanted)} at {path}"
        for path, pattern in step.get("matches", {}).items():
            text = paths.text_of(self._at(document, path, places))
            if text is None or not re.search(pattern, text):
                return f"has nothing at {path} that matches {pattern}"
        return ""

    def _saved(self, step: Mapping[str, Any], answer: Answer, places: Mapping[str, Any]) -> dict[str, Any]:
        if "save" not in step:
            return {}
        found = {name: self._at(answer.json, path, places) for name, path in step["save"].items()}
        return {name: value for name, value in found.items() if isinstance(value, (str, int)) and value != ""}

    @staticmethod
    def _at(document: Any, path: str, places: Mapping[str, Any]) -> Any:
        return paths.at(document, _filled(path, places))

    def _failed(self, kind: str, number: int, step: Mapping[str, Any], problem: str) -> CheckFailedError:
        where = f"{kind} {number}, {step.get('method', 'GET')} {step['path']},"
        return CheckFailedError(
            f"{self._label}: {where} {problem}", hint="See what answers there, mend it, and run again"
        )


def makes(options: Options) -> bool:
    """Return whether a step may change something."""
    return any(step.get("method", "GET") not in _READS for step in options.get("steps", ()))


def longest(options: Options) -> timedelta:
    """Return for how long the steps wait for answers, and for what these are to say, at the most."""
    each = timedelta(seconds=options.get("timeout", 10))
    listed = [step for part in SCHEMA for step in options.get(part, ())]
    return sum((each + durations.parse(step.get("within", _NOW)) for step in listed), timedelta())


def problems(options: Options) -> Iterator[str]:
    alone = sorted({"method", "status", "json", "retries", "every", "soak"} & options.keys())
    yield from (f"{option}: with steps, each step says its own" for option in alone)
    steps, cleanup = options["steps"], options.get("cleanup", [])
    for part, listed in (("steps", steps), ("cleanup", cleanup)):
        known = {NAME}
        for step in listed:
            yield from (f"{part}: {place} is unknown" for place in sorted(set(_places(step)) - known))
            known |= {f"<{name}>" for name in step.get("save", {})}
            yield from (f"{part}: {problem}" for problem in _problems_of(step))
    named = {place for step in steps for place in _places(step)}
    if NAME in named and not cleanup:
        yield f"steps: they make {NAME}, and no cleanup deletes that"
    if cleanup and NAME not in {place for step in cleanup for place in _places(step)}:
        yield f"cleanup: it has to find by {NAME} what was made, since a kill may come before more is known"
    if cleanup and NAME not in named:
        yield f"steps: what cleanup deletes is found by {NAME}, and they make nothing of that name"


def _problems_of(step: Mapping[str, Any]) -> Iterator[str]:
    if "within" in step and step.get("method", "GET") not in _READS:
        yield f"within: {step['method']} is not sent again, since it may change something each time"
    found = [path for option in ("until", "matches") for path in step.get(option, ())]
    yield from filter(None, map(paths.problem, [*found, *step.get("save", {}).values()]))
    if "name" in step.get("save", {}):
        yield f"save: {NAME} is the name of this attempt"
    for pattern in step.get("matches", {}).values():
        try:
            re.compile(pattern)
        except re.error:
            yield f"matches: {pattern} is no regular expression"


def _places(step: Mapping[str, Any]) -> Iterator[str]:
    texts = description.texts([step["path"], step.get("body"), step.get("until"), list(step.get("save", {}).values())])
    for text in (*texts, *step.get("matches", {})):
        yield from re.findall(r"<\w+>", text)


def _filled(text: Any, places: Mapping[str, Any]) -> Any:
    return re.sub(r"<(\w+)>", lambda place: str(places[place[1]]), text) if isinstance(text, str) else text
