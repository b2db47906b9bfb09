# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every part of the map as closed JSON Schemas: the engine's own, and those that each class declares.

A map is validated part by part, since the class of a part is found on the way; the editors' schema is made of the same
definitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from ....module_utils._core import durations, references, registry
from ....module_utils._core.contracts import Consumer, Maker, Schema
from ....module_utils._core.deps import library
from ....module_utils._core.errors import ConfigurationError
from . import each
from .model import FORMERLY

Json = dict[str, Any]

ENTRY_NAME = r"^[A-Za-z_][A-Za-z0-9_.-]*$"
"""The form of a secret's name."""
EVENTS = ("never", "on_change", "on_compromise", "on_provider_change")
"""What ``max_age`` says of a secret that has no age."""
MAX_AGE = f"{durations.PATTERN}|^({'|'.join(EVENTS)})$"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TIME = r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"
FOREIGN = r"^[a-z_][a-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){2}$"
"""The form of a type that another collection offers."""
GENERIC = {
    "connections": ("type", "via", "for_each", "formerly"),
    "stores": ("store", "keys", "ignore_shadows", "for_each"),
    "issuers": ("type", "connection", "current_id"),
    "consumers": ("type", "connection", "host", "healthy", "for_each", "first", "reload"),
    "checks": ("type", "connection", "proves"),
}
"""The options of each kind that are the engine's; all others belong to the class."""

_ANY: Json = {"type": "object"}
_NAME: Json = {"type": "string", "minLength": 1}
_EACH: Json = {
    each.OPTION: {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "description": f"one of it for each item of this list, such as that of a group's hosts; {each.PLACE} stands "
        "for it in the other options. A consumer or a connection has it behind its name; reload takes either name",
    }
}
_FIRST: Json = {
    "type": "integer",
    "minimum": 1,
    "description": "how many of them are reloaded first, and have to be well before all others are, at once; unless "
    "said, they go one after the other. It needs for_each",
}
_PLAIN_MAPPING = {"type", "description"}
_PLAIN_TEXT = {*_PLAIN_MAPPING, "minLength", "default"}
_PLAIN_OPTIONS = {*_PLAIN_MAPPING, "properties", "required", "additionalProperties"}
"""The keywords of a node that can be judged without the library."""
_TYPE: Json = {"type": "string", "description": "which kind it is; one of another collection goes by its full name"}


def _text(description: str, **more: Any) -> Json:
    return {"type": "string", "minLength": 1, "description": description, **more}


def _names(description: str, **items: Any) -> Json:
    items = items or _NAME
    return {"type": "array", "items": items, "uniqueItems": True, "description": description}


def _duration(description: str, **more: Any) -> Json:
    return {"type": "string", "pattern": durations.PATTERN, "minLength": 2, "description": description, **more}


def _flag(description: str) -> Json:
    return {"type": "boolean", "default": False, "description": description}


def _list(items: Json, description: str) -> Json:
    return {"type": "array", "items": items, "minItems": 1, "description": description}


def _enum(members: list[str], description: str, **more: Any) -> Json:
    return {"enum": members, **more, "description": description}


def _closed(properties: Mapping[str, Any], required: tuple[str, ...] = (), **more: Any) -> Json:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
        **more,
    }


def connection(name: str) -> Json:
    """Describe an entry of ``secret_connections``."""
    cls = registry.find("connections", name)
    own: Schema = cls.schema
    undeclared = [option for option in cls.references if option.partition(".")[0] not in own.properties]
    credentials = dict.fromkeys(undeclared, references.SCHEMA)
    formerly = _names("what the same system was called before its address changed, as the plan says it")
    generic = {"type": _TYPE, **_EACH, **_via(cls), FORMERLY: formerly}
    return _node(generic, Schema({**credentials, **own.properties}, own.required, own.one_of), ("type",))


