# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a case found out, as a cell of the table; and the eye that is kept on the values meanwhile."""

from __future__ import annotations

import json
import secrets
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core import masking
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options, Store
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import RotorError
from tests.conformance.bench import Bench


class DeviationError(AssertionError):
    """The case does not hold; the text is what was seen."""


@dataclass
class Cell:
    """``holds`` is None where the case does not apply; ``says`` is one short phrase, ``why`` a footnote."""

    holds: bool | None
    says: str
    why: str = ""


@dataclass
class Caught:
    error: RotorError | None = None

    @property
    def text(self) -> str:
        return str(self.error)


@dataclass
class Found:
    """A case that says nothing holds: ``yes``."""

    cell: Cell = field(default_factory=lambda: Cell(True, "yes"))
    deviations: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)

    def says(self, phrase: str, why: str = "") -> None:
        self.cell = Cell(True, phrase, why)

    def refused(self, why: str) -> None:
        """Up front, with a reason: that is as good as done."""
        self.cell = Cell(True, "refused", why)

    def not_applicable(self, why: str) -> None:
        self.cell = Cell(None, "-", why)

    def expect(self, holds: bool, otherwise: str) -> None:
        """``otherwise`` is what was seen, where it does not hold. The case goes on, and fails at its end."""
        if not holds and otherwise not in self.deviations:
            self.deviations.append(otherwise)

    def conclude(self) -> None:
        if self.deviations:
            raise DeviationError("; ".join(self.deviations))

    # Values, and where they must not be

    def value(self, template: str = "value-%s") -> str:
        """A new value, with something in it that is found wherever it turns up."""
        made = template.replace("%s", f"canary{secrets.token_hex(10)}")
        self.values.append(made)
        return made

    def secret(self, template: str = "value-%s") -> SecretValue:
        return SecretValue(self.value(template))

    def look(self, text: str, where: str) -> None:
        forms = {form for value in self.values if len(value) > 16 for form in masking.forms(value)}
        self.expect(not any(form in text for form in forms), f"shows a value in {where}")
        self.expect("canary" not in text, f"shows a part of a value in {where}")

    # Errors

    @contextmanager
    def raises(self, *kinds: type[RotorError]) -> Iterator[Caught]:
        caught = Caught()
        names = " or ".join(kind.__name__ for kind in kinds)
        try:
            yield caught
        except RotorError as error:
            caught.error = error
            self.expect(isinstance(error, kinds), f"raises {type(error).__name__} instead of {names}")
        else:
            self.expect(False, f"succeeds instead of raising {names}")

    @contextmanager
    def may_raise(self, *kinds: type[RotorError]) -> Iterator[Caught]:
        caught = Caught()
        try:
            yield caught
        except RotorError as error:
            caught.error = error
            names = " or ".join(kind.__name__ for kind in kinds)
            self.expect(isinstance(error, kinds), f"raises {type(error).__name__} and not {names}")


class Watched:
    """A store. No value in what it returns, raises or is; and its errors say where they come from."""

    def __init__(self, store: Store, bench: Bench, found: Found) -> None:
        self.plain = store
        self._bench = bench
        self._found = found

    def __getattr__(self, name: str) -> Any:
        part = getattr(self.plain, name)
        return self._watch(name, part) if callable(part) else part

    def _watch(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            try:
                result = method(*arguments, **options)
            except RotorError as error:
                self._judge(error, self._bench.container, arguments)
                raise
            except Exception as error:
                self._found.look("".join(traceback.format_exception(error)), f"an error of {name}")
                raise DeviationError(f"{name} raises {type(error).__name__}, which is none of ours") from error
            self._found.look(json.dumps(result, default=repr), f"what {name} returns")
            return result

        return call

    def _judge(self, error: RotorError, container: Options, arguments: tuple[Any, ...]) -> None:
        text = "".join(traceback.format_exception(error)) + repr(error) + str(error) + repr(error.__dict__)
        self._found.look(text, f"a {type(error).__name__}")
        given = arguments[0] if arguments and isinstance(arguments[0], dict) else container
        places = [self.plain.label(given), *self._bench.addresses]
        self._found.expect(any(place in str(error) for place in places), f"{type(error).__name__} names no place")
