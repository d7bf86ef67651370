"""Revocation by CRLs: who may sign which list, what it covers, and when it is fresh."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from support.crls import make_key
from support.paths import AT, DAY, HOUR, Lists, anchor, issue, named, point, points, scope, usage
from tashika.errors import WrongUse
from tashika.limits import DEFAULT_SKEW, MAX_SKEW
from tashika.path import (
    CrlSource,
    Demands,
    InOrder,
    ListsSignedBy,
    ListUsed,
    NotChecked,
    Outcome,
    PathCause,
    PathReport,
    Settled,
    StatusNeed,
    StatusSource,
    Unsettled,
    check_path,
    read_list,
)
from tashika.path.lists import ALL_REASONS
from tashika.pki import der
from tashika.pki.certid import IssuerIdentity
from tashika.pki.errors import Malformed
from tashika.pki.standing import Good, Reason, Revoked, Unknown

Flags = x509.ReasonFlags
SERIAL, CA_SERIAL = 7, 70
ANY_KEY = Demands(lists_signed_by=ListsSignedBy.ANY_KEY_OF_THE_NAME)
CA = issue("CA", by="Root", ca=True, serial=CA_SERIAL)
ROOT_LIST = Lists(by="Root").crl()
URL = x509.UniformResourceIdentifier("http://crl.test/1")
OTHER_URL = x509.UniformResourceIdentifier("http://crl.test/2")
PLACE = x509.DirectoryName(named("Naka-ku CRLDP"))


def leaf(*given: x509.DistributionPoint, **different: Any) -> bytes:
    return issue("EE", by="CA", serial=SERIAL, extra=[points(*given)] if given else (), **different)


def check(
    certificate: bytes,
    *lists: bytes,
    candidates: Iterable[bytes] = (),
    demands: Demands | None = None,
    source: StatusSource | None = None,
) -> PathReport:
    return check_path(
        certificate,
        candidates=[CA, *candidates],
        anchors=[anchor()],
        source=source or CrlSource(map(read_list, [ROOT_LIST, *lists])),
        at=AT,
        demands=demands or Demands(),
    )


def test_a_valid_path_brings_its_evidence():
    body = Lists(by="CA").crl(number=5)
    report = check(leaf(), body)
    assert report.outcome is Outcome.VALID
    assert report.path
    used = report.path.statuses[1].evidence[0]
    assert isinstance(used, ListUsed)
    assert (used.number, used.this_update, used.sha256) == (5, AT - HOUR, read_list(body).sha256)


def test_a_revoked_certificate_says_since_when_and_why():
    body = Lists(by="CA").crl(SERIAL, reason=Flags.key_compromise)
    report = check(leaf(), body)
    assert (report.outcome, report.cause) == (Outcome.INVALID, PathCause.REVOKED)
    assert report.revoked == Revoked(AT - HOUR, Reason.KEY_COMPROMISE)


def test_a_revoked_ca_is_to_blame_itself():
    source = CrlSource(map(read_list, [Lists(by="Root").crl(CA_SERIAL), Lists(by="CA").crl()]))
    report = check(leaf(), source=source)
    assert report.cause is PathCause.REVOKED
    assert report.culprit != check(leaf(), Lists(by="CA").crl(SERIAL)).culprit


def test_what_nobody_tells_is_a_need_and_hard_fails():
    report = check(leaf())
    assert (report.outcome, report.cause) == (Outcome.UNDETERMINED, PathCause.STATUS_MISSING)
    assert [need.place for need in report.needs] == [1]
    assert report.needs[0].certificate.serial == SERIAL
    assert report.needs[0].identity == IssuerIdentity.of(x509.load_der_x509_certificate(CA))


# --- C2: the signer ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signer", "cause"),
    [
        pytest.param(
            issue("CA", by="Root", key="lists", key_usage=usage(lists=True)), None, id="in order"
        ),
        pytest.param(
            issue("CA", by="Root", key="lists", key_usage=usage()),
            PathCause.STATUS_UNUSABLE,
            id="no cRLSign",
        ),
        pytest.param(
            issue("CA", by="Root", key="lists", key_usage=usage(lists=True), ends=-HOUR),
            PathCause.STATUS_UNUSABLE,
            id="expired",
        ),
        pytest.param(
            issue("CA", by="Stranger", key="lists", key_usage=usage(lists=True)),
            PathCause.STATUS_UNUSABLE,
            id="of another root",
        ),
        pytest.param(
            issue("CA", by="Root", key="lists", key_usage=usage(lists=True), signed_by="CA"),
            PathCause.STATUS_UNUSABLE,
            id="not signed by its issuer",
        ),
        pytest.param(
            issue("CA", by="Root", key="lists", key_usage=usage(lists=True), serial=99),
            PathCause.STATUS_UNUSABLE,
            id="revoked",
        ),
    ],
)
def test_c2_a_signer_of_its_own_must_be_entitled(signer: bytes, cause: PathCause | None):
    roots = Lists(by="Root").crl(99)
    source = CrlSource(map(read_list, [roots, Lists(by="CA", key="lists").crl()]))
    report = check(leaf(), candidates=[signer], source=source, demands=ANY_KEY)
    assert report.cause is (cause or PathCause.VALID)
    # By default nobody but the key that issued the certificate is, of those of its name.
    assert check(leaf(), candidates=[signer], source=source).cause is PathCause.STATUS_UNUSABLE


def test_c2_a_signer_whose_own_status_nobody_tells_is_not_entitled():
    signer = issue("Signer", by="Root", key_usage=usage(lists=True))
    indirect = Lists(by="Signer", extra=(scope(indirect=True),)).crl()
    certificate = leaf(point(crl_issuer="Signer"))
    assert check(certificate, indirect, candidates=[signer])
    lonely = CrlSource([read_list(indirect)])
    assert check(certificate, candidates=[signer], source=lonely).outcome is Outcome.UNDETERMINED


def test_c2_a_self_issued_signer_cannot_clear_itself():
    """A new key for lists, under the CA's own name: its own word does not show it in force."""
    signer = issue("CA", by="CA", key="lists", key_usage=usage(lists=True), serial=8)
    own, old = Lists(by="CA", key="lists").crl(this_update=-HOUR / 2), Lists(by="CA").crl()

    def cause(*lists: bytes) -> PathCause:
        return check(leaf(), *lists, candidates=[signer], demands=ANY_KEY).cause

    assert cause(own) is PathCause.STATUS_UNUSABLE
    assert cause(old, own) is PathCause.VALID
    assert cause(Lists(by="CA").crl(8, SERIAL), own) is PathCause.REVOKED


