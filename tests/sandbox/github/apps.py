# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitHub Apps: a JWT that is signed with the App's key gives tokens for an installation."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..address import base_url
from ..provider import RefusedError, read_json
from .state import LEVELS, Token, number, timestamp
from .views import link_header, page_of, user_json

if TYPE_CHECKING:
    from . import GitHub

LIFETIME = timedelta(hours=1)
LONGEST_JWT = 600


@dataclass
class Installation:
    """`repositories` None means all that the account has."""

    id: int
    account: str
    permissions: dict[str, str]
    repositories: list[str] | None
    created_at: datetime


@dataclass
class App:
    id: int
    slug: str
    created_at: datetime
    installations: list[Installation] = field(default_factory=list)
    keys: dict[str, rsa.RSAPublicKey] = field(default_factory=dict)
    """By the fingerprints that its page shows."""

    @property
    def client_id(self) -> str:
        return f"Iv23li{self.id:014d}"

    def make_key(self) -> tuple[str, str]:
        """The fingerprint and the private key, which GitHub does not keep."""
        key = rsa.generate_private_key(65537, 2048)
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        der = key.public_key().public_bytes(serialization.Encoding.DER, form)
        fingerprint = f"SHA256:{base64.b64encode(hashlib.sha256(der).digest()).decode()}"
        self.keys[fingerprint] = key.public_key()
        encoding, private = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
        return fingerprint, key.private_bytes(encoding, private, serialization.NoEncryption()).decode()

    def takes(self, credential: str) -> bool:
        """Whether one of its keys has signed this JWT, which holds now."""
        for key in self.keys.values():
            with suppress(jwt.PyJWTError):
                claims = jwt.decode(credential, key, algorithms=["RS256"], options={"require": ["iss", "iat", "exp"]})
                return bool(claims["exp"] <= time.time() + LONGEST_JWT)
        return False


