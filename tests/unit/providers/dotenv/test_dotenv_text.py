# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a file's text: our lines change, all else stays byte for byte."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.errors import InvalidRequestError
from ansible_collections.rotor.secrets.plugins.module_utils._core.host_files_program import edited
from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv import on_host_program, spelling
from ansible_collections.rotor.secrets.plugins.module_utils._providers.dotenv.store import DotenvFile

from . import readers

NEW = SecretValue("new")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"KEY='new'\n"),
        (b"A=1\n", b"A=1\nKEY='new'\n"),
        (b"A=1", b"A=1\nKEY='new'\n"),
        (b"A=1\n\n# end\n", b"A=1\n\n# end\nKEY='new'\n"),
        (b"A=1\nKEY=old\nB=2\n", b"A=1\nKEY='new'\nB=2\n"),
        (b"A=1\nKEY=old", b"A=1\nKEY='new'\n"),
        (b"KEY=old\nA=1", b"KEY='new'\nA=1"),
        (b"KEY=\n", b"KEY='new'\n"),
        (b"  KEY = old # why\n", b"  KEY='new'\n"),
        (b"KEY: old\n", b"KEY='new'\n"),
        (b"export KEY=old\nexport A=1\n", b"export KEY='new'\nexport A=1\n"),
        (b"KEY=old; export KEY\nA=1\n", b"export KEY='new'\nA=1\n"),
        (b"KEY='o;l' ;export KEY ; # why\nA=1\n", b"export KEY='new'\nA=1\n"),
        (b"export KEY=old; export KEY", b"export KEY='new'\n"),
        (b"KEY=Server=x;Password=y\nKEY=a&b|c\n", b"KEY='new'\nKEY='new'\n"),
        (b"KEY='a; b' # c; d\nA=1; export A\n", b"KEY='new'\nA=1; export A\n"),
        (b"KEY='one\ntwo\nA=no\n'\nA=1\n", b"KEY='new'\nA=1\n"),
        (b'KEY="one\\"\ntwo"\nA=1\n', b"KEY='new'\nA=1\n"),
        (b"KEY=old\nA=1\nKEY=older\n", b"KEY='new'\nA=1\nKEY='new'\n"),
        (b"A='\nKEY=inside\n'\n", b"A='\nKEY=inside\n'\nKEY='new'\n"),
        (b'A="\nKEY=inside\n"\n', b"A=\"\nKEY=inside\n\"\nKEY='new'\n"),
        (b"#KEY=off\n # KEY=off\n; KEY=off\n", b"#KEY=off\n # KEY=off\n; KEY=off\nKEY='new'\n"),
        (b"MY_KEY=1\nKEY_2=2\nkey=3\n", b"MY_KEY=1\nKEY_2=2\nkey=3\nKEY='new'\n"),
        (b"A=\xff\xfe\n\x00=\x01\n", b"A=\xff\xfe\n\x00=\x01\nKEY='new'\n"),
        (b"A=1\r\nKEY=old\r\nB=2\r\n", b"A=1\r\nKEY='new'\nB=2\r\n"),
        (b"KEY=" + b"x" * 4096 + b"\nA=1\n", b"KEY='new'\nA=1\n"),
        (b"A=$(date)\nB=${A:-x}\t \n", b"A=$(date)\nB=${A:-x}\t \nKEY='new'\n"),
    ],
)
def test_only_our_lines_change(
    store: DotenvFile, container: dict[str, Any], file: Path, before: bytes, after: bytes
) -> None:
    file.write_bytes(before)

    store.write(container, {"KEY": NEW})

    assert file.read_bytes() == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"A=1\nKEY=old\nB=2", b"A=1\nB=2"),
        (b"KEY='a\nb'\nexport KEY=x\nA=1\n", b"A=1\n"),
        (b"KEY=old", b""),
        (b"# KEY=off\nA=1\r\n", b"# KEY=off\nA=1\r\n"),
    ],
)
def test_a_removed_key_takes_all_its_lines_along(
    store: DotenvFile, container: dict[str, Any], file: Path, before: bytes, after: bytes
) -> None:
    file.write_bytes(before)

    assert store.delete(container, ["KEY"])["keys"] == {}

    assert file.read_bytes() == after


