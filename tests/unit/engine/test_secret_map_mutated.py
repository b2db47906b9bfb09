# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is done to a map: it is read, or its mistakes are told. Nothing else. ROTOR_MUTATIONS: how many maps."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.errors import MapError
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.model import SecretMap
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map.parser import parse
from tests.chaos import tally
from tests.unit.engine import fake_cloud
from tests.unit.engine.maps import BASE, DESIGN, read

pytestmark = pytest.mark.no_cover  # what it goes over a thousand times is covered elsewhere

fake_cloud.install()
MUTATIONS = int(os.environ.get("ROTOR_MUTATIONS", "400"))

NAMES_OF_THINGS = "cloud post unused fly github web worker forgotten KEY PAIR use life 0s /a 1h30m 99999999999w"
TYPES = "fake.cloud.token fake.cloud.pair fake.cloud.job fake.cloud.mail fly_token http a.b.c .. x\x00.y.z"
TEMPLATES = "${token} ${username} ${ $ $$ ${a|b} https://${token}@h {{x}}"
WORDS = f"{NAMES_OF_THINGS} {TYPES} {TEMPLATES}".split(" ")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(WORDS),
    st.binary(max_size=3),
)
NAMES = st.one_of(
    st.sampled_from(["type", "store", "keys", "connection", "healthy", "copies", "repo"]), st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(NAMES | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in items for place in places(value, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A sound map with one to three places replaced, taken away, added or renamed."""
    raw: Any = read(draw(st.sampled_from([BASE, DESIGN])))
    for _turn in range(draw(st.integers(1, 3))):
        *inner, last = draw(st.sampled_from([place for place in places(raw) if place]))
        node = raw
        for part in inner:
            node = node[part]
        what = draw(st.sampled_from(["replace", "replace", "delete", "add", "rename"]))
        if what == "replace" or not isinstance(node, dict):
            node[last] = draw(VALUES)
        elif what == "delete":
            del node[last]
        elif what == "add":
            node[draw(NAMES)] = draw(VALUES)
        else:
            node[draw(NAMES)] = node.pop(last)
    return raw


def outcome(*raw: Any) -> SecretMap | MapError:
    """Anything else that it raises ends the test."""
    found: SecretMap | MapError
    try:
        found = parse(*raw)
    except MapError as error:
        found = error
    tally.add("maps: mutated", **{"refused" if isinstance(found, MapError) else "read": 1}, tracebacks=0)
    return found


@settings(max_examples=MUTATIONS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_a_mutated_map_is_read_or_refused_and_nothing_else(raw: Any) -> None:
    found = outcome(raw.get("secret_map"), raw.get("secret_consumers"), raw.get("secret_connections"), ["app1"])
    if isinstance(found, MapError):
        assert found.errors
        assert all(line.startswith("secret_") and ": " in line for line in found.errors)
        return
    assert found.secrets.keys() == raw["secret_map"].keys()
    for secret in found.secrets.values():
        assert secret.steps
        assert all(name in found.consumers for name in secret.consumers)
        assert all(copy.store in found.connections and copy.keys for copy in secret.copies)


@settings(max_examples=MUTATIONS // 2, deadline=None)
@given(VALUES, VALUES, VALUES)
def test_anything_at_all_is_read_or_refused_and_nothing_else(raw_map: Any, consumers: Any, connections: Any) -> None:
    found = outcome(raw_map, consumers, connections)
    assert found.errors if isinstance(found, MapError) else raw_map == {}


@pytest.mark.parametrize("text", [BASE, DESIGN])
def test_the_maps_that_are_mutated_are_sound(text: str) -> None:
    raw = read(text)
    assert (
        parse(raw["secret_map"], raw["secret_consumers"], raw["secret_connections"]).secrets.keys()
        == raw["secret_map"].keys()
    )
