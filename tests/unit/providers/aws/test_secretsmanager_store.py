# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets Manager: versions and their labels, one key among others, and secrets that somebody else has in hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import (
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    UnexpectedAnswerError,
)
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.client import SecretsManagerConnection
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.secretsmanager import SecretsManagerSecrets
from tests.conformance.proxy import Proxy
from tests.servers.moto import Moto
from tests.unit.core.doubles import VirtualClock
from tests.unit.providers.aws.conftest import Connect, names

OLD, NEW, FOREIGN = "value-before", "value-after", "value-of-somebody-else"
TEXT = {"format": "text"}
Asked = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def aws(moto: Moto) -> Any:
    return moto.client("secretsmanager")


@pytest.fixture
def there(aws: Any, name: str) -> str:
    """A secret with two keys; its name."""
    aws.create_secret(Name=name, SecretString=json.dumps({"KEY": OLD, "SIBLING": "stays"}), Description="For mail")
    return name


def text_of(aws: Any, name: str) -> str:
    return str(aws.get_secret_value(SecretId=name)["SecretString"])


def document_of(aws: Any, name: str) -> Any:
    return json.loads(text_of(aws, name))


def test_value_that_lies_there_is_read_and_an_absent_one_told(sm: SecretsManagerSecrets, aws: Any, there: str) -> None:
    assert sm.read({"secret": there}, "KEY") == SecretValue(OLD)
    aws.put_secret_value(SecretId=there, SecretString=json.dumps({"KEY": 5, "EMPTY": ""}))
    for key in ("KEY", "EMPTY", "OTHER"):
        with pytest.raises(NotFoundError, match=f"{there} has no text in {key}"):
            sm.read({"secret": there}, key)
    assert sm.read({"secret": there, **TEXT}, "whatever").reveal() == text_of(aws, there)
    with pytest.raises(NotFoundError):
        sm.read({"secret": f"{there}-missing"}, "KEY")


def test_secret_is_read_whole_where_it_is_an_object(sm: SecretsManagerSecrets, aws: Any, there: str) -> None:
    assert {key: value.reveal() for key, value in sm.contents({"secret": there}, []).items()} == document_of(aws, there)
    with pytest.raises(ConfigurationError, match="does not list its keys"):
        sm.contents({"secret": there, **TEXT}, [])


def stages(aws: Any, name: str) -> dict[str, list[str]]:
    return {version: sorted(labels) for version, labels in described(aws, name)["VersionIdsToStages"].items()}


def described(aws: Any, name: str) -> dict[str, Any]:
    return dict(aws.describe_secret(SecretId=name))


def secret(value: str = NEW) -> SecretValue:
    return SecretValue(value)


# Versions


def test_a_new_version_is_pending_before_it_is_current(
    sm: SecretsManagerSecrets, aws: Any, there: str, asked: Asked
) -> None:
    (first,) = stages(aws, there)
    written = sm.write({"secret": there}, {"KEY": secret()})
    operations = [(operation, sent) for operation, sent in asked if operation.startswith(("Put", "Update"))]
    put, move = operations[:2]
    assert put[1]["VersionStages"] == ["AWSPENDING"]
    assert put[1]["ClientRequestToken"] == written["version"]
    assert move[1] == {
        "SecretId": there,
        "VersionStage": "AWSCURRENT",
        "MoveToVersionId": written["version"],
        "RemoveFromVersionId": first,
    }
    assert stages(aws, there) == {first: ["AWSPREVIOUS"], written["version"]: ["AWSCURRENT"]}
    assert document_of(aws, there) == {"KEY": NEW, "SIBLING": "stays"}


def test_key_description_and_tags_stay(sm: SecretsManagerSecrets, aws: Any, name: str) -> None:
    settings = {
        "KmsKeyId": "alias/molecule",
        "Description": "For mail",
        "Tags": [{"Key": "owner", "Value": "platform"}],
    }
    aws.create_secret(Name=name, SecretString="{}", **settings)
    sm.write({"secret": name, "kms_key_id": "other", "description": "other"}, {"KEY": secret()})
    found = described(aws, name)
    assert {field: found[field] for field in settings} == settings


def test_a_token_makes_one_version_however_often_it_is_sent(
    sm: SecretsManagerSecrets, aws: Any, there: str, proxy: Proxy
) -> None:
    proxy.fault(operation="PutSecretValue", kind="reset_after", times=2)
    sm.write({"secret": there}, {"KEY": secret()})
    assert len(stages(aws, there)) == 2


