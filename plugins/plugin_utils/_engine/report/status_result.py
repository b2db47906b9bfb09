# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of ``rotation_status`` for machines, and its JSON Schema, kept as ``docs/status.schema.json``."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from ....module_utils._core.errors import ConfigurationError
from ..decide import approval
from ..decide.case import Case
from ..decide.state import CredentialRow, CredentialState, Freeze, Mark, Origin
from ..secret_map.model import Copy
from .claims import Basis, Claim, Fact
from .status import SecretCondition, SecretStatus
from .wording import listing

Json = dict[str, Any]
SCHEMA_VERSION = 1
"""Raised when a property is renamed, removed, or means something else; new properties leave it."""
FAIL_ON = (
    SecretCondition.HELD,
    SecretCondition.DEAD,
    SecretCondition.DRIFTED,
    SecretCondition.OVERDUE,
    SecretCondition.LEFT_ALIVE,
    SecretCondition.UNREACHABLE,
    SecretCondition.AWAITING,
    SecretCondition.UNFINISHED,
    SecretCondition.UNKNOWN,
)
"""What is no state of a rotation that goes well. A lost ledger shows in nothing but ``unknown``."""


def parse_fail_on(names: Collection[str]) -> set[SecretCondition]:
    """Return the conditions that end a status red; ConfigurationError for an unknown name."""
    for name in names:
        if name not in list(FAIL_ON):
            near = get_close_matches(name, FAIL_ON, 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(FAIL_ON)}"
            raise ConfigurationError(f"status_fail_on: there is no {name}", hint=hint)
    return {SecretCondition(name) for name in names}


def result(
    items: Sequence[SecretStatus],
    fail_on: set[SecretCondition],
    approve: Callable[[Case], str],
    ends: Mapping[str, datetime],
    freeze: Freeze | None,
) -> Json:
    """Build the action's result; failed when a secret is in one of the conditions ``fail_on``.

    ``approve`` tells how to say yes to what waits for it; ``ends``: when the credentials of connections expire.
    """
    bad = {item.case.secret.name: [one for one in item.conditions if one in fail_on] for item in items}
    red = [f"{name} is {' and '.join(conditions)}" for name, conditions in bad.items() if conditions]
    msg = {"msg": f"status_fail_on: {listing(red, 20)}"}
    secrets = [_secret(item, approve) for item in items]
    connections = [{"name": name, "expires_at": _time(end)} for name, end in ends.items()]
    found = {"secrets": secrets, "connections": connections, "freeze": _freeze(freeze)}
    return {"changed": False, "failed": bool(red), **(msg if red else {}), "schema_version": SCHEMA_VERSION, **found}


def _freeze(freeze: Freeze | None) -> Json | None:
    if freeze is None:
        return None
    return {"since": _time(freeze.since), "until": _time(freeze.until), "by": freeze.by, "reason": freeze.reason}


def _secret(item: SecretStatus, approve: Callable[[Case], str]) -> Json:
    case, state, hold = item.case, item.case.state, item.case.state.hold
    asked = approval.unanswered(case) if item.asks else []
    since = state.current.minted_at if state.current else None
    return {
        "name": case.secret.name,
        "state": item.state,
        "conditions": item.conditions,
        "why": item.due.why,
        "asked_at": _time(case.now),
        "age": int((case.now - since).total_seconds()) if since else None,
        "due_at": _time(item.due_at),
        "waits_until": _time(item.waits.until if item.waits else None),
        "approval": {
            "since": _time(min(one.at for one in asked if one.at)),
            "runs": list(dict.fromkeys(one.run for one in asked)),
            "command": approve(case),
        }
        if asked
        else None,
        "waits_for_connections": list(item.late),
        "waits_for_release": item.releases or None,
        "departed": list(item.departed),
        "held": {"since": _time(hold.since), "at": _time(hold.at), "run": hold.run, "reason": hold.reason}
        if hold
        else None,
        "credentials": [_credential(item, row) for row in state.credentials if row.alive],
        "copies": [_copy(item, copy) for copy in case.secret.copies],
        "consumers": [_consumer(item, name) for name in case.secret.consumers],
    }


def _credential(item: SecretStatus, row: CredentialRow) -> Json:
    """Describe a credential; its life by the first claim about it, which is the strongest."""
    life = item.life(row)[0]
    return {
        **_named(row),
        "state": row.state,
        "origin": row.origin,
        "fingerprint": row.fingerprint,
        "minted_at": _time(row.minted_at),
        "accepted_at": _time(row.accepted_at),
        "closed_at": _time(row.closed_at),
        "life": {"is": life.fact, "basis": life.fact.basis, "at": _time(life.at), "problem": life.note or None},
    }


def _copy(item: SecretStatus, copy: Copy) -> Json:
    mark, now = item.case.state.holdings.get(copy.id), item.seen.get(copy.id)
    return {
        "name": copy.label,
        "copy_id": copy.id,
        "keys": sorted(copy.keys),
        **_marked(item, mark),
        "now": now.fact if now else Fact.UNSEEN,
        "problem": (now.note if now else "") or None,
    }


