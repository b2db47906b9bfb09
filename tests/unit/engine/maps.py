# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two sound maps, and what the tests do to them."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

import pytest
import yaml

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.model import SecretMap
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.parser import parse
from tests.unit.engine import fake_cloud

fake_cloud.install()
DESIGN = """
secret_connections:
  fly:    {type: fly, token: {env: FLY_ADMIN_TOKEN}}
  github: {type: github, token: {env: GITHUB_ADMIN_TOKEN}}
secret_consumers:
  molecule-cp:
    {type: fly_app, connection: fly, app: molecule-cp, healthy: [{type: http, url: "https://molecule-cp.fly.dev/health"}]}
  publish: {type: github_actions, connection: github, repository: Molecule-AI/molecule-monorepo}
secret_map:
  FLY_API_TOKEN:
    description: Any Fly Machines API call
    owner: platform
    max_age: 90d
    blast_radius: Tenant provisioning and image publishing
    issuer: {type: fly_token, connection: fly, organization: molecule-ai, lifetime: 120d}
    rollout:
      - name: control plane
        copies: [{store: fly, app: molecule-cp}]
        reload: [molecule-cp]
        verify: [{type: http, url: "https://molecule-cp.fly.dev/cp/self-test", proves: use}]
      - name: image publishing
        copies: [{store: github, repository: Molecule-AI/molecule-monorepo}]
        reload: [publish]
        verify: [{type: github_workflow, workflow: publish-platform-image.yml, proves: use}]
    revoke: {after: 0s, require: [unused, drained]}
"""

BASE = """
secret_connections:
  cloud: {type: fake.cloud.account, token: {env: CLOUD_TOKEN}}
  post: {type: fake.cloud.mail}
  unused: 5
secret_consumers:
  web: {type: fake.cloud.app, connection: cloud, name: web}
  worker: {type: fake.cloud.script, connection: cloud, host: app1, command: ./restart, stdin: "${token}"}
  forgotten: 5
secret_map:
  KEY:
    max_age: 90d
    issuer: {type: fake.cloud.token, connection: cloud, team: blue}
    derived: {url: "https://${token|url}@host/"}
    rollout:
      - name: first
        copies: [{store: cloud, folder: /a, keys: {KEY: "${token}", URL: "${url}"}}]
        reload: [web, worker]
        verify: [{type: fake.cloud.job, job: test, proves: use}]
  PAIR:
    issuer: {type: fake.cloud.pair, connection: cloud}
    copies: [{store: cloud, folder: /b, keys: {USER: "${username}", PASSWORD: "${password}"}}]
"""


_loaded = cache(yaml.safe_load)


def read(text: str = BASE) -> dict[str, Any]:
    return deepcopy(_loaded(text))


def parsed(raw: dict[str, Any], hosts: Any = ("app1",)) -> SecretMap:
    return parse(raw["secret_map"], raw["secret_consumers"], raw["secret_connections"], hosts)


def changed(path: str, value: Any, raw: dict[str, Any] | None = None) -> dict[str, Any]:
    """The base with one place set to a value; ``...`` takes it away."""
    raw = raw or read()
    *inner, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    node: Any = raw
    for part in inner:
        node = node[part]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return raw


def errors_in(raw: dict[str, Any], hosts: Any = ("app1",)) -> list[str]:
    with pytest.raises(MapError) as caught:
        parsed(raw, hosts)
    return list(caught.value.errors)
