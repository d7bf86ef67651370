"""AlgorithmIdentifiers of signatures, octet by octet, and what comes along in signed attributes."""

import pytest

from support.signatures import CA_LIST, ROOT_LIST
from tashika.errors import Malformed, SignatureRefused
from tashika.pki import der
from tashika.signature import Scheme, Stapled
from tashika.signature.attributes import read_attributes
from tashika.signature.schemes import read_hash, read_scheme

SHA1, SHA256, SHA384 = (
    der.sequence(der.oid(each))
    for each in ("1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2")
)


def mask(hashed: bytes, generator: str = "1.2.840.113549.1.1.8") -> bytes:
    return der.wrap(der.explicit(1), der.sequence(der.oid(generator), hashed))


def pss(*parameters: bytes) -> bytes:
    return der.sequence(der.oid("1.2.840.113549.1.1.10"), der.sequence(*parameters))


def hashed(identifier: bytes) -> bytes:
    return der.wrap(der.explicit(0), identifier)


SALT = der.wrap(der.explicit(2), der.integer(32))


def trailer(number: int) -> bytes:
    return der.wrap(der.explicit(3), der.integer(number))


@pytest.mark.parametrize(
    ("identifier", "scheme"),
    [
        (der.sequence(der.oid("1.2.840.113549.1.1.1"), der.NULL), Scheme.RSA_SHA256),
        (der.sequence(der.oid("1.2.840.113549.1.1.11")), Scheme.RSA_SHA256),
        (der.sequence(der.oid("1.2.840.10045.4.3.2")), Scheme.ECDSA_SHA256),
        (pss(hashed(SHA256), mask(SHA256), SALT), Scheme.PSS_SHA256),
        (pss(hashed(SHA256), mask(SHA256), SALT, trailer(1)), Scheme.PSS_SHA256),
    ],
)
def test_what_is_accepted(identifier: bytes, scheme: Scheme):
    assert read_scheme(identifier, "sha256") is scheme


@pytest.mark.parametrize(
    ("identifier", "cause"),
    [
        (pss(), "weak_algorithm"),
        (pss(hashed(SHA256)), "weak_algorithm"),
        (pss(hashed(SHA1), mask(SHA1)), "weak_algorithm"),
        (pss(hashed(SHA256), mask(SHA384)), "unsupported"),
        (pss(hashed(SHA256), mask(SHA256, "1.2.3")), "unsupported"),
        (pss(hashed(SHA256), mask(SHA256), SALT, trailer(2)), "unsupported"),
        (pss(hashed(SHA384), mask(SHA384)), "unsupported"),
        (der.sequence(der.oid("1.2.840.113549.1.1.12"), der.NULL), "unsupported"),
        (der.sequence(der.oid("1.2.840.113549.1.1.4"), der.NULL), "weak_algorithm"),
        (der.sequence(der.oid("1.3.101.112")), "unsupported"),
    ],
)
def test_what_is_refused(identifier: bytes, cause: str):
    with pytest.raises(SignatureRefused) as refused:
        read_scheme(identifier, "sha256")
    assert refused.value.cause == cause


@pytest.mark.parametrize(
    "identifier",
    [
        der.sequence(der.oid("1.2.840.10045.4.3.2"), der.NULL),  # RFC 5758 3.2
        der.sequence(der.oid("1.2.840.113549.1.1.11"), der.NULL, der.NULL),
        pss(hashed(SHA256), mask(SHA256), SALT, trailer(1), b"\x05\x00"),
        b"",
    ],
)
def test_what_is_no_identifier(identifier: bytes):
    with pytest.raises(Malformed):
        read_scheme(identifier, "sha256")


def test_hashes_are_read_with_and_without_null():
    assert read_hash(SHA256) == "sha256"
    assert read_hash(der.sequence(der.oid("2.16.840.1.101.3.4.2.3"), der.NULL)) == "sha512"
    with pytest.raises(SignatureRefused):
        read_hash(der.sequence(der.oid("1.2.3")))


def attribute(oid: str, value: bytes) -> bytes:
    return der.sequence(der.oid(oid), der.wrap(der.SET, value))


BASIC = (
    attribute("1.2.840.113549.1.9.3", der.oid("1.2.840.113549.1.7.1")),
    attribute("1.2.840.113549.1.9.4", der.octet_string(bytes(32))),
)


def test_adobes_archive_of_answers_and_lists_comes_along():
    answer = b"\x30\x03\x0a\x01\x06"
    lists = der.wrap(der.explicit(0), der.sequence(ROOT_LIST, CA_LIST))
    answers = der.wrap(der.explicit(1), der.sequence(answer))
    archive = attribute("1.2.840.113583.1.1.8", der.sequence(lists, answers))
    read = read_attributes(der.wrap(der.SET, *BASIC, archive))
    assert read.stapled == Stapled(answers=(answer,), lists=(ROOT_LIST, CA_LIST))
    flood = der.wrap(der.explicit(1), der.sequence(answer * 33))
    too_many = attribute("1.2.840.113583.1.1.8", der.sequence(flood))
    with pytest.raises(Malformed):
        read_attributes(der.wrap(der.SET, *BASIC, too_many))


def test_attributes_of_other_kinds_are_left_alone_up_to_a_number():
    others = [attribute(f"2.25.{number}", der.NULL) for number in range(31)]
    assert read_attributes(der.wrap(der.SET, *BASIC, *others[:30]))
    with pytest.raises(Malformed):
        read_attributes(der.wrap(der.SET, *BASIC, *others))
    with pytest.raises(Malformed):
        read_attributes(der.wrap(der.SET, BASIC[0]))
