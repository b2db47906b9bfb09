# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every mistake is found, all are found at once, and each is told with its path and a suggestion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import masking, registry
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError, there_are
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.parser import parse
from tests.unit.engine.maps import DESIGN, changed, errors_in, parsed, read

pytestmark = pytest.mark.filterwarnings("error")


KEY = "secret_map/KEY"
STEP = f"{KEY}/rollout/0"
COPY = f"{STEP}/copies/0"
CHECK = f"{STEP}/verify/0"
K = "secret_map.KEY"
S = f"{K}.rollout[0]"
C = f"{S}.copies[0]"
V = f"{S}.verify[0]"
ISSUERS = there_are(registry.names("issuers"))
UNPROVEN = (
    "nothing proves that the new credential is in use; "
    "revoking needs a check that proves use, or revoke: {accept: life}"
)
NO_REVOKE = (
    "asks before a revoke, and no call of this issuer's ends the old credential; a guard asks before a rotation begins"
)
ONE = [
    # options
    (f"{COPY}/fold", "/a", f"{C}.fold: unknown option; did you mean folder?"),
    (
        f"{KEY}/unknown",
        [],
        (
            f"{K}.unknown: unknown option; there are accept, blast_radius, connections, copies, derived, description, "
            "guard, issuer, max_age, max_age_reason, owner, reload, retain, revoke, rollout, verify, window"
        ),
    ),
    (f"{KEY}/accept", [], f"{K}.accept: expected a mapping, not a list"),
    (f"{STEP}/verfy", [], f"{S}.verfy: unknown option; did you mean verify?"),
    (f"{KEY}/issuer", ..., f"{K}: missing option issuer (who makes the credential)"),
    (f"{KEY}/issuer", "token", f"{K}.issuer: expected a mapping, not a string"),
    (f"{KEY}/owner", 5, f"{K}.owner: expected a string, not a whole number"),
    (f"{KEY}/owner", "", f"{K}.owner: must not be empty"),
    (f"{KEY}/owner", None, f"{K}.owner: expected a string, not nothing"),
    (f"{KEY}/retain", "all", f"{K}.retain: unknown value; there are current, none"),
    (f"{KEY}/retain", "curent", f"{K}.retain: unknown value; did you mean current?"),
    (f"{KEY}/retain", True, f"{K}.retain: unknown value; there are current, none"),
    (f"{COPY}/folder", "a", f"{C}.folder: does not have the form wanted: a path that begins with a slash"),
    (f"{COPY}/size", 0, f"{C}.size: must be at least 1"),
    (f"{COPY}/size", 10, f"{C}.size: must be at most 9"),
    (f"{COPY}/size", 1.5, f"{C}.size: expected a whole number, not a number"),
    (f"{COPY}/labels", ["a", "a"], f"{C}.labels: has the same entry twice"),
    (f"{COPY}/labels", [], f"{C}.labels: must not be empty"),
    (f"{COPY}/level", "x", f"{C}.level: expected a whole number or a list"),
    (f"{COPY}/level", 2, f"{C}.level: must be at least 3"),
    (f"{COPY}/level", [1, "x"], f"{C}.level[1]: expected a whole number, not a string"),
    (f"{KEY}/guard", {}, f"{K}.guard: missing option reason (why it is not rotated like others)"),
    (
        f"{KEY}/window",
        {"tz": "Europe/Berlim"},
        f"{K}.window.tz: is no time zone that is known here; did you mean Europe/Berlin?",
    ),
    (
        f"{KEY}/window",
        {"tz": "UTC", "from": "04:00", "to": "04:00"},
        f"{K}.window.to: is when it opens; leave both out for the whole day",
    ),
    (
        f"{KEY}/issuer",
        {"type": "fake.cloud.token", "connection": "cloud"},
        f"{K}.issuer: give exactly one of team, user",
    ),
    (f"{KEY}/issuer/user", "x", f"{K}.issuer: give exactly one of team, user"),
    # durations
    (f"{KEY}/max_age", 90, f"{K}.max_age: is no duration such as 90d, 36h or 1h30m"),
    (f"{KEY}/max_age", "90 days", f"{K}.max_age: is no duration such as 90d, 36h or 1h30m"),
    (f"{KEY}/max_age", "9999999999999w", f"{K}.max_age: is no duration such as 90d, 36h or 1h30m"),
    (f"{KEY}/max_age", "", f"{K}.max_age: must not be empty"),
    (f"{KEY}/revoke", {"after": "soon"}, f"{K}.revoke.after: is no duration such as 90d, 36h or 1h30m"),
    (f"{KEY}/revoke", {"require": ["usused"]}, f"{K}.revoke.require[0]: unknown value; did you mean unused?"),
    # types
    (f"{KEY}/issuer/type", "fly_tokn", f"{K}.issuer.type: there is no such type of issuer; did you mean fly_token?"),
    (f"{KEY}/issuer/type", 5, f"{K}.issuer.type: expected a string, not a whole number; {ISSUERS}"),
    (f"{KEY}/issuer/type", ..., f"{K}.issuer: missing option type; {ISSUERS}"),
    (
        f"{CHECK}/type",
        "fake.cloud.jobb",
        f"{V}.type: there is no check type fake.cloud.jobb; That collection offers: fake.cloud.job",
    ),
    (
        "secret_connections/cloud/type",
        "flyy",
        "secret_connections.cloud.type: there is no such type of connection; did you mean fly?",
    ),
    (
        "secret_consumers/web/type",
        "fly_ap",
        "secret_consumers.web.type: there is no such type of consumer; did you mean fly_app?",
    ),
    # connections
    (f"{COPY}/store", "clod", f"{C}.store: there is no such connection; did you mean cloud?"),
    (f"{COPY}/store", 5, f"{C}.store: expected a string, not a whole number; there are cloud, post, unused"),
    (f"{COPY}/store", ..., f"{C}: missing option store; there are cloud, post, unused"),
    (
        f"{COPY}/store",
        "post",
        f"{C}.store: a connection of type fake.cloud.mail stores nothing; {there_are(registry.names('stores'))}",
    ),
    (f"{KEY}/issuer/connection", "clout", f"{K}.issuer.connection: there is no such connection; did you mean cloud?"),
    (f"{KEY}/issuer/connection", ..., f"{K}.issuer: missing option connection (the connection, by its name)"),
    ("secret_connections/cloud", 5, "secret_connections.cloud: expected a mapping, not a whole number"),
    ("secret_connections/cloud", None, "secret_connections.cloud: expected a mapping, not nothing"),
    ("secret_connections/cloud/tokn", "s3cret", "secret_connections.cloud.tokn: unknown option; did you mean token?"),
    (
        "secret_connections/cloud/token",
        ...,
        (
            "secret_connections.cloud: missing option token "
            "(a credential: {env: NAME}, {file: PATH}, {store: …}, or a value (from Ansible Vault or a lookup))"
        ),
    ),
    ("secret_connections/cloud/token", 5, "secret_connections.cloud.token: expected a string or a mapping"),
    (
        "secret_connections/cloud/token",
        {"envv": "X"},
        "secret_connections.cloud.token.envv: unknown option; did you mean env?",
    ),
    ("secret_connections/cloud/token", {}, "secret_connections.cloud.token: must not be empty"),
    (
        "secret_connections/cloud/token",
        {"env": "X", "file": "Y"},
        "secret_connections.cloud.token: has too many entries: at most 1",
    ),
    # consumers
    (f"{STEP}/reload/0", "wep", f"{S}.reload[0]: there is no such consumer; did you mean web?"),
    (f"{STEP}/reload/0", ["wep"], f"{S}.reload[0][0]: there is no such consumer; did you mean web?"),
    (f"{STEP}/reload", ["web", "web"], f"{S}.reload: has the same entry twice"),
    (f"{STEP}/reload", ["web", ["web"]], f"{S}.reload: has the same consumer twice"),
    ("secret_consumers/web", "x", "secret_consumers.web: expected a mapping, not a string"),
    ("secret_consumers/web/nam", "x", "secret_consumers.web.nam: unknown option; did you mean name?"),
    ("secret_consumers/web/name", "bad", "secret_consumers.web.name: there is none of this name"),
    (
        "secret_consumers/web/host",
        "app1",
        "secret_consumers.web.host: unknown option; there are connection, first, for_each, healthy, name, type",
    ),
    (
        "secret_consumers/worker/host",
        ...,
        "secret_consumers.worker: missing option host (the inventory host that it runs on)",
    ),
    (
        "secret_consumers/worker/host",
        "ap1",
        "secret_consumers.worker.host: there is no such host in the inventory; did you mean app1?",
    ),
    (
        "secret_consumers/worker/stdin",
        "${tokn}",
        "secret_consumers.worker.stdin: unknown field tokn; did you mean token?",
    ),
    ("secret_consumers/web/healthy", [5], "secret_consumers.web.healthy[0]: expected a mapping, not a whole number"),
    (
        "secret_consumers/web/healthy",
        [{"type": "http"}],
        "secret_consumers.web.healthy[0]: missing option url (https, or plain http on loopback)",
    ),
    (
        "secret_consumers/web/healthy",
        [{"type": "http", "url": "https://h/", "header": {"X-Key": "${token}"}}],
        "secret_consumers.web.healthy[0].header.X-Key: unknown field token; there are none",
    ),
    # templates
    (f"{COPY}/keys/KEY", "${tokn}", f"{C}.keys.KEY: unknown field tokn; did you mean token?"),
    (f"{COPY}/keys/KEY", "${token", f"{C}.keys.KEY: '${{' is never closed with '}}'"),
    (
        f"{COPY}/keys/KEY",
        "https://${token}@h",
        f"{C}.keys.KEY: ${{token}} inside a URL needs a filter: |url, or |raw if it is encoded",
    ),
    (f"{COPY}/keys/KEY", 5, f"{C}.keys.KEY: expected a string, not a whole number"),
    (
        f"{COPY}/keys",
        {"KEY": "constant"},
        f"{C}.keys: no key holds a field of the credential; write ${{field}} in one of them",
    ),
    (f"{COPY}/keys", {}, f"{C}.keys: must not be empty"),
    (f"{KEY}/derived/url", "${nothing}", f"{K}.derived.url: unknown field nothing; there is token"),
    (f"{KEY}/derived", {"a": "${url}", "url": "${token}"}, f"{K}.derived.a: unknown field url; there is token"),
    (f"{KEY}/derived/token", "x", f"{K}.derived.token: is a field of the credential already; choose another name"),
    (f"{KEY}/derived/a b", "x", f'{K}.derived["a b"]: is no name such as url or read_only_url'),
    (f"{CHECK}/input", {"key": "${tokn}"}, f"{V}.input.key: unknown field tokn; did you mean token?"),
    (
        "secret_map/PAIR/copies/0/keys",
        ...,
        "secret_map.PAIR.copies[0]: missing option keys; the credential has several fields: username, password",
    ),
    # checks
    (f"{CHECK}/proves", "life", f"{S}.verify: {UNPROVEN}"),
    (f"{STEP}/verify", ..., f"{S}.verify: {UNPROVEN}"),
    ("secret_map/PAIR/revoke", {"confirm": True}, f"secret_map.PAIR.revoke.confirm: {NO_REVOKE}"),
    (f"{KEY}/revoke", {"for": "1h"}, f"{K}.revoke.for: stands only beside confirm"),
    (f"{KEY}/revoke", {"confirm": True, "for": "a while"}, f"{K}.revoke.for: is no duration such as 90d, 36h or 1h30m"),
    ("secret_map/PAIR/revoke", {"accept": "use"}, f"secret_map.PAIR.verify: {UNPROVEN}"),
    (f"{CHECK}/connection", "post", f"{V}: missing option folder"),
    (f"{CHECK}/job", "bad", f"{V}.job: there is none of this kind"),
    (f"{CHECK}/job", ..., f"{V}: missing option job"),
    # what classes say
    (f"{KEY}/issuer/lifetime", "1d", f"{K}.issuer.lifetime: is below max_age"),
    (f"{COPY}/keys", {"key": "${token}"}, f"{C}.keys.key: only capital letters"),
    (f"{COPY}/folder", "/full", f"{C}: folders are full"),
    # steps
    (f"{KEY}/rollout", [], f"{K}.rollout: must not be empty"),
    (f"{KEY}/rollout", {}, f"{K}.rollout: expected a list, not a mapping"),
    (f"{KEY}/rollout", ..., f"{K}: give exactly one of copies, rollout"),
    (f"{KEY}/copies", [{"store": "cloud", "folder": "/z"}], f"{K}: give exactly one of copies, rollout"),
    (f"{KEY}/verify", [], f"{K}.verify: stands only beside copies"),
    (f"{STEP}/copies", "x", f"{S}.copies: expected a list, not a string"),
    (f"{STEP}/copies", ["x"], f"{C}: expected a mapping, not a string"),
    (f"{STEP}/environment", 5, f"{S}.environment: expected a string, not a whole number"),
    # names and keys
    (
        "secret_map/1 KEY",
        5,
        'secret_map["1 KEY"]: is no name for a secret; letters, digits, _ . and - are, beginning with a letter or _',
    ),
    (f"{COPY}/folder", {"/a": 1}, f"{C}.folder: expected a string, not a mapping"),
]


