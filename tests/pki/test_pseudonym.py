"""What stands for a serial number: the same to its verifier, nothing to anybody else."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.strategies import serials, steady
from tashika.pki.errors import Unsupported
from tashika.pki.pseudonym import KEY_BYTES, derive_key, pseudonym

MASTER = bytes(range(32))
KEY = derive_key(MASTER, "V-000001")
ISSUER = hashlib.sha256(b"an issuer").digest()


def test_a_key_is_derived_as_documented():
    label = b"tashika usage key 1\x00V-000001"
    assert hmac.new(MASTER, label, "sha256").digest() == KEY
    assert len(KEY) == KEY_BYTES


@steady
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32), serials)
def test_a_pseudonym_is_the_hmac_that_is_documented(key: bytes, issuer: bytes, serial: int):
    number = bytes.fromhex(f"{serial:x}".zfill(len(f"{serial:x}") + 1 & ~1)) if serial else b""
    expected = hmac.new(key, issuer + number, "sha256").digest()[:16]
    assert pseudonym(key, issuer, serial) == expected


def test_every_verifier_has_pseudonyms_of_its_own():
    other = derive_key(MASTER, "V-000002")
    assert pseudonym(KEY, ISSUER, 5) != pseudonym(other, ISSUER, 5)
    assert derive_key(bytes(32), "V-000001") != KEY


def test_certificates_have_pseudonyms_of_their_own():
    others = [hashlib.sha256(b"another").digest(), ISSUER]
    found = [pseudonym(KEY, issuer, serial) for issuer in others for serial in range(600)]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("length", [0, 16, 31])
def test_a_short_master_key_is_refused(length: int):
    with pytest.raises(Unsupported, match="32 octets"):
        derive_key(bytes(length), "V-000001")


@pytest.mark.parametrize("length", [0, 31, 33, 65])
def test_a_key_that_nobody_derived_is_refused(length: int):
    with pytest.raises(Unsupported, match="32 octets"):
        pseudonym(bytes(length), ISSUER, 5)
