# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module reaches a JSON API, and how its options describe it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._core import references
from ..._core.contracts import Options
from .client import HEADER, SCHEME, HttpConnection
from .description import NOTHING

ACCESS: dict[str, dict[str, Any]] = {
    "url": {"type": "str", "required": True},
    "token": {"type": "str", "no_log": True},
    "header": {"type": "str", "default": HEADER},
    "scheme": {"type": "str", "default": SCHEME},
    "headers": {"type": "dict"},
    "ca_cert": {"type": "path"},
}


def _change(method: str, *, body: bool) -> dict[str, dict[str, Any]]:
    return {
        "method": {"type": "str", "choices": ["PUT", "PATCH", "POST", "DELETE"], "default": method},
        "path": {"type": "str"},
        "body": {"type": "raw", "required": body},
        "ok": {"type": "list", "elements": "int"},
        "success": {"type": "dict"},
    }


CONTAINER: dict[str, dict[str, Any]] = {
    "path": {"type": "str", "required": True},
    "write": {"type": "dict", "options": _change("PUT", body=True)},
    "read": {"type": "dict", "options": {"path": {"type": "str"}, "evidence": {"type": "dict", "required": True}}},
    "delete": {"type": "dict", "options": _change("DELETE", body=False)},
}
NEEDED = [("state", "present", ("write",)), ("state", "absent", ("delete",))]


def connect(params: Mapping[str, Any]) -> HttpConnection:
    options = {name: params[name] for name in ("url", "header", "scheme", "headers", "ca_cert")}
    if params["token"]:
        options["token"] = params["token"]
    return references.connect(HttpConnection, options)


def container(params: Mapping[str, Any]) -> Options:
    parts = {name: _given(params[name]) for name in ("write", "read", "delete") if params[name] is not None}
    return {"path": params["path"], "read": NOTHING, **parts}


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
