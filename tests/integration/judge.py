# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the claims in what a run has printed, and in the result of a status, and holds each against the stand-in world.

A claim that says more than the world knows, or the contrary, is a lie; so is a line about a credential that cannot be
read. What lies on real servers and hosts the world knows nothing of: there nothing is judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.report.claims import Claim, Fact
from tests.sandbox.visitor import Visitor

_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ|never"
_WORDS = {"who": r"(?P<who>.+?)", "at": rf"(?P<at>{_TIME})"}
_NAMED = r"(?P<name>\S+)(?: \((?P<id>\S+)\))?"
_ROW = re.compile(rf"  (?:new|now|old|lost|pending|current|previous|abandoned) +{_NAMED}   (?P<claims>.+)")
_PLACE = re.compile(r" {9}(?P<claims>(?!\s).+)")
_COPY = re.compile(rf"  copy      (?P<who>.+?): {_NAMED} \(written (?P<at>{_TIME})\)(?:; (?P<claims>.+))?")
_CONSUMER = re.compile(rf"  consumer  (?P<who>.+?): {_NAMED} \(reloaded (?P<at>{_TIME})\)(?P<claims>; .+)?")
_WRITE = re.compile(r".* write +(?P<who>.+?): (?P<keys>\S+(?:, \S+)*) \((?P<claims>(?:new|over a value).*)\)")
_RESULT = re.compile(r"(?:DONE|WAITING|PARTIAL|BACK|HELD|CUTOVER INCOMPLETE|SKIPPED)  \S")
_PLAN = re.compile(r"PLAN  run |OPEN  ")
_ELSEWHERE = "may be valid at its provider"  # of a lost mint, with the way to forget it
_LOOKED_FOR = "was not listed by its provider; every run until "  # of a lost mint that has left nothing so far
_NOTES = {Fact.UNANSWERED: ".*", **dict.fromkeys((Fact.ABSENT, Fact.PRESENT), r"(?:: \S+?(?:, (?!over )\S+?)*)?")}


def _pattern(fact: Fact) -> re.Pattern[str]:
    words = _WORDS | {"note": rf"(?P<note>{_NOTES.get(fact, '.*?')})"}
    return re.compile(re.sub(r"\\{(\w+)\\}", lambda word: words[word[1]], re.escape(fact.words)) + "(?:, |$)")


_PATTERNS = {fact: _pattern(fact) for fact in Fact if fact.words}


@dataclass(frozen=True)
class Said:
    """A claim, with the keys of the copy where a line has them; ``last``: it is about how things are at the end."""

    claim: Claim
    keys: frozenset[str] = frozenset()
    last: bool = False


class Judge:
    """Compares what was said between two times with what was so; times are the seconds of the world's clock."""

    def __init__(self, world: Visitor, consumers: Mapping[str, Any] | None = None) -> None:
        self._world = world
        self._apps = {name: part["app"] for name, part in (consumers or {}).items() if part.get("type") == "fly_app"}

    def lies(self, said: Iterable[Said], since: float, until: float) -> list[str]:
        said = list(said)
        if not said:
            return []
        past = Past(self._world.ask("moments")["moments"], self._apps, since, until)
        found = [
            f"said of {one.claim.credential or one.claim.who}: {one.claim.fact} {one.claim}"
            for one in said
            if not past.agrees(one)
        ]
        return found + past.disagreements(said)


