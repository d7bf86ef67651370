"""Credentials: what is issued and registered, what is refused, and that no secret is kept."""

import hashlib
import re
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import inspect, text

from support.registry import START, YEAR, Office, certificate, ocsp
from tashika.pki.profile import Family
from tashika_server.agreements import registry
from tashika_server.agreements.act import Category
from tashika_server.agreements.certificates import read_client_certificate
from tashika_server.agreements.errors import (
    BadCertificate,
    BadPeriod,
    BadScope,
    Duplicate,
    WrongState,
)
from tashika_server.agreements.holders import HolderKind
from tashika_server.agreements.period import Period
from tashika_server.agreements.presented import ClientCertificate
from tashika_server.agreements.registry import IssueCredential, Scope
from tashika_server.agreements.terms import CredentialKind, secret_digest
from tashika_server.book.trail import entries

DAY = timedelta(days=1)
TOKEN, KEY, CA, SIGNER = (
    CredentialKind.TOKEN,
    CredentialKind.MTLS_KEY,
    CredentialKind.MTLS_CA,
    CredentialKind.SIGNED_REQUEST,
)


@pytest.fixture
def bank(office: Office):
    return office.active(office.verifier())


def order(agreement, kind=KEY, **named: Any) -> IssueCredential:
    return IssueCredential(agreement=agreement.id, kind=kind, label="one", **named)


# --- Tokens ---------------------------------------------------------------------------------


def test_a_token_is_random_shown_once_and_kept_hashed(office: Office, bank):
    issued = office.token(bank)
    assert re.fullmatch(r"tsk_[A-Za-z0-9_-]{43}", issued.secret)
    credential = issued.registered.credential
    assert credential.digest == hashlib.sha256(issued.secret.encode()).digest()
    assert credential.digest == secret_digest(issued.secret)
    assert (credential.valid_from, credential.valid_to) == (START, YEAR.end)
    assert issued.secret not in repr(issued)
    assert office.token(bank).secret != issued.secret
    assert office.see(registry.find_credential, credential.id) == issued.registered


def test_no_secret_is_in_the_book(office: Office, bank):
    issued = office.token(bank)
    secret = issued.secret.removeprefix("tsk_").encode()
    with office.book.reading() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):  # noqa: S608
                assert secret not in str(tuple(row)).encode()
        assert any(entry.action == "credential.issue" for entry in entries(connection))


def test_a_token_under_an_agreement_without_end_lives_a_year(office: Office):
    agreement = office.active(office.verifier(), period=Period(START))
    assert office.token(agreement).registered.credential.valid_to == YEAR.end


def test_several_overlap_for_rotation_each_with_its_end(office: Office, bank):
    old = office.token(bank, valid_to=START + 30 * DAY)
    new = office.token(bank, valid_from=START + 20 * DAY, rate=1.0, burst=2)
    credentials = [each.credential for each in office.see(registry.credentials, bank.id)]
    assert credentials == [old.registered.credential, new.registered.credential]


def test_a_path_token_needs_the_agreement_to_allow_it(office: Office, bank):
    with pytest.raises(BadScope, match="URL"):
        office.submit(order(bank, CredentialKind.PATH_TOKEN))
    scope = Scope(grants=ocsp(Family.USER_AUTH).grants, path_tokens=True)
    allowed = office.active(office.verifier(name="Bank B"), scope=scope)
    assert office.submit(order(allowed, CredentialKind.PATH_TOKEN)).secret


# --- Keys -----------------------------------------------------------------------------------


def test_a_client_certificate_pins_its_key(office: Office, bank):
    for kind, purposes in product([KEY, SIGNER], [(), (ExtendedKeyUsageOID.CLIENT_AUTH,)]):
        pem = certificate(purposes=purposes)
        issued = office.submit(order(bank, kind, certificate=pem))
        credential = issued.registered.credential
        assert issued.secret is None
        assert credential.digest == presented(pem).digest
        assert (credential.valid_from, credential.valid_to) == (START, START + 200 * DAY)


def presented(pem: str) -> ClientCertificate:
    return ClientCertificate.read(
        x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
    )


def test_a_subject_is_registered_under_its_ca(office: Office, bank):
    pem = certificate(authority=True, purposes=())
    subject = presented(certificate(subject="client, of the bank")).subject
    issued = office.submit(order(bank, CA, certificate=pem, subject=subject))
    credential = issued.registered.credential
    assert credential.subject == r"CN=client\, of the bank"
    assert hashlib.sha256(credential.authority).digest() == credential.digest
    spaced = presented(certificate(subject="みなと\u3000銀行  本店")).subject
    again = office.submit(order(bank, CA, certificate=pem, subject=spaced))
    assert again.registered.credential.subject == spaced  # it is compared to the last space
    with pytest.raises(BadScope, match="subject"):
        office.submit(order(bank, CA, certificate=pem, subject="CN=x\0"))
    stray = certificate(subject="client, of the bank")
    barred = office.do(registry.bar_certificate, credential.id, stray)
    assert barred.credential.barred == {presented(stray).digest}


def test_certificates_are_barred_only_where_a_ca_vouches(office: Office, bank):
    issued = office.token(bank)
    with pytest.raises(BadScope, match="end the credential"):
        office.do(registry.bar_certificate, issued.registered.id, certificate())


def weak_rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505 - it is to be refused


