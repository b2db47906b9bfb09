# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from tests.unit.core.described import KEY, TOKEN, issuer
from tests.unit.core.doubles import ScriptedServer


def test_ayrshare_takes_a_secret_of_ours_for_one_profile() -> None:
    account = {"token": TOKEN, "profile_key": KEY.fields["token"]}
    with ScriptedServer() as server:
        ayrshare = issuer("ayrshare_webhook_secret", server.answer(200, {"status": "success"}), account)
        made = ayrshare.generate("rotor-1")
        assert server.asked == []
        ayrshare.activate(made)
        assert server.asked == ["POST /hook/webhook/secret"]
        assert server.received[0].json == {"secret": made.fields["token"].reveal()}
        assert server.received[0].headers["Profile-Key"] == KEY.fields["token"].reveal()
        assert ayrshare.answer(made) is Answer.UNCLEAR
        assert made.fields != ayrshare.generate("rotor-2").fields


def test_ayrshare_does_not_set_a_secret_twice_by_itself() -> None:
    with ScriptedServer() as server:
        ayrshare = issuer("ayrshare_webhook_secret", server.drop())
        with pytest.raises(errors.OutcomeUnknownError):
            ayrshare.activate(ayrshare.generate("rotor-1"))
        assert len(server.asked) == 1
