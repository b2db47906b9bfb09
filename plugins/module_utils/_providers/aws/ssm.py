# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS's Parameter Store as a store: one parameter for each key, which AWS numbers anew with each write."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from ..._core import guard
from ..._core.contracts import Evidence, Limits, Look, Options, Schema, Store, by_version, evidence_or_error, too_long
from ..._core.credential import SecretValue
from ..._core.errors import (
    ConfigurationError,
    ConflictError,
    CrossedError,
    ForeignChangeError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RotorError,
    StoppedError,
    UnexpectedAnswerError,
    UnexpectedError,
    after_an_effect,
)
from . import settings
from .client import SsmConnection
from .parameters import PATH, VERSIONS, Blockade, Parameter, Reader, name_of, name_problem
from .settings import Settings
from .writer import Writer

OWNER_TAG = "rotor_ledger"
_REFERENCE = re.compile(r"\{\{.*\}\}", re.DOTALL)
_STANDARD, _ADVANCED = 4 * 1024, 8 * 1024
_OF_A_NAME = (PermissionDeniedError, InvalidRequestError, NotFoundError, UnexpectedAnswerError, UnexpectedError)
"""What may be about one of the names that are asked for together; other errors meet every request alike."""
_Tags = Mapping[str, Mapping[str, str]]
"""By key, as far as they are known."""


