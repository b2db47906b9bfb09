# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a document is named, and what is refused before anything is sent."""

from __future__ import annotations

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import InvalidRequestError
from ansible_collections.rotor.secrets.plugins.module_utils._providers.vault.store import VaultSecrets
from tests.conformance.proxy import Proxy
from tests.unit.providers.vault.place import Place

DATABASE = {"path": "agenticverz/database"}


def test_a_document_is_named_by_mount_and_path() -> None:
    assert VaultSecrets.label(DATABASE) == "vault secret/agenticverz/database"
    assert VaultSecrets.label({"mount": "teams/kv", "path": "a"}) == "vault teams/kv/a"


@pytest.mark.parametrize("path", ["/agenticverz/database", "agenticverz/database/", "agenticverz//database"])
def test_slashes_make_no_other_document(path: str) -> None:
    assert VaultSecrets.identity({"path": path, "mount": "/secret/"}) == VaultSecrets.identity(DATABASE)
    assert VaultSecrets.validate({"path": path}, ["A"]) == []


def test_slashes_lead_to_the_same_document(kv: Place) -> None:
    store = kv.store()
    store.write({"mount": f"/{kv.mount}/", "path": f"/{kv.path.replace('/', '//')}/"}, {"A": SecretValue("one")})
    assert kv.values == {"A": "one"}


@pytest.mark.parametrize(
    ("container", "mistake"),
    [
        ({"path": "/"}, "path: it is empty"),
        ({"path": "a", "mount": "/"}, "mount: it is empty"),
        ({"path": "a/../b"}, "path: . and .. are no folders here"),
        ({"path": "./a"}, "path: . and .. are no folders here"),
        ({"path": "a\nb"}, "path: it has characters that cannot be printed"),
        ({"path": "data/agenticverz/database"}, "write agenticverz/database"),
        ({"path": "secret/data/agenticverz/database"}, "write agenticverz/database"),
        ({"path": "/metadata/a"}, "path: metadata/ looks like a part of the API's path"),
    ],
)
def test_a_path_that_cannot_be_meant_is_a_mistake(container: dict[str, str], mistake: str) -> None:
    (found,) = VaultSecrets.validate(container, ["A"])
    assert mistake in found


@pytest.mark.parametrize(
    "container",
    [{"path": "data"}, {"path": "database/data"}, {"path": "data/a", "version": 1}, {"path": "a..b/c"}]
    + [{"path": f"{folder}/a", "version": 2} for folder in ("data", "metadata", "subkeys")],
)
def test_a_path_that_only_looks_like_it_is_none(container: dict[str, str]) -> None:
    assert VaultSecrets.validate(container, ["A"]) == []


@pytest.mark.parametrize("folder", ["data", "metadata", "subkeys"])
def test_a_document_in_a_folder_of_the_apis_name_is_written(kv2: Place, folder: str) -> None:
    container = {**kv2.container, "path": f"{folder}/{kv2.path}", "version": 2}
    kv2.store().write(container, {"A": SecretValue("one")})
    assert kv2.server.values(kv2.mount, container["path"]) == {"A": "one"}


def test_a_name_that_would_be_altered_on_the_way_is_refused_before_it_is_sent(kv: Place, proxy: Proxy) -> None:
    assert VaultSecrets.validate(kv.container, ["\udcff", "ä"]) == [
        r"'\udcff': it has what is no text, and would be altered"
    ]
    with pytest.raises(InvalidRequestError, match="nothing was sent"):
        kv.store(url=proxy.url).write(kv.container, {"\udcff": SecretValue("one")})
    assert proxy.requests == []


def test_documents_of_the_same_path_in_two_namespaces_are_two(kv2: Place, namespaced: Place) -> None:
    kv2.put(A="one")
    store = namespaced.store()
    assert store.observe(namespaced.container, ["A"])["keys"] == {}
    store.write(namespaced.container, {"A": SecretValue("two")})
    assert (kv2.values, namespaced.values) == ({"A": "one"}, {"A": "two"})
