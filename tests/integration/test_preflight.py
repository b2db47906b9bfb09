# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of a rotation is found, and said in words to act by, before anything is minted."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.sandbox import server
from tests.sandbox.visitor import Visitor

from .conftest import OLD_TOKEN, Desk, Outcome, open_desk
from .facts import REPOSITORY, holders, minted, paragraph, value_of

WORKFLOW = "publish-platform-image.yml"
SAID = {
    "APP_FOR_ORGANIZATION": f"token {OLD_TOKEN} is no token of app molecule-cp: a new one would be too narrow",
    "REACHES_TOO_FAR": "reaches: app molecule-elsewhere is not within organization molecule-ai",
    "SICK_APP": "tenant is not well: machine 148e21ad5f0989: check servicecheck-00-http-8080 is critical",
    "TLS_ON_A_PLAIN_PORT": "Is its address right, and within reach? See secret_connections.fly_tls",
    "NOBODY_LISTENS": "cannot connect (Connection refused). Is its address right, and within reach?",
    "PLAIN_HTTP": "http://fly.example/v1 would send a credential in clear. Use https://",
    "WRONG_TOKEN": "Its credential is wrong, expired or revoked: see secret_connections.fly_wrong",
    "UNSET_TOKEN": "the environment variable NO_SUCH_TOKEN is unset or empty",
    "WITHOUT_SECRETS": "It needs the permission secrets=read",
    "WITHOUT_ACTIONS": "It needs the permission actions=read",
    "MISSING_REPOSITORY": "looking at repository Molecule-AI/molecule-monorep: GET ",
    "MISSING_APP": "Is the name right, and does the token's organization own it?",
    "MISSING_WORKFLOW": "looking at workflow publish-platform-imag.yml of Molecule-AI/molecule-monorepo: GET ",
    "OWN_TOKEN": "the current token user-session is not among the tokens of organization molecule-ai",
}


def flawed(desk: Desk, world: Visitor) -> dict[str, Any]:
    """The example's variables with one secret for each flaw; all of them are what the example has, but for the flaw."""
    variables = desk.example
    connections, consumers = variables["secret_connections"], variables["secret_consumers"]
    fly, github = connections["fly"], connections["github"]
    with_secrets, with_actions = (
        world.act("mint_github_token", permissions={"metadata": "read", right: "write"})["token"]
        for right in ("secrets", "actions")
    )
    connections |= {
        "fly_tls": fly | {"url": world.url.replace("http:", "https:") + "/fly/v1"},
        "fly_nobody": fly | {"url": "http://127.0.0.1:1/v1"},
        "fly_plain": fly | {"url": "http://fly.example/v1"},
        "fly_wrong": fly | {"token": "no-such-token"},
        "fly_unset": fly | {"token": {"env": "NO_SUCH_TOKEN"}},
        "github_secrets": github | {"token": with_secrets},
        "github_actions": github | {"token": with_actions},
    }
    consumers["tenant"] = {"type": "fly_app", "connection": "fly", "app": "molecule-tenant"}

    def entry(*, app: str = "molecule-cp", reload: str = "molecule-cp", **issuer: Any) -> dict[str, Any]:
        return {
            "max_age": "90d",
            "issuer": {"type": "fly_token", "connection": "fly", "organization": "molecule-ai", "lifetime": "120d"}
            | issuer,
            "copies": [{"store": "fly", "app": app}],
            "reload": [reload],
            "verify": [{"type": "http", "url": "{{ molecule_url }}/cp/self-test", "proves": "use"}],
        }

    def published(store: str = "github", repository: str = REPOSITORY, workflow: str = WORKFLOW) -> dict[str, Any]:
        return entry() | {
            "copies": [{"store": store, "repository": repository}],
            "reload": ["publish"],
            "verify": [{"type": "github_workflow", "workflow": workflow, "proves": "use"}],
        }

    for_app = entry(app="molecule-cp", current_id=OLD_TOKEN)
    for_app["issuer"] = {key: value for key, value in for_app["issuer"].items() if key != "organization"}
    for_app["issuer"]["app"] = "molecule-cp"
    admin = world.fly("GET", "/v1/tokens/current").json()["tokens"][0]["token_id"]
    secrets = {
        "APP_FOR_ORGANIZATION": for_app,
        "REACHES_TOO_FAR": entry(reaches=["molecule-cp", "molecule-elsewhere"]),
        "SICK_APP": entry(app="molecule-tenant", reload="tenant"),
        "TLS_ON_A_PLAIN_PORT": entry(connection="fly_tls"),
        "NOBODY_LISTENS": entry(connection="fly_nobody"),
        "PLAIN_HTTP": entry(connection="fly_plain"),
        "WRONG_TOKEN": entry(connection="fly_wrong"),
        "UNSET_TOKEN": entry(connection="fly_unset"),
        "WITHOUT_SECRETS": published(store="github_actions"),
        "WITHOUT_ACTIONS": published(store="github_secrets"),
        "MISSING_REPOSITORY": published(repository="Molecule-AI/molecule-monorep"),
        "MISSING_APP": entry(app="molecule-cq"),
        "MISSING_WORKFLOW": published(workflow="publish-platform-imag.yml"),
        "OWN_TOKEN": entry(current_id=admin),
    }
    return {"secret_map": secrets, "secret_connections": connections, "secret_consumers": consumers}


