# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of Fly."""

from __future__ import annotations

from tests.mutants.mutant import Mutant, provider

_VERDICT = """\
        except AuthenticationError:
            return Answer.REFUSED
"""


def proof(what: str, status: int) -> Mutant:
    """That answer, too, would be taken for the end of a token."""
    instead = f"""\
        except Exception as error:
            if getattr(error, "status", 0) in (401, {status}):
                return Answer.REFUSED
            raise
"""
    return provider(f"proof: {what} is no refusal", "fly/issuer", _VERDICT, instead, "fly_tokens")


MUTANTS = (
    proof("403", 403),
    proof("429", 429),
    proof("500", 500),
    proof("503", 503),
    proof("HTML", 200),
    provider(
        "lost answer: a GraphQL mutation's",
        "fly/client",
        "raise errors.OutcomeUnknownError(error.message, status=error.status, request_id=error.request_id) from None",
        "raise",
        "fly_tokens",
        "fly_client",
        "fly_answers",
    ),
    provider("evidence (Fly)", "fly/store", "return before == now and None not", "return None not", "fly_store"),
    provider("evidence: none is not the same (Fly)", "fly/store", " and None not in before.values()", "", "fly_store"),
    provider("machines of now: gone (Fly)", "fly/rollout", "if not self._is_gone(name):", "if True:", "fly_app"),
    provider(
        "machines of now: listed again (Fly)",
        "fly/rollout",
        "            pending = self._pending()\n",
        "            pending = []\n",
        "fly_app",
    ),
    provider(
        "200 with an error (Fly)", "fly/client", 'if body.get("errors"):', "if False:", "fly_tokens", "fly_answers"
    ),
    provider(
        "200 without a list (Fly)",
        "fly/client",
        'if body and "secrets" not in body:',
        "if False:",
        "fly_store",
        "fly_answers",
    ),
    provider(
        "200 without a token (Fly)",
        "fly/client",
        "        if not _grants(answer):\n",
        "        if False:\n",
        "fly_answers",
        "fly_tokens",
        "fly_client",
    ),
    provider(
        "Fly: a failed machine is ill",
        "fly/health",
        'found.append("it has failed, and does not start")',
        "found.extend(())",
        "fly_answers",
    ),
    provider(
        "Fly: a token of an app is none of its organization",
        "fly/issuer",
        "if token.scope == self._kind]",
        "]",
        "fly_tokens",
    ),
    provider(
        "Fly: a current token of another kind is refused",
        "fly/issuer",
        "if found.scope != self._kind:",
        "if False:",
        "fly_tokens",
    ),
)
