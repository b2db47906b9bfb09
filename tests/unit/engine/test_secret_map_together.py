# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes that no entry of the map has by itself: two that write one key, share a credential, or have one name."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.parser import parse
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.variables import TaskVariables
from tests.unit.engine.maps import changed, errors_in, parsed, read
from tests.unit.engine.test_variables import Templar

pytestmark = pytest.mark.filterwarnings("error")


def twin(**changes: Any) -> dict[str, Any]:
    raw = read()
    other = read()["secret_map"]["KEY"]
    other["rollout"][0]["copies"][0]["folder"] = "/other"
    raw["secret_map"]["TWIN"] = other | changes
    return raw


def test_two_secrets_must_not_write_one_key() -> None:
    raw = changed(
        "secret_map/TWIN/rollout/0/copies/0", {"store": "cloud", "folder": "/A", "keys": {"URL": "${url}"}}, twin()
    )
    assert errors_in(raw) == [
        (
            "secret_map.TWIN.rollout[0].copies[0].keys.URL: secret_map.KEY.rollout[0].copies[0] writes this key, too; "
            "each key belongs to one secret"
        )
    ]


def test_the_place_of_a_copy_is_counted_with_whatever_stands_before_it() -> None:
    copies = ["x", {"store": "cloud", "folder": "/a", "keys": {"URL": "${url}"}}]
    assert errors_in(changed("secret_map/TWIN/rollout/0/copies", copies, twin())) == [
        "secret_map.TWIN.rollout[0].copies[0]: expected a mapping, not a string",
        (
            "secret_map.TWIN.rollout[0].copies[1].keys.URL: secret_map.KEY.rollout[0].copies[0] writes this key, too; "
            "each key belongs to one secret"
        ),
    ]


def test_two_secrets_may_share_a_container() -> None:
    raw = changed("secret_map/TWIN/rollout/0/copies/0", {"store": "cloud", "folder": "/a"}, twin())
    assert parsed(raw).secrets["TWIN"].steps[0].copies[0].keys == {"TWIN": "${token}"}


def test_one_secret_names_a_container_once() -> None:
    raw = read()
    raw["secret_map"]["KEY"]["rollout"].append(
        {
            "name": "second",
            "copies": [{"store": "cloud", "folder": "/a", "keys": {"MORE": "${token}"}}],
            "verify": [{"type": "fake.cloud.job", "job": "test", "proves": "use"}],
        }
    )
    assert errors_in(raw) == [
        (
            "secret_map.KEY.rollout[1].copies[0]: is the container of secret_map.KEY.rollout[0].copies[0]; "
            "write all of its keys in one copy"
        )
    ]


def test_two_secrets_must_not_share_a_credential() -> None:
    issuer = {"type": "fake.cloud.token", "connection": "cloud", "team": "blue", "current_id": "tok_1"}
    raw = changed("secret_map/KEY/issuer", issuer, twin(issuer=issuer))
    assert errors_in(raw) == [
        (
            "secret_map.TWIN.issuer.current_id: secret_map.KEY.issuer.current_id names this credential, too; "
            "give it all its copies in one entry"
        )
    ]


def test_two_steps_must_not_have_one_name() -> None:
    raw = read()
    raw["secret_map"]["KEY"]["rollout"].append({**read()["secret_map"]["KEY"]["rollout"][0]})
    raw["secret_map"]["KEY"]["rollout"][1]["copies"] = [{"store": "cloud", "folder": "/c"}]
    assert errors_in(raw) == ["secret_map.KEY.rollout[1].name: another step has this name; give each its own"]


# One that is picked, beside all others


def refused(raw: dict[str, Any], *picked: str) -> list[str]:
    """What is wrong with these entries, read as a run does that names them."""
    variables = TaskVariables(raw, Templar())
    found = variables.select(list(picked))
    try:
        parts = [found[name] for name in ("secret_map", "secret_consumers", "secret_connections")]
        parse(parts[0], parts[1], parts[2], ["app1"], others=variables.others(picked))
    except MapError as error:
        return list(error.errors)
    return []


@pytest.mark.parametrize(
    "copy",
    [
        {"store": "cloud", "folder": "/A", "keys": {"URL": "${url}"}},
        {"store": "cloud", "folder": "/{{ name }}", "keys": {"URL": "${url}"}},
        {"store": "cloud", "folder": "/<each>", "keys": {"URL": "${url}"}, "for_each": ["b", "a"]},
    ],
)
def test_picked_secret_writes_no_key_of_another(copy: dict[str, Any]) -> None:
    raw = changed("secret_map/TWIN/rollout/0/copies/0", copy, twin())
    if "{{" in copy["folder"]:
        raw = changed("secret_map/KEY/rollout/0/copies/0/folder", copy["folder"], raw)
    (line,) = refused(raw, "KEY")
    assert line.startswith("secret_map.KEY.rollout[0].copies[0].keys.URL: secret_map.TWIN.rollout[0].copies[")
    assert line.endswith("] writes this key, too; each key belongs to one secret")


def test_picked_secret_names_no_credential_of_another() -> None:
    issuer = {"type": "fake.cloud.token", "connection": "cloud", "team": "blue", "current_id": "tok_1"}
    (line,) = refused(changed("secret_map/KEY/issuer", issuer, twin(issuer=issuer)), "KEY")
    assert line.startswith("secret_map.KEY.issuer.current_id: secret_map.TWIN.issuer.current_id names this credential")


@pytest.mark.parametrize(
    "wrong",
    [
        5,
        "{{ nope }}",
        {"issuer": 5, "copies": 5},
        {
            "issuer": {"type": [], "current_id": {}},
            "rollout": [5, {"copies": [5, {"store": []}]}],
            "accept": {"copies": {}},
        },
        {
            "copies": [
                {"store": "cloud"},
                {"store": "cloud", "folder": 5},
                {"store": "cloud", "folder": "/a", "keys": 5},
            ]
        },
        {"copies": [{"store": "cloud", "folder": "{{ nope }}", "keys": {"URL": "x"}}, {"store": "nowhere"}]},
        {"copies": [{"store": "cloud", "folder": "/a", "for_each": 5, "keys": {"URL": "x"}}]},
    ],
)
def test_what_is_wrong_with_others_is_left_to_a_run_that_picks_them(wrong: Any) -> None:
    raw = twin()
    raw["secret_map"] |= {"WRONG": wrong, "THIRD": raw["secret_map"]["TWIN"]}
    assert refused(raw, "KEY") == []


def test_no_template_of_others_is_expanded() -> None:
    raw, templar = twin(), Templar()
    raw["secret_map"]["TWIN"]["rollout"][0]["copies"][0]["folder"] = "{{ nope }}"
    TaskVariables(raw, templar).others(["KEY"])
    assert templar.asked == []