def test_c2_the_list_of_another_generation_clears_nobody():
    """One name, two keys, and lists of their own, as JPKI has them."""
    new = issue("CA", by="Root", key="CA new", ca=True)
    certificate = issue("EE", by="CA", by_key="CA new", serial=SERIAL)
    of_old, of_new = Lists(by="CA").crl(), Lists(by="CA", key="CA new").crl(SERIAL)
    assert check(certificate, of_old, candidates=[new]).cause is PathCause.STATUS_UNUSABLE
    assert check(certificate, of_old, of_new, candidates=[new]).cause is PathCause.REVOKED
    # As RFC 5280 has it, which knows a CA by its name, the old list would do.
    assert check(certificate, of_old, candidates=[new], demands=ANY_KEY)


def test_c2_the_anchor_may_sign_for_everybody_below_it():
    everybody = Lists(by="Root", extra=(scope(indirect=True),))
    certificate = leaf(point(crl_issuer="Root"))
    source = CrlSource([read_list(everybody.crl())])
    assert check(certificate, source=source)
    revoking = CrlSource([read_list(everybody.crl(SERIAL, entry_issuer="CA"))])
    assert check(certificate, source=revoking).cause is PathCause.REVOKED


def test_c1_a_list_with_a_bad_signature_proves_nothing():
    good = Lists(by="CA").crl()
    report = check(leaf(), good[:-1] + bytes((good[-1] ^ 1,)))
    assert report.cause is PathCause.STATUS_UNUSABLE
    forged = Lists(by="CA", key="somebody").crl()
    assert check(leaf(), forged).cause is PathCause.STATUS_UNUSABLE


def test_c2_a_ca_without_crl_sign_cannot_clear_anybody():
    ca = issue("Other", by="Root", ca=True, key_usage=usage(certificates=True))
    certificate = issue("EE", by="Other")
    body = Lists(by="Other").crl()
    assert check(certificate, body, candidates=[ca]).cause is PathCause.STATUS_UNUSABLE


# --- C7: distribution points and scopes ---------------------------------------------------------

NAKA = scope(full_name=[PLACE])


