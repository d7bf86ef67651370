"""NIST PKITS 1.0.1, sections 4.4, 4.14 and 4.15: what intake has to say of their CRLs.

Files from the PyPI package cryptography-vectors. PKITS validates paths; here one CRL at a time
is offered as the list of its CA. "Valid" is then taken in and not listed, "revoked" is taken in
and listed, "undetermined" is not taken in. Where a path decides instead, the case is left out:
4.4.1 (no CRL), 4.4.2 (a CA of the path is revoked), 4.14.9, 4.14.26 and 4.14.35 (the certificate
names no or another place).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography import x509

from support.crls import Ca
from support.reading import accepting, take
from tashika.pki.names import name_text
from tashika_server.index import Entry, Mark
from tashika_server.refresh.diff import follow
from tashika_server.refresh.source import Check, Kind, NotTaken, Source

FILES = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
AT = datetime(2026, 4, 1, tzinfo=UTC)

LISTED = [
    # (tests, CA, CRL, signer of the CRL if it is another, certificate and whether it is revoked)
    ("4.4.3", "GoodCA", "GoodCA", None, {"InvalidRevokedEETest3": True}),
    ("4.4.7", "TwoCRLsCA", "TwoCRLsCAGood", None, {"ValidTwoCRLsTest7": False}),
    (
        "4.4.13",
        "GeneralizedTimeCRLnextUpdateCA",
        "GeneralizedTimeCRLnextUpdateCA",
        None,
        {"ValidGeneralizedTimeCRLnextUpdateTest13": False},
    ),
    (
        "4.4.16 to 18",
        "LongSerialNumberCA",
        "LongSerialNumberCA",
        None,
        {
            "ValidLongSerialNumberTest16": False,
            "ValidLongSerialNumberTest17": False,
            "InvalidLongSerialNumberTest18": True,
        },
    ),
    (
        "4.4.19, 20",
        "SeparateCertificateandCRLKeysCertificateSigningCA",
        "SeparateCertificateandCRLKeys",
        "SeparateCertificateandCRLKeysCRLSigning",
        {
            "ValidSeparateCertificateandCRLKeysTest19": False,
            "InvalidSeparateCertificateandCRLKeysTest20": True,
        },
    ),
    (
        "4.14.1, 2, 4",
        "distributionPoint1CA",
        "distributionPoint1CA",
        None,
        {
            "ValiddistributionPointTest1": False,
            "InvaliddistributionPointTest2": True,
            "ValiddistributionPointTest4": False,
        },
    ),
    (
        "4.14.5 to 7",
        "distributionPoint2CA",
        "distributionPoint2CA",
        None,
        {
            "ValiddistributionPointTest5": False,
            "InvaliddistributionPointTest6": True,
            "ValiddistributionPointTest7": False,
        },
    ),
    (
        "4.14.22, 23",
        "indirectCRLCA1",
        "indirectCRLCA1",
        "indirectCRLCA1",
        {"ValidIDPwithindirectCRLTest22": False, "InvalidIDPwithindirectCRLTest23": True},
    ),
    (
        "4.14.24, 25",
        "indirectCRLCA2",
        "indirectCRLCA1",
        "indirectCRLCA1",
        {"ValidIDPwithindirectCRLTest24": False, "ValidIDPwithindirectCRLTest25": False},
    ),
    (
        "4.14.28, 29",
        "indirectCRLCA3",
        "indirectCRLCA3cRLIssuer",
        "indirectCRLCA3cRLIssuer",
        {"ValidcRLIssuerTest28": False, "ValidcRLIssuerTest29": False},
    ),
    (
        "4.14.30",
        "indirectCRLCA4",
        "indirectCRLCA4cRLIssuer",
        "indirectCRLCA4cRLIssuer",
        {"ValidcRLIssuerTest30": False},
    ),
    (
        "4.14.31 to 33",
        "indirectCRLCA6",
        "indirectCRLCA5",
        "indirectCRLCA5",
        {
            "InvalidcRLIssuerTest31": True,
            "InvalidcRLIssuerTest32": True,
            "ValidcRLIssuerTest33": False,
        },
    ),
    (
        "4.14.34",
        "indirectCRLCA5",
        "indirectCRLCA5",
        "indirectCRLCA5",
        {"InvalidcRLIssuerTest34": True},
    ),
]

REFUSED = [
    # (test, CA, CRL if it is not the CA's, certificate whose distribution point is asked, check)
    ("4.4.4", "BadCRLSignatureCA", None, None, Check.FORM),  # of no whole octets
    ("4.4.5", "BadCRLIssuerNameCA", None, None, Check.ISSUER),
    ("4.4.6", "WrongCRLCA", None, None, Check.ISSUER),
    ("4.4.7", "TwoCRLsCA", "TwoCRLsCABadCRL", None, Check.ISSUER),
    ("4.4.8", "UnknownCRLEntryExtensionCA", None, None, Check.CRITICAL),
    ("4.4.9", "UnknownCRLExtensionCA", None, None, Check.CRITICAL),
    ("4.4.11", "OldCRLnextUpdateCA", None, None, Check.NEXT_UPDATE),
    ("4.4.12", "pre2000CRLnextUpdateCA", None, None, Check.NEXT_UPDATE),
    (
        "4.4.21",
        "SeparateCertificateandCRLKeysCA2CertificateSigningCA",
        "SeparateCertificateandCRLKeysCA2CRL",
        None,
        Check.ISSUER,
    ),
    ("4.14.3", "distributionPoint1CA", None, "InvaliddistributionPointTest3", Check.SCOPE),
    ("4.14.8", "distributionPoint2CA", None, "InvaliddistributionPointTest8", Check.SCOPE),
    ("4.14.11", "onlyContainsUserCertsCA", None, None, Check.SCOPE),
    ("4.14.12", "onlyContainsCACertsCA", None, None, Check.SCOPE),
    ("4.14.14", "onlyContainsAttributeCertsCA", None, None, Check.SCOPE),
    ("4.14.17", "onlySomeReasonsCA2", "onlySomeReasonsCA2CRL1", None, Check.REASONS),
    ("4.15.1", "deltaCRLIndicatorNoBaseCA", None, None, Check.DELTA),
    ("4.15.10", "deltaCRLCA3", None, None, Check.NEXT_UPDATE),
    # Here intake is narrower than PKITS, which finds the certificates valid or revoked:
    # RFC 5280 4.1.2.2 forbids negative serials, users' certificates alone are answered for,
    # and a partition has all reasons (decision 26).
    ("4.4.14, 15", "NegativeSerialNumberCA", None, None, Check.ENTRIES),
    ("4.14.13", "onlyContainsCACertsCA", None, None, Check.SCOPE),
    ("4.14.15, 16", "onlySomeReasonsCA1", "onlySomeReasonsCA1compromiseCRL", None, Check.REASONS),
    ("4.14.18", "onlySomeReasonsCA3", "onlySomeReasonsCA3compromiseCRL", None, Check.REASONS),
    ("4.14.19 to 21", "onlySomeReasonsCA4", "onlySomeReasonsCA4compromiseCRL", None, Check.REASONS),
]

DELTAS = [
    (
        "4.15.2 to 7",
        "deltaCRLCA1",
        {
            "ValiddeltaCRLTest2": False,
            "InvaliddeltaCRLTest3": True,
            "InvaliddeltaCRLTest4": True,
            "ValiddeltaCRLTest5": False,
            "InvaliddeltaCRLTest6": True,
            "ValiddeltaCRLTest7": False,
        },
    ),
    (
        "4.15.8, 9",
        "deltaCRLCA2",
        {"ValiddeltaCRLTest8": False, "InvaliddeltaCRLTest9": True},
    ),
]


def certificate(name: str) -> x509.Certificate:
    return x509.load_der_x509_certificate((FILES / "certs" / f"{name}.crt").read_bytes())


def crl(name: str) -> bytes:
    return (FILES / "crls" / f"{name}.crl").read_bytes()


def ca_certificate(name: str) -> x509.Certificate:
    return certificate(f"{name}Cert")


def source(ca: str, name: str, signer: str | None = None) -> Source:
    issuer = Ca(key=None, certificate=ca_certificate(ca)).issuer({name: "lab:/x"})  # type: ignore[arg-type]
    crl_issuer = ca_certificate(signer) if signer else None
    partition = replace(issuer.partitions[0], crl_issuer=crl_issuer)
    # The lists of PKITS hold for decades.
    issuer = replace(issuer, bounds=replace(issuer.bounds, max_validity=timedelta(days=20_000)))
    return Source(issuer, partition, issuer.identity.fingerprint)


def point_of(leaf: x509.Certificate, crl_signer: x509.Certificate) -> str:
    """Return the partition that a certificate says it is in; "" if it names no place."""
    try:
        points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return ""
    (point,) = points
    if point.relative_name:
        relative = x509.Name([point.relative_name])
        return ", ".join(name_text(each.public_bytes()) for each in (crl_signer.subject, relative))
    if not point.full_name:
        return ""
    value = point.full_name[0].value
    assert isinstance(value, x509.Name)
    return name_text(value.public_bytes())


@pytest.mark.parametrize(
    ("ca", "file", "signer", "leaf", "revoked"),
    [
        pytest.param(ca, file, signer, leaf, revoked, id=f"{tests} {leaf}")
        for tests, ca, file, signer, leaves in LISTED
        for leaf, revoked in leaves.items()
    ],
)
def test_pkits_a_list_in_order_is_taken(
    ca: str,
    file: str,
    signer: str | None,
    leaf: str,
    revoked: bool,  # noqa: FBT001 (a parameter of pytest's)
):
    card = certificate(f"{leaf}EE")
    name = point_of(card, ca_certificate(signer or ca))
    taken = take(crl(f"{file}CRL"), source(ca, name, signer), None, at=AT)
    assert (card.serial_number in {entry.serial for entry in taken.entries}) == revoked


def test_pkits_4_14_10_a_list_without_a_point_is_the_complete_one():
    file = crl("NoissuingDistributionPointCACRL")
    assert take(file, source("NoissuingDistributionPointCA", ""), None, at=AT).entries == []


def test_pkits_4_14_27_a_list_of_another_ca_that_is_not_indirect_is_refused():
    with pytest.raises(NotTaken) as caught:
        take(crl("GoodCACRL"), source("indirectCRLCA2", "", "GoodCA"), None, at=AT)
    assert caught.value.check is Check.SCOPE


@pytest.mark.parametrize(
    ("ca", "file", "leaf", "check"),
    [pytest.param(*case[1:], id=case[0]) for case in REFUSED],
)
def test_pkits_what_is_not_in_order_is_quarantined(
    ca: str, file: str | None, leaf: str | None, check: Check
):
    name = point_of(certificate(f"{leaf}EE"), ca_certificate(ca)) if leaf else ""
    body = crl(file or f"{ca}CRL")
    with pytest.raises(NotTaken) as caught:
        take(body, source(ca, name), None, at=AT)
    assert caught.value.check is check


@pytest.mark.parametrize(("ca", "leaves"), [pytest.param(*case[1:], id=case[0]) for case in DELTAS])
def test_pkits_a_delta_follows_on_the_complete_list(ca: str, leaves: dict[str, bool]):
    complete = take(crl(f"{ca}CRL"), source(ca, ""), None, at=AT)
    listed = {entry.serial: entry for entry in complete.entries}
    mark = Mark(
        number=complete.crl.number,
        this_update=complete.crl.this_update,
        next_update=complete.crl.next_update,
        sha256=bytes(32),
        entries=len(listed),
        etag=None,
        last_modified=None,
    )
    delta = crl(f"{ca}deltaCRL")
    with accepting(delta, source(ca, ""), mark, at=AT, kind=Kind.DELTA) as (accepted, room):
        changes = follow(partial(only, listed), accepted, room)
        now = listed.keys() | serials(changes.added)
        now -= serials(changes.removed)
    for leaf, revoked in leaves.items():
        assert (certificate(f"{leaf}EE").serial_number in now) == revoked, leaf


def only(listed: Mapping[int, Entry], wanted: Iterable[int]) -> dict[int, Entry]:
    return {serial: listed[serial] for serial in wanted if serial in listed}


def serials(entries: Iterable[Entry]) -> set[int]:
    return {entry.serial for entry in entries}