@pytest.mark.parametrize(
    "text", [b"KEY=new\n", b"KEY='new'", b'KEY="new" \t\n', b"  export KEY=new\n", b"KEY=new\nA=1\nKEY='new'\n"]
)
def test_same_value_in_another_spelling_is_not_rewritten(
    store: DotenvFile, container: dict[str, Any], file: Path, text: bytes
) -> None:
    file.write_bytes(text)
    inode = file.stat().st_ino

    written = store.write(container, {"KEY": NEW})

    assert written["keys"]["KEY"]["fingerprint"] == store.fingerprint(NEW)
    assert (file.read_bytes(), file.stat().st_ino) == (text, inode)


@pytest.mark.parametrize(
    "text",
    [
        b"KEY=new\r\n",  # a shell reads a carriage return, too
        b"KEY = new\n",  # a command for a shell
        b"KEY=new # comment\n",  # a part of it for systemd
        b"KEY=\"new\"''\n",  # two statements for compose
        b"KEY=$NEW\n",
        b"KEY=old\nKEY=new\n",  # the last one wins, and the old value is still there
    ],
)
def test_value_that_readers_read_differently_is_rewritten(
    store: DotenvFile, container: dict[str, Any], file: Path, text: bytes
) -> None:
    file.write_bytes(text)

    seen = store.observe(container, ["KEY"])["keys"]["KEY"]["fingerprint"]

    assert seen != store.fingerprint(NEW)
    assert store.write(container, {"KEY": NEW})["keys"]["KEY"]["fingerprint"] == store.fingerprint(NEW)
    assert b"old" not in file.read_bytes()


def test_evidence_counts_the_lines_of_a_key(store: DotenvFile, container: dict[str, Any], file: Path) -> None:
    file.write_bytes(b"KEY=new\nKEY=new\n")

    assert store.observe(container, ["KEY"])["keys"]["KEY"] == {"fingerprint": store.fingerprint(NEW), "lines": 2}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"A=1\nB=it's\n", 2),  # a shell looks for another quote
        (b"A='open\nKEY=old\n", 1),
        (b"# a\nA='a\\'\nKEY='b'\n", 2),  # for compose, the quote is a part of the value
        (b"A=1\\\nKEY=old\n", 1),  # goes on for a shell and systemd
        (b"# path C:\\\nKEY=old\n", 1),  # so does a comment for systemd before 254
        (b"A=1\rKEY=old\n", 1),  # a line's end for systemd
    ],
)
def test_file_whose_readers_disagree_on_line_ends_is_refused(
    store: DotenvFile, container: dict[str, Any], file: Path, text: bytes, line: int
) -> None:
    file.write_bytes(text)

    with pytest.raises(
        InvalidRequestError, match=rf"do not agree where the statement of line {line} ends\. Put quotes"
    ):
        store.write(container, {"KEY": NEW})

    assert file.read_bytes() == text


