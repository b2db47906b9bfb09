# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The thin modules as tasks use them, and the modules of other collections in the same places.

Nowhere may a value be seen in what a task prints, with ``-vvv`` and its options included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from tests.conformance import nasty
from tests.conformance.bench import Bench
from tests.conformance.found import Found
from tests.conformance.proxy import Spoiler
from tests.conformance.tasks import TaskResult
from tests.conformance.test_faults import HTML, refuse, tell

LEVEL = "modules"
ORDER = 5


class Tasks:
    """Runs tasks of one bench, and looks at all that they print."""

    def __init__(self, bench: Bench, found: Found) -> None:
        self._bench = bench
        self._found = found
        self.runs = 0

    def __call__(
        self,
        secrets: Mapping[str, str | None],
        *,
        check: bool = False,
        allowed: bool = True,
        container: Mapping[str, Any] | None = None,
    ) -> TaskResult:
        options = self._bench.options(container or self._bench.container, allowed=allowed)
        for task in self._bench.tasks(options, secrets):
            self.runs += 1
            result = self._bench.run_task(task, check=check)
            self._found.look(result.output, "its output")
            if result.failed:
                self._found.expect("Traceback" not in result.output, "fails with a traceback")
                break
        else:
            self._found.expect(self.runs > 0, "cannot do this")
        return result

    def absent(self, *keys: str, **options: Any) -> TaskResult:
        return self(dict.fromkeys(keys), **options)


@pytest.fixture
def task(bench: Bench, found: Found, monkeypatch: pytest.MonkeyPatch) -> Tasks:
    """Modules that run here make clocks of their own: these do not wait either."""
    monkeypatch.setattr(Clock, "sleep", lambda _self, seconds: bench.clock.sleep(seconds))
    monkeypatch.setattr(Clock, "monotonic", lambda _self: bench.clock.monotonic())
    return Tasks(bench, found)


@pytest.mark.row("sets a secret")
def test_a_secret_is_set(bench: Bench, task: Tasks, found: Found) -> None:
    first, _second, sibling = bench.names
    bench.poke(sibling, beside := found.value())
    result = task({first: (value := found.value())})
    found.expect(not result.failed and result.changed, "is no change")
    found.expect(bench.holds(first, value), "does not hold the value")
    found.expect(bench.holds(sibling, beside), "a sibling is lost")


@pytest.mark.row("encrypted without being asked to")
@pytest.mark.needs("a choice")
def test_a_secret_is_kept_encrypted(bench: Bench, task: Tasks, found: Found) -> None:
    first, *_others = bench.names
    task({first: found.value()})
    found.expect(bench.encrypted(first), "keeps it in clear")


@pytest.mark.row("sets the same again")
def test_the_same_again_is_told_honestly(bench: Bench, task: Tasks, found: Found) -> None:
    first, *_others = bench.names
    value = found.value()
    task({first: value})
    sent = _sent(bench)
    result = task({first: value})
    found.expect(not result.failed and bench.holds(first, value), "does not hold the value")
    if bench.store().readable:
        found.expect(not result.changed, "reports a change, where it could have read")
        found.expect(_sent(bench) == sent, "writes again, where it could have read")
    found.says("changed" if result.changed else "unchanged")


@pytest.mark.row("check mode")
def test_check_mode_sends_nothing(bench: Bench, task: Tasks, found: Found) -> None:
    first, second, _sibling = bench.names
    bench.poke(second, old := found.value())
    sent = _sent(bench)
    for key in (first, second):
        result = task({key: found.value()}, check=True)
        found.expect(not result.failed and result.changed, "foresees no change")
    found.expect(_sent(bench) == sent, "changes something")
    found.expect(not bench.exists(first) and bench.holds(second, old), "writes")


@pytest.mark.row("check mode, the same again")
def test_check_mode_foresees_no_change_where_that_can_be_known(bench: Bench, task: Tasks, found: Found) -> None:
    first, *_others = bench.names
    value = found.value()
    task({first: value})
    result = task({first: value}, check=True)
    found.expect(not result.failed, "fails")
    if bench.store().readable:
        found.expect(not result.changed, "foresees a change, where it could have read")
    elif result.changed:
        found.expect("note" in result.result, "foresees a change without saying that it cannot know")
    found.says("unchanged" if not result.changed else "changed")


