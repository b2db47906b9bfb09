# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation whose calls go wrong, and what has to be true of what it says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.servers import fronts as tls
from tests.unit.providers.dotenv.local_host import LocalHost

from . import tally, wire
from .player import Player
from .scenes import Scene
from .wire import HurriedClock

_FORGET = re.compile(r"rotate_forget=([^'\s]+)")
NOT_BEGUN = "nothing of it was changed"
NEVER = ("Traceback", "unexpected ", "Something went wrong", "<html")
"""An error that nobody foresaw, and what the world's wrong answers have in their bodies."""
_TROUBLE = re.compile(r"^(?:HELD  \S+ at [^:]+: |CUTOVER INCOMPLETE  [^:]+: |  - )(.+)$", re.MULTILINE)
_SPELLED: Mapping[str, str] = {
    wire.REFUSED: "cannot connect",
    "reset before the effect": "connection broke|no answer",
    "reset after the effect": "connection broke|no answer",
    "time-out": "connection broke|no answer",
    "429 with Retry-After": "429",
    "truncated JSON": "connection broke|not JSON|no answer|without",
    "HTML instead of JSON": "not JSON|answered (?:200|without)",
    "200 with an error inside": "answered 200|without|no |the answer (?:is not one of|of .+ does not say)|in its JSON",
    wire.REDIRECTED: "answered 307|to another host",
    **dict.fromkeys((tls.REFUSED, tls.HUNG_UP), "cannot connect"),
    **dict.fromkeys(tls.UNTRUSTED, "certificate is refused"),
    **dict.fromkeys((tls.CUT_REQUEST, *tls.AFTER_THE_EFFECT), "connection broke|no answer|not JSON|without|be read"),
}
"""How a message names each kind of failure; a status stands for itself."""
_FOREIGN = "the answer is not AWS's"
"""What boto3 cannot read, it does not show; not even the status."""
_CONSEQUENCES = (
    "was minted, and the provider does not accept it",
    "is refused by its provider",
    "still lists it",
    "was changed by somebody else",
    "somebody else has changed it; nothing was sent",
    "is gone: somebody else has deleted it",
    "are replaced or updated by somebody else all the time",
    "is leased by",
    "and does not show it",
)
"""What is told in place of the answer itself, where the engine asks for a fact until its time is over."""
_PLACE = r"127\.0\.0\.1:\d+|^connection \w+: |\b(?:fly|github|infisical|vault|ssm|secretsmanager|http) [\w/]"
_NEXT_STEP = re.compile(r"\. [A-Z][^.]{8,}")


@dataclass
class Rotation:
    """The same rotation again and again, each run with sessions of its own."""

    scene: Scene
    lines: list[str] = field(default_factory=list)
    clocks: list[HurriedClock] = field(default_factory=list)

    def run(self, **options: Any) -> Mapping[str, Any]:
        self.lines.clear()
        self.clocks.clear()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.scene.desk.environment.items():
                patch.setenv(name, value)
            player = Player(self.scene.variables, self._clock, self.lines.append, LocalHost())
            return player.rotate(**{"only": self.scene.secrets, **options})

    def _clock(self) -> HurriedClock:
        self.clocks.append(HurriedClock())
        return self.clocks[-1]

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    @property
    def troubles(self) -> list[str]:
        """What it says is in the way, without the name of the secret."""
        return _TROUBLE.findall(self.output)


def assert_honest(rotation: Rotation) -> None:
    """Nobody was without a working credential, nothing was not foreseen, and no value is shown."""
    assert rotation.scene.world.violations() == []
    assert [word for word in NEVER if word in rotation.output] == []
    assert not [value for value in rotation.scene.values() if value in rotation.output], "a value is in the output"


def assert_helpful(rotation: Rotation, kind: str) -> None:
    """What was being done, where, what kind of failure it was, and what to do next."""
    assert rotation.troubles, "it does not say what has become of the secret"
    for trouble in rotation.troubles:
        assert _NEXT_STEP.search(trouble) or "go on:" in rotation.output, f"no next step: {trouble}"
        if any(words in trouble for words in _CONSEQUENCES):
            continue
        assert re.search(f"{_SPELLED.get(kind, kind)}|{_FOREIGN}", trouble), (
            f"the kind of failure is not named: {trouble}"
        )
        assert re.search(_PLACE, trouble), f"neither an address, a connection nor a container: {trouble}"
        assert re.search(r"^(?:\w.+?: |GET )", trouble), f"it does not say what was being done: {trouble}"
        assert _NEXT_STEP.search(trouble), f"no next step: {trouble}"


def offered(rotation: Rotation) -> tuple[str, ...]:
    """What a run offers to forget."""
    return tuple({name for names in _FORGET.findall(rotation.output) for name in names.split(",")})


def count(system: str, kind: str) -> None:
    """After all that is asked of a case has held."""
    tally.add(f"faults: {system}", **{kind: 1}, **dict.fromkeys(("violations", "leaks", "revoked early"), 0))