class SsmParameters(Store):
    """A container is a path, or nothing at all, where each key is a whole name; and the settings for what is in it."""

    schema = Schema(
        properties={
            "path": {
                "type": "string",
                "pattern": PATH,
                "description": "What the names begin with, such as /molecule/prod. Without it, a key is a whole name.",
            },
            **settings.PROPERTIES,
        },
    )
    readable = True
    compares = True
    limits = Limits(value_bytes=_STANDARD, keys_at_once=1)
    looks_at_once = 50
    unverifiable = "whether the credentials may write the parameters, and encrypt with their KMS key"
    connection: SsmConnection

    @classmethod
    def label(cls, container: Options) -> str:
        return f"ssm parameters {container['path']}" if container.get("path") else "ssm parameters"

    @classmethod
    def identity(cls, container: Options) -> str:
        return str(container.get("path") or "")

    @classmethod
    def key_identity(cls, container: Options, key: str) -> str:
        """Return the parameter's whole name: a path, or none, may stand before the same one."""
        return name_of(container, key)

    @classmethod
    def validate(cls, container: Options, keys: Sequence[str]) -> list[str]:
        named = [f"{key}: {problem}" for key in keys if (problem := name_problem(container, key))]
        return settings.validate(container) + named

    @classmethod
    def reject_values(cls, container: Options, values: Mapping[str, SecretValue]) -> list[str]:
        """Report values that are too long for the tier in the map, or that AWS takes for references."""
        large = Settings.of(container).tier in ("advanced", "intelligent-tiering")
        hint = "" if large else "; with tier: advanced, they are twice as many"
        long = [f"{problem}{hint}" for problem in too_long(values, _ADVANCED if large else _STANDARD)]
        nested = [key for key, value in values.items() if _REFERENCE.search(value.reveal())]
        return long + [f"{key}: AWS takes {{{{…}}}} in a value for a reference, and refuses it" for key in nested]

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        found = self._reader(container).read([name_of(container, key) for key in keys])
        return self._observed_as(container, _of(container, keys, found))

    def observe_all(self, looks: Sequence[Look]) -> list[Evidence | RotorError]:
        """Read all names together; each look by itself where the error may be about one of the names alone."""
        names = dict.fromkeys(name_of(container, key) for container, keys in looks for key in keys)
        label = f"{self.label(looks[0][0])} and {len(looks) - 1} more"
        try:
            found = Reader(self.connection, label, self._ours).read(list(names))
        except StoppedError:
            raise
        except BaseException as raised:  # noqa: BLE001 - it is the error of some of the looks, or of all
            error = guard.as_rotor_error(raised)
            return super().observe_all(looks) if isinstance(error, _OF_A_NAME) else [error] * len(looks)
        return [
            evidence_or_error(partial(self._observed_as, container, _of(container, keys, found)))
            for container, keys in looks
        ]

    def _observed_as(self, container: Options, found: Mapping[str, Parameter]) -> Evidence:
        self._refuse_kinds(container, found)
        self._blockades(container, found)
        return self.evidence(container, found)

    def read(self, container: Options, key: str) -> SecretValue:
        found = self.look(container, [key]).get(key)
        if found is None or found.value is None:
            raise NotFoundError(f"{self.label(container)} has no {key}, or the credentials may not read it")
        return found.value

    def look(self, container: Options, keys: Sequence[str]) -> dict[str, Parameter]:
        """Read the parameters that exist, also those that cannot be written; nothing is asked about their tags."""
        reader = Reader(self.connection, self.label(container))
        return _of(container, keys, reader.read([name_of(container, key) for key in keys]))

    def evidence(self, container: Options, found: Mapping[str, Parameter], tags: _Tags | None = None) -> Evidence:
        """Return the evidence of parameters that :meth:`look` has found; ``tags`` that are known are not read again."""
        tags = {} if tags is None else dict(tags)
        keys = {key: self._facts(container, parameter, tags.get(key)) for key, parameter in found.items()}
        patterns = {key: parameter.allowed_pattern for key, parameter in found.items()}
        return {"keys": keys, "patterns": patterns, **self._ledger(container, found, tags)}

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        """Write parameters, comparing versions right before and in the answer: AWS has no compare-and-set."""
        self.refuse_unfit(container, values)
        found = self._as_known(container, values, since or {}) or self.look(container, list(values))
        self._refuse_kinds(container, found)
        facts = {key: self._facts(container, parameter) for key, parameter in found.items()}
        self._refuse_foreign_change(container, values, facts, since)
        wanted = Settings.of(container)
        due = [
            key
            for key, value in values.items()
            if key not in found or found[key].value != value or wanted.rewrites(facts[key])
        ]
        blockades = self._blockades(container, {key: found[key] for key in due if key in found})
        writer = Writer(self.connection, self.label(container), wanted)
        for key, blockade in blockades.items():
            writer.move_labels(found[key].name, blockade)
        made: dict[str, int] = {}
        for key in due:
            with after_an_effect(made):
                made[key] = writer.put(name_of(container, key), values[key], found.get(key))
        with after_an_effect(made):
            now = self._read_back(container, values, made, found) if made else found
            tags = {key: self._tag(container, writer, key, now[key], written=key in made) for key in values}
            return self.evidence(container, now, {key: each for key, each in tags.items() if each})

    def refuse_lists(self, container: Options, found: Mapping[str, Parameter]) -> None:
        """Refuse a StringList: it holds several values, of which none is ours to write or delete."""
        if lists := [key for key, parameter in found.items() if parameter.type == "StringList"]:
            raise ConfigurationError(
                f"{', '.join(lists)} of {self.label(container)} is a StringList, which is not managed here",
                hint="Take another name; or delete the list, if it is not needed: aws ssm delete-parameter",
            )

    def delete(self, container: Options, keys: Sequence[str]) -> Evidence:
        writer = Writer(self.connection, self.label(container), Settings.of(container))
        writer.delete([name_of(container, key) for key in keys])
        return {"keys": {}}

    @classmethod
    def unchanged(cls, recorded: Evidence, observed: Evidence) -> bool:
        """Compare versions, and values or dates: a parameter that was deleted and made again counts from 1."""
        before, now = recorded["keys"], observed["keys"]
        return before.keys() == now.keys() and all(_is_same(before[key], now[key]) for key in before)

    @classmethod
    def describe(cls, evidence: Evidence) -> str:
        return by_version(evidence)

    # What is there

    def _reader(self, container: Options) -> Reader:
        return Reader(self.connection, self.label(container), self._ours)

    @property
    def _ours(self) -> tuple[str, str] | None:
        return (OWNER_TAG, self.owner_tag) if self.owner_tag else None

    def _as_known(self, container: Options, keys: Collection[str], since: Evidence) -> dict[str, Parameter] | None:
        """Read no more than the values where ``since`` tells the rest of these very versions; None otherwise."""
        patterns = since.get("patterns", {})
        if not keys or not all(key in patterns for key in keys):
            return None
        kind = Settings.of(container).parameter_type
        named = {key: name_of(container, key) for key in keys}
        known = {name: _recorded(name, kind, since["keys"][key], patterns[key]) for key, name in named.items()}
        found = self._reader(container).unchanged(list(known), known)
        return None if found is None else {key: found[name] for key, name in named.items()}

    def _facts(self, container: Options, parameter: Parameter, tags: Mapping[str, str] | None = None) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "version": parameter.version,
            "modified_at": parameter.modified_at,
            "tier": parameter.tier,
            "key_id": parameter.key_id,
            "description": parameter.description,
        }
        if parameter.value is not None:
            facts["fingerprint"] = self.fingerprint(parameter.value)
        if wanted := Settings.of(container).tags:
            tags = tags or self._reader(container).tags(parameter.name)
            facts["tags"] = {name: tags[name] for name in wanted if name in tags}
        return facts

    def _ledger(self, container: Options, found: Mapping[str, Parameter], known: _Tags) -> dict[str, str]:
        """Return the owner tag, another ledger's before our own; nothing where tags may not be read."""
        if not self.owner_tag:
            return {}
        try:
            reader = self._reader(container)
            own = {OWNER_TAG: self.owner_tag}
            tags = [
                known.get(key) or (own if parameter.is_ours else reader.tags(parameter.name))
                for key, parameter in found.items()
            ]
        except PermissionDeniedError:
            return {}
        marks = sorted({each[OWNER_TAG] for each in tags if OWNER_TAG in each}, key=lambda mark: mark == self.owner_tag)
        return {"ledger": marks[0]} if marks else {}

    def _read_back(
        self,
        container: Options,
        values: Mapping[str, SecretValue],
        made: Mapping[str, int],
        before: Mapping[str, Parameter],
    ) -> dict[str, Parameter]:
        """Read until AWS shows what was written; CrossedError where somebody else has written since."""

        def shown() -> dict[str, Parameter] | None:
            now = {**before, **self._shown(container, values, made, before)}
            return now if all(key in now and now[key].version >= version for key, version in made.items()) else None

        now = self.clock.poll(shown, every=2, within=20)
        if now is None:
            raise UnexpectedAnswerError(f"AWS took {', '.join(made)} of {self.label(container)}, and does not show it")
        for key, version in made.items():
            if now[key].version != version or now[key].value not in (None, values[key]):
                raise CrossedError(
                    f"{key} of {self.label(container)} was written as version {version}, "
                    f"and somebody else has written version {now[key].version} since",
                    hint="Compare both in the parameter's history, and run again",
                )
        return now

    def _shown(
        self,
        container: Options,
        values: Mapping[str, SecretValue],
        made: Mapping[str, int],
        before: Mapping[str, Parameter],
    ) -> dict[str, Parameter]:
        """Look at what was made: a version of a parameter that was there has but one value, and that is ours."""
        next_ones = {key: name_of(container, key) for key in made if key in before}
        described = self._reader(container).described(list(next_ones.values())) if next_ones else {}
        now = self.look(container, new) if (new := [key for key in made if key not in before]) else {}
        for key, name in next_ones.items():
            if name in described:
                ours = described[name].version == made[key] and before[key].value is not None
                now[key] = replace(described[name], value=values[key] if ours else None)
        return now

    # What is in the way

    def _refuse_kinds(self, container: Options, found: Mapping[str, Parameter]) -> None:
        """Refuse parameters of another type or a higher tier than wanted: AWS changes neither."""
        self.refuse_lists(container, found)
        wanted = Settings.of(container)
        for key, parameter in found.items():
            where = f"{key} of {self.label(container)}"
            if parameter.type != wanted.parameter_type:
                raise ConfigurationError(
                    f"{where} is of the type {parameter.type} and not {wanted.parameter_type}",
                    hint=f"AWS changes no type: delete it, so that it is made as {wanted.parameter_type}, "
                    "or set parameter_type to what it is",
                )
            if wanted.tier == "standard" and parameter.tier == settings.TIERS["advanced"]:
                raise ConfigurationError(f"{where} is advanced, and AWS does not take that back", hint="Leave out tier")

    def _refuse_foreign_change(
        self, container: Options, values: Mapping[str, SecretValue], facts: Evidence, since: Evidence | None
    ) -> None:
        if since is None:
            return
        recorded = {key: known for key, known in since["keys"].items() if key in values}
        if not self.unchanged({"keys": recorded}, {"keys": facts}):
            raise ForeignChangeError(
                f"writing to {self.label(container)}: somebody else has changed it; nothing was sent"
            )

    def _blockades(self, container: Options, found: Mapping[str, Parameter]) -> dict[str, Blockade]:
        """Find labels that block the next version, and refuse them unless they may be moved: somebody reads by them."""
        moving = Settings.of(container).move_labels
        blockades: dict[str, Blockade] = {}
        for key, parameter in found.items():
            with nullcontext() if moving else suppress(PermissionDeniedError):  # then AWS says it when we write
                if blockade := self._reader(container).blockade(parameter):
                    blockades[key] = blockade
        if blockades and not moving:
            key, blockade = next(iter(blockades.items()))
            raise ConflictError(
                f"{key} of {self.label(container)} has {VERSIONS} versions, and the oldest, {blockade.version}, "
                f"has the label {', '.join(blockade.labels)}, so that AWS makes no other one",
                hint=f"Move the label, or set move_labels: true, which moves it to version {blockade.following}",
            )
        return blockades

    def _tag(
        self, container: Options, writer: Writer, key: str, parameter: Parameter, *, written: bool
    ) -> dict[str, str]:
        """Add missing tags; return all, if they were read. The owner tag may be refused, asked ones may not."""
        asked = Settings.of(container).tags
        own = {OWNER_TAG: self.owner_tag} if written and self.owner_tag and not parameter.is_ours else {}
        try:
            return writer.tag(name_of(container, key), {**asked, **own}) if asked or own else {}
        except PermissionDeniedError:
            if asked:
                raise
            return {}


def _of(container: Options, keys: Iterable[str], found: Mapping[str, Parameter]) -> dict[str, Parameter]:
    names = {key: name_of(container, key) for key in keys}
    return {key: found[name] for key, name in names.items() if name in found}


def _recorded(name: str, kind: str, facts: Evidence, pattern: str) -> Parameter:
    """Return a parameter as evidence tells of it."""
    own = {fact: facts[fact] for fact in ("version", "modified_at", "tier", "key_id", "description")}
    return Parameter(name=name, type=kind, allowed_pattern=pattern, data_type="", **own)


def _is_same(before: Evidence, now: Evidence) -> bool:
    by = "fingerprint" if "fingerprint" in before and "fingerprint" in now else "modified_at"
    return bool(before["version"] == now["version"] and before[by] == now[by])
