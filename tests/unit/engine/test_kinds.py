# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of action kinds: each has an effect, and words that the plan can fill in."""

from __future__ import annotations

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import ActionKind, Phase, Subject
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.run import EFFECTS


def test_every_kind_has_an_effect() -> None:
    assert EFFECTS.keys() == set(ActionKind) - {
        ActionKind.PROBE,
        ActionKind.INSPECT,
        ActionKind.RELOAD,
        ActionKind.WAIT,
        ActionKind.AWAIT,
    }


def test_kind_without_words_changes_only_the_ledger() -> None:
    silent = [kind for kind in ActionKind if not kind.words]
    assert silent == [ActionKind.PURGE_VALUE]
    assert {kind.subject for kind in silent} == {Subject.LEDGER}


def test_kind_is_found_by_its_text() -> None:
    assert [ActionKind(str(kind)) for kind in ActionKind] == list(ActionKind)
    assert {kind.phase for kind in ActionKind} == set(Phase)
