# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KV version 2: one write for several keys, under check-and-set, with whatever rights the token has."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConflictError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.store import VaultSecrets
from tests.conformance.proxy import Proxy
from tests.servers.openbao import OpenBao
from tests.unit.providers.vault.place import ALL, Place, secret

STRUCTURED = {"PORT": 5432, "RATIO": 0.25, "ON": True, "NONE": None, "NESTED": {"a": [1, {"b": None}]}, "EMPTY": ""}
RIGHTS: dict[str, dict[str, Any]] = {
    "merged by the server": {"data": ALL},
    "read and written back": {"data": ("read", "create", "update")},
    "merged unread, by its subkeys": {"data": ("create", "update", "patch"), "subkeys": ("read",)},
    "merged unread, by its metadata": {"data": ("create", "update", "patch"), "metadata": ("read",)},
}


def changing(proxy: Proxy) -> list[str]:
    return [seen.method for seen in proxy.requests if seen.changing]


# Siblings


@pytest.mark.parametrize("rights", RIGHTS.values(), ids=RIGHTS)
def test_siblings_of_every_type_stay_as_they_are(kv2: Place, rights: dict[str, tuple[str, ...]]) -> None:
    kv2.put(A="old", **STRUCTURED)
    store = kv2.store(kv2.token(**rights))
    store.write(kv2.container, secret(A="new", B="newer"))
    assert kv2.values == {"A": "new", "B": "newer", **STRUCTURED}
    store.delete(kv2.container, ["A", "PORT", "NOWHERE"])
    assert kv2.values == {name: value for name, value in {"B": "newer", **STRUCTURED}.items() if name != "PORT"}


@pytest.mark.parametrize("rights", RIGHTS.values(), ids=RIGHTS)
def test_a_document_comes_with_its_first_keys(kv2: Place, rights: dict[str, tuple[str, ...]]) -> None:
    store = kv2.store(kv2.token(**rights))
    before = store.observe(kv2.container, ["A"])
    assert before["keys"] == {}
    written = store.write(kv2.container, secret(A="one", B="two"), before)
    assert kv2.values == {"A": "one", "B": "two"}
    assert store.describe(written) == "version 1"


@pytest.mark.parametrize("rights", RIGHTS.values(), ids=RIGHTS)
@pytest.mark.parametrize("end", ["delete", "destroy"])
def test_a_document_whose_newest_version_is_gone_is_written_anew(
    kv2: Place, rights: dict[str, tuple[str, ...]], end: str
) -> None:
    kv2.put(A="one", SIBLING="of a version that is gone")
    kv2.server.ask("POST", kv2.api(end), {"versions": [1]})
    store = kv2.store(kv2.token(**rights))
    before = store.observe(kv2.container, ["A"])
    assert before == {"keys": {}, "version": 1}
    written = store.write(kv2.container, secret(A="two"), before)
    assert kv2.values == {"A": "two"}
    assert written["version"] == 2


def test_the_last_key_leaves_an_empty_document_and_all_versions(kv2: Place) -> None:
    store = kv2.store()
    store.write(kv2.container, secret(A="one", B="two"))
    gone = store.delete(kv2.container, ["A", "B"])
    assert kv2.values == {}
    assert kv2.current == 2
    assert store.unchanged(gone, store.observe(kv2.container, ["A", "B"]))
    store.write(kv2.container, secret(A="three"))
    assert kv2.values == {"A": "three"}


def test_deleting_from_a_document_that_is_not_there_makes_none(kv2: Place) -> None:
    kv2.store().delete(kv2.container, ["A"])
    assert "errors" in kv2.server.ask("GET", kv2.api("metadata"), ok=False)


def test_versions_that_the_server_forgets_do_not_matter(bao: OpenBao, kv2: Place) -> None:
    kv2.mount = bao.mount(2, max_versions=2)
    store = kv2.store()
    evidence: dict[str, Any] = {}
    for number in range(6):
        evidence = dict(store.write(kv2.container, secret(A=f"value {number}"), evidence or None))
    assert evidence["version"] == 6
    assert store.unchanged(evidence, store.observe(kv2.container, ["A"]))


def test_a_mount_that_asks_for_check_and_set_gets_it(bao: OpenBao, kv2: Place) -> None:
    kv2.mount = bao.mount(2, cas_required=True)
    store = kv2.store()
    store.write(kv2.container, secret(A="one"))
    store.write(kv2.container, secret(B="two"))
    store.delete(kv2.container, ["A"])
    assert kv2.values == {"B": "two"}


# Requests


