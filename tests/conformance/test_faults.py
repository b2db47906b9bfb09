# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every store does when the server does not: nothing is lost, nothing is claimed, and the next write is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    OutcomeUnknownError,
    RateLimitedError,
    RotorError,
    UnavailableError,
)
from tests.conformance.bench import Bench, Refusal
from tests.conformance.found import Found, Watched
from tests.conformance.proxy import Spoiler

LEVEL = "stores"
ORDER = 2

HTML: dict[str, Any] = {
    "status": 200,
    "headers": {"Content-Type": "text/html"},
    "body": "<html><h1>Sign in to go on</h1></html>",
}
BROKEN: dict[str, dict[str, Any]] = {
    "the server is gone before it": {"kind": "reset_before"},
    "the answer is lost": {"kind": "reset_after"},
    "500 instead of the answer": {"kind": "status_after", "status": 500},
    "503 instead of the answer": {"kind": "status_after", "status": 503},
}
MOST_ATTEMPTS = 20


@pytest.mark.row("throttled once: waits as long as it is told")
@pytest.mark.needs("http")
def test_a_throttled_write_is_made_once_after_the_pause(
    bench: Bench, store: Watched, proxy: Spoiler, found: Found
) -> None:
    first, *_others = bench.names
    store.write(bench.container, {first: found.secret()})
    proxy.clear()
    store.write(bench.container, {first: found.secret()})
    usual = proxy.effects
    proxy.clear()
    refuse(proxy, bench.throttle, times=1, changing=True)
    slept, value = len(bench.clock.slept), found.secret()
    written = store.write(bench.container, {first: value})
    waited = sum(bench.clock.slept[slept:])
    found.expect(bench.holds(first, value.reveal()), "does not hold the value")
    found.expect(store.unchanged(written, store.observe(bench.container, [first])), "evidence does not fit")
    found.expect(proxy.effects == usual, f"has {proxy.effects} effects instead of {usual}")
    found.expect(waited > 0 and waited >= bench.throttle.pause, "does not wait as long as it is told")
    refuse(proxy, bench.throttle, times=1, changing=False)
    found.expect(first in store.observe(bench.container, [first])["keys"], "takes a throttled key for absent")


@pytest.mark.row("throttled for ever: gives up")
@pytest.mark.needs("http")
def test_a_server_that_throttles_for_ever_is_an_error(
    bench: Bench, store: Watched, proxy: Spoiler, found: Found
) -> None:
    first, *_others = bench.names
    old = found.value()
    bench.poke(first, old)
    refuse(proxy, bench.throttle, times=0)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: store.observe(bench.container, [first]),
        lambda: store.write(bench.container, {first: found.secret()}),
        lambda: store.delete(bench.container, [first]),
    )
    for attempt in attempts:
        before = len(proxy.requests)
        with found.raises(RateLimitedError):
            attempt()
        found.expect(len(proxy.requests) - before <= MOST_ATTEMPTS, "asks without end")
    found.expect(bench.holds(first, old), "something is changed all the same")
    found.says("error")


@pytest.mark.row("writing, and …")
@pytest.mark.parametrize("trouble", BROKEN)
def test_a_broken_write_is_right_or_owned_up_to(
    bench: Bench, store: Watched, proxy: Spoiler, found: Found, trouble: str
) -> None:
    if BROKEN[trouble]["kind"] not in proxy.kinds:
        found.not_applicable("It speaks no HTTP, so that no such answer can come.")
        return
    first, second, sibling = bench.names
    values = {key: found.value() for key in bench.names}
    for key, value in values.items():
        bench.poke(key, value)
    new = {first: found.secret(), second: found.secret()}
    proxy.fault(changing=True, **BROKEN[trouble])
    with found.may_raise(OutcomeUnknownError, UnavailableError) as broken:
        written = store.write(bench.container, new)
        found.expect(all(bench.holds(key, new[key].reveal()) for key in new), "claims a write that is not there")
        seen = store.observe(bench.container, [first, second])
        found.expect(store.unchanged(written, seen), "evidence does not fit")
    if isinstance(broken.error, UnavailableError):
        found.expect(bench.holds(first, values[first]), "says that nothing happened, and something did")
    _put_right(bench, store, found, new, values[sibling])
    found.says(_said(broken.error))


@pytest.mark.row("writing, and no answer ever comes")
def test_answers_that_never_come_are_never_a_success_that_is_none(
    bench: Bench, store: Watched, proxy: Spoiler, found: Found
) -> None:
    first, second, sibling = bench.names
    values = {key: found.value() for key in bench.names}
    for key, value in values.items():
        bench.poke(key, value)
    new = {first: found.secret(), second: found.secret()}
    proxy.fault(changing=True, kind="reset_after", times=0)
    with found.may_raise(OutcomeUnknownError, UnavailableError) as broken:
        store.write(bench.container, new)
        found.expect(all(bench.holds(key, new[key].reveal()) for key in new), "claims a write that is not there")
    if isinstance(broken.error, UnavailableError):
        found.expect(bench.holds(first, values[first]), "says that nothing happened, and something did")
    found.expect(len(proxy.requests) <= 2 * MOST_ATTEMPTS, "asks without end")
    _put_right(bench, store, found, new, values[sibling])
    found.says(_said(broken.error))


