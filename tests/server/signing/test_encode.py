"""The bytes of an answer, read back by tools that are not ours: pyca, asn1crypto, pkilint."""

import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import ocsp as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given, settings
from hypothesis import strategies as st

from support.asking import AT, DAY, Authority, ec_key, rsa_key, write_signer
from support.linting import lint
from tashika.pki import algorithms
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.receipt import RECEIPT, Receipt
from tashika.pki.response import BasicResponse, SingleResponse, parse_response
from tashika.pki.standing import Good, Reason, Revoked, Standing, Unknown
from tashika_server.signing import NEVER_ISSUED, encode_answer, load_signer

YESTERDAY = AT - DAY
STANDINGS = {
    "good": Good(),
    "unknown": Unknown(),
    "revoked": Revoked(YESTERDAY, Reason.KEY_COMPROMISE),
    "hold": Revoked(YESTERDAY, Reason.CERTIFICATE_HOLD),
    "no reason": Revoked(YESTERDAY, None),
    "since": Revoked(YESTERDAY, Reason.KEY_COMPROMISE, YESTERDAY - DAY),
    "never issued": NEVER_ISSUED,
}
RECEIVED = Receipt(bytes(range(16)), 2**40)
KEYS = {"rsa": rsa_key, "p256": ec_key, "p384": lambda: ec_key("384", ec.SECP384R1)}


@pytest.fixture(scope="module")
def ca():
    return Authority.make("JPKI for user authentication", ec_key("ca"))


@pytest.fixture
def encode(tmp_path, ca):
    def encode(
        *standings: Standing,
        key=None,
        nonce=None,
        certificate=None,
        cutoff=None,
        oid=None,
        receipt=None,
    ):
        key = key or ec_key()
        certificate = certificate or ca.issue_responder(key)
        signer = load_signer(write_signer(tmp_path, certificate, key), ca.certificate, at=AT)
        algorithm = signer.algorithm(oid) if oid else signer.algorithms[0]
        assert algorithm is not None
        unsigned = encode_answer(
            [single(ca, standing, serial, cutoff) for serial, standing in enumerate(standings, 1)],
            nonce=nonce,
            signer=signer,
            algorithm=algorithm,
            produced_at=AT,
            receipt=receipt,
        )
        return unsigned.seal(unsigned.sign())

    return encode


@pytest.fixture(scope="module")
def write(ca, tmp_path_factory):
    """Write statements up to the signature, always by one signer."""
    files = write_signer(tmp_path_factory.mktemp("s"), ca.issue_responder(ec_key()), ec_key())
    signer = load_signer(files, ca.certificate, at=AT)

    def write(told, nonce):
        how = {"signer": signer, "algorithm": signer.algorithms[0], "produced_at": AT}
        return encode_answer(told, nonce=nonce, **how).data

    return write


def single(ca, standing, serial, cutoff=None):
    return SingleResponse(
        cert_id=CertId.build(IssuerIdentity.of(ca.certificate), serial),
        standing=standing,
        this_update=AT - timedelta(hours=1),
        next_update=AT + DAY,
        archive_cutoff=cutoff,
    )


@pytest.mark.parametrize("standing", STANDINGS.values(), ids=STANDINGS)
def test_our_own_reader_reads_what_was_said(encode, standing):
    answer = parse_response(encode(standing, nonce=b"n" * 32, cutoff=YESTERDAY))
    assert isinstance(answer, BasicResponse)
    assert answer.responses[0].standing == standing
    assert answer.responses[0].archive_cutoff == YESTERDAY
    assert answer.nonce == b"n" * 32
    assert answer.extended_revoke is (standing is NEVER_ISSUED)


def test_a_receipt_is_said_where_it_is_wanted_and_only_there(encode):
    answers = [parse_response(encode(Good(), receipt=each)) for each in (RECEIVED, None)]
    assert [each.receipt for each in answers] == [RECEIVED, None]


def test_others_take_a_receipt_for_an_extension_that_they_may_ignore(encode, ca, tmp_path):
    body = encode(Good(), nonce=b"n" * 32, receipt=RECEIVED)
    listed = asn1.OCSPResponse.load(body, strict=True).response_data["response_extensions"]
    (found,) = [each for each in listed if each["extn_id"].dotted == RECEIPT]
    assert found["critical"].native is False
    read = ocsp.load_der_ocsp_response(body)
    assert read.certificate_status is ocsp.OCSPCertStatus.GOOD
    (found,) = [each for each in read.extensions if each.oid.dotted_string == RECEIPT]
    assert not found.critical
    assert lint(body) == ""


