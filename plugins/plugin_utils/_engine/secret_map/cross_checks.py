# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes that show only between the entries of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .errors import Mistakes, Path, show
from .model import Copy, PartSpec


@dataclass
class Found:
    """What is sound in one entry, with where it stands."""

    name: str
    path: Path
    issuer: PartSpec | None = None
    current_id: str | None = None
    copies: list[tuple[Path, Copy]] = field(default_factory=list)
    unproven: list[Path] = field(default_factory=list)
    """Steps none of whose checks proves use."""


def compare(entries: Sequence[Found], mistakes: Mistakes) -> None:
    _containers(entries, mistakes)
    _keys(entries, mistakes)
    _credentials(entries, mistakes)


def _containers(entries: Sequence[Found], mistakes: Mistakes) -> None:
    """Within one secret a container is one copy, written in one go."""
    for entry in entries:
        first: dict[str, Path] = {}
        for path, copy in entry.copies:
            other = first.setdefault(copy.id, path)
            if other is not path:
                mistakes.add(path, f"is the container of {show(other)}", "write all of its keys in one copy")


def _keys(entries: Sequence[Found], mistakes: Mistakes) -> None:
    owners: dict[tuple[str, str], tuple[str, Path]] = {}
    for entry in entries:
        for path, copy in entry.copies:
            for key in copy.keys:
                owner, there = owners.setdefault((copy.id, key), (entry.name, path))
                if owner != entry.name:
                    where = (*path, "keys", key)
                    mistakes.add(where, f"{show(there)} writes this key, too", "each key belongs to one secret")


def _credentials(entries: Sequence[Found], mistakes: Mistakes) -> None:
    owners: dict[tuple[str, str | None, str], Path] = {}
    for entry in entries:
        if entry.issuer and entry.current_id:
            path = (*entry.path, "issuer", "current_id")
            there = owners.setdefault((entry.issuer.type, entry.issuer.connection, entry.current_id), path)
            if there is not path:
                mistakes.add(path, f"{show(there)} names this credential, too", "give it all its copies in one entry")
