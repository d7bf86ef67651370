"""What is answered to which question, with no HTTP anywhere near."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given, settings
from hypothesis import strategies as st

from support.asking import (
    AT,
    DAY,
    GOOD,
    HELD,
    ISSUED,
    NEIGHBOUR,
    NEVER,
    NO_REASON,
    REVOKED,
    UNSPECIFIED,
    Authority,
    ec_key,
    make_issuer,
    open_counter,
    write_signer,
)
from tashika.pki import algorithms, der
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.extensions import NONCE
from tashika.pki.request import build_request
from tashika.pki.response import BasicResponse, parse_response
from tashika.pki.standing import Good, Reason, Revoked, Unknown
from tashika_server.index import Coverage, IndexMissing
from tashika_server.issuer import NeverIssued, WithoutRegister
from tashika_server.refusal import (
    InternalFault,
    MalformedQuestion,
    NoSigner,
    NotLoaded,
    Refusal,
    SeveralIssuers,
    StatusStale,
    TooManyCertificates,
    UnknownCritical,
)
from tashika_server.responder import Desk, Directory, Inspection, OfThisMachine, answer
from tashika_server.signing import Rack, Shelf

YESTERDAY = AT - DAY


@pytest.fixture
def counter(tmp_path):
    return open_counter(tmp_path)


# --- standings ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("serial", "standing"),
    [
        (GOOD, Good()),
        (REVOKED, Revoked(YESTERDAY, Reason.KEY_COMPROMISE, YESTERDAY - 7 * DAY)),
        (HELD, Revoked(YESTERDAY, Reason.CERTIFICATE_HOLD)),
        (NO_REASON, Revoked(YESTERDAY)),
        (UNSPECIFIED, Revoked(YESTERDAY)),
        (NEVER, Revoked(datetime(1970, 1, 1, tzinfo=UTC), Reason.CERTIFICATE_HOLD)),
    ],
)
def test_each_standing_is_said(counter, serial, standing):
    assert counter.ask_one(serial).standing == standing


def test_t19_a_serial_never_issued_is_never_good(counter):
    """DigiNotar: with a register loaded, what the issuer does not know of is revoked."""
    said = counter.ask(NEVER)
    assert said.extended_revoke
    assert isinstance(said.responses[0].standing, Revoked)


def test_t19_or_unknown_by_policy(tmp_path):
    counter = open_counter(
        tmp_path, issuer=lambda ca: make_issuer(ca, never_issued=NeverIssued.UNKNOWN)
    )
    said = counter.ask(NEVER)
    assert said.responses[0].standing == Unknown()
    assert not said.extended_revoke


@pytest.mark.parametrize(
    ("policy", "standing"),
    [(WithoutRegister.UNKNOWN, Unknown()), (WithoutRegister.GOOD, Good())],
)
def test_without_a_register_the_stated_policy_holds(tmp_path, policy, standing):
    counter = open_counter(
        tmp_path, register=None, issuer=lambda ca: make_issuer(ca, without_register=policy)
    )
    assert counter.ask_one(GOOD).standing == standing
    assert counter.ask_one(NEVER).standing == standing
    assert isinstance(counter.ask_one(REVOKED).standing, Revoked)


def test_t15_a_register_that_has_not_come_is_not_replaced_by_the_policy_for_none(tmp_path):
    counter = open_counter(
        tmp_path,
        register=None,
        issuer=lambda ca: replace(
            make_issuer(ca, without_register=WithoutRegister.GOOD), register=tmp_path / "late.txt"
        ),
    )
    with pytest.raises(NotLoaded):
        counter.ask(GOOD)
    assert isinstance(counter.ask_one(REVOKED).standing, Revoked)


def test_listed_beats_the_register(counter):
    """A revoked serial is revoked even if the register does not have it."""
    counter.index.issued[counter.issuer.identity.fingerprint] = range(1)
    assert counter.ask_one(REVOKED).standing == Revoked(
        YESTERDAY, Reason.KEY_COMPROMISE, YESTERDAY - 7 * DAY
    )


@pytest.mark.parametrize("serial", [0, 2**159, 2**200])
def test_odd_serials_are_looked_up_like_any_other(counter, serial):
    assert isinstance(counter.ask_one(serial).standing, Revoked)
    assert counter.index.looked_up == [serial]


@pytest.mark.parametrize("serial", [-1, -(2**100), 2**400])
def test_an_impossible_serial_is_malformed(counter, serial):
    with pytest.raises(MalformedQuestion):
        counter.ask(serial)


# --- the question ---------------------------------------------------------------------------


@pytest.mark.parametrize("hash_name", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("null", [True, False], ids=["NULL", "absent"])
def test_the_certid_comes_back_byte_for_byte(counter, hash_name, null):
    """Absent and NULL hash parameters differ, and clients compare bytes."""
    asked = counter.cert_id(GOOD, hash_name)
    if not null:
        fields = der.Reader(asked.der).take(der.SEQUENCE)
        oid = fields.take(der.SEQUENCE).element()
        asked = CertId(*_but_bytes(asked), der.sequence(der.sequence(oid), fields.rest))
    said = counter.put(build_request([asked]))
    assert said.responses[0].cert_id.der == asked.der
    assert said.responses[0].standing == Good()


def _but_bytes(cert_id):
    return cert_id.hash_name, cert_id.name_hash, cert_id.key_hash, cert_id.serial


def test_several_are_answered_in_the_order_asked(counter):
    serials = [HELD, GOOD, NEVER, GOOD, REVOKED]
    assert [each.cert_id.serial for each in counter.ask(*serials).responses] == serials


def test_as_many_as_allowed_and_no_more(tmp_path):
    counter = open_counter(tmp_path, max_cert_ids=3)
    assert len(counter.ask(*[GOOD] * 3).responses) == 3
    with pytest.raises(TooManyCertificates):
        counter.ask(*[GOOD] * 4)


def test_one_generation_answers_all(counter):
    said = answer(counter.question(GOOD, REVOKED), NEIGHBOUR, counter.desk, at=AT)
    assert said.generation == 1
    assert {each.this_update for each in said.responses} == {AT - timedelta(hours=1)}


@pytest.mark.parametrize("length", [1, 16, 32, 33, 128])
def test_a_nonce_is_echoed(counter, length):
    """RFC 9654 2.1."""
    assert counter.ask(GOOD, nonce=b"n" * length).nonce == b"n" * length


@pytest.mark.parametrize("length", [0, 129, 1000])
def test_a_nonce_of_another_length_is_malformed(counter, length):
    with pytest.raises(MalformedQuestion):
        counter.ask(GOOD, nonce=b"n" * length)


def test_no_nonce_is_invented(counter):
    assert counter.ask(GOOD).nonce is None


def test_the_preferred_algorithm_is_used(counter):
    asked = build_request(
        [counter.cert_id(GOOD)],
        preferred=[algorithms.RSA_SHA256.oid, algorithms.ECDSA_SHA512.oid],
    )
    assert counter.put(asked).algorithm == algorithms.ECDSA_SHA512


@pytest.mark.parametrize("critical", [True, False])
def test_only_a_critical_unknown_extension_is_refused(counter, critical):
    """RFC 6960 4.4."""
    question = _with_extension(counter, "1.2.3.4", der.NULL, critical=critical)
    if critical:
        with pytest.raises(UnknownCritical):
            counter.put(question)
    else:
        assert counter.put(question).responses[0].standing == Good()


def test_nss_asks_with_acceptable_responses(counter):
    accepted = der.sequence(der.oid("1.3.6.1.5.5.7.48.1.1"))
    question = _with_extension(counter, "1.3.6.1.5.5.7.48.1.4", accepted, critical=False)
    assert counter.put(question).responses[0].standing == Good()


def test_a_critical_nonce_is_understood(counter):
    question = _with_extension(counter, NONCE, der.octet_string(b"n" * 8), critical=True)
    assert counter.put(question).nonce == b"n" * 8


def _with_extension(counter, oid, value, *, critical):
    extension = der.sequence(der.oid(oid), der.TRUE if critical else b"", der.octet_string(value))
    return der.sequence(
        der.sequence(
            der.sequence(der.sequence(counter.cert_id(GOOD).der)),
            der.wrap(der.explicit(2), der.sequence(extension)),
        )
    )


def test_questions_of_pyca_are_understood(counter):
    leaf = counter.authority.issue(ec_key("leaf"), serial=GOOD)
    for hash_algorithm in (hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):  # noqa: S303 - still asked
        asked = (
            ocsp.OCSPRequestBuilder()
            .add_certificate(leaf, counter.authority.certificate, hash_algorithm)
            .add_extension(x509.OCSPNonce(b"n" * 16), critical=False)
            .build()
        )
        assert counter.put(asked.public_bytes(Encoding.DER)).responses[0].standing == Good()


# --- whose certificates ---------------------------------------------------------------------


def foreign(serial=GOOD):
    ca = Authority.make("somebody else", ec_key("foreign"))
    return CertId.build(IssuerIdentity.of(ca.certificate), serial)


def test_a_foreign_issuer_is_unknown(counter):
    said = counter.put(build_request([foreign()]))
    assert said.responses[0].standing == Unknown()
    assert said.responses[0].this_update == AT
    assert said.responses[0].next_update == AT + timedelta(minutes=5)
    assert counter.index.looked_up == []


def test_a_foreign_issuer_beside_ours_is_unknown_beside_it(counter):
    said = counter.put(build_request([foreign(), counter.cert_id(GOOD)]))
    assert [each.standing for each in said.responses] == [Unknown(), Good()]


def test_a_certid_with_a_hash_we_do_not_know_is_unknown(counter):
    odd = der.sequence(
        der.sequence(der.oid("1.2.840.113549.2.5")),
        der.octet_string(bytes(16)),
        der.octet_string(bytes(16)),
        der.integer(GOOD),
    )
    said = counter.put(build_request([CertId("md5", b"", b"", GOOD, odd)]))
    assert said.responses[0].standing == Unknown()
    assert said.responses[0].cert_id.der == odd


@pytest.fixture
def two(tmp_path):
    """Two generations of one CA: one name, two keys, a signer each."""
    old = open_counter(tmp_path)
    ca = Authority.make(old.authority.name, ec_key("next generation"))
    new = make_issuer(ca, name="user-auth-g4")
    key = ec_key("responder of the next")
    files = write_signer(tmp_path, ca.issue_responder(key), key, "next")
    index = old.index
    index.coverage[new.identity.fingerprint] = Coverage(
        number=1, this_update=AT, next_update=AT + DAY
    )
    index.issued[new.identity.fingerprint] = ISSUED
    desk = Desk(
        admission=OfThisMachine(),
        directory=Directory([old.issuer, new]),
        index=index,
        shelf=Shelf(
            [Rack(issuer=old.issuer, files=(old.files,)), Rack(issuer=new, files=(files,))],
            at=AT,
        ),
        inspection=Inspection(),
        max_cert_ids=16,
    )
    return desk, old.issuer, new


@pytest.mark.parametrize("which", [1, 2])
def test_generations_of_one_name_are_told_apart_by_key(two, which):
    """All generations of a JPKI CA share one DN: REVOKED is revoked in the old one only."""
    desk, issuer = two[0], two[which]
    asked = build_request([CertId.build(issuer.identity, REVOKED)])
    said = parse_response(answer(asked, NEIGHBOUR, desk, at=AT).body)
    assert isinstance(said, BasicResponse)
    assert isinstance(said.responses[0].standing, Revoked) == (which == 1)
    responder = x509.load_der_x509_certificate(said.certificates[0])
    responder.verify_directly_issued_by(issuer.certificate)


def test_certificates_of_two_of_our_issuers_are_not_answered_together(two):
    """A delegated signer speaks for the CA that appointed it (RFC 6960 4.2.2.2)."""
    desk, old, new = two
    asked = [CertId.build(each.identity, GOOD) for each in (old, new)]
    with pytest.raises(SeveralIssuers):
        answer(build_request(asked), NEIGHBOUR, desk, at=AT)


# --- time -----------------------------------------------------------------------------------


def test_this_update_is_the_sources_time_and_produced_at_ours(counter):
    said = counter.ask(GOOD)
    assert said.responses[0].this_update == AT - timedelta(hours=1)
    assert said.responses[0].next_update == AT + DAY
    assert said.produced_at == AT


def test_t17_next_update_does_not_outlive_the_signer(counter):
    _set_coverage(counter, next_update=AT + 90 * DAY)
    assert counter.ask_one(GOOD).next_update == AT + 30 * DAY
    said = counter.put(build_request([foreign()]))
    assert said.responses[0].next_update == AT + timedelta(minutes=5)


def test_t17_with_the_signer_gone_nothing_is_said(counter):
    _set_coverage(counter, next_update=AT + 90 * DAY)
    counter.at = AT + 30 * DAY - timedelta(seconds=1)
    assert counter.ask_one(GOOD).next_update == AT + 30 * DAY
    counter.at = AT + 30 * DAY
    with pytest.raises(NoSigner):
        counter.ask(GOOD)


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1), 400 * DAY])
def test_t3_stale_data_answers_nothing(counter, late):
    _set_coverage(counter, this_update=AT - 500 * DAY, next_update=AT - late)
    for serial in (GOOD, REVOKED, NEVER):
        with pytest.raises(StatusStale):
            counter.ask(serial)


def test_t33_old_data_is_served_up_to_its_last_second(counter):
    """The stated policy: the issuer vouches until nextUpdate, and so do we, with its thisUpdate."""
    end = AT + timedelta(seconds=1)
    _set_coverage(counter, this_update=AT - 9 * DAY, next_update=end)
    counter.at = end - timedelta(microseconds=1)
    said = counter.ask_one(GOOD)
    assert (said.this_update, said.next_update) == (AT - 9 * DAY, end)
    counter.at = end
    with pytest.raises(StatusStale):
        counter.ask(GOOD)


def test_data_of_an_issuer_whose_clock_is_ahead_is_served(counter):
    """The refresh has a tolerance; a CRL that it took in must not silence us."""
    _set_coverage(counter, this_update=AT + timedelta(seconds=2))
    assert counter.ask_one(GOOD).this_update == AT + timedelta(seconds=2)


def _set_coverage(counter, *, this_update=AT - DAY, next_update=AT + DAY):
    counter.index.coverage[counter.issuer.identity.fingerprint] = Coverage(
        number=7, this_update=this_update, next_update=next_update
    )


def test_t15_while_data_is_missing_nothing_is_said(counter):
    """A partition that never arrived is missing, not empty."""
    counter.index.coverage.clear()
    for serial in (GOOD, NEVER):
        with pytest.raises(NotLoaded):
            counter.ask(serial)


def test_without_an_index_nothing_is_said(counter):
    def gone():
        raise IndexMissing("there is none")

    counter.index.snapshot = gone
    with pytest.raises(NotLoaded):
        counter.ask(GOOD)


def test_an_index_that_breaks_while_it_is_read_says_nothing(counter):
    """What goes wrong in a look-up is said by the index itself."""
    whole = counter.index.snapshot

    class Torn:
        generation, lineage = 1, None

        def find(self, *_: object):
            raise IndexMissing("a page is torn")

    @contextmanager
    def breaking():
        with whole():
            yield Torn()

    counter.index.snapshot = breaking
    with pytest.raises(NotLoaded):
        counter.ask(GOOD)


def test_archive_cutoff_is_the_stated_time_before_now(tmp_path):
    """RFC 6960 4.4.4."""
    counter = open_counter(tmp_path, issuer=lambda ca: make_issuer(ca, archive_cutoff=365 * DAY))
    assert counter.ask_one(GOOD).archive_cutoff == AT - 365 * DAY
    assert counter.put(build_request([foreign()])).responses[0].archive_cutoff is None


def test_no_archive_cutoff_unless_stated(counter):
    assert counter.ask_one(GOOD).archive_cutoff is None


# --- nothing wrong leaves -------------------------------------------------------------------


def test_t6_an_answer_that_does_not_answer_is_held_back(counter):
    inspection = Inspection(read_one_in=2)
    said = answer(counter.question(GOOD, nonce=b"n"), NEIGHBOUR, counter.desk, at=AT)
    inspection.inspect(said.body, said.question)
    for wrong in (b"", b"\x30", said.body[:150]):
        with pytest.raises(InternalFault):
            inspection.inspect(wrong, said.question)


def test_t5_t6_a_sample_is_read_back_in_full(counter):
    inspection = Inspection(read_one_in=2)
    said = answer(counter.question(GOOD, REVOKED, nonce=b"n"), NEIGHBOUR, counter.desk, at=AT)
    for other in (
        counter.question(REVOKED, GOOD, nonce=b"n"),
        counter.question(GOOD, REVOKED, nonce=b"m"),
        counter.question(GOOD, nonce=b"n"),
    ):
        asked = answer(other, NEIGHBOUR, counter.desk, at=AT).question
        with pytest.raises(InternalFault):
            inspection.inspect(said.body, asked)
        inspection.inspect(said.body, asked)  # the cheap look alone does not see it
    with pytest.raises(InternalFault):
        inspection.inspect(said.body[:-1], said.question)


def test_t33_a_failing_signer_gives_no_old_answer(counter, monkeypatch):
    def broken(*_: object):
        raise RuntimeError("the key is gone")

    assert counter.ask(GOOD, nonce=b"1")
    monkeypatch.setattr(counter.envelope(), "sign", broken)
    with pytest.raises(RuntimeError):
        counter.ask(GOOD, nonce=b"2")


# --- nonsense -------------------------------------------------------------------------------


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_random_bytes_meet_a_refusal(tmp_path_factory, data):
    with pytest.raises(Refusal):
        answer(data, NEIGHBOUR, _shared_desk(tmp_path_factory), at=AT)


@given(st.data())
@settings(deadline=None)
def test_a_spoiled_question_is_refused_or_answered(tmp_path_factory, data):
    desk = _shared_desk(tmp_path_factory)
    question = bytearray(_counters[0].question(GOOD, REVOKED, nonce=b"n" * 16))
    for _ in range(data.draw(st.integers(1, 4))):
        question[data.draw(st.integers(0, len(question) - 1))] = data.draw(st.integers(0, 255))
    try:
        answer(bytes(question), NEIGHBOUR, desk, at=AT)
    except Refusal:
        return


_counters = []


def _shared_desk(tmp_path_factory):
    if not _counters:
        _counters.append(open_counter(tmp_path_factory.mktemp("desk")))
    return _counters[0].desk
