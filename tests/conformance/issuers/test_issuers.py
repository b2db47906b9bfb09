# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every issuer has to do: a credential's life, answers that prove nothing, and answers that get lost."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    Answer,
    Issuer,
    Maker,
    Overlap,
    Recover,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    AuthenticationError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RotorError,
    UnavailableError,
)
from tests.conformance.found import Found

from .bench import IssuerBench, Watched

LEVEL, ORDER = "issuers", 1
NAME = "rotor-7f3a-1"
PROVE_NOTHING: Mapping[str, Mapping[str, Any]] = {
    "403": {"kind": "status", "status": 403},
    "429": {"kind": "status", "status": 429},
    "500": {"kind": "status", "status": 500},
    "503": {"kind": "status", "status": 503},
    "a page for people": {"kind": "html", "status": 200},
    "half an answer": {"kind": "truncated"},
    "no answer": {"kind": "reset_after"},
}


def named(issuer: Watched, name: str = NAME) -> list[str]:
    return [key.id for key in issuer.listed() if key.name == issuer.spell(name) and not key.revoked]


def alive(issuer: Watched) -> set[str]:
    return {key.id for key in issuer.listed() if not key.revoked}


def revocable(issuer: Watched, name: str = NAME) -> Credential:
    """A credential that may be revoked: no provider works with it alone."""
    made = issuer.make(name)
    if issuer.switches:
        issuer.make("another")
    return made


def ended(issuer: Watched, bench: IssuerBench) -> Credential:
    """A credential that has had its end: revoked, or replaced where there is one at a time."""
    old = revocable(issuer, "rotor-7f3a-0")
    if issuer.traits.ends_the_old:
        issuer.make("another")
        bench.pass_overlap()
    else:
        issuer.revoke(old)
    return old


@pytest.mark.row("a new credential is accepted")
def test_mint(issuer: Watched, bench: IssuerBench, found: Found) -> None:
    made = issuer.make(NAME)
    identified = bool(made.id) or issuer.traits.ends_the_old
    found.expect(made.name == issuer.spell(NAME) and identified, "has no id, or another name")
    if bench.kind.verify is not Issuer.verify:
        found.expect(issuer.answer(made) is Answer.ACCEPTED, "is not accepted")
    found.expect(issuer.preflight(made.id) == [], "preflight does not know it")
    found.expect(bench.asked("mint") == 1, "took more than one request")


@pytest.mark.row("a credential that has had its end is refused")
@pytest.mark.needs("showing")
def test_end(issuer: Watched, bench: IssuerBench, found: Found) -> None:
    found.expect(issuer.answer(ended(issuer, bench)) is Answer.REFUSED, "is not refused")


@pytest.mark.row("preflight tells that the current one is gone")
@pytest.mark.needs("a list")
def test_gone(issuer: Watched, bench: IssuerBench, found: Found) -> None:
    found.expect(issuer.preflight(ended(issuer, bench).id) != [], "says nothing")


@pytest.mark.row("the list goes on over pages")
@pytest.mark.needs("pages")
def test_pages(issuer: Watched, bench: IssuerBench, found: Found) -> None:
    bench.world.tell("switch", page_size=2)
    made = [issuer.mint(f"{NAME}{number}").id for number in range(5)]
    before = bench.asked("list")
    found.expect(set(made) <= {key.id for key in issuer.listed()}, "lacks some")
    found.expect(bench.asked("list") - before >= 3, "took fewer requests than there are pages")


@pytest.mark.parametrize("answer", PROVE_NOTHING)
@pytest.mark.row("…, when a credential is shown, proves nothing")
@pytest.mark.needs("showing")
def test_proof(issuer: Watched, bench: IssuerBench, found: Found, answer: str) -> None:
    made = issuer.make(NAME)
    for what, credential in (("a live one", made), ("a dead one", ended(issuer, bench))):
        bench.fault("verify", times=20, **PROVE_NOTHING[answer])
        found.expect(issuer.answer(credential) is Answer.UNCLEAR, f"{what} is taken for {issuer.answer(credential)}")
        bench.world.http.delete(f"{bench.world.url}/oracle/faults", timeout=10)


@pytest.mark.row("revoked twice is no error")
@pytest.mark.needs("revoke")
def test_revoke_twice(issuer: Watched, bench: IssuerBench, found: Found) -> None:
    made, other = issuer.make(NAME), issuer.make("another")
    for _turn in range(2):
        issuer.revoke(Credential(made.id, made.name, {}))
    found.expect(alive(issuer) & {made.id, other.id} == {other.id}, "the list says something else")


@pytest.mark.row("a revoke whose answer is lost is made up for")
@pytest.mark.needs("revoke")
def test_revoke_lost(issuer: Watched, bench: IssuerBench, found: Found) -> None:
    made = revocable(issuer)
    bench.fault("revoke", kind="reset_after")
    issuer.revoke(made)
    found.expect(made.id not in alive(issuer), "it is still listed")


@pytest.mark.row("a mint that is lost before its effect is not sent again")
def test_lost_before(issuer: Watched, bench: IssuerBench, found: Found) -> None:
    before = alive(issuer)
    bench.fault("mint", kind="reset_before")
    with found.raises(OutcomeUnknownError, UnavailableError):
        issuer.make(NAME)
    found.expect(bench.asked("mint") == 1, "was sent again")
    found.expect(alive(issuer) == before, "left something behind")


