# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that nobody sees: :class:`SecretValue` and the credential made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NoReturn

from . import masking


class SecretValue:
    """A secret string that cannot be shown, formatted or pickled by accident.

    It is registered for masking where it is born. ``reveal()`` is the only way to the value.
    """

    __slots__ = ("_value",)
    masked: ClassVar[bool] = True

    def __init__(self, value: str) -> None:
        if not isinstance(value, str) or not value:
            raise ValueError("a secret value is a string that is not empty")
        try:
            value.encode()
        except UnicodeEncodeError:  # whose text would quote it
            raise ValueError("a secret value is text, and this one has bytes that are none in UTF-8") from None
        self._value = str.__str__(value)  # core tags its strings: keep a plain one
        (masking.register if self.masked else masking.publish)(self._value)

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "SecretValue(<redacted>)"

    def __str__(self) -> NoReturn:
        raise TypeError("a secret value is not for printing; use reveal() where it is sent")

    def __format__(self, spec: str) -> NoReturn:
        raise TypeError("a secret value is not for formatting; use reveal() where it is sent")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret value is not for serializing")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretValue) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class PublicValue(SecretValue):
    """A field that is no secret, such as the name of a role: it goes where values go, and may be said."""

    __slots__ = ()
    masked = False


@dataclass(frozen=True)
class Credential:
    """One credential: its provider's id (None where the provider has none), our name for it, its named fields.

    ``facts`` is what the provider said of it and is no secret: scope, ``created_at``, ``expires_at`` (RFC 3339).
    """

    id: str | None
    name: str
    fields: Mapping[str, SecretValue]
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_checks(self) -> Mapping[str, SecretValue]:
        """Return what the templates of a check may name: the fields, ``name``, and ``id`` where there is one."""
        known: dict[str, SecretValue] = {"name": PublicValue(self.name), **self.fields}
        return known | ({"id": PublicValue(self.id)} if self.id else {})