@pytest.mark.parametrize(("path", "value", "line"), ONE)
def test_a_mistake_is_told_with_its_path_and_a_suggestion(path: str, value: Any, line: str) -> None:
    assert line in errors_in(changed(path, value))


def test_nothing_of_the_base_is_a_mistake() -> None:
    assert sorted(parsed(read()).secrets) == ["KEY", "PAIR"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (path, value)
        for path, value, _line in ONE
        if path in (f"{COPY}/fold", f"{COPY}/store", f"{KEY}/owner", f"{CHECK}/job")
    ],
)
def test_one_mistake_is_told_once(path: str, value: Any) -> None:
    assert len(errors_in(changed(path, value))) == 1


def test_a_misspelt_option_is_not_missing_as_well() -> None:
    raw = changed("secret_map/FLY_API_TOKEN/rollout/1/copies/0", {"store": "github", "repo": "o/r"}, read(DESIGN))
    assert errors_in(raw) == [
        "secret_map.FLY_API_TOKEN.rollout[1].copies[0].repo: unknown option; did you mean repository?"
    ]


def test_all_mistakes_are_told_at_once() -> None:
    raw = changed(f"{KEY}/max_age", "x")
    raw["secret_map"]["PAIR"]["copies"][0]["folder"] = "b"
    raw["secret_connections"]["cloud"]["tokn"] = "x"
    found = errors_in(raw)
    assert [line.partition(":")[0] for line in found] == [
        "secret_map.KEY.max_age",
        "secret_connections.cloud.tokn",
        "secret_map.PAIR.copies[0].folder",
    ]


