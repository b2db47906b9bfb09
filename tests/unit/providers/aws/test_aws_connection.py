# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How AWS is reached: regions, profiles, roles, and whatever may be wrong with them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore import credentials

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    AuthenticationError,
    ConfigurationError,
    PermissionDeniedError,
    StoppedError,
    UnavailableError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.client import (
    SecretsManagerConnection,
    SsmConnection,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.session import Clients
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.ssm import SsmParameters
from tests.conformance.proxy import Proxy
from tests.servers.moto import ACCOUNT, REGION, Keys, Moto
from tests.unit.core.doubles import Scripted, VirtualClock
from tests.unit.providers.aws.conftest import Connect

ASSUMES = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
WRITES_PARAMETERS = {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}


@pytest.fixture(scope="module")
def role(moto: Moto) -> str:
    return moto.role("writer", WRITES_PARAMETERS)


@pytest.fixture(scope="module")
def assumer(moto: Moto) -> Keys:
    return moto.user("assumer", ASSUMES)


# Who and where we are


def test_the_probe_says_who_we_are_and_where(connect: Connect, proxy: Proxy) -> None:
    assert connect(SsmConnection).probe() == f"account {ACCOUNT}, user/admin, {REGION}"
    assert connect(SecretsManagerConnection).probe() == f"account {ACCOUNT}, user/admin, {REGION}"
    assert proxy.mutating == 0


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_may_come_from_the_environment(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "eu-west-3")
    assert connect(SsmConnection, region=None).region == "eu-west-3"
    assert connect(SsmConnection, region=REGION).region == REGION


def test_without_a_region_it_says_where_to_set_one(connect: Connect) -> None:
    with pytest.raises(ConfigurationError, match=r"has no region\. Set region, AWS_REGION"):
        connect(SsmConnection, region=None).probe()


def test_each_region_is_a_world_of_its_own(moto: Moto, connect: Connect, clock: VirtualClock, path: str) -> None:
    store = SsmParameters(connect(SsmConnection, region="eu-west-3"), clock=clock)
    store.write({"path": path}, {"KEY": SecretValue("value-in-paris")})
    read = {"Name": f"{path}/KEY", "WithDecryption": True}
    assert moto.client("ssm", region="eu-west-3").get_parameter(**read)["Parameter"]["Value"] == "value-in-paris"
    assert moto.client("ssm").get_parameters(Names=[f"{path}/KEY"])["Parameters"] == []


# Credentials


def profiles(monkeypatch: pytest.MonkeyPatch, folder: Path, keys: Keys) -> None:
    config = folder / "config"
    config.write_text(
        "[profile production]\nregion = eu-west-3\n"
        f"aws_access_key_id = {keys['access_key_id']}\naws_secret_access_key = {keys['secret_access_key']}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))


def test_a_profile_gives_region_and_keys(
    moto: Moto, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profiles(monkeypatch, tmp_path, moto.stranger)
    said = connect(SsmConnection, {}, region=None, profile="production").probe()
    assert said == f"account {ACCOUNT}, user/stranger, eu-west-3"


def test_the_environment_names_a_profile_as_well(
    moto: Moto, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profiles(monkeypatch, tmp_path, moto.stranger)
    monkeypatch.setenv("AWS_PROFILE", "production")
    assert "user/stranger" in connect(SsmConnection, {}).probe()


def test_keys_that_are_given_go_before_those_that_are_found(
    moto: Moto, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto.stranger["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto.stranger["secret_access_key"])
    assert "user/stranger" in connect(SsmConnection, {}).probe()
    assert "user/admin" in connect(SsmConnection).probe()


def test_a_profile_that_is_not_there_is_named(connect: Connect) -> None:
    with pytest.raises(ConfigurationError, match=r"ProfileNotFound\. There is no such profile"):
        connect(SsmConnection, {}, profile="nowhere").probe()


def test_half_a_key_is_refused_before_anything_is_sent(moto: Moto, connect: Connect) -> None:
    with pytest.raises(ConfigurationError, match="come together"):
        connect(SsmConnection, {"access_key_id": moto.admin["access_key_id"]})


def test_without_any_credential_it_says_where_to_give_one(connect: Connect) -> None:
    with pytest.raises(AuthenticationError, match=r"NoCredentialsError\. Give access_key_id"):
        connect(SsmConnection, {}).probe()


@pytest.mark.parametrize(
    ("wrong", "hint"), [("access_key_id", "Check the access key"), ("secret_access_key", "this machine's clock")]
)
def test_a_wrong_key_is_told_from_a_missing_right(moto: Moto, connect: Connect, wrong: str, hint: str) -> None:
    with pytest.raises(AuthenticationError, match=hint) as caught:
        connect(SsmConnection, {**moto.admin, wrong: "AKIAWRONGWRONGWRONG"}).probe()
    assert "AKIAWRONGWRONGWRONG" not in str(caught.value)


# Roles


def test_a_role_is_assumed_and_its_session_tells_the_run(
    connect: Connect, clock: VirtualClock, role: str, assumer: Keys, path: str
) -> None:
    connection = connect(SsmConnection, assumer, run="run 7", role_arn=role)
    assert f"assumed-role/{role.split('/')[-1]}/rotor-run-7" in connection.probe()
    written = SsmParameters(connection, clock=clock).write({"path": path}, {"KEY": SecretValue("by-the-role")})
    assert written["keys"]["KEY"]["version"] == 1


def test_what_the_role_may_not_do_is_refused_though_its_user_may(moto: Moto, connect: Connect) -> None:
    powerless = moto.role("powerless", ASSUMES)
    with pytest.raises(PermissionDeniedError, match="ssm:DescribeParameters"):
        SsmParameters(connect(SsmConnection, role_arn=powerless), clock=VirtualClock()).observe({}, ["KEY"])


def test_a_role_that_may_not_be_assumed_is_named(moto: Moto, connect: Connect, role: str) -> None:
    with pytest.raises(PermissionDeniedError, match="sts:AssumeRole"):
        connect(SsmConnection, moto.stranger, role_arn=role).probe()


def test_the_session_of_a_role_is_renewed_before_it_ends(
    connect: Connect, proxy: Proxy, role: str, assumer: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = [timedelta(0)]

    def now() -> datetime:
        return datetime.now(UTC) + ahead[0]

    monkeypatch.setattr(credentials, "_local_now", now)
    monkeypatch.setattr(credentials.DeferredRefreshableCredentials.__init__, "__defaults__", (now,))
    connection = connect(SsmConnection, assumer, role_arn=role)
    connection.probe()
    connection.probe()
    assert [seen.operation for seen in proxy.requests].count("AssumeRole") == 1
    ahead[0] = timedelta(minutes=50)
    connection.probe()
    assert [seen.operation for seen in proxy.requests].count("AssumeRole") == 2


def test_an_external_id_goes_along(script: Scripted, moto: Moto, clock: VirtualClock) -> None:
    keys: dict[str, Any] = {name: SecretValue(text) for name, text in moto.admin.items()}
    place = {"region": REGION, "endpoint_url": script.url, "role_arn": "arn:aws:iam::1:role/other"}
    with pytest.raises(UnavailableError, match="asking AWS who we are: AssumeRole answered 599"):
        SsmConnection({**place, **keys, "external_id": "molecule-7"}, clock=clock).probe()
    assert "ExternalId=molecule-7" in script.received[0].body.decode()


def test_without_a_credential_no_role_is_assumed(connect: Connect, role: str) -> None:
    with pytest.raises(AuthenticationError, match="no AWS credentials to assume"):
        connect(SsmConnection, {}, role_arn=role).probe()


# Addresses


def test_a_credential_is_never_sent_in_clear(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="in clear"):
        connect(SsmConnection, endpoint_url="http://ssm.example.com")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://ssm.example.com")
    with pytest.raises(ConfigurationError, match="in clear"):
        connect(SsmConnection, endpoint_url=None).probe()


def test_the_environment_may_name_the_address(connect: Connect, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    assert "user/admin" in connect(SsmConnection, endpoint_url=None).probe()


def test_a_run_is_found_in_the_logs(scripted: SsmConnection, script: Scripted) -> None:
    script.answer(200, {"Parameters": []})
    scripted.call("DescribeParameters", "looking")
    assert "rotor.secrets/" in script.received[0].headers["User-Agent"]
    assert "(run run-7)" in script.received[0].headers["User-Agent"]


def test_threads_share_one_client(moto: Moto) -> None:
    clients = Clients({"region": REGION, "endpoint_url": moto.url}, "", VirtualClock())
    with ThreadPoolExecutor(8) as pool:
        made = {id(client) for client in pool.map(lambda _turn: clients.get("ssm"), range(8))}
    assert len(made) == 1


def test_a_run_that_stops_while_a_role_is_assumed_sends_nothing_else(scripted: SsmConnection, script: Scripted) -> None:
    client = scripted._clients.get("ssm")
    client.meta.events.register("request-created", lambda **_event: scripted.clock.stop())
    with pytest.raises(StoppedError):
        scripted.call("DeleteParameter", "deleting", Name="KEY")
    assert script.received == []
