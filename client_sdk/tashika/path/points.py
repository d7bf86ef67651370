"""Distribution points: which lists speak of a certificate (RFC 5280 4.2.1.13, 6.3.3 (b); C7)."""

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509

from tashika.path.certificate import PathCertificate
from tashika.path.lists import ALL_REASONS, RevocationList, point_names
from tashika.path.names import Comparable, Form, comparable


@dataclass(frozen=True, slots=True)
class Point:
    """One distribution point of a certificate (RFC 5280 4.2.1.13)."""

    names: frozenset[Form]
    reasons: frozenset[x509.ReasonFlags]
    crl_issuers: frozenset[Comparable]


def points_of(certificate: PathCertificate) -> Iterator[Point]:
    """Yield every point of a certificate, and last its issuer's own lists; raises Malformed."""
    for each in certificate.points or ():
        named = each.crl_issuer or ()
        issuers = [comparable(n.value) for n in named if isinstance(n, x509.DirectoryName)]
        if named and not issuers:
            continue  # 4.2.1.13: a CRL issuer has a directory name; nobody knows whose list it is
        # Where it has no name of its own, its issuer's name is its name (6.3.3 (b) (2) (i)).
        own = point_names(
            each.full_name, each.relative_name, issuers[0] if issuers else certificate.issuer
        )
        yield Point(
            names=own or frozenset(("directory", name) for name in issuers),
            reasons=ALL_REASONS if each.reasons is None else each.reasons & ALL_REASONS,
            crl_issuers=frozenset(issuers),
        )
    # 6.3.3, last paragraph: lists of the issuer's own that no point names. One that is kept for
    # certain points, as a partition or a CA's own list of CAs is, clears nobody who names others.
    names = frozenset() if certificate.points else frozenset({("directory", certificate.issuer)})
    yield Point(names, ALL_REASONS, frozenset())


def speaks_of(crl: RevocationList, certificate: PathCertificate, point: Point) -> bool:
    """6.3.3 (b): tell whether the certificate is within the list's scope."""
    if point.crl_issuers:
        if not crl.indirect or crl.issuer not in point.crl_issuers:
            return False
    elif crl.issuer != certificate.issuer:
        return False
    if crl.scope is None:
        return True
    return (
        (not crl.names or bool(crl.names & point.names))
        and not (crl.scope.only_contains_user_certs and certificate.is_ca)
        and not (crl.scope.only_contains_ca_certs and not certificate.is_ca)
        and not crl.scope.only_contains_attribute_certs
    )
