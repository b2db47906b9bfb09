# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from tests.unit.core.described import KEY, issuer, mistakes
from tests.unit.core.doubles import ScriptedServer

SENDING: dict[str, Any] = {"permission": "sending_access", "domain_id": "d-1"}


@pytest.mark.parametrize(
    ("status", "name", "message", "answer"),
    [
        (401, "restricted_api_key", "This API key is restricted to only send emails", Answer.ACCEPTED),
        (403, "invalid_api_key", "API key is invalid", Answer.REFUSED),
        (400, "validation_error", "API key is invalid", Answer.REFUSED),
        (401, "validation_error", "API key is invalid.", Answer.REFUSED),
        (401, "missing_api_key", "Missing API Key", Answer.UNCLEAR),
        (403, "validation_error", "You can only send testing emails", Answer.UNCLEAR),
    ],
)
def test_proof_goes_by_the_words_of_the_error(status: int, name: str, message: str, answer: Answer) -> None:
    with ScriptedServer() as server:
        server.answer(status, {"statusCode": status, "name": name, "message": message})
        assert issuer("resend_api_key", server, **SENDING).answer(KEY) is answer


def test_key_has_the_permission_that_the_map_names() -> None:
    with ScriptedServer() as server:
        issuer("resend_api_key", server.answer(201, {"id": "7", "token": "re_of_the_tests"}), **SENDING).mint("rotor-1")
        assert server.received[0].json == {"name": "rotor-1", **SENDING}


def test_domain_is_refused_for_a_full_access_key() -> None:
    assert mistakes("resend_api_key", permission="full_access", domain_id="d") != []
