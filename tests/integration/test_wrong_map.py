# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wrong map is refused before anything runs: every mistake at once, with its path and a suggestion."""

from __future__ import annotations

import pytest

from tests.sandbox.visitor import Visitor

from .conftest import Desk

MISTAKES = """\
5 mistakes in the secret_* variables; nothing was done:
  secret_map.FLY_API_TOKEN.revok: unknown option; did you mean revoke?
  secret_map.FLY_API_TOKEN.issuer.lifetime: 80d does not exceed max_age, 90d
  secret_map.FLY_API_TOKEN.rollout[0].verify[0].proves: unknown value; did you mean use?
  secret_map.FLY_API_TOKEN.rollout[1].copies[0].repo: unknown option; did you mean repository?
  secret_map.FLY_API_TOKEN.rollout[1].reload[0]: there is no such consumer; did you mean publish?
"""


@pytest.mark.core
def test_all_mistakes_are_told_at_once_with_their_paths_and_suggestions(world: Visitor, desk: Desk) -> None:
    desk.edit("    revoke:\n", "    revok:\n")
    desk.edit("lifetime: 120d", "lifetime: 80d")
    desk.edit("{status: ok}, proves: use", "{status: ok}, proves: usage")
    desk.edit("{store: github, repository: ", "{store: github, repo: ")
    desk.edit("reload: [publish]", "reload: [publsh]")

    outcome = desk.rotate()

    assert outcome.code != 0
    assert MISTAKES in outcome.output, outcome
    assert "Traceback" not in outcome.output
    assert world.ask("counts")["total"] == 0
    assert not desk.ledger.exists()


def test_a_variable_that_is_nearly_one_of_ours_is_refused(world: Visitor, desk: Desk) -> None:
    """Taken for nothing, `rotate_ony` would rotate everything that is due."""
    outcome = desk.play("rotor.secrets.rotate", "-e", "rotate_ony=FLY_API_TOKEN")

    assert outcome.code != 0
    assert "rotate_ony is no variable of rotor.secrets. Did you mean rotate_only?" in outcome.output
    assert world.ask("counts")["total"] == 0
