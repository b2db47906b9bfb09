# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands for a value in evidence: equal for equal values, and saying nothing without its key."""

from __future__ import annotations

import re
import subprocess
import sys

from ansible_collections.rotor.secrets.plugins.module_utils._core.credential import SecretValue
from ansible_collections.rotor.secrets.plugins.module_utils._core.fingerprints import Fingerprints, for_this_process

KEY = b"k" * 32
VALUE = SecretValue("value-of-the-fingerprints")


def test_equal_values_have_equal_fingerprints_and_others_have_others() -> None:
    fingerprint = Fingerprints(KEY)
    assert fingerprint(VALUE) == Fingerprints(KEY)(SecretValue("value-of-the-fingerprints"))
    assert fingerprint(VALUE) != fingerprint(SecretValue("value-of-the-fingerprints "))


def test_a_fingerprint_is_twelve_hex_digits_whatever_the_value() -> None:
    values = [VALUE, SecretValue("x"), SecretValue("ü\n" * 30_000)]
    assert all(re.fullmatch(r"[0-9a-f]{12}", Fingerprints(KEY)(value)) for value in values)


def test_another_key_makes_another_fingerprint() -> None:
    assert Fingerprints(KEY)(VALUE) != Fingerprints(b"q" * 32)(VALUE)


def test_a_narrowed_key_depends_on_its_purpose_and_is_not_the_first_one() -> None:
    first = Fingerprints(KEY)
    one, other = first.narrowed("host one"), first.narrowed("host two")
    assert one(VALUE) == first.narrowed("host one")(VALUE)
    assert len({first(VALUE), one(VALUE), other(VALUE)}) == 3


def test_whoever_has_the_narrowed_key_makes_the_same_fingerprints() -> None:
    narrowed = Fingerprints(KEY).narrowed("host one")
    assert Fingerprints(bytes.fromhex(narrowed.key().reveal()))(VALUE) == narrowed(VALUE)


def test_the_key_is_not_shown() -> None:
    key = Fingerprints(KEY).narrowed("host one").key()
    assert isinstance(key, SecretValue)
    assert key.reveal() not in repr(key) + repr(Fingerprints(KEY))


def test_without_a_ledger_there_is_one_key_for_the_process() -> None:
    assert for_this_process()(VALUE) == for_this_process()(VALUE)


def test_another_process_has_another_key() -> None:
    module = "ansible_collections.rotor.secrets.plugins.module_utils._core"
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        f"from {module}.credential import SecretValue\n"
        f"from {module}.fingerprints import for_this_process\n"
        f"print(for_this_process()(SecretValue({VALUE.reveal()!r})))"
    )
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert len(elsewhere) == 12
    assert elsewhere != for_this_process()(VALUE)


def test_a_later_key_goes_over_fingerprints_whose_values_nobody_knows_any_more() -> None:
    before, later = Fingerprints(KEY).narrowed("stores"), b"l" * 32
    after = Fingerprints(KEY, [later]).narrowed("stores")
    assert Fingerprints(b"", [later]).covered(before(VALUE)) == after(VALUE) != before(VALUE)
