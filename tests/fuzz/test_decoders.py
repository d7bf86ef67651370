"""Every decoder under wrong bytes: only documented errors escape, after bounded work.

The wrong bytes are relatives of right ones, for noise alone never gets past the
first header. Deeper: TASHIKA_FUZZ=1000 pytest tests/fuzz (the default is 25).
"""

import os
from collections.abc import Callable, Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.mutations import mutants
from support.strategies import (
    attribute_lists,
    crls,
    directory_name,
    requests,
    responses,
    some_certificate,
)
from tashika.pki import algorithms, der
from tashika.pki.certid import IssuerIdentity, read_cert_id
from tashika.pki.certificates import (
    critical_extensions,
    load_certificate,
    public_key,
    require_signed_by,
    validity,
)
from tashika.pki.crl import Crl, CrlEntry, parse_crl
from tashika.pki.errors import BadSignature, Malformed, Unsupported
from tashika.pki.limits import MAX_REQUEST_BYTES
from tashika.pki.names import name_text, same_name
from tashika.pki.request import OcspRequest, parse_request
from tashika.pki.response import BasicResponse, ErrorResponse, parse_response

MUTANTS_OF_ONE = 80

deep = settings(
    max_examples=int(os.environ.get("TASHIKA_FUZZ", "25")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
seeds = st.integers(0, 2**32)
names = attribute_lists.map(lambda parts: directory_name(parts).dump())


class Steps:
    """Counts the elements that the reader steps over."""

    count = 0


@pytest.fixture(scope="module", autouse=True)
def steps() -> Iterator[type[Steps]]:
    """Count every header that is read: work by number, not by a busy machine's clock (T22)."""
    real = der.tlv

    def counted(data: bytes, at: int, stop: int) -> tuple[int, int, int]:
        Steps.count += 1
        return real(data, at, stop)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(der, "tlv", counted)
        yield Steps


def survive(decode: Callable[[bytes], object], data: bytes) -> object:
    """Decode; None where it is refused as documented."""
    Steps.count = 0
    try:
        return decode(data)
    except (Malformed, Unsupported, BadSignature):
        return None
    except BaseException as escaped:
        escaped.add_note(f"input: {data.hex()}")
        raise
    finally:
        # An element has two octets at least, and the body is walked at most twice.
        assert Steps.count <= len(data) + 1, data.hex()


def read_crl(data: bytes) -> tuple[Crl, list[CrlEntry]]:
    found = parse_crl(data)
    return found, list(found.entries())


# --- noise ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "decode",
    [
        parse_request,
        parse_response,
        read_crl,
        name_text,
        algorithms.read_algorithm,
        der.flags,
        der.dotted,
        lambda data: read_cert_id(der.Reader(data)),
        lambda data: der.Reader(data).time(),
        lambda data: der.Reader(data).integer(),
    ],
)
@settings(deep, max_examples=60)
@given(data=st.binary(max_size=80) | st.binary(max_size=60).map(der.sequence))
def test_c11_noise_is_refused_as_documented(decode: Callable[[bytes], object], data: bytes):
    survive(decode, data)


@given(one=st.text(), other=st.text())
def test_any_two_texts_can_be_compared_as_names(one: str, other: str):
    assert same_name(one, other) == same_name(other, one)


# --- relatives of valid structures: what we read, pyca reads alike ---------------


@deep
@given(requests(), seeds)
def test_c11_t22_requests(valid: tuple[bytes, OcspRequest], seed: int):
    for data in mutants(valid[0], seed, MUTANTS_OF_ONE):
        asked = survive(parse_request, data)
        if isinstance(asked, OcspRequest):
            agree_on_request(data, asked)


def agree_on_request(data: bytes, asked: OcspRequest) -> None:
    try:
        theirs = ocsp.load_der_ocsp_request(data)
        (cert_id,) = asked.cert_ids
    except (ValueError, NotImplementedError):
        return  # pyca reads single questions only, and also what we step over
    stated = (theirs.issuer_name_hash, theirs.issuer_key_hash, theirs.serial_number)
    assert stated == (cert_id.name_hash, cert_id.key_hash, cert_id.serial), data.hex()
    nonces = [each.value for each in theirs.extensions if each.oid == x509.OCSPNonce.oid]
    assert nonces == ([x509.OCSPNonce(asked.nonce)] if asked.nonce else []), data.hex()


@deep
@given(responses(), seeds)
def test_c11_t6_responses(valid: tuple[bytes, BasicResponse], seed: int):
    for data in mutants(valid[0], seed, MUTANTS_OF_ONE):
        answer = survive(parse_response, data)
        if answer is not None:
            agree_on_response(data, answer)


def agree_on_response(data: bytes, answer: object) -> None:
    try:
        theirs = ocsp.load_der_ocsp_response(data)
        said = list(theirs.responses) if isinstance(answer, BasicResponse) else []
    except ValueError:
        return  # pyca also reads names and certificates, which we keep as they are
    if isinstance(answer, ErrorResponse):
        assert theirs.response_status.value == answer.status, data.hex()
        return
    assert isinstance(answer, BasicResponse)
    assert theirs.tbs_response_bytes == answer.tbs
    assert theirs.produced_at_utc == answer.produced_at
    assert theirs.signature == answer.signature
    for one, ours in zip(said, answer.responses, strict=True):
        assert one.serial_number == ours.cert_id.serial
        assert one.certificate_status.name.capitalize() == type(ours.standing).__name__
        assert one.this_update_utc == ours.this_update
        assert one.next_update_utc == ours.next_update
        assert one.revocation_time_utc == getattr(ours.standing, "at", None)


@deep
@given(crls(), seeds)
def test_c11_t27_t28_crls(valid: tuple[bytes, object], seed: int):
    for data in mutants(valid[0], seed, MUTANTS_OF_ONE):
        found = survive(read_crl, data)
        if isinstance(found, tuple):
            agree_on_crl(data, *found)


def agree_on_crl(data: bytes, found: Crl, entries: list[CrlEntry]) -> None:
    try:
        theirs = x509.load_der_x509_crl(data)
        listed = [(each.serial_number, each.revocation_date_utc) for each in theirs]
    except ValueError:
        return  # pyca also reads the issuer's name, which we keep as it is
    assert listed == [(each.serial, each.revoked_at) for each in entries], data.hex()
    assert theirs.tbs_certlist_bytes == found.tbs
    assert theirs.signature == found.signature
    assert theirs.last_update_utc == found.this_update
    assert theirs.next_update_utc == found.next_update


@deep
@given(names, seeds)
def test_c11_names(valid: bytes, seed: int):
    for data in mutants(valid, seed, MUTANTS_OF_ONE):
        survive(name_text, data)


@deep
@given(st.sampled_from(sorted(algorithms.BY_OID)), seeds)
def test_c11_algorithms(oid: str, seed: int):
    for data in mutants(algorithms.BY_OID[oid].der, seed, MUTANTS_OF_ONE):
        survive(algorithms.read_algorithm, data)


@deep
@given(seeds)
def test_c11_t27_certificates(seed: int):
    for data in mutants(some_certificate(), seed, MUTANTS_OF_ONE):
        certificate = survive(load_certificate, data)
        for read in (IssuerIdentity.of, public_key, validity, critical_extensions, self_signed):
            if isinstance(certificate, x509.Certificate):
                survive(lambda _, read=read, found=certificate: read(found), data)


def self_signed(certificate: x509.Certificate) -> None:
    require_signed_by(certificate, certificate)


@deep
@given(seeds)
def test_c1_mutated_signatures_never_verify(seed: int):
    key = ec.generate_private_key(ec.SECP256R1())
    good = algorithms.sign(key, algorithms.ECDSA_SHA256, b"data")
    for bad in {*mutants(good, seed, MUTANTS_OF_ONE)} - {good}:
        with pytest.raises(BadSignature):
            algorithms.verify(key.public_key(), algorithms.ECDSA_SHA256, bad, b"data")


# --- T22: the largest bad requests ----------------------------------------------

NOTHING = der.sequence()


def nested(tag: int, size: int) -> bytes:
    data = b""
    while len(data) < size - 8:
        data = der.wrap(tag, data)
    return data


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(nested(der.SEQUENCE, MAX_REQUEST_BYTES), id="nested sequences"),
        pytest.param(nested(der.explicit(0), MAX_REQUEST_BYTES), id="nested tags"),
        pytest.param(der.sequence(*[der.NULL] * 4000), id="siblings"),
        pytest.param(der.sequence(der.sequence(der.sequence(*[NOTHING] * 4000))), id="singles"),
        pytest.param(
            der.sequence(
                der.sequence(
                    der.wrap(der.explicit(1), nested(der.explicit(4), 4000)), der.sequence()
                )
            ),
            id="a nested requestor",
        ),
        pytest.param(b"\x30" * MAX_REQUEST_BYTES, id="nothing but tags"),
        pytest.param(b"\x30\x80" * (MAX_REQUEST_BYTES // 2), id="indefinite lengths"),
    ],
)
def test_t22_a_bad_request_is_given_up_early(steps: type[Steps], data: bytes):
    assert survive(parse_request, data) is None
    assert steps.count <= 20
