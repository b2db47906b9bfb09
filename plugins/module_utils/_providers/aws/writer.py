# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes parameters: each in a request of its own, whose answer tells whether somebody else was there meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..._core.credential import SecretValue
from ..._core.errors import CrossedError, OutcomeUnknownError, UnexpectedAnswerError, after_an_effect
from ..._core.http.shapes import Maybe
from .client import SsmConnection
from .parameters import Blockade, Parameter, Reader, batches
from .settings import Settings

_ATTEMPTS = 3
_DELETED_AT_ONCE = 10


class Writer:
    """Writes parameters with these settings. ``label`` says in errors whose they are."""

    def __init__(self, connection: SsmConnection, label: str, settings: Settings) -> None:
        self._connection = connection
        self._label = label
        self._settings = settings
        self._reader = Reader(connection, label)

    def put(self, name: str, value: SecretValue, there: Parameter | None) -> int:
        """Write the next version of a parameter and return its number."""
        due = there.version + 1 if there else 1
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                made = self._send(name, value, there)
            except OutcomeUnknownError:
                with after_an_effect():
                    arrived = self._has_arrived(name, value, due)
                if arrived:
                    return due
                if arrived is None or attempt == _ATTEMPTS:
                    raise
                continue
            if made != due:
                raise self._crossed(name, due, made)
            return made
        raise AssertionError("the last attempt returns or raises")

    def tag(self, name: str, tags: Mapping[str, str]) -> dict[str, str]:
        """Add the tags that are missing; return all that it has now."""
        there = self._reader.tags(name)
        missing = {key: tag for key, tag in tags.items() if there.get(key) != tag}
        if missing:
            self._connection.call(
                "AddTagsToResource",
                f"tagging {name} of {self._label}",
                resource=name,
                repeatable=True,
                ResourceType="Parameter",
                ResourceId=name,
                Tags=[{"Key": key, "Value": tag} for key, tag in missing.items()],
            )
        return {**there, **missing}

    def move_labels(self, name: str, blockade: Blockade) -> None:
        """Move labels to the following version; AWS reports a label that it refuses in a 200."""
        doing = f"moving the labels of version {blockade.version} of {name} of {self._label}"
        answer = self._connection.call(
            "LabelParameterVersion",
            doing,
            needs={"ParameterVersion": int, "InvalidLabels": Maybe([str])},
            resource=name,
            repeatable=True,
            Name=name,
            ParameterVersion=blockade.following,
            Labels=list(blockade.labels),
        )
        if refused := answer.get("InvalidLabels"):
            raise UnexpectedAnswerError(f"{doing}: AWS does not take {', '.join(refused)}")

    def delete(self, names: Sequence[str]) -> None:
        for batch in batches(names, _DELETED_AT_ONCE):
            doing = f"deleting {', '.join(batch)} of {self._label}"
            answer = self._connection.call(
                "DeleteParameters",
                doing,
                needs={"DeletedParameters": [str], "InvalidParameters": [str]},
                resource=", ".join(batch),
                repeatable=True,
                Names=batch,
            )
            if set(batch) != {*answer["DeletedParameters"], *answer["InvalidParameters"]}:
                raise UnexpectedAnswerError(f"{doing}: AWS did not answer for every parameter")

    def _send(self, name: str, value: SecretValue, there: Parameter | None) -> int:
        answer = self._connection.call(
            "PutParameter",
            f"writing {name} of {self._label}",
            needs={"Version": int},
            resource=name,
            Name=name,
            Value=value.reveal(),
            Overwrite=there is not None,
            **(self._settings.for_next(there) if there else self._settings.for_new()),
        )
        return int(answer["Version"])

    def _has_arrived(self, name: str, value: SecretValue, due: int) -> bool | None:
        """Return whether a write without an answer has arrived; None where the value may not be read."""
        now = self._reader.read([name]).get(name)
        version = now.version if now else 0
        if version == due - 1:
            return False
        if now and version == due and now.value is None:
            return None
        if now and version == due and now.value == value:
            return True
        raise self._crossed(name, due, version)

    def _crossed(self, name: str, due: int, made: int) -> CrossedError:
        return CrossedError(
            f"writing {name} of {self._label}: it has version {made} now where {due} was due, "
            "since somebody else has written it at the same time",
            hint="No value is lost: see both in the parameter's history, and run again",
        )
