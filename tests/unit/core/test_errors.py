# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read when something goes wrong."""

from __future__ import annotations

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    MissingLibraryError,
    RotorError,
)
from tests.hostile import HOSTILE, problems_of


def test_the_text_ends_with_what_to_do_next() -> None:
    assert str(RotorError("it broke", hint="Mend it")) == "it broke. Mend it"


def test_without_a_hint_the_text_is_the_message() -> None:
    assert str(RotorError("it broke")) == "it broke"


def test_status_request_and_code_stay_apart_from_the_text() -> None:
    error = RotorError("it broke", status=503, request_id="abc", code="insufficient_capacity")
    assert (error.status, error.request_id, error.code) == (503, "abc", "insufficient_capacity")


def test_a_missing_library_is_a_mistake_in_the_set_up() -> None:
    assert issubclass(MissingLibraryError, ConfigurationError)


@pytest.mark.parametrize("kind", [errors.PermissionDeniedError, errors.ConflictError, errors.RateLimitedError])
def test_what_fails_after_an_effect_is_no_refusal(kind: type[errors.RotorError]) -> None:
    with pytest.raises(errors.OutcomeUnknownError) as unknown, errors.after_an_effect():
        raise kind("reading KEY back answered 403", hint="ask for the right", status=403, request_id="r-1")
    assert str(unknown.value) == "reading KEY back answered 403, after something was written. ask for the right"
    assert (unknown.value.status, unknown.value.request_id) == (403, "r-1")


@pytest.mark.parametrize("kind", [errors.StoppedError, errors.PendingApprovalError, errors.UnexpectedAnswerError])
def test_what_says_already_that_it_may_have_happened_stays_as_it_is(kind: type[errors.RotorError]) -> None:
    with pytest.raises(kind), errors.after_an_effect():
        raise kind("stopped")


def test_where_nothing_happened_a_refusal_stays_one() -> None:
    with pytest.raises(errors.PermissionDeniedError), errors.after_an_effect([]):
        raise errors.PermissionDeniedError("no")


def test_what_an_error_quotes_forges_no_line() -> None:
    error = RotorError(HOSTILE, hint=HOSTILE, details=[HOSTILE, "an ordinary mistake"], request_id=HOSTILE)
    first, second, last = str(error).split("\n  ")
    assert problems_of([first, second, error.message, error.request_id, *map(str, error.args)]) == []
    assert last == "an ordinary mistake"


def test_a_long_quotation_takes_no_hint_away() -> None:
    assert str(RotorError("x" * 10_000, hint="Mend it")).endswith(". Mend it")
