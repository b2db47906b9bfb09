# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job against the stand-in world, which says afterwards whether each rotation was right."""

from __future__ import annotations

import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from tests.sandbox.apis import ADMIN
from tests.sandbox.molecule import control_plane

from .played import Finding, Played, names, play, report
from .stand_ins import StandIns

EXAMPLE = "examples/molecule_saas"
REPOSITORY = "Molecule-AI/molecule-monorepo"
OLD_TOKEN = "TGltaXRlZEFjY2Vzc1Rva2VuOjgz"
KEYS = {
    "NEON_API_KEY": ("neon", "/api_keys"),
    "RESEND_API_KEY": ("resend", "/api-keys"),
    "ANTHROPIC_API_KEY": ("anthropic", "/v1/organizations/api_keys"),
}
"""Of providers with several keys: the stand-in, and the path of its list."""
TENANTS = {"acme", "globex", "initech"}
STAGED = ("RESEND_API_KEY", "STRIPE_API_KEY")
GUARDED = ["DATABASE_URL", "TENANT_REDIS_URL", "SECRETS_ENCRYPTION_KEY", "ANTHROPIC_API_KEY"]
"""By a guard, or by a window."""


class Parts:
    """The team's accounts, its control plane and its tenants, before the first rotation."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self.home = home
        self.stand_ins = StandIns(home, stack, "cool-sea-89357706", "molecule_cp", "molecule_cp")
        self.world, self.url = self.stand_ins.world, self.stand_ins.url
        places = KEYS.items()
        made = {name: self.world.act(f"make_{api}_key", path=path, name="by hand") for name, (api, path) in places}
        hook = self._endpoint()
        self.ids = {name: key["id"] for name, key in made.items()} | {"STRIPE_WEBHOOK_SECRET": hook["id"]}
        self.old = {
            **{name: key["value"] for name, key in made.items()},
            "DATABASE_URL": self.stand_ins.neon_uri(),
            "TENANT_REDIS_URL": self.stand_ins.redis_url(),
            "SECRETS_ENCRYPTION_KEY": secrets.token_hex(32),
            "RESEND_FROM_EMAIL": "Molecule AI <old@moleculesai.app>",
            "STRIPE_API_KEY": self.world.act("make_stripe_api_key")["value"],
            "STRIPE_WEBHOOK_SECRET": hook["secret"],
        }
        of_tenants = {"name": "ANTHROPIC_API_KEY", "value": self.old["ANTHROPIC_API_KEY"]}
        self.world.act("set_tenant_secret", **of_tenants)
        own = {name: value for name, value in self.old.items() if name != "ANTHROPIC_API_KEY"}
        self.world.act("run_molecule_on", values=own, tenants=sorted(TENANTS))
        touched = [*self.old, "FLY_API_TOKEN", "molecule-cp", OLD_TOKEN, *self.ids.values()]
        self.world.tell("switch", named=touched)

    def _endpoint(self) -> dict[str, Any]:
        """Where Stripe sends its events."""
        form = {"url": f"{self.url}/molecule-cp/webhooks/stripe", "enabled_events[]": "*", "metadata[team]": "platform"}
        token = f"Bearer {self.world.credentials[ADMIN]}"
        return dict(self.world.call("POST", "/stripe/v1/webhook_endpoints", token, data=form).json())

    @property
    def environment(self) -> dict[str, str]:
        """What a user exports: credentials and, for the stand-in world, addresses; a ledger of its own for this run."""
        url, known = self.url, self.world.credentials
        admin = (
            "NEON_ADMIN_KEY",
            "UPSTASH_API_KEY",
            "RESEND_ADMIN_KEY",
            "STRIPE_WEBHOOK_ADMIN_KEY",
            "ANTHROPIC_ADMIN_KEY",
        )
        return {
            **dict.fromkeys(admin, known[ADMIN]),
            "FLY_ADMIN_TOKEN": known["FLY_ADMIN_TOKEN"],
            "GITHUB_ADMIN_TOKEN": known["GITHUB_ADMIN_TOKEN"],
            "MOLECULE_CP_ADMIN_TOKEN": known[control_plane.ADMIN],
            "ADMIN_TOKEN": known["TENANT_ADMIN_TOKEN"],
            "FLY_API_URL": f"{url}/fly/v1",
            "FLY_GRAPHQL_URL": f"{url}/fly/graphql",
            "GITHUB_API_URL": f"{url}/github",
            "NEON_API_URL": f"{url}/neon/api/v2",
            "UPSTASH_API_URL": f"{url}/upstash/v2",
            "RESEND_API_URL": f"{url}/resend",
            "STRIPE_API_URL": f"{url}/stripe",
            "STRIPE_KEYS_URL": f"{url}/molecule-cp/stripe",
            "ANTHROPIC_API_URL": f"{url}/anthropic",
            "PLATFORMS": url.removeprefix("http://"),
            "PLATFORM_URL": "http://<each>/tenant",
            "MOLECULE_URL": f"{url}/molecule-cp",
            "MOLECULE_CA": self.stand_ins.ca_cert,
            "REDIS_ADDRESS": self.stand_ins.redis_address,
            "ROTOR_LEDGER_KEY": Fernet.generate_key().decode(),
            "XDG_STATE_HOME": str(self.home),
        }

    def values_of_people(self) -> dict[str, Path]:
        """What somebody has made in three consoles, each in a file of their own."""
        path = KEYS["ANTHROPIC_API_KEY"][1]
        values = {
            "ANTHROPIC_API_KEY": self.world.act("make_anthropic_key", path=path, name="by a person")["value"],
            "STRIPE_API_KEY": self.world.act("make_stripe_api_key")["value"],
            "RESEND_FROM_EMAIL": "Molecule AI <hello@moleculesai.app>",
        }
        files = {name: self.home / name.lower() for name in values}
        for name, file in files.items():
            file.touch(mode=0o600)
            file.write_text(values[name], encoding="utf-8")
        return files


class Story:
    """The procedures of the runbook, as a person and a scheduler run them."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.environment = parts, os.environ | parts.environment

    def play(self, playbook: str, **variables: Any) -> Played:
        command = ["ansible-playbook", playbook, "-i", f"{EXAMPLE}/inventory.yml", "-e", json.dumps(variables)]
        return play(command, self.environment)

    def _bring(self, name: str, file: Path) -> Played:
        wanted = {"deposit_secret": name, "deposit_file": str(file), "rotate_confirm": GUARDED}
        return self.play("rotor.secrets.deposit", **wanted)

    def tell(self) -> list[Finding]:
        """Rotate everything, let somebody deploy and the grace pass, and look once more."""
        files = self.parts.values_of_people()
        brought = [self._bring(name, file) for name, file in files.items()]
        why = {"rotate_confirm": GUARDED, "rotate_reason": "the key was in a screenshot"}
        first = self.play("rotor.secrets.rotate", rotate_only=names(EXAMPLE), rotate_adopt=self.parts.ids, **why)
        print("Somebody else deploys the control plane: its machines are updated.\n")
        self.parts.world.roll(0)
        due = self.play("rotor.secrets.revoke_due", webhook_grace="1s")
        again = self.play("rotor.secrets.rotate")
        codes = [run.code for run in (*brought, first, due, again)]
        return [
            ("every run ends well", not any(codes), ", ".join(map(str, codes))),
            *((f"{name} was staged, and waited for the deploy", *_waited(name, first, due)) for name in STAGED),
            ("one with nothing to do changes nothing", again.changed == 0, f"changed={again.changed}"),
            *self.of_fly_token(),
            *self.verdict(),
        ]

    def of_fly_token(self) -> list[Finding]:
        """What the world says, which knows every token and who runs on which."""
        state = self.parts.world.ask("state")
        tokens = {token["id"]: token for token in state["fly"]["tokens"]}
        machines = state["fly"]["apps"]["molecule-cp"]["machines"].values()
        runs = [run for run in state["github"][REPOSITORY]["runs"] if run["event"] == "workflow_dispatch"]
        running = {machine["token_id"] for machine in machines if machine["state"] == "started"}
        new = next(
            (token for token in tokens.values() if token["name"].startswith("rotor-")), {"id": "", "name": "none"}
        )
        health = self.parts.world.call("GET", "/molecule-cp/health").status_code
        old = self.parts.world.tell("probe", token_id=OLD_TOKEN)["status"]
        others = set(tokens) - {OLD_TOKEN}
        alive = {name for name in others if tokens[name]["alive"]}
        return [
            ("the app is healthy", health == 200, f"{health}"),
            ("its machines run on the new Fly token", running == {new["id"]}, new["name"]),
            ("the publish workflow is green", {run["conclusion"] for run in runs} == {"success"}, f"{len(runs)} runs"),
            ("and it ran on the new token", {run["token_id"] for run in runs} == {new["id"]}, new["name"]),
            ("the old Fly token is refused", old == 401, f"{old}"),
            ("every other token is alive", others == alive, f"{len(alive)} of {len(others)}"),
        ]

    def verdict(self) -> list[Finding]:
        """What it says of the others."""
        world = self.parts.world
        plane = world.ask("state")["molecule"]
        stale = [name for name, value in self.parts.old.items() if self._runs_on(name, value)]
        listed = {api: {key["id"] for key in world.ask("state")[api]["keys"]} for api in (*_APIS, "stripe")}
        left = [name for name, (api, _path) in KEYS.items() if api in _APIS and self.parts.ids[name] in listed[api]]
        left += ["STRIPE_WEBHOOK_SECRET"] * (self.parts.ids["STRIPE_WEBHOOK_SECRET"] in listed["stripe"])
        lost = [*plane["unreadable"], *plane["without_redis"]]
        tests = sorted(plane["tenants"].keys() - TENANTS)
        name = "ANTHROPIC_API_KEY"
        asleep = world.act("tenant_runs_on", name=name, value=self.parts.old[name])["workspaces"]
        broken = world.ask("violations")["violations"]
        return [
            ("no machine runs on an old value", not stale, ", ".join(stale) or f"{len(self.parts.old)} secrets"),
            ("the old keys are gone", not left, ", ".join(left) or "from their providers' lists"),
            ("each tenant can be read and has Redis", not lost, ", ".join(lost) or f"{len(plane['tenants'])} tenants"),
            ("no test tenant is left", not tests, ", ".join(tests) or "each was deleted"),
            ("each mail was sent", not plane["lost_mails"], f"{plane['lost_mails']} lost"),
            ("no workspace runs on the old Anthropic key", not asleep, ", ".join(asleep) or "3 workspaces"),
            ("nothing was violated at any moment", not broken, f"{len(broken)} violations"),
            *((violation["what"], False, violation["cause"]) for violation in broken),
        ]

    def _runs_on(self, name: str, value: str) -> bool:
        answer = self.parts.world.call("GET", f"/molecule-cp/cp/self-test/{name}", f"Bearer {value}")
        return answer.status_code != 401


def _waited(name: str, first: Played, later: Played) -> tuple[bool, str]:
    """Tell whether the first run has left a secret to others, and the later one has gone on with it."""
    waits = re.search(rf"^WAITING  {name}: (others have yet to release.*)$", first.output, re.MULTILINE)
    return bool(waits) and f"{name}  next release of molecule-cp: " in later.output, waits[1] if waits else "no"


_APIS = ("neon", "resend")


@contextmanager
def parts() -> Iterator[Parts]:
    """Start everything in a folder of its own, and stop it at the end."""
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="molecule-"))
        yield Parts(Path(home), stack)


def main() -> int:
    with parts() as running:
        print(f"The stand-ins for Fly, GitHub, the others and the control plane listen on {running.url}.\n")
        return report(Story(running).tell())