def test_a_long_list_of_mistakes_is_cut_in_the_message_and_kept_whole() -> None:
    raw = read()
    raw["secret_map"] = {f"S{number}": {} for number in range(100)}
    with pytest.raises(MapError) as caught:
        parsed(raw)
    assert len(caught.value.errors) == 200
    assert str(caught.value).endswith("\n  and 150 more")


def test_a_check_that_no_copy_tells_its_connection_has_to_say_it() -> None:
    raw = read()
    raw["secret_connections"]["fly"] = {"type": "fly", "token": {"env": "T"}}
    raw["secret_map"]["KEY"]["issuer"] = {"type": "fly_token", "connection": "fly", "app": "a", "lifetime": "120d"}
    raw["secret_map"]["KEY"]["rollout"][0]["copies"] = [{"store": "fly", "app": "a"}]
    assert errors_in(raw) == [
        "secret_map.KEY.rollout[0].verify[0]: missing option connection; no copy of its step says which",
        "secret_map.KEY.rollout[0].verify[0]: missing option folder",
    ]


def test_a_connection_must_be_of_a_type_that_the_part_works_on() -> None:
    issuer = {"type": "fly_token", "connection": "cloud", "app": "a", "lifetime": "120d"}
    (line,) = errors_in(changed("secret_map/KEY/issuer", issuer))
    what = "a connection of type fake.cloud.account is none that fly_token works on"
    assert line == f"{K}.issuer.connection: {what}; it needs one of type fly"