class Apps:
    def __init__(self, github: GitHub) -> None:
        self._github = github
        self.forget()

    def forget(self) -> None:
        self._all: list[App] = []

    def routes(self) -> list[Route]:
        return [
            Route("/app", self.show, methods=["GET"]),
            Route("/app/installations", self.list_installations, methods=["GET"]),
            Route("/app/installations/{installation:int}/access_tokens", self.create_token, methods=["POST"]),
        ]

    def name_of(self, credential: str) -> str | None:
        app = self._find(credential)
        return f"app {app.slug}" if app else None

    def _find(self, credential: str) -> App | None:
        """The App that signed this JWT, if it holds now."""
        try:
            issuer = str(jwt.decode(credential, options={"verify_signature": False})["iss"])
            app = next(app for app in self._all if issuer in (str(app.id), app.client_id))
        except (jwt.PyJWTError, KeyError, StopIteration):
            return None
        return app if app.takes(credential) else None

    def _authenticate(self, request: Request) -> App:
        app = self._find(request.headers.get("authorization", "").removeprefix("Bearer "))
        if app is None:
            raise RefusedError(401, "A JSON web token could not be decoded")
        return app

    async def show(self, request: Request) -> Response:
        app = self._authenticate(request)
        dates = dict.fromkeys(("created_at", "updated_at"), timestamp(app.created_at))
        about = {"id": app.id, "client_id": app.client_id, "slug": app.slug, "node_id": f"A_{app.id}", "name": app.slug}
        texts = {
            "description": None,
            "external_url": "https://rotor.example",
            "html_url": "https://github.com/apps/rotor",
        }
        owner = user_json("Molecule-AI", base_url(request))
        return JSONResponse({**about, **texts, **dates, "owner": owner, "permissions": {}, "events": []})

    async def list_installations(self, request: Request) -> Response:
        app, base = self._authenticate(request), base_url(request)
        items = [self._json(app, item, base) for item in app.installations]
        response = JSONResponse(page_of(request, items))
        link_header(request, response, len(items))
        return response

    async def create_token(self, request: Request) -> Response:
        app = self._authenticate(request)
        number = request.path_params["installation"]
        installation = next((item for item in app.installations if item.id == number), None)
        if installation is None:
            raise RefusedError(404, "Not Found")
        body = await read_json(request, optional=True)
        permissions = self._narrowed(installation.permissions, body.get("permissions"))
        repositories = self._picked(installation, body.get("repositories"))
        expires_at = datetime.now(UTC) + LIFETIME
        token = Token("", f"ghs_{secrets.token_urlsafe(30)}", permissions, repositories, expires_at, of_app=True)
        self._github.add_token(token, f"installation {installation.id}")
        shape = {"token": token.value, "expires_at": timestamp(expires_at), "permissions": permissions}
        return JSONResponse(shape | {"repository_selection": "all" if repositories is None else "selected"}, 201)

    @staticmethod
    def _narrowed(granted: dict[str, str], wanted: dict[str, str] | None) -> dict[str, str]:
        """All that the installation may, or the part of it that is asked for."""
        for name, level in (wanted or {}).items():
            if level not in LEVELS or LEVELS.index(level) > LEVELS.index(granted.get(name, "none")):
                raise RefusedError(422, "The permissions requested are not granted to this installation.")
        return wanted or granted

    def _picked(self, installation: Installation, names: list[str] | None) -> list[str] | None:
        account = installation.account
        all_of_them = [item.full_name for item in self._github.repositories_of(account)]
        granted = all_of_them if installation.repositories is None else installation.repositories
        wanted = [f"{account}/{name}" for name in names or ()]
        if not {name.lower() for name in wanted} <= {name.lower() for name in granted}:
            raise RefusedError(422, "There is at least one repository that does not exist or is not accessible")
        return wanted or granted

    @staticmethod
    def _json(app: App, installation: Installation, base: str) -> dict[str, Any]:
        created = timestamp(installation.created_at)
        # the description wants an account to be a user and an enterprise at once
        enterprise = {"name": installation.account, "slug": installation.account.lower()}
        dates = {"created_at": created, "updated_at": created}
        return {
            "id": installation.id,
            "account": user_json(installation.account, base) | enterprise | dates,
            "repository_selection": "all" if installation.repositories is None else "selected",
            "access_tokens_url": f"{base}/app/installations/{installation.id}/access_tokens",
            "repositories_url": f"{base}/installation/repositories",
            "html_url": f"https://github.com/organizations/{installation.account}/settings/installations",
            "app_id": app.id,
            "client_id": app.client_id,
            "app_slug": app.slug,
            "target_id": 1,
            "target_type": "Organization",
            "permissions": installation.permissions,
            "events": [],
            **dates,
            "single_file_name": None,
            "suspended_by": None,
            "suspended_at": None,
        }

    # People

    def install(
        self,
        account: str,
        permissions: dict[str, str],
        repositories: list[str] | None = None,
        slug: str = "rotor",
    ) -> dict[str, Any]:
        """Install the App, which is made if there is none of that name."""
        app = next((app for app in self._all if app.slug == slug), None)
        if app is None:
            app = App(number(), slug, self._github.world.now())
            self._all.append(app)
        installation = Installation(number(), account, permissions, repositories, self._github.world.now())
        app.installations.append(installation)
        _fingerprint, key = app.make_key()
        self._github.world.remember(key)
        return {"app_id": app.id, "client_id": app.client_id, "installation": installation.id, "private_key": key}

    def make_key(self, app: int) -> dict[str, str]:
        """A person presses "Generate a private key"."""
        fingerprint, key = self._by_id(app).make_key()
        self._github.world.remember(key)
        return {"fingerprint": fingerprint, "private_key": key}

    def delete_key(self, app: int, fingerprint: str) -> None:
        del self._by_id(app).keys[fingerprint]

    def key_fingerprints(self, app: int) -> list[str]:
        return list(self._by_id(app).keys)

    def _by_id(self, number: int) -> App:
        return next(app for app in self._all if app.id == number)
