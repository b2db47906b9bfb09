# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a map or a task says of parameters beside their values. What it does not say stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._core.contracts import Evidence, Options
from .parameters import Parameter

TIERS = {"standard": "Standard", "advanced": "Advanced", "intelligent-tiering": "Intelligent-Tiering"}
PROPERTIES: dict[str, dict[str, Any]] = {
    "parameter_type": {
        "type": "string",
        "enum": ["SecureString", "String"],
        "default": "SecureString",
        "description": "String is plain text to everybody who may read the parameter.",
    },
    "key_id": {
        "type": "string",
        "description": "The KMS key, not of a String. Default: the parameter's own; for a new one, the account's "
        "aws/ssm.",
    },
    "tier": {
        "type": "string",
        "enum": list(TIERS),
        "description": "Another one than standard is needed for more than 4 KB. There is no way back. "
        "Default: the parameter's own; for a new one, the account's.",
    },
    "description": {"type": "string", "description": "The description. Default: the parameter's own."},
    "tags": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "Tags to add to those that are there.",
    },
    "move_labels": {
        "type": "boolean",
        "default": False,
        "description": "Let a label on the oldest of 100 versions, which keeps AWS from making another one, move to "
        "the version after it. Who reads by that label gets that version then.",
    },
}
_REWRITTEN = ("tier", "key_id", "description")


def validate(container: Options) -> list[str]:
    """Report options that do not go together."""
    plain = container.get("parameter_type") == "String" and container.get("key_id")
    return ["key_id: a parameter of type String is not encrypted, and has no key"] if plain else []


@dataclass(frozen=True)
class Settings:
    """The options of one container; None where it has none."""

    parameter_type: str = "SecureString"
    key_id: str | None = None
    tier: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    move_labels: bool = False

    @classmethod
    def of(cls, container: Options) -> Settings:
        return cls(**{name: container[name] for name in PROPERTIES if container.get(name) is not None})

    def asked(self, facts: Evidence) -> dict[str, Any]:
        """Return a parameter's facts with these settings applied."""
        asked = dict(facts)
        if self.description is not None:
            asked["description"] = self.description
        if self.tier == "advanced":
            asked["tier"] = TIERS[self.tier]
        if self.key_id and not _is_same_key(facts["key_id"], self.key_id):
            asked["key_id"] = self.key_id
        if self.tags:
            asked["tags"] = {**facts["tags"], **self.tags}
        return asked

    def rewrites(self, facts: Evidence) -> bool:
        """Return whether the settings differ in what only a new version can change."""
        asked = self.asked(facts)
        return any(asked[name] != facts[name] for name in _REWRITTEN)

    def for_new(self) -> dict[str, Any]:
        """Return PutParameter's arguments for a new parameter, tags included, which a policy may require."""
        tags = [{"Key": name, "Value": tag} for name, tag in self.tags.items()]
        tier = TIERS[self.tier] if self.tier else None
        return self._given(KeyId=self.key_id or None, Tier=tier, Description=self.description, Tags=tags or None)

    def for_next(self, there: Parameter) -> dict[str, Any]:
        """Return PutParameter's arguments for a new version, with what the parameter has; tags and policies stay."""
        tier = self.tier if self.tier in ("advanced", "intelligent-tiering") else None
        return self._given(
            KeyId=self.key_id or there.key_id or None,
            Tier=(TIERS[tier] if tier else there.tier) or None,
            Description=(there.description or None) if self.description is None else self.description,
            AllowedPattern=there.allowed_pattern or None,
            DataType=None if there.data_type in ("", "text") else there.data_type,  # some partitions refuse the default
        )

    def _given(self, **settings: Any) -> dict[str, Any]:
        plain = {"KeyId"} if self.parameter_type == "String" else set()
        return {
            "Type": self.parameter_type,
            **{name: setting for name, setting in settings.items() if setting is not None and name not in plain},
        }


def _is_same_key(one: str, other: str) -> bool:
    """Compare a key's id with its ARN; what an alias leads to is not resolved."""
    return one == other or one.endswith(f"/{other}") or other.endswith(f"/{one}")
