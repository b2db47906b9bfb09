# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every store does on a good day, and what it says where something is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import NotFoundError, PermissionDeniedError
from tests.conformance.bench import Bench
from tests.conformance.found import Found, Watched

LEVEL = "stores"
ORDER = 1


@pytest.mark.row("writes a key")
def test_what_is_written_is_held(bench: Bench, store: Watched, found: Found) -> None:
    first, _second, sibling = bench.names
    value = found.secret()
    written = store.write(bench.container, {first: value})
    found.expect(bench.holds(first, value.reveal()), "does not hold the value")
    found.expect(set(written["keys"]) == {first}, "evidence is not about the key that was written")
    found.expect(not bench.exists(sibling), "makes a key that nobody wanted")
    found.expect(json.loads(json.dumps(written)) == written, "evidence is not JSON")


@pytest.mark.row("writes several keys in one go")
def test_several_keys_take_as_many_requests_as_the_limits_say(bench: Bench, store: Watched, found: Found) -> None:
    first, second, _sibling = bench.names
    store.write(bench.container, {first: found.secret(), second: found.secret()})
    of_one = _changes(bench, lambda: store.write(bench.container, {first: found.secret()}))
    values = {first: found.secret(), second: found.secret()}
    of_two = _changes(bench, lambda: store.write(bench.container, values))
    found.expect(all(bench.holds(key, value.reveal()) for key, value in values.items()), "does not hold both")
    most = store.limits.keys_at_once
    found.expect(of_two == of_one * (2 if most == 1 else 1), f"takes {of_two} requests for two keys, {of_one} for one")
    found.says("one by one" if most == 1 else "yes")


@pytest.mark.row("writes the same again")
def test_the_same_again_changes_nothing_where_that_can_be_seen(bench: Bench, store: Watched, found: Found) -> None:
    first, second, _sibling = bench.names
    values = {first: found.secret(), second: found.secret()}
    before = store.write(bench.container, values)
    observed = store.observe(bench.container, [first, second])
    changes = _changes(bench, lambda: store.write(bench.container, values))
    now = store.observe(bench.container, [first, second])
    if store.readable:
        found.expect(changes == 0, f"sends {changes} requests that change something")
        found.expect(store.unchanged(before, now), "evidence of the first write fits no more")
        found.expect(store.unchanged(observed, now), "what was seen before fits no more")
        found.says("no request")
    else:
        found.says("writes again", "Its values cannot be read, so that nobody can tell whether they are the same.")
    again = store.write(bench.container, values)
    found.expect(store.unchanged(again, store.observe(bench.container, [first, second])), "evidence does not fit")


@pytest.mark.row("evidence fits until somebody changes a key")
def test_evidence_of_a_write_fits_what_is_seen_until_somebody_else_writes(
    bench: Bench, store: Watched, found: Found
) -> None:
    first, second, _sibling = bench.names
    written = store.write(bench.container, {first: found.secret(), second: found.secret()})
    found.expect(bool(store.describe(written)), "evidence has no description")
    found.expect(store.unchanged(written, store.observe(bench.container, [first, second])), "evidence does not fit")
    bench.poke(second, found.value())
    found.expect(not store.unchanged(written, store.observe(bench.container, [first, second])), "a change is not seen")
    found.says("by value" if store.readable else "yes")


@pytest.mark.row("evidence of a missing key")
def test_a_key_that_is_missing_is_not_in_the_evidence_and_its_coming_is_seen(
    bench: Bench, store: Watched, found: Found
) -> None:
    first, _second, sibling = bench.names
    bench.poke(sibling, found.value())
    absent = store.observe(bench.container, [first])
    found.expect(absent["keys"] == {}, "evidence holds a key that is missing")
    found.expect(store.unchanged(absent, store.observe(bench.container, [first])), "two looks at nothing differ")
    bench.poke(first, found.value())
    found.expect(not store.unchanged(absent, store.observe(bench.container, [first])), "its coming is not seen")


@pytest.mark.row("deletes a key, and one that is missing")
def test_a_deleted_key_is_gone_and_deleting_it_again_is_no_error(bench: Bench, store: Watched, found: Found) -> None:
    first, _second, sibling = bench.names
    beside = found.value()
    bench.poke(sibling, beside)
    store.write(bench.container, {first: found.secret()})
    gone = store.delete(bench.container, [first])
    found.expect(not bench.exists(first), "the key is still there")
    found.expect(bench.holds(sibling, beside), "the sibling is gone")
    found.expect(store.observe(bench.container, [first])["keys"] == {}, "is still seen")
    found.expect(
        store.unchanged(gone, store.observe(bench.container, [first])), "evidence of the deletion does not fit"
    )
    store.delete(bench.container, [first])
    found.expect(bench.holds(sibling, beside), "the sibling is gone after the second deletion")


@pytest.mark.row("writes a deleted key again")
def test_a_key_can_come_back(bench: Bench, store: Watched, found: Found) -> None:
    first, *_others = bench.names
    store.write(bench.container, {first: found.secret()})
    store.delete(bench.container, [first])
    value = found.secret()
    written = store.write(bench.container, {first: value})
    found.expect(bench.holds(first, value.reveal()), "does not hold the value")
    found.expect(store.unchanged(written, store.observe(bench.container, [first])), "evidence does not fit")


@pytest.mark.row("siblings stay, and their changes do not count")
def test_siblings_are_left_alone(bench: Bench, store: Watched, found: Found) -> None:
    first, _second, sibling = bench.names
    beside = found.value()
    bench.poke(sibling, beside)
    written = store.write(bench.container, {first: found.secret()})
    found.expect(bench.holds(sibling, beside), "a sibling is changed")
    bench.poke(sibling, found.value())
    found.expect(store.unchanged(written, store.observe(bench.container, [first])), "a sibling's change counts as ours")


