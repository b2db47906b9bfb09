# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes docs/secret-map.md: every option of the map, from the definitions by which the map is validated.

The examples are taken from docs/secret-map.example.yml and from what a provider has beside its page, in
docs/providers/NAME.example.yml. A test reads all of them together, as the engine does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.rotor.secrets.plugins.module_utils._core import durations, references, registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Maker, Overlap, Traits
from ansible_collections.rotor.secrets.plugins.module_utils._core.forwards import OPTION
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map import schema

Node = Mapping[str, Any]

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "docs" / "secret-map.example.yml"
SPECS = ROOT / "roles" / "rotate" / "meta" / "argument_specs.yml"
LONGEST_EXAMPLE = 80
ANSIBLE_TYPES: dict[str, Node] = {"str": {"type": "string"}, "bool": {"type": "boolean"}, "raw": references.SCHEMA}
HEAD = ["| Option | Type | Default | Meaning | Example |", "|---|---|---|---|---|"]
KINDS: dict[str, tuple[str, str, Callable[[str], Node]]] = {
    "issuers": ("`issuer`", "Who makes the credential.", schema.issuer),
    "stores": (
        "An entry of `copies`",
        "One container in one store; all of its keys are written in one go. Its other options are those of the store.",
        schema.copy,
    ),
    "checks": ("An entry of `verify` or `healthy`", "Looks whether something works.", schema.check),
    "consumers": (
        "`secret_consumers`",
        "What runs on copies and must pick up a new one. Each is named once, and may serve many secrets.",
        schema.consumer,
    ),
    "connections": (
        "`secret_connections`",
        "How to reach each system. Only connections that are in use are looked at.",
        schema.connection,
    ),
}
INTRODUCTION = """\
<!-- Made by `make generate`; do not edit. -->
# The secret map

Four variables describe the secrets. Put them into the inventory, in `group_vars/all/secrets.yml` for instance, where
`localhost` sees them.

| Variable | |
|---|---|
| [`secret_map`](#secret_map) | the secrets: who makes each, where its copies are, what proves that it works |
| [`secret_consumers`](#secret_consumers) | what runs on the copies |
| [`secret_connections`](#secret_connections) | how to reach each system |
| [`secret_ledger`](#secret_ledger) | where the ledger is |

A mistake is found before anything is sent, and all mistakes are told at once, each with its path. Editors find them
while you type, with [secret-map.schema.json](secret-map.schema.json). The examples below are parts of
[one map that uses every option](secret-map.example.yml).

A duration is written as `90d`, `36h` or `1h30m`; the units are `w`, `d`, `h`, `m` and `s`.

## Fields and templates

A credential has named fields. `${field}` stands for one, in `keys`, in `derived`, in a check's `header` and `json`,
and in a command's `stdin`. It is expanded in the engine at the moment of use, and Ansible never sees the value.
`{{ … }}` is Ansible's, as everywhere. `$$` is a dollar sign.

| Filter | |
|---|---|
| `${field\\|url}` | percent-encoded, for a part of a URL |
| `${field\\|base64}` | in base64 |
| `${field\\|json}` | as a JSON string, quotes included |
| `${field\\|raw}` | as it is; a URL takes a field only with a filter, so that this is said aloud |

In a check, `${id}` and `${name}` are the provider's id and the name of the new credential.
"""


def text() -> str:
    example = read_example()
    parts = [
        INTRODUCTION,
        *_secret(example),
        *_kind("issuers", example),
        *_kind("stores", example),
        *_kind("checks", example),
        *_kind("consumers", example),
        *_kind("connections", example),
        *_journal(example),
    ]
    return "\n".join(parts)


def read_example() -> dict[str, Any]:
    """Read the example map, and add the entries of each provider's own example to its variables."""
    example: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    for path in sorted((EXAMPLE.parent / "providers").glob("*.example.yml")):
        for variable, entries in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            example[variable] |= entries
    return example


def _secret(example: Any) -> Iterator[str]:
    node = schema.secret()
    step = node["properties"]["rollout"]["items"]
    yield "## `secret_map`\n\nName of each secret to its options. Either `rollout` or `copies` is needed.\n"
    yield from _table(node, node["properties"], [*example["secret_map"].values()])
    for option, of, about in (
        ("rollout", step, "An entry of `rollout`"),
        ("accept", node["properties"]["accept"], "`accept`"),
        ("revoke", node["properties"]["revoke"], "`revoke`"),
        ("guard", node["properties"]["guard"], "`guard`"),
        ("window", node["properties"]["window"], "`window`"),
    ):
        yield f"### {about}\n"
        yield from _table(of, of["properties"], list(_values(example["secret_map"], option)))


def _kind(kind: str, example: Any) -> Iterator[str]:
    """What all types of a kind have, then what each has of its own."""
    title, about, node_of = KINDS[kind]
    nodes = {name: node_of(name) for name in registry.names(kind)}
    shared = {name: option for node in nodes.values() for name, option in node["properties"].items()}
    common = [name for name in schema.GENERIC[kind] if _is_common(name, [*nodes.values()])]
    every = {name: [*_entries(kind, name, example)] for name in nodes}
    first, *_others = nodes.values()
    any_node = {**first, "properties": shared}
    yield f"## {title}\n\n{about}\n"
    yield from _table(any_node, common, [entry for entries in every.values() for entry in entries])
    for name, node in nodes.items():
        yield f"### `{name}`\n"
        yield from _traits(kind, name)
        taken = [] if kind != "checks" else _taken(name)
        own = [option for option in node["properties"] if option not in common or _is_its_own(kind, name, option)]
        yield from _table(node, own, every[name], taken)