@pytest.fixture(scope="module")
def preflight(sandbox: server.Sandbox, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, int]:
    """One run over every flaw, and how many requests of it would have changed something."""
    world = Visitor(sandbox.url)
    world.tell("reset")
    desk = open_desk(world, tmp_path_factory.mktemp("preflight") / "home")
    desk.override(**flawed(desk, world))
    world.tell("switch", sick_apps=["molecule-tenant"])
    before = world.ask("counts")["mutating"]
    outcome = desk.play("rotor.secrets.rotate", "-e", f"rotate_only={','.join(SAID)}")
    mutations = world.ask("counts")["mutating"] - before
    world.http.close()
    return outcome, mutations


def test_nothing_is_minted_and_the_run_is_red(preflight: tuple[Outcome, int]) -> None:
    outcome, mutations = preflight

    assert outcome.code != 0
    assert mutations == 0
    assert "Traceback" not in outcome.output


@pytest.mark.parametrize("flaw", SAID)
def test_a_flaw_is_named_before_anything_is_minted(preflight: tuple[Outcome, int], flaw: str) -> None:
    said = paragraph(preflight[0].output, flaw)

    assert "cannot go on; nothing of it was changed" in said
    assert SAID[flaw] in said


def test_a_connection_on_the_token_that_is_to_be_rotated_and_a_lost_key_are_found(world: Visitor, desk: Desk) -> None:
    desk.edit("    owner: platform\n", "    owner: platform\n    retain: current\n")
    desk.rotate()
    (new,) = minted(world)
    held_by = holders(world)
    mutations = world.ask("counts")["mutating"]

    desk.environment["FLY_ADMIN_TOKEN"] = value_of(world, new)
    own = desk.rotate("--check", "-e", "rotate_force=true")
    desk.environment["ROTOR_LEDGER_KEY"] = Fernet.generate_key().decode()
    lost = desk.rotate("-e", "rotate_force=true")

    assert own.code == 0
    assert "connection fly uses it: the old one is revoked by a run that is given the new one" in own.output
    assert lost.code != 0
    assert "the ledger does not open with the key in secret_ledger.key" in lost.output
    assert world.ask("counts")["mutating"] == mutations
    assert holders(world) == held_by


@pytest.mark.parametrize(
    ("variables", "environment", "said"),
    [
        ({}, {"ROTOR_LEDGER_KEY": ""}, "the environment variable ROTOR_LEDGER_KEY is unset or empty. Make one with"),
        ({}, {"ROTOR_LEDGER_KEY": "hunter2"}, "secret_ledger.key is not a Fernet key. Make one with"),
        ({"secret_ledger": {"url": "sqlite:///ledger.db"}}, {}, "secret_ledger.url has the relative path ledger.db"),
    ],
    ids=["unset key", "wrong key", "relative path"],
)
def test_a_ledger_that_cannot_be_used_stops_the_run_at_once(
    world: Visitor, desk: Desk, variables: dict[str, Any], environment: dict[str, str], said: str
) -> None:
    desk.override(**variables)
    desk.environment |= environment

    outcome = desk.rotate()

    assert outcome.code != 0
    assert said in outcome.output
    assert "hunter2" not in outcome.output
    assert world.ask("counts")["total"] == 0
    assert not list(desk.home.rglob("ledger.db*"))
