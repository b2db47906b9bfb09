# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of the engine's room secret_map."""

from __future__ import annotations

from tests.mutants.engine_helpers import dropped, mutant
from tests.mutants.mutant import Mutant

MUTANTS = (
    mutant(
        "what a name led to before is not what it leads to now",
        "return replace(copy, id=alias(key, moved.get(key, 0)) + copy.id.removeprefix(copy.store))",
        "return copy",
        "led_elsewhere",
    ),
    mutant(
        "a run that names nobody begins with nothing that leads elsewhere",
        "(() if self.options.named else secret.moved)",
        "()",
        "led_elsewhere",
    ),
    mutant(
        "a secret that is picked writes no key of another",
        "_claims(builders, others or {})",
        "_Claims()",
        "secret_map_together",
    ),
    Mutant(
        "one entry names a key once",
        "plugin_utils/_engine",
        " or (first != path and containers[copy.id] == path):",
        ":",
        ("providers/aws/test_ssm_store",),
    ),
    mutant("a key that left with an adopted one", "*keys, *self.consumers}", "*self.consumers}", "edited"),
    dropped(
        "each: entries that would be the same are refused",
        'if _put(rest, "") == rest:',
        "secret_map_each",
        instead="if False:",
    ),
    dropped(
        "each: no name is taken twice",
        "for taken in several.keys() & (entries.keys() | found.keys()):",
        "secret_map_each",
        instead="for taken in ():",
    ),
    dropped(
        "each: what is no item is refused",
        "if not re.fullmatch(_ITEM, name, re.ASCII)]",
        "secret_map_each",
        instead="if False]",
    ),
    mutant(
        "map: only what plainly fits is not shown to the library",
        "node.keys() <= _PLAIN_TEXT and ",
        "",
        "secret_map_errors",
    ),
    dropped(
        "no connection is called as the ledger's own",
        "if name == LEDGER:\n            self",
        "own",
        instead="if False:\n            self",
    ),
    dropped("a circle of references is refused", "name in self._opening:", "own", instead="False:"),
    dropped(
        "last use is asked of an issuer that tells it",
        " and not _tells_use(entry.issuer)",
        "used",
        instead=" and False",
    ),
    dropped(
        "a file on a host is not read", "if copy and copy.host not in (None, LOCALHOST):", "own", instead="if False:"
    ),
    dropped("a host on the way is one of the inventory", "host not in self.hosts:", "via", instead="False:"),
    dropped(
        "the others wait for the first one",
        "return [part for part in (ahead, rest) if part] or [turn]",
        "on_hosts",
        instead="return [[*ahead, *rest]] if ahead or rest else [turn]",
    ),
    dropped(
        "nobody waits on a value that ends", ".ends_the_old\n    return", "released", instead=".alternating\n    return"
    ),
)
