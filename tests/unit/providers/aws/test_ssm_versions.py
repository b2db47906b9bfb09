# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A parameter has 100 versions, and AWS drops the oldest only if it has no label: that never stops us half-way."""

from __future__ import annotations

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConflictError, UnexpectedAnswerError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.aws.ssm import SsmParameters
from tests.conformance.proxy import Proxy
from tests.servers.moto import Moto

LATEST = "value-100"


@pytest.fixture
def full(moto: Moto, path: str) -> str:
    """A parameter with as many versions as AWS keeps; its name."""
    for number in range(1, 101):
        settings = {"Overwrite": True} if number > 1 else {"Type": "SecureString"}
        moto.client("ssm").put_parameter(Name=f"{path}/KEY", Value=f"value-{number}", **settings)
    return f"{path}/KEY"


def label(moto: Moto, name: str, version: int, *labels: str) -> None:
    moto.client("ssm").label_parameter_version(Name=name, ParameterVersion=version, Labels=list(labels))


def labels(moto: Moto, name: str) -> dict[int, list[str]]:
    pages = moto.client("ssm").get_paginator("get_parameter_history").paginate(Name=name)
    versions = [version for page in pages for version in page["Parameters"]]
    return {version["Version"]: version["Labels"] for version in versions if version["Labels"]}


def write(ssm: SsmParameters, path: str, value: str = "value-101", *, moving: bool = False) -> int:
    container = {"path": path, "move_labels": moving}
    return int(ssm.write(container, {"KEY": SecretValue(value)})["keys"]["KEY"]["version"])


def test_without_a_label_the_oldest_version_goes(ssm: SsmParameters, path: str, full: str) -> None:
    assert write(ssm, path) == 101


def test_a_label_on_a_later_version_does_no_harm(ssm: SsmParameters, moto: Moto, path: str, full: str) -> None:
    label(moto, full, 2, "stable")
    assert write(ssm, path) == 101
    assert labels(moto, full) == {2: ["stable"]}


def test_a_label_on_the_oldest_is_told_before_anything_is_written(
    ssm: SsmParameters, moto: Moto, path: str, full: str, proxy: Proxy
) -> None:
    """In preflight, too: before a credential is minted."""
    label(moto, full, 1, "stable")
    for attempt in (lambda: ssm.observe({"path": path}, ["KEY"]), lambda: write(ssm, path)):
        with pytest.raises(ConflictError, match=r"the oldest, 1, has the label stable") as caught:
            attempt()
        assert "move_labels: true, which moves it to version 2" in caught.value.hint
    assert (proxy.mutating, labels(moto, full)) == (0, {1: ["stable"]})


def test_what_is_there_already_needs_no_version(ssm: SsmParameters, moto: Moto, path: str, full: str) -> None:
    label(moto, full, 1, "stable")
    assert write(ssm, path, LATEST) == 100


def test_labels_move_forward_where_they_may(ssm: SsmParameters, moto: Moto, path: str, full: str) -> None:
    label(moto, full, 1, "stable", "last-year")
    label(moto, full, 2, "canary")
    assert write(ssm, path, moving=True) == 101
    assert labels(moto, full) == {2: ["canary", "stable", "last-year"]}
    assert write(ssm, path, "value-102", moving=True) == 102
    assert labels(moto, full) == {3: ["canary", "stable", "last-year"]}


def test_a_label_that_aws_does_not_take_is_no_success(
    ssm: SsmParameters, moto: Moto, path: str, full: str, proxy: Proxy
) -> None:
    label(moto, full, 1, "stable")
    body = {"InvalidLabels": ["stable"], "ParameterVersion": 2}
    proxy.fault(operation="LabelParameterVersion", kind="lie", status=200, body=body)
    with pytest.raises(UnexpectedAnswerError, match="AWS does not take stable"):
        write(ssm, path, moving=True)


def test_who_may_not_see_the_history_hears_it_from_aws(
    ssm: SsmParameters, moto: Moto, path: str, full: str, proxy: Proxy
) -> None:
    proxy.fault(operation="GetParameterHistory", times=0, status=400, body={"__type": "AccessDeniedException"})
    assert write(ssm, path) == 101
    label(moto, full, 2, "stable")
    with pytest.raises(ConflictError, match="ParameterMaxVersionLimitExceeded"):
        write(ssm, path, "value-102")
