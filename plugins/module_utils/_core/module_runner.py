# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every thin module does: read, compare, act unless in check mode, say what changed.

The only place where an error becomes a failed task.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from . import guard, masking
from .contracts import Evidence, Part
from .core_masking import register_with_core
from .credential import SecretValue
from .outside_text import shown

_IN_QUOTES = "put it in quotes, or use the filter string"
State = Mapping[str, Any]
"""Names, digests, versions, times: it is shown in diffs, so it never holds a value."""


class Resource(ABC):
    """One resource of one system, as a module's options describe it. A resource that only reads has only ``read``."""

    note = ""
    """For check mode: what cannot be known without a write."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params

    @abstractmethod
    def read(self) -> State:
        """Read the state that the resource has now."""

    def wanted(self, before: State) -> State:
        """Return the state that the options want, as far as it can be known; ``before`` if there is nothing to do."""
        return before

    def apply(self, before: State) -> State:
        """Bring the resource into the wanted state, and return its state then."""
        return before

    def result(self, state: State) -> Mapping[str, Any]:
        """Return what the task returns beside ``changed``: text, and a SecretValue where it has asked for one."""
        return state


def unverified(kind: type[Part]) -> str:
    """Return the note for what no check mode can know of a store, an issuer or a check."""
    return f"Only a real run can tell {kind.unverifiable}." if kind.unverifiable else ""


class NoJournal:
    """A module remembers nothing between two runs."""

    def recall(self) -> Evidence:
        return {}

    def record(self, evidence: Evidence) -> None:
        pass


class RotorModule(AnsibleModule):
    """An AnsibleModule that quotes no credential when it refuses its arguments."""

    _accepted = False

    def __init__(self, argument_spec: Mapping[str, Any], **rules: Any) -> None:
        super().__init__(argument_spec, **rules)
        if problem := unfit(self._given, argument_spec, rules):
            self.fail_json(msg=problem)
        self._accepted = True

    def _load_params(self) -> None:
        super()._load_params()
        self._given = deepcopy(self.params)  # core drops from params what it refuses

    def fail_json(self, msg: str, **more: Any) -> NoReturn:
        """Fail without core's quotes: it shows an item of the wrong type, and an unknown option with its value."""
        if not self._accepted:
            register_arguments(self._given, self.argument_spec)
            msg, more = masking.scrub(str(msg)), {"exception": None, "invocation": {"module_args": {}}}
        super().fail_json(msg=msg, **more)
        raise AssertionError("core's fail_json ends the process")


def run(module: RotorModule, kind: type[Resource]) -> NoReturn:
    problem = ""
    try:
        result = converge(kind(module.params), check_mode=module.check_mode, diff=module._diff)
        register_with_core()
        module.exit_json(**result)
    except BaseException as error:  # noqa: BLE001 - the guard lets SystemExit and its like through
        problem = guard.failure_message(error)
    register_with_core()
    module.fail_json(msg=problem)  # out here, where core finds no exception whose chain it could show


def register_arguments(arguments: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
    """Register for masking whatever was given to an option that takes a secret, or that does not exist."""
    for text in _secret_texts(arguments, spec):
        masking.register(text)


def unfit(arguments: Mapping[str, Any], spec: Mapping[str, Any], rules: Mapping[str, Any]) -> str:
    """Say what core takes and should not: what is no text, in Python's spelling, and blanks where a text is needed."""
    one_of = {name for names in rules.get("required_one_of") or () for name in names}
    return "; ".join(_unfit(arguments, spec, one_of | {"name"}))


def _unfit(arguments: Mapping[str, Any], spec: Mapping[str, Any], needed: Collection[str]) -> Iterator[str]:
    known = _by_alias(spec)
    for name, given in arguments.items():
        option = known.get(name, {})
        if problem := name in known and _problem(option, given, name in needed):
            yield f"{name}: {problem}"
        for item in given if isinstance(given, list) else [given]:
            if option.get("options") and isinstance(item, Mapping):
                yield from (f"{name}.{inner}" for inner in _unfit(item, option["options"], needed))


def _problem(option: Mapping[str, Any], given: Any, needed: bool) -> str:
    is_secret = option.get("no_log")
    if option.get("type", "str") == "str":
        if isinstance(given, (Mapping, list)):
            return "a mapping or a list is not text; use the filter to_json"
        if isinstance(given, bool) or (is_secret and given is not None and not isinstance(given, str)):
            return f"a number, a date, true and false are not text, and YAML may have altered it; {_IN_QUOTES}"
    is_blank = not given.strip() if isinstance(given, str) else bool(option.get("required")) and given == []
    return "must not be empty" if is_blank and (needed or option.get("required")) and not is_secret else ""


def _by_alias(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {alias: option for name, option in spec.items() for alias in (name, *option.get("aliases", ()))}


def _secret_texts(arguments: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterator[str]:
    known = _by_alias(spec)
    for name, given in arguments.items():
        option = known.get(name, {"no_log": True})
        for item in given if isinstance(given, list) else [given]:
            if option.get("options") and isinstance(item, Mapping):
                yield from _secret_texts(item, option["options"])
            elif option.get("options") or option.get("no_log"):
                yield from _texts(item)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    else:
        yield str(value)


def converge(resource: Resource, *, check_mode: bool, diff: bool) -> dict[str, Any]:
    before = resource.read()
    after = resource.wanted(before)
    if after != before and not check_mode:
        after = resource.apply(before)
    result = {**_revealed(shown(resource.result(after))), "changed": after != before}
    if check_mode and result["changed"] and resource.note:
        result["note"] = resource.note
    if diff and result["changed"]:
        result["diff"] = {"before": shown(before), "after": shown(after)}
    return result


def _revealed(result: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.reveal() if isinstance(value, SecretValue) else value for name, value in result.items()}
