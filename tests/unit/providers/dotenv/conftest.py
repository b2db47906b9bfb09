# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv.store import DotenvFile

from .local_host import LocalHost, store_on


@pytest.fixture
def host() -> LocalHost:
    return LocalHost()


@pytest.fixture
def store(host: LocalHost) -> DotenvFile:
    return store_on(host)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_bytes(b"# ours\nSIBLING=stays\n")
    return path


@pytest.fixture
def container(file: Path) -> dict[str, Any]:
    return {"host": "app1", "path": str(file)}
