# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hides a copy from some of those who read it, such as an environment's secret of the same name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from . import registry
from .contracts import Check, Checkpoint, Evidence, Options, Shadow, Store
from .credential import Credential
from .errors import CheckFailedError

HINT = "Delete it there, name it as a copy of this secret, or list it in ignore_shadows if another value is meant"


def unexpected(found: Iterable[Shadow], ignored: Collection[str], own: Mapping[str, Collection[str]]) -> list[Shadow]:
    """Return what hides a copy and is neither ``ignored`` nor the secret's own: a key of one of its places."""
    left = (shadow for shadow in found if shadow.place not in ignored)
    return [shadow for shadow in left if shadow.key not in own.get(shadow.identity, ())]


class Shadows(Check):
    """Fail where what hides a copy holds an older value; the engine adds it where a plan has seen such a place."""

    @classmethod
    def label(cls, options: Options) -> str:
        return f"what hides {options['label']}"

    def run(self, credential: Credential | None, checkpoint: Checkpoint) -> Evidence:
        options = self.options
        store: Store = registry.find("stores", options["store"])(self.connection, clock=self.clock)
        found = store.shadows(options["container"], options["keys"], fresh=True)
        left = unexpected(found, options["ignored"], options["own"])
        if outdated := [f"{shadow.label}: {shadow.key}" for shadow in left if shadow.outdated]:
            what = f"an older value hides {options['label']} in {', '.join(outdated)}"
            raise CheckFailedError(what, hint=f"{HINT}; then run again")
        return {"shadows": len(left)}
