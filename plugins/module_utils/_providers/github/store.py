# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub's secrets as a store: write-only, sealed with the public key of their scope, dated and nothing more."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ..._core.contracts import Evidence, Limits, Look, Options, Shadow, Store
from ..._core.credential import SecretValue
from ..._core.deps import library
from ..._core.errors import (
    ConfigurationError,
    ForeignChangeError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RotorError,
    UnexpectedAnswerError,
    after_an_effect,
)
from ..._core.http.answers import Answer
from ..._core.http.shapes import Maybe, moment
from . import scope as scopes
from .client import GitHubConnection, environments_of
from .scope import SELECTED, Scope

_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_SLACK = timedelta(minutes=1)
"""By how much two of GitHub's clocks may differ."""
_EVIDENCE = {"updated_at": moment, "visibility": str}
_LISTED = {"name": str} | {fact: Maybe(shape) for fact, shape in {"created_at": moment, **_EVIDENCE}.items()}


class GitHubSecrets(Store):
    schema = scopes.SCHEMA
    limits = Limits(value_bytes=48 * 1024, keys_at_once=1)
    looks_at_once = 10
    compares = True
    unverifiable = "whether the token may write secrets, since a fine-grained one shows only what it may read"
    connection: GitHubConnection
    keeps_visibility = True
    """Whether an organization's secret that exists stays visible to whom it is; False: to whom the container says."""

    @classmethod
    def label(cls, container: Options) -> str:
        return Scope.of(container).label

    @classmethod
    def identity(cls, container: Options) -> str:
        return Scope.of(container).path.lower()

    @classmethod
    def validate(cls, container: Options, keys: Sequence[str]) -> list[str]:
        named = [f"{key}: {problem}" for key in keys if (problem := _name_problem(key))]
        return scopes.validate(container) + named

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        """Return the dates of secrets, and refuse new ones of an organization that lack a visibility."""
        seen = self.look(container, keys)
        if new := [key for key in keys if key not in seen["keys"]]:
            self._refuse_unsaid_visibility(container, new)
        return seen

    def observe_all(self, looks: Sequence[Look]) -> list[Evidence | RotorError]:
        """Ask for the repositories of all of them in one request."""
        named = {scope.repository for container, _keys in looks if (scope := Scope.of(container)).repository}
        if len(unknown := sorted(filter(None, named))) > 1:
            self.connection.ask_repositories(unknown)
        return super().observe_all(looks)

    def look(self, container: Options, keys: Sequence[str]) -> Evidence:
        """Return the dates of secrets, and refuse nothing."""
        scope = Scope.of(container)
        self._enter(scope)
        found = self._listed(scope) if scope.repository else self._found(scope, keys)
        return {"keys": {key: found[key] for key in keys if key in found}}

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        """Write secrets, comparing dates right before: GitHub has no compare-and-set."""
        scope = Scope.of(container)
        self.refuse_unfit(container, values)
        there = self._refuse_foreign_change(scope, values, since)
        extra = self._visibilities(scope, container, values, there)
        key = (since or {}).get("public_key") or self._public_key(scope)
        written: dict[str, datetime] = {}
        for name, value in values.items():
            with after_an_effect(written):
                answer, key = self._put(scope, name, value, key, extra.get(name, {}))
                written[name] = answer.date
        with after_an_effect():
            return {"keys": self._read_back(scope, written), "public_key": key}

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        scope = Scope.of(container)
        self._enter(scope)
        self._public_key(scope)  # so that a 404 is the secret's
        for key in keys:
            doing = f"deleting {key} of {scope.label}"
            self.connection.change("DELETE", scope.secret(key), doing, ok=(204, 404), idempotent=True)
        return {"keys": {}}

    def listed(self, container: Options) -> list[dict[str, Any]]:
        """List every secret with its dates and, in an organization, its visibility."""
        scope = Scope.of(container)
        doing = f"listing the secrets of {scope.label}"
        pages = self.connection.pages(f"{scope.path}/secrets", "secrets", doing, _LISTED)
        facts = ("name", "created_at", *_EVIDENCE)
        return [{fact: secret[fact] for fact in facts if fact in secret} for page in pages for secret in page]

    def selected(self, container: Options, name: str) -> dict[str, int]:
        """List the selected repositories of an organization's secret: name to id."""
        scope = Scope.of(container)
        doing = f"listing the repositories that get {name} of {scope.label}"
        repositories = {"name": str, "id": int}
        pages = self.connection.pages(f"{scope.secret(name)}/repositories", "repositories", doing, repositories)
        return {repository["name"]: repository["id"] for page in pages for repository in page}

    @classmethod
    def may_be_hidden(cls, container: Options) -> bool:
        scope = Scope.of(container)
        return bool(scope.hiding(container)) or scope.is_hidden_by_environments

    def shadows(self, container: Options, keys: Sequence[str], *, fresh: bool = False) -> list[Shadow]:
        """List secrets of environments, and for an organization's, of repositories, that have the same name."""
        scope = Scope.of(container)
        places = list(scope.hiding(container))
        for one in [scope, *places]:
            places += one.environments(self._environments(one, fresh=fresh)) if one.is_hidden_by_environments else []
        found = [(place, secret) for place in places for secret in self._named(place, keys, fresh=fresh)]
        own = _dates(self.look(container, keys)) if found else {}
        return [
            Shadow(name, place.name, place.label, place.path.lower(), _is_older(secret, own.get(name)))
            for place, secret in found
            if (name := secret["name"])
        ]

    def _environments(self, scope: Scope, *, fresh: bool) -> list[str]:
        path, doing = environments_of(str(scope.repository)), f"listing the environments of {scope.repository}"
        listed = self.connection.listed(path, "environments", doing, {"name": str}, fresh=fresh)
        return [environment["name"] for environment in listed]

    def _named(self, scope: Scope, keys: Sequence[str], *, fresh: bool) -> list[dict[str, Any]]:
        path, doing = f"{scope.path}/secrets", f"listing the secrets of {scope.label}"
        listed = self.connection.listed(path, "secrets", doing, {"name": str, "updated_at": moment}, fresh=fresh)
        return [secret for secret in listed if secret["name"] in keys]

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        """Compare when each key was written, which is all there is; an absent key must still be absent."""
        return _dates(recorded) == _dates(observed)

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        latest = max(_dates(evidence).values(), default=None)
        return f"updated {latest.astimezone(UTC):%H:%M:%S}" if latest else "absent"

    def _enter(self, scope: Scope) -> None:
        """Read the repository, once in a run."""
        if scope.repository:
            repository = self.connection.repository(scope.repository)
            if repository.get("archived") or repository.get("disabled"):
                raise PermissionDeniedError(f"{scope.label} is archived or disabled: GitHub takes no secrets for it")

    def _public_key(self, scope: Scope, *, fresh: bool = False) -> dict[str, Any]:
        return self.connection.public_key(scope.path, scope.label, fresh=fresh)

    def _put(
        self, scope: Scope, name: str, value: SecretValue, key: dict[str, Any], more: Mapping[str, Any]
    ) -> tuple[Answer, dict[str, Any]]:
        """Write a secret, and return the answer and the public key that was right."""
        try:
            return self._send(scope, name, value, key, more), key
        except InvalidRequestError as error:
            with after_an_effect(isinstance(error, OutcomeUnknownError)):
                renewed = self._public_key(scope, fresh=True)
                if renewed["key_id"] == key["key_id"]:
                    raise
                return self._send(scope, name, value, renewed, more), renewed

    def _send(
        self, scope: Scope, name: str, value: SecretValue, key: Mapping[str, Any], more: Mapping[str, Any]
    ) -> Answer:
        body = {"encrypted_value": _seal(key, value), "key_id": key["key_id"], **more}
        doing = f"writing {name} of {scope.label}"
        return self.connection.change("PUT", scope.secret(name), doing, body=body, ok=(201, 204), idempotent=True)

    def _refuse_foreign_change(
        self, scope: Scope, values: Mapping[str, SecretValue], since: Evidence | None
    ) -> Mapping[str, dict[str, Any]]:
        """Refuse secrets that changed since, and return what is there, as far as that was looked at."""
        if since is None and not scope.organization:
            return {}
        names = list(dict.fromkeys([*(since or {"keys": {}})["keys"], *values]))
        found = self._found(scope, names)
        if since is not None and not self.unchanged(since, {"keys": found}):
            raise ForeignChangeError(f"writing to {scope.label}: somebody else has changed it; nothing was sent")
        return found

    def _visibilities(
        self, scope: Scope, container: Options, names: Iterable[str], there: Mapping[str, dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        """Return the visibility to send with each name: each write sets it, so that the current one is repeated."""
        if not scope.organization:
            return {}
        return {name: self._visibility(scope, container, name, there.get(name)) for name in names}

    def _visibility(
        self, scope: Scope, container: Options, name: str, found: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        if found is None:
            self._refuse_unsaid_visibility(container, [name])
        if found and (self.keeps_visibility or not container.get("visibility")):
            visibility = found["visibility"]
            ids = list(self.selected(container, name).values()) if visibility == SELECTED else []
        else:
            visibility = container["visibility"]
            names = container.get("repositories", ())
            ids = [self.connection.repository_id(f"{scope.organization}/{one}") for one in names]
        chosen = {"selected_repository_ids": scope.selection(ids)} if visibility == SELECTED else {}
        return {"visibility": visibility, **chosen}

    @staticmethod
    def _refuse_unsaid_visibility(container: Options, new: Sequence[str]) -> None:
        scope = Scope.of(container)
        if scope.organization and not container.get("visibility"):
            raise ConfigurationError(
                f"{scope.label} has no {', '.join(new)} yet, and visibility does not say which repositories get it",
                hint="Say visibility: all, private, or selected with the names of the repositories",
            )

    def _found(self, scope: Scope, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the secrets of these names that exist: several of a repository by its list, others by their names.

        Whoever may read the public key may see the secrets of this scope: a 404 means that one is not there.
        """
        if scope.repository and len(names) > 1:
            listed = self._listed(scope)
            return {name: listed[name] for name in names if name in listed}
        found = {name: secret for name in names if (secret := self._secret(scope, name))}
        if len(found) < len(names):
            self._public_key(scope)
        return found

    def _listed(self, scope: Scope) -> dict[str, dict[str, Any]]:
        """List all secrets of a repository or of an environment, where GitHub keeps a page of them at most."""
        doing, shape = f"listing the secrets of {scope.label}", {"name": str, "updated_at": moment}
        pages = self.connection.pages(f"{scope.path}/secrets", "secrets", doing, shape)
        return {secret["name"]: {"updated_at": secret["updated_at"]} for page in pages for secret in page}

    def _secret(self, scope: Scope, name: str) -> dict[str, Any] | None:
        shape = _EVIDENCE if scope.organization else {"updated_at": moment}
        try:
            found = self.connection.get(scope.secret(name), f"looking at {name} of {scope.label}", shape=shape)
        except NotFoundError:
            return None
        return {fact: found[fact] for fact in shape}

    def _read_back(self, scope: Scope, written: Mapping[str, datetime]) -> dict[str, dict[str, Any]]:
        """Read the dates of writes, which their answers lack; asked again where a replica lags behind."""

        def fresh() -> dict[str, dict[str, Any]] | None:
            several = scope.repository and len(written) > 1
            seen = self._listed(scope) if several else {name: self._secret(scope, name) or {} for name in written}
            shown = {name: seen[name] for name in written if seen.get(name)}
            late = [name for name, facts in shown.items() if _date(facts) <= written[name] - _SLACK]
            return shown if len(shown) == len(written) and not late else None

        found = self.connection.clock.poll(fresh, every=2, within=20)
        if found is None:
            names = ", ".join(written)
            raise UnexpectedAnswerError(f"GitHub took {names} of {scope.label}, and does not show it", hint="Run again")
        return found


def _date(facts: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(facts["updated_at"])


def _dates(evidence: Evidence) -> dict[str, datetime]:
    """Parse the dates of keys, since a list and a single answer may spell one moment in two ways."""
    return {name: _date(facts) for name, facts in evidence["keys"].items()}


def _is_older(secret: Mapping[str, Any], own: datetime | None) -> bool:
    """Return whether a secret was written before our own one."""
    return own is None or _date(secret) < own


def _name_problem(name: str) -> str:
    if not _NAME.fullmatch(name):
        return "GitHub keeps names of capitals, digits and underscores, without a digit in front"
    return "GitHub keeps names that begin with GITHUB_ for itself" if name.startswith("GITHUB_") else ""


def _seal(key: Mapping[str, Any], value: SecretValue) -> str:
    public = library("nacl.public")
    try:
        box = public.SealedBox(public.PublicKey(base64.b64decode(key["key"])))
    except ValueError as error:
        raise UnexpectedAnswerError("GitHub's public key for secrets is not a Curve25519 key") from error
    return base64.b64encode(box.encrypt(value.reveal().encode())).decode()
