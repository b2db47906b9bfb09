# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept beside the values: the ledger's id, and what people note."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    InvalidRequestError,
    PermissionDeniedError,
)
from tests.conformance.proxy import Proxy
from tests.unit.core.doubles import VirtualClock
from tests.unit.providers.vault.place import ALL, Place, secret

BOTH_WAYS = pytest.mark.parametrize("rights", [("patch",), ("read", "update")], ids=["merged", "read and written"])


@BOTH_WAYS
def test_the_ledgers_id_is_kept_beside_what_others_have_noted(kv2: Place, rights: tuple[str, ...]) -> None:
    kv2.put(SIBLING="here")
    settings = {"custom_metadata": {"owner": "platform"}, "max_versions": 7, "delete_version_after": "72h0m0s"}
    kv2.server.ask("POST", kv2.api("metadata"), settings)
    store = kv2.store(kv2.token(data=ALL, metadata=rights), owner_tag="ledger-one")
    written = store.write(kv2.container, secret(A="one"))
    assert written["ledger"] == store.observe(kv2.container, ["A"])["ledger"] == "ledger-one"
    found = kv2.server.metadata(kv2.mount, kv2.path)
    assert {name: found[name] for name in settings} == {
        **settings,
        "custom_metadata": {"owner": "platform", "rotor_ledger": "ledger-one"},
    }


def test_what_was_noted_before_the_first_version_is_kept(kv2: Place) -> None:
    kv2.server.ask("POST", kv2.api("metadata"), {"custom_metadata": {"owner": "platform"}})
    kv2.store(kv2.token(data=ALL, metadata=("read", "update")), owner_tag="one").write(kv2.container, secret(A="one"))
    assert kv2.custom == {"owner": "platform", "rotor_ledger": "one"}


def test_owner_tag_that_is_there_is_not_written_again(kv2: Place, proxy: Proxy) -> None:
    store = kv2.store(url=proxy.url, owner_tag="one")
    for value in ("one", "two", "three"):
        store.write(kv2.container, secret(A=value))
    assert [seen.path for seen in proxy.requests if seen.changing].count(f"/v1/{kv2.api('metadata')}") == 1


def test_a_missing_right_to_note_it_does_not_fail_the_write(kv2: Place) -> None:
    store = kv2.store(kv2.token(data=ALL), owner_tag="one")
    written = store.write(kv2.container, secret(A="one"))
    assert "ledger" not in written
    assert (kv2.values, kv2.custom) == ({"A": "one"}, {})
    assert store.unchanged(written, store.observe(kv2.container, ["A"]))


def test_another_ledgers_id_is_told(kv2: Place) -> None:
    kv2.store(owner_tag="theirs").write(kv2.container, secret(A="one"))
    for token in ("", kv2.token(subkeys=("read",)), kv2.token(metadata=("read",))):
        assert kv2.store(token, owner_tag="ours").observe(kv2.container, ["A"])["ledger"] == "theirs"


@pytest.mark.parametrize(("ahead", "deleted"), [(timedelta(days=9), False), (timedelta(days=-9), True)])
def test_deletion_is_dated_by_the_servers_clock(
    kv2: Place, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, ahead: timedelta, deleted: bool
) -> None:
    kv2.server.ask("POST", kv2.api("metadata"), {"delete_version_after": "72h"})
    kv2.put(A="one")
    if deleted:
        kv2.server.ask("DELETE", kv2.api("data"))
    now = clock.now() + ahead
    monkeypatch.setattr(clock, "now", lambda: now)
    seen = kv2.store(kv2.token(metadata=("read",))).observe(kv2.container, ["A"])
    assert (not seen["keys"]) is deleted


@BOTH_WAYS
def test_notes_are_changed_and_removed_one_by_one(kv2: Place, rights: tuple[str, ...]) -> None:
    kv2.put(A="one")
    kv2.server.ask("POST", kv2.api("metadata"), {"custom_metadata": {"owner": "platform", "old": "x"}})
    store = kv2.store(kv2.token(data=("read",), metadata=rights))
    store.annotate(kv2.container, {"old": None, "new": "y"})
    assert kv2.custom == {"owner": "platform", "new": "y"}
    assert store.custom_metadata(kv2.container) == {"owner": "platform", "new": "y"}


def test_the_right_to_note_is_named(kv2: Place) -> None:
    kv2.put(A="one")
    with pytest.raises(PermissionDeniedError, match=f"The token needs read on {kv2.api('metadata')}$"):
        kv2.store(kv2.token(data=ALL)).annotate(kv2.container, {"owner": "platform"})


def test_a_note_that_is_too_long_is_an_error_without_the_note(kv2: Place) -> None:
    kv2.put(A="one")
    with pytest.raises(InvalidRequestError, match="answered 400") as no:
        kv2.store().annotate(kv2.container, {"owner": "too long " * 100})
    assert "too long" not in str(no.value)


# The outline of a document


def test_the_outline_has_names_and_no_values(kv2: Place, proxy: Proxy) -> None:
    kv2.put(B="one", A={"nested": 1})
    kv2.server.ask("POST", kv2.api("metadata"), {"custom_metadata": {"owner": "platform"}})
    outline = kv2.store(kv2.token(subkeys=("read",)), url=proxy.url).outline(kv2.container)
    assert outline.pop("created_time").startswith("20")
    assert outline == {"names": ["A", "B"], "version": 1, "custom_metadata": {"owner": "platform"}}
    assert not any("/data/" in seen.path for seen in proxy.requests)


def test_without_the_subkeys_the_outline_is_taken_from_the_data(kv: Place) -> None:
    kv.put(B="one", A="two")
    token = kv.token(document=("read",)) if kv.version == 1 else kv.token(data=("read",))
    assert kv.store(token).outline(kv.container)["names"] == ["A", "B"]


def test_a_document_that_is_not_there_has_no_names(kv: Place) -> None:
    assert kv.store().outline(kv.container)["names"] == []


def test_names_that_may_not_be_seen_are_not_taken_for_none(kv2: Place) -> None:
    kv2.put(A="one")
    with pytest.raises(PermissionDeniedError, match="may see that it is there, and not its keys"):
        kv2.store(kv2.token(metadata=("read",))).outline(kv2.container)
    with pytest.raises(PermissionDeniedError, match=f"The token needs read on {kv2.api_path}"):
        kv2.store(kv2.token(metadata=("update",))).outline(kv2.container)
