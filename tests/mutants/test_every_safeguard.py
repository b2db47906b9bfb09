# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No safeguard can be taken out without a test that notices."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import tally
from tests.mutants.__main__ import MUTANTS, copied, killer, named, whole
from tests.mutants.mutant import Mutant


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("mutants"))


@pytest.mark.parametrize("name", named(MUTANTS))
def test_with_every_safeguard_in_its_place_these_tests_pass(copy: Path, name: str) -> None:
    assert whole(copy, name)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.part}: {mutant.safeguard}")
def test_without_this_safeguard_a_test_fails(copy: Path, mutant: Mutant) -> None:
    noticed = killer(copy, mutant) is not None
    sweep = f"mutants: safeguards taken out of the {mutant.part}"
    tally.add(sweep, noticed=int(noticed), unnoticed=int(not noticed))
    assert noticed
