# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validation errors in the ``secret_*`` variables: collected with their paths, reported all at once.

What jsonschema finds is put into words for people here. No line quotes a value, which could be a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ....module_utils._core import durations, masking
from ....module_utils._core.errors import ConfigurationError

Path = tuple[str | int, ...]
Finding = tuple[Path, str, str]
"""Path below the validated node, what is wrong, and a suggestion."""

_SHOWN = 50
_LONGEST = 80
_NO_DURATION = "is no duration such as 90d, 36h or 1h30m"
_TYPES = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_PYTHON_TYPES = {bool: "boolean", str: "string", int: "integer", float: "number", list: "array"}
_LIMITS = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "minLength": "is too short: at least {} characters",
    "maxLength": "is too long: at most {} characters",
    **dict.fromkeys(("minItems", "minProperties"), "has too few entries: at least {}"),
    **dict.fromkeys(("maxItems", "maxProperties"), "has too many entries: at most {}"),
    "uniqueItems": "has the same entry twice",
}


class MapError(ConfigurationError):
    """Everything that is wrong with the ``secret_*`` variables; ``errors`` has a line for each."""

    def __init__(self, errors: Sequence[str]) -> None:
        head = f"{len(errors)} mistake{'s' if len(errors) > 1 else ''} in the secret_* variables; nothing was done:"
        rest = [f"and {len(errors) - _SHOWN} more"] if len(errors) > _SHOWN else []
        super().__init__(head, details=[*errors[:_SHOWN], *rest])
        self.errors = tuple(errors)


class ValidationErrors:
    """A collection of lines with paths, in which the same line counts once; its length counts the fatal ones."""

    def __init__(self) -> None:
        self._lines: dict[str, bool] = {}
        """Line -> whether it is fatal."""

    def add(self, path: Path, what: str, suggestion: str = "", *, fatal: bool = True) -> None:
        """Add a line; one that is not ``fatal`` is only reported beside others that are."""
        line = masking.scrub(f"{show(path)}: {what}{f'; {suggestion}' if suggestion else ''}")
        self._lines[line] = self._lines.get(line, False) or fatal

    def __len__(self) -> int:
        return sum(self._lines.values())

    def raise_if_any(self) -> None:
        """Raise MapError with every line if one of them is fatal."""
        if len(self):
            raise MapError(list(self._lines))


def show(path: Path) -> str:
    """Format a path as ``secret_map.NAME.rollout[0].copies[1]``."""
    first, *rest = path
    return str(first) + "".join(map(_show_part, rest))


