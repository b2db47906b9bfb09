# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The company: its apps, its repository, and the control plane as the internet sees it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..fly import Fly
from ..fly.state import App, Machine
from ..github import GitHub
from ..github.state import Repository, Run
from ..provider import Provider, Use
from . import scenario
from .control_plane import ADMIN, ControlPlane
from .scenario import CONTROL_PLANE, ORGANIZATION, SECRET, TENANT

if TYPE_CHECKING:
    from ..world import World


class Molecule(Provider):
    name = "molecule"
    prefix = "/molecule-cp"
    is_scenario = True

    @classmethod
    def credentials(cls) -> tuple[str, ...]:
        return (ADMIN,)

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._plane = ControlPlane(world)

    def seed(self) -> None:
        self._fly = cast(Fly, self.world.providers["fly"])
        self._github = cast(GitHub, self.world.providers["github"])
        self._app, self._repository = scenario.build(self.world, self._fly, self._github)
        self._app.boots = lambda env: self._fly.status_of(env.get(SECRET, "")) == 200
        self._github.jobs = self._push_image
        self._turn = itertools.count()
        self._plane.seed(self._app)

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/health", self._health, methods=["GET"]),
            Route("/cp/self-test", self._self_test, methods=["GET"]),
            Route("/cp/whoami", self._whoami, methods=["GET"]),
            *self._plane.routes(),
        ]

    def problem(self, status: int, message: str) -> Response:
        return JSONResponse({"status": "fail", "error": message}, status)

    def _serving(self, app: App) -> list[Machine]:
        return [machine for machine in app.machines.values() if machine.state == "started" and app.boots(machine.env)]

    async def _health(self, request: Request) -> Response:
        serving = len(self._serving(self._app))
        return JSONResponse({"status": "ok" if serving else "fail", "machines": serving}, 200 if serving else 503)

    async def _self_test(self, request: Request) -> Response:
        """Whichever machine gets the request lists the organization's machines with the token that it runs on."""
        machines = [machine for machine in self._app.machines.values() if machine.state == "started"]
        if not machines:
            return self.problem(503, "no machine is running")
        machine = machines[next(self._turn) % len(machines)]
        status = self._use(machine.env)
        self.world.judge(f"use by machine {machine.id}")
        if status != 200:
            return JSONResponse({"status": "fail", "fly": status, "instance": machine.instance_id}, 503)
        fly = {"organization": ORGANIZATION}
        return JSONResponse({"status": "ok", "fly": fly, "instance": machine.instance_id})

    async def _whoami(self, request: Request) -> Response:
        status = self._fly.status_of(request.headers.get("authorization", ""))
        return JSONResponse({"status": "ok"}) if status == 200 else self.problem(401, "unauthorized")

    # The consumers

    def _use(self, env: dict[str, str]) -> int:
        return self._fly.status_of(env.get(SECRET, ""), organization=ORGANIZATION)

    def _push(self, secrets: dict[str, str]) -> int:
        return self._fly.status_of(secrets.get(SECRET, ""), app=TENANT)

    def _push_image(self, repository: Repository, run: Run) -> bool:
        return run.workflow.uses is None or self._push(run.secrets) == 200

    def uses(self) -> Iterable[Use]:
        stored = {name: secret.value for name, secret in self._app.newest.secrets.items()}
        yield self._as_use(f"the store of {CONTROL_PLANE}", stored, self._use(stored), latent=True)
        for machine in self._app.machines.values():
            if machine.live:
                yield self._as_use(f"machine {machine.id} of {CONTROL_PLANE}", machine.env, self._use(machine.env))
        stored = {name: secret.value for name, secret in self._repository.secrets.items()}
        yield self._as_use(f"the store of {self._repository.full_name}", stored, self._push(stored), latent=True)
        for run in self._repository.runs:
            if run.active and run.workflow.uses:
                yield self._as_use(f"run {run.id}", run.secrets, self._push(run.secrets))

    def _as_use(self, consumer: str, secrets: dict[str, str], status: int, *, latent: bool = False) -> Use:
        return Use(consumer, self._fly.label(secrets.get(SECRET)), status, latent)

    def picture(self) -> dict[str, Any]:
        return {"serving": len(self._serving(self._app)), **self._plane.picture()}

    def acts(self) -> dict[str, Any]:
        return self._plane.acts()
