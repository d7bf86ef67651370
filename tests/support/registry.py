"""A small registry for tests: parties brought to where a test begins, in one call each."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tashika.pki.profile import Family
from tashika_server.agreements import registry
from tashika_server.agreements.act import CATEGORIES, ActVersion, Category
from tashika_server.agreements.registry import (
    Agreement,
    IssueCredential,
    Issued,
    Period,
    Scope,
    Step,
    Verifier,
)
from tashika_server.agreements.terms import CredentialKind, Environment, Grant, Method
from tashika_server.book import Book, Change, Mode
from tashika_server.policy import Guarded

START = datetime(2026, 4, 1, tzinfo=UTC)
ISSUERS = {
    "signature-g2": Family.SIGNATURE,
    "signature-g3": Family.SIGNATURE,
    "auth-g3": Family.USER_AUTH,
}
"""Those of the configuration."""
YEAR = Period(START, datetime(2027, 4, 1, tzinfo=UTC))


def ocsp(*families: Family) -> Scope:
    return Scope(grants=tuple(Grant(family=each, method=Method.OCSP) for each in families))


@dataclass
class Office:
    """An operator at the registry; every verb is one transaction of its own."""

    book: Book
    at: datetime = START
    actor: str = "sato"
    two_person: frozenset[Guarded] = field(default_factory=frozenset)

    @contextmanager
    def change(self, mode: Mode = Mode.KEEP) -> Iterator[Change]:
        with self.book.writing(actor=self.actor, at=self.at, mode=mode) as change:
            yield change

    def do(self, verb, *args: Any, **named: Any):
        with self.change() as change:
            return verb(change, *args, **named)

    def see(self, query, *args: Any, **named: Any):
        with self.book.reading() as connection:
            return query(connection, *args, **named)

    def submit(self, order):
        return self.do(registry.submit, order, two_person=self.two_person)

    def approve(self, proposal_id):
        return self.do(registry.approve, proposal_id, two_person=self.two_person)

    def terms(self):
        return self.see(registry.compile_terms, self.at)

    def wait(self, by: timedelta = timedelta(days=1)) -> datetime:
        self.at += by
        return self.at

    # --- Where tests begin ------------------------------------------------------------------

    def verifier(
        self,
        category: Category = Category.ACCREDITED_VERIFIER,
        *,
        name: str = "Bank A",
        act: ActVersion = ActVersion.AMENDED_2013,
    ) -> Verifier:
        """A party that has notified all it may, and is accredited for a year if it must be."""
        facts = CATEGORIES[category]
        with self.change() as change:
            verifier = registry.add_verifier(change, name=name, category=category, act=act)
            for family in sorted(facts.families - {Family.OTHER}):
                registry.add_notification(
                    change,
                    verifier.id,
                    family=family,
                    received_at=self.at,
                    confirmers="all members" if facts.has_confirmers else None,
                )
            if facts.accredited:
                registry.add_accreditation(change, verifier.id, reference=f"for {name}", term=YEAR)
        return verifier

    def draft(
        self,
        verifier: Verifier,
        *families: Family,
        scope: Scope | None = None,
        period: Period = YEAR,
        environment: Environment = Environment.PRODUCTION,
    ) -> Agreement:
        return self.do(
            registry.add_agreement,
            verifier.id,
            environment=environment,
            period=period,
            scope=scope or ocsp(*(families or (Family.SIGNATURE,))),
            issuers=ISSUERS,
        )

    def amend(self, agreement_id: str, *, period: Period, scope: Scope) -> Agreement:
        return self.do(
            registry.change_agreement, agreement_id, period=period, scope=scope, issuers=ISSUERS
        )

    def active(self, verifier: Verifier, *families: Family, **named: Any) -> Agreement:
        agreement = self.draft(verifier, *families, **named)
        with self.change() as change:
            for step in (Step.NOTIFY, Step.AGREE, Step.ACTIVATE):
                agreement = registry.advance_agreement(change, agreement.id, step)
        return agreement

    def token(self, agreement: Agreement, **named: Any) -> Issued:
        order = IssueCredential(
            agreement=agreement.id, kind=CredentialKind.TOKEN, label="first", **named
        )
        issued = self.submit(order)
        assert isinstance(issued, Issued)
        return issued


def certificate(
    *,
    subject: str = "client",
    key=None,
    authority: bool = False,
    purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,),
    digital_signature: bool = True,
    begin: datetime = START - timedelta(days=1),
    end: datetime = START + timedelta(days=200),
    signed_with=hashes.SHA256(),  # noqa: B008 - a constant
) -> str:
    """A self-signed certificate in PEM."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=digital_signature,
                content_commitment=False,
                key_encipherment=not digital_signature,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=authority,
                crl_sign=authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(key, signed_with).public_bytes(Encoding.PEM).decode()
