# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds what copies hold now, so that an existing value comes under management without being rotated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ....module_utils._core import guard
from ....module_utils._core.contracts import Evidence, Listed
from ....module_utils._core.errors import RotorError
from ....module_utils._core.outside_text import extra_option
from ..decide import selection
from ..decide.selection import RunOptions
from ..decide.state import ActionKind, CredentialRow, SecretState
from ..effects.context import EffectContext
from ..effects.life import lists
from ..secret_map.model import Copy, Secret


@dataclass(frozen=True)
class Adoption:
    """Hold the credential in use, the evidence of each copy that can be seen from here, and what stands in the way."""

    secret: Secret
    row: CredentialRow | None = None
    seen: Mapping[str, Evidence] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def holdings(self) -> dict[str, dict[str, Any]]:
        """Return the rows of the copies, as the ledger keeps them."""
        return {
            copy.id: {"label": copy.label, "keys": copy.templates, "evidence": dict(self.seen[copy.id])}
            for copy in self.secret.copies
            if copy.id in self.seen
        }


def adoption(ctx: EffectContext, name: str, state: SecretState, options: RunOptions) -> Adoption:
    """Look at the provider and at every copy, and change nothing."""
    secret = ctx.secret_map.secrets[name]
    known = next((row for row in reversed(state.credentials) if row.alive), None)
    if secret.unrotated or known or state.intent(ActionKind.MINT):
        why = f"this ledger knows it already, as {known.name}" if known else "a rotation of it was begun"
        return Adoption(secret, problems=(f"nobody rotates it: {secret.unrotated}" if secret.unrotated else why,))
    problems: list[str] = []
    named = selection.named_credential(secret, options)
    listed = _asked(problems, lambda: _in_use(ctx, secret, named))
    seen: dict[str, Evidence] = {}
    for copy in secret.copies:
        evidence = None if copy.host else _asked(problems, lambda copy=copy: _look(ctx, copy))
        if evidence is not None:
            seen[copy.id] = evidence
    problems += _disagreements(secret, seen)
    row = selection.with_adopted(secret, state, named, listed).credentials[-1]
    return Adoption(secret, row, seen, tuple(problems))


def _asked(problems: list[str], ask: Any) -> Any:
    """Return the answer, or None, and the error among the problems."""
    try:
        return ask()
    except BaseException as error:  # noqa: BLE001 - it is about this secret alone
        problems.append(str(guard.as_rotor_error(error)))
        return None


def _in_use(ctx: EffectContext, secret: Secret, named: str | None) -> Listed | None:
    """Find the credential that is named as the one in use, where its provider lists any."""
    issuer = ctx.systems.issuer(secret)
    if not named or not lists(type(issuer)):
        return None
    found = next((one for one in issuer.listed() if one.id == named), None)
    if found is None or found.revoked:
        raise RotorError(f"the credential {named}, named as the one in use, is not listed as valid by its provider")
    return found


def _look(ctx: EffectContext, copy: Copy) -> Evidence:
    seen = ctx.systems.store(copy).observe(copy.container, list(copy.keys))
    owner = seen.get("ledger") or ctx.ledger.id
    if owner != ctx.ledger.id:
        hint = f"If that one is lost, rotate with rotate_adopt and {extra_option('rotate_forget', [copy.id])}"
        raise RotorError(f"{copy.label} belongs to another ledger, {owner}", hint=hint)
    missing = ", ".join(key for key in copy.keys if key not in seen["keys"])
    if missing and not (copy.accepts or seen.get("unseen")):
        raise RotorError(f"{copy.label} has no {missing}")
    return seen


def _disagreements(secret: Secret, seen: Mapping[str, Evidence]) -> Iterator[str]:
    """Find keys that should hold the same, by their templates, and show another fingerprint than the first one."""
    first: dict[str, tuple[str, str]] = {}
    for copy in (copy for copy in secret.copies if not copy.accepts):
        for key, template in copy.keys.items():
            facts = seen.get(copy.id, {}).get("keys", {}).get(key)
            shown = facts.get("fingerprint") if isinstance(facts, Mapping) else None
            where, fingerprint = first.setdefault(template, (copy.label, shown)) if shown else ("", shown)
            if fingerprint != shown:
                yield f"{copy.label} does not hold in {key} what {where} holds"