@pytest.mark.row("deleting, and …")
@pytest.mark.parametrize("trouble", BROKEN)
def test_a_broken_deletion_is_right_or_owned_up_to(
    bench: Bench, store: Watched, proxy: Spoiler, found: Found, trouble: str
) -> None:
    if BROKEN[trouble]["kind"] not in proxy.kinds:
        found.not_applicable("It speaks no HTTP, so that no such answer can come.")
        return
    first, _second, sibling = bench.names
    store.write(bench.container, {first: found.secret()})
    bench.poke(sibling, beside := found.value())
    proxy.fault(changing=True, **BROKEN[trouble])
    with found.may_raise(OutcomeUnknownError, UnavailableError) as broken:
        store.delete(bench.container, [first])
        found.expect(not bench.exists(first), "claims a deletion that is not there")
    if isinstance(broken.error, UnavailableError):
        found.expect(bench.exists(first), "says that nothing happened, and something did")
    proxy.clear()
    store.delete(bench.container, [first])
    found.expect(not bench.exists(first), "cannot be put right")
    found.expect(bench.holds(sibling, beside), "a sibling is lost")
    found.says(_said(broken.error))


@pytest.mark.row("the server is down")
def test_a_server_that_is_down_is_named(bench: Bench, store: Watched, proxy: Spoiler, found: Found) -> None:
    """Ansible does not tell a host that it never reached from one that it lost."""
    first, *_others = bench.names
    bench.poke(first, old := found.value())
    proxy.stop()
    kinds = (UnavailableError,) if "status" in proxy.kinds else (UnavailableError, OutcomeUnknownError)
    with found.raises(UnavailableError):
        store.observe(bench.container, [first])
    with found.raises(*kinds) as refused:
        store.write(bench.container, {first: found.secret()})
    with found.raises(*kinds):
        store.delete(bench.container, [first])
    found.expect(bench.holds(first, old), "something is changed all the same")
    found.says(_said(refused.error))


@pytest.mark.row("200 that is no success")
@pytest.mark.needs("http")
@pytest.mark.needs("lie")
def test_an_answer_that_sounds_good_is_looked_at(bench: Bench, store: Watched, proxy: Spoiler, found: Found) -> None:
    first, *_others = bench.names
    tell(proxy, bench)
    with found.raises(RotorError):
        store.write(bench.container, {first: found.secret()})
    found.expect(not bench.exists(first), "the server did not lie at all")
    found.says("error")


@pytest.mark.row("200 with a page of HTML")
@pytest.mark.needs("http")
def test_a_page_of_html_is_no_answer(bench: Bench, store: Watched, proxy: Spoiler, found: Found) -> None:
    first, _second, sibling = bench.names
    bench.poke(sibling, beside := found.value())
    proxy.fault(kind="lie", times=0, **HTML)
    with found.raises(RotorError):
        store.observe(bench.container, [sibling])
    with found.raises(RotorError):
        store.write(bench.container, {first: found.secret()})
    with found.raises(RotorError):
        store.delete(bench.container, [sibling])
    proxy.clear()
    proxy.fault(changing=True, kind="lie", times=0, **HTML)
    with found.raises(RotorError):
        store.write(bench.container, {first: found.secret()})
    found.expect(bench.holds(sibling, beside) and not bench.exists(first), "something is changed all the same")
    found.says("error")


@pytest.mark.row("an answer that is cut off")
@pytest.mark.needs("http")
def test_half_an_answer_is_none(bench: Bench, store: Watched, proxy: Spoiler, found: Found) -> None:
    first, *_others = bench.names
    bench.poke(first, found.value())
    json = {"Content-Type": "application/json"}
    proxy.fault(changing=False, kind="lie", times=0, status=200, headers=json, body='{"keys": [{"na')
    with found.raises(RotorError):
        store.observe(bench.container, [first])
    found.says("error")


def refuse(proxy: Spoiler, no: Refusal, *, times: int, changing: bool | None = None) -> None:
    proxy.fault(changing=changing, times=times, status=no.status, headers=no.headers, body=no.body)


def tell(proxy: Spoiler, bench: Bench) -> None:
    """The bench's lie."""
    assert bench.lie
    lie = asdict(bench.lie)
    proxy.fault(lie.pop("method"), lie.pop("path"), kind="lie", times=0, **lie)


def _put_right(bench: Bench, store: Watched, found: Found, new: dict[str, Any], beside: str) -> None:
    """Once the trouble is over, writing again makes it right, whatever it was."""
    bench.proxy.clear()
    written = store.write(bench.container, new)
    found.expect(all(bench.holds(key, new[key].reveal()) for key in new), "cannot be put right")
    found.expect(store.unchanged(written, store.observe(bench.container, list(new))), "evidence of that does not fit")
    found.expect(bench.holds(bench.names[2], beside), "a sibling is lost")


def _said(error: RotorError | None) -> str:
    if error is None:
        return "done"
    return "says so" if isinstance(error, OutcomeUnknownError) else "error"