def _show_part(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    part = part[:_LONGEST]
    return f".{part}" if re.fullmatch(r"[\w-]+", part) else f"[{json.dumps(part)}]"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Find the known name that was probably meant: a similar one, or one of which either begins with the other."""
    name, known = name[:_LONGEST], sorted(known)
    similar = get_close_matches(name, known, 1)
    if similar or len(name) < 2:
        return similar[0] if similar else None
    related = [one for one in known if one.startswith(name) or (len(one) > 1 and name.startswith(one))]
    return min(related, key=len, default=None)


def suggest(name: str, known: Collection[str]) -> str:
    """Suggest the nearest known name, or list what there is."""
    near = nearest(name, known)
    return f"did you mean {near}?" if near else there_are(known)


def there_are(known: Collection[str]) -> str:
    """List the first twenty known names."""
    some = sorted(known)[:20]
    more = " and more" if len(known) > len(some) else ""
    return f"there {'is' if len(known) == 1 else 'are'} {', '.join(some) or 'none'}{more}"


def describe_type(value: Any) -> str:
    """Name the JSON type of a value, without the value."""
    return _TYPES[_type_of(value)]


def _type_of(value: Any) -> str:
    named = (name for python, name in _PYTHON_TYPES.items() if isinstance(value, python))
    return next(named, "null" if value is None else "object")


def schema_errors(errors: Iterable[Any], optional: Collection[str] = ()) -> list[Finding]:
    """Translate jsonschema's errors, in the order of the options; ``optional`` options of the node may be missing."""
    found: dict[Path, list[Finding]] = {}
    errors = list(errors)
    guessed = {guess for error in errors for guess in _guesses(error)} | {(option,) for option in optional}
    for error in sorted(errors, key=lambda error: error.validator != "pattern"):
        for finding in _findings(error, guessed):
            known = found.setdefault(finding[0], [])
            if not known or isinstance(error.instance, Mapping):  # one finding is enough for a scalar or a list
                known.append(finding)
    return [finding for findings in found.values() for finding in findings]


def _findings(error: Any, guessed: Collection[Path]) -> Iterator[Finding]:
    path, kind = tuple(error.absolute_path), error.validator
    if "propertyNames" in error.absolute_schema_path:
        yield (*path, error.instance), f"is no name such as {error.schema.get('description', 'is wanted here')}", ""
    elif kind == "additionalProperties":
        for option in _unknown(error):
            yield (*path, option), "unknown option", suggest(option, error.schema.get("properties", {}))
    elif kind == "required":
        yield from _missing(error, path, guessed)
    elif kind == "dependentRequired":
        for option in sorted(error.validator_value.keys() & error.instance.keys()):
            yield (*path, option), f"stands only beside {', '.join(error.validator_value[option])}", ""
    elif kind in ("oneOf", "anyOf"):
        yield from _alternatives(error, path, guessed)
    else:
        yield path, *_wrong_value(error, kind, error.validator_value)


def _wrong_value(error: Any, kind: str, wanted: Any) -> tuple[str, str]:
    if kind == "type":
        if isinstance(error.instance, int) and str(error.schema.get("pattern", "")).startswith(durations.PATTERN):
            return _NO_DURATION, ""
        return f"expected {_any_of(wanted)}, not {describe_type(error.instance)}", ""
    if kind in ("enum", "const"):
        names = [str(member) for member in (wanted if kind == "enum" else [wanted])]
        return "unknown value", suggest(error.instance, names) if isinstance(error.instance, str) else there_are(names)
    if kind == "pattern":
        return _wrong_form(error), ""
    if kind.startswith("min") and error.instance in ("", [], {}):
        return "must not be empty", ""
    return _LIMITS.get(kind, f"does not fit its description ({kind})").format(wanted), ""


def _guesses(error: Any) -> Iterator[Path]:
    """Find the options that unknown ones are probably meant to be, which are not reported as missing as well."""
    for option in _unknown(error) if error.validator == "additionalProperties" else ():
        near = nearest(option, error.schema.get("properties", {}))
        if near:
            yield (*error.absolute_path, near)


def _unknown(error: Any) -> list[str]:
    return [option for option in error.instance if option not in error.schema.get("properties", {})]


def _missing(error: Any, path: Path, guessed: Collection[Path]) -> Iterator[Finding]:
    """Name the missing option, which jsonschema says only in its message; it reports each by itself."""
    for option in error.validator_value:
        if option not in error.instance and (*path, option) not in guessed and f"'{option}'" in error.message:
            about = error.schema.get("properties", {}).get(option, {}).get("description", "")
            yield path, f"missing option {option}{f' ({_phrase(about)})' if about else ''}", ""


def _alternatives(error: Any, path: Path, guessed: Collection[Path]) -> Iterator[Finding]:
    branches = error.validator_value
    if all(branch.keys() == {"required"} for branch in branches):
        options = [option for branch in branches for option in branch["required"]]
        if not any((*path, option) in guessed for option in options):
            yield path, f"give exactly one of {', '.join(options)}", ""
        return
    by_type = [index for index, branch in enumerate(branches) if _takes(branch, error.instance)]
    inner = [one for one in error.context if by_type == [one.schema_path[0]]]
    for one in inner:
        yield from _findings(one, {guess for other in inner for guess in _guesses(other)})
    if not inner:
        types = [name for branch in branches for name in _as_list(branch.get("type", []))]
        yield path, f"expected {_any_of(types)}" if types else "does not fit its description", ""


def _takes(branch: Mapping[str, Any], value: Any) -> bool:
    kind = _type_of(value)
    return kind in _as_list(branch.get("type", kind)) or (kind == "integer" and branch.get("type") == "number")


def _wrong_form(error: Any) -> str:
    if error.validator_value.startswith(durations.PATTERN):
        return _NO_DURATION
    about = error.schema.get("description", "")
    return f"does not have the form wanted{f': {_phrase(about)}' if about else ''}"


def _phrase(description: str) -> str:
    """Turn a sentence into a part of another one."""
    text = description.rstrip(".")
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _any_of(types: Any) -> str:
    return " or ".join(_TYPES[name] for name in dict.fromkeys(_as_list(types)))


def _as_list(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value)
