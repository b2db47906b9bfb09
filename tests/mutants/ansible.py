# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of what connects the engine to Ansible."""

from __future__ import annotations

from tests.mutants.engine_helpers import deposited, ssh_host
from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "no module runs with async, which would leave a token in a file",
        "action/http_secret",
        "_supports_async = False",
        "_supports_async = True",
        ("actions/test_async",),
    ),
    Mutant(
        "a variable's value is no part of a command to go on",
        "plugin_utils/_ansible",
        "names = [name for name in _inline() if name not in own]\n",
        "names = [str(variable) for variable in _inline().items() if variable[0] not in own]\n",
        ("ansible/test_invocation",),
    ),
    Mutant(
        "a misspelt variable of another playbook is refused",
        "plugin_utils/_ansible/options",
        "known or (of_playbooks if name in extra else ())",
        "known",
        ("ansible/test_options",),
    ),
    Mutant(
        "tags that leave out the rotation are known",
        "plugin_utils/_ansible",
        "if own == tags or not only or (only & meant and not skip & meant):",
        "if True:",
        ("ansible/test_invocation",),
    ),
    Mutant(
        "what tags leave out is not done",
        "plugin_utils/_ansible/shell",
        "if self.undone and (tags := invocation.leaving_out(self._task.tags)):",
        "if tags := '':",
        ("actions/test_by_hand",),
    ),
    Mutant(
        "an action takes no mapping for text",
        "plugin_utils/_ansible/shell",
        "if problem := unfit(action._task.args, spec, rules):",
        "if problem := '':",
        ("actions/test_guarded",),
    ),
    Mutant(
        "an export of no key is not one of all",
        "plugin_utils/_ansible/exported",
        "if not pairs or not all(",
        "if not all(",
        ("actions/test_export",),
    ),
    deposited("no job runner asks a person for a value", "if job.runner:\n        raise", "if False:\n        raise"),
    deposited("what is typed is not shown", "before[3] & ~termios.ECHO", "before[3]"),
    deposited(
        "what is left of a paste is no value",
        "if _has_input(descriptor):\n        raise",
        "if False:\n        raise",
    ),
    deposited("no unknown name of a document is taken", "if not set(names) <= {*fields}:", "if False:"),
    deposited("no field of a document stands twice", "names.count(field) > 1", "False"),
    deposited("the file of somebody else is refused", "if found.st_uid != os.geteuid():", "if False:"),
    deposited("a file with another name is refused", "if found.st_nlink > 1:", "if False:"),
    deposited(
        "a file in a repository is refused",
        'if any((folder / ".git").exists()',
        'if False and any((folder / ".git").exists()',
    ),
    deposited("a file that others can read is refused", "if stat.S_IMODE(found.st_mode) & 0o177:", "if False:"),
    deposited("a link is no file of a value", "os.O_NOFOLLOW | ", ""),
    deposited("a value is no variable", 'if name.startswith("deposit_") and', 'if name.startswith("nothing_") and'),
    ssh_host("ssh inherits no credential", "if name not in secret", "if name"),
    ssh_host("no connection is shared with a forward", '_LAST = ("-S", "none", ', "_LAST = ("),
    ssh_host("ssh asks for nothing", '"BatchMode=yes"', '"BatchMode=no"'),
    Mutant(
        "a dest is a file",
        "plugin_utils/_ansible/issued_keys",
        "if dest.endswith(os.sep) or (file.exists() and not file.is_file()):",
        "if False:",
        ("actions/test_api_key",),
    ),
    Mutant(
        "a dest can be written to before a key is made",
        "plugin_utils/_ansible/issued_keys",
        "if not ids and not os.access(parent, os.W_OK | os.X_OK):",
        "if False:",
        ("actions/test_api_key",),
    ),
    Mutant(
        "a key that nobody has is not taken for the one that is wanted",
        "plugin_utils/_ansible/issued_keys",
        "if ids and not (file.exists() and file.stat().st_size):",
        "if False:",
        ("actions/test_api_key",),
    ),
)
