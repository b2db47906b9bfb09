# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of ansible-playbook that rotates one secret of each shape that the registry's issuers have, and ours."""

from __future__ import annotations

from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Issuer
from tests.conformance import columns
from tests.conformance.issuers.benches.described import DescribedBench
from tests.sandbox.visitor import Visitor

from .conftest import Desk
from .facts import REPOSITORY
from .issued import Issued, arrange, placed


def can_disable(issuer: type[Issuer]) -> bool:
    return issuer.disable is not Issuer.disable


def shapes() -> dict[str, type[DescribedBench]]:
    """An issuer for each set of traits, with and without a way to disable what is about to be revoked."""
    found: dict[object, type[DescribedBench]] = {}
    for column in columns.issuers():
        if issubclass(column.kind, DescribedBench) and not column.kind.switches():
            issuer = column.kind.kind_of()
            found.setdefault((issuer.traits, can_disable(issuer)), column.kind)
    return {kind.issuer_type.upper(): kind for kind in found.values()}


def test_one_run_rotates_a_secret_of_each_shape(brisk: Visitor, desk: Desk) -> None:
    every = [Issued(kind(brisk), name) for name, kind in shapes().items()]
    arrange(desk, every, OURS={"issuer": {"type": "random"}, **placed({"OURS": "${value}"})})

    run = desk.play("rotor.secrets.rotate", "-e", f"rotate_only={','.join([*shapes(), 'OURS'])}")
    assert run.code == 0, run
    for one in every:
        one.assert_at_rest()
        assert one.minted() == 1
        assert ends_of(one) == (
            [] if one.traits.ends_the_old else ["another"] * can_disable(one.bench.kind) + ["DELETE"]
        )
    assert "OURS" in brisk.ask("state")["github"][REPOSITORY]["secrets"]


def ends_of(one: Issued) -> list[str]:
    """What was done to the credential that was there before."""
    requests = one.bench.world.ask("requests")["requests"]
    found = [entry for entry in requests if entry["provider"] == one.bench.provider and entry["mutating"]]
    methods = [entry["method"] for entry in found if entry["path"].endswith(f"/{one.old}")]
    return [method if method == "DELETE" else "another" for method in methods]
