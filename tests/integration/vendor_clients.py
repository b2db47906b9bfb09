# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vendors' own client libraries in front of the stand-in; nothing else of these tests is imported here.

`VENV-CLIENTS/bin/python vendor_clients.py VENDOR`: an order as a line of JSON on standard input, its outcome on
standard output. ``admin`` is the administrator's credential, and ``fields`` are those of one that is to be used.
"""

from __future__ import annotations

import importlib
import json
import sys
from abc import ABC, abstractmethod
from typing import Any, ClassVar
from urllib.request import Request, urlopen


class Client(ABC):
    """What a vendor's library makes of the stand-in at ``url``."""

    refusal: ClassVar[str] = "AuthenticationError"
    """The error by which the library says that a credential is refused."""

    def __init__(self, library: Any, url: str, admin: str, options: dict[str, Any]) -> None:
        self.library, self.url, self.admin, self.options = library, url, admin, options

    @abstractmethod
    def listed(self) -> dict[str, str]:
        """The names by the ids."""

    @abstractmethod
    def use(self, fields: dict[str, str]) -> None:
        """Do something that needs the credential."""


class OpenAi(Client):
    def _client(self, **key: str) -> Any:
        return self.library.OpenAI(base_url=f"{self.url}/openai/v1", max_retries=0, **key)

    def listed(self) -> dict[str, str]:
        organization = self._client(admin_api_key=self.admin).admin.organization
        project = self.options.get("project")
        found = organization.projects.api_keys.list(project) if project else organization.admin_api_keys.list()
        return {key.id: key.name for key in found}

    def use(self, fields: dict[str, str]) -> None:
        if "project" in self.options:
            self._client(api_key=fields["token"]).models.list()
        else:
            self._client(admin_api_key=fields["token"]).admin.organization.admin_api_keys.list(limit=1)


class Anthropic(Client):
    def _client(self, key: str) -> Any:
        return self.library.Anthropic(api_key=key, base_url=f"{self.url}/anthropic", max_retries=0)

    def listed(self) -> dict[str, str]:
        found = self._client(self.admin).beta.organization.api_keys.list(status="active")
        return {key.id: key.name for key in found}

    def use(self, fields: dict[str, str]) -> None:
        self._client(fields["token"]).models.list()


class Cloudflare(Client):
    def _client(self, token: str) -> Any:
        return self.library.Cloudflare(api_token=token, base_url=f"{self.url}/cloudflare/client/v4", max_retries=0)

    def listed(self) -> dict[str, str]:
        client, account = self._client(self.admin), self.options.get("account")
        found = client.accounts.tokens.list(account_id=account) if account else client.user.tokens.list()
        return {token.id: token.name for token in found}

    def use(self, fields: dict[str, str]) -> None:
        self._client(fields["token"]).user.tokens.verify()


class R2(Cloudflare):
    """A pair signs what S3's client sends."""

    refusal = "Unauthorized"

    def use(self, fields: dict[str, str]) -> None:
        pair = {"aws_access_key_id": fields["access_key_id"], "aws_secret_access_key": fields["secret_access_key"]}
        session = importlib.import_module("botocore.session").get_session()
        client = session.create_client("s3", "auto", endpoint_url=f"{self.url}/r2/", **pair)
        try:
            client.list_buckets()
        except client.exceptions.ClientError as error:
            raise type(error.response["Error"]["Code"], (Exception,), {}) from error


class Resend(Client):
    refusal = "InvalidApiKeyError"

    def _as(self, key: str) -> Any:
        self.library.api_url, self.library.api_key = f"{self.url}/resend", key
        return self.library

    def listed(self) -> dict[str, str]:
        found: dict[str, str] = {}
        page: dict[str, Any] = {"has_more": True}
        while page["has_more"]:
            after = {"after": list(found)[-1]} if found else {}
            page = self._as(self.admin).ApiKeys.list({"limit": 100, **after})
            found |= {key["id"]: key["name"] for key in page["data"]}
        return found

    def use(self, fields: dict[str, str]) -> None:
        self._as(fields["token"]).Domains.list()


class Stripe(Client):
    """A signing secret is used by whoever gets an event: one of its signatures has to be by it."""

    refusal = "SignatureVerificationError"

    def listed(self) -> dict[str, str]:
        client = self.library.StripeClient(self.admin, base_addresses={"api": f"{self.url}/stripe"})
        found = client.v1.webhook_endpoints.list({"limit": 100}).auto_paging_iter()
        return {endpoint.id: endpoint.metadata.to_dict().get("rotor", "") for endpoint in found}

    def use(self, fields: dict[str, str]) -> None:
        order = json.dumps({"deed": "send_stripe_event"}).encode()
        with urlopen(Request(f"{self.url}/oracle/act", order)) as answer:  # noqa: S310
            sent = json.load(answer)
        self.library.Webhook.construct_event(sent["event"], sent["signature"], fields["secret"], tolerance=None)


CLIENTS: dict[str, type[Client]] = {
    "anthropic": Anthropic,
    "cloudflare": Cloudflare,
    "openai": OpenAi,
    "resend": Resend,
    "stripe": Stripe,
}
"""By the names of the libraries, which are those of the systems here."""


def carry_out(vendor: str, library: Any, deed: str, asked: dict[str, Any], **facts: Any) -> Any:
    client = (R2 if "secret_access_key" in asked.get("fields", {}) else CLIENTS[vendor])(library, **facts)
    try:
        return getattr(client, deed)(**asked)
    except Exception as error:
        if type(error).__name__ == client.refusal:
            return "refused"
        raise


def main() -> None:
    vendor = sys.argv[1]
    library = importlib.import_module(vendor)
    for line in sys.stdin:
        outcome = carry_out(vendor, library, **json.loads(line))
        sys.stdout.write(json.dumps(outcome) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
