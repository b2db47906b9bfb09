# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any history of issuers that end the old value, or let identities take turns: every gap closes, nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Overlap
from tests.unit.engine.fake_issuers import KINDS, Mute
from tests.unit.engine.histories import ERRORS, POINTS, SHARDS, History, drive
from tests.unit.engine.kinds import BOXES, assert_at_rest, settled

CALLS = st.sampled_from(["mint", "activate", "write", "update", "test", "revoke", "list", "show", "read", "observe"])


class Kinds(History):
    """A secret of any kind, which this ledger has rotated before."""

    @initialize(kind=st.sampled_from(sorted(KINDS)))
    def begin(self, kind: str) -> None:
        self.name = f"kind {kind}"
        self.open()
        self.play = settled(kind, self.world, self.folder)
        self.kind = KINDS[kind]
        self.traits = self.kind.traits
        self.ended = 0

    def nothing_of_somebody_elses_was_revoked(self) -> None:
        """Here an end is a lock-out of an identity, or comes of itself."""

    @rule()
    def days_pass(self) -> None:
        """What a provider ends while nobody runs the tool is a gap; while anybody does, it would be a violation."""
        super().days_pass()
        if self.traits.overlap is Overlap.TIMED and self.world.broken():
            self.world.cuts_over = True

    def run(self, *only: str, **options: Any) -> Any:
        result = super().run(*only, **options)
        if not self.world.broken():
            self.world.cuts_over = self.traits.cuts_over
        return result

    @rule(force=st.booleans(), point=POINTS, when=st.sampled_from(["before", "after"]))
    def rotate(self, force: bool, point: int | None, when: str) -> None:
        self.step("run")
        self.run(force=force, point=point, when=when)

    @rule(point=POINTS)
    def go_back(self, point: int | None) -> None:
        self.step("way back")
        self.run(rollback=True, point=point)

    @rule(kind=CALLS, error=ERRORS, after=st.booleans(), box=st.sampled_from(["", *BOXES]))
    def fault(self, kind: str, error: Exception, after: bool, box: str) -> None:
        self.fail(kind, error, box, after=after)

    @rule(box=st.sampled_from(BOXES), breaks=st.none() | st.integers(0, 1))
    def illness(self, box: str, breaks: int | None) -> None:
        self.step("illness")
        self.world.services[box].breaks_at = breaks

    def bring_to_rest(self) -> None:
        self.follow_the_lines()
        current = self._issued(self.play.state("TOKEN").current)
        if current and current.revoked and self.kind is Mute:  # nobody but a person notices that
            self.follow({"only": self.secrets, "force": True})
        assert_at_rest(self.play)


@pytest.mark.parametrize("shard", SHARDS)
def test_every_history_of_every_kind_of_issuer_ends_with_one_working_value_everywhere(shard: int) -> None:
    drive(Kinds, shard)
