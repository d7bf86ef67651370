"""The path of JPKI: one tier, several key generations under one name, and links between them.

A short strict path of its own: a certificate stands directly under a key that
the caller trusts. The general case is :mod:`tashika.path.checking`.
"""

from collections.abc import Iterable
from datetime import datetime

from cryptography import x509

from tashika.causes import Cause
from tashika.errors import CertificateRefused, PkiError, WrongUse
from tashika.issuance import IssuedCertificate, verify_issued
from tashika.pki.certificates import (
    critical_extensions,
    extension,
    load_certificate,
    require_signed_by,
)

MAX_GENERATIONS = 16
"""JPKI has three at a time, each for ten years; their links double that."""
_UNDERSTOOD = {
    x509.BasicConstraints.oid,
    x509.CertificatePolicies.oid,
    x509.KeyUsage.oid,
    x509.SubjectAlternativeName.oid,
}


def issuer_among(
    certificate: x509.Certificate | bytes,
    generations: Iterable[x509.Certificate | bytes],
    *,
    at: datetime,
) -> IssuedCertificate:
    """Check a certificate against the key generations of a CA that the caller trusts.

    1. The certificate can be read, is no CA's, and has no critical extension
       that is not understood.
    2. One of the generations issued it: its key, not only its name, for all
       generations share one (domain fact of JPKI). A key identifier only
       decides which is tried first.
    3. That generation, and the certificate, are in order: verify_issued().

    Returns what tashika.ocsp.ask() wants. Raises CertificateRefused, and
    WrongUse for no generation or more than MAX_GENERATIONS.
    """
    # 1
    try:
        subject = load_certificate(certificate) if isinstance(certificate, bytes) else certificate
        _require_leaf(subject)
        wanted = extension(subject, x509.AuthorityKeyIdentifier)
    except PkiError as wrong:
        raise CertificateRefused(Cause.CERTIFICATE_MALFORMED, str(wrong)) from wrong
    # 2
    refusal = CertificateRefused(Cause.NOT_ISSUED_BY_ISSUER)
    key_id = wanted.key_identifier if wanted else None
    for issuer in sorted(_loaded(generations), key=lambda each: _key_id(each) != key_id):
        try:
            # 3
            return verify_issued(subject, issuer, at=at)
        except CertificateRefused as wrong:
            if _is_signed_by(subject, issuer):
                refusal = wrong  # a link for the same key may still be in its validity
    raise refusal


def with_links(
    generations: Iterable[x509.Certificate | bytes],
    links: Iterable[x509.Certificate | bytes],
    *,
    at: datetime,
) -> tuple[x509.Certificate, ...]:
    """Add the generations that link certificates lead to from those that are trusted.

    A link is a CA's certificate for its own new key under its own old one, or
    the reverse: the same name, signed by a trusted generation, in validity
    with it, with all that verify_issued() wants of an issuer. Other links are left out.
    A link is good until its end or until the old key is not trusted any more:
    ask about its revocation as about any certificate.
    """
    trusted = _loaded(generations)
    waiting = _loaded(links)
    while found := [each for each in waiting if any(_links(old, each, at) for old in trusted)]:
        trusted += found
        waiting = [each for each in waiting if each not in found]
    return tuple(trusted)


def _links(old: x509.Certificate, link: x509.Certificate, at: datetime) -> bool:
    try:
        verify_issued(link, old, at=at)
        constraints = extension(link, x509.BasicConstraints)
        usage = extension(link, x509.KeyUsage)
        return (
            link.subject == link.issuer
            and constraints is not None
            and constraints.ca
            and (usage is None or usage.key_cert_sign)
            and extension(link, x509.NameConstraints) is None
            and critical_extensions(link) <= _UNDERSTOOD
        )
    except (CertificateRefused, PkiError):
        return False


def _require_leaf(subject: x509.Certificate) -> None:
    constraints = extension(subject, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise CertificateRefused(Cause.CERTIFICATE_MALFORMED, "it is a CA's")
    if unknown := critical_extensions(subject) - _UNDERSTOOD:
        oid = next(iter(unknown)).dotted_string
        raise CertificateRefused(
            Cause.CERTIFICATE_MALFORMED, f"critical extension {oid} is not understood"
        )


def _loaded(given: Iterable[x509.Certificate | bytes]) -> list[x509.Certificate]:
    try:
        found = [load_certificate(each) if isinstance(each, bytes) else each for each in given]
    except PkiError as wrong:
        raise CertificateRefused(Cause.ISSUER_UNSUITABLE, str(wrong)) from wrong
    if len(found) > MAX_GENERATIONS:
        raise WrongUse(f"pass at most {MAX_GENERATIONS} generations of a CA")
    return found


def _is_signed_by(subject: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        require_signed_by(subject, issuer)
    except PkiError:
        return False
    return True


def _key_id(issuer: x509.Certificate) -> bytes | None:
    try:
        found = extension(issuer, x509.SubjectKeyIdentifier)
    except PkiError:
        return None
    return found.digest if found else None
