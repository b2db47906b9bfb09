# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever an action meets, core gets an error of ours, with no other one behind it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action.normal import ActionModule as Normal

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    NotFoundError,
    StoppedError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible import shell
from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible.shell import guarded
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.session import Session

from .conftest import Act

CANARY = "canary-0123456789abcdef"


def raising(error: BaseException) -> Callable[..., NoReturn]:
    def act(*_arguments: Any, **_options: Any) -> NoReturn:
        raise error from ValueError(CANARY)

    return act


@pytest.mark.parametrize(
    "error",
    [
        ValueError(CANARY),
        RecursionError(CANARY),
        AnsibleError(CANARY),
        UnicodeEncodeError("latin-1", CANARY, 0, 1, CANARY),
        type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})(CANARY),
    ],
)
def test_a_failed_action_has_no_exception_behind_it(error: BaseException) -> None:
    with pytest.raises(AnsibleActionFail) as caught:
        guarded(raising(error))
    assert str(caught.value).startswith(f"unexpected {type(error).__name__} in act, line ")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [(UnavailableError("gone"), AnsibleConnectionFailure), (NotFoundError("gone"), AnsibleActionFail)],
)
def test_a_host_that_cannot_be_reached_is_unreachable(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="gone"):
        guarded(raising(error), unreachable=(UnavailableError,))


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), type("TaskTimeoutError", (BaseException,), {})()]
)
def test_what_ends_a_worker_is_no_error(error: BaseException) -> None:
    with pytest.raises(type(error)):
        guarded(raising(error))


@pytest.mark.parametrize("action", ["rotation_plan", "rotation_status", "ledger_verify"])
def test_every_action_goes_through_the_guard(action: str, act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    for call in ("plan", "status", "verify"):
        monkeypatch.setattr(Session, call, raising(KeyError(CANARY)))
    said = act(action, {})
    assert "AnsibleActionFail: unexpected KeyError in act, line " in said
    assert CANARY not in said


def test_a_module_that_cannot_be_started_goes_through_the_guard(act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Normal, "run", raising(TypeError(CANARY)))
    said = act("http_secret", token=CANARY)
    assert "AnsibleActionFail: unexpected TypeError in act, line " in said
    assert CANARY not in said


def test_an_error_of_core_about_a_host_passes(act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Normal, "run", raising(AnsibleConnectionFailure("no route to host")))
    assert "AnsibleConnectionFailure: no route to host" in act("http_secret")


def test_an_action_that_is_stopped_ends_its_worker(act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []

    def end(code: int) -> NoReturn:
        ended.append(code)
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(shell, "check_unknown_options", raising(StoppedError("stop")))
    assert "SystemExit: 1" in act("rotation_status", {})
    assert ended == [1]


@pytest.mark.parametrize(
    "wrong", [{"secrets": [[CANARY]]}, {"valu": CANARY}, {"secrets": [{"nam": "A", "value": CANARY}]}]
)
def test_an_action_refuses_arguments_without_their_values(wrong: dict[str, Any], act: Act) -> None:
    said = act("dotenv_secret", path="/x", **wrong)
    assert "AnsibleActionFail: " in said
    assert "unexpected" not in said
    assert CANARY not in said


@pytest.mark.parametrize(
    ("wrong", "option"),
    [
        ({"name": "KEY", "value": {"key": CANARY}}, "value"),
        ({"secrets": [{"name": "KEY", "value": [CANARY]}]}, "secrets.value"),
    ],
)
def test_an_action_refuses_what_is_no_text(wrong: dict[str, Any], option: str, act: Act) -> None:
    said = act("dotenv_secret", path="/x", **wrong)
    assert f"{option}: a mapping or a list is not text; use the filter to_json" in said
    assert CANARY not in said


@pytest.mark.parametrize(
    ("core", "refused"), [("2.17.14", True), ("2.18.0", True), ("2.19.0b1", False), ("2.22.1rc1", False)]
)
def test_old_core_is_refused_in_one_line(core: str, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "CORE", core)
    if refused:
        with pytest.raises(AnsibleActionFail, match=f"does not run on ansible-core {core}. It needs 2.19 or later$"):
            guarded(lambda: True)
    else:
        assert guarded(lambda: True)
