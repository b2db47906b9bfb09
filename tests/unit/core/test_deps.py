# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Libraries are imported when they are used."""

from __future__ import annotations

import importlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import deps
from ansible_collections.rotor.secrets.plugins.module_utils._core.deps import library, require
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


def test_all_that_are_missing_are_named_at_once() -> None:
    with pytest.raises(MissingLibraryError) as caught:
        require("os.path", "nacl.not_there", "jwt.not_there")
    assert "the Python libraries PyNaCl, PyJWT are missing" in caught.value.message
    assert caught.value.hint.endswith("-m pip install PyNaCl PyJWT")
    require("os.path", "json")


def test_threads_do_not_import_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two halves of a library that import each other would be missed now and then."""
    seen: list[str] = []
    other = threading.Thread(target=library, args=["second"])

    def slow(name: str) -> ModuleType:
        if name == "first":
            other.start()
            other.join(0.2)
        seen.append(name)
        return ModuleType(name)

    monkeypatch.setattr(importlib, "import_module", slow)
    library("first")
    other.join()
    assert seen == ["first", "second"]


def test_known_library_waits_for_no_import() -> None:
    known = library("json")
    importing = deps._one_at_a_time
    with importing, ThreadPoolExecutor(1) as pool:
        assert pool.submit(library, "json").result(timeout=60) is known
