# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub's resources as the thin modules manage them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError
from ansible_collections.rotor.secrets.plugins.module_utils._core.module_runner import Resource, State
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.access import connect
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.check import GitHubWorkflow, proven
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.client import REPOSITORY
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.runs import Runs
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.store import GitHubSecrets

_UNKNOWABLE = "GitHub does not show values: whether this one differs from what is set cannot be known."


class _OfRepository(Resource):
    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        if not re.search(REPOSITORY["pattern"], params["repository"]):
            raise ConfigurationError(f"repository: {params['repository']} is not of the form owner/name")
        self._container = {"repository": params["repository"]}
        self._github = connect(params)
        self._store = GitHubSecrets(self._github, clock=self._github.clock)


class ListedSecrets(_OfRepository):
    """All secrets of a repository."""

    def read(self) -> State:
        return {"secrets": self._store.listed(self._container)}


class Secret(_OfRepository):
    """One secret; its value cannot be read, so that every write is a change."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self._name = params["name"]
        self.note = _UNKNOWABLE if params["state"] == "present" else ""
        mistakes = GitHubSecrets.mistakes(self._container, [self._name])
        if params["state"] == "present" and not params["value"]:
            mistakes.append(f"{self._name}: its value is missing or empty")
        if mistakes:
            raise ConfigurationError("; ".join(mistakes))

    def read(self) -> State:
        found = self._store.observe(self._container, [self._name])["keys"].get(self._name)
        return {"secret": found and self._facts(found["updated_at"])}

    def wanted(self, before: State) -> State:
        if self.params["state"] == "absent":
            return {"secret": None}
        if before["secret"] and not self.params["overwrite"]:
            return before
        return {"secret": self._facts(None, written=True)}

    def apply(self, before: State) -> State:
        if self.params["state"] == "absent":
            self._store.delete(self._container, [self._name])
            return {"secret": None}
        evidence = self._store.write(self._container, {self._name: SecretValue(self.params["value"])})
        return {"secret": self._facts(evidence["keys"][self._name]["updated_at"], written=True)}

    def _facts(self, updated_at: str | None, *, written: bool = False) -> dict[str, Any]:
        """With ``written``, since two writes within one second have the same date."""
        return {"name": self._name, "updated_at": updated_at, "written": written}


class WorkflowRun(_OfRepository):
    """A run of a workflow, which each task starts anew."""

    def read(self) -> State:
        options = {**self._container, "workflow": self.params["workflow"]}
        if problems := GitHubWorkflow(options, self._github, clock=self._github.clock).preflight():
            raise ConfigurationError("; ".join(problems))
        return {"run": None}

    def wanted(self, before: State) -> State:
        return {"run": {"ref": self._ref()}}

    def apply(self, before: State) -> State:
        params = self.params
        runs = Runs(self._github, params["repository"])
        inputs = {name: _text(value) for name, value in (params["inputs"] or {}).items()}
        run_id = runs.dispatch(params["workflow"], self._ref(), inputs)
        run = runs.wait(run_id, within=params["timeout"] if params["wait"] else 0)
        if params["wait"]:
            proven(run, f"workflow {params['workflow']} of {params['repository']}")
        facts = {key: run[key] for key in ("id", "html_url", "status", "conclusion", "head_sha")}
        return {"run": {"ref": self._ref(), **facts}}

    def _ref(self) -> str:
        return str(self.params["ref"] or self._github.repository(self.params["repository"])["default_branch"])


def _text(value: Any) -> str:
    """An input as GitHub wants it; YAML makes booleans and numbers of some."""
    return str(value).lower() if isinstance(value, bool) else str(value)
