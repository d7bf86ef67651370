"""Registers the verifiers of the simulated world, and writes down what each shows.

It is done as an operator would do it, in the order in which it would have happened: over a
year ago, renewed lately, one suspended last week.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from cryptography.hazmat.primitives.serialization import Encoding

from tashika.pki.names import name_text
from tashika.pki.profile import Family
from tashika_server.agreements import registry
from tashika_server.agreements.act import CATEGORIES, ActVersion
from tashika_server.agreements.grounds import Ground
from tashika_server.agreements.period import years_later
from tashika_server.agreements.registry import (
    Agreement,
    HolderKind,
    IssueCredential,
    Issued,
    Period,
    Step,
    Suspend,
)
from tashika_server.agreements.terms import CredentialKind, Environment, Grant, Method
from tashika_server.book import Book, Change
from tashika_server.lab.cast import FILES, PARTS, Fate, Part, guide
from tashika_server.lab.errors import LabError
from tashika_server.lab.layout import Layout, write, write_certificate, write_key, write_secret
from tashika_server.lab.order import Files
from tashika_server.lab.transport import ClientAuthority, Pair
from tashika_server.ledger.tariff_file import import_tariffs, published_tariff, read_tariffs
from tashika_server.ledger.tariff_record import Past

__all__ = ["register_verifiers"]

BEGAN, RENEWED, SUSPENDED = timedelta(days=400), timedelta(days=40), timedelta(days=7)
"""How long ago: the first accreditations of a year have run out since."""
METHODS = {Files.INDEXED: (Method.OCSP,), Files.KEPT: (Method.OCSP, Method.FILE)}
ACTOR, SECOND_ACTOR = "lab", "lab-second"


def register_verifiers(book: Book, layout: Layout, files: Files, *, at: datetime) -> None:
    """Register them all in a book that has no verifier, and write to files what each shows.

    Where CRLs are kept as files, their agreements are for these too.
    LabError for a book that has one: it may be real.
    """
    book.upgrade()
    began = at - BEGAN
    with book.writing(actor=ACTOR, at=began) as change:
        if registry.verifiers(change.connection):
            raise LabError("the book has verifiers already; give the lab a book of its own")
        agreed = [(part, _agree(change, part, METHODS[files])) for part in PARTS]
        import_tariffs(change, read_tariffs(published_tariff()), past=Past.CHANGE)
    with book.writing(actor=ACTOR, at=at - RENEWED) as change:
        for part, agreement in agreed:
            if part.fate is not Fate.LAPSED:
                _accredit(change, part, agreement.verifier, since=years_later(began, 1))
    for part, agreement in agreed:
        if part.fate is Fate.SUSPENDED:
            _suspend(book, agreement.verifier, at=at - SUSPENDED)
    with book.writing(actor=ACTOR, at=at) as change:
        outfitter = _Outfitter(change, layout)
        for part, agreement in agreed:
            outfitter.equip(part, agreement)
    write(layout.verifier("README.txt"), guide().encode())


def _agree(change: Change, part: Part, methods: Iterable[Method]) -> Agreement:
    """Take a verifier from its notification to an agreement in force."""
    facts = CATEGORIES[part.category]
    families = sorted(facts.families - {Family.OTHER})
    verifier = registry.add_verifier(
        change, name=part.name, category=part.category, act=ActVersion.IN_FORCE_2024
    )
    confirmers = "全会員 all members" if facts.has_confirmers else None
    for family in families:
        registry.add_notification(
            change, verifier.id, family=family, received_at=change.at, confirmers=confirmers
        )
    _accredit(change, part, verifier.id, since=change.at)
    grants = tuple(Grant(family=family, method=method) for method in methods for family in families)
    agreement = registry.add_agreement(
        change,
        verifier.id,
        environment=Environment.PRODUCTION,
        period=Period(change.at),
        scope=replace(part.scope, grants=grants),
        issuers={},
    )
    for step in (Step.NOTIFY, Step.AGREE, Step.ACTIVATE):
        agreement = registry.advance_agreement(change, agreement.id, step)
    return agreement


def _accredit(change: Change, part: Part, verifier: str, *, since: datetime) -> None:
    if CATEGORIES[part.category].accredited:
        term = Period(since, years_later(since, 1))
        reference = f"模擬認定 SIM-{part.file}-{since.year}"
        registry.add_accreditation(change, verifier, reference=reference, term=term)


def _suspend(book: Book, verifier: str, *, at: datetime) -> None:
    """Stop one family, and the other as well: the Act gives a reason, a person decides."""
    order = Suspend(
        verifier=verifier,
        ground=Ground.SIGNATURE_DUTY,
        reason="模擬:受領した失効情報の目的外利用 simulated: information used for another purpose",
    )
    with book.writing(actor=ACTOR, at=at) as change:
        registry.submit(change, order, two_person=())
    with book.writing(actor=SECOND_ACTOR, at=at) as change:
        for proposal in registry.proposals(change.connection):
            registry.approve(change, proposal.id, two_person=())


class _Outfitter:
    """Issues what verifiers show, each piece to a file of its own."""

    def __init__(self, change: Change, layout: Layout) -> None:
        self._change = change
        self._layout = layout
        self._authority = ClientAuthority.found(at=change.at)
        self._write(self._authority.own, "client-ca.pem")

    def equip(self, part: Part, agreement: Agreement) -> None:
        """Give a verifier and its members their credentials."""
        for kind in part.shows:
            self._issue(kind, part.file, agreement)
        for suffix, name in part.members:
            holder = registry.admit_holder(
                self._change,
                agreement.verifier,
                kind=_footing(part),
                name=name,
                period=Period(self._change.at),
            )
            self._issue(CredentialKind.TOKEN, f"{part.file}-{suffix}", agreement, holder.id)

    def _issue(
        self, kind: CredentialKind, name: str, agreement: Agreement, holder: str | None = None
    ) -> None:
        file = name + FILES[kind]
        certificate, subject = self._key_for(kind, file) if file.endswith(".pem") else (None, None)
        order = IssueCredential(
            agreement=agreement.id,
            kind=kind,
            label=file,
            certificate=certificate,
            subject=subject,
            holder=holder,
        )
        issued = cast("Issued", registry.submit(self._change, order, two_person=()))
        if issued.secret:
            write_secret(self._layout.verifier(file), issued.secret)

    def _key_for(self, kind: CredentialKind, file: str) -> tuple[str, str | None]:
        """Make a key with its certificate; returns the PEM and the subject it is known by."""
        pair = self._authority.certify(file.removesuffix(".pem"), at=self._change.at)
        self._write(pair, file)
        if kind is not CredentialKind.MTLS_CA:
            return _pem(pair), None
        return _pem(self._authority.own), name_text(pair.certificate.subject.public_bytes())

    def _write(self, pair: Pair, file: str) -> None:
        path = self._layout.verifier(file)
        write_certificate(path, pair.certificate)
        write_key(path.with_suffix(".key"), pair.key)


def _footing(part: Part) -> HolderKind:
    confirmers = CATEGORIES[part.category].has_confirmers
    return HolderKind.CONFIRMER if confirmers else HolderKind.TENANT


def _pem(pair: Pair) -> str:
    return pair.certificate.public_bytes(Encoding.PEM).decode()
