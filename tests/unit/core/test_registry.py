# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types are found by their names, ours and others'."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core import registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Check, Issuer, Provider
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import ConfigurationError

COLLECTIONS = Path(__file__).parents[2] / "chaos" / "collections"
UTILS = "ansible_collections.acme.vaults.plugins.module_utils"


class Foreign(Check):
    @classmethod
    def label(cls, options: object) -> str:
        return "foreign"

    def run(self, credential: object, checkpoint: object) -> dict[str, str]:
        return {}


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, check = ModuleType(f"{UTILS}.rotor_provider"), ModuleType(f"{UTILS}.check")
    vars(provider)["PROVIDER"] = Provider("Acme", checks={"ping": "check:Foreign"})
    vars(check)["Foreign"] = Foreign
    parents = ("ansible_collections.acme", "ansible_collections.acme.vaults")
    for name in (*parents, f"{parents[1]}.plugins", UTILS):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, provider.__name__, provider)
    monkeypatch.setitem(sys.modules, check.__name__, check)
    registry.find.cache_clear()


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_built_in_type_can_be_loaded_and_says_what_its_options_are(kind: str) -> None:
    assert registry.names(kind)
    for name in registry.names(kind):
        schema = registry.find(kind, name).schema
        assert set(schema.required) <= set(schema.properties), name
        assert all(option.get("description") for option in schema.properties.values()), name


def test_an_unknown_type_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        registry.find("checks", "telepathy")
    assert caught.value.message == "there is no check type telepathy"
    assert "github_workflow, http" in caught.value.hint


def test_provider_of_another_collection_is_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    collection = COLLECTIONS / "ansible_collections" / "test" / "keys"
    files = [path for path in collection.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert [str(path.relative_to(collection)) for path in files] == ["plugins/module_utils/rotor_provider.py"]
    monkeypatch.syspath_prepend(COLLECTIONS)
    offered = registry.provider("issuers", "test.keys.listed").issuers
    assert len(offered) > 1
    assert all(issubclass(registry.find("issuers", f"test.keys.{name}"), Issuer) for name in offered)


@pytest.mark.usefixtures("acme")
def test_somebody_elses_provider_goes_by_its_full_name() -> None:
    assert registry.find("checks", "acme.vaults.ping") is Foreign


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("from json import lodas", r"cannot be imported: ImportError, line 1 of rotor_provider.py: cannot import name"),
        ("import nowhere", r"cannot be imported: ModuleNotFoundError, line 1 of rotor_provider.py: No module named"),
        ("a = 1\nclass Keys(KeyIsuer): ...", r"NameError, line 2 of rotor_provider.py: name 'KeyIsuer'"),
        ("class Keys", r"cannot be imported: SyntaxError, .*expected ':'"),
        ("PROVIDERS = 1", r"has no PROVIDER = Provider"),
        ("PROVIDER = 1", r"has no PROVIDER = Provider"),
    ],
)
def test_module_of_a_stranger_that_is_wrong_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, text: str, told: str
) -> None:
    place = f"wrong{request.node.callspec.indices['text']}"
    folder = tmp_path / "ansible_collections" / "acme" / place / "plugins" / "module_utils"
    folder.mkdir(parents=True)
    (folder / "rotor_provider.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        registry.find("issuers", f"acme.{place}.keys")
    assert re.search(told, caught.value.hint)


@pytest.mark.usefixtures("acme")
def test_what_another_collection_offers_is_listed_by_full_names() -> None:
    with pytest.raises(ConfigurationError) as caught:
        registry.find("checks", "acme.vaults.pong")
    assert caught.value.hint == "That collection offers: acme.vaults.ping"


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("name", ["acme.vaults.pong", "acme.nowhere.ping", "nobody.vaults.ping"])
def test_a_collection_that_does_not_offer_it_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        registry.find("checks", name)
    assert name.rpartition(".")[0] in caught.value.hint
