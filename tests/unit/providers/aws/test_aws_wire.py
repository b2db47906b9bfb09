# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What certainly had no effect at AWS: what broke before the first byte of the request left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import errors
from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.client import (
    SecretsManagerConnection,
    SsmConnection,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.settings import Settings
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.versions import VersionedSecret
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.writer import Writer
from tests.servers import fronts as tls
from tests.servers.fronts import Front, Fronts
from tests.servers.moto import Moto
from tests.unit.core.doubles import Scripted, VirtualClock
from tests.unit.providers.aws.conftest import options
from tests.unit.providers.aws.test_aws_failures import put, read


@pytest.fixture
def fronts(tmp_path: Path) -> Iterator[Fronts]:
    made = tls.make_fronts(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def front(
    script: Scripted, fronts: Fronts, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, _alone: None
) -> Front:
    """In the way of the test's parameter ``kind``."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(fronts.ca))
    return fronts.of(int(urlsplit(script.url).port or 0), request.getfixturevalue("kind"))


@pytest.fixture
def over_tls(front: Front, moto: Moto, clock: VirtualClock) -> SsmConnection:
    return SsmConnection(options(front.url, moto.admin), clock=clock)


@pytest.mark.parametrize("kind", tls.AFTER_THE_EFFECT)
def test_put_is_sent_once_when_tls_breaks_in_the_answer(over_tls: SsmConnection, script: Scripted, kind: str) -> None:
    for _turn in range(5):
        script.answer(200, {"Version": 4})
    with pytest.raises((errors.OutcomeUnknownError, errors.UnexpectedAnswerError)):
        put(over_tls)
    assert len(script.received) == 1


@pytest.mark.parametrize("kind", [tls.REFUSED, tls.HUNG_UP])
def test_put_had_no_effect_when_the_handshake_fails(over_tls: SsmConnection, front: Front, kind: str) -> None:
    with pytest.raises(errors.UnavailableError, match="cannot connect"):
        put(over_tls)
    assert front.handshakes == 5


@pytest.mark.parametrize("kind", tls.UNTRUSTED)
def test_refused_certificate_of_aws_is_told_at_once(over_tls: SsmConnection, front: Front, kind: str) -> None:
    with pytest.raises(errors.UntrustedServerError, match="the server's certificate is refused: "):
        read(over_tls)
    assert front.handshakes == 1


def test_put_had_no_effect_when_its_role_is_never_assumed(script: Scripted, moto: Moto, clock: VirtualClock) -> None:
    """STS gives no answer: bytes have left, but not those of the change."""
    for _turn in range(5):
        script.drop()
    role = {"role_arn": "arn:aws:iam::123456789012:role/deployer"}
    with pytest.raises(errors.UnavailableError):
        put(SsmConnection(options(script.url, moto.admin, **role), clock=clock))
    assert {one.body.partition(b"&")[0] for one in script.received} == {b"Action=AssumeRole"}


def test_refusal_of_a_repeated_put_leaves_the_lost_one_in_doubt(scripted: SsmConnection, script: Scripted) -> None:
    script.drop().answer(400, {"__type": "AccessDeniedException"})
    with pytest.raises(errors.OutcomeUnknownError):
        put(scripted, repeatable=True)


def test_lost_put_stays_unknown_when_it_cannot_be_looked_at(scripted: SsmConnection, script: Scripted) -> None:
    for _turn in range(6):
        script.drop()
    with pytest.raises(errors.OutcomeUnknownError):
        Writer(scripted, "ssm /molecule", Settings()).put("/molecule/KEY", SecretValue("any"), None)
    assert len(script.received) == 6


def test_new_version_stays_unknown_when_it_cannot_be_looked_at(
    script: Scripted, moto: Moto, clock: VirtualClock
) -> None:
    script.answer(200, {"VersionId": "rotor-1", "VersionStages": ["AWSCURRENT"]})
    connection = SecretsManagerConnection(options(script.url, moto.admin), clock=clock)
    for _turn in range(6):
        script.drop()
    with pytest.raises(errors.OutcomeUnknownError):
        VersionedSecret(connection, "molecule", "secretsmanager molecule").replace("{}", None)


@pytest.mark.parametrize("status", [0, 503])
def test_put_is_sent_once_whatever_the_environment_says(
    script: Scripted, moto: Moto, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """botocore's own retries are off."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    monkeypatch.setenv("AWS_RETRY_MODE", "legacy")
    for _turn in range(5):
        script.answer(status)
    with pytest.raises(errors.OutcomeUnknownError):
        put(SsmConnection(options(script.url, moto.admin), clock=clock))
    assert len(script.received) == 1
