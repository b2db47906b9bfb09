# Copyright (c) 2026, the rotor.secrets authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of our own making."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import uuid
from typing import Any

import jwt
import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from ansible_collections.rotor.secrets.plugins.module_utils._core.clock import Clock
from ansible_collections.rotor.secrets.plugins.module_utils._core.contracts import Answer, Maker, Overlap, Revocation
from ansible_collections.rotor.secrets.plugins.module_utils._providers.random import RandomValues


def mint(**options: Any) -> str:
    return RandomValues(options, None, clock=Clock()).generate("rotor-1").fields["value"].reveal()


def test_default_is_32_bytes_in_hex() -> None:
    assert re.fullmatch("[0-9a-f]{64}", mint())


@pytest.mark.parametrize("size", [16, 33, 1024])
def test_value_has_the_size_of_the_option(size: int) -> None:
    assert len(bytes.fromhex(mint(format="hex", bytes=size))) == size
    text = mint(format="base64url", bytes=size)
    assert len(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) == size


@pytest.mark.parametrize("size", [16, 32, 1024])
def test_alphanumeric_value_has_the_entropy_of_the_bytes(size: int) -> None:
    text = mint(format="alphanumeric", bytes=size)
    assert re.fullmatch("[A-Za-z0-9]+", text)
    assert len(text) * math.log2(62) >= size * 8 > (len(text) - 1) * math.log2(62)


def test_a_uuid_is_a_random_one() -> None:
    made = uuid.UUID(mint(format="uuid"))
    assert made.version == 4
    assert made.variant == uuid.RFC_4122


def test_a_fernet_key_encrypts() -> None:
    box = Fernet(mint(format="fernet"))
    assert box.decrypt(box.encrypt(b"text")) == b"text"


@pytest.mark.parametrize("shape", ["hex", "base64url", "alphanumeric", "uuid", "fernet"])
def test_values_differ(shape: str) -> None:
    assert len({mint(format=shape) for _turn in range(50)}) == 50


def test_bytes_are_refused_for_formats_of_a_fixed_size() -> None:
    assert RandomValues.validate({"format": "uuid", "bytes": 32}, None) == ["bytes: format uuid has a size of its own"]
    assert RandomValues.validate({"format": "fernet"}, None) == []
    assert RandomValues.validate({"bytes": 64}, None) == []


def test_random_value_is_ours_and_has_no_list() -> None:
    issuer = RandomValues({}, None, clock=Clock())
    credential = issuer.generate("rotor-1")
    assert (credential.id, credential.name) == (None, "rotor-1")
    assert issuer.verify(credential) is Answer.UNCLEAR
    assert issuer.listed() == []
    traits = issuer.traits
    assert (traits.value, traits.overlap, traits.revoke) == (Maker.OURS, Overlap.NONE, Revocation.AUTO)


def test_label_names_the_format() -> None:
    assert RandomValues.label({}) == "random hex value"
    assert RandomValues.label({"format": "uuid"}) == "random uuid value"


# Key pairs


def pair(**options: Any) -> tuple[str, str]:
    fields = RandomValues(options, None, clock=Clock()).generate("rotor-1").fields
    assert tuple(fields) == RandomValues.fields_of(options) == ("private", "public")
    return fields["private"].reveal(), fields["public"].reveal()


@pytest.mark.parametrize(("options", "bits"), [({}, 3072), ({"bits": 2048}, 2048)])
def test_an_rsa_pair_is_one_key_of_the_size_asked_for(options: dict[str, int], bits: int) -> None:
    private, public = pair(format="rsa", **options)
    key = serialization.load_pem_private_key(private.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert (key.key_size, key.public_key()) == (bits, serialization.load_pem_public_key(public.encode()))


def test_an_ed25519_pair_signs_and_verifies() -> None:
    private, public = pair(format="ed25519")
    signer, verifier = serialization.load_pem_private_key(private.encode(), None), public.encode()
    known = serialization.load_pem_public_key(verifier)
    assert isinstance(signer, ed25519.Ed25519PrivateKey)
    assert isinstance(known, ed25519.Ed25519PublicKey)
    known.verify(signer.sign(b"text"), b"text")


def test_an_ssh_pair_is_openssh_s_and_carries_our_name() -> None:
    private, public = pair(format="ssh")
    key = serialization.load_ssh_private_key(private.encode(), None)
    assert key.public_key() == serialization.load_ssh_public_key(public.encode())
    assert public.startswith("ssh-ed25519 ")
    assert public.endswith(" rotor-1")


def test_a_jwk_pair_signs_and_verifies_and_has_its_thumbprint_for_an_id() -> None:
    private, public = (json.loads(text) for text in pair(format="jwk"))
    token = jwt.encode({"sub": "shop"}, jwt.PyJWK(private).key, "ES256")
    assert jwt.decode(token, jwt.PyJWK(public).key, ["ES256"]) == {"sub": "shop"}
    core = {name: public[name] for name in ("crv", "kty", "x", "y")}
    digest = hashlib.sha256(json.dumps(core, separators=(",", ":"), sort_keys=True).encode()).digest()
    assert public["kid"] == private["kid"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert private.keys() - public.keys() == {"d"}


@pytest.mark.parametrize("shape", ["ed25519", "jwk", "ssh"])
def test_key_pairs_differ(shape: str) -> None:
    assert len({text for _turn in range(5) for text in pair(format=shape)}) == 10


def test_bits_are_for_rsa_and_bytes_for_values() -> None:
    assert RandomValues.validate({"format": "jwk", "bits": 2048}, None) == ["bits: it is for format rsa"]
    assert RandomValues.validate({"bits": 2048}, None) == ["bits: it is for format rsa"]
    assert RandomValues.validate({"format": "rsa", "bits": 2048}, None) == []
    assert RandomValues.validate({"format": "ssh", "bytes": 32}, None) == ["bytes: format ssh has a size of its own"]
    assert RandomValues.label({"format": "ssh"}) == "random ssh key pair"
