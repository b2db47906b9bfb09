# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of the engine's room preflight."""

from __future__ import annotations

from tests.mutants.engine_helpers import dropped, mutant
from tests.mutants.mutant import Mutant

MUTANTS = (
    mutant(
        "only revokes: nothing is rolled out",
        "if barred := self._bar(case, due, actions):",
        'if barred := "":',
        "revoking",
    ),
    mutant(
        "window: nothing is begun while it is closed",
        "barred = windows.closed(case.secret.window, case.now)\n",
        'barred = ""\n',
        "windows",
    ),
    mutant(
        "window: what is under way is finished",
        "if not more or case.order.anytime or case.is_urgent or is_under_way(case.state):",
        "if not more or case.order.anytime or case.is_urgent:",
        "windows",
    ),
    mutant(
        "window: a dead credential is replaced",
        "case.order.anytime or case.is_urgent or is_under_way(case.state):",
        "case.order.anytime or is_under_way(case.state):",
        "windows",
    ),
    mutant("freeze: nothing is begun", "if freeze and actions:", "if False:", "windows"),
    mutant(
        "freeze: what its provider ends soon is replaced",
        "return ends is not None and any(ends <= time + _LAST_MOMENT for time in over)",
        "return False",
        "windows",
    ),
    mutant(
        "copies that show different values are not adopted",
        "if fingerprint != shown:",
        "if False:",
        "adopting",
    ),
    dropped(
        "loss: copies show that they hold it",
        " and not self.preflight.in_use(case, row)",
        "loss",
        instead=" and False",
    ),
    dropped(
        "a foreign ledger's stamp is refused",
        "elif owner != self._ledger.id:",
        "preflight",
        "stores",
        instead="elif False:",
    ),
    dropped(
        "evidence compared before a plan",
        "elif seen is not None and known is not None and self._has_drifted(item.case, copy, known, seen):",
        "preflight",
        "edited",
        "rotation",
        instead="elif False:",
    ),
    dropped(
        "what nobody rotates is not minted",
        "if secret.unrotated or not (",
        "unrotated",
        instead="if not (",
    ),
    Mutant(
        "a password that nobody sees is no ledger's own",
        "plugin_utils/_engine/preflight/preflight",
        "if LEDGER in secret.connections and not self._access.opened_with:",
        "if False:",
        ("providers/postgres/test_own_ledger",),
    ),
    dropped(
        "a credential that nobody lists is the one that a person names",
        'if not lists(registry.find("issuers", secret.issuer.type)):',
        "adopting",
        instead="if False:",
    ),
    dropped("a full quota is refused before the mint", "if room.left < 1:", "quota", instead="if False:"),
    dropped(
        "only a lost mint of ours is taken for one that ends",
        "(one.name in lost and one.id not in known)",
        "quota",
        instead="one.name in lost",
    ),
    dropped(
        "what ends by itself leaves a margin", "if total <= lives - margin:", "cutover", instead="if total <= lives:"
    ),
    dropped(
        "what ends by itself is not left to one environment",
        "if left and case.traits.ends_the_old else",
        "cutover",
        instead="if left and case.traits.cuts_over else",
    ),
    dropped(
        "what is about to end is not left to one environment",
        "self._left_out(case) if case.past_point_of_no_return else []",
        "cutover",
        instead="[]",
    ),
    dropped(
        "only what no ledger row is about has landed",
        "if not one.revoked and one.id not in known}",
        "landed",
        instead="if not one.revoked}",
    ),
    mutant(
        "shadows: what a plan saw is checked", "hidden += [copy.id] if found or copy.host else []", "pass", "shadows"
    ),
    mutant(
        "shadows: a file on a host is checked unseen", "if found or copy.host else []", "if found else []", "shadows"
    ),
    Mutant(
        "shadows: another key of that place is no copy",
        "module_utils/_core/shadows",
        "shadow.key not in own.get(shadow.identity, ())",
        "shadow.identity not in own",
        ("engine/test_shadows",),
    ),
    mutant("shadows: kept for the roll-out", "hidden=tuple(hidden) if checkable else ()", "hidden=()", "shadows"),
    dropped("no instance from before counts after a hand", " and not order.drifted else", "released", instead=" else"),
    dropped("a run that only revokes writes nothing for a release", "all(looks) and", "released"),
)
