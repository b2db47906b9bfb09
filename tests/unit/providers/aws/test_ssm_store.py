# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Parameter Store: what is kept, what is refused, and who else was there."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RotorError,
    UnavailableError,
    UnexpectedAnswerError,
    UnexpectedError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.client import SsmConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.ssm import SsmParameters
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.parser import parse
from tests.conformance.proxy import Proxy
from tests.servers.moto import Keys, Moto
from tests.unit.core.doubles import Scripted, VirtualClock
from tests.unit.providers.aws.conftest import Connect, names

OLD, NEW, FOREIGN = "value-before", "value-after", "value-of-somebody-else"
KMS = "alias/molecule"
Asked = list[tuple[str, dict[str, Any]]]


def make(moto: Moto, name: str, value: str = OLD, **settings: Any) -> None:
    moto.client("ssm").put_parameter(Name=name, Value=value, **{"Type": "SecureString", **settings})


def overwrite(moto: Moto, name: str, value: str = FOREIGN) -> None:
    moto.client("ssm").put_parameter(Name=name, Value=value, Overwrite=True)


def value_of(moto: Moto, name: str) -> str:
    return str(moto.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])


def described(moto: Moto, name: str) -> dict[str, Any]:
    filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    (found,) = moto.client("ssm").describe_parameters(ParameterFilters=filters)["Parameters"]
    return dict(found)


def tags_of(moto: Moto, name: str) -> dict[str, str]:
    listed = moto.client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    return {tag["Key"]: tag["Value"] for tag in listed}


def secret(value: str = NEW) -> SecretValue:
    return SecretValue(value)


def sent(asked: Asked) -> list[dict[str, Any]]:
    return [arguments for operation, arguments in asked if operation == "PutParameter"]


# What it is called


@pytest.mark.parametrize("together", [False, True])
def test_a_parameter_stands_in_the_map_once_however_its_name_is_spelled(*, together: bool) -> None:
    copies: list[Any] = [
        {"store": "ssm", "path": "/molecule/prod", "keys": {"X": "${value}"}},
        {"store": "ssm", "keys": {"/molecule/prod/X": "${value}", "/molecule/prod/Y": "${value}"}},
    ]
    shares = [copies] if together else [[copy] for copy in copies]
    entries = {f"S{number}": {"max_age": "90d", "issuer": {"type": "random"}, "copies": share}
               for number, share in enumerate(shares)}  # fmt: skip
    with pytest.raises(MapError) as caught:
        parse(entries, {}, {"ssm": {"type": "aws_ssm", "region": "eu-west-1"}})
    [problem] = caught.value.errors
    assert 'keys["/molecule/prod/X"]: secret_map.S0.copies[0] writes this key, too' in problem


# What is kept


def test_a_new_parameter_is_encrypted_without_being_asked_to(ssm: SsmParameters, moto: Moto, path: str) -> None:
    ssm.write({"path": path}, {"KEY": secret()})
    found = described(moto, f"{path}/KEY")
    assert (found["Type"], found["KeyId"], found["Tier"]) == ("SecureString", "alias/aws/ssm", "Standard")


def test_a_value_that_lies_there_is_read_and_an_absent_one_told(ssm: SsmParameters, path: str) -> None:
    ssm.write({"path": path}, {"TOKEN": SecretValue("first")})
    assert ssm.read({"path": path}, "TOKEN") == SecretValue("first")
    with pytest.raises(NotFoundError, match="has no OTHER"):
        ssm.read({"path": path}, "OTHER")


def test_a_new_parameter_gets_what_the_options_say(ssm: SsmParameters, moto: Moto, path: str) -> None:
    options = {"key_id": KMS, "tier": "advanced", "description": "For mail", "tags": {"owner": "platform"}}
    written = ssm.write({"path": path, **options}, {"KEY": secret()})
    found = described(moto, f"{path}/KEY")
    assert (found["KeyId"], found["Tier"], found["Description"]) == (KMS, "Advanced", "For mail")
    assert tags_of(moto, f"{path}/KEY") == {"owner": "platform"}
    assert written["keys"]["KEY"]["tags"] == {"owner": "platform"}