@pytest.mark.parametrize("answer", ["no answer", "half an answer", "a page for people"])
@pytest.mark.row("a mint with … is unknown, and what it made is found")
def test_lost_after(issuer: Watched, bench: IssuerBench, found: Found, answer: str) -> None:
    if issuer.traits.value is Maker.OURS:
        _activate_again(issuer, bench, found, answer)
        return
    readable = issuer.traits.recover is Recover.READABLE
    there = issuer.recover(NAME) if readable else None
    fresh = there.fields if there else {}
    bench.fault("mint", after=True, **PROVE_NOTHING[answer])
    if issuer.traits.overlap is Overlap.NONE and answer != "no answer":
        with found.may_raise(OutcomeUnknownError):
            issuer.mint(NAME)
    else:
        with found.raises(OutcomeUnknownError):
            issuer.mint(NAME)
    found.expect(bench.asked("mint") == 1, "was sent again")
    if readable:
        now = issuer.recover(NAME)
        found.expect(now.fields != fresh and in_force(issuer, bench, now), "cannot be read back")
        return
    orphans = named(issuer)
    found.expect(len(orphans) == 1, "cannot be found by its name")
    for orphan in orphans:
        issuer.revoke(Credential(orphan, NAME, {}))
    found.expect(named(issuer) == [], "cannot be revoked by its id alone")


def in_force(issuer: Watched, bench: IssuerBench, credential: Credential) -> bool:
    """Whether its provider accepts it, or lists it where it cannot be shown."""
    if bench.kind.verify is Issuer.verify:
        return credential.id in alive(issuer)
    accepted: bool = issuer.answer(credential) is Answer.ACCEPTED
    return accepted


def _activate_again(issuer: Watched, bench: IssuerBench, found: Found, answer: str) -> None:
    """The value is ours, and is there: it is set again."""
    credential = issuer.generate(NAME)
    bench.fault("mint", after=True, **PROVE_NOTHING[answer])
    with found.may_raise(OutcomeUnknownError):
        issuer.activate(credential)
    found.expect(bench.asked("mint") == 1, "was sent again")
    issuer.activate(credential)
    found.expect(in_force(issuer, bench, credential), "is not in force")


@pytest.mark.row("a mint with a late effect is found once it has had it")
@pytest.mark.needs("a list")
def test_late(issuer: Watched, bench: IssuerBench, found: Found) -> None:
    before = alive(issuer)
    bench.gate("mint")
    with ThreadPoolExecutor(1) as pool:
        minting = pool.submit(issuer.make, NAME)
        bench.world.ask("gate", wait=120)
        found.expect(alive(Watched(bench.issuer(), found)) == before, "is listed too early")
        bench.world.tell("gate/release")
        made = minting.result(30)
    found.expect(alive(issuer) - before == {made.id}, "is not found")


@pytest.mark.row("a credential that is not known everywhere yet is accepted in a while")
@pytest.mark.needs("tuning")
@pytest.mark.needs("showing")
def test_slow(issuer: Watched, bench: IssuerBench, found: Found) -> None:
    bench.tune(slow=2)
    made = issuer.mint(NAME)
    answers = [issuer.answer(made) for _turn in range(3)]
    found.expect(answers == [Answer.REFUSED, Answer.REFUSED, Answer.ACCEPTED], f"answers {answers}")


@pytest.mark.row("a full quota is an error, and nothing is made")
@pytest.mark.needs("tuning")
def test_quota(issuer: Watched, bench: IssuerBench, found: Found) -> None:
    bench.tune(quota=0)
    with found.raises(RotorError) as caught:
        issuer.mint(NAME)
    found.expect(not isinstance(caught.error, OutcomeUnknownError), "is told as unknown")
    found.expect(named(issuer) == [], "left something behind")


@pytest.mark.row("the key that the connection itself uses")
@pytest.mark.needs("revoke")
@pytest.mark.needs("its own kind")
def test_own_key(issuer: Watched, bench: IssuerBench, found: Found) -> None:
    own = issuer.mint(NAME)
    with_own = Watched(bench.issuer(own.fields["token"]), found)
    if with_own.is_own(own.id):
        found.says("told", "The provider says which key asks: it is not revoked through itself.")
        return
    found.says(
        "not told", "The API does not say whose key asks; the next call says that the credential is not accepted."
    )
    with_own.revoke(own)
    with found.raises(AuthenticationError, PermissionDeniedError):
        with_own.listed()


@pytest.mark.row("the list says when somebody last used the old one")
@pytest.mark.needs("last use")
def test_last_use(issuer: Watched, bench: IssuerBench, found: Found) -> None:
    made = issuer.mint(NAME)
    (before,) = (key.last_used_at for key in issuer.listed() if key.id == made.id)
    bench.use(str(made.id))
    (after,) = (key.last_used_at for key in issuer.listed() if key.id == made.id)
    found.expect(before is None, "it is used before anybody has used it")
    found.expect(after is not None, "it says nothing")
