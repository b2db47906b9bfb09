# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of the engine's top: runs, turns and sessions."""

from __future__ import annotations

from tests.mutants.engine_helpers import departed, dropped, mutant
from tests.mutants.mutant import Mutant

MUTANTS = (
    mutant(
        "approval: withdrawn by drift that a plan finds",
        "            if item.case.order.drifted and any(one.state is IntentState.DONE for one in approvals):\n",
        "            if False:\n",
        "approval",
    ),
    mutant(
        "held: released only by a plan that has asked the same",
        "            elif item.released:\n",
        "            elif not item.goes:\n",
        "held",
    ),
    mutant(
        "window: asked again where it is begun",
        "(closed := windows.closed(case.secret.window, now))",
        '(closed := "")',
        "windows",
    ),
    mutant(
        "freeze: begun before a hook",
        "if not goes_on and (freeze := self._ledger.freeze()):",
        "if freeze := None:",
        "windows",
    ),
    mutant(
        "freeze: nothing is revoked",
        "        if not (case.is_urgent or case.order.rollback) and (freeze := self._ledger.freeze()):\n",
        "        if freeze := None:\n",
        "windows",
    ),
    dropped(
        "a role whose turn it is ends like any other",
        " or (action.kind is ActionKind.REVOKE_ORPHAN and was_in_use)",
        "windows",
        "approval",
    ),
    dropped("a command is fed each secret's own value", "not consumer.is_fed and ", "host_commands"),
    mutant(
        "no second value is taken before the first is rolled out",
        "            _refuse_second(name, state)\n",
        "",
        "person",
    ),
    dropped(
        "many: what is unproven has its bound",
        "mints and not self._has_room()",
        "many",
        instead="False",
    ),
    dropped("many: reloads of a step keep their order", " and action.target in turn", "many"),
    dropped(
        "many: a consumer that comes later in one secret is reloaded once",
        "after = _first_reloads(rotation.actions[len(quick) :])",
        "many",
        instead="after = rotation.actions[len(quick) :][:1]",
    ),
    dropped(
        "many: a wave that has not begun holds up none before it",
        "for counts in self._counts[: self._open])",
        "many",
        instead="for counts in self._counts)",
    ),
    dropped(
        "asked to stop: before each effect",
        "    ctx.clock.check()\n    kind",
        "processes",
        "many",
        "rotation",
        instead="    kind",
    ),
    dropped(
        "parent check",
        "        if os.getppid() != self._parent:\n            self.stop()",
        "processes",
        instead="        if False:\n            self.stop()",
    ),
    dropped(
        "a wave waits for the work on hosts of the one before",
        "if not self.under_way:",
        "on_hosts",
        instead="if not self.moving:",
    ),
    dropped(
        "one reload a consumer: nobody's that is handed over already",
        "if (other.name, mine.target) not in self._reloading",
        "host_commands",
        instead="if other.moving",
    ),
    Mutant(
        "a person's value comes from no dotenv file",
        "plugin_utils/_engine/session",
        "        if copy.host:\n",
        "        if False:\n",
        ("providers/dotenv/test_dotenv_store",),
    ),
    departed("a person confirms a drop", "if confirm != identity:", "if False:"),
    dropped(
        "a failure outlasts a wait beside it",
        "if rotation.status is RotationStatus.HELD:\n            return\n",
        "released",
        instead="pass\n",
    ),
)
