# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key APIs behind the stand-in that is made from their published descriptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Options
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map import schema
from tests.conformance.bench import Front
from tests.conformance.benches import sandboxed
from tests.conformance.issuers.bench import IssuerBench
from tests.sandbox.apis import ADMIN


class DescribedBench(IssuerBench):
    base: ClassVar[str]
    tunable = True
    account: ClassVar[Options] = {}
    """Options of the connection, beside its token and its address."""

    def connection(self, token: SecretValue | None = None) -> Options:
        known = token or SecretValue(self.world.credentials[ADMIN])
        (kind,) = schema.connection_types("issuers", self.issuer_type)
        return {"type": kind, **self.account, "url": self.world.url + self.base, "token": known}

    def tune(self, **how: Any) -> None:
        self.world.act(f"tune_{self.provider}_key", **how)

    def use(self, id_: str) -> None:
        self.world.act(f"use_{self.provider}_key", id=id_)


def calls_of(keys: str, show: str, listing: str = "") -> Mapping[str, Mapping[str, str]]:
    """Name the requests by the ends of their paths: of the list of keys, and of what shows a key."""
    return {
        "mint": {"method": "POST", "path": f"{keys}$"},
        "list": {"method": "GET", "path": f"{listing or keys}$"},
        "verify": {"method": "GET", "path": f"{show}$"},
        "revoke": {"method": "DELETE", "path": "/"},
    }


class Neon(DescribedBench):
    title, issuer_type, provider = "neon_api_key", "neon_api_key", "neon"
    server = "a stand-in made from Neon's published description"
    base = "/neon/api/v2"
    options: ClassVar[Options] = {"organization": "acme"}
    calls = calls_of("/api_keys", "/auth")


class Resend(DescribedBench):
    title, issuer_type, provider = "resend_api_key", "resend_api_key", "resend"
    server = "a stand-in made from Resend's published description"
    base = "/resend"
    options: ClassVar[Options] = {"permission": "full_access"}
    calls = calls_of("/api-keys", "/domains")
    pages = True


class Grafana(DescribedBench):
    title, issuer_type, provider = "grafana_token", "grafana_token", "grafana"
    server = "a stand-in made from Grafana's published client"
    base = "/grafana"
    options: ClassVar[Options] = {"service_account": 7, "lifetime": "1h"}
    calls = calls_of("/tokens", "/org")


class OpenAi(DescribedBench):
    title, issuer_type, provider = "openai_api_key", "openai_api_key", "openai"
    server = "a stand-in made from OpenAI's published description"
    base = "/openai/v1"
    options: ClassVar[Options] = {"project": "proj_1", "service_account": "svc_1"}
    calls = calls_of("/service_accounts/svc_1/api_keys", "/models", "/projects/proj_1/api_keys")
    pages = True


class CloudflareToken(DescribedBench):
    title, issuer_type, provider = "cloudflare_api_token", "cloudflare_api_token", "cloudflare"
    server = "a stand-in made from Cloudflare's published description"
    base = "/cloudflare/client/v4"
    options: ClassVar[Options] = {
        "policies": [{"effect": "allow", "permission_groups": [{"id": "6a01"}], "resources": {"zone.1": "*"}}],
        "lifetime": "1h",
    }
    calls = calls_of("/user/tokens", "/user/tokens/verify")
    pages = True


class CloudflareR2(CloudflareToken):
    title, issuer_type = "cloudflare_r2_key", "cloudflare_r2_key"
    account: ClassVar[Options] = {"account": "0" * 32}
    calls = calls_of("/tokens", "/tokens/verify")


class Supabase(DescribedBench):
    title, issuer_type, provider = "supabase_secret_key", "supabase_secret_key", "supabase"
    server = "a stand-in made from Supabase's published description"
    base = "/supabase/v1"
    calls = calls_of("/api-keys", "/users/00000000-0000-0000-0000-000000000000")
    options: ClassVar[Options] = {"project": "abcdefghijklmnopqrst"}
    manages = False

    @property
    def of_issuer(self) -> Options:
        return {**self.options, "project_url": f"{self.world.url}/supabase"}


class SupabaseJwtKey(Supabase):
    title = issuer_type = "supabase_jwt_key"
    tunable = False
    calls: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "mint": {"method": "POST", "path": "/signing-keys$"},
        "list": {"method": "GET", "path": "/signing-keys$"},
        "verify": {"method": "GET", "path": "/nowhere$"},
        "revoke": {"method": "PATCH", "path": "/signing-keys/"},
    }


class SupabaseJwtSecret(SupabaseJwtKey):
    title = issuer_type = "supabase_jwt_secret"


class Fal(DescribedBench):
    title, issuer_type, provider = "fal_api_key", "fal_api_key", "fal"
    server = "a stand-in made from fal.ai's published pages"
    base = "/fal/v1"
    options: ClassVar[Options] = {}
    calls = calls_of("/keys", "/models/pricing")
    pages = True
    manages = False


class Langfuse(DescribedBench):
    title, issuer_type, provider = "langfuse_api_key", "langfuse_api_key", "langfuse"
    server = "a stand-in made from Langfuse's published description"
    base = "/langfuse"
    options: ClassVar[Options] = {"project": "shop"}
    calls = calls_of("/projects/shop/apiKeys", "/api/public/projects")
    manages = False

    def connection(self, token: SecretValue | None = None) -> Options:
        pair = {"public_key": "pk-lf-admin", "secret_key": SecretValue(self.world.credentials[ADMIN])}
        return {"type": "langfuse", **pair, "url": self.world.url + self.base}


class Stripe(DescribedBench):
    title, issuer_type, provider = "stripe_webhook_secret", "stripe_webhook_secret", "stripe"
    server = "a stand-in made from Stripe's published description"
    base = "/stripe"
    options: ClassVar[Options] = {"url": "https://shop.example.com/stripe", "idempotent": True}
    calls = calls_of("/v1/webhook_endpoints", "/nowhere")
    pages = True
    manages = False


class OpenAiAdmin(OpenAi):
    title, issuer_type = "openai_admin_key", "openai_admin_key"
    options: ClassVar[Options] = {"lifetime": "1h"}
    calls = calls_of("/admin_api_keys", "/admin_api_keys")


_PROJECT = "/organization/projects/proj_1"


class KeyApi(OpenAi):
    """OpenAI's API as a user would describe it who has no issuer for it."""

    title, issuer_type = "key_api", "key_api"
    server = "OpenAI's stand-in, by a description in the map"
    options: ClassVar[Options] = {
        "create": {
            "path": f"{_PROJECT}/service_accounts/svc_1/api_keys",
            "body": {"name": "<name>"},
            "value": "value",
        },
        "list": {"path": f"{_PROJECT}/api_keys", "items": "data", "after": "after", "more": "has_more"},
        "revoke": {"path": f"{_PROJECT}/api_keys/<id>"},
        "verify": {"path": "/models"},
    }

    def connection(self, token: SecretValue | None = None) -> Options:
        return {**super().connection(token), "type": "http"}


BENCHES: list[type[IssuerBench]] = [
    *(
        Neon,
        CloudflareToken,
        CloudflareR2,
        Fal,
        Langfuse,
        Stripe,
        Supabase,
        SupabaseJwtKey,
        SupabaseJwtSecret,
        Resend,
        Grafana,
        OpenAi,
        OpenAiAdmin,
    ),
    KeyApi,
]
stop_all = sandboxed.stop


@contextmanager
def open_bench(kind: type[IssuerBench], front: Front) -> Iterator[IssuerBench]:
    with sandboxed.world() as visitor:
        yield kind(visitor)
