# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS's Parameter Store as a store: one parameter for each key, which AWS numbers anew with each write."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import Any

from ..._core.contracts import Evidence, Limits, Options, Schema, Store, by_version, too_long
from ..._core.credential import SecretValue
from ..._core.errors import (
    ConfigurationError,
    ConflictError,
    CrossedError,
    ForeignChangeError,
    NotFoundError,
    PermissionDeniedError,
    UnexpectedAnswerError,
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
    unverifiable = "whether the credentials may write the parameters, and encrypt with their KMS key"
    connection: SsmConnection

    @classmethod
    def label(cls, container: Options) -> str:
        return f"ssm parameters {container['path']}" if container.get("path") else "ssm parameters"

    @classmethod
    def identity(cls, container: Options) -> str:
        return str(container.get("path") or "")

    @classmethod
    def validate(cls, container: Options, keys: Sequence[str]) -> list[str]:
        return [f"{key}: {problem}" for key in keys if (problem := name_problem(container, key))]

    @classmethod
    def reject_values(cls, container: Options, values: Mapping[str, SecretValue]) -> list[str]:
        """Report values that are too long for the tier in the map, or that AWS takes for references."""
        large = Settings.of(container).tier in ("advanced", "intelligent-tiering")
        hint = "" if large else "; with tier: advanced, they are twice as many"
        long = [f"{problem}{hint}" for problem in too_long(values, _ADVANCED if large else _STANDARD)]
        nested = [key for key, value in values.items() if _REFERENCE.search(value.reveal())]
        return long + [f"{key}: AWS takes {{{{…}}}} in a value for a reference, and refuses it" for key in nested]

    def observe(self, container: Options, keys: Sequence[str]) -> Evidence:
        found = self.look(container, keys)
        self._refuse_kinds(container, found)
        self._blockades(container, found)
        return self.evidence(container, found)

    def read(self, container: Options, key: str) -> SecretValue:
        found = self.look(container, [key]).get(key)
        if found is None or found.value is None:
            raise NotFoundError(f"{self.label(container)} has no {key}, or the credentials may not read it")
        return found.value

    def look(self, container: Options, keys: Sequence[str]) -> dict[str, Parameter]:
        """Read the parameters that exist, also those that cannot be written."""
        names = {key: name_of(container, key) for key in keys}
        found = self._reader(container).read(list(names.values()))
        return {key: found[name] for key, name in names.items() if name in found}

    def evidence(self, container: Options, found: Mapping[str, Parameter], tags: _Tags | None = None) -> Evidence:
        """Return the evidence of parameters that :meth:`look` has found; ``tags`` that are known are not read again."""
        tags = {} if tags is None else dict(tags)
        keys = {key: self._facts(container, parameter, tags.get(key)) for key, parameter in found.items()}
        return {"keys": keys, **self._ledger(container, found, tags)}

    def write(self, container: Options, values: Mapping[str, SecretValue], since: Evidence | None = None) -> Evidence:
        """Write parameters, comparing versions right before and in the answer: AWS has no compare-and-set."""
        self.refuse_unfit(container, values)
        found = self.look(container, list(values))
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
            tagged = {key: self._tag(container, writer, key, written=key in made) for key in values}
            added = any(missing for _tags, missing in tagged.values())
            now = self._read_back(container, values, made) if made or added else found
            return self.evidence(container, now, {key: tags for key, (tags, _missing) in tagged.items() if tags})

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
        return Reader(self.connection, self.label(container))

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
            tags = [known.get(key) or reader.tags(parameter.name) for key, parameter in found.items()]
        except PermissionDeniedError:
            return {}
        marks = sorted({each[OWNER_TAG] for each in tags if OWNER_TAG in each}, key=lambda mark: mark == self.owner_tag)
        return {"ledger": marks[0]} if marks else {}

    def _read_back(
        self, container: Options, values: Mapping[str, SecretValue], made: Mapping[str, int]
    ) -> dict[str, Parameter]:
        """Read until AWS shows what was written; CrossedError where somebody else has written since."""

        def shown() -> dict[str, Parameter] | None:
            now = self.look(container, list(values))
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

    def _tag(self, container: Options, writer: Writer, key: str, *, written: bool) -> tuple[dict[str, str], bool]:
        """Add missing tags; return all, if they were read, and whether any was missing.

        The owner tag may be refused, asked ones may not.
        """
        asked = Settings.of(container).tags
        tags = {**asked, **({OWNER_TAG: self.owner_tag} if written and self.owner_tag else {})}
        try:
            return writer.tag(name_of(container, key), tags) if tags else ({}, False)
        except PermissionDeniedError:
            if asked:
                raise
            return {}, False


def _is_same(before: Evidence, now: Evidence) -> bool:
    by = "fingerprint" if "fingerprint" in before and "fingerprint" in now else "modified_at"
    return bool(before["version"] == now["version"] and before[by] == now[by])