@pytest.mark.parametrize(
    ("pem", "says"),
    [
        (lambda: certificate(key=weak_rsa()), "weak.*RSA from 2048"),
        (lambda: certificate(key=ec.generate_private_key(ec.SECP224R1())), "weak.*P-256"),
        (
            lambda: certificate(key=ed25519.Ed25519PrivateKey.generate(), signed_with=None),
            "weak",
        ),
        (lambda: certificate(signed_with=hashes.SHA3_256()), "signed by.*SHA-2"),
        (lambda: certificate(end=START), "expired on 2026-04-01.*new certificate"),
        (lambda: certificate(authority=True), "CA's certificate"),
        (lambda: certificate(purposes=[ExtendedKeyUsageOID.SERVER_AUTH]), "clientAuth"),
        (lambda: certificate(digital_signature=False), "digitalSignature"),
        (lambda: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no cert"),
        (lambda: "nonsense", "BEGIN CERTIFICATE"),
    ],
)
def test_a_weak_or_expired_or_unfit_certificate_is_refused(pem, says):
    with pytest.raises(BadCertificate, match=f"(?s){says}"):
        read_client_certificate(pem(), START)


def test_nobody_is_registered_by_it(office: Office, bank):
    with pytest.raises(BadCertificate, match="expired"):
        office.submit(order(bank, KEY, certificate=certificate(end=START)))
    with pytest.raises(BadCertificate, match="issuing CA"):
        office.submit(order(bank, CA, certificate=certificate(), subject="CN=x"))
    assert office.see(registry.credentials) == ()


def test_a_key_tells_one_verifier_from_all_others(office: Office, bank):
    pem = certificate()
    first = office.submit(order(bank, certificate=pem))
    with pytest.raises(Duplicate, match=first.registered.id):
        office.submit(order(bank, certificate=pem))
    stranger = office.active(office.verifier(name="Bank B"))
    with pytest.raises(Duplicate, match=r"C-000001 of V-000001.*another key"):
        office.submit(order(stranger, certificate=pem))
    office.wait()
    office.do(registry.end_credential, first.registered.id)
    with pytest.raises(Duplicate, match="another key"):
        office.submit(order(stranger, certificate=pem))
    bank_too = office.active(office.see(registry.find_verifier, bank.verifier), Family.USER_AUTH)
    office.submit(order(bank_too, certificate=pem))
    office.submit(order(bank, SIGNER, certificate=pem))
    office.submit(order(bank, certificate=pem))


# --- Orders that make no sense --------------------------------------------------------------


SENSELESS: list[dict[str, Any]] = [
    {"kind": TOKEN, "certificate": "x"},
    {"kind": KEY},
    {"kind": KEY, "certificate": "x", "subject": "CN=x"},
    {"kind": CA, "certificate": "x"},
    {"kind": TOKEN, "rate": 1.0},
    {"kind": TOKEN, "rate": 0.0, "burst": 1},
    {"kind": TOKEN, "rate": 1.0, "burst": 0},
    {"kind": TOKEN, "rate": float("nan"), "burst": 1},
    {"kind": TOKEN, "rate": 1.0, "burst": 10**30},
]


def test_an_order_has_what_goes_with_its_kind_and_no_more(office: Office, bank):
    for named in SENSELESS:
        with pytest.raises(BadScope, match="credential of kind"):
            office.submit(order(bank, **named))


def test_a_credential_has_a_label(office: Office, bank):
    with pytest.raises(BadScope, match="label"):
        office.submit(IssueCredential(agreement=bank.id, kind=TOKEN, label=" "))


def test_a_credential_has_a_time_that_can_be_used(office: Office, bank):
    token, key = {"kind": TOKEN}, {"kind": KEY, "certificate": certificate()}
    for named, says in [
        ({**token, "valid_from": START + DAY, "valid_to": START + DAY}, "not after"),
        ({**token, "valid_from": START - DAY, "valid_to": START}, "over before"),
        ({**key, "valid_to": START + 201 * DAY}, "no longer"),
        ({**key, "valid_from": START - 2 * DAY}, "no longer"),
    ]:
        with pytest.raises(BadPeriod, match=says):
            office.submit(order(bank, **named))


def test_a_holder_asks_under_its_own_verifier(office: Office, bank):
    other = office.verifier(Category.FILING_AGENTS_BODY, name="Body")
    member = office.do(
        registry.admit_holder, other.id, kind=HolderKind.CONFIRMER, name="Ito", period=YEAR
    )
    with pytest.raises(BadScope, match="H-000001 belongs to V-000002"):
        office.token(bank, holder=member.id)
    agreement = office.active(other)
    assert office.token(agreement, holder=member.id).registered.credential.holder == member.id


def test_credentials_are_issued_under_a_concluded_agreement(office: Office):
    drafted = office.draft(office.verifier())
    with pytest.raises(WrongState, match="draft"):
        office.token(drafted)


# --- Ends -----------------------------------------------------------------------------------


def test_a_credential_is_withdrawn_at_once(office: Office, bank):
    issued = office.token(bank)
    office.wait()
    ended = office.do(registry.end_credential, issued.registered.id)
    assert ended.credential.revoked_at == office.at
    with pytest.raises(WrongState, match="has ended"):
        office.do(registry.end_credential, issued.registered.id)
    with pytest.raises(WrongState, match="has ended"):
        office.do(registry.change_credential, issued.registered.id, label="x")


def test_a_credential_may_end_earlier_but_never_later(office: Office, bank):
    issued = office.token(bank).registered
    office.wait()
    earlier = office.do(
        registry.change_credential, issued.id, valid_to=office.at + DAY, label="old"
    )
    assert (earlier.credential.valid_to, earlier.label) == (office.at + DAY, "old")
    for end in (office.at, YEAR.end):
        with pytest.raises(BadPeriod, match="earlier"):
            office.do(registry.change_credential, issued.id, valid_to=end)
