# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New keys for the ledger: nothing is lost, the old one opens nothing, and a crash leaves the one or the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import Credential, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    ConflictError,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.decide.state import ActionKind, Phase
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.location import open_ledger
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.maintenance import (
    change_keys,
    needs_rekeying,
)
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.ledger.writer import Ledger
from tests.unit.engine.conftest import token_map
from tests.unit.engine.driver import KEY, Play
from tests.unit.engine.kinds import settled
from tests.unit.engine.places import in_file
from tests.unit.engine.test_kill import killed_at, settled_play
from tests.unit.engine.world import WORLDS, Killed, World

NEW = Fernet.generate_key().decode()
BOTH = f"{NEW},{KEY}"


@pytest.fixture(scope="module")
def halfway(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """A ledger with the kept value of one credential, and another one in the middle of its rotation."""
    play = settled_play("rekeyed", tmp_path_factory.mktemp("rekeyed"))
    play.world.services["ci"].breaks_at = 1
    assert play.rotate("TOKEN", force=True)["failed"]
    play.world.services["ci"].breaks_at = None
    return play


@pytest.fixture
def held(halfway: Play, tmp_path: Path, request: pytest.FixtureRequest) -> Play:
    return halfway.clone(request.node.name, tmp_path / "ledger")


def rekey(play: Play, key: str = BOTH, *, check: bool = False) -> bool:
    play.setting["key"] = key
    return bool(play.session().rekey("INC-114", check=check)["changed"])


def opened_by(play: Play, key: str) -> int:
    """How many seals in the ledger's files this key opens."""
    folder = Path(play.setting["url"].removeprefix("sqlite:///")).parent
    data = b"".join(file.read_bytes() for file in folder.glob("ledger.db*") if file.is_file())
    seals = re.findall(rb"gAAAA[\w=-]{60,}", data)
    assert seals
    found = 0
    for seal in seals:
        try:
            Fernet(key).decrypt(seal)
            found += 1
        except InvalidToken:
            pass
    return found


def test_afterwards_the_old_key_opens_nothing_and_the_new_one_goes_on_alone(held: Play) -> None:
    assert rekey(held)
    assert opened_by(held, KEY) == 0
    assert opened_by(held, NEW) > 0
    held.setting["key"] = KEY
    with pytest.raises(ConfigurationError, match="does not open"):
        held.ledger()
    held.setting["key"] = NEW
    assert not held.rotate("TOKEN")["failed"], held.output
    assert held.world.counted("mint") == 1, "the rotation under way went on with what was minted"


def test_a_second_time_nothing_is_changed(held: Play) -> None:
    assert rekey(held)
    head = held.ledger().audit_head()
    assert not rekey(held)
    assert not rekey(held, NEW)
    assert held.ledger().audit_head() == head


def test_keys_in_the_wrong_order_are_refused(held: Play) -> None:
    head = held.ledger().audit_head()
    for check in (True, False):
        with pytest.raises(ConfigurationError, match=r"another one opens nothing\. Give the new key first"):
            rekey(held, f"{KEY},{NEW}", check=check)
    assert held.ledger().audit_head() == head


def test_check_mode_says_so_and_changes_nothing(held: Play) -> None:
    head = held.ledger().audit_head()
    assert rekey(held, check=True)
    assert held.ledger().audit_head() == head
    held.setting["key"] = KEY
    assert held.ledger().audit_head() == head


def test_going_back_is_possible_afterwards_since_the_kept_value_was_sealed_anew(held: Play) -> None:
    assert rekey(held)
    held.setting["key"] = NEW
    assert not held.rotate("TOKEN", rollback=True)["failed"], held.output


def test_a_plan_made_before_is_carried_out_afterwards(play: Play) -> None:
    plan = play.plan("TOKEN")
    play.through(plan["run"], Phase.ISSUED)
    assert rekey(play)
    play.setting["key"] = NEW
    play.through(plan["run"], Phase.ROLLED_OUT)
    assert not play.advance(plan["run"], Phase.REVOKED)["failed"], play.output


def test_fingerprints_of_a_plan_can_still_be_compared(make_play: Callable[..., Play], world: World) -> None:
    connections = {kind: {"type": f"test.fake.{kind}", "world": world.name} for kind in ("cloud", "window")}
    secret = token_map()
    for step in secret["rollout"]:
        step["copies"][0]["store"] = "window"
        step["verify"][0]["connection"] = "cloud"
    play = make_play(secret_map={"TOKEN": secret}, connections=connections)
    plan = play.plan("TOKEN")
    play.through(plan["run"], Phase.ISSUED)
    assert rekey(play)
    play.setting["key"] = NEW
    play.through(plan["run"], Phase.ROLLED_OUT)
    assert not play.advance(plan["run"], Phase.REVOKED)["failed"], play.output


def test_a_mint_that_never_was_is_not_read_back_as_the_old_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World("rekeyed-reset")
    play = settled("reset", world, tmp_path, retain="none")
    old = world.containers["app"]["TOKEN"][0]
    call = world.call

    def killed_at_the_mint(kind: str, *call_of: Any) -> Any:
        world.dead = world.dead or kind == "mint"
        return call(kind, *call_of)

    with monkeypatch.context() as patched:
        patched.setattr(world, "call", killed_at_the_mint)
        with pytest.raises(Killed):
            play.rotate("TOKEN", force=True)
    world.revive()
    assert play.state("TOKEN").intent(ActionKind.MINT)
    assert rekey(play)
    play.setting["key"] = NEW
    assert not play.rotate("TOKEN")["failed"], play.output
    assert world.containers["app"]["TOKEN"][0] == world.alive[-1].value != old
    del WORLDS[world.name]


def test_the_trail_is_whole_over_changes_of_keys_and_heads_that_were_noted_stay_good(held: Play) -> None:
    before = held.ledger().audit_head()
    assert rekey(held)
    again = Fernet.generate_key().decode()
    assert rekey(held, f"{again},{NEW}")
    held.setting["key"] = again
    held.rotate("TOKEN")
    assert held.session().verify(before, "")["problems"] == []


VALUES = {"kept": SecretValue("value-one"), "dropped": SecretValue("value-two")}


def fill(ledger: Ledger) -> None:
    """With two credentials of S: one whose value is kept, one whose value is no longer."""
    for name, value in VALUES.items():
        intent = ledger.intend("run", "S", "mint", name)
        baseline = {"copy": {"keys": {"fingerprint": {"fingerprint": ledger.fingerprints(value)}}}}
        ledger.minted("run", "S", intent, Credential(name, name, {"token": value}), baseline)
    for number, (name, value) in enumerate(VALUES.items(), 1):
        evidence = evidence_of(ledger.fingerprints(value))
        look = ledger.intend("run", "S", "probe", name)
        ledger.looked("run", "S", look, name, evidence)
        ledger.written(
            "run", "S", ledger.intend("run", "S", "write", name, number), copy=name, label=name, keys={},
            credential=number, evidence=evidence, unproven={"step": "", "consumers": ()},
        )  # fmt: skip
    ledger.value_dropped("run", "S", 2)


def evidence_of(fingerprint: str) -> dict[str, Any]:
    return {"version": 3, "keys": {"TOKEN": {"fingerprint": fingerprint}, "EMPTY": {"fingerprint": ""}}}


def fingerprints(ledger: Ledger) -> list[tuple[str, str]]:
    """Of each value, as a credential's and as evidence of a store."""
    return [(ledger.fingerprint("S", {"token": value}), ledger.fingerprints(value)) for value in VALUES.values()]


def assert_comparable(ledger: Ledger) -> None:
    """Whatever the ledger has of a value is as it would be if it were computed now."""
    state = ledger.state("S")
    for row, (of_credential, in_store) in zip(state.credentials, fingerprints(ledger), strict=True):
        assert row.fingerprint == of_credential
        assert row.baseline == {"copy": {"keys": {"fingerprint": {"fingerprint": in_store}}}}
        assert state.holdings[row.name].evidence == state.probes[row.name].progress == evidence_of(in_store)
    assert ledger.unseal(state.credentials[0]).fields == {"token": VALUES["kept"]}


def test_every_fingerprint_can_still_be_compared_whether_or_not_its_value_is_kept(tmp_path: Path) -> None:
    place = in_file(tmp_path)
    ledger = place.opened().ledger
    fill(ledger)
    for newest, before in ((NEW, KEY), (Fernet.generate_key().decode(), NEW)):
        old = fingerprints(ledger)
        change_keys(place.opened(f"{newest},{before}").ledger, "run", "me", "", ["S"])
        ledger = place.opened(newest).ledger
        assert not {one for pair in old for one in pair} & {one for pair in fingerprints(ledger) for one in pair}
        assert_comparable(ledger)


def test_killed_at_any_commit_the_same_command_finishes_it(held: Play, tmp_path: Path) -> None:
    fingerprints = [row.fingerprint for row in held.state("TOKEN").credentials]
    kept = [row.has_value for row in held.state("TOKEN").credentials]
    seen = set()
    for number, when in enumerate(("before", "after")):
        point = 0
        killed = True
        while killed:
            point += 1
            play = held.clone(f"rekey-{number}-{point}", tmp_path / f"{number}-{point}")
            killed = killed_at(play, point, when, partial(rekey, play))
            changed = rekey(play)
            seen.add((killed, changed))
            play.setting["key"] = NEW
            state = play.state("TOKEN")
            assert [row.fingerprint for row in state.credentials] != fingerprints
            assert [row.has_value for row in state.credentials] == kept
            assert play.session().verify("", "")["problems"] == []
            assert not play.rotate("TOKEN")["failed"], play.output
    assert seen == {(True, True), (True, False), (False, False)}


def test_while_a_rotation_is_at_work_no_key_is_changed(held: Play) -> None:
    ledger = open_ledger(held.setting, clock=held.world.clock, holder="run 7f3a")
    with ledger.locks.hold("secret TOKEN"), pytest.raises(ConflictError, match="being worked on by run 7f3a"):
        rekey(held)
    assert opened_by(held, NEW) == 0


def test_a_secret_that_was_begun_meanwhile_keeps_the_keys_from_being_changed(held: Play) -> None:
    held.setting["key"] = BOTH
    ledger = held.ledger()
    with pytest.raises(ConflictError, match="begun meanwhile"):
        change_keys(ledger, "run", "me", "", [])
    assert needs_rekeying(ledger)


def test_whoever_had_the_ledger_open_meanwhile_writes_nothing_under_the_old_keys(held: Play) -> None:
    open_before = held.ledger()
    assert rekey(held)
    head = held.ledger().audit_head()
    with pytest.raises(ConflictError, match="keys were changed"):
        open_before.intend("run", "TOKEN", "write", "copy")
    assert held.ledger().audit_head() == head


def test_without_the_old_key_nothing_is_changed(held: Play) -> None:
    with pytest.raises(ConfigurationError, match="does not open"):
        rekey(held, NEW)
    assert opened_by(held, NEW) == 0