def test_openssl_verifies_an_answer_with_a_receipt(encode, ca, tmp_path):
    answer, issuer = tmp_path / "answer.der", tmp_path / "issuer.pem"
    answer.write_bytes(encode(Good(), receipt=RECEIVED))
    issuer.write_bytes(ca.certificate.public_bytes(Encoding.PEM))
    printed = subprocess.run(
        [
            *("openssl", "ocsp", "-respin", answer, "-issuer", issuer, "-sha256", "-serial", "1"),
            *("-CAfile", issuer, "-no_nonce", "-resp_text"),
            *("-attime", str(int(AT.timestamp()))),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Response verify OK" in printed.stderr
    assert f"{RECEIPT}: \n" in printed.stdout  # and not "critical"


def test_an_unspecified_reason_is_left_out(encode):
    """RFC 5280 5.3.1."""
    answer = parse_response(encode(Revoked(YESTERDAY, Reason.UNSPECIFIED)))
    assert isinstance(answer, BasicResponse)
    assert answer.responses[0].standing == Revoked(YESTERDAY, None)


# Years of four digits: asn1crypto pads no others.
TIMES = st.datetimes(AT.replace(year=1000, tzinfo=None), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)
TOLD = st.builds(
    lambda serial, hash_name, *said: (serial, hash_name, said),
    st.integers(0, 2**159),
    st.sampled_from(["sha1", "sha256", "sha384", "sha512"]),
    st.sampled_from([Good(), Unknown(), NEVER_ISSUED])
    | st.builds(Revoked, TIMES, st.sampled_from([None, *Reason]), st.none() | TIMES),
    st.sampled_from([AT, YESTERDAY]) | TIMES,
    st.none() | st.just(AT + DAY) | TIMES,
    st.none() | TIMES,
)


def as_others_write(told):
    """Write a statement from its parts by asn1crypto, which remembers nothing."""
    standing, since = told.standing, None
    word = "unknown" if standing == Unknown() else "good"
    status = asn1.CertStatus(name=word, value=word)
    if isinstance(standing, Revoked):
        since, why = standing.invalid_since, standing.reason or None
        revoked = {"revocation_time": standing.at, "revocation_reason": why and why.value}
        status = asn1.CertStatus(name="revoked", value=revoked)
    said = {"archive_cutoff": told.archive_cutoff, "invalidity_date": since}
    extensions = [{"extn_id": k, "extn_value": v} for k, v in said.items() if v]
    fields = {
        "cert_id": asn1.CertId.load(told.cert_id.der),
        "cert_status": status,
        "this_update": told.this_update,
        "next_update": told.next_update,
        "single_extensions": extensions or None,
    }
    return asn1.SingleResponse(fields).dump()


@settings(max_examples=60)
@given(st.lists(TOLD, min_size=1, max_size=4), st.none() | st.binary(min_size=1, max_size=128))
def test_t5_each_certificate_is_told_its_own_whatever_others_were_told(write, ca, asked, nonce):
    """Whatever is remembered of an answer is of no use to the wrong one."""
    issuer = IssuerIdentity.of(ca.certificate)
    told = [SingleResponse(CertId.build(issuer, *which), *said) for *which, said in asked]
    written = [as_others_write(each) for each in told]
    assert b"".join(written) in write(told, nonce)
    assert b"".join(written[::-1]) in write(told[::-1], nonce)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("standing", STANDINGS.values(), ids=STANDINGS)
def test_pyca_agrees(encode, ca, standing, key):
    read = ocsp.load_der_ocsp_response(encode(standing, key=key(), nonce=b"n"))
    assert read.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
    assert read.produced_at_utc == AT
    assert read.this_update_utc == AT - timedelta(hours=1)
    assert read.next_update_utc == AT + DAY
    assert read.serial_number == 1
    assert read.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n"
    (embedded,) = read.certificates
    algorithm = algorithms.BY_OID[read.signature_algorithm_oid.dotted_string]
    algorithms.verify(embedded.public_key(), algorithm, read.signature, read.tbs_response_bytes)
    key_hash = x509.SubjectKeyIdentifier.from_public_key(embedded.public_key()).digest
    assert read.responder_key_hash == key_hash
    if isinstance(standing, Revoked):
        assert read.certificate_status is ocsp.OCSPCertStatus.REVOKED
        assert read.revocation_time_utc == standing.at
        assert (read.revocation_reason is None) == (standing.reason is None)
    else:
        assert read.certificate_status.name.lower() == type(standing).__name__.lower()


def test_asn1crypto_agrees_on_several_and_on_every_extension(encode):
    body = encode(*STANDINGS.values(), nonce=b"n" * 128, cutoff=YESTERDAY)
    read = asn1.OCSPResponse.load(body, strict=True)
    assert read.dump(force=True) == body
    data = read.response_data
    assert [each["cert_status"].name for each in data["responses"]] == [
        "good",
        "unknown",
        *["revoked"] * 5,
    ]
    assert [each["cert_id"]["serial_number"].native for each in data["responses"]] == [*range(1, 8)]
    assert {each["extn_id"].native for each in data["response_extensions"]} == {
        "nonce",
        "extended_revoke",
    }
    last = data["responses"][6]["cert_status"].chosen
    assert last["revocation_time"].native == datetime(1970, 1, 1, tzinfo=UTC)
    assert last["revocation_reason"].native == "certificate_hold"
    assert data["responses"][0].archive_cutoff_value.native == YESTERDAY
    assert data["responses"][5].invalidity_date_value.native == YESTERDAY - DAY
    assert data["responses"][5]["single_extensions"][1]["critical"].native is False


@pytest.mark.parametrize("algorithm", algorithms.BY_OID.values(), ids=lambda each: each.name)
def test_it_signs_with_every_algorithm_of_the_key(encode, ca, algorithm):
    key = rsa_key() if algorithm.key_type == "rsa" else ec_key()
    read = ocsp.load_der_ocsp_response(encode(Good(), key=key, oid=algorithm.oid))
    assert read.signature_algorithm_oid.dotted_string == algorithm.oid
    assert read.signature_hash_algorithm.name == algorithm.hash_name
    algorithms.verify(key.public_key(), algorithm, read.signature, read.tbs_response_bytes)


def test_no_answer_is_signed_with_sha1(encode):
    assert not any("sha1" in each.hash_name for each in algorithms.BY_OID.values())


def test_the_responders_certificate_comes_first_and_alone(encode, ca):
    """Go reads only the first certificate of an answer."""
    certificate = ca.issue_responder(ec_key())
    answer = parse_response(encode(Good(), certificate=certificate))
    assert isinstance(answer, BasicResponse)
    assert [x509.load_der_x509_certificate(each) for each in answer.certificates] == [certificate]


def test_an_answer_signed_by_the_ca_embeds_no_certificate(encode, ca):
    answer = parse_response(encode(Good(), certificate=ca.certificate, key=ca.key))
    assert isinstance(answer, BasicResponse)
    assert answer.certificates == ()
    algorithms.verify(ca.key.public_key(), answer.algorithm, answer.signature, answer.tbs)


def test_times_have_no_fraction(encode, ca, tmp_path):
    """pyca and others refuse fractional seconds in GeneralizedTime."""
    odd = timedelta(microseconds=123456)
    key = ec_key()
    signer = load_signer(
        write_signer(tmp_path, ca.issue_responder(key), key), ca.certificate, at=AT
    )
    unsigned = encode_answer(
        [
            SingleResponse(
                cert_id=CertId.build(IssuerIdentity.of(ca.certificate), 1),
                standing=Revoked(YESTERDAY + odd, None, YESTERDAY + odd),
                this_update=AT - DAY + odd,
                next_update=AT + DAY + odd,
                archive_cutoff=YESTERDAY + odd,
            )
        ],
        nonce=None,
        signer=signer,
        algorithm=signer.algorithms[0],
        produced_at=AT + odd,
    )
    body = unsigned.seal(unsigned.sign())
    assert ocsp.load_der_ocsp_response(body).produced_at_utc == AT


@pytest.mark.parametrize("standing", STANDINGS)
def test_pkilint_finds_nothing(encode, standing):
    body = encode(STANDINGS[standing], nonce=b"n" * 32, cutoff=YESTERDAY)
    assert lint(body) == ""


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_pkilint_finds_nothing_in_an_answer_to_several(encode, key):
    assert lint(encode(*STANDINGS.values(), key=key())) == ""


def test_pkilint_would_find_something(encode):
    body = encode(Good())
    at = body.index(bytes.fromhex("a011180f"))
    assert lint(body[:at] + b"\xa2" + body[at + 1 :]) != ""
