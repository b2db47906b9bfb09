# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our issuers make, and end, in the eyes of the vendors' own client libraries.

`make venv-clients` makes the environment that these have; without it, they are not asked.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Maker
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from tests.conformance import columns
from tests.conformance.issuers.bench import IssuerBench
from tests.sandbox.apis import ADMIN
from tests.sandbox.visitor import Visitor
from tests.unit.core.doubles import MemoryCheckpoint, ScriptedServer, ServersClock

from . import vendor_clients

VENV = Path(sys.prefix).with_name("venv-clients")
NAME = "rotor-7f3a-1"
STRIPE = """
import json, stripe, sys
def told(body, header):
    try:
        return stripe.Webhook.construct_event(body, header, secret, tolerance=10**9).type
    except stripe.SignatureVerificationError as error:
        return type(error).__name__
secret, sent = json.load(sys.stdin)
print(json.dumps([told(*one) for one in sent]))
"""


def here() -> list[type[IssuerBench]]:
    """The issuers of these vendors that make keys."""
    own = {
        name for vendor in vendor_clients.CLIENTS for name in getattr(registry.providers().get(vendor), "issuers", ())
    }
    made = {name for name in own if registry.find("issuers", name).traits.value is Maker.PROVIDER}
    kinds = (column.kind for column in columns.issuers())
    return [kind for kind in kinds if issubclass(kind, IssuerBench) and kind.issuer_type in made]


class Process:
    """A vendor's library in its own interpreter, which gets nothing of our environment."""

    def __init__(self, vendor: str) -> None:
        command = [str(VENV / "bin" / "python"), "-I", vendor_clients.__file__, vendor]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self._process = subprocess.Popen(command, env={}, text=True, **pipes)

    def carry_out(self, deed: str, world: Visitor, options: Any, **asked: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        facts = {"url": world.url, "admin": world.credentials[ADMIN], "options": dict(options)}
        self._process.stdin.write(json.dumps({"deed": deed, "asked": asked, **facts}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self._process.stderr.read()
        return json.loads(line)

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="module")
def clients() -> Iterator[Callable[[str], Process]]:
    if not (VENV / ".made").exists():
        pytest.skip("the vendors' client libraries are not here: make venv-clients")
    running: dict[str, Process] = {}

    def of(vendor: str) -> Process:
        return running.setdefault(vendor, running.get(vendor) or Process(vendor))

    yield of
    for process in running.values():
        process.stop()


@pytest.mark.parametrize("kind", here(), ids=lambda kind: kind.title)
def test_vendors_client_sees_uses_and_loses_what_ours_made(
    clients: Callable[[str], Process], brisk: Visitor, kind: type[IssuerBench]
) -> None:
    brisk.tell("switch", page_size=2)
    bench, client = kind(brisk), clients(kind.provider)
    issuer, options = bench.issuer(), {**kind.options, **getattr(kind, "account", {})}
    made, other, last = (issuer.mint(issuer.spell(name)) for name in (NAME, f"{NAME}-other", f"{NAME}-last"))
    fields = {name: value.reveal() for name, value in made.fields.items()}

    listed = client.carry_out("listed", brisk, options)
    assert listed.items() >= {one.id: one.name for one in (made, other, last)}.items()
    assert client.carry_out("use", brisk, options, fields=fields) is None

    issuer.revoke(made)
    assert client.carry_out("use", brisk, options, fields=fields) == "refused"
    assert client.carry_out("listed", brisk, options).keys() == listed.keys() - {made.id}


def test_anthropics_client_sees_the_end_of_a_key_that_a_person_made(
    clients: Callable[[str], Process], brisk: Visitor
) -> None:
    brisk.tell("switch", page_size=1)
    client = clients("anthropic")
    admin = {"url": f"{brisk.url}/anthropic", "token": SecretValue(brisk.credentials[ADMIN])}
    old, new = (
        brisk.act("make_anthropic_key", path="/v1/organizations/api_keys", name=name) for name in ("old", "new")
    )
    connection = registry.find("connections", "anthropic")(admin, clock=ServersClock())
    issuer = registry.find("issuers", "anthropic_api_key")({}, connection, clock=ServersClock())
    taken = issuer.take(NAME, {"token": SecretValue(old["value"])})
    assert taken.id == old["id"]
    assert client.carry_out("listed", brisk, {}) == {old["id"]: "old", new["id"]: "new"}

    issuer.disable(taken)
    assert client.carry_out("use", brisk, {}, fields={"token": old["value"]}) == "refused"
    issuer.enable(taken)
    assert client.carry_out("use", brisk, {}, fields={"token": old["value"]}) is None
    issuer.revoke(taken)
    uses = [client.carry_out("use", brisk, {}, fields={"token": key["value"]}) for key in (old, new)]
    assert uses == ["refused", None]
    assert client.carry_out("listed", brisk, {}) == {new["id"]: "new"}


@pytest.mark.skipif(not (VENV / ".made").exists(), reason="Stripe's library is not here: make venv-clients")
def test_stripes_library_takes_an_event_of_ours_and_no_forged_one() -> None:
    secret = "whsec_of-the-library"
    options = {"secret": "${value}", "dialect": "stripe", "retries": 0, "in_a_row": 1}
    with ScriptedServer() as script:
        script.answer(200).answer(400)
        check = registry.find("checks", "signed_request")({**options, "url": script.url}, None, clock=ServersClock())
        check.run(Credential("1", NAME, {"value": SecretValue(secret)}), MemoryCheckpoint())
        sent = [[got.body.decode(), got.headers["Stripe-Signature"]] for got in script.received]
    command = [str(VENV / "bin" / "python"), "-I", "-c", STRIPE]
    told = subprocess.run(command, env={}, input=json.dumps([secret, sent]), capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == ["rotor.check", "SignatureVerificationError"]
