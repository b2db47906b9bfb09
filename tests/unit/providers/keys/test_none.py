# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Issuer
from tests.unit.core.doubles import VirtualClock


def test_none_issues_and_lists_nothing() -> None:
    kind: type[Issuer] = registry.find("issuers", "none")
    nobody = kind({"why": "it never changes"}, None, clock=VirtualClock())
    assert nobody.label(nobody.options) == "nobody: it never changes"
    assert nobody.listed() == []
    with pytest.raises(NotImplementedError):
        nobody.mint("rotor-1")
