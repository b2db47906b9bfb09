# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KV version 1: whole documents, without versions or check-and-set; what it cannot exclude, it notices."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    ConflictError,
    OutcomeUnknownError,
    PermissionDeniedError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.store import VaultSecrets
from tests.conformance.proxy import Proxy
from tests.unit.providers.vault.place import Place, secret

STRUCTURED = {"PORT": 5432, "BIG": 12345678901234567890, "NESTED": {"a": [1, None]}}


def test_siblings_of_every_type_stay_as_they_are(kv1: Place) -> None:
    kv1.put(A="old", **STRUCTURED)
    store = kv1.store(kv1.token(document=("read", "create", "update")))
    store.write(kv1.container, secret(A="new", B="newer"))
    assert kv1.values == {"A": "new", "B": "newer", **STRUCTURED}
    store.delete(kv1.container, ["A", "PORT"])
    assert kv1.values == {name: value for name, value in {"B": "newer", **STRUCTURED}.items() if name != "PORT"}


def test_the_last_key_takes_the_document_along(kv1: Place) -> None:
    store = kv1.store()
    store.write(kv1.container, secret(A="one", B="two"))
    store.delete(kv1.container, ["A", "B"])
    assert kv1.values is None


def test_what_is_held_already_takes_no_request(kv1: Place, proxy: Proxy) -> None:
    kv1.put(A="one", SIBLING="here")
    kv1.store(url=proxy.url).write(kv1.container, secret(A="one"))
    assert proxy.mutating == 0


def test_evidence_is_the_value(kv1: Place) -> None:
    store = kv1.store()
    written = store.write(kv1.container, secret(A="one"))
    kv1.poke(SIBLING="here")
    assert store.unchanged(written, store.observe(kv1.container, ["A"]))
    kv1.poke(A="by hand")
    assert not store.unchanged(written, store.observe(kv1.container, ["A"]))
    assert store.describe(written) == f"A {written['keys']['A']['fingerprint']}"


def test_threads_of_one_process_lose_nothing(kv1: Place) -> None:
    kv1.put(SIBLING="here")
    store = kv1.store()
    values = {f"KEY_{number}": f"value {number}" for number in range(8)}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: store.write(kv1.container, secret(**{key: values[key]})), values))
    assert kv1.values == {"SIBLING": "here", **values}


def test_a_change_since_we_looked_is_not_overwritten(kv1: Place) -> None:
    kv1.put(A="one")
    store = kv1.store()
    since = store.observe(kv1.container, ["A"])
    kv1.poke(A="by hand")
    with pytest.raises(ConflictError, match="somebody else has changed A meanwhile"):
        store.write(kv1.container, secret(A="two"), since)
    assert kv1.values == {"A": "by hand"}


def test_a_key_that_somebody_takes_right_after_our_write_is_noticed(kv1: Place, proxy: Proxy) -> None:
    kv1.put(A="one")
    store = kv1.store(url=proxy.url)
    since = store.observe(kv1.container, ["A"])
    proxy.before(lambda: kv1.put(A="theirs"), "GET", f"{kv1.path}$", skip=1)
    with pytest.raises(ConflictError, match="somebody else has changed A meanwhile"):
        store.write(kv1.container, secret(A="two"), since)


def test_writes_that_were_all_taken_and_overwritten_are_in_doubt(kv1: Place, proxy: Proxy) -> None:
    proxy.before(lambda: kv1.put(A="theirs"), "GET", f"{kv1.path}$", times=0)
    with pytest.raises(OutcomeUnknownError, match="it was taken, and does not show what was written"):
        kv1.store(url=proxy.url).write(kv1.container, secret(A="two"))
    assert proxy.mutating == 5


def test_a_lost_answer_is_resolved_by_reading(kv1: Place, proxy: Proxy) -> None:
    proxy.fault("PUT", kind="reset_after")
    kv1.store(url=proxy.url).write(kv1.container, secret(A="two"))
    assert proxy.mutating == 1
    assert kv1.values == {"A": "two"}


