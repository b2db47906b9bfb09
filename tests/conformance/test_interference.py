# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody else's change in between is noticed, and not overwritten where the system gives a way not to."""

from __future__ import annotations

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConflictError
from tests.conformance.bench import Bench
from tests.conformance.found import Found, Watched

LEVEL = "stores"
ORDER = 3
NOT_ATOMIC = "It cannot compare and set in one; the engine looks right before it writes."
MOST_ATTEMPTS = 40


@pytest.mark.row("the key is … by somebody else before we write")
@pytest.mark.parametrize("deed", ["changed", "made"])
def test_a_change_since_we_looked_is_not_overwritten(bench: Bench, store: Watched, found: Found, deed: str) -> None:
    first, _second, sibling = bench.names
    bench.poke(sibling, found.value())
    if deed == "changed":
        bench.poke(first, found.value())
    since = store.observe(bench.container, [first])
    bench.poke(first, foreign := found.value())
    if not bench.atomic:
        found.expect(not store.unchanged(since, store.observe(bench.container, [first])), "a change is not seen")
        found.says("noticed", NOT_ATOMIC)
        return
    with found.raises(ConflictError):
        store.write(bench.container, {first: found.secret()}, since)
    found.expect(bench.holds(first, foreign), "somebody else's value is overwritten")
    found.says("refused")


@pytest.mark.row("the same, while we write")
def test_a_change_between_our_reading_and_our_writing_is_not_overwritten(
    bench: Bench, store: Watched, found: Found
) -> None:
    first, *_others = bench.names
    if not bench.atomic:
        found.not_applicable(NOT_ATOMIC)
        return
    bench.poke(first, found.value())
    since = store.observe(bench.container, [first])
    foreign = found.value()
    bench.proxy.before(lambda: bench.poke(first, foreign), changing=True)
    with found.raises(ConflictError):
        store.write(bench.container, {first: found.secret()}, since)
    found.expect(bench.holds(first, foreign), "somebody else's value is overwritten")
    found.says("refused")


@pytest.mark.row("what we saw is still so")
def test_what_fits_is_written(bench: Bench, store: Watched, found: Found) -> None:
    """Evidence of looking and of writing alike, with a sibling that has changed meanwhile."""
    first, second, sibling = bench.names
    bench.poke(first, found.value())
    since = store.observe(bench.container, [first, second])
    bench.poke(sibling, beside := found.value())
    values = {first: found.secret(), second: found.secret()}
    written = store.write(bench.container, values, since)
    again = {first: found.secret(), second: found.secret()}
    store.write(bench.container, again, written)
    found.expect(all(bench.holds(key, value.reveal()) for key, value in again.items()), "does not hold the values")
    found.expect(bench.holds(sibling, beside), "a sibling is lost")


@pytest.mark.row("a sibling is changed while we write")
def test_a_sibling_that_changes_meanwhile_keeps_its_new_value(bench: Bench, store: Watched, found: Found) -> None:
    first, _second, sibling = bench.names
    bench.poke(sibling, found.value())
    bench.poke(first, found.value())
    beside, value = found.value(), found.secret()
    bench.proxy.before(lambda: bench.poke(sibling, beside), changing=True)
    written = store.write(bench.container, {first: value}, store.observe(bench.container, [first]))
    found.expect(bench.holds(first, value.reveal()), "does not hold the value")
    _stays(bench, found, sibling, beside)
    found.expect(store.unchanged(written, store.observe(bench.container, [first])), "evidence does not fit")


@pytest.mark.row("a sibling is changed while we delete")
def test_a_sibling_that_changes_while_we_delete_keeps_its_new_value(bench: Bench, store: Watched, found: Found) -> None:
    first, _second, sibling = bench.names
    bench.poke(sibling, found.value())
    store.write(bench.container, {first: found.secret()})
    beside = found.value()
    bench.proxy.before(lambda: bench.poke(sibling, beside), changing=True)
    store.delete(bench.container, [first])
    found.expect(not bench.exists(first), "the key is still there")
    _stays(bench, found, sibling, beside)


@pytest.mark.row("a sibling is changed again and again")
def test_a_sibling_that_never_rests_does_not_hold_us_for_ever(bench: Bench, store: Watched, found: Found) -> None:
    first, _second, sibling = bench.names
    bench.poke(sibling, found.value())
    latest: list[str] = []

    def meddle() -> None:
        latest.append(found.value())
        bench.poke(sibling, latest[-1])

    bench.proxy.before(meddle, changing=True, times=0)
    value = found.secret()
    with found.may_raise(ConflictError) as gave_up:
        store.write(bench.container, {first: value})
        found.expect(bench.holds(first, value.reveal()), "claims a write that is not there")
    found.expect(len(bench.proxy.requests) <= MOST_ATTEMPTS, "asks without end")
    found.says("gives up" if gave_up.error else "yes")
    _stays(bench, found, sibling, latest[-1])


def _stays(bench: Bench, found: Found, sibling: str, value: str) -> None:
    if bench.races and not bench.holds(sibling, value):
        found.says("lost", bench.races)
    else:
        found.expect(bench.holds(sibling, value), "somebody else's value is overwritten")
