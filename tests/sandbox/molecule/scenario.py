# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the company stands before anything is rotated: one Fly token, 97 days old, in two places."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from ..fly import Fly
from ..fly.state import App, Machine, Organization, ulid
from ..github import GitHub
from ..github.state import Repository, Workflow, number
from ..world import World

ORGANIZATION = "molecule-ai"
CONTROL_PLANE = "molecule-cp"
TENANT = "molecule-tenant"
SECRET = "FLY_API_TOKEN"
OWNER, REPOSITORY = "Molecule-AI", "molecule-monorepo"
PUBLISH = "publish-platform-image.yml"
OLD_TOKEN = "molecule-cp-rotation-20260801"
OLD_TOKEN_AGE = timedelta(days=97)


def build(world: World, fly: Fly, github: GitHub) -> tuple[App, Repository]:
    organization = Organization("org-" + secrets.token_hex(6), 4711, ORGANIZATION, "Molecule AI")
    fly.organizations[ORGANIZATION] = organization
    control_plane = fly.create_app(CONTROL_PLANE, organization)
    tenant = fly.create_app(TENANT, organization)
    old = _tokens(world, fly, organization, tenant)
    _control_plane(world, fly, control_plane, old)
    _machine(world, tenant, "148e21ad5f0989", "tenant-1", "started")
    world.switches.named = [SECRET, CONTROL_PLANE, fly.tokens[0].id]
    return control_plane, _repository(world, github, old)


def _tokens(world: World, fly: Fly, organization: Organization, tenant: App) -> str:
    """The old token comes first, so that its id is always the same; the other two are somebody else's."""
    now = world.now()
    old = fly.mint(OLD_TOKEN, "deploy_organization", organization, created_at=now - OLD_TOKEN_AGE)
    fly.mint("litefs", "litefs_cloud", organization, created_at=now - timedelta(days=400))
    fly.mint("ci-deploy", "deploy", organization, created_at=now - timedelta(days=30), app_id=tenant.id)
    return old.value


def _control_plane(world: World, fly: Fly, app: App, token: str) -> None:
    fly.write_secrets(
        app,
        {
            SECRET: token,
            "NEON_API_KEY": f"napi_{secrets.token_hex(32)}",
            "DATABASE_URL": f"postgresql://cp:{secrets.token_urlsafe(18)}@db.molecule.example/control_plane",
            "RESEND_API_KEY": f"re_{secrets.token_urlsafe(24)}",
            "STRIPE_API_KEY": f"sk_test_{secrets.token_hex(24)}",
            "SECRETS_ENCRYPTION_KEY": secrets.token_hex(32),
        },
    )
    app.release({"app": CONTROL_PLANE}, f"registry.fly.io/{app.name}:deployment-01", world.now(), version=41)
    _machine(world, app, "d8905e2c41e708", "cp-1", "started")
    _machine(world, app, "e28600dc7d9e86", "cp-2", "started")
    _machine(world, app, "683d92ea0b1748", "cp-3", "stopped")


def _machine(world: World, app: App, identity: str, name: str, state: str) -> None:
    config = {
        "image": f"registry.fly.io/{app.name}:deployment-01",
        "env": {"PRIMARY_REGION": "ams"},
        "metadata": {"fly_process_group": "app", "fly_platform_version": "v2", "fly_release_version": "41"},
        "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 512},
        "services": [{"internal_port": 8080, "protocol": "tcp", "ports": [{"port": 443, "handlers": ["tls", "http"]}]}],
        "checks": {"servicecheck-00-http-8080": {"type": "http", "port": 8080, "path": "/health"}},
        "restart": {"policy": "on-failure"},
    }
    machine = Machine(identity, name, "ams", app, config, world.now(), world.now(), state, ulid())
    machine.load(app.newest)
    app.machines[identity] = machine


def _repository(world: World, github: GitHub, token: str) -> Repository:
    repository = github.create_repository(OWNER, REPOSITORY)
    for name in ("NPM_TOKEN", "SENTRY_AUTH_TOKEN", "CODECOV_TOKEN"):
        github.put_secret(repository, name, secrets.token_urlsafe(24))
    github.put_secret(repository, SECRET, token)
    now = world.now()
    both = ("push", "workflow_dispatch")
    more: dict[str, Any] = {
        "inputs": ("reason",),
        "uses": SECRET,
        "steps": ("Push to GHCR", "Push to the Fly registry"),
    }
    publish = Workflow(number(), "publish-platform-image", PUBLISH, now, both, **more)
    repository.workflows += [publish, Workflow(number(), "ci", "ci.yml", now, ("push",))]
    return repository