@pytest.mark.row("diff, without values")
def test_the_difference_names_the_secret(bench: Bench, task: Tasks, found: Found) -> None:
    first, *_others = bench.names
    bench.poke(first, found.value())
    said = task({first: found.value()}).result.get("diff")
    found.expect(bool(said), "shows none")
    found.expect(said is None or first in repr(said), "does not name the secret")


@pytest.mark.row("sets several secrets")
def test_several_secrets_take_one_task(bench: Bench, task: Tasks, found: Found) -> None:
    first, second, sibling = bench.names
    bench.poke(sibling, beside := found.value())
    values = {first: found.value(), second: found.value()}
    result = task(values)
    found.expect(not result.failed and result.changed, "is no change")
    found.expect(all(bench.holds(key, value) for key, value in values.items()), "does not hold all of them")
    found.expect(bench.holds(sibling, beside), "a sibling is lost")
    found.says("one task" if task.runs == 1 else "a task each")


@pytest.mark.row("deletes a secret, once")
@pytest.mark.needs("deletes")
def test_a_secret_is_deleted_once(bench: Bench, task: Tasks, found: Found) -> None:
    first, _second, sibling = bench.names
    bench.poke(first, found.value())
    bench.poke(sibling, beside := found.value())
    result = task.absent(first)
    found.expect(not result.failed and result.changed, "is no change")
    found.expect(not bench.exists(first), "is still there")
    result = task.absent(first)
    found.expect(not result.failed and not result.changed, "a missing one is a change, or an error")
    found.expect(bench.holds(sibling, beside), "a sibling is lost")


@pytest.mark.row("deletes in check mode")
@pytest.mark.needs("deletes")
def test_check_mode_deletes_nothing(bench: Bench, task: Tasks, found: Found) -> None:
    first, *_others = bench.names
    bench.poke(first, old := found.value())
    sent = _sent(bench)
    result = task.absent(first, check=True)
    found.expect(not result.failed and result.changed, "foresees no change")
    found.expect(_sent(bench) == sent and bench.holds(first, old), "deletes")


# Something is missing


@pytest.mark.row("no right at all")
def test_without_any_right_the_task_fails(bench: Bench, task: Tasks, found: Found) -> None:
    first, *_others = bench.names
    bench.poke(first, old := found.value())
    _fails(bench, found, task({first: found.value()}, allowed=False))
    found.expect(bench.holds(first, old), "writes")
    found.says("error")


@pytest.mark.row("may read, may not write")
@pytest.mark.needs("http")
def test_without_the_right_to_write_the_task_fails(bench: Bench, task: Tasks, proxy: Spoiler, found: Found) -> None:
    first, *_others = bench.names
    bench.poke(first, old := found.value())
    refuse(proxy, bench.denial, times=0, changing=True)
    _fails(bench, found, task({first: found.value()}))
    found.expect(bench.holds(first, old), "writes")
    found.says("error")


@pytest.mark.row("may write, may not read")
@pytest.mark.needs("http")
def test_what_may_not_be_read_is_not_taken_for_absent(bench: Bench, task: Tasks, proxy: Spoiler, found: Found) -> None:
    first, *_others = bench.names
    bench.poke(first, old := found.value())
    refuse(proxy, bench.denial, times=0, changing=False)
    result = task({first: (value := found.value())})
    if result.failed:
        found.expect(bench.holds(first, old), "overwrites it, and fails then")
        found.says("error")
    else:
        before = repr((result.result.get("diff") or {}).get("before"))
        found.expect(first in before, "overwrites it as if nothing had been there")
        found.expect(bench.holds(first, value), "claims a write that is not there")
        found.says("writes blindly")


@pytest.mark.row("missing container")
@pytest.mark.needs("container")
def test_a_missing_container_fails_the_task(bench: Bench, task: Tasks, found: Found) -> None:
    first, *_others = bench.names
    _fails(bench, found, task({first: found.value()}, container=bench.missing))
    found.says("error")


