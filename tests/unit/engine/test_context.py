# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What effects remember of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.effects.context import (
    NO_CHECKPOINT,
    IntentCheckpoint,
)


def test_checkpoint_recalls_what_was_recorded_last() -> None:
    stored: list[Mapping[str, Any]] = []
    checkpoint = IntentCheckpoint({"run": 1}, stored.append)
    assert checkpoint.recall() == {"run": 1}
    evidence = {"run": 2}
    checkpoint.record(evidence)
    evidence["run"] = 3
    assert [checkpoint.recall(), *stored] == [{"run": 2}, {"run": 2}]


def test_health_check_remembers_nothing_for_the_next() -> None:
    NO_CHECKPOINT.record({"run": 1})
    assert NO_CHECKPOINT.recall() == {}
