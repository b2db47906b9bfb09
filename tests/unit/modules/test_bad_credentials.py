# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module, with each of its credentials spoilt in each way: nothing of it comes back, in whatever error."""

from __future__ import annotations

import importlib
import json
import traceback
from collections.abc import Iterator

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from tests import systems
from tests.chaos import tally
from tests.unit import bad_credentials
from tests.unit.bad_credentials import BAD, FITS, NO_TEXT, Echo, Option, pieces

OPTIONS = [option for option in bad_credentials.module_options() if option.owner not in systems.SPECS]
"""Those are actions."""
WAYS = [bad for bad in BAD if bad != NO_TEXT]
"""JSON in UTF-8 brings no such bytes to a module."""


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    with Echo() as echo:
        yield echo


FOR_THE_MASKS = "_ansible_new_secrets"
"""What core 2.22 takes out of a result, to mask it from then on."""


def play(option: Option, value: str, echo: Echo, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """The message of the module, and all that it says."""
    main = importlib.import_module(f"ansible_collections.rotor.secrets.plugins.modules.{option.owner}").main
    raised = ""
    with patch_module_args(bad_credentials.module_arguments(option, value, echo.url)):
        try:
            main()
        except SystemExit:
            pass
        except BaseException:  # noqa: BLE001 - core would show it
            raised = traceback.format_exc()
    said = capsys.readouterr()
    if raised:
        return "", said.out + said.err + raised
    result = json.loads(said.out)
    result.pop(FOR_THE_MASKS, None)
    return result["msg"], json.dumps(result) + said.err


@pytest.mark.parametrize(("option", "bad"), bad_credentials.sample(OPTIONS, WAYS), ids=str)
def test_no_module_shows_a_credential_that_cannot_be_sent(
    option: Option, bad: str, echo: Echo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clock, "sleep", lambda _self, _seconds: None)
    canary, before = bad_credentials.canary(), echo.requests

    message, said = play(option, BAD[bad](canary), echo, capsys)

    refused = message.startswith(f"{option.path}: ")
    assert refused == (bad != FITS) or not option.in_header
    named = option.path.replace("_", ".") in message.replace("_", ".") or "CANARY: " in message
    assert refused or named or echo.requests > before, message
    found = [piece for piece in pieces(canary) if piece in said]
    assert not found, f"{len(found)} pieces of the canary"
    tally.add("bad credentials: modules", cases=1, leaks=0)
