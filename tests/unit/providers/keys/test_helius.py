# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helius' keys; what all keys that a person makes have in common is in test_made_by_hand."""

from __future__ import annotations

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from tests.unit.core.described import KEY, by_hand
from tests.unit.core.doubles import ScriptedServer


def test_helius_that_is_not_well_proves_nothing() -> None:
    with ScriptedServer() as server:
        server.answer(200, {"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "behind"}})
        assert by_hand("helius_api_key", server).answer(KEY) is Answer.UNCLEAR


def test_helius_that_refuses_a_key_does_not_say_why() -> None:
    with ScriptedServer() as server:
        server.answer(401, {"jsonrpc": "2.0", "error": {"code": -32401, "message": "Unauthorized"}})
        assert by_hand("helius_api_key", server).answer(KEY) is Answer.UNCLEAR
