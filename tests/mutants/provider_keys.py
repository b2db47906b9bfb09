# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of the issuers of keys."""

from __future__ import annotations

from tests.mutants.mutant import PROVIDERS, Mutant


def keys(safeguard: str, file: str, text: str, instead: str) -> Mutant:
    name = {
        "neon/api_keys": "neon",
        "neon/role_passwords": "neon_roles",
        "supabase/signing_keys": "supabase_signing",
    }.get(file, file)
    return Mutant(safeguard, f"{PROVIDERS}/{file}", text, instead, (f"providers/keys/test_{name}",))


MUTANTS = (
    keys("a domain is verified by that word alone (Resend)", "resend", "if status == _VERIFIED:", "if status:"),
    Mutant(
        "key API: a described key is shown with its own fields",
        f"{PROVIDERS}/http/issuer",
        "if shown and (not names or names - fields):",
        "if False:",
        ("providers/http/test_key_api_issuer",),
    ),
    keys("URIs with two passwords are no credential (Neon)", "neon/role_passwords", "len(passwords) > 1", "False"),
    keys("a set password is in force (Keycloak)", "keycloak", "is not Answer.ACCEPTED:\n", "is Answer.UNCLEAR:\n"),
    keys("a client without an account lives (Keycloak)", "keycloak", " or (status in (400, 401) and", " or (False and"),
    keys("a key in use is not revoked (Supabase)", "supabase/signing_keys", 'if status == "in_use":', "if False:"),
    keys(
        "caches know a key before it is in use (Supabase)",
        "supabase/signing_keys",
        'if not any(key["kid"] == credential.id for key in published):',
        "if False:",
    ),
    keys("a use is the new credential's (used)", "used", "if one.id == credential.id", "if one.id"),
    keys("a use is none before the check (used)", "used", "if last and last > since else None", "if last else None"),
    keys(
        "OpenAI: a key of another account is not ours",
        "openai",
        'only=("owner.service_account.id", "<service_account>"),',
        "",
    ),
    keys(
        "OpenAI: an address that is not allowed is no end",
        "openai",
        'Sign(401, "error.code", "invalid_api_key")',
        "Sign(401)",
    ),
    keys("Helius: a 401 is no end", "helius", "dead=(),", ""),
    keys("Keycloak: a second factor is seen before", "keycloak", 'if user.get("totp") else []', "if not user else []"),
    Mutant(
        "Stripe: an address that is not allowed is no end",
        f"{PROVIDERS}/stripe",
        'Sign(401, "error.message", _DEAD)',
        "Sign(401)",
        ("providers/keys/test_made_by_hand",),
    ),
    keys(
        "Neon: a key of another project is not ours",
        "neon/api_keys",
        'only=("project_id", "<project>"),',
        "",
    ),
    keys(
        "Cloudflare: the connection's own token is told",
        "cloudflare",
        'bool(paths.at(answer.json, "result.id") == credential_id)',
        "False",
    ),
    keys(
        "Keycloak: the connection's own client is refused",
        "keycloak",
        'if (self.options["realm"], self.options["client_id"]) == self.connection.client:',
        "if False:",
    ),
    keys("Upstash: a password goes the connection's way", "upstash", ", via=self.connection.via)", ")"),
    keys("Neon: a password goes the connection's way", "neon/role_passwords", ", self.connection.via)", ")"),
)
