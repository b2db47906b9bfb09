# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``${field|filter}``, expanded at the moment of a write."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import PublicValue, SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.templates import Template

FIELDS = {"username": SecretValue("nova_a"), "password": SecretValue('p/ä"ss')}


def render(text: str) -> str:
    return Template.parse(text).render(FIELDS).reveal()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${username}", "nova_a"),
        ("user=${ username } pass=${password|raw}", 'user=nova_a pass=p/ä"ss'),
        ("postgresql://${username|url}:${password|url}@host/db", "postgresql://nova_a:p%2F%C3%A4%22ss@host/db"),
        ("${password|base64}", base64.b64encode('p/ä"ss'.encode()).decode()),
        ('{"password": ${password | json}}', '{"password": "p/\\u00e4\\"ss"}'),
        ("costs $5 and $${username} stays", "costs $5 and ${username} stays"),
        ("see https://example.com/ then ${username}", "see https://example.com/ then nova_a"),
        ("postgresql://${username|url}@host/${password|raw}", 'postgresql://nova_a@host/p/ä"ss'),
    ],
)
def test_fields_stand_in_their_places(text: str, expected: str) -> None:
    assert render(text) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("${username", "never closed"),
        ("${}", "not \\${field}"),
        ("${user name}", "not \\${field}"),
        ("${username|upper}", "unknown filter upper; there are url, base64, json, raw"),
        ("postgresql://${username}@host", "inside a URL needs a filter"),
        ("postgresql://${username|url}:${password}@host", "\\${password} inside a URL needs a filter"),
    ],
)
def test_a_wrong_template_is_refused_before_anything_runs(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Template.parse(text)


def test_the_names_that_it_needs_are_known_beforehand() -> None:
    assert Template.parse("${a}${b|url} $${c}").names == {"a", "b"}


def test_the_result_is_as_secret_as_its_fields() -> None:
    assert "nova_a" not in repr(Template.parse("${username}").render(FIELDS))


def test_what_has_nothing_but_public_fields_is_public() -> None:
    fields = {"username": PublicValue("shop_a"), "password": SecretValue("the-password-of-shop-a")}
    rendered = {text: Template.parse(text).render(fields) for text in ("${username}", "${username}:${password}", "u")}
    assert [text for text, value in rendered.items() if not value.masked] == ["${username}"]