@pytest.mark.parametrize(
    ("given", "of_list", "valid"),
    [
        pytest.param([point(PLACE)], [NAKA], True, id="directory name"),
        pytest.param([point(URL)], [scope(full_name=[URL])], True, id="URI"),
        pytest.param([point(URL), point(PLACE)], [NAKA], True, id="not the first point"),
        pytest.param([point(URL, PLACE)], [NAKA], True, id="not the first name"),
        pytest.param(
            [point(URL)], [scope(full_name=[OTHER_URL, URL])], True, id="one of the list's"
        ),
        pytest.param([point(URL)], [NAKA], False, id="other point"),
        pytest.param([], [NAKA], False, id="a partition, but the certificate names none"),
        pytest.param(
            [point(PLACE)],
            [scope(full_name=[x509.DirectoryName(named("CA"))])],
            False,
            id="the list of CAs, as JPKI's own point names it",
        ),
        pytest.param(
            [],
            [scope(full_name=[x509.DirectoryName(named("CA"))])],
            True,
            id="the issuer's point, where the certificate names none",
        ),
        pytest.param([point(PLACE)], [], True, id="a complete list covers every point"),
        pytest.param([point(PLACE)], [scope(users=True)], True, id="users only"),
        pytest.param([point(PLACE)], [scope(cas=True)], False, id="CAs only"),
        pytest.param(
            [point(PLACE)],
            [scope(full_name=[PLACE], some=frozenset({Flags.superseded}))],
            False,
            id="some reasons",
        ),
        pytest.param(
            [point(PLACE, crl_issuer="CA")], [NAKA], False, id="a CRL issuer wants an indirect list"
        ),
        pytest.param(
            [point(PLACE, crl_issuer="X")],
            [scope(full_name=[PLACE], indirect=True)],
            False,
            id="another CRL issuer",
        ),
    ],
)
def test_c7_a_list_speaks_within_its_scope(given: list, of_list: list, *, valid: bool):
    certificate = leaf(*given)
    lists = Lists(by="CA", extra=tuple(of_list))
    report = check(certificate, lists.crl())
    assert report.outcome is (Outcome.VALID if valid else Outcome.UNDETERMINED)
    # Outside its scope it cannot revoke either; inside it does.
    revoking = check(certificate, lists.crl(SERIAL))
    some = bool(of_list) and of_list[0][0].only_some_reasons
    assert (revoking.cause is PathCause.REVOKED) == (valid or bool(some))


def test_c7_a_crl_issuer_without_a_directory_name_is_nobody():
    odd = x509.DistributionPoint([URL], None, None, [OTHER_URL])
    body = Lists(by="CA", extra=(scope(full_name=[URL]),)).crl()
    assert check(leaf(odd), body).cause is PathCause.STATUS_MISSING


def test_c7_reasons_add_up_over_lists_and_points():
    half = frozenset({Flags.key_compromise, Flags.ca_compromise})
    lists = [
        Lists(by="CA", extra=(scope(full_name=[PLACE], some=each),))
        for each in (half, ALL_REASONS - half)
    ]
    certificate = leaf(point(PLACE))
    first, second = lists
    assert check(certificate, first.crl()).cause is PathCause.STATUS_MISSING
    assert check(certificate, first.crl(), second.crl())
    assert check(certificate, first.crl(), second.crl(SERIAL)).cause is PathCause.REVOKED


@pytest.mark.parametrize(
    "bits", [b"\x00", b"\x07\x00", b"\x07\x80"], ids=["none", "zero", "unused"]
)
def test_c7_a_list_for_no_reason_at_all_covers_nothing(bits: bytes):
    names = der.wrap(der.explicit(0), der.wrap(der.implicit(6), b"http://crl.test/1"))
    value = der.sequence(der.wrap(der.explicit(0), names), der.wrap(der.implicit(3), bits))
    nothing = x509.UnrecognizedExtension(x509.IssuingDistributionPoint.oid, value), True
    body = Lists(by="CA", extra=(nothing,)).crl()
    assert read_list(body).names == {("uri", "http://crl.test/1")}
    assert read_list(body).reasons == frozenset()
    assert check(leaf(point(URL)), body).cause is PathCause.STATUS_MISSING


def test_c7_an_indirect_list_revokes_whom_its_entries_name():
    signer = issue("Signer", by="Root", key_usage=usage(lists=True))
    indirect = Lists(by="Signer", extra=(scope(indirect=True),))
    certificate = leaf(point(crl_issuer="Signer"))

    def cause(body: bytes) -> PathCause:
        return check(certificate, body, candidates=[signer]).cause

    assert cause(indirect.crl(SERIAL, entry_issuer="CA")) is PathCause.REVOKED
    assert cause(indirect.crl(SERIAL, entry_issuer="Other CA")) is PathCause.VALID
    assert cause(indirect.crl(SERIAL)) is PathCause.VALID  # the signer's own serial number
    direct = Lists(by="Signer").crl()
    assert cause(direct) is PathCause.STATUS_MISSING