def test_whatever_a_parameter_has_is_sent_along_with_its_next_value(
    ssm: SsmParameters, moto: Moto, path: str, asked: Asked
) -> None:
    """Nothing of it is left to AWS's defaults: without a key, it would take the account's own one."""
    settings = {"KeyId": KMS, "Tier": "Advanced", "Description": "For mail", "AllowedPattern": "^value-"}
    make(moto, f"{path}/KEY", Tags=[{"Key": "owner", "Value": "platform"}], **settings)
    ssm.write({"path": path}, {"KEY": secret()})
    assert sent(asked) == [{"Name": f"{path}/KEY", "Value": NEW, "Overwrite": True, "Type": "SecureString", **settings}]
    assert settings.items() <= described(moto, f"{path}/KEY").items()
    assert tags_of(moto, f"{path}/KEY") == {"owner": "platform"}


@pytest.mark.parametrize("option", [{"description": "For mail"}, {"tier": "advanced"}, {"key_id": KMS}])
def test_an_option_that_differs_makes_a_version_though_the_value_is_the_same(
    ssm: SsmParameters, moto: Moto, path: str, option: dict[str, str]
) -> None:
    make(moto, f"{path}/KEY", NEW)
    first = ssm.write({"path": path, **option}, {"KEY": secret()})
    second = ssm.write({"path": path, **option}, {"KEY": secret()})
    assert [written["keys"]["KEY"]["version"] for written in (first, second)] == [2, 2]
    (name, wanted), facts = next(iter(option.items())), second["keys"]["KEY"]
    assert facts[name].lower() == wanted.lower()


def test_a_key_is_the_same_by_its_id_and_by_its_arn(ssm: SsmParameters, moto: Moto, path: str, asked: Asked) -> None:
    key = "6f1f3b1a-7f2e-4d0c-9f0a-2a5e8c1d0b77"
    make(moto, f"{path}/KEY", NEW, KeyId=f"arn:aws:kms:eu-central-1:123456789012:key/{key}")
    ssm.write({"path": path, "key_id": key}, {"KEY": secret()})
    assert sent(asked) == []


def test_tags_are_added_and_others_stay(ssm: SsmParameters, moto: Moto, path: str, asked: Asked) -> None:
    make(moto, f"{path}/KEY", NEW, Tags=[{"Key": "owner", "Value": "platform"}])
    ssm.write({"path": path, "tags": {"stage": "prod"}}, {"KEY": secret()})
    assert tags_of(moto, f"{path}/KEY") == {"owner": "platform", "stage": "prod"}
    assert sent(asked) == []


def test_a_tag_that_cannot_be_set_is_an_error_where_it_was_asked_for(
    connect: Connect, moto: Moto, path: str, proxy: Proxy
) -> None:
    make(moto, f"{path}/KEY")
    store = SsmParameters(connect(SsmConnection), clock=VirtualClock())
    proxy.fault(operation="AddTagsToResource", status=400, body={"__type": "AccessDeniedException"})
    with pytest.raises(OutcomeUnknownError, match=r"after something was written.*ssm:AddTagsToResource"):
        store.write({"path": path, "tags": {"owner": "platform"}}, {"KEY": secret()})


@pytest.mark.parametrize("operation", ["AddTagsToResource", "ListTagsForResource"])
def test_a_ledger_that_may_not_leave_its_mark_writes_all_the_same(
    ssm: SsmParameters, moto: Moto, path: str, proxy: Proxy, operation: str
) -> None:
    ssm.owner_tag = "ledger-one"
    proxy.fault(operation=operation, times=0, status=400, body={"__type": "AccessDeniedException"})
    written = ssm.write({"path": path}, {"KEY": secret()})
    assert value_of(moto, f"{path}/KEY") == NEW
    assert "ledger" not in written


def test_the_mark_of_another_ledger_is_told(ssm: SsmParameters, moto: Moto, path: str) -> None:
    make(moto, f"{path}/THEIRS", Tags=[{"Key": "rotor_ledger", "Value": "ledger-two"}])
    ssm.owner_tag = "ledger-one"
    ssm.write({"path": path}, {"OURS": secret()})
    assert ssm.observe({"path": path}, ["OURS"])["ledger"] == "ledger-one"
    assert ssm.observe({"path": path}, ["OURS", "THEIRS"])["ledger"] == "ledger-two"


# What is refused


