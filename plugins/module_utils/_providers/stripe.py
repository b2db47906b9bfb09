# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stripe: the signing secret of a webhook endpoint, by a second endpoint on the same URL.

Sources: the OpenAPI document in stripe/openapi (2023-08-16), compared with stripe-python; docs.stripe.com, page on
webhooks. Not verified: whether a disabled endpoint counts among the 16; that nobody else's metadata has the key rotor.

More than a description: the endpoint is copied, and is disabled before it is revoked, which can be taken back.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from .._core.contracts import Issuer, Options, Provider, Schema
from .._core.credential import Credential
from .._core.errors import ConfigurationError, NotFoundError
from .._core.http.key_api import ApiConnection, Call, Facts, KeyApi, Listing
from .._core.http.key_issuers import KeyIssuer

_ENDPOINTS = "/v1/webhook_endpoints"
_COPIED = ("enabled_events", "api_version", "description")
_RETRIES = "up to three days, in a sandbox three times in some hours"
"""How long Stripe sends an event again that is not accepted."""


class StripeConnection(ApiConnection):
    system = "Stripe"
    base_url = "https://api.stripe.com"
    whoami = Call("GET", _ENDPOINTS, params={"limit": 1})


class StripeWebhookSecrets(KeyIssuer):
    """A value cannot be shown to Stripe: the end of an endpoint is proven by the list."""

    schema = Schema(
        {
            "url": {"type": "string", "pattern": "^https?://", "description": "URL of the endpoint."},
            "connect": {
                "type": "boolean",
                "default": False,
                "description": "Whether it gets the events of connected accounts, which Stripe does not tell.",
            },
            "idempotent": {
                "type": "boolean",
                "description": "That the application does an event once however often it comes: for a while there are "
                f"two endpoints, and what is not accepted comes again, for {_RETRIES}.",
            },
        },
        required=("url",),
    )
    fields = ("secret",)
    connection: StripeConnection
    verify = Issuer.verify
    unverifiable = (
        "whether the connection's key may write webhook endpoints; that the application does an event once: each comes "
        f"by both endpoints until the old one is disabled, and what is not accepted comes again, for {_RETRIES}"
    )
    api = KeyApi(
        create=Call("POST", _ENDPOINTS, "<endpoint>", form=True),
        value={"secret": "secret"},
        made=Facts(created_at="created"),
        listing=Listing(
            Call("GET", _ENDPOINTS, params={"limit": 100}),
            items="data",
            facts=Facts(name="metadata.rotor", created_at="created", scope="url", alive=("status", "enabled")),
            after="starting_after",
            more="has_more",
        ),
        revoke=Call("DELETE", f"{_ENDPOINTS}/<id>", says=("deleted", True)),
        quota=16,
    )

    @classmethod
    def validate(cls, options: Options, max_age: Any) -> list[str]:
        again = f"each event comes by two endpoints for a while, and what is not accepted comes again, for {_RETRIES}"
        advice = "say true if the application does an event once, or let a person roll the secret in the Dashboard"
        return [] if options.get("idempotent") else [f"idempotent: {again}; {advice}"]

    @classmethod
    def label(cls, options: Options) -> str:
        return f"stripe_webhook_secret of {options['url']}"

    def preflight(self, current: str | None) -> list[str]:
        problems = super().preflight(current)
        try:
            self._copy("")
        except ConfigurationError as error:
            problems.append(str(error))
        return problems

    def _create_places(self, name: str) -> dict[str, Any]:
        return {**super()._create_places(name), "endpoint": self._copy(name)}

    def _copy(self, name: str) -> dict[str, Any]:
        """Describe an endpoint as those on the URL are, which have to be alike."""
        of_url = [item for item in self._items(self.api.listing) if item.get("url") == self.options["url"]]
        found = [self._described(item, name) for item in of_url if item.get("status") == "enabled"]
        if not found or any(one != found[0] for one in found):
            what = "has endpoints that are not alike" if found else "has no enabled endpoint"
            raise ConfigurationError(f"{self._where}: there is nothing to copy, the URL {what}")
        return found[0]

    def _described(self, item: Any, name: str) -> dict[str, Any]:
        copied = {fact: item[fact] for fact in _COPIED if item.get(fact)}
        connect = {"connect": True} if self.options.get("connect") else {}
        return {"url": item["url"], **copied, **connect, "metadata": {**(item.get("metadata") or {}), "rotor": name}}

    def disable(self, credential: Credential) -> None:
        with suppress(NotFoundError):
            self._switch(credential, disabled=True)

    def enable(self, credential: Credential) -> None:
        self._switch(credential, disabled=False)

    def _switch(self, credential: Credential, *, disabled: bool) -> None:
        call = Call("POST", f"{_ENDPOINTS}/<id>", {"disabled": disabled}, form=True)
        doing = f"{'disabling' if disabled else 'enabling'} endpoint {credential.name}"
        self._send(call, doing, {"id": credential.id}, idempotent=True)


PROVIDER = Provider(
    "Stripe", connections={"stripe": StripeConnection}, issuers={"stripe_webhook_secret": StripeWebhookSecrets}
)
