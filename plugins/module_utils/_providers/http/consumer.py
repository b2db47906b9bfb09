# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The consumer ``http``: a deploy hook, or one request for each item of a list, until what runs there says it is well.

A run that was killed sends its requests again, and so does one that got no answer: to reload twice does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ..._core import durations
from ..._core.clock import Clock
from ..._core.contracts import Checkpoint, Consumer, Evidence, Options, Schema, Written
from ..._core.errors import RotorError, UnavailableError, UnexpectedAnswerError
from ..._core.http import paths
from ..._core.http.answers import Answer
from ..._core.http.key_api import Call, Facts, Listing, id_of, read_items, send
from ..._core.outside_text import NAME, printable
from . import description
from .client import HttpConnection

ID, ANSWER = "<id>", "<answer>"
_JSON = {"type": "string", "minLength": 1}
_PLAIN = {"type": ["string", "number", "boolean", "null"]}
_SAYS = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"oneOf": [_PLAIN, {"type": "array", "items": _PLAIN, "minItems": 1}]},
}
_DURATION = {"type": "string", "pattern": durations.PATTERN, "minLength": 2}
_WITHIN, _EVERY = "5m", "5s"
_FEW = 5


def _object(about: str, required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    known = {"type": "object", "additionalProperties": False, "required": list(required)}
    return {**known, "properties": properties, "description": about}


@dataclass
class _Item:
    """What one request is about; ``before`` is what stood at the paths that have to change."""

    id: str = ""
    aside: str = ""
    """Why it is left alone; empty where it is not."""
    before: Mapping[str, Any] = field(default_factory=dict)
    answer: str = ""

    def __str__(self) -> str:
        return printable(self.id, NAME) or "it"

    @property
    def places(self) -> dict[str, str]:
        return {"id": self.id, "answer": self.answer}


class HttpRequests(Consumer):
    """Requests of a JSON API; its list is read anew for each reload."""

    schema = Schema(
        properties={
            "request": _object(
                f"What reloads it; {ID} in its path and its body is the item that it is sent for.",
                ("path",),
                method={"enum": ["POST", "PUT", "PATCH", "DELETE"], "default": "POST"},
                path=description.PATH,
                body={"type": "object"},
                ok={**description.STATUSES, "default": [200, 201, 202, 204]},
            ),
            "items": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "uniqueItems": True,
                "description": f"A request for each of these, which {ID} stands for.",
            },
            "list": _object(
                f"A request for each item that this lists. items says where the list stands in the answer, id where "
                f"in an item that stands which is {ID}. Pages: after is the parameter of the cursor, which stands at "
                "cursor, or is the last id; page is the parameter that counts; more says if there are.",
                ("path",),
                path=description.PATH,
                params={"type": "object"},
                **dict.fromkeys(("items", "id", "after", "cursor", "page", "more"), _JSON),
            ),
            "skip_when": {
                **_SAYS,
                "description": "JSON path in a listed item: the value, or the values, of one that is left alone: "
                "{status: paused}. The plan and the run name it.",
            },
            "await": _object(
                "What to look at after each request: until holds what has to stand at its JSON paths, failed what "
                "ends the wait, changed the paths at which something else has to stand than before the request. "
                f"answer is a path in the answer to the request; {ANSWER} is what stands there.",
                ("path",),
                path=description.PATH,
                until=_SAYS,
                failed=_SAYS,
                changed={"type": "array", "items": _JSON, "minItems": 1},
                answer=_JSON,
                within={**_DURATION, "default": _WITHIN},
                every={**_DURATION, "default": _EVERY},
            ),
            "first": {
                "type": "integer",
                "minimum": 1,
                "description": "How many items go first, and have to be well before the others are reloaded.",
            },
        },
        required=("request",),
    )
    connection: HttpConnection

    @classmethod
    def validate(cls, options: Options) -> list[str]:
        return list(dict.fromkeys(_problems(options)))

    @classmethod
    def label(cls, options: Options) -> str:
        request = options["request"]
        return f"http {request.get('method', 'POST')} {request['path']}"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        if "await" not in options:
            return timedelta()
        within = durations.parse(options["await"].get("within", _WITHIN))
        return within * (2 if "first" in options else 1)

    def health_problems(self) -> list[str]:
        self._items()  # an error is the problem
        return []

    def preview(self) -> list[str]:
        items = self._items()
        goes = [str(item) for item in items if not item.aside]
        which = f" for {_few(goes)}" if ID in str(self.options["request"]) else ""
        lines = [f"{self.label(self.options)}{which}"] if goes else ["nothing is there to reload"]
        return [*lines, *(f"left alone: {item} ({item.aside})" for item in items if item.aside)]

    def reload(self, written: Sequence[Written], checkpoint: Checkpoint) -> Evidence:
        items = self._items()
        goes = [item for item in items if not item.aside]
        ahead = self.options.get("first", len(goes))
        for group in (goes[:ahead], goes[ahead:]):
            for item in group:
                self._send(item)
            if group and "await" in self.options:
                self._await(group)
        aside = {str(item): item.aside for item in items if item.aside}
        return {"reloaded": [str(item) for item in goes], "left_alone": aside}

    def summary(self, evidence: Evidence) -> str:
        count, aside = len(evidence["reloaded"]), evidence["left_alone"]
        named = ID in str(self.options["request"])
        done = f"{_few(evidence['reloaded'])} reloaded" if count and named else "reloaded" if count else "none reloaded"
        return f"{done}; left alone: {_few([f'{item} ({why})' for item, why in aside.items()])}" if aside else done

    def _items(self) -> list[_Item]:
        if "list" not in self.options:
            return [_Item(item) for item in self.options.get("items", [""])]
        how = self.options["list"]
        pages = {name: how[name] for name in ("items", "after", "cursor", "page", "more") if name in how}
        call, doing = Call("GET", how["path"], params=how.get("params", {}), ok=(200,)), f"listing {how['path']}"
        listing = Listing(call, facts=Facts(id=how.get("id", "id")), **pages)
        found = read_items(listing, lambda params: send(self.connection.http, call, doing, {}, params=params), doing)
        return list({item.id: item for item in map(self._item, found)}.values())

    def _item(self, entry: Mapping[str, Any]) -> _Item:
        where = self.options["list"].get("id", "id")
        known = id_of(paths.at(entry, where))
        if known is None:
            path = self.options["list"]["path"]
            raise UnexpectedAnswerError(f"listing {path}: an item has no id at {where}", hint="Say where, with list.id")
        return _Item(known, _said(entry, self.options.get("skip_when", {})))

    def _send(self, item: _Item) -> None:
        request, wait = self.options["request"], self.options.get("await", {})
        if "changed" in wait:
            item.before = {path: paths.at(self._look(item).json, path) for path in wait["changed"]}
        ok = tuple(request.get("ok", (200, 201, 202, 204)))
        call = Call(request.get("method", "POST"), request["path"], request.get("body"), ok=ok)
        answer = send(self.connection.http, call, f"reloading {item}", item.places, idempotent=True)
        if "answer" in wait:
            found = id_of(paths.at(answer.json, wait["answer"]))
            if found is None:
                raise UnexpectedAnswerError(f"{answer.where} answered {answer.status} without {wait['answer']}")
            item.answer = found

    def _look(self, item: _Item, *ok: int) -> Answer:
        call = Call("GET", self.options["await"]["path"], ok=(200, *ok))
        return send(self.connection.http, call, f"looking at {item}", item.places, reads=True)

    def _await(self, items: Sequence[_Item]) -> None:
        """Look at all of them in turn until each is as it has to be."""
        how, left = self.options["await"], {item.id: (item, "") for item in items}

        def all_are_well() -> bool | None:
            for item, _why in list(left.values()):
                why = self._problem(item)
                left[item.id] = (item, why)
                if not why:
                    del left[item.id]
            if left:
                self.clock.waits_for("; ".join(f"{item}: {why}" for item, why in left.values()))
            return None if left else True

        within, every = how.get("within", _WITHIN), durations.parse(how.get("every", _EVERY)).total_seconds()
        if not self.clock.poll(all_are_well, every=every, within=durations.parse(within).total_seconds()):
            late = _few([f"{item} ({why})" for item, why in left.values()])
            raise RotorError(
                f"{self.label(self.options)}: not as it has to be within {within}: {late}",
                hint="See what keeps it, mend it, and run again",
            )

    def _problem(self, item: _Item) -> str:
        """Say what is not yet as it has to be; what is being restarted may be away, or not be known yet."""
        how = self.options["await"]
        try:
            answer = self._look(item, 404)
        except UnavailableError as error:
            return error.message.rpartition(": ")[2]
        if answer.status == 404:
            return "answers 404"
        document = answer.json
        if same := [path for path, value in item.before.items() if paths.at(document, path) in (value, None)]:
            return f"{same[0]} has not changed"
        if why := _said(document, how.get("failed", {})):
            raise RotorError(f"{self.label(self.options)}: {item} failed ({why})", hint="Mend it, and run again")
        missing = [path for path, value in how.get("until", {}).items() if not _fits(document, path, value)]
        return f"{missing[0]} is not yet {_shown(how['until'][missing[0]])}" if missing else ""


