# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a provider's part does when it says nothing of its own."""

from __future__ import annotations

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    Answer,
    Check,
    Consumer,
    Issuer,
    Limits,
    Maker,
    Revocation,
    Store,
    Traits,
    by_version,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.hosts import HostCommand, HostConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.fly.store import FlySecrets


class PlainIssuer(Issuer):
    @classmethod
    def label(cls, options: object) -> str:
        return "plain"

    def mint(self, name: str) -> Credential:
        return Credential(None, name, {})


class PlainConsumer(Consumer):
    @classmethod
    def label(cls, options: object) -> str:
        return "plain"

    def reload(self, written: object, checkpoint: object) -> dict[str, str]:
        return {}


class PlainCheck(Check):
    @classmethod
    def label(cls, options: object) -> str:
        return "plain"

    def run(self, credential: object, checkpoint: object) -> dict[str, str]:
        return {}


def test_an_issuer_that_says_nothing_lists_nothing_and_proves_nothing() -> None:
    issuer = PlainIssuer({}, None, clock=Clock())
    credential = issuer.mint("rotor-1")
    assert (issuer.validate({}, None), issuer.preflight(None), issuer.listed()) == ([], [], [])
    assert issuer.verify(credential) is Answer.UNCLEAR
    issuer.revoke(credential)


def test_a_consumer_that_says_nothing_is_well() -> None:
    consumer = PlainConsumer({}, None, clock=Clock())
    assert (consumer.health_problems(), consumer.preview(), consumer.summary({})) == ([], [], "reloaded")
    assert not consumer.on_host


def test_a_check_that_says_nothing_has_no_objection() -> None:
    assert PlainCheck.validate({}) == []
    assert PlainCheck({}, None, clock=Clock()).preflight() == []


def test_a_store_that_says_nothing_takes_every_name_and_gives_nothing_back() -> None:
    assert Store.validate({}, ["ANY"]) == []
    assert not Store.readable


class Drawer(Store):
    limits = Limits(value_bytes=4)


@pytest.mark.parametrize(("value", "fits"), [("four", True), ("fives", False), ("öö", True), ("ööö", False)])
def test_a_store_refuses_values_beyond_its_limit_in_bytes(value: str, fits: bool) -> None:
    refused = Drawer.reject_values({}, {"GOOD": SecretValue("ok"), "KEY": SecretValue(value)})
    assert refused == ([] if fits else ["KEY: the value is longer than the 4 bytes that are allowed"])


def test_a_store_without_a_known_limit_refuses_no_value() -> None:
    assert Store.reject_values({}, {"KEY": SecretValue("x" * 1_000_000)}) == []


def test_a_store_without_a_ledgers_key_compares_within_the_process() -> None:
    stores = [FlySecrets(None, clock=Clock()) for _turn in range(2)]
    prints = [store.fingerprint(SecretValue("the-same-value")) for store in stores]
    assert prints[0] == prints[1]
    assert [store.owner_tag for store in stores] == ["", ""]


def test_a_host_connection_speaks_to_nobody_until_an_action_gives_it_a_host() -> None:
    connection = HostConnection({}, clock=Clock())
    assert connection.host is None
    assert connection.probe() == "inventory hosts"


def test_a_value_for_a_hosts_standard_input_is_not_shown() -> None:
    assert "the-value" not in repr(HostCommand("cat", stdin=SecretValue("the-value")))


def test_versions_are_told_by_key_where_there_are_several() -> None:
    first, second = {"KEY": {"version": 3}}, {"OTHER": {"version": 1}}
    assert by_version({"keys": first}) == "version 3"
    assert by_version({"keys": first | second}) == "KEY version 3, OTHER version 1"
    assert by_version({"keys": {}}) == "absent"


def test_traits_take_texts_and_refuse_unknown_ones() -> None:
    traits = Traits("ours", "none", "auto", "ours")  # type: ignore[arg-type]
    assert (traits.value, traits.revoke) == (Maker.OURS, Revocation.AUTO)
    with pytest.raises(ValueError, match="apy"):
        Traits("ours", "none", "apy", "ours")  # type: ignore[arg-type]
