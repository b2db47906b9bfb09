# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fly's resources as the thin modules manage them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._core import durations, issued
from ..._core.contracts import Evidence
from ..._core.credential import Credential
from ..._core.errors import ConfigurationError, OutcomeUnknownError, RotorError
from ..._core.module_runner import NoJournal, Resource, State, unverified
from ..._core.outside_text import identifier
from ..._core.schema_check import refuse_misfits
from ..._core.stored import StoredSecrets
from . import health
from .access import connect
from .client import moment
from .consumer import FlyApp
from .issuer import FlyTokens
from .rollout import Rollout
from .store import FlySecrets


class ListedSecrets(Resource):
    """All secrets of an app."""

    def read(self) -> State:
        refuse_misfits(FlySecrets.schema, self.params)
        return {"secrets": connect(self.params).secrets(self.params["app"])}

    def result(self, state: State) -> Mapping[str, Any]:
        return {"secrets": _rows(state["secrets"])}


class Secrets(StoredSecrets):
    """The named secrets of an app; their values cannot be read, so that only a write tells whether they differ."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params, FlySecrets, {"app": params["app"]})
        if self.present:
            self.remark("Fly does not show values: whether these differ from what is set is known only after a write.")
        self._evidence: Evidence = {}
        self._fly = connect(params)
        self.store = FlySecrets(self._fly, clock=self._fly.clock)

    def read(self) -> State:
        return {"secrets": self.store.observe(self.container, self.names)["keys"]}

    def wanted(self, before: State) -> State:
        secrets = {name: {"digest": None, "updated_at": None} for name in self.names} if self.present else {}
        if self.params["stage"] or secrets == before["secrets"]:
            return {"secrets": secrets}
        machines = self._fly.machines(self.params["app"])
        return {"secrets": secrets, "machines": {machine["id"]: None for machine in machines}}

    def apply(self, before: State) -> State:
        after: dict[str, Any] = {"secrets": self._write(before["secrets"])}
        if not self.params["stage"] and (after != before or self._is_staged(before)):
            after["machines"] = self._deploy()
        return after

    def result(self, state: State) -> Mapping[str, Any]:
        result = {"secrets": _rows(state["secrets"]), "version": self._evidence.get("version")}
        return {**result, "machines": state.get("machines", {})}

    def _write(self, there: Evidence) -> Evidence:
        """Write, and return the secrets then; one with the digest that it had is the same, whatever its date."""
        if not self.present:
            self._evidence = self.store.delete(self.container, list(there))
            return {}
        self._evidence = self.store.write(self.container, self.values)
        written = {name: facts for name, facts in self._evidence["keys"].items() if name in self.values}
        return {name: there[name] if _is_same(facts, there.get(name)) else facts for name, facts in written.items()}

    def _is_staged(self, before: State) -> bool:
        """Return whether the secrets were staged: an earlier run set them, and did not update the machines."""
        dates = filter(None, (moment(facts["updated_at"]) for facts in before["secrets"].values()))
        latest = max(dates, default=None)
        return latest is not None and FlyApp(self.container, self._fly, clock=self._fly.clock).lags(latest)

    def _deploy(self) -> Mapping[str, str]:
        rollout = Rollout(self._fly, self.params["app"], self._evidence["version"], NoJournal(), timeout=300)
        try:
            machines: Mapping[str, str] = rollout.run(batch=1)["machines"]
        except RotorError as error:
            if not self.present:
                way_on = "The secrets are unset: go on with fly_secrets_deploy"
                error.hint = ". ".join(filter(None, (error.hint, way_on)))
            raise
        return machines


class Deployment(Resource):
    """An app's machines, each of them updated with its own configuration."""

    def read(self) -> State:
        refuse_misfits(FlyApp.schema, self.params)
        self._fly = connect(self.params)
        machines = self._fly.machines(self.params["app"])
        return {"machines": {item["id"]: _machine(item["instance_id"], health.runs(item)) for item in machines}}

    def wanted(self, before: State) -> State:
        return {"machines": {name: {**facts, "instance_id": None} for name, facts in before["machines"].items()}}

    def apply(self, before: State) -> State:
        params = self.params
        rollout = Rollout(self._fly, params["app"], params["min_version"], NoJournal(), timeout=params["timeout"])
        evidence = rollout.run(params["batch"])
        launched = evidence["launched"]
        return {"machines": {name: _machine(made, name in launched) for name, made in evidence["machines"].items()}}


class Tokens(Resource):
    """All tokens of an app or organization, whatever they may do."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        options = {key: params[key] for key in ("organization", "app", "lifetime") if params.get(key) is not None}
        refuse_misfits(FlyTokens.schema, options)
        self._fly = connect(params)
        self._issuer = FlyTokens(options, self._fly, clock=self._fly.clock)

    def read(self) -> State:
        return {"tokens": [_token(issued.shown(token)) for token in self._issuer.all_listed()]}


class Token(Tokens):
    """One token, known by its name, or by its id where several have that name."""

    note = unverified(FlyTokens)

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._id = issued.wanted_id(params)
        super().__init__(params)
        self._minted: Credential | None = None
        if params["state"] == "present":
            self._refuse_lifetime(params["lifetime"])

    def read(self) -> State:
        """Read the tokens that still work."""
        listed = self._issuer.listed()
        now = self._fly.server_time() or self._fly.clock.now()
        found = issued.meant(listed, {self.params["name"]}, self._id, now)
        return {"tokens": [_token(issued.shown(token)) for token in found]}

    def wanted(self, before: State) -> State:
        if self.params["state"] == "present":
            new = _token(issued.made(Credential(None, self.params["name"], {})))
            return before if before["tokens"] else {"tokens": [new]}
        if len(before["tokens"]) > 1:
            raise ConfigurationError(
                f"{len(before['tokens'])} tokens have the name {self.params['name']}",
                hint=f"Say which one by its id: {', '.join(identifier(token['id']) for token in before['tokens'])}",
            )
        return {"tokens": []}

    def apply(self, before: State) -> State:
        if self.params["state"] == "absent":
            token = before["tokens"][0]
            self._issuer.revoke(Credential(token["id"], token["name"], {}))
            return {"tokens": []}
        try:
            self._minted = self._issuer.mint(self.params["name"])
        except OutcomeUnknownError as error:
            error.hint = (
                "A token that was made is lost: look for its name with fly_token_info, and revoke it by its id. "
                "Do that before you run again, which takes it for the token that is wanted"
            )
            raise
        return {"tokens": [_token(issued.made(self._minted))]}

    def result(self, state: State) -> Mapping[str, Any]:
        """Return the tokens, and the new one's value: Fly shows it once, and the task asked for it."""
        if self._minted is None:
            return state
        return {**state, "token": self._minted.fields["token"]}

    @staticmethod
    def _refuse_lifetime(lifetime: str) -> None:
        try:
            if not durations.parse(lifetime):
                raise ValueError("a token that ends at once is of no use")
        except ValueError as error:
            raise ConfigurationError(f"lifetime: {error}") from None


def _rows(secrets: Evidence) -> list[dict[str, Any]]:
    return [{"name": name, **facts} for name, facts in secrets.items()]


def _is_same(facts: Evidence, there: Evidence | None) -> bool:
    return there is not None and facts["digest"] is not None and facts["digest"] == there["digest"]


def _machine(instance: str, running: bool) -> dict[str, Any]:
    return {"instance_id": instance, "running": running}


def _token(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what Fly never tells."""
    return {name: fact for name, fact in shown.items() if name != "last_used_at"}
