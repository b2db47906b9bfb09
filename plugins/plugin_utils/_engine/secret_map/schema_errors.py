# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What jsonschema finds, in words for people. A value is never quoted: it could be a secret."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from ....module_utils._core import durations
from .errors import Path, nearest, suggest, there_are

Finding = tuple[Path, str, str]
"""Where below the node, what, and a suggestion."""

_TYPES = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_LIMITS = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "minLength": "is too short: at least {} characters",
    "maxLength": "is too long: at most {} characters",
    "minItems": "has too few entries: at least {}",
    "maxItems": "has too many entries: at most {}",
    "minProperties": "has too few entries: at least {}",
    "maxProperties": "has too many entries: at most {}",
    "uniqueItems": "has the same entry twice",
}


def explain(errors: Iterable[Any], excused: Collection[str] = ()) -> list[Finding]:
    """Findings in the order of the options; ``excused`` are options of the node itself that may be missing."""
    found: dict[Path, list[Finding]] = {}
    errors = list(errors)
    guessed = {guess for error in errors for guess in _guesses(error)} | {(option,) for option in excused}
    for error in sorted(errors, key=lambda error: error.validator != "pattern"):
        for finding in _explain(error, guessed):
            known = found.setdefault(finding[0], [])
            if not known or isinstance(error.instance, Mapping):  # one finding is enough for a scalar or a list
                known.append(finding)
    return [finding for findings in found.values() for finding in findings]


def describe_type(value: Any) -> str:
    """What a value is, without the value."""
    return _TYPES[_type_of(value)]


def _type_of(value: Any) -> str:
    for python, name in ((bool, "boolean"), (str, "string"), (int, "integer"), (float, "number"), (list, "array")):
        if isinstance(value, python):
            return name
    return "null" if value is None else "object"


def _explain(error: Any, guessed: Collection[Path]) -> Iterator[Finding]:
    path, kind, wanted = tuple(error.absolute_path), error.validator, error.validator_value
    if "propertyNames" in error.absolute_schema_path:
        yield (*path, error.instance), f"is no name such as {error.schema.get('description', 'is wanted here')}", ""
    elif kind == "additionalProperties":
        for option in _unknown(error):
            yield (*path, option), "unknown option", suggest(option, error.schema.get("properties", {}))
    elif kind == "required":
        yield from _missing(error, path, guessed)
    elif kind == "dependentRequired":
        for option in sorted(wanted.keys() & error.instance.keys()):
            yield (*path, option), f"stands only beside {', '.join(wanted[option])}", ""
    elif kind == "type":
        yield path, f"expected {_any_of(wanted)}, not {describe_type(error.instance)}", ""
    elif kind in ("enum", "const"):
        yield path, "unknown value", _members(error.instance, wanted if kind == "enum" else [wanted])
    elif kind == "pattern":
        yield path, _shape(error), ""
    elif kind in ("oneOf", "anyOf"):
        yield from _alternatives(error, path, guessed)
    elif kind.startswith("min") and error.instance in ("", [], {}):
        yield path, "must not be empty", ""
    else:
        yield path, _LIMITS.get(kind, f"does not fit its description ({kind})").format(wanted), ""


def _guesses(error: Any) -> Iterator[Path]:
    """Options that an unknown one is probably meant to be: they are not reported as missing as well."""
    if error.validator == "additionalProperties":
        for option in _unknown(error):
            near = nearest(option, error.schema.get("properties", {}))
            if near:
                yield (*error.absolute_path, near)


def _unknown(error: Any) -> list[str]:
    return [option for option in error.instance if option not in error.schema.get("properties", {})]


def _missing(error: Any, path: Path, guessed: Collection[Path]) -> Iterator[Finding]:
    """jsonschema reports each missing option by itself, and says which only in its message."""
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
    fitting = [_of_branch(error, index) for index, branch in enumerate(branches) if _takes(branch, error.instance)]
    if len(fitting) == 1 and fitting[0]:
        for inner in fitting[0]:
            yield from _explain(inner, {guess for one in fitting[0] for guess in _guesses(one)})
    else:
        types = [name for branch in branches for name in _as_list(branch.get("type", []))]
        yield path, f"expected {_any_of(types)}" if types else "does not fit its description", ""


def _of_branch(error: Any, index: int) -> list[Any]:
    return [inner for inner in error.context if inner.schema_path[0] == index]


def _takes(branch: Mapping[str, Any], value: Any) -> bool:
    kind = _type_of(value)
    return kind in _as_list(branch.get("type", kind)) or (kind == "integer" and branch.get("type") == "number")


def _members(value: Any, members: list[Any]) -> str:
    names = [str(member) for member in members]
    return suggest(value, names) if isinstance(value, str) else there_are(names)


def _shape(error: Any) -> str:
    if error.validator_value == durations.PATTERN:
        return "is no duration such as 90d, 36h or 1h30m"
    about = error.schema.get("description", "")
    return f"does not have the form wanted{f': {_phrase(about)}' if about else ''}"


def _phrase(description: str) -> str:
    """A sentence as a part of another one."""
    text = description.rstrip(".")
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _any_of(types: Any) -> str:
    return " or ".join(_TYPES[name] for name in dict.fromkeys(_as_list(types)))


def _as_list(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value)
