# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``dotenv_secret`` adds to its store; tests/integration/test_dotenv_module.py runs it as a task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError, NotFoundError
from ansible_collections.rotor.secrets.plugins.module_utils._core.module_runner import converge
from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv.resources import FILE, Secrets
from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv.store import DotenvConnection
from tests.unit.providers.dotenv.local_host import LocalHost

VALUE = "value-of-the-module-tests"


def run(path: Path, *, check: bool = False, **options: Any) -> dict[str, Any]:
    params = {**dict.fromkeys(FILE), "name": None, "value": None, "secrets": None, "state": "present", **options}
    connection = DotenvConnection({}, clock=Clock())
    connection.host = LocalHost()
    return converge(Secrets({**params, "path": str(path)}, "app1", connection), check_mode=check, diff=True)


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("place", ["file", "no-folder/file"])
def test_key_of_a_missing_file_is_absent(tmp_path: Path, check: bool, place: str) -> None:
    result = run(tmp_path / place, name="KEY", state="absent", check=check)
    assert (result["changed"], result["secrets"], list(tmp_path.iterdir())) == (False, [], [])


def test_missing_file_is_an_error_where_a_key_is_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="create: true"):
        run(tmp_path / "file", name="KEY", value=VALUE)


def test_no_secrets_are_nothing_to_do(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("A=b\n")
    for state in ("present", "absent"):
        assert not run(tmp_path / "missing", secrets=[], state=state)["changed"]
        result = run(file, secrets=[], state=state)
        assert (result["changed"], result["secrets"], file.read_text()) == (False, [], "A=b\n")


@pytest.mark.parametrize(
    ("options", "said"), [({"mode": 640}, "mode: "), ({"readers": []}, "readers: "), ({"owner": ""}, "owner: ")]
)
def test_options_that_misfit_the_schema_are_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        run(tmp_path / "file", name="KEY", value=VALUE, **options)
    assert caught.value.message.startswith(said)