class Past:
    """All moments of the world, and the run about which is asked."""

    def __init__(self, moments: list[dict[str, Any]], apps: Mapping[str, str], since: float, until: float) -> None:
        ends = [*(moment["at"] for moment in moments[1:]), float("inf")]
        self._moments = list(zip(moments, ends, strict=True))
        self._apps = apps
        self._since, self._until = since, until
        self._known = {one for moment in moments for one in moment["living"]}

    def _between(self, since: float, until: float) -> list[dict[str, Any]]:
        return [moment for moment, end in self._moments if moment["at"] <= until and end >= since]

    def _when(self, said: Said) -> list[dict[str, Any]]:
        """The moments of which a claim speaks: to the second, if it has a time; all of a run, or its last."""
        if said.claim.at:
            at = said.claim.at.timestamp()
            return self._between(at - 1, at + 2)
        return self._between(self._until if said.last else self._since, self._until)

    def _names(self, claim: Claim) -> set[str]:
        """What the world calls a credential; nothing where it knows of none."""
        names = {str(claim.provider_id), f"{claim.provider_id} {claim.name}", claim.name}
        return names & self._known

    def _holds(self, claim: Claim, moment: Mapping[str, Any]) -> bool:
        held = moment["held"].get(claim.who)
        names = self._names(claim)
        return held is None or not names or bool(names & set(held.values()))

    def _runs(self, claim: Claim, moment: Mapping[str, Any]) -> bool:
        app, names = self._apps.get(claim.who), self._names(claim)
        machines = [held for place, held in moment["held"].items() if app and place.startswith(f"{app} ")]
        return not names or all(names & set(machine.values()) for machine in machines)

    def _lives(self, claim: Claim, moment: Mapping[str, Any]) -> bool:
        return bool(self._names(claim) & set(moment["living"]))

    def agrees(self, said: Said) -> bool:
        """Whether the world agrees with a claim in a moment of which it speaks, or knows nothing of it."""
        claim, test = said.claim, _AGREES.get(said.claim.fact)
        if test is None or (claim.name and not self._names(claim)):
            return True
        return any(test(self, said, moment) for moment in self._when(said))

    def is_dead(self, said: Said, moment: Mapping[str, Any]) -> bool:
        return not self._lives(said.claim, moment)

    def lives(self, said: Said, moment: Mapping[str, Any]) -> bool:
        return self._lives(said.claim, moment)

    def holds(self, said: Said, moment: Mapping[str, Any]) -> bool:
        return self._holds(said.claim, moment)

    def runs(self, said: Said, moment: Mapping[str, Any]) -> bool:
        return self._runs(said.claim, moment)

    def nowhere(self, said: Said, moment: Mapping[str, Any]) -> bool:
        names = self._names(said.claim)
        return not any(names & set(held.values()) for held in moment["held"].values())

    def not_revoked(self, said: Said, moment: Mapping[str, Any]) -> bool:
        return not self._names(said.claim) & set(moment["ended"])

    def ends(self, said: Said, _moment: Mapping[str, Any]) -> bool:
        """Not before the time that is said."""
        at = said.claim.at.timestamp() if said.claim.at else 0
        return all(self._lives(said.claim, moment) for moment in self._between(self._until, min(self._until, at)))

    def unchanged(self, said: Said, moment: Mapping[str, Any]) -> bool:
        """Its keys are as they were; one of the place's, where a line names none of them."""
        then, now = (
            one["held"].get(said.claim.who) or {} for one in (moment, self._between(self._until, self._until)[-1])
        )
        same = [then.get(key) == now.get(key) for key in said.keys or then]
        return all(same) if said.keys else any(same) or then == now

    def changed(self, said: Said, moment: Mapping[str, Any]) -> bool:
        """Somebody has written since, if only the same again."""
        here = said.claim.who
        at = said.claim.at.timestamp() if said.claim.at else 0
        later = self._between(at, self._until)
        return here not in moment["held"] or any(one["held"].get(here) != moment["held"][here] for one in later)

    def absent(self, said: Said, moment: Mapping[str, Any]) -> bool:
        return not said.keys & moment["held"].get(said.claim.who, {}).keys()

    def present(self, said: Said, moment: Mapping[str, Any]) -> bool:
        return said.claim.who not in moment["held"] or said.keys <= moment["held"][said.claim.who].keys()

    def disagreements(self, said: Iterable[Said]) -> list[str]:
        """Places that are said to hold one credential, which the world does not know by its name, and that differ.

        What it knows and what stood there from the beginning says nothing; the one value of an account may have a name.
        """
        common: dict[str, set[str]] = {}
        lies = []
        for one in said:
            claim = one.claim
            held = [moment["held"].get(claim.who) for moment in self._when(one)]
            if claim.fact is not Fact.HOLDS or self._names(claim) or None in held:
                continue
            values = {value for contents in held if contents for value in contents.values()}
            values -= self._known & set((self._moments[0][0]["held"].get(claim.who) or {}).values())
            both = common.setdefault(claim.name, values)
            both &= values
            if not both:
                lies.append(f"said of {claim.name}: {claim}, which is not what the others hold")
        return lies


