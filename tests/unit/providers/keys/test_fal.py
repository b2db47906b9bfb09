# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer
from tests.unit.core.described import KEY, TOKEN, issuer
from tests.unit.core.doubles import ScriptedServer

MADE = {"key_id": "7", "key_secret": "secret-of-the-fal-tests", "key": "7:secret-of-the-fal-tests"}
LISTED = {"alias": "rotor-1", "scope": "API", "created_at": "2026-01-01T00:00:00Z"}


def test_credential_is_the_whole_key() -> None:
    with ScriptedServer() as server:
        fal = issuer("fal_api_key", server.answer(201, MADE).answer(200, {}).answer(204))
        made = fal.mint("rotor-1")
        assert (made.id, made.fields["token"].reveal()) == ("7", MADE["key"])
        assert fal.answer(made) is Answer.ACCEPTED
        fal.revoke(KEY)
        assert server.asked == ["POST /keys", "GET /models/pricing?endpoint_id=fal-ai%2Fflux%2Fdev", "DELETE /keys/7"]
        shown = [received.headers["Authorization"] for received in server.received]
        assert shown == [f"Key {TOKEN.reveal()}", f"Key {MADE['key']}", f"Key {TOKEN.reveal()}"]


def test_listed_follows_the_cursor() -> None:
    with ScriptedServer() as server:
        server.answer(200, {"keys": [{**LISTED, "key_id": "a"}], "next_cursor": "Mg==", "has_more": True})
        server.answer(200, {"keys": [{**LISTED, "key_id": "b"}], "next_cursor": None, "has_more": False})
        listed = issuer("fal_api_key", server).listed()
        assert [(key.id, key.name, key.scope) for key in listed] == [("a", "rotor-1", "API"), ("b", "rotor-1", "API")]
        assert server.asked[1] == "GET /keys?limit=50&cursor=Mg%3D%3D"