def test_a_lost_answer_to_the_last_step_is_resolved_by_looking(
    sm: SecretsManagerSecrets, aws: Any, there: str, proxy: Proxy
) -> None:
    proxy.fault(operation="UpdateSecretVersionStage", kind="reset_after")
    written = sm.write({"secret": there}, {"KEY": secret()})
    assert stages(aws, there)[written["version"]] == ["AWSCURRENT"]


def test_a_label_that_cannot_be_taken_off_does_not_fail_the_write(
    sm: SecretsManagerSecrets, aws: Any, there: str, proxy: Proxy
) -> None:
    proxy.fault(operation="UpdateSecretVersionStage", skip=1, times=0, status=400, body={"__type": "AccessDenied"})
    sm.write({"secret": there}, {"KEY": secret()})
    assert document_of(aws, there)["KEY"] == NEW


def test_what_a_crash_has_left_pending_is_replaced(
    sm: SecretsManagerSecrets, aws: Any, there: str, proxy: Proxy
) -> None:
    proxy.fault(operation="UpdateSecretVersionStage", times=0, status=400, body={"__type": "AccessDeniedException"})
    with pytest.raises(Exception, match="secretsmanager:UpdateSecretVersionStage"):
        sm.write({"secret": there}, {"KEY": secret("value-of-a-crash")})
    assert ["AWSPENDING"] in stages(aws, there).values()
    assert document_of(aws, there)["KEY"] == OLD
    proxy.clear()
    sm.write({"secret": there}, {"KEY": secret()})
    assert document_of(aws, there)["KEY"] == NEW
    assert sorted(label for labels in stages(aws, there).values() for label in labels) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_version_that_a_crash_has_left_current_reaches_its_readers(
    sm: SecretsManagerSecrets, aws: Any, there: str
) -> None:
    """The label alone does not move moto's readers, as it moves those of AWS."""
    (current,) = stages(aws, there)
    token = f"rotor-{uuid4()}"
    text = json.dumps(document_of(aws, there) | {"KEY": NEW})
    aws.put_secret_value(SecretId=there, SecretString=text, ClientRequestToken=token, VersionStages=["AWSPENDING"])
    aws.update_secret_version_stage(
        SecretId=there, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
    )
    assert document_of(aws, there)["KEY"] == OLD
    assert sm.write({"secret": there}, {"KEY": secret()})["version"] == token
    assert document_of(aws, there)["KEY"] == NEW


def test_a_secret_without_a_value_gets_its_first(sm: SecretsManagerSecrets, aws: Any, name: str) -> None:
    aws.create_secret(Name=name)
    assert sm.observe({"secret": name}, ["KEY"]) == {"keys": {}, "version": None}
    written = sm.write({"secret": name}, {"KEY": secret()})
    assert document_of(aws, name) == {"KEY": NEW}
    assert stages(aws, name)[written["version"]] == ["AWSCURRENT"]


def test_a_version_that_nobody_is_given_is_no_success(
    sm: SecretsManagerSecrets, aws: Any, there: str, proxy: Proxy, clock: VirtualClock
) -> None:
    proxy.fault(operation="UpdateSecretVersionStage", kind="lie", times=0, status=200, body={"ARN": "arn"})
    with pytest.raises(UnexpectedAnswerError, match="does not hand it out"):
        sm.write({"secret": there}, {"KEY": secret()})
    assert document_of(aws, there)["KEY"] == OLD
    assert sum(clock.slept) == 20


# Others


def test_a_change_of_our_key_since_it_was_looked_at_is_refused(
    sm: SecretsManagerSecrets, aws: Any, there: str, proxy: Proxy
) -> None:
    since = sm.observe({"secret": there}, ["KEY"])
    aws.put_secret_value(SecretId=there, SecretString=json.dumps({"KEY": FOREIGN}))
    with pytest.raises(ConflictError, match="somebody else has changed its keys"):
        sm.write({"secret": there}, {"KEY": secret()}, since)
    assert (document_of(aws, there), proxy.mutating) == ({"KEY": FOREIGN}, 0)


def test_who_loses_a_race_leaves_nothing_pending(sm: SecretsManagerSecrets, aws: Any, there: str, proxy: Proxy) -> None:
    since = sm.observe({"secret": there}, ["KEY"])
    theirs = json.dumps({"KEY": FOREIGN})
    proxy.before(
        lambda: aws.put_secret_value(SecretId=there, SecretString=theirs), operation="UpdateSecretVersionStage"
    )
    with pytest.raises(ConflictError):
        sm.write({"secret": there}, {"KEY": secret()}, since)
    assert document_of(aws, there) == {"KEY": FOREIGN}
    assert not [labels for labels in stages(aws, there).values() if "AWSPENDING" in labels]


