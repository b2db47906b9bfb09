# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of what is described as requests over HTTP."""

from __future__ import annotations

from tests.mutants.mutant import provider

MUTANTS = (
    provider(
        "http: a paused item is left alone",
        "http/consumer",
        "if not item.aside]\n        ahead",
        "]\n        ahead",
        "http_consumer",
    ),
    provider(
        "http: the state of before is no reload", "http/consumer", "in (value, None)", "in (None,)", "http_consumer"
    ),
    provider(
        "http: the first are well before the rest",
        "http/consumer",
        'self.options.get("first", len(goes))',
        "len(goes)",
        "http_consumer",
    ),
    provider("http: a failed deploy ends the wait", "http/consumer", 'how.get("failed", {})', "{}", "http_consumer"),
    provider(
        "signed: nobody's secret is refused",
        "http/signed",
        'self._demand(secrets.token_bytes(32), "nobody\'s secret has signed", Answer.REFUSED)',
        "pass",
        "signed_request",
    ),
    provider(
        "signed: the old secret is refused",
        "http/signed",
        "        if ended:\n",
        "        if False:\n",
        "signed_request",
    ),
    provider(
        "signed: an unclear answer is no refusal",
        "http/signed",
        "(Answer.REFUSED if refused else Answer.UNCLEAR)",
        "Answer.REFUSED",
        "signed_request",
    ),
    provider("signed: a 403 is no refusal", "http/signed", "(400, 401)\n", "(400, 401, 403)\n", "signed_request"),
    provider(
        "Prometheus: old counts do not count",
        "http/prometheus",
        "surely else before[-1:]",
        "surely else []",
        "prometheus",
    ),
    provider(
        "Prometheus: uses of before are no uses",
        "http/prometheus",
        "after[:1] if surely else before[-1:]",
        "before[-1:]",
        "prometheus",
    ),
    provider(
        "Prometheus: a restart is no loss",
        "http/prometheus",
        "value - last if value >= last else value",
        "value - last",
        "prometheus",
    ),
    provider(
        "Prometheus: what is not scraped proves nothing",
        "http/prometheus",
        "over and not scraped and",
        "False and",
        "prometheus",
    ),
    provider("http: no text matches nothing", "http/steps", "paths.text_of(self._at(", "str(self._at(", "http_steps"),
    provider("http: a missing field is not null", "http/check", "return paths.ABSENT", "return None", "http_check"),
    provider("http: each look may meet another replica", "http/check", "idempotent=False,", "", "http_check"),
    provider(
        "steps: what they make is recorded before",
        "http/steps",
        "checkpoint.record({MADE: name, CLEANED: left})",
        "pass",
        "http_steps",
    ),
    provider(
        "steps: what earlier attempts left is deleted",
        "http/steps",
        "        for one in left:\n",
        "        for one in ():\n",
        "http_steps",
    ),
    provider(
        "steps: cleanup finds by the name alone",
        "http/steps",
        "if cleanup and NAME not in {place",
        "if False and NAME not in {place",
        "http_steps",
    ),
    provider(
        "no old value is evidence (HTTP)",
        "http/store",
        " if _may_be_value(fact) else fact",
        " if False else fact",
        "http_store",
    ),
    provider(
        "what was written is not refused (HTTP)",
        "http/store",
        "        with after_an_effect():\n",
        "        if True:\n",
        "http_store",
    ),
    provider(
        "stopped between two writes (HTTP)",
        "http/store",
        "            except StoppedError:\n                raise\n",
        "",
        "http_store",
    ),
    provider(
        "stopped before the look back (HTTP)",
        "http/store",
        "        except StoppedError:\n            raise\n        except RotorError as error:\n            raise _half",
        "        except RotorError as error:\n            raise _half",
        "http_store",
    ),
    provider(
        "no object is read for a text",
        "http/store",
        "if not isinstance(value, str) or not value:",
        "if not value:",
        "http_store",
    ),
)