def _fits(document: Any, path: str, wanted: Any) -> bool:
    return any(paths.says(document, path, value) for value in (wanted if isinstance(wanted, list) else [wanted]))


def _said(document: Any, wanted: Mapping[str, Any]) -> str:
    """Return the first of these paths with its value, if all of them hold; empty otherwise."""
    if not wanted or not all(_fits(document, path, value) for path, value in wanted.items()):
        return ""
    first = next(iter(wanted))
    return f"{first} is {_shown(paths.at(document, first))}"


def _shown(wanted: Any) -> str:
    return " or ".join(map(_shown, wanted)) if isinstance(wanted, list) else "null" if wanted is None else str(wanted)


def _few(names: Sequence[str]) -> str:
    more = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f", and {more} more" if more > 0 else "")


def ids_of(listing: Options, connection: Any, clock: Clock) -> list[str]:
    """Return the ids of what a ``list`` names."""
    return [item.id for item in HttpRequests({"list": listing}, connection, clock=clock)._items()]


def _problems(options: Options) -> Iterator[str]:
    listing, wait = options.get("list", {}), options.get("await", {})
    many = "list" in options or "items" in options
    if {"list", "items"} <= options.keys():
        yield "it is list or items, and not both"
    if "skip_when" in options and not listing:
        yield "skip_when: it looks at what a list says of its items, and there is no list"
    if "first" in options and not (many and wait):
        yield "first: it needs several items, and an await that tells when the first ones are well"
    if {"after", "page"} <= listing.keys():
        yield "list: pages go on by after or by page, not by both"
    yield from _problems_in_places(options, {ID} if many else set())
    if wait and not {"until", "changed"} & wait.keys():
        yield "await: until or changed has to say for what it waits"
    if {"changed", "answer"} <= wait.keys():
        yield "await: before the request there is no answer, and so nothing that could change"
    yield from _problems_in_json_paths(options)


