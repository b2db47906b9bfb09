# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Listed
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import CheckFailedError
from tests.unit.core.described import KEY
from tests.unit.core.doubles import VirtualClock

AHEAD = timedelta(hours=1)
"""By so much the provider's clock is ahead of ours."""


class Provider:
    """Lists one key, which is used ``after`` so many seconds."""

    def __init__(self, clock: VirtualClock, id_: str, after: float | None) -> None:
        self.clock, self.id = clock, id_
        self.connection = SimpleNamespace(server_time=self.now)
        self.use_at = None if after is None else self.now() + timedelta(seconds=after)

    def now(self) -> datetime:
        return self.clock.now() + AHEAD

    def listed(self) -> list[Listed]:
        used = self.use_at if self.use_at and self.use_at <= self.now() else None
        return [Listed(self.id, "rotor-1", last_used_at=used)]


def check(after: float | None, id_: str = "7", **options: Any) -> tuple[Any, VirtualClock]:
    clock = VirtualClock()
    made = registry.find("checks", "used")(options, None, clock=clock)
    made.issuer = Provider(clock, id_, after)
    return made, clock


def test_use_after_the_check_has_begun_is_proof() -> None:
    used, clock = check(after=40)
    begun = clock.now()
    evidence = used.run(KEY, None)
    assert evidence == {"last_used_at": (begun + AHEAD + timedelta(seconds=40)).isoformat()}
    assert clock.now() == begun + timedelta(seconds=45)


@pytest.mark.parametrize(("after", "id_"), [(None, "7"), (-1, "7"), (0, "7"), (700, "7"), (40, "8")], ids=str)
def test_missing_earlier_or_foreign_use_proves_nothing(after: float | None, id_: str) -> None:
    used, _clock = check(after, id_)
    with pytest.raises(CheckFailedError, match="has not seen rotor-1 in use since"):
        used.run(KEY, None)


def test_wait_is_as_long_as_the_map_says() -> None:
    used, _clock = check(after=700, within="20m", every="1m")
    assert used.run(KEY, None)["last_used_at"]


def test_check_without_a_credential_fails() -> None:
    used, _clock = check(after=1)
    with pytest.raises(CheckFailedError):
        used.run(None, None)