def _consumer(item: SecretStatus, name: str) -> Json:
    may_run = [_named(one) for one in item.may_run_on(name)]
    return {"name": name, **_marked(item, item.case.state.running.get(name)), "may_run_on": may_run}


def _marked(item: SecretStatus, mark: Mark | None) -> Json:
    row = item.case.state.credential(mark.credential) if mark else None
    return {
        "credential": _named(row) if row else None,
        "evidence": dict(mark.evidence) if mark else None,
        "at": _time(mark.at) if mark else None,
    }


def _named(credential: CredentialRow | Claim) -> Json:
    return {"name": credential.name, "id": credential.provider_id}


def _time(time: datetime | None) -> str | None:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}" if time else None


# -- the schema -----------------------------------------------------------------------------------------------------


def json_schema() -> Json:
    """Describe the result; what is null is not known to the ledger, or was not asked."""
    text, time, problem = {"type": "string"}, _nullable("string", format="date-time"), _nullable("string")
    named: Json = {"name": text, "id": _nullable("string", "the provider's id")}
    mark = {
        "credential": _nullable_object(named, "what the ledger saw there last"),
        "evidence": _nullable("object", "what the system gave as proof: versions, digests, times; never a value"),
        "at": time | {"description": "when the ledger saw it"},
    }
    life = {
        "is": _enum(fact for fact in Fact if fact not in _OF_PLACES),
        "basis": _enum(Basis),
        "at": time | {"description": "when it was seen"},
        "problem": problem,
    }
    credential = {
        **named,
        "state": _enum(one for one in CredentialState if one is not CredentialState.REVOKED),
        "origin": _enum(Origin),
        "fingerprint": _nullable("string", "the ledger's keyed fingerprint of the value"),
        **dict.fromkeys(("minted_at", "accepted_at", "closed_at"), time),
        "life": _object(life),
    }
    copy = {
        "name": text,
        "copy_id": text | {"description": "the name for rotate_forget"},
        "keys": _list(text),
        **mark,
        "now": _enum(_OF_COPIES) | {"description": "how it compares with what the ledger wrote"},
        "problem": problem,
    }
    question = {"since": time, "runs": _list(text), "command": text}
    hold = {"since": time, "at": time, "run": text, "reason": text}
    freeze = {"since": time, "until": time, "by": text, "reason": text}
    secret = {
        "name": text,
        "state": _enum(SecretCondition) | {"description": "the gravest of the conditions"},
        "conditions": _list(_enum(SecretCondition)),
        "why": text,
        "asked_at": time,
        "age": _nullable("integer", "seconds since the current credential was made"),
        "due_at": time | {"description": "when the current credential is due, by max_age or by its provider's end"},
        "waits_until": time | {"description": "the end of the old credential's grace"},
        "approval": _nullable_object(question, "which runs ask for a person's yes to a revoke, and how it is given"),
        "waits_for_connections": _list(text)
        | {"description": "what has yet to be opened with the new credential, before the old one is revoked"},
        "waits_for_release": _nullable("string", "the consumer that others have yet to release"),
        "departed": _list(text)
        | {"description": "identities, such as login roles, that have left the entry, and that its provider still has"},
        "held": _nullable_object(hold, "why the last run could not go on"),
        "credentials": _list(_object(credential)) | {"description": "all that are alive by the ledger"},
        "copies": _list(_object(copy)),
        "consumers": _list(_object({"name": text, **mark, "may_run_on": _list(_object(named))})),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Result of rotor.secrets.rotation_status",
        "type": "object",
        "required": ["schema_version", "secrets"],
        "properties": {
            "schema_version": {"const": SCHEMA_VERSION},
            "secrets": _list(_object(secret)),
            "connections": _list(_object({"name": text, "expires_at": time}))
            | {"description": "those whose system tells when their credential expires"},
            "freeze": _nullable_object(freeze, "until when nothing is rotated or revoked, and by whose word"),
        },
    }


_OF_COPIES = (Fact.UNCHANGED, Fact.CHANGED, Fact.GONE, Fact.IN_DOUBT, Fact.UNSEEN, Fact.UNANSWERED)
_OF_PLACES = {
    *(fact for fact in _OF_COPIES if fact is not Fact.UNANSWERED),
    *(Fact.HOLDS, Fact.RUNS, Fact.MAY_HOLD, Fact.MAY_RUN, Fact.NAMED, Fact.NOWHERE),
    *(Fact.ABSENT, Fact.PRESENT, Fact.UNLOOKED),
}


def _object(properties: Mapping[str, Any]) -> Json:
    closed = {"required": list(properties), "additionalProperties": False}
    return {"type": "object", **closed, "properties": dict(properties)}


def _nullable_object(properties: Mapping[str, Any], description: str) -> Json:
    return {"anyOf": [_object(properties), {"type": "null"}], "description": description}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _enum(members: Any) -> Json:
    return {"enum": [str(member) for member in members]}


def _nullable(kind: str, description: str = "", **more: str) -> Json:
    return {"type": [kind, "null"], **more, **({"description": description} if description else {})}


def text() -> str:
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