def test_a_plain_parameter_is_not_kept_plain_in_silence(
    ssm: SsmParameters, moto: Moto, path: str, proxy: Proxy
) -> None:
    make(moto, f"{path}/KEY", Type="String")
    for attempt in (lambda: ssm.observe({"path": path}, ["KEY"]), lambda: ssm.write({"path": path}, {"KEY": secret()})):
        with pytest.raises(ConfigurationError, match="of the type String and not SecureString") as caught:
            attempt()
        assert "delete it" in caught.value.hint
    assert (value_of(moto, f"{path}/KEY"), proxy.mutating) == (OLD, 0)


def test_a_plain_parameter_is_written_where_that_is_wanted(ssm: SsmParameters, moto: Moto, path: str) -> None:
    make(moto, f"{path}/KEY", Type="String")
    ssm.write({"path": path, "parameter_type": "String"}, {"KEY": secret(), "OTHER": secret()})
    assert [described(moto, f"{path}/{key}")["Type"] for key in ("KEY", "OTHER")] == ["String", "String"]


def test_a_parameter_of_one_level_is_written(ssm: SsmParameters, moto: Moto, path: str) -> None:
    name = f"/{path.strip('/').replace('/', '-')}"
    ssm.write({}, {name: secret()})
    assert value_of(moto, name) == NEW


def test_a_list_is_neither_written_nor_deleted(ssm: SsmParameters, moto: Moto, path: str, proxy: Proxy) -> None:
    make(moto, f"{path}/KEY", Type="StringList")
    found = ssm.look({"path": path}, ["KEY"])
    for attempt in (lambda: ssm.observe({"path": path}, ["KEY"]), lambda: ssm.refuse_lists({"path": path}, found)):
        with pytest.raises(ConfigurationError, match="is a StringList, which is not managed here") as caught:
            attempt()
        assert "parameter_type" not in caught.value.hint
    assert proxy.mutating == 0


def test_only_a_whole_reference_in_a_value_is_refused() -> None:
    refused = SsmParameters.reject_values({}, {"A": secret("a{{b}}"), "B": secret("a{{b"), "C": secret("}}a{{")})
    assert refused == ["A: AWS takes {{…}} in a value for a reference, and refuses it"]


def test_an_advanced_parameter_cannot_become_standard(ssm: SsmParameters, moto: Moto, path: str) -> None:
    make(moto, f"{path}/KEY", Tier="Advanced")
    with pytest.raises(ConfigurationError, match="is advanced, and AWS does not take that back"):
        ssm.observe({"path": path, "tier": "standard"}, ["KEY"])


@pytest.mark.parametrize("tier", ["advanced", "intelligent-tiering"])
def test_a_longer_value_needs_a_tier_that_is_named(ssm: SsmParameters, moto: Moto, path: str, tier: str) -> None:
    long = secret("x" * 4097)
    assert "tier: advanced" in ssm.reject_values({"path": path}, {"KEY": long})[0]
    with pytest.raises(InvalidRequestError, match="nothing was sent"):
        ssm.write({"path": path}, {"KEY": long})
    ssm.write({"path": path, "tier": tier}, {"KEY": long})
    assert value_of(moto, f"{path}/KEY") == "x" * 4097
    assert ssm.reject_values({"path": path, "tier": tier}, {"KEY": secret("x" * 8193)})


@pytest.mark.parametrize(
    ("path", "key", "problem"),
    [
        ("/molecule/prod", "KEY", ""),
        ("/molecule/prod", "key-1.b_c", ""),
        ("", "KEY", ""),
        ("", "/molecule/prod/KEY", ""),
        ("", "/KEY", ""),
        ("/KEY/", "", "AWS takes letters"),
        ("", "molecule/KEY", "with a / before each"),
        ("/molecule", "A KEY", "AWS takes letters"),
        ("/molecule", "", "AWS takes letters"),
        ("/molecule", "prod/KEY", "put its slashes into path"),
        ("/aws", "KEY", "begin with aws or ssm"),
        ("", "SSM-KEY", "begin with aws or ssm"),
        ("/molecule/aws", "KEY", ""),
        ("/a" * 14, "KEY", ""),
        ("/a" * 15, "KEY", "15 levels"),
        ("/molecule", "K" * 1011, "letters at most"),
    ],
)
def test_names_are_those_that_aws_takes(path: str, key: str, problem: str) -> None:
    mistakes = SsmParameters.validate({"path": path} if path else {}, [key])
    assert bool(mistakes) == bool(problem)
    assert all(problem in mistake for mistake in mistakes)


# How much is asked


