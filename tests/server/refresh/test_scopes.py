"""What a CRL may be about (RFC 5280 5.2.5): by name, by URI, of users only, of other issuers."""

from dataclasses import replace
from typing import Any

import pytest
from asn1crypto import core
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509

from support.crls import AT, NAKA, Ca, Row
from support.reading import take
from tashika.pki import der
from tashika_server.issuer import Covers
from tashika_server.refresh.accept import ReadingLimits
from tashika_server.refresh.source import Check, NotTaken, Source

CA = Ca.found()
CRL_ISSUER = Ca.found(unit="CRL issuer")
STRANGER = Ca.found(unit="another CA")
USERS = {"only_contains_user_certs": True}


def taken(body: bytes, name: str, **partition: Any) -> list[int]:
    """Return the serials that are taken in, for a partition that says so of itself."""
    issuer = CA.issuer({name: "lab:/x"})
    said = replace(issuer.partitions[0], **partition)
    source = Source(issuer, said, issuer.identity.fingerprint)
    return [entry.serial for entry in take(body, source, None, at=AT).entries]


def refused(body: bytes, name: str, **partition: Any) -> Check:
    with pytest.raises(NotTaken) as caught:
        taken(body, name, **partition)
    return caught.value.check


def relative(text: str) -> bytes:
    """Write a distribution point that is named relative to its issuer."""
    name = asn1_x509.RelativeDistinguishedName(
        [
            asn1_x509.NameTypeAndValue(
                {
                    "type": "common_name",
                    "value": asn1_x509.DirectoryString("utf8_string", core.UTF8String(text)),
                }
            )
        ]
    )
    point = asn1_x509.DistributionPointName("name_relative_to_crl_issuer", name)
    return bytes(asn1_crl.IssuingDistributionPoint({"distribution_point": point}).dump())


def of(issuer: Ca) -> tuple[tuple[str, bool, bytes], ...]:
    """Write the extension by which an entry is another issuer's (RFC 5280 5.3.3)."""
    name = der.wrap(der.explicit(4), issuer.certificate.subject.public_bytes())
    return (("2.5.29.29", True, der.sequence(name)),)


def test_a_point_named_relative_to_the_issuer_is_a_name_like_any_other():
    full = "C=JP, O=JPKI-SIM, OU=JPKI for user authentication, CN=Naka-ku"
    body = CA.crl([1], extra=[("2.5.29.28", True, relative("Naka-ku"))])
    assert taken(body, full) == [1]
    assert refused(body, NAKA) is Check.SCOPE
    assert refused(body, "CN=Naka-ku") is Check.SCOPE


def test_users_only_is_complete_where_the_configuration_says_so():
    body = CA.crl([1], scope_flags=USERS)
    assert refused(body, "") is Check.SCOPE
    assert taken(body, "", covers=Covers.USER_CERTIFICATES) == [1]


@pytest.mark.parametrize("kind", ["ca", "attribute"])
def test_other_certificates_only_is_never_enough(kind: str):
    body = CA.crl([1], scope_flags={f"only_contains_{kind}_certs": True})
    assert refused(body, "", covers=Covers.USER_CERTIFICATES) is Check.SCOPE


def test_some_reasons_have_a_check_of_their_own():
    body = CA.crl([1], scope=NAKA, scope_flags={"only_some_reasons": {"superseded"}})
    assert refused(body, NAKA) is Check.REASONS


ROWS = [
    Row(1),  # of the CRL issuer itself, until another is named
    Row(2, extra=of(CA)),
    Row(3, reason="superseded"),  # of the one that was named last
    Row(4, extra=of(STRANGER)),
    5,
    Row(6, extra=of(CA)),
]


def indirect(**how: Any) -> bytes:
    return CRL_ISSUER.crl(ROWS, scope=NAKA, scope_flags={"indirect_crl": True}, **how)


def test_of_an_indirect_crl_the_entries_of_this_issuer_are_taken():
    assert taken(indirect(), NAKA, crl_issuer=CRL_ISSUER.certificate) == [2, 3, 6]


def test_an_entry_is_this_issuers_however_its_name_is_written():
    """RFC 5280 7.1: a name in another encoding, or of other case, is the same; left out is good."""
    name = CA.certificate.subject.public_bytes()
    printable = name.replace(b"\x0c\x08JPKI-SIM", b"\x13\x08Jpki-Sim")
    assert printable != name
    other = der.sequence(der.wrap(der.explicit(4), printable))
    body = CRL_ISSUER.crl(
        [Row(2, extra=(("2.5.29.29", True, other),)), 3],
        scope=NAKA,
        scope_flags={"indirect_crl": True},
    )
    assert taken(body, NAKA, crl_issuer=CRL_ISSUER.certificate) == [2, 3]


def test_an_indirect_crl_is_taken_from_the_configured_issuer_only():
    assert refused(indirect(), NAKA) is Check.ISSUER
    assert refused(indirect(), NAKA, crl_issuer=STRANGER.certificate) is Check.ISSUER
    forged = indirect(signed_by=STRANGER)
    assert refused(forged, NAKA, crl_issuer=CRL_ISSUER.certificate) is Check.SIGNATURE


def test_an_indirect_crl_says_that_it_is_one():
    plain = CRL_ISSUER.crl([1], scope=NAKA)
    assert refused(plain, NAKA, crl_issuer=CRL_ISSUER.certificate) is Check.SCOPE
    own = CA.crl([1], scope=NAKA, scope_flags={"indirect_crl": True})
    assert refused(own, NAKA) is Check.SCOPE


def test_t30_a_list_beyond_the_count_of_entries_is_refused():
    issuer = CA.issuer({NAKA: "lab:/x"})
    source = Source(issuer, issuer.partitions[0], issuer.identity.fingerprint)
    body = CA.crl(range(1, 12), scope=NAKA)
    assert len(take(body, source, None, at=AT, limits=ReadingLimits(max_entries=11)).entries) == 11
    with pytest.raises(NotTaken) as caught:
        take(body, source, None, at=AT, limits=ReadingLimits(max_entries=10))
    assert caught.value.check is Check.ENTRY_COUNT


def test_t30_an_entry_beyond_its_size_is_refused():
    bomb = Row(1, extra=(("1.2.3", False, der.octet_string(bytes(5000))),))
    assert refused(CA.crl([bomb], scope=NAKA), NAKA) is Check.ENTRY_SIZE


def test_t30_nothing_of_an_unsigned_list_is_read_but_its_head(monkeypatch: pytest.MonkeyPatch):
    def read(*_: object) -> None:
        raise AssertionError("entries are read")

    monkeypatch.setattr("tashika_server.refresh.reading.read_rows", read)
    assert refused(CA.crl([1], scope=NAKA, spoil_signature=True), NAKA) is Check.SIGNATURE


@pytest.mark.parametrize("size", [0, 1, 2, 3, 10, 200, 400])
def test_a_file_that_breaks_off_anywhere_is_refused(size: int):
    assert refused(CA.crl([1], scope=NAKA)[:size], NAKA) is Check.FORM
