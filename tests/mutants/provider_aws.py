# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of AWS."""

from __future__ import annotations

from tests.mutants.mutant import provider

MUTANTS = (
    provider(
        "only an unknown key is refused", "aws/access_keys", "refused.code != _UNKNOWN_KEY", "False", "access_keys"
    ),
    provider(
        "a key of another account is not gone",
        "aws/access_keys",
        "if found not in (None, ours):",
        "if found == ours == None:",
        "access_keys",
    ),
    provider(
        "no effect: no role was assumed",
        "aws/client",
        "armed=False) as transmission",
        "armed=True) as transmission",
        "aws_wire",
    ),
    provider(
        "lost write: read back (Parameter Store)",
        "aws/writer",
        "arrived = self._has_arrived(name, value, due)",
        "arrived = True",
        "ssm_store",
    ),
    provider(
        "denied is not absent (AWS)",
        "aws/failures",
        '(errors.PermissionDeniedError, ""),',
        '(errors.NotFoundError, ""),',
        "aws_failures",
        "ssm_store",
    ),
    provider(
        "nothing follows a role that was assumed while the run ended",
        "aws/session",
        "        self._clock.check()\n",
        "",
        "aws_connection",
    ),
    provider(
        "one parameter by two names (Parameter Store)",
        "aws/ssm",
        "        return name_of(container, key)\n",
        '        return f"{cls.identity(container)}#{key}"\n',
        "ssm_store",
    ),
    provider(
        "only this very version is known (Parameter Store)",
        "aws/parameters",
        "return (known.version, known.modified_at) == (int(",
        "return (known.version, known.modified_at) >= (0, '') or (int(",
        "ssm_store",
    ),
    provider(
        "evidence (Parameter Store)",
        "aws/ssm",
        "before.keys() == now.keys() and all(_is_same(before[key], now[key]) for key in before)",
        "True",
        "ssm_store",
    ),
    provider(
        "a denied parameter is no denial of others (Parameter Store)",
        "aws/parameters",
        "else self._one_by_one(batch)",
        "else dict.fromkeys(batch, {})",
        "ssm_store",
    ),
    provider(
        "what is away is asked for once (Parameter Store)",
        "aws/ssm",
        "if isinstance(error, _OF_A_NAME) else",
        "if error else",
        "ssm_store",
    ),
    provider(
        "a list is left alone (Parameter Store)", "aws/ssm", "if lists := [", "if lists := [][:] and [", "ssm_store"
    ),
    provider("check and set: crossed (Parameter Store)", "aws/writer", "if made != due:", "if False:", "ssm_store"),
    provider(
        "200 with labels refused (Parameter Store)",
        "aws/writer",
        'if refused := answer.get("InvalidLabels"):',
        "if refused := ():",
        "ssm_versions",
        "ssm_store",
    ),
    provider(
        "no number is read for a text",
        "aws/secretsmanager",
        "{key: document.text(key) for",
        "{key: document.held(key) for",
        "secretsmanager_store",
    ),
)
