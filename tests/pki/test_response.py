"""The OCSP response: what others write we read, and nothing else passes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as pyca
from hypothesis import given

from support.authority import Authority, openssl
from support.mutations import broken_off, with_trailing_bytes
from support.strategies import responses, steady
from tashika.pki import algorithms, der
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.errors import Malformed, Unsupported
from tashika.pki.extensions import (
    ARCHIVE_CUTOFF,
    EXTENDED_REVOKE,
    INVALIDITY_DATE,
    NONCE,
    write_extension,
)
from tashika.pki.limits import MAX_CERTIFICATES, MAX_RESPONSE_BYTES
from tashika.pki.response import (
    BASIC_RESPONSE,
    BasicResponse,
    ErrorResponse,
    ResponseStatus,
    error_response,
    parse_response,
)
from tashika.pki.standing import Good, Reason, Revoked, Standing, Unknown

AT, SINCE = datetime(2026, 4, 1, 12, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC)
TIME = der.generalized_time(AT)
CERT_ID = CertId.build(IssuerIdentity(name=der.sequence(), key=b"key"), 5)
GOOD, UNKNOWN = der.wrap(0x80), der.wrap(0x82)
BY_KEY = der.wrap(0xA2, der.octet_string(b"k" * 20))

BASIC_OID = der.oid(BASIC_RESPONSE)


def revoked(*parts: bytes) -> bytes:
    return der.wrap(0xA1, *parts)


def single(status: bytes = GOOD, *extensions: bytes, this_update: bytes = TIME) -> bytes:
    return der.sequence(CERT_ID.der, status, this_update, tagged(1, *extensions))


def tagged(number: int, *extensions: bytes) -> bytes:
    return der.wrap(der.explicit(number), der.sequence(*extensions)) if extensions else b""


def response(
    *singles: bytes,
    version: bytes = b"",
    responder: bytes = BY_KEY,
    produced_at: bytes = TIME,
    extensions: tuple[bytes, ...] = (),
    algorithm: bytes = algorithms.ECDSA_SHA256.der,
    signature: bytes = der.bit_string(b"noise"),
    certificates: tuple[bytes, ...] = (),
    kind: bytes = BASIC_OID,
) -> bytes:
    """Write a response with anything in its places."""
    listed = der.sequence(*(singles or (single(),)))
    tbs = der.sequence(version, responder, produced_at, listed, tagged(1, *extensions))
    basic = der.sequence(tbs, algorithm, signature, tagged(0, *certificates))
    body = der.sequence(kind, der.octet_string(basic))
    return der.sequence(der.integer(0, der.ENUMERATED), der.wrap(der.explicit(0), body))


def standing_of(data: bytes) -> Standing:
    answer = parse_response(data)
    assert isinstance(answer, BasicResponse)
    return answer.responses[0].standing


# --- oracles --------------------------------------------------------------------


@steady
@given(responses())
def test_reads_what_asn1crypto_writes(written: tuple[bytes, BasicResponse]):
    data, expected = written
    assert parse_response(data) == expected


PYCA_STATUS = {
    Good(): pyca.OCSPCertStatus.GOOD,
    Unknown(): pyca.OCSPCertStatus.UNKNOWN,
    Revoked(AT): pyca.OCSPCertStatus.REVOKED,
    Revoked(AT, Reason.CERTIFICATE_HOLD): pyca.OCSPCertStatus.REVOKED,
    Revoked(AT, Reason.AA_COMPROMISE): pyca.OCSPCertStatus.REVOKED,
}
PYCA_REASON = {
    Reason.CERTIFICATE_HOLD: x509.ReasonFlags.certificate_hold,
    Reason.AA_COMPROMISE: x509.ReasonFlags.aa_compromise,
}


@pytest.mark.parametrize("standing", PYCA_STATUS)
@pytest.mark.parametrize("encoding", pyca.OCSPResponderEncoding)
def test_reads_what_pyca_signs(
    authority: Authority, standing: Standing, encoding: pyca.OCSPResponderEncoding
):
    at, reason = None, None
    if isinstance(standing, Revoked):
        at, reason = standing.at, PYCA_REASON.get(standing.reason)
    ca, tomorrow = authority.certificate, AT + timedelta(days=1)
    theirs = (
        pyca.OCSPResponseBuilder()
        .add_response(
            authority.leaf, ca, hashes.SHA384(), PYCA_STATUS[standing], AT, tomorrow, at, reason
        )
        .responder_id(encoding, ca)
        .certificates([ca])
        .add_extension(x509.OCSPNonce(b"n" * 32), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    answer = parse_response(theirs.public_bytes(Encoding.DER))
    assert isinstance(answer, BasicResponse)
    (said,) = answer.responses
    issuer = IssuerIdentity.of(ca)
    by_name = encoding is pyca.OCSPResponderEncoding.NAME
    assert said.cert_id == CertId.build(issuer, authority.leaf.serial_number, "sha384")
    assert (said.standing, said.this_update, said.next_update) == (standing, AT, tomorrow)
    assert answer.responder_name == (issuer.name if by_name else None)
    assert answer.responder_key_hash == (None if by_name else issuer.hashes("sha1")[1])
    assert (answer.nonce, answer.tbs) == (b"n" * 32, theirs.tbs_response_bytes)
    assert answer.certificates == (ca.public_bytes(Encoding.DER),)
    algorithms.verify(ca.public_key(), answer.algorithm, answer.signature, answer.tbs)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("V", Good()),
        ("R\t260401120000Z", Revoked(AT)),
        ("R\t260401120000Z,keyCompromise", Revoked(AT, Reason.KEY_COMPROMISE)),
        (
            "R\t260401120000Z,holdInstruction,holdInstructionReject",
            Revoked(AT, Reason.CERTIFICATE_HOLD),
        ),
        ("R\t260401120000Z,keyTime,20260331000000Z", Revoked(AT, Reason.KEY_COMPROMISE, SINCE)),
        (None, Unknown()),
    ],
)
def test_reads_what_openssl_answers(
    authority: Authority, tmp_path: Path, line: str | None, expected: Standing
):
    home, index, answered = authority.directory, tmp_path / "index.txt", tmp_path / "answer.der"
    state, _, revocation = (line or "V").partition("\t")
    serial = f"{authority.leaf.serial_number:08X}" if line else "01"
    index.write_text(f"{state}\t360101000000Z\t{revocation}\t{serial}\tunknown\t/CN=Leaf\n")
    signer = ["-rsigner", f"{home}/ca.pem", "-rkey", f"{home}/ca.key", "-CA", f"{home}/ca.pem"]
    asked = [*authority.question, "-nonce", "-ndays", "1", "-respout", answered]
    openssl("ocsp", "-index", index, *signer, *asked)
    answer = parse_response(answered.read_bytes())
    assert isinstance(answer, BasicResponse)
    assert answer.responses[0].standing == expected
    assert answer.responses[0].cert_id.serial == authority.leaf.serial_number
    assert answer.nonce is not None
    key = authority.certificate.public_key()
    algorithms.verify(key, answer.algorithm, answer.signature, answer.tbs)


# --- refusals -------------------------------------------------------------------


@pytest.mark.parametrize("status", list(ResponseStatus)[1:])
def test_a_refusal_is_five_bytes_that_all_read_alike(status: ResponseStatus, tmp_path: Path):
    data = error_response(status)
    assert len(data) == 5
    assert parse_response(data) == ErrorResponse(status)
    assert pyca.load_der_ocsp_response(data).response_status.value == status
    answer = tmp_path / "answer.der"
    answer.write_bytes(data)
    printed = openssl("ocsp", "-respin", answer, "-resp_text", code=1)
    assert f"{status.name.replace('_', '').lower()} ({status:d})" in printed


@pytest.mark.parametrize("number", [4, 7, -1, 255, 2**200])
def test_a_status_that_does_not_exist_is_malformed(number: int):
    with pytest.raises(Malformed, match="status"):
        parse_response(der.sequence(der.integer(number, der.ENUMERATED)))


def test_c11_success_without_an_answer_is_malformed():
    with pytest.raises(Malformed):
        parse_response(error_response(ResponseStatus.SUCCESSFUL))


@pytest.mark.parametrize("status", list(ResponseStatus)[1:])
def test_a_refusal_carries_no_answer(status: ResponseStatus):
    # RFC 6960 4.2.1. pyca reads such a thing as the refusal that it says it is.
    data = response().replace(b"\x0a\x01\x00", bytes((0x0A, 1, status)), 1)
    with pytest.raises(Malformed):
        parse_response(data)


@pytest.mark.parametrize("data", [b"", b"\x00", b"0", b"\x30\x00", b"\x0a\x01\x00", b"<html>"])
def test_t6_an_empty_or_short_body_is_malformed(data: bytes):
    with pytest.raises(Malformed):
        parse_response(data)


# --- one certificate ------------------------------------------------------------


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_read(reason: Reason):
    said = der.wrap(der.explicit(0), der.integer(reason, der.ENUMERATED))
    assert standing_of(response(single(revoked(TIME, said)))) == Revoked(AT, reason)


@pytest.mark.parametrize("number", [7, 11, -1, 2**64])
def test_a_reason_that_does_not_exist_is_malformed(number: int):
    said = der.wrap(der.explicit(0), der.integer(number, der.ENUMERATED))
    with pytest.raises(Malformed, match="reason"):
        parse_response(response(single(revoked(TIME, said))))


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(der.wrap(0x81), id="revoked, primitive"),
        pytest.param(revoked(), id="revoked at no time"),
        pytest.param(revoked(der.NULL), id="revoked at NULL (T7)"),
        pytest.param(revoked(der.wrap(der.GENERALIZED_TIME, b"0")), id="revoked at 0 (T7)"),
        pytest.param(revoked(TIME, der.integer(1, der.ENUMERATED)), id="a reason without its tag"),
        pytest.param(revoked(TIME, der.wrap(0xA0, der.integer(1))), id="a reason as an INTEGER"),
        pytest.param(revoked(TIME, TIME), id="revoked twice"),
        pytest.param(der.wrap(0x80, b"\x00"), id="good with content"),
        pytest.param(der.wrap(0xA0, der.NULL), id="good, explicit"),
        pytest.param(der.wrap(0x82, b"\x00"), id="unknown with content"),
        pytest.param(der.wrap(0x83), id="a fourth standing"),
        pytest.param(der.NULL, id="no standing"),
    ],
)
def test_a_standing_that_is_none_is_malformed(status: bytes):
    with pytest.raises(Malformed):
        parse_response(response(single(status)))


def test_an_invalidity_date_belongs_to_a_revocation():
    since = write_extension(INVALIDITY_DATE, der.generalized_time(AT - timedelta(days=1)))
    assert standing_of(response(single(GOOD, since))) == Good()
    expected = Revoked(AT, None, AT - timedelta(days=1))
    assert standing_of(response(single(revoked(TIME), since))) == expected


@pytest.mark.parametrize(
    "bad",
    [
        der.wrap(der.UTC_TIME, b"260401120000Z"),
        der.wrap(der.GENERALIZED_TIME, b"20260401120000.5Z"),
        der.wrap(der.GENERALIZED_TIME, b"20260401120000+0900"),
        der.wrap(der.GENERALIZED_TIME, b""),
    ],
)
@pytest.mark.parametrize(
    "write",
    [
        lambda bad: response(produced_at=bad),
        lambda bad: response(single(this_update=bad)),
        lambda bad: response(single(this_update=TIME + der.wrap(der.explicit(0), bad))),
        lambda bad: response(single(revoked(bad))),
        lambda bad: response(single(GOOD, write_extension(ARCHIVE_CUTOFF, bad))),
        lambda bad: response(single(revoked(TIME), write_extension(INVALIDITY_DATE, bad))),
    ],
)
def test_a_time_in_another_form_is_malformed(write: Callable[[bytes], bytes], bad: bytes):
    with pytest.raises(Malformed):
        parse_response(write(bad))


# --- the frame ------------------------------------------------------------------


def test_the_plainest_answer_is_read():
    answer = parse_response(response())
    assert isinstance(answer, BasicResponse)
    assert answer.responses[0].next_update is None
    assert (answer.nonce, answer.extended_revoke, answer.certificates) == (None, False, ())


def test_several_answers_keep_their_order():
    answer = parse_response(response(single(UNKNOWN), single(GOOD), single(revoked(TIME))))
    assert isinstance(answer, BasicResponse)
    assert [each.standing for each in answer.responses] == [Unknown(), Good(), Revoked(AT)]


@pytest.mark.parametrize("length", [0, 19, 21, 32])
def test_a_responder_is_named_by_the_sha1_of_its_key(length: int):
    responder = der.wrap(der.explicit(2), der.octet_string(b"k" * length))
    with pytest.raises(Malformed, match="SHA-1"):
        parse_response(response(responder=responder))


@pytest.mark.parametrize(
    "responder",
    [
        b"",
        der.wrap(0x82, b"k" * 20),
        der.wrap(0xA2, b"k" * 20),
        der.wrap(0xA1, der.NULL),
        der.wrap(0xA1, der.sequence(), der.NULL),
        der.wrap(0xA1),
        der.wrap(0xA3, der.sequence()),
        BY_KEY + BY_KEY,
    ],
)
def test_a_responder_that_is_none_is_malformed(responder: bytes):
    with pytest.raises(Malformed):
        parse_response(response(responder=responder))


def test_a_version_stands_alone():
    with pytest.raises(Malformed):
        parse_response(response(version=der.wrap(0xA0, der.integer(0), der.NULL)))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(response(kind=der.oid("1.2.3")), id="another type of response"),
        pytest.param(response(version=der.wrap(0xA0, der.integer(1))), id="version 2"),
        pytest.param(response(version=der.wrap(0xA0, der.integer(2**200))), id="a huge version"),
        pytest.param(
            response(algorithm=der.sequence(der.oid("1.2.840.113549.1.1.5"), der.NULL)), id="SHA-1"
        ),
        pytest.param(
            response(algorithm=der.sequence(der.oid("1.2.840.113549.1.1.10"), der.sequence())),
            id="RSA-PSS",
        ),
    ],
)
def test_what_is_well_formed_but_strange_is_unsupported(data: bytes):
    with pytest.raises(Unsupported):
        parse_response(data)


@pytest.mark.parametrize("oid", ["1.2.3.4", ARCHIVE_CUTOFF, INVALIDITY_DATE])
def test_an_unknown_critical_extension_of_an_answer_is_unsupported(oid: str):
    # What is known of one certificate means nothing for the whole.
    strange = der.sequence(der.oid(oid), der.TRUE, der.octet_string(TIME))
    with pytest.raises(Unsupported, match=oid):
        parse_response(response(extensions=(strange,)))


@pytest.mark.parametrize("oid", ["1.2.3.4", "2.5.29.29", NONCE, EXTENDED_REVOKE])
def test_an_unknown_critical_extension_of_one_certificate_is_unsupported(oid: str):
    strange = der.sequence(der.oid(oid), der.TRUE, der.octet_string(TIME))
    with pytest.raises(Unsupported, match=oid):
        parse_response(response(single(GOOD, strange)))


def test_known_extensions_may_be_critical():
    cutoff = der.sequence(der.oid(ARCHIVE_CUTOFF), der.TRUE, der.octet_string(TIME))
    nonce = der.sequence(der.oid(NONCE), der.TRUE, der.octet_string(der.octet_string(b"n")))
    answer = parse_response(response(single(GOOD, cutoff), extensions=(nonce,)))
    assert isinstance(answer, BasicResponse)
    assert (answer.nonce, answer.responses[0].archive_cutoff) == (b"n", AT)


@pytest.mark.parametrize(
    "signature", [der.wrap(der.BIT_STRING), der.wrap(der.BIT_STRING, b"\x01\xfe"), b""]
)
def test_a_signature_is_a_bit_string_of_whole_octets(signature: bytes):
    with pytest.raises(Malformed):
        parse_response(response(signature=signature))


def test_an_answer_answers_something():
    data = der.sequence(
        der.integer(0, der.ENUMERATED),
        der.wrap(
            der.explicit(0),
            der.sequence(
                BASIC_OID,
                der.octet_string(
                    der.sequence(
                        der.sequence(BY_KEY, TIME, der.sequence()),
                        algorithms.ECDSA_SHA256.der,
                        der.bit_string(b""),
                    )
                ),
            ),
        ),
    )
    with pytest.raises(Malformed, match="answers nothing"):
        parse_response(data)


def test_t22_embedded_certificates_are_few():
    few = parse_response(response(certificates=(der.sequence(),) * MAX_CERTIFICATES))
    assert isinstance(few, BasicResponse)
    assert few.certificates == (der.sequence(),) * MAX_CERTIFICATES
    with pytest.raises(Malformed, match="more than"):
        parse_response(response(certificates=(der.sequence(),) * (MAX_CERTIFICATES + 1)))


def test_c8_a_response_has_a_largest_size():
    longest = MAX_RESPONSE_BYTES - len(response(signature=der.bit_string(b"x" * 60_000)))
    parse_response(response(signature=der.bit_string(b"x" * (60_000 + longest))))
    with pytest.raises(Malformed, match="longer than"):
        parse_response(response(signature=der.bit_string(b"x" * (60_001 + longest))))


FULL = response(
    single(revoked(TIME, der.wrap(0xA0, der.integer(6, der.ENUMERATED)))),
    single(
        GOOD,
        write_extension(ARCHIVE_CUTOFF, TIME),
        this_update=TIME + der.wrap(der.explicit(0), TIME),
    ),
    extensions=(write_extension(NONCE, der.octet_string(b"n")),),
    algorithm=algorithms.RSA_SHA256.der,
)


def test_a_response_that_breaks_off_is_malformed():
    for data in broken_off(FULL):
        with pytest.raises(Malformed):
            parse_response(data)


@pytest.mark.parametrize("data", with_trailing_bytes(FULL))
def test_bytes_after_the_last_element_are_malformed_at_every_level(data: bytes):
    with pytest.raises(Malformed):
        parse_response(data)
