# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub's resources as the thin modules manage them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._core.errors import ConfigurationError
from ..._core.module_runner import Resource, State, unverified
from ..._core.schema_check import refuse_misfits
from ..._core.stored import StoredSecrets, as_text
from .access import connect, container
from .check import GitHubWorkflow, proven
from .runs import Runs
from .scope import SELECTED
from .store import GitHubSecrets


class ListedSecrets(Resource):
    """All secrets of a repository, of an environment, or of an organization."""

    def read(self) -> State:
        where = container(self.params)
        refuse_misfits(GitHubSecrets.schema, where)
        if problems := GitHubSecrets.validate(where, ()):
            raise ConfigurationError("; ".join(problems))
        github = connect(self.params)
        return {"secrets": GitHubSecrets(github, clock=github.clock).listed(where)}


class Secrets(StoredSecrets):
    """Named secrets; their values cannot be read, so that every write is a change."""

    store: GitHubSecrets

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params, GitHubSecrets, container(params))
        github = connect(params)
        self.store = GitHubSecrets(github, clock=github.clock)
        self.store.keeps_visibility = False

    def read(self) -> State:
        if not self.present:
            return {"secrets": self.store.look(self.container, self.names)["keys"]}
        there = {name: self._with_selection(name, facts) for name, facts in super().read()["secrets"].items()}
        if not self.params["overwrite"]:
            self.values = {name: value for name, value in self.values.items() if name not in there}
        for repository in self.container.get("repositories", ()) if self.values else ():
            self.store.connection.repository_id(f"{self.container['organization']}/{repository}")
        return {"secrets": there}

    def wanted(self, before: State) -> State:
        if not self.present:
            return super().wanted(before)
        written = {name: {**self._audience(before, name), "written": True} for name in self.values}
        return {"secrets": {**before["secrets"], **written}}

    def apply(self, before: State) -> State:
        after = super().apply(before)
        if not self.present:
            return after
        written = {name: self._with_selection(name, facts) for name, facts in after["secrets"].items()}
        return {"secrets": {**before["secrets"], **written}}

    def _with_selection(self, name: str, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        if facts.get("visibility") != SELECTED:
            return facts
        return {**facts, "repositories": sorted(self.store.selected(self.container, name))}

    def _audience(self, before: State, name: str) -> dict[str, Any]:
        """Return the visibility of an organization's secret: as the options say, or as it is."""
        source = self.container if "visibility" in self.container else before["secrets"].get(name, {})
        audience = {"visibility": source["visibility"]} if "visibility" in source else {}
        return {**audience, "repositories": sorted(source["repositories"])} if "repositories" in source else audience


class WorkflowRun(Resource):
    """A run of a workflow, which each task starts anew."""

    note = unverified(GitHubWorkflow)

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self._inputs = {name: as_text(value) for name, value in (params["inputs"] or {}).items()}
        refuse_misfits(GitHubWorkflow.schema, {**params, "inputs": self._inputs})
        self._repository = params["repository"]
        self._github = connect(params)

    def read(self) -> State:
        options = {"repository": self._repository, "workflow": self.params["workflow"]}
        if problems := GitHubWorkflow(options, self._github, clock=self._github.clock).preflight():
            raise ConfigurationError("; ".join(problems))
        return {"run": None}

    def wanted(self, before: State) -> State:
        return {"run": {"ref": self._ref()}}

    def apply(self, before: State) -> State:
        params = self.params
        runs = Runs(self._github, params["repository"])
        run_id = runs.dispatch(params["workflow"], self._ref(), self._inputs)
        run = runs.wait(run_id, within=params["timeout"] if params["wait"] else 0)
        if params["wait"]:
            proven(run, f"workflow {params['workflow']} of {params['repository']}")
        facts = {key: run[key] for key in ("id", "html_url", "status", "conclusion", "head_sha")}
        return {"run": {"ref": self._ref(), **facts}}

    def _ref(self) -> str:
        return str(self.params["ref"] or self._github.repository(self.params["repository"])["default_branch"])