@pytest.mark.row("two threads write at once")
def test_two_threads_at_once_both_have_their_way(bench: Bench, store: Watched, found: Found) -> None:
    first, second, sibling = bench.names
    bench.poke(sibling, beside := found.value())
    values = {first: found.secret(), second: found.secret()}

    def write(key: str) -> None:
        store.write(bench.container, {key: values[key]})

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write, key) for key in values]:
            done.result()
    for key, value in values.items():
        found.expect(bench.holds(key, value.reveal()), "one of both is lost")
    found.expect(bench.holds(sibling, beside), "a sibling is lost")


@pytest.mark.row("keeps whose writes they are")
def test_the_ledgers_id_is_kept_where_there_is_room(bench: Bench, store: Watched, found: Found) -> None:
    first, *_others = bench.names
    store.plain.owner_tag = "ledger-one"
    written = store.write(bench.container, {first: found.secret()})
    seen = store.observe(bench.container, [first])
    found.expect(store.unchanged(written, seen), "evidence does not fit")
    if "ledger" not in seen:
        found.not_applicable("There is no room for it beside the values.")
        return
    found.expect(seen["ledger"] == "ledger-one", "another ledger is named")
    store.plain.owner_tag = "ledger-two"
    found.expect(store.unchanged(written, store.observe(bench.container, [first])), "who asks makes a difference")
    store.write(bench.container, {first: found.secret()})
    found.expect(store.observe(bench.container, [first])["ledger"] == "ledger-two", "the new ledger is not kept")


@pytest.mark.row("says who we are")
def test_a_probe_says_who_we_are_and_changes_nothing(bench: Bench, store: Watched, found: Found) -> None:
    said = store.connection.probe()
    found.expect(isinstance(said, str) and bool(said), "says nothing")
    found.look(said, "the probe's answer")
    found.expect(bench.proxy.mutating == 0, "changes something")


# Rights


@pytest.mark.row("no right at all")
def test_without_any_right_nothing_is_taken_for_absent(bench: Bench, found: Found) -> None:
    first, _second, sibling = bench.names
    values = {first: found.value(), sibling: found.value()}
    for key, value in values.items():
        bench.poke(key, value)
    stranger = Watched(bench.store(allowed=False), bench, found)
    with found.raises(PermissionDeniedError):
        stranger.observe(bench.container, [first, "NOWHERE"])
    with found.raises(PermissionDeniedError):
        stranger.write(bench.container, {first: found.secret()})
    with found.raises(PermissionDeniedError):
        stranger.delete(bench.container, [first])
    found.expect(all(bench.holds(key, value) for key, value in values.items()), "something is changed all the same")
    found.says("error")


@pytest.mark.row("may read, may not write")
@pytest.mark.needs("http")
def test_without_the_right_to_write_nothing_is_changed(bench: Bench, store: Watched, found: Found) -> None:
    first, _second, sibling = bench.names
    values = {first: found.value(), sibling: found.value()}
    for key, value in values.items():
        bench.poke(key, value)
    _deny(bench, changing=True)
    store.observe(bench.container, [first])
    with found.raises(PermissionDeniedError):
        store.write(bench.container, {first: found.secret()})
    with found.raises(PermissionDeniedError):
        store.delete(bench.container, [first])
    found.expect(all(bench.holds(key, value) for key, value in values.items()), "something is changed all the same")
    found.says("error")


@pytest.mark.row("may write, may not read")
@pytest.mark.needs("http")
def test_without_the_right_to_read_nothing_is_taken_for_absent(bench: Bench, store: Watched, found: Found) -> None:
    first, _second, sibling = bench.names
    values = {first: found.value(), sibling: found.value()}
    for key, value in values.items():
        bench.poke(key, value)
    _deny(bench, changing=False)
    with found.may_raise(PermissionDeniedError) as looked:
        seen = store.observe(bench.container, [first])
    found.expect(looked.error is not None or first in seen["keys"], "takes what it may not see for absent")
    new = found.secret()
    with found.may_raise(PermissionDeniedError) as wrote:
        store.write(bench.container, {first: new})
    found.expect(bench.holds(first, values[first] if wrote.error else new.reveal()), "the outcome is not what it says")
    found.expect(bench.holds(sibling, values[sibling]), "a sibling is lost")
    found.says("error" if wrote.error else "writes blindly")


@pytest.mark.row("missing container")
def test_a_missing_container_is_an_error(bench: Bench, store: Watched, found: Found) -> None:
    first, *_others = bench.names
    if bench.makes_containers:
        found.expect(store.observe(bench.container, [first])["keys"] == {}, "an empty container has keys")
        store.delete(bench.container, [first])
        found.says("made", "It comes with its first key.")
        return
    with found.raises(NotFoundError):
        store.observe(bench.missing, [first])
    with found.raises(NotFoundError):
        store.write(bench.missing, {first: found.secret()})
    with found.raises(NotFoundError):
        store.delete(bench.missing, [first])
    found.says("error")


def _deny(bench: Bench, *, changing: bool) -> None:
    no = bench.denial
    bench.proxy.fault(changing=changing, times=0, status=no.status, headers=no.headers, body=no.body)


def _changes(bench: Bench, act: Callable[[], object]) -> int:
    before = bench.proxy.mutating
    act()
    return bench.proxy.mutating - before