@pytest.mark.row("a name that the system refuses")
@pytest.mark.needs("bad name")
def test_a_bad_name_is_refused_before_anything_is_sent(bench: Bench, task: Tasks, found: Found) -> None:
    assert bench.bad_name
    result = task({bench.bad_name: found.value()})
    _refused_up_front(bench, found, result)
    found.expect(not result.failed or bench.bad_name in result.message, "does not name it")


@pytest.mark.row("a value that is too long")
@pytest.mark.needs("limit")
def test_a_long_value_is_refused_before_anything_is_sent(bench: Bench, task: Tasks, found: Found) -> None:
    first, *_others = bench.names
    most = bench.store().limits.value_bytes
    assert most
    _refused_up_front(bench, found, task({first: found.value("%s" + "x" * most)}))


# Something breaks


@pytest.mark.row("throttled once")
@pytest.mark.needs("http")
def test_a_throttled_task_waits(bench: Bench, task: Tasks, proxy: Spoiler, found: Found) -> None:
    first, *_others = bench.names
    bench.poke(first, old := found.value())
    refuse(proxy, bench.throttle, times=1, changing=True)
    result = task({first: (value := found.value())})
    found.expect(not result.failed, "fails at once")
    found.expect(bench.holds(first, old if result.failed else value), "the outcome is not what it says")


@pytest.mark.row("the answer to the write is lost")
@pytest.mark.needs("http")
def test_a_lost_answer_is_resolved_or_owned_up_to(bench: Bench, task: Tasks, proxy: Spoiler, found: Found) -> None:
    first, _second, sibling = bench.names
    bench.poke(sibling, beside := found.value())
    proxy.fault(changing=True, kind="reset_after")
    result = task({first: (value := found.value())})
    found.expect(result.failed or bench.holds(first, value), "claims a write that is not there")
    proxy.clear()
    again = task({first: value})
    found.expect(not again.failed and bench.holds(first, value), "cannot be put right")
    found.expect(bench.holds(sibling, beside), "a sibling is lost")
    found.says("error" if result.failed else "done")


@pytest.mark.row("200 that is no success")
@pytest.mark.needs("http")
@pytest.mark.needs("lie")
def test_a_lie_fails_the_task(bench: Bench, task: Tasks, proxy: Spoiler, found: Found) -> None:
    first, *_others = bench.names
    tell(proxy, bench)
    result = task({first: found.value()})
    found.expect(result.failed, "takes it for success")
    found.expect(not bench.exists(first), "the server did not lie at all")
    found.says("error")


@pytest.mark.row("200 with a page of HTML")
@pytest.mark.needs("http")
def test_a_page_of_html_fails_the_task(bench: Bench, task: Tasks, proxy: Spoiler, found: Found) -> None:
    first, *_others = bench.names
    proxy.fault(changing=True, kind="lie", times=0, **HTML)
    found.expect(task({first: found.value()}).failed, "takes it for success")
    found.says("error")


# Values


@pytest.mark.row("value with …")
@pytest.mark.parametrize("what", nasty.VALUES)
def test_a_value_is_set_as_it_is_or_refused(bench: Bench, task: Tasks, found: Found, what: str) -> None:
    first, *_others = bench.names
    sent = _sent(bench)
    result = task({first: (value := found.value(nasty.VALUES[what]))})
    if not result.failed:
        found.expect(bench.holds(first, value), "holds another value")
        return
    found.expect(_sent(bench) == sent, "sends it, and fails")
    found.expect(not bench.exists(first), "writes, and fails")
    found.refused("")


def _fails(bench: Bench, found: Found, result: TaskResult) -> None:
    """With a message that says where; the store's label, its address, or the container's own name will do."""
    containers = [bench.container] if bench.makes_containers else [bench.container, bench.missing]
    names = [str(value) for options in containers for value in options.values()]
    places = [*bench.addresses, *names, type(bench.store()).label(bench.container)]
    found.expect(result.failed, "does not fail")
    found.expect(any(place in result.message for place in places), "does not say where")


def _refused_up_front(bench: Bench, found: Found, result: TaskResult) -> None:
    """What the server would say is another matter: a stand-in may be more lenient than the real one."""
    if bench.proxy.requests:
        found.expect(False, "leaves it to the server")
    else:
        found.expect(result.failed, "does not fail")
    found.says("refused")


def _sent(bench: Bench) -> int:
    return bench.proxy.mutating