def copy(name: str) -> Json:
    """Describe an entry of ``copies``; ``name`` is the type of the connection that it is stored through."""
    keys = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"minLength": 1},
        "additionalProperties": {"type": "string", "minLength": 1},
        "description": "key: template, such as {DATABASE_URL: '${url}'}; "
        "unless said, the secret's name holds the credential's only field",
    }
    ignored = {
        "oneOf": [{"const": "all"}, {"type": "array", "items": _NAME, "minItems": 1, "uniqueItems": True}],
        "description": "the places that may hide it with another value, such as an environment of the repository; all: "
        "nobody looks for any",
    }
    return _container(registry.find("stores", name).schema, {"keys": keys, "ignore_shadows": ignored, **_EACH})


def place(name: str) -> Json:
    """Describe a container in which a key is read; its ``key`` has become the only one of its ``keys``."""
    store = registry.find("stores", name)
    return _container(store.to_read or store.schema, {"keys": {"propertyNames": {"minLength": 1}}})


def _container(own: Schema, more: Json) -> Json:
    generic = {"store": _text("the connection, by its name, that it is stored through"), **more}
    return _node(generic, own, ("store",))


def issuer(name: str) -> Json:
    """Describe the entry ``issuer``."""
    current = _text("the provider's id of the credential that was in use before the ledger knew any")
    needed = {"type": _TYPE, **_connection("issuers", name)}
    return _node({**needed, "current_id": current}, registry.find("issuers", name).schema, tuple(needed))


def consumer(name: str, *, check: Json | None = None) -> Json:
    """Describe an entry of ``secret_consumers``."""
    cls = registry.find("consumers", name)
    needed = {"type": _TYPE, **_connection("consumers", name)}
    if cls.on_host:
        needed["host"] = _text("the inventory host that it runs on")
    description = "checks of its health, made before and after a reload"
    healthy = {"type": "array", "items": check or _ANY, "description": description}
    about = "await: others release it; a rotation waits until they have, and goes on from there"
    awaited = {"reload": _enum(["await"], about)} if is_awaitable(name) else {}
    first = {each.FIRST: _FIRST} if goes_first_by_group(name) else {}
    node = _node({**needed, "healthy": healthy, **awaited, **_EACH, **first}, cls.schema, tuple(needed))
    return {**node, **({"dependentRequired": {each.FIRST: [each.OPTION]}} if first else {})}


def check(name: str) -> Json:
    """Describe an entry of ``verify`` or ``healthy``; a copy may give its connection and :func:`inherited` options."""
    about = "use: something works with the new credential; life: something answers"
    proves = _enum(["use", "life"], about, default="life")
    cls = registry.find("checks", name)
    generic = {"type": _TYPE, **_connection("checks", name), "proves": proves}
    return _node({**generic, **_via(cls)}, cls.schema, ("type",))


def inherited(name: str) -> list[str]:
    """List the options of a check that, left out, are those of the step's copy in the same system."""
    own = registry.find("checks", name).schema
    return [option for option in own.required if own.properties.get(option, {}).get("type") == "string"]


