# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of Vault."""

from __future__ import annotations

from tests.mutants.mutant import provider

MUTANTS = (
    provider(
        "a Vault token has no parent", "vault/own_tokens", "token/create-orphan", "token/create", "vault_own_tokens"
    ),
    provider(
        "a 403 of anybody is no dead token", "vault/own_tokens", "denied.code != BY_TOKEN", "False", "vault_own_tokens"
    ),
    provider(
        "a token that is bound to addresses is no dead one",
        "vault/own_tokens",
        "credential.id is not None and self._look(credential.id) is None",
        "True",
        "vault_own_tokens",
    ),
    provider("what Vault shortens is ended", "vault/secret_ids", "0 < seconds < wanted", "False", "vault_secret_ids"),
    provider(
        "a sealed Vault is not well", "vault/check", 'if seal["sealed"] else None', "if False else None", "vault_check"
    ),
    provider(
        "lost write: read back (Vault)",
        "vault/store",
        "                    trouble = error\n",
        "                    trouble = error\n"
        "                    if isinstance(error, OutcomeUnknownError):\n"
        "                        return document\n",
        "vault_faults",
        "vault_kv2",
    ),
    provider("write seen (KV 1)", "vault/documents", "if not self._is_seen(changes):", "if False:", "vault_kv1"),
    provider(
        "denied is not absent (Vault)",
        "vault/documents",
        "raise denied from None",
        "return self._gone({})",
        "vault_kv2",
        "vault_faults",
        "vault_names",
    ),
    provider(
        "written and overwritten is in doubt (KV 1)",
        "vault/documents",
        'raise CrossedError(f"writing',
        'raise MismatchError(f"writing',
        "vault_kv1",
    ),
    provider(
        "evidence (Vault)",
        "vault/store",
        "before.keys() == now.keys() and all(_same(before[key], now[key]) for key in before)",
        "True",
        "vault_kv2",
        "vault_kv1",
    ),
    provider(
        "check and set: merged (Vault)",
        "vault/documents",
        ', "options": {"cas": version}}',
        "}",
        "vault_kv2",
    ),
    provider("check and set: replaced (Vault)", "vault/documents", "cas=version, ", "", "vault_kv2", "vault_names"),
    provider(
        "check and set: since it was seen (Vault)",
        "vault/store",
        "if moved := [key for key in due if not _same(before.get(key), now.get(key))]:",
        "if moved := [key for key in due if due is None]:",
        "vault_kv2",
        "vault_kv1",
    ),
    provider(
        "Vault: the connection's own secret-id is told",
        "vault/secret_ids",
        'self._lookup(own).get("secret_id_accessor") == credential_id',
        "False",
        "vault_secret_ids",
    ),
)
