# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value is held byte for byte, or refused up front with a reason. Never is it altered in silence."""

from __future__ import annotations

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError
from tests.conformance import nasty
from tests.conformance.bench import Bench
from tests.conformance.found import Found, Watched

LEVEL = "stores"
ORDER = 4


@pytest.mark.row("value with …")
@pytest.mark.parametrize("what", nasty.VALUES)
def test_a_value_is_held_as_it_is_or_refused(bench: Bench, store: Watched, found: Found, what: str) -> None:
    first, _second, sibling = bench.names
    bench.poke(sibling, beside := found.value())
    value = found.secret(nasty.VALUES[what])
    if reasons := store.reject_values(bench.container, {first: value}):
        found.refused(_reason(reasons, first))
        _is_never_written(bench, store, found, value)
    else:
        written = store.write(bench.container, {first: value})
        found.expect(bench.holds(first, value.reveal()), "holds another value")
        found.expect(store.unchanged(written, store.observe(bench.container, [first])), "evidence does not fit")
    found.expect(bench.holds(sibling, beside), "a sibling is lost")


@pytest.mark.row("all of these at once")
def test_values_that_are_held_alone_are_held_together(bench: Bench, store: Watched, found: Found) -> None:
    first, _second, _sibling = bench.names
    values = {f"{first}_{number}": found.secret(text) for number, text in enumerate(nasty.VALUES.values())}
    taken = {key: value for key, value in values.items() if not store.reject_values(bench.container, {key: value})}
    if reasons := store.reject_values(bench.container, taken):
        found.refused(_reason(reasons, ""))
        return
    written = store.write(bench.container, taken)
    wrong = [key for key, value in taken.items() if not bench.holds(key, value.reveal())]
    found.expect(wrong == [], f"{len(wrong)} of {len(taken)} are held otherwise")
    found.expect(store.unchanged(written, store.observe(bench.container, list(taken))), "evidence does not fit")


@pytest.mark.row("`0123`, `true`, `null`, `- a` and their like")
def test_a_value_stays_the_text_that_it_is(bench: Bench, store: Watched, found: Found) -> None:
    first, *_others = bench.names
    wrong = []
    for text in nasty.WHOLE:
        if reasons := store.reject_values(bench.container, {first: SecretValue(text)}):
            found.refused(_reason(reasons, first))
            continue
        store.write(bench.container, {first: SecretValue(text)})
        wrong += [] if bench.holds(first, text) else [text]
    found.expect(wrong == [], f"holds {', '.join(wrong)} otherwise")


@pytest.mark.row("a value of the longest length, and a longer one")
@pytest.mark.needs("limit")
def test_a_value_is_as_long_as_the_limit_says(bench: Bench, store: Watched, found: Found) -> None:
    """In bytes: a letter may be several."""
    first, *_others = bench.names
    most = store.limits.value_bytes
    assert most
    longest = found.secret("%s" + "x" * (most - 26))
    found.expect(len(longest.reveal()) == most, "the test is wrong")
    found.expect(store.reject_values(bench.container, {first: longest}) == [], "refuses the longest one")
    store.write(bench.container, {first: longest})
    found.expect(bench.holds(first, longest.reveal()), "does not hold the longest one")
    for template in ("%s" + "x" * (most - 25), "%s" + "é" * ((most - 26) // 2 + 1)):
        value = found.secret(template)
        reasons = store.reject_values(bench.container, {first: value})
        found.expect(reasons != [], "takes a longer one")
        _is_never_written(bench, store, found, value)
    found.expect(bench.holds(first, longest.reveal()), "something is changed all the same")
    found.says(f"{most} bytes")


@pytest.mark.row("a name that the system refuses")
@pytest.mark.needs("bad name")
def test_a_name_is_refused_before_anything_is_sent(bench: Bench, store: Watched, found: Found) -> None:
    first, *_others = bench.names
    assert bench.bad_name
    found.expect(store.validate(bench.container, list(bench.names)) == [], "refuses good names")
    mistakes = store.validate(bench.container, [first, bench.bad_name])
    found.expect(any(bench.bad_name in mistake for mistake in mistakes), "takes it")
    found.expect(not any(first in mistake for mistake in mistakes), "refuses another one")
    found.refused(_reason(mistakes, bench.bad_name))


def _is_never_written(bench: Bench, store: Watched, found: Found, value: SecretValue) -> None:
    """Nor is it sent, where somebody writes it without having asked."""
    first, *_others = bench.names
    sent = bench.proxy.mutating
    with found.raises(RotorError):
        store.write(bench.container, {first: value})
    found.expect(not bench.holds(first, value.reveal()), "holds what it refuses")
    found.expect(bench.proxy.mutating == sent, "sends what it refuses")


def _reason(reasons: list[str], key: str) -> str:
    return "; ".join(sorted({reason.removeprefix(f"{key}: ") for reason in reasons}))
