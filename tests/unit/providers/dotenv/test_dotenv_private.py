# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that is for its owner alone, as an export writes it: whatever would show its values to others is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import InvalidRequestError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv.store import DotenvFile

from .access_lists import GROUP, MASK, NO_ID, OTHERS, OWNER, USER, access_list

NEW = {"KEY": SecretValue("new")}
SOMEBODY_IN = access_list((OWNER, 6, NO_ID), (USER, 4, 4712), (GROUP, 0, NO_ID), (MASK, 4, NO_ID), (OTHERS, 0, NO_ID))


@pytest.fixture
def private(container: dict[str, Any], file: Path) -> dict[str, Any]:
    file.chmod(0o600)
    return {**container, "create": True, "private": True}


def test_file_of_its_owner_alone_is_written(store: DotenvFile, private: dict[str, Any], file: Path) -> None:
    store.write(private, NEW)
    assert file.read_text() == "# ours\nSIBLING=stays\nKEY='new'\n"
    file.chmod(0o640)
    store.write({**private, "mode": "0640"}, {"KEY": SecretValue("newer")})
    assert file.stat().st_mode & 0o777 == 0o640


def refused(store: DotenvFile, private: dict[str, Any], file: Path) -> str:
    """What is said, by a look and by a write; nothing is written."""
    before = file.read_text()
    with pytest.raises(InvalidRequestError) as looked:
        store.observe(private, ["KEY"])
    with pytest.raises(InvalidRequestError) as wrote:
        store.write(private, NEW)
    assert file.read_text() == before
    said = str(wrote.value).partition(": ")[2]
    assert said == str(looked.value).partition(": ")[2]
    return said


def test_file_that_others_can_read_is_refused(store: DotenvFile, private: dict[str, Any], file: Path) -> None:
    file.chmod(0o604)
    said = refused(store, private, file)
    assert said == "its mode is 0604, and not 0600. chmod 0600 it, or say that mode is 0604"


def test_file_with_an_access_list_is_refused(store: DotenvFile, private: dict[str, Any], file: Path) -> None:
    """Its mode says nothing of it: the group's bits are the mask of the list."""
    try:
        os.setxattr(file, "system.posix_acl_access", SOMEBODY_IN)
    except OSError:
        pytest.skip("this file system has no access lists")
    assert file.stat().st_mode & 0o777 == 0o640
    for mode in ("0640", "0660"):
        said = refused(store, {**private, "mode": mode}, file)
        assert said == "it has an access list, which may let others in. Remove that: setfacl -b"


def test_link_is_refused(store: DotenvFile, private: dict[str, Any], file: Path) -> None:
    behind = file.rename(file.with_name("behind"))
    file.symlink_to(behind.name)
    assert refused(store, private, file).startswith("it is a link. ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of somebody else's")
def test_file_of_somebody_else_is_refused_unless_named(store: DotenvFile, private: dict[str, Any], file: Path) -> None:
    os.chown(file, 65534, -1)
    assert refused(store, private, file).startswith("it belongs to ")
    store.write({**private, "owner": "65534"}, NEW)
    assert file.stat().st_uid == 65534
