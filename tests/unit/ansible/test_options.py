# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Misspelt variables, and values that the action does not take, are told in the words of the role."""

from __future__ import annotations

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.plugin_utils._ansible import options

MAP = ("secret_map", "secret_connections")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("rotate_onyl", "Did you mean rotate_only?"),
        ("secrets_consumers", "Did you mean secret_consumers?"),
        ("secret_leger", "Did you mean secret_ledger?"),
    ],
)
def test_misspelt_variable_is_refused(name: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        options.check_unknown_options({*MAP, name})
    assert str(caught.value) == f"{name} is no variable of rotor.secrets. {hint}"


@pytest.mark.parametrize("name", ["secret_map2", "secret_santa", "rotate_logs", "rotate_plan", "my_map"])
def test_variable_of_somebody_else_is_ignored(name: str) -> None:
    options.check_unknown_options({*MAP, name})


def test_unknown_variable_of_the_command_line_is_refused_for_our_playbooks() -> None:
    with pytest.raises(ConfigurationError) as caught:
        options.check_unknown_options({*MAP, "rotate_names"}, addressed={"rotate_names", "env"})
    assert caught.value.hint.startswith("There are: rotate_only, rotate_where")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("status_fail_no", "status_fail_on"),
        ("attest_credental", "attest_credential"),
        ("ledger_haed", "ledger_head"),
        ("freeze_untill", "freeze_until"),
    ],
)
def test_misspelt_variable_of_another_playbook_is_refused_where_it_was_given(name: str, near: str) -> None:
    options.check_unknown_options({*MAP, name})
    with pytest.raises(ConfigurationError, match=f"{name} is no variable of rotor.secrets. Did you mean {near}?"):
        options.check_unknown_options({*MAP, name}, extra={name})


def test_variable_of_the_role_under_the_name_of_a_playbook_is_refused() -> None:
    options.check_unknown_options({*MAP, "status_only"}, extra={"status_only"})
    with pytest.raises(ConfigurationError, match="Did you mean rotate_only"):
        options.check_unknown_options({*MAP, "status_only"}, addressed={"status_only"}, extra={"status_only"})


@pytest.mark.parametrize("name", ["status_page", "ledger_head", "deposit_account"])
def test_given_variable_that_is_like_none_of_ours_is_ignored(name: str) -> None:
    options.check_unknown_options({*MAP, name}, addressed={name}, extra={name})


@pytest.mark.parametrize(
    ("message", "variable", "example"),
    [
        ("argument 'where' is of type str", "rotate_where", """-e '{"rotate_where": {"store": "NAME"}}'"""),
        ("dictionary requested, could not", "rotate_hooks", """-e '{"rotate_hooks": {"before_revoke": "FILE"}}'"""),
        ("value of resume must be one of: forward", "rotate_resume", ""),
    ],
)
def test_error_of_an_argument_names_the_variable_of_the_role(message: str, variable: str, example: str) -> None:
    told = options.in_words_of_the_role(ConfigurationError(message), "rotor.secrets.rotation_plan")
    assert told.message == f"{variable}: {message}"
    assert told.hint.endswith(example)


def test_other_errors_of_arguments_stay_as_they_are() -> None:
    error = ConfigurationError("Unsupported parameters")
    assert options.in_words_of_the_role(error, "rotation_plan") is error


def test_argument_that_is_missing_is_asked_for_by_the_variable_of_the_playbook() -> None:
    missing = ConfigurationError("missing required arguments: identity, secret")
    told = options.in_words_of_the_role(missing, "rotor.secrets.rotation_drop")
    assert str(told) == f"drop_identity, drop_secret: {missing}. Give -e drop_identity=… -e drop_secret=…"


def test_misspelt_hook_is_told_with_the_nearest() -> None:
    said = "Unsupported parameters for (rotor.secrets.rotation_plan) module: hooks.before_revok. Supported parameters"
    told = options.in_words_of_the_role(ConfigurationError(said), "rotation_plan")
    assert str(told) == "rotate_hooks.before_revok: unknown hook. In rotate_hooks: did you mean before_revoke?"


def test_negative_number_of_failures_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="rotate_max_failures is below 0"):
        options.parse_options({"max_failures": -1})
