# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes every file that follows from the providers and the modules, so that nobody lists them by hand."""

from __future__ import annotations

import ast
import importlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.report import status_result
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map import editor_schema
from tools import issuer_pages, secret_map_doc

ROOT = Path(__file__).resolve().parents[1]
FRAGMENTS = "ansible_collections.rotor.secrets.plugins.doc_fragments"
COLLECTION = "rotor.secrets."
GUARD = f"{COLLECTION}http_secret"
"""The action that runs a module which has none of its own, and refuses to leave its credentials in a file."""
TABLE = ("<!-- made by `make generate`: systems -->\n", "<!-- end -->\n")


def runtime() -> str:
    """Return meta/runtime.yml with the action groups that the documentation names, and the action of each module."""
    groups: dict[str, list[str]] = defaultdict(list)
    for module in modules():
        for group in _memberships(module):
            groups[group.removeprefix(COLLECTION)].append(module)
    routed = [module for module in modules() if not _has_action(module)]
    kept = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    content = {
        "requires_ansible": kept["requires_ansible"],
        "action_groups": dict(sorted(groups.items())),
        "plugin_routing": {"modules": {module: {"action_plugin": GUARD} for module in routed}},
    }
    return "---\n# Made by `make generate`; only requires_ansible is written by hand.\n" + yaml.dump(
        content, Dumper=_Indented, sort_keys=False, default_flow_style=False
    )


class _Indented(yaml.SafeDumper):
    """Indents lists, as yamllint wants them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def providers() -> str:
    """Return docs/providers.md with its table of systems made anew."""
    path = ROOT / "docs" / "providers.md"
    before, _start, rest = path.read_text(encoding="utf-8").partition(TABLE[0])
    _old, _end, after = rest.partition(TABLE[1])
    return before + TABLE[0] + "".join(f"{row}\n" for row in _systems(before + after)) + TABLE[1] + after


def _systems(page: str) -> Iterator[str]:
    yield "| System | In the map | Modules |"
    yield "|---|---|---|"
    for name, provider in sorted(registry.providers().items(), key=lambda item: item[1].title.lower()):
        offers = [f"{kind[:-1]} `{type_}`" for kind in registry.KINDS[1:] for type_ in getattr(provider, kind)]
        named = [f"`{module}`" for module in modules() if f"{COLLECTION}{name}" in _memberships(module)]
        yield f"| {_linked(name, provider.title, page)} | {', '.join(offers)} | {', '.join(named)} |"


def _linked(name: str, title: str, page: str) -> str:
    if (ROOT / "docs" / "providers" / f"{name}.md").exists():
        return f"[{title}](providers/{name}.md)"
    return f"[{title}](#{name})" if f"## `{name}`" in page else title


def modules() -> list[str]:
    return sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))


def _has_action(module: str) -> bool:
    return (ROOT / "plugins" / "action" / f"{module}.py").exists()


@cache
def _memberships(module: str) -> list[str]:
    """Return the action groups that a module's documentation names, itself or in a fragment."""
    for source in sources(module):
        if "action_group" in source.get("attributes", {}) and "membership" in source["attributes"]["action_group"]:
            groups: list[str] = source["attributes"]["action_group"]["membership"]
            return groups
    return []


def sources(module: str) -> list[Mapping[str, Any]]:
    """Return a module's documentation, and the fragments that it extends."""
    documentation = _documentation(module)
    return [documentation, *map(_fragment, documentation.get("extends_documentation_fragment", ()))]


def _documentation(module: str) -> Mapping[str, Any]:
    tree = ast.parse((ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8"))
    texts = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    documentation: Mapping[str, Any] = yaml.safe_load(texts["DOCUMENTATION"])
    return documentation


def _fragment(name: str) -> Mapping[str, Any]:
    if not name.startswith(COLLECTION):
        return {}
    file, _dot, part = name.removeprefix(COLLECTION).partition(".")
    fragment = importlib.import_module(f"{FRAGMENTS}.{file}").ModuleDocFragment
    options: Mapping[str, Any] = yaml.safe_load(getattr(fragment, part.upper() or "DOCUMENTATION"))
    return options


FILES: Mapping[str, Callable[[], str]] = {
    "meta/runtime.yml": runtime,
    "docs/providers.md": providers,
    "docs/secret-map.md": secret_map_doc.text,
    "docs/secret-map.schema.json": editor_schema.text,
    "docs/status.schema.json": status_result.text,
    "docs/evidence/issuers.md": issuer_pages.lines,
    **{f"docs/providers/{name}.md": partial(issuer_pages.page, name) for name in issuer_pages.names()},
}


def main() -> None:
    for name, make in FILES.items():
        (ROOT / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
