"""Makes certificates: of CAs, holders and responders, with their files and log entries.

The caller is alone on the premises. A certificate's files are written before its transaction
commits: a crash between the two leaves files that the next certificate of that serial replaces,
never a certificate without its files.
"""

from datetime import UTC, datetime
from itertools import product

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tashika.pki.profile import Family
from tashika.pki.standing import Revoked
from tashika_server.certificate_file import BadFile, read_certificate
from tashika_server.lab.authorities import Authority, authority_certificate
from tashika_server.lab.certificates import holder_certificate
from tashika_server.lab.errors import LabError
from tashika_server.lab.keys import read_key
from tashika_server.lab.layout import write_certificate, write_key, write_register
from tashika_server.lab.people import Person
from tashika_server.lab.premises import Premises
from tashika_server.lab.records import Certificate, Event, Happening, Role
from tashika_server.lab.responders import (
    RENEWED_BEFORE,
    SIGNERS,
    responder_certificate,
    responder_key,
)

__all__ = [
    "found_generation",
    "issue_to",
    "issuing_authority",
    "renew_responders",
    "write_registers",
]

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def found_generation(
    premises: Premises, family: Family, generation: int, *, at: datetime
) -> Certificate:
    """Begin a key generation of a CA; it issues for its family from now on."""
    name = f"{family}-g{generation}"
    key = premises.keys.take()
    with premises.state.transaction():
        serial = premises.state.next_serial(family)
        certificate = authority_certificate(family, key, serial=serial, at=at)
        write_key(premises.layout.authority_key(name), key)
        write_certificate(premises.layout.issuer(name), certificate)
        return _enter(premises, certificate, family, issuer=name, role=Role.AUTHORITY, at=at)


def issuing_authority(premises: Premises, family: Family, *, at: datetime) -> Authority:
    """Return the newest key generation; LabError if it has run out or is compromised."""
    generations = premises.state.certificates(role=Role.AUTHORITY, family=family)
    newest = max(
        (one for one in generations if one.not_before <= at <= one.not_after),
        key=lambda one: one.not_before,
        default=None,
    )
    if newest is None or isinstance(premises.state.standing(newest), Revoked):
        raise LabError(
            f"no {family} CA can issue: the newest key has run out or is compromised; "
            "make a new lab with `tashika-server lab init`"
        )
    return premises.authority(newest)


def issue_to(
    premises: Premises, person: Person, authority: Authority, *, at: datetime, not_after: datetime
) -> Certificate:
    """Issue one certificate to a person; the caller holds the transaction and the law."""
    family = authority.family
    key = premises.keys.take()
    certificate = holder_certificate(
        person,
        key.public_key(),
        authority=authority,
        serial=premises.state.next_serial(family),
        at=at,
        not_after=not_after,
        style=premises.style,
    )
    record = _enter(
        premises,
        certificate,
        family,
        issuer=authority.name,
        role=Role.HOLDER,
        at=at,
        person=person,
    )
    path = premises.layout.certificate(record)
    write_key(path.with_suffix(".key"), key)
    write_certificate(path, certificate)
    return record


def renew_responders(premises: Premises, *, at: datetime) -> int:
    """Certify every responder that has no certificate or one that runs out soon; count them."""
    due = [
        each for each in product(premises.authorities(), SIGNERS) if _is_due(premises, *each, at)
    ]
    for authority, suffix in due:
        _certify_responder(premises, authority, suffix, at=at)
    return len(due)


def write_registers(premises: Premises) -> None:
    """Write the serials issued under each key: what a responder may call issued."""
    for authority in premises.state.certificates(role=Role.AUTHORITY):
        serials = premises.state.serials(authority.issuer)
        write_register(premises.layout.register(authority.issuer), serials)


def _certify_responder(
    premises: Premises, authority: Authority, suffix: str, *, at: datetime
) -> None:
    path = premises.layout.signer(authority.name + suffix)
    key_path = path.with_suffix(".key")
    if not key_path.exists():
        write_key(key_path, responder_key(suffix, premises.keys))
    public_key = read_key(key_path).public_key()
    with premises.state.transaction():
        serial = premises.state.next_serial(authority.family)
        certificate = responder_certificate(authority, suffix, public_key, serial=serial, at=at)
        _enter(
            premises,
            certificate,
            authority.family,
            issuer=authority.name,
            role=Role.RESPONDER,
            at=at,
        )
    write_certificate(path, certificate)


def _is_due(premises: Premises, authority: Authority, suffix: str, at: datetime) -> bool:
    # A responder that ends with its CA is as new as can be, and an ended CA has none.
    end = authority.certificate.not_valid_after_utc
    found = _responder_end(premises, authority.name + suffix)
    return at < end and found < min(at + RENEWED_BEFORE, end)


def _responder_end(premises: Premises, name: str) -> datetime:
    """Return when the certificate on disk runs out: long ago where none can be read."""
    try:
        return read_certificate(premises.layout.signer(name)).not_valid_after_utc
    except BadFile:
        return _LONG_AGO


def _enter(
    premises: Premises,
    certificate: x509.Certificate,
    family: Family,
    *,
    issuer: str,
    role: Role,
    at: datetime,
    person: Person | None = None,
) -> Certificate:
    """Write a certificate and its issue into the memory."""
    record = Certificate(
        family=family,
        serial=certificate.serial_number,
        issuer=issuer,
        role=role,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        der=certificate.public_bytes(Encoding.DER),
        person=person.number if person else None,
        municipality=person.municipality.code if person else None,
    )
    premises.state.add(record)
    premises.state.append(
        Event(
            at=at,
            happening=Happening.ISSUED,
            family=family,
            serial=record.serial,
            person=record.person,
        )
    )
    return record