def test_several_keys_take_one_request_that_changes_something(kv2: Place, proxy: Proxy) -> None:
    kv2.put(SIBLING="here")
    kv2.store(url=proxy.url).write(kv2.container, secret(A="one", B="two", C="three"))
    assert changing(proxy) == ["PATCH"]


def test_what_is_held_already_takes_none(kv2: Place, proxy: Proxy) -> None:
    store = kv2.store(url=proxy.url)
    kv2.put(A="one", B="two", SIBLING="here")
    written = store.write(kv2.container, secret(A="one", B="two"))
    assert changing(proxy) == []
    assert written["version"] == 1


def test_a_number_is_not_the_text_that_looks_like_it(kv2: Place) -> None:
    kv2.put(PORT=5432)
    store = kv2.store()
    before = store.observe(kv2.container, ["PORT"])
    after = store.write(kv2.container, secret(PORT="5432"))
    assert kv2.values == {"PORT": "5432"}
    assert not store.unchanged(before, after)


def test_the_mount_is_asked_about_once(kv2: Place, proxy: Proxy) -> None:
    store = kv2.store(url=proxy.url)
    for _turn in range(3):
        store.observe(kv2.container, ["A"])
    assert sum("internal/ui/mounts" in seen.path for seen in proxy.requests) == 1


# Others


def test_many_threads_lose_nothing(kv2: Place) -> None:
    kv2.put(SIBLING="here")
    store = kv2.store()
    values = {f"KEY_{number}": f"value {number}" for number in range(12)}
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda key: store.write(kv2.container, secret(**{key: values[key]})), values))
    assert kv2.values == {"SIBLING": "here", **values}


def test_processes_that_share_a_document_lose_nothing(kv2: Place) -> None:
    """Connections of their own have no lock in common."""
    kv2.put(SIBLING="here")
    values = {f"KEY_{number}": f"value {number}" for number in range(4)}
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda key: kv2.store().write(kv2.container, secret(**{key: values[key]})), values))
    assert kv2.values == {"SIBLING": "here", **values}


@pytest.mark.parametrize("rights", [RIGHTS["merged by the server"], RIGHTS["read and written back"]])
def test_a_sibling_that_comes_while_we_write_is_kept(
    kv2: Place, proxy: Proxy, rights: dict[str, tuple[str, ...]]
) -> None:
    kv2.put(A="one")
    proxy.before(lambda: kv2.poke(SIBLING="here"), changing=True)
    kv2.store(kv2.token(**rights), url=proxy.url).write(kv2.container, secret(A="two"))
    assert kv2.values == {"A": "two", "SIBLING": "here"}


def test_a_document_that_is_deleted_while_we_write_comes_back_with_our_keys_alone(kv2: Place, proxy: Proxy) -> None:
    kv2.put(A="one", SIBLING="here")
    proxy.before(lambda: kv2.server.ask("DELETE", kv2.api_path), changing=True)
    kv2.store(url=proxy.url).write(kv2.container, secret(A="two"))
    assert kv2.values == {"A": "two"}


def test_a_document_that_comes_while_we_write_the_first_one_is_kept(kv2: Place, proxy: Proxy) -> None:
    proxy.before(lambda: kv2.put(SIBLING="here"), changing=True)
    kv2.store(url=proxy.url).write(kv2.container, secret(A="one"))
    assert kv2.values == {"A": "one", "SIBLING": "here"}


@pytest.mark.parametrize("theirs", [{"A": "theirs"}, {}], ids=["changed", "deleted"])
def test_a_key_that_somebody_changes_while_we_write_is_theirs(kv2: Place, proxy: Proxy, theirs: dict[str, str]) -> None:
    kv2.put(A="one", B="two")
    store = kv2.store(url=proxy.url)
    since = store.observe(kv2.container, ["A", "B"])
    proxy.before(lambda: kv2.put(B="two", **theirs), changing=True)
    with pytest.raises(
        ConflictError, match=f"writing vault {kv2.mount}/{kv2.path}: somebody else has changed A "
    ) as no:
        store.write(kv2.container, secret(A="ours", B="ours, too"), since)
    assert "nothing was overwritten" in str(no.value)
    assert kv2.values == {"B": "two", **theirs}


def test_a_key_that_was_recorded_and_is_not_written_any_more_counts_as_well(kv2: Place) -> None:
    kv2.put(A="one", OLD="recorded")
    store = kv2.store()
    since = store.observe(kv2.container, ["A", "OLD"])
    kv2.poke(OLD="changed by hand")
    with pytest.raises(ConflictError, match="OLD"):
        store.write(kv2.container, secret(A="two"), since)


