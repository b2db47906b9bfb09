# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``prometheus``: by how much a counter has grown since the check began, right after the reload.

It is counted from the samples themselves. ``increase()`` is an extrapolation over a window, which tells half an error
where there was one; and a counter compared with a bound tells of what was long before.

Source: prometheus.io, HTTP API: an instant query of a range selector answers with the raw samples, as a matrix.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from ..._core import durations
from ..._core.contracts import Check, Checkpoint, Evidence, Options, Schema
from ..._core.credential import Credential
from ..._core.errors import CheckFailedError, UnexpectedAnswerError
from ..._core.outside_text import LINE, printable
from .client import HttpConnection

_DURATION = {"type": "string", "pattern": durations.PATTERN, "minLength": 2}
_FOR, _EVERY = "5m", "15s"
_LOOKBACK = 300
"""Seconds before the beginning within which a series has its last sample; Prometheus, too, forgets one after that."""
_SELECTOR = r"^[A-Za-z_:][\w:]*(\{[^{}]*\})?$"
_Samples = Sequence[tuple[float, float]]


class Growth(Check):
    """Through a connection of type ``http``, whose ``url`` is that of Prometheus."""

    schema = Schema(
        properties={
            "counter": {
                "type": "string",
                "pattern": _SELECTOR,
                "description": 'A counter and its labels: http_requests_total{job="shop", status="401"}. No function: '
                "all of its series are added up.",
            },
            "at_most": {
                "type": "number",
                "minimum": 0,
                "description": "By how much it may grow for that time: 0, of errors.",
            },
            "at_least": {
                "type": "number",
                "exclusiveMinimum": 0,
                "description": "By how much it has to grow within that time: 1, of requests that need the credential.",
            },
            "for": {**_DURATION, "default": _FOR, "description": "For how long it is looked at."},
            "every": {**_DURATION, "default": _EVERY, "description": "The pause between two looks."},
            "may_be_absent": {
                "type": "boolean",
                "default": False,
                "description": "Whether there may be no such series, as of an error that never happened. Then a name "
                "that is misspelt is not noticed, either.",
            },
        },
        required=("counter",),
        one_of=("at_most", "at_least"),
    )
    connection: HttpConnection
    unverifiable = "whether every consumer is scraped: a counter that nobody asks does not grow"

    @classmethod
    def validate(cls, options: Options) -> list[str]:
        pointless = options.get("may_be_absent") and "at_least" in options
        return ["may_be_absent: what is absent does not grow at_least by anything"] if pointless else []

    @classmethod
    def label(cls, options: Options) -> str:
        bound = next(f"{name.replace('_', ' ')} {options[name]}" for name in cls.schema.one_of if name in options)
        return f"{options['counter']} grows by {bound}"

    @classmethod
    def longest(cls, options: Options) -> timedelta:
        return durations.parse(options.get("for", _FOR))

    def preflight(self) -> list[str]:
        if self._series(_LOOKBACK) or self.options.get("may_be_absent"):
            return []
        return [f"Prometheus has no series {self.options['counter']}"]

    def run(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        now = self._now()
        since = checkpoint.recall().get("since") or now
        checkpoint.record({"since": since})
        began, ahead = self.clock.monotonic(), now - since
        lasts, every = (
            durations.parse(self.options.get(name, default)).total_seconds()
            for name, default in (("for", _FOR), ("every", _EVERY))
        )
        try:
            while True:
                passed = ahead + self.clock.monotonic() - began
                grown, scraped = self._growth(since, passed)
                if self._is_decided(grown, scraped, over=passed >= lasts):
                    return {"grown": grown, "since": since, "scraped": scraped}
                self.clock.waits_for(f"{self.options['counter']}, which has grown by {grown:g}")
                self.clock.sleep(min(every, lasts - passed))
        except CheckFailedError:
            checkpoint.record(
                {"since": None}
            )  # what has grown by now has to be mended, and the next attempt is about then
            raise

    def _is_decided(self, grown: float, scraped: bool, *, over: bool) -> bool:
        """Return whether the bound holds and no later sample can change that; CheckFailedError where it does not."""
        if grown > self.options.get("at_most", math.inf):
            raise self._failed(f"it has grown by {grown:g} since the check began")
        if grown >= self.options.get("at_least", math.inf):
            return True
        if over and "at_least" in self.options:
            raise self._failed(f"it has grown by {grown:g} within {self.options.get('for', _FOR)}")
        if over and not scraped and not self.options.get("may_be_absent"):
            raise self._failed("Prometheus has no sample of it since the check began: is what counts it scraped?")
        return over

    def _failed(self, what: str) -> CheckFailedError:
        hint = "See what counts there, mend it, and run again"
        return CheckFailedError(f"{self.label(self.options)}: {what}", hint=hint)

    def _growth(self, since: float, passed: float) -> tuple[float, bool]:
        """Return by how much all series have grown since then, and whether any of them was scraped."""
        series, surely = self._series(math.ceil(passed) + _LOOKBACK), "at_least" in self.options
        return sum(_grown(samples, since, surely) for samples in series), any(
            time > since for samples in series for time, _value in samples
        )

    def _now(self) -> float:
        """Return the time by the clock that dates the samples."""
        return _sample(self._ask("time()", "scalar"), "time()")[0]

    def _series(self, seconds: int) -> list[_Samples]:
        counter = self.options["counter"]
        found = self._ask(f"{counter}[{seconds}s]", "matrix")
        if not all(isinstance(one, dict) and isinstance(one.get("values"), list) for one in found):
            raise UnexpectedAnswerError(f"Prometheus answered with no samples of {counter}", hint="Is it a counter?")
        return [[_sample(sample, counter) for sample in one["values"]] for one in found]

    def _ask(self, query: str, kind: str) -> Any:
        doing = f"asking Prometheus for {printable(query, LINE)}"
        answer = self.connection.read(f"/api/v1/query?{urlencode({'query': query})}", doing, ok=(200,))
        body: Mapping[str, Any] = answer.shaped({"status": str, "data": {"resultType": str, "result": list}})
        if body["status"] != "success" or body["data"]["resultType"] != kind:
            raise UnexpectedAnswerError(f"{answer.where} answered without a {kind}", status=answer.status)
        return body["data"]["result"]


def _sample(found: Any, what: str) -> tuple[float, float]:
    """Read a sample, ``[seconds, "value"]``."""
    try:
        time, value = found
        if not isinstance(value, str) or isinstance(time, bool):
            raise ValueError
        return float(time), float(value)
    except (TypeError, ValueError):
        pass
    raise UnexpectedAnswerError(f"Prometheus answered with a sample of {what} that is none")


def _grown(samples: _Samples, since: float, surely: bool) -> float:
    """Add up what a counter may have counted since then; one that is smaller than before has begun anew, from zero.

    What it has ``surely`` counted begins at its first sample since: the last one before cannot tell what came between.
    """
    before = [value for time, value in samples if time <= since]
    after = [value for time, value in samples if time > since and not math.isnan(value)]
    known = after[:1] if surely else before[-1:]
    last, total = known[0] if known else 0.0, 0.0
    for value in after:
        total += value - last if value >= last else value
        last = value
    return total
