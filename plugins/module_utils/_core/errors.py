# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one family of exceptions. Only the module runner and the action shells turn them into a failed task.

A message says what was being done and where; ``hint`` says what to do next. Neither ever holds a value, a body
or a header. Both quote what others gave, so each is made one printable line here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, TypeVar

from .outside_text import MESSAGE, NAME, printable

Kind = TypeVar("Kind", bound="RotorError")


class RotorError(Exception):
    """Something went wrong that a person can act on."""

    advice: ClassVar[str] = ""
    """What to do next where nobody has a better hint."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        details: Sequence[str] = (),
        status: int | None = None,
        request_id: str = "",
        code: str = "",
    ) -> None:
        """``details`` are lines of their own, below the message."""
        self.message = printable(message, MESSAGE)
        super().__init__(self.message)
        self.hint = printable(hint, MESSAGE // 2)
        self.details = tuple(printable(detail, MESSAGE) for detail in details)
        self.status = status
        self.request_id = printable(request_id, NAME)
        self.code = code
        """The provider's short machine-readable word for it, such as ``insufficient_capacity``; never free text."""

    def __str__(self) -> str:
        hint = self.hint or self.advice
        return "\n  ".join([f"{self.message}. {hint}" if hint else self.message, *self.details])

    def turned_into(self, kind: type[Kind], message: str = "", hint: str = "") -> Kind:
        """Return an error of another class with this one's facts, and its message and hint unless others are given."""
        return kind(
            message or self.message,
            hint=hint or self.hint,
            status=self.status,
            request_id=self.request_id,
            code=self.code,
        )


class ConfigurationError(RotorError):
    """A map, a connection or an option is wrong; nothing was sent."""


class MissingLibraryError(ConfigurationError):
    """A Python library is not installed where this runs."""


class MissingCredentialError(ConfigurationError):
    """A reference leads to nothing where this runs: the variable is unset or empty, the file cannot be read."""


class UnexpectedError(RotorError):
    """An exception that is none of ours, told by its class and place."""

    advice = "This is a fault of rotor.secrets or of a library that it uses: report it with this line"


class AuthenticationError(RotorError):
    """401: the credential that was used is not accepted."""

    advice = "The credential that was used is wrong, expired or revoked"


class PermissionDeniedError(RotorError):
    """403: the credential is alive, and lacks a right."""

    advice = "Give the credential that was used the right to do that, and run again"


class NotFoundError(RotorError):
    """404: the resource does not exist, or this credential may not see it."""

    advice = "It is missing, or the credential that was used may not see it"


class ConflictError(RotorError):
    """409, 412: somebody else holds or changed it."""

    advice = "See who else is at it, and run again"


class ForeignChangeError(ConflictError):
    """What is there is not what was recorded; nothing was sent."""

    advice = "Find out who, and run again"


class BusyError(ConflictError):
    """Another run is at it; nothing was done."""

    advice = "Run again when it has ended"


class InvalidRequestError(RotorError):
    """400, 422: the provider does not take what was sent."""

    advice = "Change what is not taken, and run again"


class RateLimitedError(RotorError):
    """429, or its like, after every retry that was allowed."""

    advice = "Run again in a minute"


class UnavailableError(RotorError):
    """The provider could not be reached, or answered 5xx, and the request had certainly no effect."""

    advice = "Run again when it is back"


class UntrustedServerError(UnavailableError):
    """The server's certificate is refused: nothing was sent, and asking again is of no use."""

    advice = "See who answers at that address"


class OutcomeUnknownError(RotorError):
    """A request that changes something got no answer: it may or may not have had its effect."""

    advice = "Run again: what became of it is found out first"


class PendingApprovalError(RotorError):
    """The provider took a change, and makes it only once a person has approved it."""


class PersonNeededError(RotorError):
    """Only a person can go on, at the provider's console; nothing has failed."""


class LedgerError(OutcomeUnknownError):
    """The ledger could not be read or written; whether its last transaction was committed is not known."""


class UnexpectedAnswerError(RotorError):
    """An answer that its description does not know: not JSON, a missing field, an unknown status."""

    advice = "See whether something else answers at that address, and run again"


class UnreadableAnswerError(UnexpectedAnswerError):
    """An answer beyond a limit of size or time, or that cannot be unpacked; it was not read to its end."""


class CrossedError(ConflictError, OutcomeUnknownError):
    """A write of ours had its effect, and somebody else wrote at the same time, before it or after it."""


class CheckFailedError(RotorError):
    """A check ran and said no."""


class StoppedError(RotorError):
    """The run was asked to stop, or its parent is gone."""


def in_doubt(error: RotorError) -> RotorError:
    """Return an error that is an OutcomeUnknownError, too: an earlier attempt may have had its effect."""
    if isinstance(error, OutcomeUnknownError):
        return error
    kind = type(error)
    if issubclass(kind, (UnavailableError, RateLimitedError)):  # these say that nothing happened
        return error.turned_into(OutcomeUnknownError)
    return error.turned_into(type(kind.__name__, (kind, OutcomeUnknownError), {}))


@contextmanager
def after_an_effect(happened: object = True) -> Iterator[None]:
    """Raise errors of the block as OutcomeUnknownError where something ``happened`` before: not a clean refusal."""
    try:
        yield
    except (StoppedError, OutcomeUnknownError, PendingApprovalError, UnexpectedAnswerError):
        raise
    except RotorError as error:
        if not happened:
            raise
        raise error.turned_into(OutcomeUnknownError, f"{error.message}, after something was written") from None
