# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that something on the way is likely to alter. ``%s`` stands for what makes each one new."""

from __future__ import annotations

_48_KB = 48 * 1024
_MADE = len("canary") + 20

VALUES = {
    "newlines": "first %s\nsecond\r\n\nlast",
    "a newline at the end": "%s\n",
    "quotes": """it's "%s" `so` ''' \"\"\" """ + "'",
    "`{{ }}`": "{{ lookup('env', 'HOME') }} %s {% raw %} {# no #}",
    "`$` and `${x}`": "pa$$word ${HOME} $HOME $(id) %s $",
    "backslashes": "C:\\temp\\new %s \\n \\\\ \\u0041 \\",
    "letters of all the world": "Grüße %s 漢字 é e\u0301 🔑",
    "blanks around it": " \t%s \t ",
    "control characters": "\x07%s\x1b[31m\x7f",
    "what looks like YAML or JSON": '{"a": ["%s", null, 1e3]} # no: comment',
    "48 KB": "%s" + "x" * (_48_KB - _MADE),
}
WHOLE = ["0123", "1e3", "true", "null", "~", "[]", "{}", "- a", "a: b", "@file", "!vault", "#"]
"""Values that are something else in YAML or JSON, as a whole."""
