# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fly's releases: the record of a deployment, by which ``fly secrets list`` tells deployed secrets from staged ones.

A release is a record and nothing else: machines are updated by whoever makes it. Where none can be made, because the
token may not or the app has never been deployed with flyctl, machines are updated without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from ..._core.contracts import Evidence
from ..._core.errors import RotorError, StoppedError
from ..._core.http.shapes import Maybe, checked
from . import health
from .client import FlyConnection

_PLATFORM = "fly_platform_version"
_CURRENT = "query($name: String!) {app(name: $name) {id currentReleaseUnprocessed {configDefinition imageRef}}}"
_CREATE = "mutation($input: CreateReleaseInput!) {createRelease(input: $input) {release {id version}}}"
_CLOSE = "mutation($input: UpdateReleaseInput!) {updateRelease(input: $input) {release {id}}}"
_APP = {"id": str, "currentReleaseUnprocessed": Maybe({"configDefinition": Maybe(dict), "imageRef": Maybe(str)})}
_MADE = {"createRelease": {"release": {"id": str, "version": int}}}


def create(fly: FlyConnection, app: str, machines: Iterable[health.Machine]) -> Evidence:
    """Create a release with the definition and the image of the current one; return its id and version, or nothing.

    A lost answer leaves a release that no machine names, which does no harm.
    """
    if not any(map(_is_managed, machines)):
        return {}
    doing = f"making a release of fly app {app}"
    try:
        found = checked(fly.query(_CURRENT, doing=doing, name=app), {"app": _APP}, doing)["app"]
        current = found["currentReleaseUnprocessed"] or {}
        if not current.get("configDefinition") or not current.get("imageRef"):
            return {}
        copied = {"definition": current["configDefinition"], "image": current["imageRef"]}
        payload = {"appId": found["id"], "platformVersion": "machines", "strategy": "ROLLING", **copied}
        made = checked(fly.mutate(_CREATE, doing=doing, input=payload), _MADE, doing)
    except StoppedError:
        raise
    except RotorError:
        return {}
    return dict(made["createRelease"]["release"])


def close(fly: FlyConnection, release: Evidence, status: str) -> None:
    """Set the status of a release: ``complete`` or ``failed``. One that is left open does no harm."""
    with suppress(RotorError):
        fly.mutate(
            _CLOSE, doing="closing a release", idempotent=True, input={"releaseId": release["id"], "status": status}
        )


def stamped(config: Mapping[str, Any], release: Evidence) -> Mapping[str, Any]:
    """Return a machine's configuration that names this release, where flyctl manages the machine."""
    metadata = config.get("metadata") or {}
    if not release or _PLATFORM not in metadata:
        return config
    named = {"fly_release_id": release["id"], "fly_release_version": str(release["version"])}
    return {**config, "metadata": {**metadata, **named}}


def _is_managed(machine: health.Machine) -> bool:
    return _PLATFORM in ((machine.get("config") or {}).get("metadata") or {})