def test_c7_an_issuer_of_an_entry_in_a_direct_list_makes_it_unusable():
    assert check(leaf(), Lists(by="CA").crl(1, entry_issuer="Other")).cause is (
        PathCause.STATUS_UNUSABLE
    )


@pytest.mark.parametrize("critical", [True, False])
def test_an_unknown_extension_counts_where_it_is_critical(*, critical: bool):
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.5"), b"\x05\x00"), critical
    report = check(leaf(), Lists(by="CA", extra=(odd,)).crl())
    assert report.cause is (PathCause.STATUS_UNUSABLE if critical else PathCause.VALID)


# --- deltas --------------------------------------------------------------------------------


def delta(base: int) -> tuple[x509.ExtensionType, bool]:
    return x509.DeltaCRLIndicator(base), True


@pytest.mark.parametrize(
    ("base", "number", "cause"),
    [
        (5, 6, PathCause.REVOKED),
        (4, 6, PathCause.REVOKED),
        (6, 7, PathCause.VALID),  # its base is newer than our list: it leaves a gap
        (3, 5, PathCause.VALID),  # not newer than our list
    ],
)
def test_a_delta_counts_where_it_goes_on_from_the_list(base: int, number: int, cause: PathCause):
    lists = Lists(by="CA")
    update = lists.crl(SERIAL, number=number, extra=[delta(base)])
    assert check(leaf(), lists.crl(number=5), update).cause is cause


def test_a_delta_releases_from_hold():
    lists = Lists(by="CA")
    held = lists.crl(SERIAL, number=5, reason=Flags.certificate_hold)
    release = lists.crl(SERIAL, number=6, extra=[delta(5)], reason=Flags.remove_from_crl)
    assert check(leaf(), held).revoked == Revoked(AT - HOUR, Reason.CERTIFICATE_HOLD)
    assert check(leaf(), held, release)


def test_what_is_no_hold_is_not_released():
    lists = Lists(by="CA")
    lost = lists.crl(SERIAL, number=5, reason=Flags.key_compromise)
    release = lists.crl(SERIAL, number=6, extra=[delta(5)], reason=Flags.remove_from_crl)
    assert check(leaf(), lost, release).revoked == Revoked(AT - HOUR, Reason.KEY_COMPROMISE)
    assert check(leaf(), lists.crl(number=5), release)  # held and released between the two


@pytest.mark.parametrize("order", [1, -1])
def test_a_list_that_contradicts_itself_releases_nobody(order: int):
    builder = x509.CertificateRevocationListBuilder(named("CA"), AT - HOUR, AT + DAY)
    builder = builder.add_extension(x509.CRLNumber(6), critical=False)
    builder = builder.add_extension(*delta(5))
    for reason in (Flags.remove_from_crl, Flags.key_compromise)[::order]:
        entry = x509.RevokedCertificateBuilder(SERIAL, AT - HOUR)
        entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    odd = builder.sign(make_key("CA"), SHA256()).public_bytes(Encoding.DER)
    held = Lists(by="CA").crl(SERIAL, number=5, reason=Flags.certificate_hold)
    assert check(leaf(), held, odd).cause is PathCause.REVOKED


def test_only_a_delta_can_release():
    odd = Lists(by="CA").crl(SERIAL, reason=Flags.remove_from_crl)
    assert check(leaf(), odd).cause is PathCause.REVOKED


@pytest.mark.parametrize(
    "different",
    [{"by": "CA", "key": "somebody"}, {"by": "CA", "extra": (scope(users=True),)}],
)
def test_a_delta_of_another_signer_or_scope_is_left_out(different: dict[str, Any]):
    release = Lists(**different).crl(
        SERIAL, number=6, extra=[delta(5)], reason=Flags.remove_from_crl
    )
    held = Lists(by="CA").crl(SERIAL, number=5, reason=Flags.certificate_hold)
    assert check(leaf(), held, release).cause is PathCause.REVOKED


def test_a_delta_alone_proves_nothing():
    alone = Lists(by="CA").crl(number=6, extra=[delta(5)])
    assert check(leaf(), alone).cause is PathCause.STATUS_MISSING


