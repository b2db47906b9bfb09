# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of GitHub."""

from __future__ import annotations

from tests.mutants.mutant import provider

MUTANTS = (
    provider(
        "GitHub: only a success is one", "github/check", 'if end != "success"', 'if end == "failure"', "github_workflow"
    ),
    provider("GitHub: a missing step is no success", "github/check", "if not ends:", "if False:", "github_workflow"),
    provider(
        "denied is not absent (GitHub)",
        "github/store",
        "        except NotFoundError:\n            return None\n",
        "        except (NotFoundError, PermissionDeniedError):\n            return None\n",
        "github_store",
        "github_actions",
    ),
    provider(
        "evidence (GitHub)",
        "github/store",
        "return _dates(recorded) == _dates(observed)",
        "return True",
        "github_store",
        "github_actions",
    ),
    provider(
        "compared before a write (GitHub)",
        "github/store",
        "if since is not None and not self.unchanged(",
        "if False and not self.unchanged(",
        "github_store",
    ),
    provider(
        "what hides a secret is looked for anew",
        "github/client",
        "        if fresh:\n            self._once.forget(path)\n        return list(",
        "        return list(",
        "github_shadows",
    ),
    provider(
        "a later secret is not taken for an older one",
        "github/store",
        "return own is None or _date(",
        "return True or _date(",
        "github_shadows",
    ),
)