def _is_common(option: str, nodes: list[Node]) -> bool:
    """Say whether all types have an option, or all connections but those to hosts."""
    return (option == OPTION and len(nodes) > 1) or all(option in node["properties"] for node in nodes)


def _is_its_own(kind: str, name: str, option: str) -> bool:
    """Say whether a type describes a common option anew."""
    return option in registry.find(kind, name).schema.properties


def _taken(check: str) -> list[str]:
    return ["connection", *schema.inherited(check)] if schema.connection_types("checks", check) else []


def _traits(kind: str, name: str) -> Iterator[str]:
    if kind != "issuers":
        return
    cls = registry.find(kind, name)
    traits: Traits = cls.traits
    if traits.value is Maker.NOBODY:
        yield "Nothing is made, listed or revoked, and the entry has neither `copies` nor `rollout`.\n"
        return
    fields = ", ".join(f"`{field}`" for field in cls.fields)
    if name == "random":
        fields += ", or for a key pair `private` and `public`"
    makes = {"provider": "The provider makes the value.", "ours": "The value is made here."}.get(traits.value, "")
    overlap = {Overlap.OPEN: "The old one is valid until it is revoked.", Overlap.NONE: "It replaces the old one."}
    yield f"Fields: {fields}. {makes} {overlap.get(traits.overlap, '')}\n"


def _journal(example: Any) -> Iterator[str]:
    specs = yaml.safe_load(SPECS.read_text(encoding="utf-8"))["argument_specs"]["inventory"]["options"]
    options: dict[str, Node] = {}
    for name, option in specs["secret_ledger"]["options"].items():
        about = re.sub(r"\b[VCOE]\(([^)]*)\)", r"`\1`", option["description"])
        options[name] = {**ANSIBLE_TYPES[option["type"]], "description": about}
    yield "## `secret_ledger`\n\nMay be left out.\n"
    yield from _table({"properties": options, "required": []}, options, [example["secret_ledger"]])
    yield "What losing it or its key means is said in [operations.md](operations.md#the-ledger-and-its-key)."
    yield ""


# -- the example ------------------------------------------------------------------------------------------------


def _entries(kind: str, name: str, example: Any) -> Iterator[Node]:
    if kind in ("connections", "consumers"):
        yield from (entry for entry in example[f"secret_{kind}"].values() if entry["type"] == name)
    elif kind == "stores":
        copies = (copy for copies in _values(example, "copies") for copy in copies)
        yield from (copy for copy in copies if example["secret_connections"][copy["store"]]["type"] == name)
    else:
        yield from (node for node in _mappings(example["secret_map"]) if node.get("type") == name)


def _values(node: Any, option: str) -> Iterator[Any]:
    """What stands under an option, wherever it does; the entries of a list one by one, for ``rollout``."""
    for mapping in _mappings(node):
        if option in mapping:
            yield from mapping[option] if option == "rollout" else [mapping[option]]


def _mappings(node: Any) -> Iterator[Node]:
    if isinstance(node, dict):
        yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _mappings(child)


# -- tables -----------------------------------------------------------------------------------------------------


def _table(node: Node, options: Iterable[str], entries: list[Node], taken: Iterable[str] = ()) -> list[str]:
    rows = [_row(node, option, entries, taken) for option in options]
    return [*HEAD, *rows, ""] if rows else ["No options of its own.\n"]


def _row(node: Node, name: str, entries: list[Node], taken: Iterable[str]) -> str:
    option = node["properties"][name]
    default = _code(option["default"]) if "default" in option else ""
    if name in node["required"]:
        default = "required"
    elif {"required": [name]} in node.get("oneOf", ()):
        default = "one of " + " and ".join(f"`{one['required'][0]}`" for one in node["oneOf"])
    if name in taken:
        default = "that of the step's copy"
    example = next((entry[name] for entry in entries if name in entry), None)
    about = _sentence(option["description"])
    return f"| `{name}` | {_type(option)} | {default} | {about} | {_example(example)} |"


def _type(option: Node) -> str:
    if option.get("oneOf") == references.SCHEMA["oneOf"]:
        return "credential"
    if option.get("pattern", "").startswith(durations.PATTERN):
        return "duration"
    if "enum" in option:
        return " or ".join(f"`{choice}`" for choice in option["enum"])
    if "oneOf" in option:
        return " or ".join(map(_type, option["oneOf"]))
    if "enum" in option.get("items", ()):
        return f"list of {_type(option['items'])}"
    if "const" in option:
        return f"`{option['const']}`"
    names = {"object": "mapping", "array": "list"}
    kinds = option["type"] if isinstance(option["type"], list) else [option["type"]]
    return " or ".join(str(names.get(kind, kind)) for kind in kinds)


def _sentence(about: str) -> str:
    about = about.removesuffix(".")
    if not re.match(r"[a-z_]+:", about):  # such a word is a choice
        about = about[0].upper() + about[1:]
    return _escaped(re.sub(r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|\$\{[^}]*\}", lambda m: f"`{m[0]}`", about))


def _example(value: Any) -> str:
    if value is None:
        return ""
    code = _code(value)
    return code if len(code) <= LONGEST_EXAMPLE else "see below"


def _code(value: Any) -> str:
    flow = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return f"`{_escaped(flow.removesuffix(chr(10)).removesuffix(chr(10) + '...'))}`"


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")
