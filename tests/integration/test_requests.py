# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests a copy costs: real servers and the stand-in world, each behind a proxy that counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.costs import Requests, store_costs
from tests.sandbox.visitor import Visitor
from tests.servers.moto import Moto, alone
from tests.servers.openbao import OpenBao
from tests.unit.core.doubles import ServersClock

MOST = {
    "vault": Requests(rotation=3, status=1, plan=1, writes=1),
    "ssm": Requests(rotation=3.2, status=0.2, plan=0.2, writes=1),
    "github": Requests(rotation=4, status=1, plan=1, writes=1),
    "infisical": Requests(rotation=3, status=1, plan=1, writes=1),
}
"""For one copy more. An improvement lowers them."""


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[OpenBao, Moto]]:
    with ExitStack() as stack:
        stack.enter_context(alone())
        bao, moto = OpenBao(), Moto()
        stack.callback(bao.stop)
        stack.callback(moto.stop)
        yield bao, moto


def test_requests_for_a_copy(fresh: Visitor, servers: tuple[OpenBao, Moto], tmp_path: Path) -> None:
    found = store_costs(fresh, *servers, tmp_path, ServersClock())

    for store, most in MOST.items():
        assert found[store].rotation <= most.rotation, f"{store}: {found[store]}"
        assert found[store].status <= most.status, f"{store}: {found[store]}"
        assert found[store].plan <= most.plan, f"{store}: {found[store]}"
        assert found[store].writes == most.writes, f"{store}: {found[store]}"