def test_what_an_earlier_try_of_ours_has_written_is_no_conflict(kv2: Place) -> None:
    kv2.put(A="one", B="two")
    store = kv2.store()
    since = store.observe(kv2.container, ["A", "B"])
    kv2.poke(A="ours")
    store.write(kv2.container, secret(A="ours", B="ours, too"), since)
    assert kv2.values == {"A": "ours", "B": "ours, too"}


def test_somebody_who_never_rests_does_not_hold_us_for_ever(kv2: Place, proxy: Proxy) -> None:
    kv2.put(A="one")
    turns = iter(range(100))
    proxy.before(lambda: kv2.poke(SIBLING=f"{next(turns)}"), changing=True, times=0)
    with pytest.raises(ConflictError, match="somebody else has changed it meanwhile, 5 times in a row"):
        kv2.store(url=proxy.url).write(kv2.container, secret(A="two"))
    assert changing(proxy) == ["PATCH"] * 5
    assert kv2.values == {"A": "one", "SIBLING": "4"}


# Rights


def test_without_reading_a_change_of_the_document_is_noticed_by_its_version(kv2: Place) -> None:
    kv2.put(A="one", SIBLING="here")
    store = kv2.store(kv2.token(**RIGHTS["merged unread, by its subkeys"]))
    since = store.observe(kv2.container, ["A", "B"])
    assert since == {"keys": {"A": {"version": 1}}, "version": 1}
    assert store.unchanged(since, store.observe(kv2.container, ["A", "B"]))
    kv2.poke(SIBLING="changed")
    assert not store.unchanged(since, store.observe(kv2.container, ["A", "B"]))
    with pytest.raises(ConflictError):
        store.write(kv2.container, secret(A="two"), since)
    assert kv2.values == {"A": "one", "SIBLING": "changed"}


def test_with_the_metadata_alone_a_key_may_be_there(kv2: Place) -> None:
    kv2.put(SIBLING="here")
    store = kv2.store(kv2.token(**RIGHTS["merged unread, by its metadata"]))
    assert store.observe(kv2.container, ["A"])["keys"] == {"A": {"version": 1}}


def test_evidence_of_a_write_fits_where_it_may_not_be_read(kv2: Place) -> None:
    kv2.put(SIBLING="here")
    store = kv2.store(kv2.token(**RIGHTS["merged unread, by its subkeys"]))
    written = store.write(kv2.container, secret(A="one"), store.observe(kv2.container, ["A"]))
    assert store.unchanged(written, store.observe(kv2.container, ["A"]))
    kv2.poke(A="by hand")
    assert not store.unchanged(written, store.observe(kv2.container, ["A"]))


def test_what_cannot_be_seen_is_not_taken_for_absent_and_the_smaller_right_is_named(kv2: Place) -> None:
    kv2.put(A="one")
    blind = kv2.store(kv2.token(data=("create", "update", "patch")))
    for attempt in (
        lambda: blind.observe(kv2.container, ["A"]),
        lambda: blind.write(kv2.container, secret(A="two")),
    ):
        with pytest.raises(PermissionDeniedError, match=f"The token needs read on {kv2.api_path}; or") as no:
            attempt()
        assert str(no.value).endswith(f"patch there and read on {kv2.api('metadata')}")
    assert kv2.values == {"A": "one"}


def test_without_reading_and_merging_nothing_is_overwritten(kv2: Place) -> None:
    kv2.put(SIBLING="here")
    store = kv2.store(kv2.token(data=("create", "update"), metadata=("read",)))
    with pytest.raises(PermissionDeniedError, match="the keys beside cannot be kept") as no:
        store.write(kv2.container, secret(A="one"))
    assert f"patch on {kv2.api_path}" in str(no.value)
    assert kv2.values == {"SIBLING": "here"}


def test_the_right_that_a_write_lacks_is_named(kv2: Place) -> None:
    kv2.put(A="one")
    with pytest.raises(PermissionDeniedError, match=f"The token needs create and update on {kv2.api_path}$"):
        kv2.store(kv2.token(data=("read",))).write(kv2.container, secret(A="two"))


# Answers


def test_a_lost_answer_is_resolved_by_reading(kv2: Place, proxy: Proxy) -> None:
    kv2.put(A="one")
    proxy.fault("PATCH", kind="reset_after")
    written = kv2.store(url=proxy.url).write(kv2.container, secret(A="two"))
    assert changing(proxy) == ["PATCH"]
    assert (kv2.values, written["version"]) == ({"A": "two"}, 2)


