# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The world as its own tests see it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.visitor import Visitor


@pytest.fixture
def world(fresh: Visitor) -> Iterator[Visitor]:
    """These tests do to the world what no client of ours does; its own answers must fit all the same."""
    fresh.tell("switch", rate_limits=False, machine_seconds=0.01, run_seconds=0.01)
    yield fresh
    ours = [what for what in fresh.violations("spec") if what.startswith("answer:")]
    assert not ours, "the sandbox's answers fit the providers' descriptions"