def secret(
    issuer: Json | None = None, copy: Json | None = None, check: Json | None = None, *, copied: bool = True
) -> Json:
    """Describe an entry of ``secret_map``; parts that are validated on their own may be any mapping.

    ``copied``: it has to name its copies.
    """
    issuer, copy, check = issuer or _ANY, copy or _ANY, check or _ANY
    step = {
        "copies": _list(copy, "where the secret is stored: one entry for each container, which is written in one go"),
        "reload": _names(
            "the consumers that are to pick it up, by their names, one after the other; those of a list in it at once",
            oneOf=[_NAME, {"type": "array", "items": _NAME, "minItems": 1, "uniqueItems": True}],
        ),
        "verify": {"type": "array", "items": check, "description": "what must hold before anything else is done"},
    }
    rollout = {
        "name": _text("what people call this step"),
        "environment": _text("the environment it belongs to; rotate_environments picks by it"),
        **step,
    }
    retain = "current: the sealed value in use stays in the ledger after its rotation"
    properties = {
        "description": _text("what it is for"),
        "owner": _text("who answers for it"),
        "max_age": {
            **_duration(f"the age at which it is due, such as 90d; or, with max_age_reason, {', '.join(EVENTS)}"),
            "pattern": MAX_AGE,
        },
        "max_age_reason": _text("why it has no age"),
        "blast_radius": _text("what stands still if this goes wrong"),
        "issuer": {**issuer, "description": "who makes the credential"},
        "derived": {
            "type": "object",
            "propertyNames": {"pattern": r"^[A-Za-z_]\w*$", "description": "url or read_only_url"},
            "additionalProperties": {"type": "string", "minLength": 1},
            "description": "name: template of the credential's fields and of the names above it",
        },
        "rollout": _list(
            _closed(rollout, ("copies",) if copied else ()), "ordered steps; each begins when the one before is proven"
        ),
        **step,
        "accept": _closed(step, ("copies",), description="what lets old and new in: written first, narrowed at last"),
        "revoke": _revoke(),
        "retain": _enum(["none", "current"], retain, default="none"),
        "guard": _guard(),
        "connections": _names(
            "the connections that are opened with it, or secret_ledger: the old one ends once they have the new one"
        ),
        "window": _window(),
    }
    if not copied:
        return _closed(properties, ("issuer",))
    steps = {"oneOf": [{"required": ["copies"]}, {"required": ["rollout"]}]}
    beside = {"dependentRequired": {"reload": ["copies"], "verify": ["copies"]}}
    return _closed(properties, ("issuer",), **steps, **beside)


def uncopied(issuer: Json | None = None, copy: Json | None = None, check: Json | None = None) -> Json:
    """Describe an entry of ``secret_map`` that may name no copy."""
    return secret(issuer, copy, check, copied=False)


def unrotated(issuer: Json | None = None) -> Json:
    """Describe an entry of ``secret_map`` that nobody rotates."""
    known = secret(issuer)["properties"]
    options = ("description", "owner", "blast_radius", "issuer")
    return _closed({option: known[option] for option in options}, ("issuer",))


def _revoke() -> Json:
    about = "unused: its provider saw nobody use it since; drained: jobs that were queued with it have ended"
    require = _names(about, enum=["unused", "drained"])
    accept = _enum(["use", "life"], "what each step must have proven; use, unless the issuer has nothing to revoke")
    after = _duration("how long the old credential lives on", default="0s")
    properties = {
        "after": after,
        "require": require,
        "accept": accept,
        "confirm": _flag("a person says yes to each revoke, by rotate_approve, once everything else is done"),
        "same_job": _flag("the job that has asked may bring the yes itself; it needs confirm"),
        "for": _duration("how long a yes is good for; it needs confirm", default="24h"),
    }
    beside = {option: ["confirm"] for option in ("same_job", "for")}
    return _closed(properties, description="when the old one is revoked", dependentRequired=beside)


def _window() -> Json:
    """Describe a window; YAML reads an unquoted ``22:00`` as the number of its minutes."""

    def moment(about: str, default: str) -> Json:
        return {"type": ["string", "integer"], "pattern": TIME, "minimum": 0, "maximum": 24 * 60, "default": default,
                "description": about}  # fmt: skip

    properties = {
        "days": {**_names("the days on which it opens; every day, unless said", enum=list(DAYS)), "minItems": 1},
        "from": moment("when it opens", "00:00"),
        "to": moment("when it closes; on the next day, if that is before it opens", "24:00"),
        "tz": _text("the time zone, such as Europe/Berlin"),
    }
    return _closed(properties, ("tz",), description="outside of it, no rotation of it is begun")


def _guard() -> Json:
    allow = _enum(["confirmed", "compromised"], "what lets it be rotated", default="confirmed")
    reason = _text("why it is not rotated like others")
    return _closed({"reason": reason, "allow": allow}, ("reason",), description="only rotated when it is confirmed")


def _node(generic: Json, own: Schema, required: tuple[str, ...]) -> Json:
    node = _closed({**generic, **own.properties}, (*required, *own.required))
    if own.one_of:
        node["oneOf"] = [{"required": [option]} for option in own.one_of]
    return node


def _connection(kind: str, name: str) -> Json:
    return {"connection": _text("the connection, by its name")} if connection_types(kind, name) else {}


