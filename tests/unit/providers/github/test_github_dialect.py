# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GitHub says with a 403: requests come too fast, or a right is missing."""

from __future__ import annotations

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    PermissionDeniedError,
    RateLimitedError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.client import HttpClient
from ansible_collections.rotor.secrets.plugins.module_utils._providers.github.limits import GitHubDialect
from tests.hostile import MARK, problems_of
from tests.unit.core.doubles import START, Scripted, VirtualClock

DOING = "setting a secret"
BURST = {"message": "You have exceeded a secondary rate limit."}


@pytest.fixture
def client(script: Scripted, clock: VirtualClock) -> HttpClient:
    return HttpClient("GitHub", script.url, None, clock=clock, dialect=GitHubDialect())


def test_burst_limit_is_waited_for_longer_and_longer(client: HttpClient, script: Scripted, clock: VirtualClock) -> None:
    for _turn in range(3):
        script.answer(429, BURST)
    client.request("PUT", "/", doing=DOING, ok=(599,))
    assert clock.slept == [60.0, 120.0, 240.0]


def test_burst_limit_is_known_by_its_text_alone(client: HttpClient, script: Scripted, clock: VirtualClock) -> None:
    script.answer(403, BURST).answer(200)
    client.request("PUT", "/", doing=DOING)
    assert clock.slept == [60.0]


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry_after": "3"}, 3.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int(START.timestamp()) + 9)}, 9.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int(START.timestamp()) - 9)}, 1.0),
    ],
)
def test_403_with_rate_limit_headers_is_no_missing_right(
    client: HttpClient, script: Scripted, clock: VirtualClock, headers: dict[str, str], pause: float
) -> None:
    script.answer(403, **headers).answer(200)
    client.request("PUT", "/", doing=DOING)
    assert clock.slept == [pause]


def test_spent_hour_is_reported_and_not_waited_for(client: HttpClient, script: Scripted, clock: VirtualClock) -> None:
    script.answer(403, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(START.timestamp()) + 3000))
    with pytest.raises(RateLimitedError) as caught:
        client.request("GET", "/", doing=DOING)
    assert caught.value.hint == "Run again in 3000 s, as it asks"
    assert clock.slept == []


def test_missing_permission_is_named(client: HttpClient, script: Scripted) -> None:
    script.answer(403, X_Accepted_GitHub_Permissions="secrets=write")
    with pytest.raises(PermissionDeniedError) as caught:
        client.request("PUT", "/x", doing=DOING)
    assert caught.value.hint == "It needs the permission secrets=write"


APPEAR = "Although you appear to have the correct authorization credentials, the `acme` organization has"


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("Resource protected by organization SAML enforcement. You must grant your OAuth token access", "SAML"),
        (f"{APPEAR} an IP allow list enabled, and 192.0.2.1 is not permitted to access this resource.", "IP allow"),
        ("`acme` forbids access via a personal access token (classic). Please use a GitHub App", "no classic"),
        ("'acme' forbids access via a fine-grained personal access tokens if the token's lifetime is", "lifetime"),
        (f"{APPEAR} enabled OAuth App access restrictions, meaning that data access is limited.", "OAuth apps"),
    ],
)
def test_policy_of_an_organization_is_no_missing_permission(
    client: HttpClient, script: Scripted, message: str, hint: str
) -> None:
    script.answer(403, {"message": f"{message} {MARK}"}, X_Accepted_GitHub_Permissions="secrets=write")
    with pytest.raises(PermissionDeniedError) as caught:
        client.request("PUT", "/x", doing=DOING)
    assert hint in caught.value.hint
    assert "secrets=write" not in str(caught.value)
    assert MARK not in str(caught.value)


def test_name_of_a_missing_permission_forges_no_line(client: HttpClient, script: Scripted) -> None:
    script.answer(403, "", X_Accepted_GitHub_Permissions=f"a\x1b]0;x\x07\x9b31m\x85{MARK}{'z' * 9000}")
    with pytest.raises(PermissionDeniedError) as caught:
        client.request("PUT", "/x", doing=DOING)
    assert problems_of([str(caught.value)]) == []
    assert str(caught.value).count(MARK) == 1
