# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issuers of every kind that is not a plain token, in a :mod:`world`, such as test.fake.reset.

Where a new value ends the old one, it ends whatever else is valid in the world: there is one account in it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    Answer,
    Handwork,
    Issuer,
    Listed,
    Maker,
    Options,
    Overlap,
    Recover,
    Remains,
    Revocation,
    Schema,
    Traits,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConflictError
from tests.unit.engine import fakes
from tests.unit.engine.world import Issued, World, offer

LIVES_ON = timedelta(days=1)


class _Kind(Issuer):
    fields: ClassVar[tuple[str, ...]] = ("token",)
    schema = Schema({})

    @property
    def world(self) -> World:
        return self.connection.world

    @classmethod
    def label(cls, options: Options) -> str:
        return cls.__name__.lower()

    def verify(self, credential: Credential) -> Answer:
        def look() -> Answer:
            lives = self.world.lives(credential.fields["token"].reveal())
            return Answer.ACCEPTED if lives else Answer.REFUSED

        return self.world.call("show", credential.name, look)


class Reset(_Kind):
    """One value for the whole account, which can be read; a reset makes the next one, and has no id."""

    traits = Traits(Maker.PROVIDER, Overlap.NONE, Revocation.AUTO, Recover.READABLE)

    def mint(self, name: str) -> Credential:
        return self._known(self.world.call("mint", name, lambda: _only(self.world, name)), name)

    def recover(self, name: str) -> Credential | None:
        return self._known(self.world.call("read", "account", lambda: self.world.alive[-1]), name)

    @staticmethod
    def _known(one: Issued, name: str) -> Credential:
        return Credential(None, name, {"token": SecretValue(one.value)})


class Replaced(_Kind):
    """A new key replaces the old one at once; keys are listed with their names, and shown but once."""

    traits = Traits(Maker.PROVIDER, Overlap.NONE, Revocation.API, Recover.RECONCILE)

    def mint(self, name: str) -> Credential:
        one: Issued = self.world.call("mint", name, lambda: _only(self.world, name))
        return Credential(one.id, name, {"token": SecretValue(one.value)})

    def listed(self) -> list[Listed]:
        def look() -> list[Listed]:
            lives = self.world.lives
            return [Listed(o.id, o.name, revoked=not lives(o.value)) for o in self.world.issued.values()]

        return self.world.call("list", "keys", look)


class Shown(_Kind):
    """A new key replaces the old one at once, is shown but once, and nobody lists it."""

    traits = Traits(Maker.PROVIDER, Overlap.NONE, Revocation.AUTO, Recover.NONE)
    mint = Reset.mint
    _known = staticmethod(Reset._known)


class Mute(Shown):
    """Nor does it say whether a key is valid."""

    def verify(self, credential: Credential) -> Answer:
        return Answer.UNCLEAR


class Chosen(_Kind):
    """We choose the value, as for a database's only role; to set it ends the old one."""

    traits = Traits(Maker.OURS, Overlap.NONE, Revocation.AUTO, Recover.OURS, activates=True)

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        one = self.world.issue(name, engine=True)
        one.revoked = True  # until it is activated
        return Credential(one.id, name, {"token": SecretValue(one.value)})

    def activate(self, credential: Credential) -> None:
        def end_the_others() -> None:
            for one in self.world.issued.values():
                one.revoked = one.id != credential.id

        self.world.call("activate", credential.name, end_the_others)


class Rolled(Replaced):
    """The old key lives on for a day."""

    traits = Traits(Maker.PROVIDER, Overlap.TIMED, Revocation.AUTO, Recover.RECONCILE)

    @classmethod
    def ends_after(cls, options: Options) -> timedelta:
        return LIVES_ON

    def mint(self, name: str) -> Credential:
        one: Issued = self.world.call("mint", name, lambda: _roll(self.world, name))
        return Credential(one.id, name, {"token": SecretValue(one.value)})


class Unlisted(Shown):
    """The old key lives on for a day; the new one is shown but once, and nobody lists them."""

    traits = Traits(Maker.PROVIDER, Overlap.TIMED, Revocation.AUTO, Recover.NONE)
    ends_after = Rolled.ends_after

    def mint(self, name: str) -> Credential:
        return self._known(self.world.call("mint", name, lambda: _roll(self.world, name)), name)


class Queued(Chosen):
    """We choose the value, as for a webhook's signing secret; the old one lives on for a day."""

    traits = Traits(Maker.OURS, Overlap.TIMED, Revocation.AUTO, Recover.OURS, activates=True)
    ends_after = Rolled.ends_after

    def activate(self, credential: Credential) -> None:
        def put_first() -> None:
            one = self.world.issued[str(credential.id)]
            if one.revoked:
                _end_in_a_day(self.world)
                one.revoked, one.ends_at = False, None

        self.world.call("activate", credential.name, put_first)


class Shelved(Replaced):
    """Keys stand side by side, with their values, until they are deleted."""

    traits = Traits(Maker.PROVIDER, Overlap.OPEN, Revocation.API, Recover.READABLE)

    def mint(self, name: str) -> Credential:
        return self._known(self.world.call("mint", name, lambda: self.world.issue(name, engine=True)))

    def recover(self, name: str) -> Credential | None:
        def read() -> Issued | None:
            return next((one for one in self.world.alive if one.name == name), None)

        found = self.world.call("read", name, read)
        return self._known(found) if found else None

    def revoke(self, credential: Credential) -> None:
        def delete() -> None:
            self.world.issued[str(credential.id)].revoked = True

        self.world.call("revoke", str(credential.id), delete)

    @staticmethod
    def _known(one: Issued) -> Credential:
        return Credential(one.id, one.name, {"token": SecretValue(one.value)})


