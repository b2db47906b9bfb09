# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two large examples, played whole in their own worlds, as ``make demo`` plays them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.demo import molecule_saas
from tests.moved import machines
from tests.servers import postgres

from .conftest import ROOT

MISSING = postgres.is_missing()


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_agenticverz_runs_its_whole_runbook() -> None:
    """At the machine's time: it ends roles by PostgreSQL's clock, which nobody moves, and ours has to agree with it."""
    command = [sys.executable, "-m", "tests.demo", "agenticverz"]
    assert subprocess.run(command, cwd=ROOT, env=machines(), check=False).returncode == 0


def test_molecule_saas_runs_its_whole_runbook() -> None:
    with molecule_saas.parts() as running:
        findings = molecule_saas.Story(running).tell()
    assert [finding for finding in findings if not finding[1]] == []