# --- C13 and C4: time ---------------------------------------------------------------------------

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("times", "valid"),
    [
        ({"this_update": DEFAULT_SKEW}, True),
        ({"this_update": DEFAULT_SKEW + SECOND}, False),
        ({"next_update": SECOND - DEFAULT_SKEW}, True),
        ({"next_update": -DEFAULT_SKEW}, False),
        ({"this_update": -2 * DAY - DEFAULT_SKEW}, True),
        ({"this_update": -2 * DAY - DEFAULT_SKEW - SECOND}, False),
    ],
)
def test_c13_one_tolerance_on_both_sides(times: dict[str, timedelta], *, valid: bool):
    report = check(leaf(), Lists(by="CA").crl(**times))
    assert report.cause is (PathCause.VALID if valid else PathCause.STATUS_STALE)


def test_c13_the_tolerance_can_be_set_and_has_a_bound():
    body = Lists(by="CA").crl(next_update=-HOUR + SECOND, this_update=-2 * HOUR)
    assert check(leaf(), body).cause is PathCause.STATUS_STALE
    assert check(leaf(), body, demands=Demands(skew=HOUR))
    with pytest.raises(WrongUse, match=r"Demands\.skew"):
        Demands(skew=MAX_SKEW + SECOND)


@pytest.mark.parametrize(("begins", "ends"), [(SECOND, DAY), (-DAY, -SECOND)])
def test_c13_certificates_get_no_tolerance(begins: timedelta, ends: timedelta):
    report = check(leaf(begins=begins, ends=ends), Lists(by="CA").crl())
    assert report.cause in {PathCause.EXPIRED, PathCause.NOT_YET_VALID}


def test_of_two_lists_of_one_scope_the_newer_one_speaks():
    lists = Lists(by="CA")
    old, new = lists.crl(number=1, this_update=-3 * HOUR), lists.crl(SERIAL, number=2)
    for given in ([old, new], [new, old]):
        assert check(leaf(), *given).cause is PathCause.REVOKED


# --- sources compose -----------------------------------------------------------------------


class Says:
    """A source of another kind, such as OCSP: it knows one serial."""

    def __init__(self, serial: int, standing: Good | Revoked) -> None:
        self.serial, self.standing = serial, standing

    def status(self, need: StatusNeed) -> Settled | Unsettled:
        if need.certificate.serial != self.serial:
            return Unsettled(cause=PathCause.STATUS_MISSING)
        return Settled(standing=self.standing, evidence=("an OCSP answer",))


def test_another_source_answers_where_lists_are_silent():
    lists = CrlSource([read_list(ROOT_LIST)])
    report = check(leaf(), source=InOrder((lists, Says(SERIAL, Good()))))
    assert report.path
    assert report.path.statuses[1].evidence == ("an OCSP answer",)
    revoked = InOrder((lists, Says(SERIAL, Revoked(AT))))
    assert check(leaf(), source=revoked).cause is PathCause.REVOKED
    assert check(leaf(), source=InOrder(())).cause is PathCause.STATUS_MISSING


@pytest.mark.parametrize(
    "answer",
    [None, True, Good(), Revoked(AT), "revoked"],
    ids=["None", "True", "Good", "Revoked", "a text"],
)
def test_c1_a_source_that_answers_anything_else_clears_nobody(answer: Any):
    class Odd:
        def status(self, _: StatusNeed) -> Any:
            return answer

    with pytest.raises(WrongUse, match="Settled or Unsettled"):
        check(leaf(), source=Odd())


def test_c1_only_good_and_revoked_settle_a_matter():
    for standing in (Unknown(), None, True):
        with pytest.raises(WrongUse, match="Good or Revoked"):
            Settled(standing=standing)  # type: ignore[arg-type]


def test_of_two_lists_of_one_time_the_later_number_speaks():
    lists = Lists(by="CA")
    first, second = lists.crl(number=1), lists.crl(SERIAL, number=2)
    for given in ([first, second], [second, first]):
        assert check(leaf(), *given).cause is PathCause.REVOKED


def test_not_checking_shows():
    report = check(leaf(), source=NotChecked("a drill"))
    assert report.path
    assert report.path.statuses[0].evidence == ("not checked: a drill",)


def test_noise_is_no_list():
    for noise in (b"", b"0", b"\x30\x03\x02\x01\x00", CA):
        with pytest.raises(Malformed):
            read_list(noise)