def test_a_lost_answer_that_nobody_may_resolve_is_owned_up_to(kv2: Place, proxy: Proxy) -> None:
    kv2.put(A="one")
    proxy.fault("PATCH", kind="reset_after")
    store = kv2.store(kv2.token(**RIGHTS["merged unread, by its subkeys"]), url=proxy.url)
    with pytest.raises(OutcomeUnknownError, match="The token may not read it, so that nobody can tell"):
        store.write(kv2.container, secret(A="two"), store.observe(kv2.container, ["A"]))


def test_a_lost_answer_before_the_server_goes_is_owned_up_to(kv2: Place, proxy: Proxy) -> None:
    kv2.put(A="one")
    store = kv2.store(url=proxy.url)
    store.observe(kv2.container, ["A"])
    proxy.fault("PATCH", kind="reset_after")
    proxy.before(lambda: proxy.fault("GET", "/data/", status=502, times=0), "PATCH")
    with pytest.raises(OutcomeUnknownError, match=r"Reading it back failed as well: .* answered 502"):
        store.write(kv2.container, secret(A="two"))


def test_a_good_status_without_a_version_is_no_success(kv2: Place, proxy: Proxy) -> None:
    kv2.put(A="one")
    proxy.fault("PATCH", kind="lie", status=200, body={"data": {}})
    with pytest.raises(UnexpectedAnswerError, match=f"writing vault {kv2.mount}/{kv2.path}"):
        kv2.store(url=proxy.url).write(kv2.container, secret(A="two"))


def test_a_server_without_merging_is_read_and_written_back(kv2: Place, proxy: Proxy) -> None:
    kv2.put(A="one", SIBLING="here")
    proxy.fault("PATCH", status=405, body={"errors": ["1 error occurred:\n\t* unsupported operation\n\n"]}, times=0)
    kv2.store(url=proxy.url).write(kv2.container, secret(A="two"))
    assert kv2.values == {"A": "two", "SIBLING": "here"}


# Values and names


def test_values_are_kept_byte_for_byte(kv: Place) -> None:
    values = {"UNICODE": "Grüße 漢字 e\u0301 🔑", "LONG": "x" * 48 * 1024, "CONTROL": "\x00\x1b\r\n\t", "BLANK": " "}
    store = kv.store()
    written = store.write(kv.container, secret(**values))
    assert kv.values == values
    assert store.unchanged(written, store.observe(kv.container, list(values)))


def test_keys_may_be_called_anything(kv: Place) -> None:
    names = ["", " ", "a.b", "a/b", "ä", '"', "'", "null", "data", "options", "__proto__", "$ref", "ttl", "x" * 500]
    values = {name: f"value of {name}" for name in names}
    store = kv.store()
    store.write(kv.container, {name: SecretValue(value) for name, value in values.items()})
    assert kv.values == values
    store.delete(kv.container, names[1:])
    assert kv.values == {"": "value of "}


@pytest.mark.parametrize("path", ["a b", "ä/漢", "a%2Fb", "a+b&c=d", "q?x=1#y", "a..b", "~tilde", "trailing "])
def test_documents_may_be_called_anything(kv: Place, path: str) -> None:
    kv.path = f"{kv.path}/{path}"
    kv.store().write(kv.container, secret(A="one"))
    assert kv.values == {"A": "one"}


def test_no_value_is_in_what_can_be_printed(kv2: Place) -> None:
    kv2.put(A="value-that-nobody-sees", SIBLING="neither-this-one")
    store: VaultSecrets = kv2.store()
    seen = [store.observe(kv2.container, ["A"]), store.outline(kv2.container), store._kv(kv2.container).read()]
    assert "nobody-sees" not in repr(seen)
    assert "neither-this" not in repr(seen)


def test_value_that_a_person_has_left_is_read(kv2: Place) -> None:
    kv2.put(NEW="of a person", PORT=5432, EMPTY="")
    store = kv2.store()
    assert store.read(kv2.container, "NEW").reveal() == "of a person"
    for key in ("PORT", "EMPTY", "NOWHERE"):
        with pytest.raises(NotFoundError, match=f"has no text in {key}"):
            store.read(kv2.container, key)


def test_document_is_read_whole_or_by_its_keys(kv2: Place) -> None:
    kv2.put(USER="nova", PASSWORD="of nova")
    store = kv2.store()
    assert {key: value.reveal() for key, value in store.contents(kv2.container, []).items()} == kv2.values
    assert list(store.contents(kv2.container, ["PASSWORD"])) == ["PASSWORD"]
    kv2.put(USER="nova", PORT=5432)
    with pytest.raises(NotFoundError, match="has no text in PORT"):
        store.contents(kv2.container, [])
    with pytest.raises(NotFoundError, match="has no keys, or the token may not read it"):
        store.contents({**kv2.container, "path": f"{kv2.path}/missing"}, [])
