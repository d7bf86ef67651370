"""The OCSP request: what others write we read, what we write others read."""

from pathlib import Path

import pytest
from asn1crypto import core, ocsp, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import OCSPNonce
from cryptography.x509 import ocsp as pyca
from hypothesis import given
from hypothesis import strategies as st

from support.authority import Authority, openssl
from support.mutations import broken_off, with_trailing_bytes
from support.strategies import cert_ids, requests, steady
from tashika.pki import algorithms, der
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.errors import Malformed, Unsupported
from tashika.pki.extensions import (
    NONCE,
    PREFERRED_SIGNATURE_ALGORITHMS,
    UnknownCriticalExtension,
    write_extension,
)
from tashika.pki.limits import (
    MAX_CERT_IDS,
    MAX_EXTENSIONS,
    MAX_NONCE_BYTES,
    MAX_PREFERRED_ALGORITHMS,
    MAX_REQUEST_BYTES,
)
from tashika.pki.request import OcspRequest, TooManyCertIds, build_request, parse_request

HASHES = {
    "sha1": hashes.SHA1(),  # noqa: S303 - still the interoperable question
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
ISSUER = IssuerIdentity(name=der.sequence(), key=b"key")
CERT_ID = CertId.build(ISSUER, 5)


def request(
    *singles: bytes, extensions: bytes = b"", version: bytes = b"", signature: bytes = b""
) -> bytes:
    """Write a request with anything in its places."""
    listed = der.sequence(*(singles or (der.sequence(CERT_ID.der),)))
    tagged = der.wrap(der.explicit(2), der.sequence(extensions)) if extensions else b""
    return der.sequence(der.sequence(version, listed, tagged), signature)


def critical(oid: str, value: bytes = der.NULL) -> bytes:
    return der.sequence(der.oid(oid), der.TRUE, der.octet_string(value))


# --- oracles --------------------------------------------------------------------


@steady
@given(requests())
def test_reads_what_asn1crypto_writes(written: tuple[bytes, OcspRequest]):
    data, expected = written
    assert parse_request(data) == expected


@steady
@given(
    asked=st.lists(cert_ids(), min_size=1, max_size=4),
    nonce=st.none() | st.binary(min_size=1, max_size=MAX_NONCE_BYTES),
    preferred=st.lists(st.sampled_from(sorted(algorithms.BY_OID)), max_size=6),
)
def test_asn1crypto_reads_what_we_write(
    asked: list[CertId], nonce: bytes | None, preferred: list[str]
):
    data = build_request(asked, nonce=nonce, preferred=preferred)
    theirs = ocsp.OCSPRequest.load(data, strict=True)
    listed = theirs["tbs_request"]["request_list"]
    wishes = theirs.preferred_signature_algorithms_value or ()
    assert [each["req_cert"].dump() for each in listed] == [each.der for each in asked]
    assert (theirs.nonce_value and theirs.nonce_value.native) == nonce
    assert [each["sig_identifier"]["algorithm"].dotted for each in wishes] == preferred
    assert parse_request(data) == OcspRequest(tuple(asked), nonce, tuple(preferred))


@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("nonce", [None, b"n" * 32])
def test_agrees_with_pyca_to_the_byte(authority: Authority, hash_name: str, nonce: bytes | None):
    builder = pyca.OCSPRequestBuilder().add_certificate(
        authority.leaf, authority.certificate, HASHES[hash_name]
    )
    if nonce is not None:
        builder = builder.add_extension(OCSPNonce(nonce), critical=False)
    theirs = builder.build().public_bytes(Encoding.DER)
    issuer = IssuerIdentity.of(authority.certificate)
    cert_id = CertId.build(issuer, authority.leaf.serial_number, hash_name)
    assert build_request([cert_id], nonce=nonce) == theirs
    assert parse_request(theirs) == OcspRequest((cert_id,), nonce)


@pytest.mark.parametrize("hash_name", HASHES)
def test_reads_what_openssl_asks(authority: Authority, tmp_path: Path, hash_name: str):
    question = tmp_path / "question.der"
    openssl("ocsp", f"-{hash_name}", *authority.question, "-reqout", question, "-nonce")
    asked = parse_request(question.read_bytes())
    issuer = IssuerIdentity.of(authority.certificate)
    assert asked.cert_ids == (CertId.build(issuer, authority.leaf.serial_number, hash_name),)
    assert asked.nonce is not None
    assert (asked.preferred, asked.signed) == ((), False)


def test_reads_a_signed_question_for_several_certificates(authority: Authority, tmp_path: Path):
    question, home = tmp_path / "question.der", authority.directory
    signer = ["-signer", f"{home}/ca.pem", "-signkey", f"{home}/ca.key"]
    more = ["-serial", "7", "-serial", "0x10"]
    openssl("ocsp", *authority.question, *more, *signer, "-reqout", question)
    asked = parse_request(question.read_bytes())
    assert [each.serial for each in asked.cert_ids] == [25_969_982, 7, 16]
    assert asked.signed


def test_openssl_reads_what_we_ask(tmp_path: Path):
    question = tmp_path / "question.der"
    asked = [CertId.build(ISSUER, 0xBEEF, "sha1"), CertId.build(ISSUER, 2**159 - 1)]
    wanted = [algorithms.ECDSA_SHA256.oid]
    question.write_bytes(build_request(asked, nonce=b"\xaa" * 4, preferred=wanted))
    printed = openssl("ocsp", "-reqin", question, "-req_text")
    assert "Serial Number: BEEF\n" in printed
    assert f"Serial Number: {2**159 - 1:X}\n" in printed
    assert asked[1].name_hash.hex().upper() in printed
    assert "OCSP Nonce" in printed
    assert "0404AAAAAAAA" in printed


# --- the exact bytes of a CertID ------------------------------------------------


@pytest.mark.parametrize("parameters", [b"", der.NULL])
def test_a_cert_id_is_kept_byte_for_byte(parameters: bytes):
    identifier = der.sequence(der.oid("1.3.14.3.2.26"), parameters)
    asked = der.sequence(
        identifier, der.octet_string(b"n" * 20), der.octet_string(b"k" * 20), der.integer(1)
    )
    (cert_id,) = parse_request(request(der.sequence(asked))).cert_ids
    assert cert_id == CertId("sha1", b"n" * 20, b"k" * 20, 1, asked)


# --- extensions -----------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 16, 32, MAX_NONCE_BYTES])
def test_a_nonce_of_rfc_9654_is_read(length: int):
    assert parse_request(build_request([CERT_ID], nonce=b"n" * length)).nonce == b"n" * length


@pytest.mark.parametrize("length", [0, MAX_NONCE_BYTES + 1, 4096])
def test_a_nonce_beyond_rfc_9654_is_refused(length: int):
    with pytest.raises(Malformed, match="nonce"):
        parse_request(build_request([CERT_ID], nonce=b"n" * length))


@pytest.mark.parametrize(
    "value", [b"", b"raw nonce", der.NULL, der.octet_string(b"n") + b"\x00", der.integer(5)]
)
def test_a_nonce_that_is_no_octet_string_is_refused(value: bytes):
    with pytest.raises(Malformed):
        parse_request(request(extensions=write_extension(NONCE, value)))


def test_preferences_keep_their_order():
    oids = ["1.2.840.10045.4.3.3", "1.2.3.4", "1.2.840.113549.1.1.11"]
    assert parse_request(build_request([CERT_ID], preferred=oids)).preferred == tuple(oids)


def test_preferences_may_name_a_key_algorithm_too():
    wish = {
        "sig_identifier": {"algorithm": "sha256_ecdsa"},
        "cert_identifier": {"algorithm": "ec", "parameters": ("named", "secp256r1")},
    }
    value = ocsp.PreferredSignatureAlgorithms([wish]).dump()
    data = request(extensions=write_extension(PREFERRED_SIGNATURE_ALGORITHMS, value))
    assert parse_request(data).preferred == (algorithms.ECDSA_SHA256.oid,)


@pytest.mark.parametrize("value", [b"", der.NULL, der.sequence() + b"\x00", der.sequence(der.NULL)])
def test_preferences_that_are_none_are_refused(value: bytes):
    data = request(extensions=write_extension(PREFERRED_SIGNATURE_ALGORITHMS, value))
    with pytest.raises(Malformed):
        parse_request(data)


def test_t22_preferences_after_the_sixteenth_are_not_read():
    oids = [f"1.2.3.{n}" for n in range(MAX_PREFERRED_ALGORITHMS + 20)]
    asked = parse_request(build_request([CERT_ID], preferred=oids))
    assert asked.preferred == tuple(oids[:MAX_PREFERRED_ALGORITHMS])


def test_the_acceptable_responses_of_nss_are_passed_over():
    value = ocsp.AcceptableResponses(["basic_ocsp_response"]).dump()
    data = request(extensions=write_extension("1.3.6.1.5.5.7.48.1.4", value))
    assert parse_request(data) == OcspRequest((CERT_ID,))


def test_known_extensions_may_be_critical():
    data = request(extensions=critical(NONCE, der.octet_string(b"n")))
    assert parse_request(data).nonce == b"n"


def test_an_unknown_critical_extension_is_named():
    with pytest.raises(UnknownCriticalExtension, match=r"1\.2\.3\.4 "):
        parse_request(request(extensions=critical("1.2.3.4")))


@pytest.mark.parametrize("oid", ["1.3.6.1.5.5.7.48.1.7", NONCE])
def test_no_critical_extension_of_a_single_question_is_understood(oid: str):
    # Service locator; and a nonce, which belongs to the whole request.
    single = der.sequence(CERT_ID.der, der.wrap(der.explicit(0), der.sequence(critical(oid))))
    with pytest.raises(UnknownCriticalExtension):
        parse_request(request(single))


def test_other_extensions_are_passed_over():
    other = write_extension("1.3.6.1.5.5.7.48.1.7", der.NULL)
    single = der.sequence(CERT_ID.der, der.wrap(der.explicit(0), der.sequence(other)))
    assert parse_request(request(single, extensions=other)) == OcspRequest((CERT_ID,))


@pytest.mark.parametrize(
    "extensions",
    [
        pytest.param(2 * write_extension("1.2.3.4", b""), id="repeated"),
        pytest.param(
            write_extension(NONCE, der.octet_string(b"a"))
            + write_extension(NONCE, der.octet_string(b"b")),
            id="two nonces",
        ),
        pytest.param(
            b"".join(write_extension(f"1.2.3.{n}", b"") for n in range(MAX_EXTENSIONS + 1)),
            id="too many (T22)",
        ),
        pytest.param(der.sequence(), id="empty"),
        pytest.param(der.sequence(der.oid("1.2.3.4")), id="no value"),
        pytest.param(der.sequence(der.oid("1.2.3.4"), der.NULL), id="value of another type"),
        pytest.param(
            der.sequence(der.oid("1.2.3.4"), b"\x01\x01\x01", der.octet_string(b"")),
            id="BER boolean",
        ),
        pytest.param(
            der.sequence(der.oid("1.2.3.4"), der.octet_string(b""), der.TRUE), id="disorder"
        ),
        pytest.param(
            der.sequence(der.oid("1.2.3.4"), der.octet_string(b""), der.NULL), id="one too much"
        ),
    ],
)
def test_extensions_that_are_none_are_refused(extensions: bytes):
    with pytest.raises(Malformed):
        parse_request(request(extensions=extensions))


def test_an_empty_list_of_extensions_is_refused():
    tagged = der.wrap(der.explicit(2), der.sequence())
    with pytest.raises(Malformed):
        parse_request(der.sequence(der.sequence(der.sequence(der.sequence(CERT_ID.der)), tagged)))


def test_criticality_false_may_be_written_out():
    # Not DER (X.690 11.5), and pyca refuses it; clients write it all the same.
    nonce = der.sequence(
        der.oid(NONCE), core.Boolean(False).dump(), der.octet_string(der.octet_string(b"n"))
    )
    assert parse_request(request(extensions=nonce)).nonce == b"n"


# --- frame and limits -----------------------------------------------------------


def test_version_1_may_be_written_out():
    # Not DER, as above; older clients write it.
    data = request(version=der.wrap(der.explicit(0), der.integer(0)))
    assert parse_request(data) == OcspRequest((CERT_ID,))


@pytest.mark.parametrize("number", [1, -1, 2**200])
def test_another_version_is_refused(number: int):
    with pytest.raises(Malformed, match="version 1"):
        parse_request(request(version=der.wrap(der.explicit(0), der.integer(number))))


def test_name_and_signature_of_the_requestor_are_noted_and_not_read():
    # Whoever verifies the signature reads them; until then they are noise.
    name = der.wrap(der.explicit(1), b"noise")
    listed = der.sequence(der.sequence(CERT_ID.der))
    noted = der.sequence(der.sequence(name, listed), der.wrap(der.explicit(0), b"noise"))
    assert parse_request(noted) == OcspRequest((CERT_ID,), signed=True)


@pytest.mark.parametrize("limit", [1, MAX_CERT_IDS, 40])
def test_t22_certificates_up_to_the_limit(limit: int):
    asked = [CertId.build(ISSUER, serial, "sha1") for serial in range(limit + 1)]
    assert len(parse_request(build_request(asked[1:]), max_cert_ids=limit).cert_ids) == limit
    with pytest.raises(TooManyCertIds, match=f"more than {limit} "):
        parse_request(build_request(asked), max_cert_ids=limit)


def test_the_default_limit_is_stated():
    with pytest.raises(TooManyCertIds):
        parse_request(build_request([CERT_ID] * (MAX_CERT_IDS + 1)))


def test_t22_a_request_has_a_largest_size():
    largest = MAX_REQUEST_BYTES - len(request(extensions=write_extension("1.2.3.4", b"x" * 4000)))
    padded = request(extensions=write_extension("1.2.3.4", b"x" * (4000 + largest)))
    assert len(padded) == MAX_REQUEST_BYTES
    assert parse_request(padded) == OcspRequest((CERT_ID,))
    with pytest.raises(Malformed, match="longer than"):
        parse_request(request(extensions=write_extension("1.2.3.4", b"x" * (4001 + largest))))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"0", id="one byte"),
        pytest.param(der.sequence(), id="an empty sequence"),
        pytest.param(der.sequence(der.sequence(der.sequence())), id="no question"),
        pytest.param(request(der.sequence()), id="an empty question"),
        pytest.param(request(CERT_ID.der), id="a bare CertID"),
        pytest.param(
            request(version=der.wrap(der.explicit(0), der.integer(0), der.NULL)), id="two versions"
        ),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="text"),
        pytest.param(b"\x30\x80" + request()[2:] + b"\x00\x00", id="indefinite length"),
    ],
)
def test_nonsense_is_malformed(data: bytes):
    with pytest.raises(Malformed):
        parse_request(data)


# Without preferences: those are hints, and what follows the OID of one is not read.
FULL = build_request([CERT_ID, CERT_ID], nonce=b"n" * 16)


def test_a_request_that_breaks_off_is_malformed():
    for data in broken_off(FULL):
        with pytest.raises(Malformed):
            parse_request(data)


@pytest.mark.parametrize("data", with_trailing_bytes(FULL))
def test_bytes_after_the_last_element_are_malformed_at_every_level(data: bytes):
    with pytest.raises(Malformed):
        parse_request(data)


def test_a_certificate_is_no_request(authority: Authority):
    with pytest.raises((Malformed, Unsupported)):
        parse_request(authority.leaf.public_bytes(Encoding.DER))


def test_requestor_names_of_asn1crypto_are_stepped_over():
    name = x509.GeneralName(name="directory_name", value=x509.Name.build({"common_name": "me"}))
    tbs = ocsp.TBSRequest({"requestor_name": name, "request_list": []})
    tbs["request_list"].append({"req_cert": ocsp.CertId.load(CERT_ID.der)})
    assert parse_request(ocsp.OCSPRequest({"tbs_request": tbs}).dump()) == OcspRequest((CERT_ID,))