def test_fly_says_that_a_lifetime_is_below_max_age() -> None:
    raw = changed("secret_map/FLY_API_TOKEN/issuer/lifetime", "30d", read(DESIGN))
    assert errors_in(raw) == ["secret_map.FLY_API_TOKEN.issuer.lifetime: 30d does not exceed max_age, 90d"]


def test_fields_follow_from_the_issuers_options() -> None:
    raw = changed("secret_map/PAIR/issuer", {"type": "random", "format": "ssh"})
    (copy,) = raw["secret_map"]["PAIR"]["copies"]
    copy["keys"] = {"A": "${private}", "B": "${public}", "C": "${value}"}
    (error,) = errors_in(raw)
    assert error.endswith("keys.C: unknown field value; there are private, public")


def test_a_command_gets_only_what_can_be_expanded() -> None:
    worker = {"type": "command", "host": "app1", "command": ["./restart"], "stdin": "${token|zip}"}
    found = errors_in(changed("secret_consumers/worker", worker))
    assert len(found) == 1
    assert found[0].startswith("secret_consumers.worker.stdin: ")
    assert found[0].endswith("unknown filter zip; there are url, base64, json, raw")


def test_a_shells_own_variables_in_a_command_are_no_fields() -> None:
    worker = {"type": "command", "host": "app1", "command": "kill -HUP ${PID}"}
    assert (
        parsed(changed("secret_consumers/worker", worker)).consumers["worker"].options["command"] == "kill -HUP ${PID}"
    )


