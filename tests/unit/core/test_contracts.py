# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a provider's part does when it says nothing of its own."""

from __future__ import annotations

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    Answer,
    Check,
    Consumer,
    Issuer,
    Store,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential


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

    def reload(self, written: object, journal: object) -> dict[str, str]:
        return {}


class PlainCheck(Check):
    @classmethod
    def label(cls, options: object) -> str:
        return "plain"

    def run(self, credential: object, journal: object) -> dict[str, str]:
        return {}


def test_an_issuer_that_says_nothing_lists_nothing_and_proves_nothing() -> None:
    issuer = PlainIssuer({}, None, clock=Clock())
    credential = issuer.mint("rotor-1")
    assert (issuer.mistakes({}, None), issuer.preflight(None), issuer.listed()) == ([], [], [])
    assert issuer.verify(credential) is Answer.UNCLEAR
    issuer.revoke(credential)


def test_a_consumer_that_says_nothing_is_well() -> None:
    consumer = PlainConsumer({}, None, clock=Clock())
    assert (consumer.sick(), consumer.outlook(), consumer.done({})) == ([], [], "reloaded")
    assert not consumer.on_host


def test_a_check_that_says_nothing_has_no_objection() -> None:
    assert PlainCheck.mistakes({}) == []
    assert PlainCheck({}, None, clock=Clock()).preflight() == []


def test_a_store_that_says_nothing_takes_every_name_and_gives_nothing_back() -> None:
    assert Store.mistakes({}, ["ANY"]) == []
    assert not Store.readable
