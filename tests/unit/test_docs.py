# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents say what the code does, as far as a machine can tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.rotor.secrets.plugins.module_utils._core.http import certificates
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.report.status import SecretCondition
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.run import RotationStatus
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.secret_map import parser as secret_map
from tools import generate, issuer_pages, secret_map_doc

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "examples" / "quickstart" / "group_vars" / "all" / "secrets.yml"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
YAML_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def example() -> Any:
    return secret_map_doc.read_example()


@pytest.mark.parametrize("name", generate.FILES)
def test_generated_file_is_current(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == generate.FILES[name](), "run: make generate"


def test_every_issuer_of_more_than_sixty_lines_says_why() -> None:
    assert issuer_pages.unreasoned() == [], f'its docstring needs a paragraph "{issuer_pages.REASON}…"'


def test_lines_of_code_are_neither_blank_nor_comments_nor_docstrings() -> None:
    documented = '"""A module,\n\nin short."""\n\n# why\nclass A:\n    """Is one."""\n'
    source = f"{documented}\n    value = f(\n        1,  # one\n\n        2,\n    )\n"
    assert issuer_pages.code_lines(source) == 5


def test_the_example_is_a_map_without_a_mistake(example: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "validate", lambda _options: [])  # its files are not there
    parsed = secret_map.parse(example["secret_map"], example["secret_consumers"], example["secret_connections"])
    assert parsed.secrets.keys() == example["secret_map"].keys()


def test_tutorial_quotes_its_map_which_has_no_mistake() -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    blocks: list[str] = YAML_BLOCK.findall((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8"))
    assert blocks
    assert [block for block in blocks if block not in text] == []
    variables = yaml.safe_load(re.sub(r"{{ \w+_url }}", "http://127.0.0.1", text.replace("{{ shop }}", "/srv/shop")))
    parsed = secret_map.parse(*(variables[name] for name in ("secret_map", "secret_consumers", "secret_connections")))
    assert parsed.secrets.keys() == {"SESSION_KEY"}


def test_the_example_shows_every_option() -> None:
    rows = [line for line in secret_map_doc.text().splitlines() if line.startswith("| `")]
    options = [row for row in rows if re.split(r"(?<!\\)\|", row)[1:-1][4:]]
    assert options
    assert [row for row in options if row.endswith("|  |")] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_document_leads_somewhere(document: Path) -> None:
    assert [link for link in _local_links(document) if not _leads_somewhere(document, link)] == []


def test_contributing_names_files_of_the_engine_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    path = text[text.index("### Follow a rotation") : text.index("## Add a system")]
    names: list[str] = re.findall(r"`([a-z_/]+\.py)`", path)
    assert len(names) >= 8
    engine = ROOT / "plugins" / "plugin_utils" / "_engine"
    assert [name for name in names if not (engine / name).exists()] == []


def test_the_readme_names_every_variable_of_the_role() -> None:
    specs = yaml.safe_load((ROOT / "roles" / "rotate" / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in specs["argument_specs"]["rotate"]["options"] if f"`{name}`" not in text] == []


@pytest.mark.parametrize("part", ["seealso", "attributes.action_group"])
def test_every_module_names_its_group_and_its_kin(part: str) -> None:
    name, _dot, member = part.partition(".")
    found = {one: [source[name] for source in generate.sources(one) if name in source] for one in generate.modules()}
    assert [one for one, texts in found.items() if not any(not member or member in text for text in texts)] == []


def test_tarball_has_what_the_readme_leads_to() -> None:
    left_out = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"]
    shown = {Path(link).parts[0] for link in _local_links(ROOT / "README.md") if not link.startswith("#")}
    assert {*shown, "examples", "roles"} & set(left_out) == set()


@pytest.mark.parametrize("playbook", sorted((ROOT / "playbooks").glob("*.yml")), ids=lambda path: path.stem)
def test_no_tags_leave_out_all_that_a_playbook_says(playbook: Path) -> None:
    for play in yaml.safe_load(playbook.read_text(encoding="utf-8")):
        assert "ansible.builtin.import_playbook" in play or play["tasks"][0]["tags"] == "always"


def test_operations_explain_how_runs_and_secrets_stand() -> None:
    rows = re.findall(r"^\|([^|]+)\|", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"), re.MULTILINE)
    explained = {word for row in rows for word in re.findall("`([^`]+)`", row)}
    inside = {RotationStatus.READY, RotationStatus.TODO}  # both end a phase, as OPEN
    ends = {status.upper() for status in RotationStatus if status not in inside}
    assert {*ends, "BACK", "CUTOVER INCOMPLETE", "OPEN", *map(str, SecretCondition)} - explained == set()


def _local_links(document: Path) -> Iterator[str]:
    links: list[str] = LINK.findall(document.read_text(encoding="utf-8"))
    yield from (link for link in links if "://" not in link)


def _leads_somewhere(document: Path, link: str) -> bool:
    name, _hash, anchor = link.partition("#")
    target = document.parent / name if name else document
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(document: Path) -> set[str]:
    titles: list[str] = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
