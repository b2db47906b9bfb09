# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a real server is sealed, and what it says while it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import CheckFailedError, UnexpectedAnswerError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.client import VaultConnection
from tests.servers.openbao import Node, OpenBao
from tests.unit.core.doubles import MemoryCheckpoint, Scripted, VirtualClock

SEAL = {"type": "shamir", "initialized": True, "sealed": True, "t": 3, "n": 5, "progress": 1}


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """Sealed, and never initialized."""
    node = Node()
    yield node
    node.stop()


def check(url: str, clock: VirtualClock, **options: Any) -> Any:
    connection = VaultConnection({"url": url, "token": SecretValue("token-of-the-check")}, clock=clock)
    return registry.find("checks", "vault")(options, connection, clock=clock)


def failure(made: Any) -> CheckFailedError:
    with pytest.raises(CheckFailedError) as caught:
        made.run(None, MemoryCheckpoint())
    return caught.value


def test_server_that_is_unsealed_holds(bao: OpenBao, clock: VirtualClock) -> None:
    made = check(bao.url, clock)
    assert made.run(None, MemoryCheckpoint()) == {"at": bao.url}
    assert made.preflight() == []


def test_sealed_server_is_told_with_its_keys_and_the_command(node: Node, clock: VirtualClock) -> None:
    made = check(node.url, clock, within="20s", every="10s")
    assert failure(made).message == f"Vault at {node.url} was never initialized"
    keys = node.ask("PUT", "sys/init", {"secret_shares": 3, "secret_threshold": 2})["keys"]
    assert failure(made).message == f"Vault at {node.url} is sealed, with 0 of the 2 keys that it takes"
    node.ask("PUT", "sys/unseal", {"key": keys[0]})
    problem = failure(made)
    assert problem.message == f"Vault at {node.url} is sealed, with 1 of the 2 keys that it takes"
    assert f"vault operator unseal -address={node.url} until" in problem.hint
    (told,) = made.preflight()
    assert told == str(problem)

    node.ask("PUT", "sys/unseal", {"key": keys[1]})
    assert made.run(None, MemoryCheckpoint()) == {"at": node.url}


def test_server_that_starts_and_unseals_itself_in_time_holds(script: Scripted) -> None:
    for _attempt in range(5):
        script.answer(502)
    script.answer(502)  # its health, asked for the reason
    script.answer(200, {**SEAL, "type": "awskms"}).answer(200, {**SEAL, "sealed": False})
    assert check(script.url, VirtualClock()).run(None, MemoryCheckpoint()) == {"at": script.url}
    asked = "GET /v1/sys/seal-status"
    assert script.asked == [*[asked] * 5, "GET /v1/sys/health", asked, asked]


def test_server_that_does_not_unseal_itself_is_told(script: Scripted) -> None:
    clock = VirtualClock()
    for _look in range(3):
        script.answer(200, {**SEAL, "type": "awskms"})
    problem = failure(check(script.url, clock, within="2s", every="1s"))
    assert problem.hint.startswith("It unseals itself by awskms: its log says why it does not")
    assert clock.slept == [1, 1]


def test_answer_of_something_else_is_no_vault(script: Scripted, clock: VirtualClock) -> None:
    script.answer(200, {"status": "ok"})
    with pytest.raises(UnexpectedAnswerError, match="without sealed"):
        check(script.url, clock).run(None, MemoryCheckpoint())
