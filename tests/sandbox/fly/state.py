# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Fly keeps: organizations, tokens, apps with their secrets, machines with the secrets they started with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

ADMIN = "operator@molecule.example"
_ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SPANS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|ns))+")
_SCHEME = re.compile(r"^\s*(?:bearer|flyv1)\s+", re.IGNORECASE)
_DIGEST_KEY = secrets.token_bytes(16)


def node_id(kind: str, number: int) -> str:
    return base64.urlsafe_b64encode(f"{kind}:{number}".encode()).decode().rstrip("=")


def ulid() -> str:
    number = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    return "".join(_ULID[number >> shift & 31] for shift in range(125, -1, -5))


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def go_duration(text: str) -> timedelta:
    """Go's notation of a span: `2880h0m0s`."""
    if not _DURATION.fullmatch(text):
        raise ValueError("not a Go duration")
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)", text)
    return timedelta(seconds=sum(float(number) * _SPANS[unit] for number, unit in parts))


def without_scheme(header: str) -> str:
    """Fly's macaroon library takes scheme words off again and again; what is left must be the whole token."""
    while match := _SCHEME.match(header):
        header = header[match.end() :]
    return header.strip()


def without_release(config: dict[str, Any]) -> dict[str, Any]:
    """Leave out what names the release: each deployment changes that."""
    metadata = {name: text for name, text in config["metadata"].items() if not name.startswith("fly_release_")}
    return {**config, "metadata": metadata}


def new_token() -> str:
    return f"FlyV1 fm2_{secrets.token_urlsafe(48)},fm2_{secrets.token_urlsafe(32)}"


def digest(value: str) -> str:
    return hmac.new(_DIGEST_KEY, value.encode(), hashlib.sha256).hexdigest()[:16]


@dataclass
class Organization:
    id: str
    number: int
    slug: str
    name: str


@dataclass
class Token:
    id: str
    name: str
    value: str
    profile: str
    organization: Organization | None
    created_at: datetime
    expires_at: datetime
    app_id: str | None = None
    revoked_at: datetime | None = None

    @property
    def alive(self) -> bool:
        return self.revoked_at is None and datetime.now(UTC) < self.expires_at

    @property
    def is_user(self) -> bool:
        return self.profile == "user"

    def covers(self, organization: Organization, app: App | None = None) -> bool:
        """Whether it may use the Machines API for an app, or for the whole organization."""
        if self.is_user:
            return True
        if self.organization is not organization:
            return False
        return self.profile == "deploy_organization" or (
            self.profile == "deploy" and app is not None and app.id == self.app_id
        )


@dataclass
class Secret:
    name: str
    value: str
    created_at: datetime
    updated_at: datetime

    @property
    def digest(self) -> str:
        return digest(self.value)


@dataclass(frozen=True)
class Snapshot:
    """A version of an app's secret store, and when the hosts know of it."""

    version: int
    replicated_at: float
    secrets: dict[str, Secret]

    @property
    def replicated(self) -> bool:
        return time.monotonic() >= self.replicated_at


@dataclass
class Release:
    """A record of a deployment, which machines name in their metadata; it changes nothing by itself."""

    id: str
    version: int
    definition: dict[str, Any]
    image: str
    created_at: datetime
    status: str = "pending"


@dataclass
class App:
    id: str
    number: int
    name: str
    organization: Organization
    boots: Callable[[dict[str, str]], bool] = lambda env: True
    snapshots: list[Snapshot] = field(default_factory=lambda: [Snapshot(1, 0.0, {})])
    machines: dict[str, Machine] = field(default_factory=dict)
    releases: list[Release] = field(default_factory=list)

    @property
    def newest(self) -> Snapshot:
        return self.snapshots[-1]

    @property
    def visible(self) -> Snapshot:
        return next(item for item in reversed(self.snapshots) if item.replicated)

    def write(self, values: dict[str, str | None], now: datetime, lag: float) -> Snapshot:
        """A new version of the store, even where nothing changes; an identical value keeps its dates."""
        current = dict(self.newest.secrets)
        for name, value in values.items():
            old = current.get(name)
            if value is None:
                current.pop(name, None)
            elif old is None or old.value != value:
                current[name] = Secret(name, value, old.created_at if old else now, now)
        self.snapshots.append(Snapshot(self.newest.version + 1, time.monotonic() + lag if lag else 0.0, current))
        return self.newest

    def release(self, definition: dict[str, Any], image: str, now: datetime, version: int = 0) -> Release:
        version = version or (self.releases[-1].version + 1 if self.releases else 1)
        self.releases.append(Release(node_id("Release", self.number * 1000 + version), version, definition, image, now))
        return self.releases[-1]

    def status_of(self, secret: Secret) -> str:
        """Tell as ``fly secrets list`` does: by the dates of the releases that the machines name."""
        dates = {str(release.version): release.created_at for release in self.releases}
        named = [machine.config["metadata"].get("fly_release_version") for machine in self.machines.values()]
        has = [name in dates and secret.updated_at <= dates[name] for name in named]
        return "Staged" if not any(has) else "Deployed" if all(has) else "Partial"

    def replicate(self) -> None:
        self.snapshots[-1] = replace(self.newest, replicated_at=0.0)


@dataclass
class Lease:
    nonce: str
    owner: str
    description: str
    expires_at: float

    @property
    def held(self) -> bool:
        return time.time() < self.expires_at


@dataclass
class Machine:
    id: str
    name: str
    region: str
    app: App
    config: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    state: str = "stopped"
    instance_id: str = field(default_factory=ulid)
    env: dict[str, str] = field(default_factory=dict)
    secrets_version: int = 0
    broken: bool = False
    checks_begin: float = 0.0
    lease: Lease | None = None
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def live(self) -> bool:
        return self.state in ("starting", "started")

    def holder(self) -> Lease | None:
        return self.lease if self.lease and self.lease.held else None

    def happened(self, kind: str, status: str) -> None:
        stamp = time.time_ns() // 1_000_000
        self.events.insert(0, {"id": ulid(), "type": kind, "status": status, "source": "flyd", "timestamp": stamp})

    def load(self, snapshot: Snapshot) -> None:
        self.secrets_version = snapshot.version
        self.env = {secret.name: secret.value for secret in snapshot.secrets.values()}