def test_many_parameters_are_read_in_batches(ssm: SsmParameters, path: str, asked: Asked) -> None:
    values = {f"KEY_{number}": secret(f"value-{number}") for number in range(25)}
    ssm.write({"path": path}, values)
    del asked[:]
    assert ssm.observe({"path": path}, list(values))["keys"].keys() == values.keys()
    assert names(asked).count("GetParameters") == 3
    del asked[:]
    ssm.delete({"path": path}, list(values))
    assert names(asked) == ["DeleteParameters"] * 3
    assert ssm.observe({"path": path}, list(values))["keys"] == {}


def test_parameters_of_several_containers_are_read_together(
    ssm: SsmParameters, moto: Moto, path: str, asked: Asked
) -> None:
    ssm.owner_tag = "ledger-one"
    for at in range(12):
        ssm.write({"path": f"{path}/{at}"}, {"KEY": secret()})
    make(moto, f"{path}/plain/KEY", Type="String")
    make(moto, f"{path}/theirs/KEY", Tags=[{"Key": "rotor_ledger", "Value": "ledger-two"}])
    del asked[:]
    looks = [({"path": f"{path}/{at}"}, ["KEY"]) for at in [*range(12), "plain", "theirs"]]
    *ours, plain, theirs = ssm.observe_all(looks)
    assert {seen["ledger"] for seen in ours if not isinstance(seen, RotorError)} == {"ledger-one"}
    assert isinstance(plain, ConfigurationError)
    assert not isinstance(theirs, RotorError)
    assert theirs["ledger"] == "ledger-two"
    assert set(names(asked)) == {"DescribeParameters", "GetParameters", "ListTagsForResource"}
    assert (names(asked).count("GetParameters"), names(asked).count("ListTagsForResource")) == (2, 1)


def test_a_look_that_is_refused_for_all_is_made_for_each(
    ssm: SsmParameters, moto: Moto, path: str, proxy: Proxy
) -> None:
    for at in range(2):
        make(moto, f"{path}/{at}/KEY")
    proxy.fault(operation="DescribeParameters", status=400, body={"__type": "AccessDeniedException"}, times=2)
    first, second = ssm.observe_all([({"path": f"{path}/{at}"}, ["KEY"]) for at in range(2)])
    assert isinstance(first, PermissionDeniedError)
    assert not isinstance(second, RotorError)


