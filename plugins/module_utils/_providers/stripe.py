# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue a signing secret of a Stripe webhook endpoint, by a second endpoint on the same URL; show a person's API keys.

Sources: the OpenAPI document in stripe/openapi (2023-08-16), compared with stripe-python; docs.stripe.com, page on
webhooks. Not verified: whether a disabled endpoint counts among the 16; that nobody else's metadata has the key rotor;
the words for a dead key, which are as users report them.

More than a description: the endpoint is copied, and is disabled before it is revoked, which can be taken back.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from .._core.contracts import Handwork, Issuer, Options, Provider, Schema
from .._core.credential import Credential
from .._core.errors import ConfigurationError, NotFoundError
from .._core.http.key_api import ApiConnection, Call, Facts, KeyApi, Listing, PersonApi, Sign, Verify
from .._core.http.key_issuers import KeyIssuer, PersonIssuer
from .._core.names import NameRule

_ENDPOINTS = "/v1/webhook_endpoints"
_COPIED = ("enabled_events", "api_version", "description")
_DEAD = re.compile("(Invalid|Expired) API Key provided")
"""The words for a key that has ended; one that may not be used from an address is refused with 401, too."""
_RETRIES = "up to three days, in a sandbox three times in some hours"
"""For how long Stripe retries an event that the endpoint does not accept."""


class StripeConnection(ApiConnection):
    system = "Stripe"
    base_url = "https://api.stripe.com"
    whoami = Call("GET", _ENDPOINTS, params={"limit": 1})


class StripeWebhookSecrets(KeyIssuer):
    """Issue signing secrets; none can be shown to Stripe, whose list proves that an endpoint is gone."""

    schema = Schema(
        {
            "url": {"type": "string", "pattern": "^https?://", "description": "URL of the webhook endpoint."},
            "connect": {
                "type": "boolean",
                "default": False,
                "description": "Whether it gets events of connected accounts; Stripe's API does not say so.",
            },
            "idempotent": {
                "type": "boolean",
                "description": "Whether the application handles an event once, however often it is delivered: for a "
                f"while there are two endpoints, and an event that is not accepted is retried for {_RETRIES}.",
            },
        },
        required=("url",),
    )
    fields = ("secret",)
    rights = "a restricted key that may write webhook endpoints, in the mode of the endpoint: live or a sandbox"
    blast_radius = "the application takes Stripe's events for forged ones"
    console = "dashboard.stripe.com/webhooks"
    connection: StripeConnection
    verify = Issuer.verify
    unverifiable = (
        "whether the connection's key may write webhook endpoints; that the application handles an event once: each is "
        f"delivered to both endpoints until the old one is disabled, and retried for {_RETRIES}"
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
        names=NameRule(500),
    )

    @classmethod
    def validate(cls, options: Options, max_age: Any) -> list[str]:
        again = f"for a while each event is delivered to two endpoints, and retried for {_RETRIES}"
        advice = "say true if the application handles an event once, or let a person roll the secret in the Dashboard"
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
        """Return the body of a new endpoint, copied from those on the URL, which have to be alike."""
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


class StripeApiKeys(PersonIssuer):
    """A restricted key that lacks the right to be asked is told so by its name: it lives."""

    system, base_url = "Stripe", StripeConnection.base_url
    blast_radius = "customers, subscriptions and checkouts"
    schema = Schema(
        {
            **PersonIssuer.schema.properties,
            "restricted": {"type": "boolean", "default": False, "description": "Whether it is a restricted key."},
        }
    )

    @classmethod
    def describe(cls, options: Options) -> PersonApi:
        kind, prefix = ("restricted", "rk") if options.get("restricted") else ("secret", "sk")
        lacks_right = Sign(403, "error.type", "invalid_request_error")
        return PersonApi(
            Handwork(
                "dashboard.stripe.com, Developers, API keys",
                f"create a {kind} key with the rights of the old one; do not roll that, which sets an end to it",
                "expire the old key, in its menu",
                pattern=rf"{prefix}_(live|test)_\w+",
            ),
            Verify(
                Call("GET", "/v1/balance"),
                alive=(Sign(200), lacks_right),
                dead=(Sign(401, "error.message", _DEAD),),
            ),
        )

    @classmethod
    def label(cls, options: Options) -> str:
        return f"stripe_api_key, {'restricted' if options.get('restricted') else 'secret'}"


PROVIDER = Provider(
    "Stripe",
    connections={"stripe": StripeConnection},
    issuers={"stripe_webhook_secret": StripeWebhookSecrets, "stripe_api_key": StripeApiKeys},
    contact="https://support.stripe.com",
)
