# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters as AWS tells of them: read in batches, their metadata from one call and their values from another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from ..._core.contracts import Options
from ..._core.credential import SecretValue
from ..._core.errors import PermissionDeniedError, UnexpectedAnswerError
from ..._core.http.shapes import Maybe, moment
from .client import SsmConnection

VERSIONS = 100
"""How many versions of a parameter AWS keeps."""
_SEGMENT = r"[A-Za-z0-9_.-]+"
PATH = rf"^(/{_SEGMENT})+$"
_NAME = re.compile(rf"{_SEGMENT}|(/{_SEGMENT})+")
_LEVELS = 15
_LONGEST_NAME = 1011 - len("arn:aws-us-gov:ssm:ap-southeast-1:123456789012:parameter/")
_LISTED = {
    "Name": str,
    "Version": int,
    "LastModifiedDate": moment,
    "Type": str,
    **dict.fromkeys(("Tier", "KeyId", "Description", "AllowedPattern", "DataType"), Maybe(str)),
}
_WITH_VALUE = {**_LISTED, "Value": lambda found: isinstance(found, str) and found != ""}
_VERSION = {"Version": int, "Labels": Maybe([str])}
_VALUES_AT_ONCE, _DESCRIBED_AT_ONCE = 10, 50
_OURS = "ours"
"""Among the facts that AWS tells of a parameter: it was found by our tag."""


@dataclass(frozen=True)
class Parameter:
    """A parameter's current version. ``value`` is None where it may not be read."""

    name: str
    version: int
    modified_at: str
    type: str
    tier: str
    key_id: str
    description: str
    allowed_pattern: str
    data_type: str
    value: SecretValue | None = None
    is_ours: bool = False
    """Whether AWS lists it among those with the owner tag of this ledger; False also where it was not asked."""


@dataclass(frozen=True)
class Blockade:
    """Labels on the oldest version, which AWS therefore does not drop; ``following`` is the version after it."""

    labels: tuple[str, ...]
    version: int
    following: int


def name_of(container: Options, key: str) -> str:
    return f"{container['path']}/{key}" if container.get("path") else key


def name_problem(container: Options, key: str) -> str:
    """Say what AWS's naming rules have against a name. Its length counts with the ARN: the longest is assumed."""
    name = name_of(container, key)
    if container.get("path") and "/" in key:
        return "the path ends where the key begins: put its slashes into path"
    if not _NAME.fullmatch(name):
        return "AWS takes letters, digits and _.- in parts with a / before each; a single part may go without"
    if name.lower().lstrip("/").startswith(("aws", "ssm")):
        return "AWS keeps names that begin with aws or ssm for itself"
    if name.count("/") > _LEVELS:
        return f"AWS takes {_LEVELS} levels at most"
    return f"AWS takes {_LONGEST_NAME} letters at most" if len(name) > _LONGEST_NAME else ""