def test_look_that_breaks_is_the_error_of_its_own_container_alone(
    ssm: SsmParameters, moto: Moto, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(3):
        make(moto, f"{path}/{at}/KEY")
    real = SsmParameters.evidence

    def broken(self: SsmParameters, container: Any, *found: Any) -> Any:
        if container["path"] == f"{path}/1":
            raise KeyError("broken")
        return real(self, container, *found)

    monkeypatch.setattr(SsmParameters, "evidence", broken)
    first, second, third = ssm.observe_all([({"path": f"{path}/{at}"}, ["KEY"]) for at in range(3)])
    assert isinstance(second, UnexpectedError)
    assert not isinstance(first, RotorError)
    assert not isinstance(third, RotorError)


@pytest.mark.parametrize(("status", "kind", "requests"), [(503, UnavailableError, 5), (401, AuthenticationError, 1)])
def test_what_meets_every_look_alike_is_asked_about_once(
    ssm: SsmParameters, path: str, proxy: Proxy, status: int, kind: type[RotorError], requests: int
) -> None:
    proxy.fault(status=status, times=0)
    seen = ssm.observe_all([({"path": f"{path}/{at}"}, ["KEY"]) for at in range(10)])
    assert [type(one) for one in seen] == [kind] * 10
    assert len(proxy.requests) == requests


def test_denied_parameter_takes_no_fingerprint_of_others(
    ssm: SsmParameters, moto: Moto, path: str, proxy: Proxy
) -> None:
    for at in range(12):
        make(moto, f"{path}/{at}/KEY")
    denied = {"__type": "AccessDeniedException"}
    proxy.fault(operation="GetParameters", body_contains=f"{path}/3/KEY", status=400, body=denied, times=0)
    seen = ssm.observe_all([({"path": f"{path}/{at}"}, ["KEY"]) for at in range(12)])
    without = [at for at, one in enumerate(seen) if "fingerprint" not in one["keys"]["KEY"]]  # type: ignore[index]
    assert without == [3]
    assert [one.operation for one in proxy.requests].count("GetParameters") == 12, "two batches, and one of them again"


def test_denied_key_takes_no_fingerprint_of_its_neighbour(
    ssm: SsmParameters, moto: Moto, path: str, proxy: Proxy
) -> None:
    for key in ("OURS", "DENIED"):
        make(moto, f"{path}/{key}")
    denied = {"__type": "AccessDeniedException"}
    proxy.fault(operation="GetParameters", body_contains="DENIED", status=400, body=denied, times=0)
    before = ssm.observe({"path": path}, ["OURS", "DENIED", "ABSENT"])
    assert {key: "fingerprint" in facts for key, facts in before["keys"].items()} == {"OURS": True, "DENIED": False}
    after = ssm.write({"path": path}, {"OURS": secret(), "DENIED": secret()}, before)
    assert {key: facts["version"] for key, facts in after["keys"].items()} == {"OURS": 2, "DENIED": 2}
    assert (value_of(moto, f"{path}/OURS"), value_of(moto, f"{path}/DENIED")) == (NEW, NEW)


def test_a_version_that_is_known_is_looked_at_by_its_value_alone(ssm: SsmParameters, path: str, asked: Asked) -> None:
    ssm.owner_tag = "ledger-one"
    evidence = ssm.write({"path": path}, {"KEY": secret()})
    del asked[:]
    evidence = ssm.write({"path": path}, {"KEY": secret("next")}, evidence)
    assert names(asked) == ["GetParameters", "PutParameter", "DescribeParameters"]
    assert ssm.unchanged(evidence, ssm.observe({"path": path}, ["KEY"]))
    assert evidence["ledger"] == "ledger-one"


def test_what_a_parameter_has_that_was_made_again_is_sent_along(
    ssm: SsmParameters, moto: Moto, path: str, asked: Asked
) -> None:
    evidence = ssm.write({"path": path}, {"KEY": secret(OLD)})
    moto.client("ssm").delete_parameter(Name=f"{path}/KEY")
    make(moto, f"{path}/KEY", Description="Of somebody else")
    ssm.write({"path": path}, {"KEY": secret()}, evidence)
    assert sent(asked)[-1]["Description"] == "Of somebody else"


def test_an_empty_page_is_not_the_last(scripted: SsmConnection, script: Scripted, clock: VirtualClock) -> None:
    facts = {"Name": "KEY", "Version": 7, "LastModifiedDate": 1795000000, "Type": "SecureString"}
    script.answer(200, {"Parameters": [], "NextToken": "more"}).answer(200, {"Parameters": [facts]})
    script.answer(200, {"Parameters": [{**facts, "Value": OLD}], "InvalidParameters": []})
    assert SsmParameters(scripted, clock=clock).observe({}, ["KEY"])["keys"]["KEY"]["version"] == 7
    assert script.received[1].json["NextToken"] == "more"


def test_a_parameter_that_is_not_listed_yet_is_asked_for_again(
    ssm: SsmParameters, moto: Moto, path: str, proxy: Proxy, clock: VirtualClock
) -> None:
    make(moto, f"{path}/KEY")
    proxy.fault(operation="DescribeParameters", kind="lie", status=200, body={"Parameters": []})
    assert ssm.observe({"path": path}, ["KEY"])["keys"]["KEY"]["version"] == 1
    assert clock.slept == [1]


def test_a_parameter_that_aws_says_nothing_of_is_not_taken_for_absent(
    ssm: SsmParameters, moto: Moto, path: str, proxy: Proxy
) -> None:
    make(moto, f"{path}/KEY")
    proxy.fault(operation="GetParameters", kind="lie", status=200, body={"Parameters": [], "InvalidParameters": []})
    with pytest.raises(UnexpectedAnswerError, match="did not answer for every parameter"):
        ssm.observe({"path": path}, ["KEY"])


# Who else was there


def test_a_write_in_between_is_noticed_and_both_values_are_in_the_history(
    ssm: SsmParameters, moto: Moto, path: str, proxy: Proxy
) -> None:
    make(moto, f"{path}/KEY")
    proxy.before(lambda: overwrite(moto, f"{path}/KEY"), operation="PutParameter")
    with pytest.raises(ConflictError, match="version 3 now where 2 was due") as caught:
        ssm.write({"path": path}, {"KEY": secret()})
    assert "history" in caught.value.hint
    assert [value_of(moto, f"{path}/KEY:{version}") for version in (1, 2, 3)] == [OLD, FOREIGN, NEW]


def test_a_parameter_that_somebody_else_makes_first_is_not_overwritten(
    ssm: SsmParameters, moto: Moto, path: str, proxy: Proxy
) -> None:
    proxy.before(lambda: make(moto, f"{path}/KEY", FOREIGN), operation="PutParameter")
    with pytest.raises(ConflictError, match="ParameterAlreadyExists"):
        ssm.write({"path": path}, {"KEY": secret()})
    assert value_of(moto, f"{path}/KEY") == FOREIGN


def test_a_change_since_it_was_looked_at_is_refused(ssm: SsmParameters, moto: Moto, path: str, proxy: Proxy) -> None:
    make(moto, f"{path}/KEY")
    since = ssm.observe({"path": path}, ["KEY", "OTHER"])
    overwrite(moto, f"{path}/KEY")
    with pytest.raises(ConflictError, match="somebody else has changed it"):
        ssm.write({"path": path}, {"KEY": secret()}, since)
    assert proxy.mutating == 0
    assert ssm.write({"path": path}, {"OTHER": secret()}, since)


def test_a_parameter_that_was_deleted_and_made_again_is_another_one(ssm: SsmParameters, moto: Moto, path: str) -> None:
    before = ssm.write({"path": path}, {"KEY": secret()})
    moto.client("ssm").delete_parameter(Name=f"{path}/KEY")
    make(moto, f"{path}/KEY", FOREIGN)
    now = ssm.observe({"path": path}, ["KEY"])
    assert before["keys"]["KEY"]["version"] == now["keys"]["KEY"]["version"] == 1
    assert not ssm.unchanged(before, now)


def test_without_fingerprints_the_date_tells_two_first_versions_apart() -> None:
    before, now = ({"keys": {"KEY": {"version": 1, "modified_at": at}}} for at in ("12:00", "12:01"))
    assert SsmParameters.unchanged(before, before)
    assert not SsmParameters.unchanged(before, now)


def test_a_write_right_after_ours_is_told(ssm: SsmParameters, moto: Moto, path: str, proxy: Proxy) -> None:
    make(moto, f"{path}/KEY")
    proxy.before(lambda: overwrite(moto, f"{path}/KEY"), operation="DescribeParameters", skip=1)
    with pytest.raises(ConflictError, match=r"written as version 2, and somebody else has written version 3 since"):
        ssm.write({"path": path}, {"KEY": secret()})


# Without the right to read values


@pytest.fixture
def blind(moto: Moto, connect: Connect, clock: VirtualClock, path: str) -> SsmParameters:
    rights = ["ssm:DescribeParameters", "ssm:PutParameter"]
    keys: Keys = moto.user(f"blind{path.replace('/', '-')}", {"Effect": "Allow", "Action": rights, "Resource": "*"})
    return SsmParameters(connect(SsmConnection, keys), clock=clock)


def test_who_may_not_read_has_versions_for_evidence(blind: SsmParameters, moto: Moto, path: str) -> None:
    make(moto, f"{path}/KEY")
    before = blind.observe({"path": path}, ["KEY", "OTHER"])
    assert before["keys"].keys() == {"KEY"}
    assert "fingerprint" not in before["keys"]["KEY"]
    written = blind.write({"path": path}, {"KEY": secret()}, before)
    assert value_of(moto, f"{path}/KEY") == NEW
    assert written["keys"]["KEY"]["version"] == 2
    assert blind.unchanged(written, blind.observe({"path": path}, ["KEY"]))


def test_who_may_not_read_cannot_tell_what_came_of_a_lost_answer(
    blind: SsmParameters, moto: Moto, path: str, proxy: Proxy
) -> None:
    make(moto, f"{path}/KEY")
    proxy.fault(operation="PutParameter", kind="reset_after")
    with pytest.raises(OutcomeUnknownError):
        blind.write({"path": path}, {"KEY": secret()})
    assert value_of(moto, f"{path}/KEY") == NEW


def test_what_a_lost_answer_stood_for_is_read(ssm: SsmParameters, moto: Moto, path: str, proxy: Proxy) -> None:
    make(moto, f"{path}/KEY")
    proxy.fault(operation="PutParameter", kind="reset_after")
    proxy.before(lambda: overwrite(moto, f"{path}/KEY"), operation="DescribeParameters", skip=1)
    with pytest.raises(ConflictError, match="version 3 now where 2 was due"):
        ssm.write({"path": path}, {"KEY": secret()})
