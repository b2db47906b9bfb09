# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mem0's keys; what all keys that a person makes have in common is in test_made_by_hand."""

from __future__ import annotations

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from tests.unit.core.described import KEY, by_hand
from tests.unit.core.doubles import ScriptedServer


def test_page_for_people_proves_nothing() -> None:
    with ScriptedServer() as server:
        server.answer(401, None).answer(200, None)
        mem0 = by_hand("mem0_api_key", server)
        assert [mem0.answer(KEY), mem0.answer(KEY)] == [Answer.UNCLEAR, Answer.UNCLEAR]