_AGREES: dict[Fact, Callable[[Past, Said, Mapping[str, Any]], bool]] = {
    **dict.fromkeys((Fact.HOLDS, Fact.LET_IN), Past.holds),
    Fact.RUNS: Past.runs,
    Fact.NOWHERE: Past.nowhere,
    **dict.fromkeys((Fact.ACCEPTED, Fact.LISTED, Fact.WAS_ACCEPTED), Past.lives),
    **dict.fromkeys((Fact.REFUSED, Fact.LISTED_ENDED, Fact.UNLISTED, Fact.INACTIVE), Past.is_dead),
    **dict.fromkeys((Fact.REPLACED, Fact.REVOKED, Fact.ENDED), Past.is_dead),
    **dict.fromkeys((Fact.NOT_REVOKED, Fact.GIVEN_UP), Past.not_revoked),
    Fact.ENDS: Past.ends,
    Fact.UNCHANGED: Past.unchanged,
    **dict.fromkeys((Fact.CHANGED, Fact.GONE), Past.changed),
    Fact.ABSENT: Past.absent,
    Fact.PRESENT: Past.present,
}


# -- what was said --------------------------------------------------------------------------------------------------


def printed(output: str) -> Iterator[Said]:
    """Read the lines of plans, holds, results and status."""
    last, row = False, None
    for line in output.splitlines():
        last = bool(_RESULT.match(line)) or (last and not _PLAN.match(line))
        if row and (found := _PLACE.fullmatch(line)):
            yield from (_of_copy(one, last) for one in _claims(found["claims"].partition("   ")[0], row))
            continue
        row = None
        if found := _ROW.fullmatch(line):
            row = Claim(Fact.NOWHERE, found["name"], found["id"])
            yield from (Said(one, last=last) for one in _claims(found["claims"], row))
        elif found := _COPY.fullmatch(line) or _CONSUMER.fullmatch(line):
            yield from (Said(one) for one in _of_status(found))
        elif found := _WRITE.fullmatch(line):
            yield from _of_plan(found)


def _of_copy(claim: Claim, last: bool) -> Said:
    """A place of a result: ``LABEL: KEY, KEY``."""
    who, _colon, keys = claim.who.rpartition(": ") if claim.fact is Fact.HOLDS else (claim.who, "", "")
    return Said(replace(claim, who=who or keys), frozenset(keys.split(", ")), last)


def _of_status(found: re.Match[str]) -> Iterator[Claim]:
    fact = Fact.HOLDS if found.re is _COPY else Fact.RUNS
    claim = Claim(fact, found["name"], found["id"], who=found["who"], at=_time(found["at"]))
    yield claim
    if fact is Fact.HOLDS:
        now = list(_claims(found["claims"] or "", replace(claim, name="", provider_id=None)))
        yield from now or [replace(claim, fact=Fact.UNCHANGED, name="", provider_id=None)]


def _of_plan(found: re.Match[str]) -> Iterator[Said]:
    for claim in _claims(found["claims"], Claim(Fact.NOWHERE, who=found["who"])):
        keys = claim.note.removeprefix(": ") or found["keys"]
        yield Said(claim, frozenset(keys.split(", ")))


def _claims(text: str, about: Claim) -> Iterator[Claim]:
    """Split a line into its claims, the shortest first; AssertionError for what no claim says."""
    text = text.removesuffix(", no longer in the map")
    if text.startswith((_ELSEWHERE, "fingerprint ", _LOOKED_FOR)):
        return
    while text:
        found = {fact: match for fact, pattern in _PATTERNS.items() if (match := pattern.match(text))}
        assert found, f"nobody can read this of {about.credential}: {text}"
        fact = min(found, key=lambda one: found[one].end())
        parts = found[fact].groupdict()
        at = _time(parts["at"]) if parts.get("at") else about.at
        yield replace(about, fact=fact, who=parts.get("who") or about.who, at=at, note=parts.get("note") or "")
        text = text[found[fact].end() :]


def _time(text: str | None) -> datetime | None:
    if text in (None, "never"):
        return None
    return datetime.fromisoformat(str(text).replace("Z", "+00:00")).astimezone(UTC)


def returned(status: Mapping[str, Any]) -> Iterator[Said]:
    """Read the result of ``rotation_status``."""
    for secret in status.get("secrets", ()):
        for one in secret["credentials"]:
            life = one["life"]
            yield Said(
                Claim(
                    Fact[life["is"].upper()], one["name"], one["id"], at=_time(life["at"]), note=life["problem"] or ""
                )
            )
        for fact, places in ((Fact.HOLDS, secret["copies"]), (Fact.RUNS, secret["consumers"])):
            for place in places:
                at, held = _time(place["at"]), place["credential"]
                if held:
                    yield Said(
                        Claim(fact, held["name"], held["id"], who=place["name"], at=at),
                        frozenset(place.get("keys", ())),
                    )
                if held and fact is Fact.HOLDS:
                    keys = frozenset(place.get("keys", ()))
                    yield Said(Claim(Fact[place["now"].upper()], who=place["name"], at=at), keys)
