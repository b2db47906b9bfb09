# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks return and say, where each text in a provider's answers would take over a terminal.

The places are found by noting the answers to the very task. With ROTOR_SWEEP=all every place is tried; without, every
few.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.rotor.secrets.plugins.module_utils._core.outside_text import identifier, printable
from tests.hostile import HOSTILE, MARK, problems_of
from tests.sandbox.visitor import Visitor

STRIDE = 1 if os.environ.get("ROTOR_SWEEP") == "all" else 19
REPOSITORY = "Molecule-AI/molecule-monorepo"
_FOR_THE_GUARD = (ValueError, TypeError, LookupError, AttributeError)
"""Python's own errors, which no message of ours quotes: they leave through the modules' guard."""
Options = Mapping[str, Any]
Task = Callable[..., dict[str, Any]]
MODULES = [
    f"{resource}{kind}"
    for resource, kinds in {
        "fly_secret": ("", "_info"),
        "fly_secrets_deploy": ("",),
        "fly_token": ("", "_info"),
        "github_secret": ("", "_info"),
        "github_workflow_run": ("",),
        "infisical_secret": ("", "_info"),
        "http_secret": ("",),
    }.items()
    for kind in kinds
]
"""All that speak to the stand-in world."""


def tasks(world: Visitor) -> dict[str, Options]:
    """One for each module."""
    url, known = world.url, world.credentials
    fly = {"api_url": f"{url}/fly/v1", "graphql_url": f"{url}/fly/graphql", "token": known["FLY_ADMIN_TOKEN"]}
    app = {**fly, "app": "molecule-cp"}
    organization = {**fly, "organization": "molecule-ai"}
    github = {"api_url": f"{url}/github", "token": known["GITHUB_ADMIN_TOKEN"], "repository": REPOSITORY}
    infisical = {
        "url": f"{url}/infisical/api",
        "client_id": known["INFISICAL_CLIENT_ID"],
        "client_secret": known["INFISICAL_CLIENT_SECRET"],
        "project": "molecule",
        "environment": "prod",
        "path": "/backend",
    }
    tenant = {"url": f"{url}/tenant", "token": known["TENANT_ADMIN_TOKEN"], "path": "/settings/secrets"}
    evidence = {"evidence": {"updated_at": "[key=<key>].updated_at"}}
    put = {"name": "CANARY", "value": "value-of-the-module-tests"}
    return {
        "fly_secret": {**app, **put, "stage": False},
        "fly_secret_info": app,
        "fly_secrets_deploy": app,
        "fly_token": {**organization, "name": "canary", "lifetime": "1h"},
        "fly_token_info": organization,
        "github_secret": {**github, **put},
        "github_secret_info": github,
        "github_workflow_run": {**github, "workflow": "publish-platform-image.yml"},
        "infisical_secret": {**infisical, **put},
        "infisical_secret_info": infisical,
        "http_secret": {**tenant, **put, "read": evidence, "write": {"body": {"key": "<key>", "value": "<value>"}}},
    }


@pytest.fixture
def world(fresh: Visitor) -> Visitor:
    """Seeded anew for each task, by the task itself."""
    return fresh


@pytest.fixture
def task(world: Visitor, capsys: pytest.CaptureFixture[str]) -> Task:
    def run(module: str, **fault: Any) -> dict[str, Any]:
        world.tell("reset")
        world.tell("switch", rate_limits=False, machine_seconds=0, run_seconds=0, note_texts=True)
        if fault:
            world.tell("faults", times=0, **fault)
        main = importlib.import_module(f"ansible_collections.rotor.secrets.plugins.modules.{module}").main
        with patch_module_args({**tasks(world)[module], "_ansible_diff": True}), pytest.raises(SystemExit):
            main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        result.pop("invocation", None)
        return result

    return run


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting takes no time."""
    clock = importlib.import_module("ansible_collections.rotor.secrets.plugins.module_utils._core.clock").Clock
    slept = [0.0]
    really = clock.monotonic

    def sleep(_self: Any, seconds: float) -> None:
        slept[0] += max(seconds, 1.0)

    monkeypatch.setattr(clock, "sleep", sleep)
    monkeypatch.setattr(clock, "monotonic", lambda self: really(self) + slept[0])


def noted(world: Visitor) -> Iterator[tuple[str, str, str]]:
    """Provider, operation or path, and place."""
    for request in world.ask("requests")["requests"]:
        for place in request["texts"]:
            yield request["provider"], next(iter(request["operations"]), ""), place


@pytest.mark.parametrize("module", MODULES)
def test_no_text_in_an_answer_reaches_a_result_as_it_is(task: Task, world: Visitor, module: str) -> None:
    assert not task(module).get("failed")
    places = sorted(set(noted(world)))
    for provider, operation, place in places[len(module) % STRIDE :: STRIDE]:
        try:
            result = task(module, kind="text", text=HOSTILE, place=place, provider=provider, graphql=operation or None)
        except _FOR_THE_GUARD:
            continue
        result.pop("token", None)  # the value that the task asks for, which is exact
        assert problems_of([], [result]) == [], place
    assert places


@pytest.mark.parametrize("module", MODULES)
def test_no_refusal_in_an_answer_reaches_a_message_as_it_is(task: Task, module: str) -> None:
    result = task(module, kind="status", status=422, text=HOSTILE)
    assert result["failed"]
    assert problems_of([], [result]) == []


def test_names_of_tokens_are_printable_and_ids_exact(task: Task) -> None:
    ids = [token["id"] for token in task("fly_token_info")["tokens"]]
    place = "data.organization.limitedAccessTokens.nodes[].name"
    tokens = task("fly_token_info", kind="text", text=HOSTILE, place=place)["tokens"]
    assert [token["id"] for token in tokens] == ids
    assert {token["name"] for token in tokens} == {printable(HOSTILE)}


def test_an_id_that_could_be_taken_for_another_is_not_returned(task: Task) -> None:
    place = "data.organization.limitedAccessTokens.nodes[].id"
    tokens = task("fly_token_info", kind="text", text="tok_1\u200b", place=place)["tokens"]
    assert {token["id"] for token in tokens} == {identifier("tok_1\u200b")}


def test_a_run_page_is_shown_and_cut(task: Task) -> None:
    run = task("github_workflow_run", kind="text", text=HOSTILE, place="html_url", path="/actions/runs/")["run"]
    assert MARK in run["html_url"]
    assert "(cut)" in run["html_url"]