@pytest.mark.parametrize("url", ["ftp://h/", "https://[x", "https://h:99999999/", "http://elsewhere.example/"])
def test_a_check_of_a_malformed_or_open_address_is_a_mistake(url: str) -> None:
    found = errors_in(changed("secret_map/FLY_API_TOKEN/rollout/0/verify/0/url", url, read(DESIGN)))
    assert [line.split(": ")[0] for line in found] == ["secret_map.FLY_API_TOKEN.rollout[0].verify[0].url"]


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("secret_connections/fly", "secret_connections.fly"),
        ("secret_map/FLY_API_TOKEN/rollout/0/verify/0", "secret_map.FLY_API_TOKEN.rollout[0].verify[0]"),
    ],
)
def test_ca_cert_without_a_certificate_is_a_mistake(tmp_path: Path, place: str, path: str) -> None:
    (tmp_path / "key.pem").write_text("no certificate")
    raw = changed(f"{place}/ca_cert", "/nowhere/ca.pem", read(DESIGN))
    raw = changed("secret_connections/github/ca_cert", str(tmp_path / "key.pem"), raw)
    assert errors_in(raw) == [
        f"{path}.ca_cert: there is no file /nowhere/ca.pem",
        f"secret_connections.github.ca_cert: {tmp_path}/key.pem holds no certificate in PEM form",
    ]


# -- odd shapes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind"),
    [(None, "nothing"), ([], "a list"), ("x", "a string"), (5, "a whole number"), (True, "true or false")],
)
def test_a_map_that_is_no_map_is_a_mistake(value: Any, kind: str) -> None:
    with pytest.raises(MapError) as caught:
        parse(value)
    assert caught.value.errors == (f"secret_map: expected a mapping of names, not {kind}",)


@pytest.mark.parametrize("variable", ["secret_map", "secret_consumers", "secret_connections"])
def test_a_name_that_is_no_string_is_a_mistake(variable: str) -> None:
    raw = read()
    raw[variable][True] = {}
    assert errors_in(raw) == [f"{variable}: a name is true or false, not a string; put it in quotes"]


def test_a_key_that_is_no_string_is_a_mistake() -> None:
    raw = read()
    raw["secret_map"]["KEY"]["rollout"][0]["copies"][0][1] = "x"
    assert errors_in(raw) == ["secret_map.KEY.rollout[0].copies[0]: a key is a number, not a string; put it in quotes"]


def test_a_list_that_holds_itself_is_a_mistake() -> None:
    raw = read()
    endless: list[Any] = []
    endless.append(endless)
    raw["secret_map"]["KEY"]["owner"] = endless
    assert any("nested too deeply" in line for line in errors_in(raw))


def test_no_value_is_quoted() -> None:
    raw = read(DESIGN)
    raw["secret_connections"]["fly"]["token"] = ["canary-one-0123456789"]
    raw["secret_connections"]["github"]["writes_per_minute"] = "canary-two-0123456789"
    raw["secret_map"]["FLY_API_TOKEN"]["max_age"] = "canary-three-0123456789"
    raw["secret_map"]["FLY_API_TOKEN"]["retain"] = "canary-four-0123456789"
    raw["secret_map"]["FLY_API_TOKEN"]["rollout"][1]["copies"][0]["repository"] = "canary-five-0123456789"
    raw["secret_map"]["FLY_API_TOKEN"]["rollout"][0]["copies"][0]["store"] = "canary-six-0123456789"
    found = errors_in(raw)
    assert len(found) == 6
    assert "canary" not in "".join(found)


def test_a_known_value_is_masked_even_in_a_path() -> None:
    masking.register("canary-value-9876543210")
    found = errors_in(changed("secret_map/KEY/canary-value-9876543210", 1))
    assert "canary-value-9876543210" not in "".join(found)