@pytest.mark.parametrize(
    "text", [b"KEY=old; export KEY A\n", b"KEY=old && start\n", b"KEY='o'; A=2\n", b"KEY=old;readonly KEY\n"]
)
def test_command_behind_a_value_is_not_lost(
    store: DotenvFile, container: dict[str, Any], file: Path, text: bytes
) -> None:
    file.write_bytes(b"A=1\n" + text)

    for attempt in (lambda: store.write(container, {"KEY": NEW}), lambda: store.observe(container, ["KEY"])):
        with pytest.raises(InvalidRequestError, match="behind KEY= a shell finds another command on the same line"):
            attempt()

    assert file.read_bytes() == b"A=1\n" + text
    store.write(container, {"A": NEW})
    store.write({**container, "readers": ["compose", "systemd"]}, {"KEY": NEW})
    assert file.read_bytes() == b"A='new'\nKEY='new'\n"


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        ("compose", b"B=it's\n"),
        ("compose", b"# path C:\\\n"),
        ("systemd", b"B=it's\n"),
        ("shell", b"# path C:\\\n"),
    ],
)
def test_line_for_one_reader_is_accepted_with_readers(
    store: DotenvFile, container: dict[str, Any], file: Path, reader: str, text: bytes
) -> None:
    file.write_bytes(text)
    with pytest.raises(InvalidRequestError, match=r"docker compose, systemd and a shell .* or say in readers who"):
        store.write(container, {"KEY": NEW})

    store.write({**container, "readers": [reader]}, {"KEY": NEW})

    assert file.read_bytes() == text + b"KEY='new'\n"


def test_an_open_quote_is_refused_for_a_single_reader_as_well(
    store: DotenvFile, container: dict[str, Any], file: Path
) -> None:
    file.write_bytes(b"A='open\n")

    with pytest.raises(InvalidRequestError, match="a shell does not tell where the statement of line 1 ends"):
        store.write({**container, "readers": ["shell"]}, {"KEY": NEW})


def test_a_byte_order_mark_is_refused(store: DotenvFile, container: dict[str, Any], file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfKEY=old\n")

    with pytest.raises(InvalidRequestError, match="begins with a byte order mark"):
        store.observe(container, ["KEY"])


PIECES = [
    "A=1", "KEY=old", "export KEY=old", "KEY=old; export KEY", "KEY='o l d'", 'KEY="o\\$d"', "KEY = old", "KEY: old",
    "KEY", "KEY=", " KEY=old", "# comment", "#KEY=no", "# c \\",
    "B='multi\nKEY=inner\n'", 'C="multi\nKEY=inner\n"', "D=it's",
    'E="a"b', "F='a' # it's",
    "G=a\\\nKEY=x", "KEY=a\r", "H=$A", 'I="${A}x"', "J='a'\\''b'", "K='a\\'", "L='x", 'M="y', "'", '"', "\\", "", "  ",
]  # fmt: skip
READERS = [readers.compose, readers.shell, readers.systemd]


def read(path: Path) -> list[readers.Variables | None]:
    """None where a reader gives the file up.

    A shell has variables of its own, and compose makes one without a name of a last word that no newline follows.
    """
    own = ("PWD", "SHLVL", "_", "")
    found: list[readers.Variables | None] = []
    for reader in READERS:
        try:
            found.append({name: value for name, value in reader(path).items() if name not in own})
        except (ValueError, subprocess.CalledProcessError):
            found.append(None)
    return found


@pytest.mark.skipif(readers.systemd_library() is None, reason="systemd's shared library is missing")
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=6), value=st.sampled_from(["new", "it's", "$A\n'\\", None]))
def test_readers_of_any_file_see_our_change_alone(pieces: list[str], value: str | None) -> None:
    """As long as the file is not refused. systemd takes no line with ``export``."""
    before = "\n".join(pieces).encode()
    try:
        found = on_host_program.statements(before)
    except on_host_program.Refusal:
        return
    after = edited(on_host_program, found, {"KEY": None if value is None else spelling.quoted(value)})

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ".env"
        path.write_bytes(before)
        was = read(path)
        path.write_bytes(after)
        now = read(path)

    assert b"".join(statement.text for statement in found) == before
    for reader, old, new in zip(READERS, was, now, strict=True):
        if old is None:
            continue
        expected = {name: text for name, text in old.items() if name != "KEY"}
        if value is not None and not (reader is readers.systemd and b"export KEY" in after):
            expected["KEY"] = value
        seen = dict(new or {})
        if reader is readers.systemd and b"export KEY" in after:
            seen.pop("KEY", None)
        assert seen == expected, reader.__name__
