# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the facts on the pages of providers that have issuers, and the table of what each issuer's file takes.

Whatever is asked here is an attribute of an issuer's class or part of its description. What a page says beside it is
written by hand.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from ansible_collections.rotor.secrets.plugins.module_utils._core import durations, registry
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import (
    Issuer,
    Maker,
    Overlap,
    Recover,
    Revocation,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.key_api import (
    ApiConnection,
    Call,
    KeyApi,
    ResetApi,
    RollApi,
    SetApi,
    Sign,
    Verify,
)
from ansible_collections.rotor.secrets.plugins.module_utils._core.http.key_issuers import ApiIssuer
from ansible_collections.rotor.secrets.plugins.plugin_utils._engine.effects.life import lists, shows

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "providers"
PROVIDERS = Path("plugins", "module_utils", "_providers")
START, END = "<!-- made by `make generate`: issuers -->\n", "<!-- end -->\n"
LONGEST = 60
"""Lines of code of an issuer's file; a longer one says why in a paragraph of its docstring."""
REASON = "More than a description: "
INTRODUCTION = """\
<!-- Made by `make generate`; do not edit. -->
# What an issuer takes

Lines of code of each file that has issuers; blank lines, comments and docstrings are not counted. Where an API fits [a
description](../../CONTRIBUTING.md#add-a-system), its file has at most 60 lines. A longer one says why.

| File | Issuers | Lines | Why more than 60 |
|---|---|---|---|
"""
Rows = Iterator[tuple[str, str]]
_MAKES = {
    Maker.PROVIDER: "made by the provider",
    Maker.OURS: "made here, and sealed before anything is done with it",
    Maker.PERSON: "made by a person",
}
_LOST = {
    Recover.OURS: "the same value is applied again",
    Recover.READABLE: "the value is read back",
    Recover.RECONCILE: "it is found by its name and revoked, and another one is made",
    Recover.NONE: "nobody can tell: another one is made",
}


# -- pages --------------------------------------------------------------------------------------------------------


def names() -> list[str]:
    """Return the providers that have issuers and a page."""
    return sorted(
        name for name, provider in registry.providers().items() if provider.issuers and (PAGES / f"{name}.md").exists()
    )


def page(name: str) -> str:
    """Return a provider's page with its facts made anew; ValueError for a page without the two marks."""
    before, rest = (PAGES / f"{name}.md").read_text(encoding="utf-8").split(START)
    _old, after = rest.split(END, 1)
    return before + START + "\n".join(_tables(name)) + END + after


def _tables(name: str) -> Iterator[str]:
    provider = registry.providers()[name]
    contact = [("contact", _linked(provider.contact))] if provider.contact else []
    for type_ in provider.connections:
        if issubclass(registry.find("connections", type_), ApiConnection) and provider.issuers:
            yield _table("connection", type_, [*_of_connection(registry.find("connections", type_)), *contact])
            contact = []
    for type_ in provider.issuers:
        yield _table("issuer", type_, [*_of_issuer(registry.find("issuers", type_)), *contact])


def _table(kind: str, type_: str, rows: list[tuple[str, str]]) -> str:
    head = f"| {kind} [`{type_}`](../secret-map.md#{type_}) | |\n|---|---|\n"
    return head + "".join(f"| {about} | {_cell(text)} |\n" for about, text in rows if text)


def _of_connection(connection: type[ApiConnection]) -> Rows:
    yield "address", f"`{connection.base_url}`, or its `url`" if connection.base_url else "its `url`"
    if hasattr(connection, "whoami"):
        yield "may we come in", _call(connection.whoami)
    yield "behind a host", "[`via`](../operations.md#behind-a-host)"
    yield "pace", f"at most {_count(int(connection.per_second), 'request')} a second"


def _of_issuer(issuer: type[Issuer]) -> Rows:
    options = _sample(issuer)
    yield "fields", ", ".join(f"`{field}`" for field in issuer.fields)
    yield "value", _MAKES[issuer.traits.value]
    yield "old and new", _overlap(issuer, options)
    yield from _calls(issuer, options)
    yield "proof of an end", _proof(issuer, options)
    if issuer.disable is not Issuer.disable:
        yield "before it is revoked", "it is disabled, which can be taken back"
    if issuer.traits.value is not Maker.PERSON:
        yield "after a lost answer", _LOST[issuer.traits.recover]
    if lists(issuer) and not _in_map(issuer):
        yield "last use", "is told" if issuer.reports_last_used(options) else "is not told"
    yield "known by trying only", issuer.unverifiable
    yield "what the connection needs", issuer.rights
    yield "blast radius", issuer.blast_radius
    yield "by hand", issuer.console or _by_hand(issuer, options)


def _sample(issuer: type[Issuer]) -> dict[str, Any]:
    """Return options that an issuer can be asked with: each stands for itself."""
    properties = issuer.schema.properties
    return {name: properties[name].get("enum", [f"{{{name}}}"])[0] for name in issuer.schema.required}


def _overlap(issuer: type[Issuer], options: Mapping[str, Any]) -> str:
    traits = issuer.traits
    if traits.cuts_over:
        return "a cut-over: the new one is the end of the old one"
    if traits.overlap is Overlap.TIMED:
        ends = issuer.ends_after(options)
        said = next((name for name, node in issuer.schema.properties.items() if _is(node.get("default"), ends)), "")
        option = f", or as `{said}` says" if said else ""
        return f"the old one ends by itself, {durations.show(ends)} after the new one is made{option}"
    if traits.overlap is Overlap.NONE:
        return "the old one ends with its last copy"
    turns = "take turns; " if traits.alternating else ""
    until = "a person ends the old one" if traits.revoke is Revocation.PERSON else "the old one is revoked"
    return f"{turns}both are valid until {until}"


def _is(text: Any, duration: timedelta) -> bool:
    return isinstance(text, str) and bool(re.fullmatch(durations.PATTERN, text)) and durations.parse(text) == duration


def _calls(issuer: type[Issuer], options: Mapping[str, Any]) -> Rows:
    description = _description(issuer, options)
    match description:
        case KeyApi(listing=listing, create=create, revoke=revoke):
            yield "list", _call(listing.call) + (", page by page" if listing.after or listing.page else "")
            yield "make", _call(create) if create else ""
            yield "revoke", _call(revoke)
            yield "quota", str(description.quota or "")
        case ResetApi(reset=reset, read=read):
            yield "read", _call(read)
            yield "reset", _call(reset)
        case RollApi(roll=roll, read=read):
            yield "read", _call(read) if read else ""
            yield "roll", _call(roll)
        case SetApi(set=set_):
            yield "set", _call(set_)
    verify = description.verify if description else None
    if isinstance(verify, Verify) and shows(issuer):
        yield "whether it works", _call(verify.call, verify.url or getattr(issuer, "base_url", ""))
        yield "what proves it", f"lives: {_signs(verify.alive)}; is dead: {_signs(verify.dead)}"


def _description(issuer: type[Issuer], options: Mapping[str, Any]) -> Any:
    """Return what an issuer sends; None where the map describes that, or where it is programmed."""
    if _in_map(issuer) or not issubclass(issuer, ApiIssuer):
        return None
    described = hasattr(issuer, "api") or _overrides(issuer.describe, ApiIssuer.describe)
    return issuer.describe(options) if described else None


def _in_map(issuer: type[Issuer]) -> bool:
    """Whether the map describes what is sent."""
    return any(issuer.schema.properties[name].get("type") == "object" for name in issuer.schema.required)


def _overrides(method: Any, base: Any) -> bool:
    """Whether a class method is another one than that of a base class."""
    return method.__func__ is not base.__func__


def _call(call: Call, base: str = "") -> str:
    """Write a call with the parameters and members that are always the same."""
    query = "&".join(f"{name}={value}" for name, value in _fixed(call.params).items())
    path = re.sub(r"<(\w+)>", r"{\1}", call.path)
    fixed = _fixed(call.body) if isinstance(call.body, Mapping) else {}
    return f"`{call.method} {base}{path}{f'?{query}' if query else ''}`" + (
        f" with `{json.dumps(fixed)}`" if fixed else ""
    )


def _fixed(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tree.items() if "<" not in str(value)}


def _signs(signs: tuple[Sign, ...]) -> str:
    statuses: dict[str, list[str]] = defaultdict(list)
    for sign in signs:
        statuses[f" with `{sign.at}: {_expected(sign.says)}`" if sign.at else ""].append(str(sign.status))
    return ", ".join(f"{' or '.join(found)}{says}" for says, found in statuses.items()) or "nothing"


def _expected(says: Any) -> str:
    return f"{says.pattern}…" if isinstance(says, re.Pattern) else str(says)


def _proof(issuer: type[Issuer], options: Mapping[str, Any]) -> str:
    """Return the best grade; after ``else`` the one of a credential whose value is not kept."""
    traits = issuer.traits
    if traits.revoke is Revocation.AUTO and not traits.ends_the_old:
        return ""
    verify = getattr(_description(issuer, options), "verify", None)
    shown = shows(issuer) and not (isinstance(verify, Verify) and not verify.dead)
    other = "provider" if lists(issuer) or (traits.cuts_over and shown) else "attested"
    return f"`refused`, else `{other}`" if shown else f"`{other}`"


def _by_hand(issuer: type[Issuer], options: Mapping[str, Any]) -> str:
    if not _overrides(issuer.handwork, Issuer.handwork):
        return ""
    handwork = issuer.handwork(options)
    return f"{handwork.where}: {handwork.make}; {handwork.end}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _linked(contact: str) -> str:
    return f"<{contact}>" if "://" in contact else contact


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# -- lines --------------------------------------------------------------------------------------------------------


def lines() -> str:
    """Return docs/evidence/issuers.md."""
    return INTRODUCTION + "".join(f"| {' | '.join(row)} |\n" for row in _files())


def unreasoned() -> list[str]:
    """Return the files of issuers that are longer than they may be, and do not say why."""
    return [row[0] for row in _files() if int(row[2]) > LONGEST and not row[3]]


def _files() -> Iterator[tuple[str, str, str, str]]:
    issuers: dict[str, list[str]] = defaultdict(list)
    for provider in registry.providers().values():
        for type_ in provider.issuers:
            module = registry.find("issuers", type_).__module__.partition("._providers.")[2]
            issuers[f"{module.replace('.', '/')}.py"].append(f"`{type_}`")
    for file, types in sorted(issuers.items()):
        source = (ROOT / PROVIDERS / file).read_text(encoding="utf-8")
        count = code_lines(source)
        paragraphs = (ast.get_docstring(ast.parse(source)) or "").split("\n\n")
        reason = next((text for text in paragraphs if text.startswith(REASON)), "") if count > LONGEST else ""
        yield (
            f"`{file}`",
            ", ".join(types),
            str(count),
            _cell(" ".join(reason.removeprefix(REASON).split()).removesuffix(".")),
        )


def code_lines(source: str) -> int:
    """Count the lines that hold code: no blank ones, no comments, no docstrings."""
    texts = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr))
    docstrings = {
        line
        for node in texts
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = (token for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type not in silent)
    return len({line for token in tokens for line in range(token.start[0], token.end[0] + 1)} - docstrings)