def test_a_write_that_cannot_be_looked_at_is_owned_up_to(kv1: Place, proxy: Proxy) -> None:
    store = kv1.store(url=proxy.url)
    store.observe(kv1.container, ["A"])
    proxy.before(lambda: proxy.fault("GET", kind="status", status=502, times=0), "PUT")
    with pytest.raises(OutcomeUnknownError, match="it was taken, and then"):
        store.write(kv1.container, secret(A="one"))


def test_without_reading_nothing_is_overwritten(kv1: Place) -> None:
    kv1.put(SIBLING="here")
    store = kv1.store(kv1.token(document=("create", "update")))
    for attempt in (lambda: store.observe(kv1.container, ["A"]), lambda: store.write(kv1.container, secret(A="one"))):
        with pytest.raises(PermissionDeniedError, match=f"The token needs read on {kv1.api_path}$"):
            attempt()
    assert kv1.values == {"SIBLING": "here"}


def test_the_right_that_is_missing_is_named(kv1: Place) -> None:
    kv1.put(A="one")
    with pytest.raises(PermissionDeniedError, match=f"The token needs create and update on {kv1.api_path}$"):
        kv1.store(kv1.token(document=("read", "delete"))).write(kv1.container, secret(A="two"))
    with pytest.raises(PermissionDeniedError, match=f"The token needs delete on {kv1.api_path}$"):
        kv1.store(kv1.token(document=("read", "update"))).delete(kv1.container, ["A"])
    assert kv1.values == {"A": "one"}


def test_it_has_no_room_for_the_ledgers_id(kv1: Place) -> None:
    store = kv1.store(owner_tag="ledger-one")
    store.write(kv1.container, secret(A="one"))
    assert "ledger" not in store.observe(kv1.container, ["A"])
    assert kv1.values == {"A": "one"}
    with pytest.raises(ConfigurationError, match="KV version 1 has no custom metadata"):
        store.annotate(kv1.container, {"owner": "platform"})


# Which version it is


@pytest.mark.parametrize(("said", "is_there"), [(1, 2), (2, 1)])
def test_a_version_that_is_not_the_mounts_is_a_mistake(kv1: Place, kv2: Place, said: int, is_there: int) -> None:
    place = kv2 if is_there == 2 else kv1
    with pytest.raises(ConfigurationError, match=f"the mount is of KV version {is_there}, and not {said}"):
        place.store().write({**place.container, "version": said}, secret(A="one"))
    assert place.values is None


def test_where_the_server_does_not_say_it_the_map_does(kv1: Place, proxy: Proxy) -> None:
    proxy.fault("GET", "/sys/internal/ui/mounts/", status=403, times=0)
    kv1.store(url=proxy.url).write({**kv1.container, "version": 1}, secret(A="one"))
    assert kv1.values == {"A": "one"}


def test_version_2_that_is_taken_for_1_is_told(kv2: Place, proxy: Proxy) -> None:
    proxy.fault("GET", "/sys/internal/ui/mounts/", status=403, times=0)
    with pytest.raises(ConfigurationError, match=r"this mount is of KV version 2\. Say version: 2"):
        kv2.store(url=proxy.url).write({**kv2.container, "version": 1}, secret(A="one"))


def test_a_mount_of_another_engine_is_none(kv1: Place) -> None:
    store: VaultSecrets = kv1.store()
    with pytest.raises(ConfigurationError, match="cubbyhole is a mount of type cubbyhole, and none of KV"):
        store.observe({"mount": "cubbyhole", "path": "a"}, ["A"])


def test_a_path_within_a_mount_is_none(kv2: Place) -> None:
    with pytest.raises(ConfigurationError, match=f"{kv2.mount}/agenticverz is no mount, but lies in {kv2.mount}"):
        kv2.store().observe({"mount": f"{kv2.mount}/agenticverz", "path": "database"}, ["A"])
