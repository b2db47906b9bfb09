# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Libraries are imported when they are used."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.deps import library
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import MissingLibraryError


def test_a_library_is_imported_by_its_dotted_name() -> None:
    assert library("os.path") is sys.modules["os.path"]


@pytest.mark.parametrize(
    ("module", "package"), [("nacl.not_there", "PyNaCl"), ("sqlalchemy_not_there", "sqlalchemy_not_there")]
)
def test_a_missing_one_is_named_with_how_to_install_it(module: str, package: str) -> None:
    with pytest.raises(MissingLibraryError) as caught:
        library(module)
    assert f"library {package} is missing for {sys.executable}" in caught.value.message
    assert caught.value.hint.endswith(f"-m pip install {package}")