class Reader:
    """Reads parameters. Changes nothing.

    ``label`` says in errors whose they are, ``ours`` is the tag of those that this ledger has written: AWS lists many
    of them in one request, where it tells the tags of a parameter one at a time.
    """

    def __init__(self, connection: SsmConnection, label: str, ours: tuple[str, str] | None = None) -> None:
        self._connection = connection
        self._label = label
        self._ours = ours

    def read(self, names: Sequence[str]) -> dict[str, Parameter]:
        """Read the parameters that exist; asked again until both of AWS's calls list the same ones."""
        found = self._connection.clock.poll(lambda: self._read(names), every=1, within=10)
        if found is None:
            raise UnexpectedAnswerError(f"reading {self._label}: AWS gives a parameter that it does not list")
        return found

    def described(self, names: Sequence[str]) -> dict[str, Parameter]:
        """Read the parameters that exist, without their values."""
        return {name: _parameter(facts) for name, facts in self._described(names).items()}

    def unchanged(self, names: Sequence[str], known: Mapping[str, Parameter]) -> dict[str, Parameter] | None:
        """Read values alone; None unless each is of the very version that is known, with all that belongs to it."""
        values = self._values(names)
        if values.keys() != known.keys() or not all(_is_version(known[name], values[name]) for name in values):
            return None
        told = {name: {"type": given["Type"], "value": given["Value"]} for name, given in values.items()}
        return {n: replace(known[n], data_type=values[n].get("DataType", "text"), **told[n]) for n in values}

    def listed(self, path: str | None, *, recursive: bool) -> Iterator[Parameter]:
        """List parameters, without their values."""
        option = "Recursive" if recursive else "OneLevel"
        filters = [{"Key": "Path", "Option": option, "Values": [path]}] if path else []
        yield from map(_parameter, self._pages(filters, f"listing {self._label}"))

    def blockade(self, parameter: Parameter) -> Blockade | None:
        """Find the labels that keep AWS from dropping the oldest version; None where the next one can be made."""
        if parameter.version < VERSIONS:
            return None
        name, doing = parameter.name, f"reading the history of {parameter.name} of {self._label}"
        history = self._connection.pages("GetParameterHistory", doing, "Parameters", _VERSION, resource=name, Name=name)
        versions = sorted((int(item["Version"]), tuple(item.get("Labels", ()))) for item in history)
        if len(versions) < VERSIONS or not versions[0][1]:
            return None
        return Blockade(versions[0][1], versions[0][0], versions[1][0])

    def tags(self, name: str) -> dict[str, str]:
        answer = self._connection.call(
            "ListTagsForResource",
            f"reading the tags of {name} of {self._label}",
            needs={"TagList": [{"Key": str, "Value": str}]},
            resource=name,
            ResourceType="Parameter",
            ResourceId=name,
        )
        return {tag["Key"]: tag["Value"] for tag in answer["TagList"]}

    def _read(self, names: Sequence[str]) -> dict[str, Parameter] | None:
        described = self._described(names)
        values = self._values(names)
        if any(given and name not in described for name, given in values.items()):
            return None
        there = {name: given for name, given in values.items() if name in described}
        return {name: _parameter({**described[name], **given}) for name, given in there.items()}

    def _described(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Look at those with our tag first, and then at those that are left."""
        found: dict[str, dict[str, Any]] = {}
        if self._ours:
            tag, owner = self._ours
            ours = [{"Key": f"tag:{tag}", "Option": "Equals", "Values": [owner]}]
            found = {name: {**facts, _OURS: True} for name, facts in self._filtered(names, ours).items()}
        return found | self._filtered([name for name in names if name not in found], [])

    def _filtered(self, names: Sequence[str], more: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for batch in batches(names, _DESCRIBED_AT_ONCE):
            filters = [{"Key": "Name", "Option": "Equals", "Values": batch}, *more]
            found |= {item["Name"]: item for item in self._pages(filters, f"looking at {self._label}")}
        return found

    def _pages(self, filters: Sequence[Mapping[str, Any]], doing: str) -> Iterator[dict[str, Any]]:
        return self._connection.pages(
            "DescribeParameters", doing, "Parameters", _LISTED, ParameterFilters=filters, MaxResults=_DESCRIBED_AT_ONCE
        )

    def _values(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Read values; a name has no facts where the credentials may not read it, which does not stop a write."""
        found: dict[str, dict[str, Any]] = {}
        for batch in batches(names, _VALUES_AT_ONCE):
            try:
                found |= self._batch(batch)
            except PermissionDeniedError:  # one name, or its KMS key, is enough for AWS to deny them all
                found |= {batch[0]: {}} if len(batch) == 1 else self._one_by_one(batch)
        return found

    def _one_by_one(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        return {name: facts for one in names for name, facts in self._values([one]).items()}

    def _batch(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        answer = self._connection.call(
            "GetParameters",
            f"reading {self._label}",
            needs={"Parameters": [_WITH_VALUE], "InvalidParameters": [str]},
            resource=", ".join(names),
            Names=names,
            WithDecryption=True,
        )
        there = {item["Name"]: {**item, "Value": SecretValue(item["Value"])} for item in answer["Parameters"]}
        if set(names) != {*there, *answer["InvalidParameters"]}:
            raise UnexpectedAnswerError(f"reading {self._label}: AWS did not answer for every parameter")
        return there


def batches(names: Iterable[str], most: int) -> Iterator[list[str]]:
    left = iter(names)
    while batch := list(islice(left, most)):
        yield batch


def _parameter(facts: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=facts["Name"],
        version=int(facts["Version"]),
        modified_at=_moment(facts["LastModifiedDate"]),
        type=facts["Type"],
        tier=facts.get("Tier", "Standard"),
        key_id=facts.get("KeyId", ""),
        description=facts.get("Description", ""),
        allowed_pattern=facts.get("AllowedPattern", ""),
        data_type=facts.get("DataType", "text"),
        value=facts.get("Value"),
        is_ours=_OURS in facts,
    )


def _is_version(known: Parameter, given: Mapping[str, Any]) -> bool:
    if not given:
        return False
    return (known.version, known.modified_at) == (int(given["Version"]), _moment(given["LastModifiedDate"]))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
