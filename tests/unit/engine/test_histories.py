# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any history of runs, kills, faults, hands and edits: nothing in use is revoked, and all can be brought to rest."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.unit.engine.conftest import machines, token_map
from tests.unit.engine.driver import Play
from tests.unit.engine.histories import ERRORS, POINTS, SHARDS, History, drive

BOXES = ("app", "ci", "more")
KEYS = ("TOKEN", "SPARE")
ENVIRONMENTS = dict(zip(BOXES, ("staging", "production", "production"), strict=True))
KINDS = st.sampled_from(["mint", "write", "update", "test", "revoke", "list", "show", "observe"])


class Tokens(History):
    """A token in places that come into the map and leave it, with people at work beside the engine."""

    name = "one token"
    awaited: tuple[str, ...] = ()
    """What others release."""
    at_rest = False

    @initialize(
        retain=st.booleans(),
        grace=st.sampled_from(["0s", "2d"]),
        known=st.booleans(),
        spare=st.booleans(),
        awaited=st.sampled_from([(), ("app",), BOXES]),
    )
    def begin(self, retain: bool, grace: str, known: bool, spare: bool, awaited: tuple[str, ...]) -> None:
        self.open()
        self.awaited = awaited
        old = self.world.issue("made by hand")
        for box, keys in zip(BOXES, (KEYS if spare else KEYS[:1], KEYS[:1], ()), strict=True):
            self.world.put(box, dict.fromkeys(keys, old.value))
            self.world.serve(box, [box])
        self.whole = token_map(retain="current" if retain else "none", revoke={"after": grace})
        if known:  # the one in use, named before the first rotation
            self._name(self.whole, old.id)
        for step in self.whole["rollout"]:
            step["environment"] = ENVIRONMENTS[step["name"]]
        self.put_back: dict[str, str] = {}
        consumers = {box: {**machines(box), **({"reload": "await"} if box in awaited else {})} for box in BOXES}
        self.play = Play(self.world, self.folder, {"TOKEN": self.whole}, consumers=consumers)
        if spare:
            self.play.map["TOKEN"] = _with_spare(self.whole)

    @property
    def mapped(self) -> dict[str, set[str]]:
        """Box -> its keys in the map."""
        return _places(self.play.map["TOKEN"])

    @rule(force=st.booleans(), point=POINTS, when=st.sampled_from(["before", "after"]))
    def rotate(self, force: bool, point: int | None, when: str) -> None:
        self.step("run")
        self.run(force=force, point=point, when=when)

    @rule(force=st.booleans(), environment=st.sampled_from(["staging", "production"]), point=POINTS)
    def rotate_an_environment(self, force: bool, environment: str, point: int | None) -> None:
        if environment in {ENVIRONMENTS[box] for box in self.mapped}:
            self.step("run of one environment")
            self.run(force=force, environments=(environment,), point=point)

    def run_all(self, *only: str, **options: Any) -> Any:
        for box in self.awaited if self.at_rest else ():  # now and then, others do
            self.world.release(box)
        return super().run_all(*only, **options)

    @rule(point=st.none() | st.integers(1, 40))
    def go_back(self, point: int | None) -> None:
        self.step("way back")
        self.run(rollback=True, point=point, when="after")

    @rule(kind=KINDS, error=ERRORS, after=st.booleans(), box=st.sampled_from(["", *BOXES]))
    def fault(self, kind: str, error: Exception, after: bool, box: str) -> None:
        self.fail(kind, error, box, after=after)

    @rule(box=st.sampled_from(BOXES))
    def hand(self, box: str) -> None:
        self.put(box, self.world.issue("made by hand at 3 a.m.").value)

    @rule(box=st.sampled_from(BOXES), machines=st.none() | st.just(1))
    def others_release(self, box: str, machines: int | None) -> None:
        self.step("released by others")
        self.world.release(box, machines)

    @rule(box=st.sampled_from(BOXES), which=st.integers(0, 5))
    def hand_with_an_old_one(self, box: str, which: int) -> None:
        """In a copy that the map names: where the ledger no longer looks, it cannot know of it."""
        if box in self.mapped and (alive := self.world.alive):
            self.put_back[box] = alive[which % len(alive)].value
            self.put(box, self.put_back[box])

    @rule(box=st.sampled_from(BOXES), breaks=st.none() | st.integers(0, 1))
    def illness(self, box: str, breaks: int | None) -> None:
        self.step("illness")
        self.world.services[box].breaks_at = breaks

    @rule()
    def name_late(self) -> None:
        """A person finds out which one is in use, and names it; nowhere but in the map's copies is it in use."""
        used = self.holder(self.world.containers[next(iter(self.mapped))]["TOKEN"][0])
        if used.id not in self.world.made and used.value not in self._beyond_the_map():
            self.step("named late")
            self._name(self.whole, used.id)
            self._name(self.play.map["TOKEN"], used.id)

    def _name(self, entry: dict[str, Any], credential: str) -> None:
        entry["issuer"]["current_id"] = credential
        self.world.named.add(credential)

    def _beyond_the_map(self) -> set[str]:
        """What is in keys that no copy of the map has, and what was started with them."""
        found = set()
        for box, held in self.world.containers.items():
            away = held.keys() - self.mapped.get(box, set())
            found |= {held[key][0] for key in away}
            found |= {machine.get(f"{box}/{key}", "") for key in away for machine in self.world.services[box].machines}
        return found

    def _has(self, box: str, value: str) -> bool:
        held = [held for held, _version in self.world.containers[box].values()]
        return value in held or value in self.world.values_in(box)

    @rule(away=st.none() | st.sampled_from(["app", "ci"]), more=st.booleans(), spare=st.booleans())
    def edit(self, away: str | None, more: bool, spare: bool) -> None:
        """Nobody takes a copy out of the map that has what the ledger cannot know to be there."""
        entry = copy.deepcopy(self.whole)
        if more:
            entry["rollout"].append(_step("more"))
        entry["rollout"] = [step for step in entry["rollout"] if step["name"] != away]
        if spare:
            entry = _with_spare(entry)
        after = _places(entry)
        leaving = {box: keys - after.get(box, set()) for box, keys in self.mapped.items()}
        unknown = [box for box, keys in leaving.items() if keys and self._has_unadopted(box)]
        unknown += [box for box, keys in leaving.items() if "TOKEN" in keys and self._was_put_back(box)]
        if not unknown:
            self.step("map edited")
            self.play.map["TOKEN"] = entry

    def _was_put_back(self, box: str) -> bool:
        held = self.world.containers[box].get("TOKEN")
        return held is not None and held[0] == self.put_back.get(box)

    def _has_unadopted(self, box: str) -> bool:
        """What is named in the map counts from the first run on, and until a person says to overwrite it."""
        adopted = {row.provider_id for row in self.play.state("TOKEN").credentials if f"cloud:{box}" in row.baseline}
        return any(self._has(box, self.world.issued[one].value) for one in self.world.named - adopted)

    @rule(point=POINTS)
    def compromise(self, point: int | None) -> None:
        """The old one is not given any grace."""
        self.step("compromise")
        entry = self.play.map["TOKEN"] = copy.deepcopy(self.play.map["TOKEN"])
        entry["revoke"] = {"after": "0s"}
        self.run(force=True, reason="it was found in a log", point=point)

    @rule(box=st.sampled_from(BOXES))
    def overwrite(self, box: str) -> None:
        if box in self.mapped:
            self.step("copy forgotten")
            self.run(forget=(f"cloud:{box}",))

    def bring_to_rest(self) -> None:
        """What has left the map is taken away by a person; the lines say the rest."""
        world, mapped = self.world, self.mapped
        for box in BOXES:
            for key in world.containers[box].keys() - mapped.get(box, set()):
                del world.containers[box][key]
                for machine in world.services[box].machines:
                    machine.pop(f"{box}/{key}", None)
        self.at_rest = True
        self.follow_the_lines()
        self.assert_rest()
        self.assert_newest_everywhere(mapped)


def _places(entry: dict[str, Any]) -> dict[str, set[str]]:
    copies = [one for step in entry["rollout"] for one in step["copies"]]
    return {one["box"]: set(one.get("keys", KEYS[:1])) for one in copies}


def _with_spare(entry: dict[str, Any]) -> dict[str, Any]:
    """The first copy has the token in two keys."""
    entry = copy.deepcopy(entry)
    entry["rollout"][0]["copies"][0]["keys"] = dict.fromkeys(KEYS, "${token}")
    return entry


def _step(name: str) -> dict[str, Any]:
    step = copy.deepcopy(token_map()["rollout"][0])
    step |= {"name": name, "environment": ENVIRONMENTS[name], "reload": [name]}
    step["copies"][0]["box"] = step["verify"][0]["service"] = name
    return step


@pytest.mark.parametrize("shard", SHARDS)
def test_no_history_of_a_token_revokes_what_is_in_use_and_each_can_be_brought_to_rest(shard: int) -> None:
    drive(Tokens, shard)