OBSTACLES: dict[str, tuple[Callable[[Any, str], object], str]] = {
    "AWS rotates it": (
        lambda aws, name: aws.rotate_secret(SecretId=name, RotationRules={"AutomaticallyAfterDays": 30}),
        "AWS rotates .* by itself",
    ),
    "somebody is rotating it": (
        lambda aws, name: aws.put_secret_value(SecretId=name, SecretString="{}", VersionStages=["AWSPENDING"]),
        "has a version that is pending",
    ),
    "it is about to be deleted": (lambda aws, name: aws.delete_secret(SecretId=name), "about to be deleted"),
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_a_secret_that_somebody_else_has_in_hand_is_left_alone(
    sm: SecretsManagerSecrets, aws: Any, there: str, proxy: Proxy, obstacle: str
) -> None:
    """In preflight, too."""
    arrange, message = OBSTACLES[obstacle]
    arrange(aws, there)
    for attempt in (
        lambda: sm.observe({"secret": there}, ["KEY"]),
        lambda: sm.write({"secret": there}, {"KEY": secret()}),
        lambda: sm.delete({"secret": there}, ["KEY"]),
    ):
        with pytest.raises(ConflictError, match=message):
            attempt()
    assert proxy.mutating == 0


def test_a_secret_of_another_service_is_left_alone(sm: SecretsManagerSecrets, aws: Any, name: str) -> None:
    owner = [{"Key": "aws:secretsmanager:owningService", "Value": "rds"}]
    aws.create_secret(Name=name, SecretString="{}", Tags=owner)
    with pytest.raises(ConflictError, match="belongs to the AWS service rds"):
        sm.observe({"secret": name}, ["KEY"])


def test_a_replica_says_where_to_write(
    sm: SecretsManagerSecrets, connect: Connect, aws: Any, name: str, clock: VirtualClock
) -> None:
    aws.create_secret(Name=name, SecretString="{}", AddReplicaRegions=[{"Region": "eu-west-3"}])
    there = SecretsManagerSecrets(connect(SecretsManagerConnection, region="eu-west-3"), clock=clock)
    with pytest.raises(ConflictError, match="is a replica of one in eu-central-1"):
        there.observe({"secret": name}, ["KEY"])
    assert sm.write({"secret": name}, {"KEY": secret()})


# What a secret holds


def test_a_text_is_written_as_a_whole(sm: SecretsManagerSecrets, aws: Any, name: str, asked: Asked) -> None:
    aws.create_secret(Name=name, SecretString=OLD)
    container = {"secret": name, **TEXT}
    written = sm.write(container, {"KEY": secret()})
    assert text_of(aws, name) == NEW
    assert sm.unchanged(written, sm.observe(container, ["KEY"]))
    del asked[:]
    sm.write(container, {"KEY": secret()})
    assert names(asked) == ["DescribeSecret", "GetSecretValue", "GetSecretValue"]


def test_a_text_is_one_value(sm: SecretsManagerSecrets, aws: Any, there: str) -> None:
    assert "one value" in sm.validate({"secret": there, **TEXT}, ["A", "B"])[0]
    with pytest.raises(InvalidRequestError, match="Delete it as a whole"):
        sm.delete({"secret": there, **TEXT}, ["KEY"])
    assert document_of(aws, there)["KEY"] == OLD


def test_a_text_is_no_object(sm: SecretsManagerSecrets, aws: Any, name: str) -> None:
    aws.create_secret(Name=name, SecretString=OLD)
    with pytest.raises(
        InvalidRequestError, match=r"holds no JSON object\. If it is one value, set format: text"
    ) as caught:
        sm.observe({"secret": name}, ["KEY"])
    assert OLD not in str(caught.value)


def test_bytes_are_not_taken_for_an_empty_secret(sm: SecretsManagerSecrets, aws: Any, name: str) -> None:
    aws.create_secret(Name=name, SecretBinary=b"bytes")
    with pytest.raises(InvalidRequestError, match="holds bytes and no text"):
        sm.write({"secret": name}, {"KEY": secret()})


def test_a_number_is_replaced_by_a_text_of_the_same_letters(sm: SecretsManagerSecrets, aws: Any, name: str) -> None:
    aws.create_secret(Name=name, SecretString='{"port": 5432, "rate": 1.10}')
    sm.write({"secret": name}, {"port": secret("5432")})
    assert text_of(aws, name) == '{"port": "5432", "rate": 1.10}'


def test_the_whole_secret_has_a_limit(sm: SecretsManagerSecrets, aws: Any, name: str, proxy: Proxy) -> None:
    aws.create_secret(Name=name, SecretString=json.dumps({"SIBLING": "x" * 65000}))
    assert sm.reject_values({"secret": name}, {"KEY": secret("y" * 600)}) == []
    with pytest.raises(InvalidRequestError, match="more than the 65536 bytes"):
        sm.write({"secret": name}, {"KEY": secret("y" * 600)})
    assert sm.reject_values({"secret": name}, {"KEY": secret("y" * 65536)})
    assert not sm.reject_values({"secret": name, **TEXT}, {"KEY": secret("y" * 65536)})
    assert sm.reject_values({"secret": name, **TEXT}, {"KEY": secret("y" * 65537)})
    assert proxy.mutating == 0


def test_a_secret_is_found_by_its_arn_as_well(sm: SecretsManagerSecrets, aws: Any, there: str) -> None:
    arn = described(aws, there)["ARN"]
    assert sm.identity({"secret": arn}) == sm.identity({"secret": there}) == there
    assert sm.validate({"secret": arn}, ["KEY"]) == []
    sm.write({"secret": arn}, {"KEY": secret()})
    assert document_of(aws, there)["KEY"] == NEW


def test_a_name_that_aws_does_not_take_is_refused(sm: SecretsManagerSecrets) -> None:
    assert sm.validate({"secret": "no blanks"}, ["KEY"])


# Secrets that are made


def test_a_missing_secret_is_made_only_where_that_is_wanted(sm: SecretsManagerSecrets, aws: Any, name: str) -> None:
    with pytest.raises(NotFoundError, match="With create: true, it is made"):
        sm.write({"secret": name}, {"KEY": secret()})
    settings = {"kms_key_id": "alias/molecule", "description": "For mail", "tags": {"owner": "platform"}}
    sm.owner_tag = "ledger-one"
    written = sm.write({"secret": name, "create": True, **settings}, {"KEY": secret()})
    found = described(aws, name)
    assert (found["KmsKeyId"], found["Description"]) == ("alias/molecule", "For mail")
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {"owner": "platform", "rotor_ledger": "ledger-one"}
    assert stages(aws, name) == {written["version"]: ["AWSCURRENT"]}
    assert sm.unchanged(written, sm.observe({"secret": name}, ["KEY"]))


def test_an_arn_of_nothing_makes_nothing(sm: SecretsManagerSecrets) -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:nothing-AbCdEf"
    with pytest.raises(NotFoundError):
        sm.write({"secret": arn, "create": True}, {"KEY": secret()})


def test_a_secret_that_somebody_else_makes_first_keeps_what_it_has(
    sm: SecretsManagerSecrets, aws: Any, name: str, proxy: Proxy
) -> None:
    theirs = json.dumps({"SIBLING": "stays"})
    proxy.before(lambda: aws.create_secret(Name=name, SecretString=theirs), operation="CreateSecret")
    sm.write({"secret": name, "create": True}, {"KEY": secret()})
    assert document_of(aws, name) == {"SIBLING": "stays", "KEY": NEW}


def test_a_lost_answer_makes_no_second_secret(sm: SecretsManagerSecrets, aws: Any, name: str, proxy: Proxy) -> None:
    proxy.fault(operation="CreateSecret", kind="reset_after")
    sm.write({"secret": name, "create": True}, {"KEY": secret()})
    assert len(stages(aws, name)) == 1


def test_a_ledger_that_may_not_leave_its_mark_writes_all_the_same(
    sm: SecretsManagerSecrets, aws: Any, there: str, proxy: Proxy
) -> None:
    sm.owner_tag = "ledger-one"
    proxy.fault(operation="TagResource", status=400, body={"__type": "AccessDeniedException"})
    assert "ledger" not in sm.write({"secret": there}, {"KEY": secret()})
    assert document_of(aws, there)["KEY"] == NEW


def test_a_secret_is_deleted_with_time_to_change_ones_mind(
    sm: SecretsManagerSecrets, aws: Any, there: str, proxy: Proxy
) -> None:
    proxy.fault(operation="DeleteSecret", kind="reset_after")
    sm.schedule_deletion({"secret": there}, 7)
    assert not sm.is_there({"secret": there})
    aws.restore_secret(SecretId=there)
    assert document_of(aws, there)["KEY"] == OLD