def _problems_in_places(options: Options, items: set[str]) -> Iterator[str]:
    request, wait = options["request"], options.get("await", {})
    sent = set(_places([request["path"], request.get("body")]))
    if items - sent:
        yield f"request: neither its path nor its body says {ID}, which it is sent for"
    yield from (f"request: {place} is unknown" for place in sorted(sent - items))
    answers = {ANSWER} if "answer" in wait else set()
    looked = set(_places(wait.get("path")))
    if wait and items and not looked & {ID, ANSWER}:
        yield f"await: its path does not say {ID}, and so looks at the same for every item"
    if answers - looked:
        yield f"await: its path does not say {ANSWER}, for which there is answer"
    yield from (f"await: {place} is unknown" for place in sorted(looked - items - answers))


def _problems_in_json_paths(options: Options) -> Iterator[str]:
    listing, wait = options.get("list", {}), options.get("await", {})
    found = {f"list.{name}": listing[name] for name in ("items", "id", "cursor", "more") if name in listing}
    found |= {f"skip_when.{path}": path for path in options.get("skip_when", {})}
    found |= {f"await.{name}": path for name in ("until", "failed", "changed") for path in wait.get(name, ())}
    found |= {"await.answer": wait["answer"]} if "answer" in wait else {}
    yield from (f"{name}: {wrong}" for name, path in found.items() if (wrong := paths.problem(path)))


def _places(tree: Any) -> list[str]:
    return [place for text in description.texts(tree) for place in re.findall(r"<\w+>", text)]
