# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client with the operator's credentials and the oracle's ear, for tests."""

from __future__ import annotations

import base64
from typing import Any

import requests
from nacl.public import PublicKey, SealedBox

CP = "/v1/apps/molecule-cp"
REPO = "/repos/Molecule-AI/molecule-monorepo"


class Visitor:
    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.trust_env = False
        self.credentials = self.ask("credentials")

    def call(self, method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
        headers = options.pop("headers", {}) | ({"Authorization": token} if token else {})
        options.setdefault("timeout", 60)
        return self.http.request(method, self.url + path, headers=headers, allow_redirects=False, **options)

    def fly(self, method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
        token = token or f"Bearer {self.credentials['FLY_ADMIN_TOKEN']}"
        return self.call(method, f"/fly{path}", token, **options)

    def github(self, method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
        return self.call(
            method, f"/github{path}", f"Bearer {token or self.credentials['GITHUB_ADMIN_TOKEN']}", **options
        )

    def graphql(self, query: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
        answer = self.fly("POST", "/graphql", token, json={"query": query, "variables": variables})
        assert answer.status_code == 200
        return dict(answer.json())

    def ask(self, question: str, **query: Any) -> Any:
        return self._oracle(
            self.http.get(f"{self.url}/oracle/{question}", params=query, timeout=120 + query.get("wait", 0))
        )

    def tell(self, what: str, **facts: Any) -> Any:
        return self._oracle(self.http.post(f"{self.url}/oracle/{what}", json=facts, timeout=120))

    def act(self, deed: str, **details: Any) -> Any:
        return self.tell("act", deed=deed, **details)

    @staticmethod
    def _oracle(answer: requests.Response) -> Any:
        assert answer.status_code == 200, answer.json()
        return answer.json()

    def violations(self, *kinds: str) -> list[str]:
        found = self.ask("violations")["violations"]
        return [item["what"] for item in found if not kinds or item["kind"] in kinds]

    # What a rotation consists of

    def mint(self, name: str = "new", profile: str = "deploy_organization", **more: Any) -> dict[str, Any]:
        organization = self.graphql('{organization(slug: "molecule-ai") {id}}')["data"]["organization"]["id"]
        wish = {"name": name, "organizationId": organization, "profile": profile} | more
        answer = self.graphql(
            "mutation($input: CreateLimitedAccessTokenInput!) {"
            "createLimitedAccessToken(input: $input) {limitedAccessToken {id tokenHeader expiresAt}}}",
            input=wish,
        )
        assert "errors" not in answer, answer["errors"]
        return dict(answer["data"]["createLimitedAccessToken"]["limitedAccessToken"])

    def revoke(self, token_id: str) -> dict[str, Any]:
        return self.graphql("mutation($id: ID!) {deleteLimitedAccessToken(input: {id: $id}) {revokedBy}}", id=token_id)

    def set_fly(self, values: dict[str, str | None], app: str = "molecule-cp") -> dict[str, Any]:
        answer = self.fly("POST", f"/v1/apps/{app}/secrets", json={"values": values})
        assert answer.status_code == 200
        return dict(answer.json())

    def machines(self) -> dict[str, dict[str, Any]]:
        return {item["id"]: item for item in self.fly("GET", f"{CP}/machines").json()}

    def update(self, machine: dict[str, Any], **more: Any) -> requests.Response:
        headers = more.pop("headers", {})
        body = {"config": machine["config"]} | more
        return self.fly("POST", f"{CP}/machines/{machine['id']}", json=body, headers=headers)

    def roll(self, version: int) -> None:
        """Update the machines as somebody does who has not just spent the app's budget, as our runs have."""
        limits = self.tell("switch")["rate_limits"]
        self.tell("switch", rate_limits=False)
        for machine in self.machines().values():
            stopped = {"skip_launch": True} if machine["state"] == "stopped" else {}
            updated = self.update(machine, min_secrets_version=version, **stopped).json()
            if not stopped:
                self.wait(machine["id"], updated["instance_id"])
        self.tell("switch", rate_limits=limits)

    def wait(self, machine_id: str, instance_id: str, **query: Any) -> requests.Response:
        parameters = {"version": instance_id, "state": "started", "timeout": 30} | query
        return self.fly("GET", f"{CP}/machines/{machine_id}/wait", params=parameters)

    def put_github(self, name: str, value: str, token: str | None = None, **more: Any) -> requests.Response:
        key = self.github("GET", f"{REPO}/actions/secrets/public-key").json()
        box = SealedBox(PublicKey(base64.b64decode(key["key"])))
        sealed = base64.b64encode(box.encrypt(value.encode())).decode()
        body = {"encrypted_value": sealed, "key_id": key["key_id"]} | more
        return self.github("PUT", f"{REPO}/actions/secrets/{name}", token, json=body)

    def dispatch(self, **more: Any) -> requests.Response:
        body = {"ref": "main", "return_run_details": True} | more
        return self.github("POST", f"{REPO}/actions/workflows/publish-platform-image.yml/dispatches", json=body)

    def finished(self, run_id: int) -> dict[str, Any]:
        while (run := self.github("GET", f"{REPO}/actions/runs/{run_id}").json())["status"] != "completed":
            pass
        return dict(run)

    def old_token(self) -> dict[str, Any]:
        return dict(self.ask("state")["fly"]["tokens"][0])

    def old_value(self) -> str:
        """The value that is to be rotated, which nobody can read: found among all values by what Fly says to it."""
        for value in self.ask("credentials")["values"]:
            answer = self.fly("GET", "/v1/tokens/current", value) if value.startswith("FlyV1 ") else None
            if answer is not None and answer.json()["tokens"][0]["token_id"] == self.old_token()["id"]:
                return str(value)
        raise AssertionError("the old token is unknown")