def _via(cls: Any) -> dict[str, Json]:
    about = "the inventory host behind which it is: it is reached by an SSH forward through it"
    return {"via": _text(about)} if getattr(cls, "takes_via", False) else {}


def is_unrotated(name: str) -> bool:
    """Say whether nobody rotates what has this built-in issuer."""
    return name in registry.names("issuers") and registry.find("issuers", name).traits.value is Maker.NOBODY


def may_be_uncopied(name: str) -> bool:
    """Say whether what has this built-in issuer may have no copy."""
    return name in registry.names("issuers") and not registry.find("issuers", name).needs_copies


def asks_issuer(check: str) -> bool:
    """Say whether a check asks the secret's issuer for the last use."""
    return bool(getattr(registry.find("checks", check), "asks_issuer", False))


def goes_first_by_group(consumer: Any) -> bool:
    """Say whether ``first`` is about what ``for_each`` makes; a type may have such an option of its own."""
    try:
        return each.FIRST not in registry.find("consumers", str(consumer)).schema.properties
    except ConfigurationError:
        return False


def is_awaitable(consumer: str) -> bool:
    """Say whether a consumer shows when others have released it."""
    shows = getattr(registry.find("consumers", consumer), "instances", Consumer.instances)
    return shows is not Consumer.instances


@cache
def connection_types(kind: str, name: str) -> tuple[str, ...]:
    """List the connection types that a type works on, those of its own provider; empty if it needs none."""
    if not getattr(registry.find(kind, name), "connected", True):
        return ()
    home = name.rpartition(".")[0]
    return tuple(f"{home}.{one}" if home else one for one in sorted(registry.provider(kind, name).connections))


_NODES = {
    "connections": connection,
    "stores": copy,
    "places": place,
    "issuers": issuer,
    "consumers": consumer,
    "checks": check,
}


def errors(kind: str, name: str, raw: Any) -> Iterable[Any]:
    """Yield jsonschema's errors of a node of a class, or of an entry: a secret, uncopied or unrotated."""
    validator = _validator(kind, name)
    return () if _plainly_fits(raw, validator.schema) else validator.iter_errors(raw)


@cache
def _validator(kind: str, name: str) -> Any:
    """Compile a schema once."""
    entries = {"secret": secret, "uncopied": uncopied, "unrotated": unrotated}
    node = entries[kind]() if kind in entries else _NODES[kind](name)
    return _validator_class()(node)


@cache
def _validator_class() -> Any:
    """Make a validator that has nothing to say of what plainly fits: of a large map it would take most of the time."""
    jsonschema = library("jsonschema")
    draft = jsonschema.Draft202012Validator
    checks = {name: _unless_plain(draft.VALIDATORS[name]) for name in ("properties", "items")}
    return jsonschema.validators.extend(draft, checks)


def _unless_plain(check: Any) -> Any:
    """Leave out of a keyword's check the members of a node that plainly fit."""

    def left(validator: Any, schemas: Any, instance: Any, schema: Any) -> Any:
        if isinstance(instance, dict):
            schemas = {name: one for name, one in schemas.items() if not _plainly_fits(instance.get(name), one)}
        elif isinstance(instance, list) and all(_plainly_fits(item, schemas) for item in instance):
            return iter(())
        return check(validator, schemas, instance, schema)

    return left


def _plainly_fits(value: Any, node: Json | bool) -> bool:
    """Whether a value fits what asks for strings and mappings of such; all others are left to the library."""
    if not isinstance(node, dict):
        return False
    if isinstance(value, str):
        return node.keys() <= _PLAIN_TEXT and node.get("type") == "string" and len(value) >= node.get("minLength", 0)
    if not isinstance(value, dict) or node.get("type") != "object":
        return False
    known = node.get("properties", {})
    return node.keys() <= _PLAIN_MAPPING or (
        node.keys() <= _PLAIN_OPTIONS
        and value.keys() <= known.keys()
        and value.keys() >= {*node.get("required", ())}
        and all(_plainly_fits(item, known[name]) for name, item in value.items())
    )