class Switched(Shelved):
    """Keys stand side by side; the provider signs with one of them, from an hour after it was made."""

    def in_use_from(self, credential: Credential) -> datetime | None:
        one = self.world.issued[str(credential.id)]
        ready = one.created_at + timedelta(hours=1)
        return ready if one.role != "in use" and ready > self.world.clock.now() else None

    def put_in_use(self, credential: Credential) -> None:
        def switch() -> None:
            for one in self.world.issued.values():
                one.role = "in use" if one.id == credential.id else None

        self.world.call("activate", credential.name, switch)

    def revoke(self, credential: Credential) -> None:
        if self.world.issued[str(credential.id)].role == "in use":
            self.world.violations.append(f"revoked {credential.id}, which is in use")
        super().revoke(credential)


class Roles(_Kind):
    """Two roles take turns: a new password goes to the one that is not in use."""

    traits = Traits(Maker.OURS, Overlap.OPEN, Revocation.API, Recover.OURS, activates=True, alternating=True)
    schema = Schema({"roles": {"type": "array", "items": {"type": "string"}, "description": "made up"}}, ("roles",))

    @classmethod
    def identities(cls, options: Options) -> tuple[str, ...]:
        return tuple(options["roles"])

    def generate(self, name: str, taken: Collection[str] = ()) -> Credential:
        free = [role for role in self.options["roles"] if role not in taken]
        if not free:
            raise ConflictError("no role is free")
        one = self.world.issue(name, engine=True, role=free[0])
        one.revoked = True  # until it is activated
        return Credential(free[0], name, {"token": SecretValue(one.value)})

    def activate(self, credential: Credential) -> None:
        def set_password() -> None:
            for one in self._of(credential.id):
                one.revoked = one.value != credential.fields["token"].reveal()

        self.world.call("activate", credential.name, set_password)

    def revoke(self, credential: Credential) -> None:
        def lock_out() -> None:
            for one in self._of(credential.id):
                one.revoked = True

        self.world.call("revoke", str(credential.id), lock_out)

    def listed(self) -> list[Listed]:
        def look() -> list[Listed]:
            roles = dict.fromkeys([*self.options["roles"], *self.known])
            return [Listed(role, role, revoked=all(one.revoked for one in self._of(role))) for role in roles]

        return self.world.call("list", "roles", look)

    def still_there(self, identities: Collection[str]) -> list[str]:
        return self.world.call("ask", "roles", lambda: [one for one in identities if one not in self.world.dropped])

    def remains(self, identity: str) -> Remains:
        return Remains([f"{identity} has a table"], self.world.problems.get("drop", []))

    def drop(self, identity: str) -> None:
        self.world.call("drop", identity, lambda: self.world.dropped.add(identity))

    def _of(self, role: str | None) -> list[Issued]:
        return [one for one in self.world.issued.values() if one.role == role]


class Handmade(_Kind):
    """A person makes and ends its keys in a console, and whoever has one can show it."""

    traits = Traits(Maker.PERSON, Overlap.OPEN, Revocation.PERSON, Recover.OURS)

    @classmethod
    def handwork(cls, options: Options) -> Handwork:
        return Handwork("console.test, Keys", "press New", "press Delete", pattern=r"value-[\w-]+")


class Handlisted(Handmade):
    """It lists the keys that a person has made, and ends one by a call."""

    traits = Traits(Maker.PERSON, Overlap.OPEN, Revocation.API, Recover.OURS)
    listed = Replaced.listed
    revokes_by_value = True

    def revoke(self, credential: Credential) -> None:
        def end() -> None:
            for one in self.world.issued.values():
                one.revoked |= one.value == credential.fields["token"].reveal()

        self.world.call("revoke", str(credential.id), end)

    def take(self, name: str, fields: Mapping[str, SecretValue]) -> Credential:
        found = next((one for one in self.world.issued.values() if one.value == fields["token"].reveal()), None)
        if found is None:
            raise ConflictError("no key of the account is this value")
        return Credential(found.id, name, fields)


class Untold(Handmade):
    """Nor does it say whether a key is valid."""

    verify = Issuer.verify


class Handpair(Untold):
    """Its value is a pair."""

    fields = ("id", "secret")

    @classmethod
    def handwork(cls, options: Options) -> Handwork:
        return Handwork("console.test, Keys", "press New", "press Delete", patterns={"id": r"id-\d+"})


def _only(world: World, name: str) -> Issued:
    for one in world.issued.values():
        one.revoked = True
    return world.issue(name, engine=True)


def _roll(world: World, name: str) -> Issued:
    _end_in_a_day(world)
    return world.issue(name, engine=True)


def _end_in_a_day(world: World) -> None:
    for one in world.issued.values():
        one.ends_at = one.ends_at or world.clock.now() + LIVES_ON


KINDS: dict[str, Any] = {
    kind.__name__.lower(): kind
    for kind in (Reset, Replaced, Shown, Mute, Chosen, Rolled, Unlisted, Queued, Shelved, Switched, Roles)
}


BY_HAND: dict[str, Any] = {kind.__name__.lower(): kind for kind in (Handmade, Handlisted, Untold, Handpair)}


def install() -> None:
    """Offer them beside the tokens of test.fake."""
    offered = {**KINDS, **BY_HAND}
    issuers = {**fakes.FAKE.issuers, **{name: f"rotor_provider:{kind.__name__}" for name, kind in offered.items()}}
    kinds = {kind.__name__: kind for kind in offered.values()}
    offer("test.fake", SimpleNamespace(**fakes._HERE, **kinds, PROVIDER=replace(fakes.FAKE, issuers=issuers)))
