# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``export`` refuses before a host is asked; tests/integration/test_export.py plays it as a whole."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.session import Session

from .conftest import Act


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The keys that a store was asked for; it has the key ``TOKEN``."""
    found: list[list[str]] = []

    def export(_session: Session, _place: Any, keys: list[str]) -> dict[str, SecretValue]:
        found.append(keys)
        return {"TOKEN": SecretValue("m1-a value that is exported")}

    monkeypatch.setattr(Session, "export", export)
    return found


@pytest.mark.parametrize("keys", [[], {}, None, "", "TOKEN", 5, [None], [{}], {"NAME": ""}])
def test_keys_that_name_nothing_are_refused(act: Act, asked: list[list[str]], keys: Any) -> None:
    said = act("export", {}, **{"from": [{"store": "vault", "keys": keys}], "command": ["true"]})
    assert "from: keys are a list of names, with one at least" in said
    assert "leave keys out for all of them" in said
    assert asked == []


@pytest.mark.parametrize("command", [[], [""]])
def test_command_of_no_word_is_refused(act: Act, asked: list[list[str]], command: list[str]) -> None:
    said = act("export", {}, **{"from": [{"store": "vault"}], "command": command})
    assert "command: it names no program" in said
    assert "IndexError" not in said
    assert asked == [[]], "without keys, all of them"


@pytest.mark.parametrize("more", [{}, {"mode": "0640"}])
def test_blank_path_is_none(act: Act, asked: list[list[str]], more: dict[str, str]) -> None:
    said = act("export", {}, **{"from": [{"store": "vault"}], "path": "", **more})
    assert "one of the following is required: path, command" in said
    assert asked == []
