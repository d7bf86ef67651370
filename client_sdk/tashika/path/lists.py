"""A certificate revocation list as path validation sees it (RFC 5280 section 5).

The head is read by pyca/cryptography, since relative names and reasons are wanted, which the
server's intake refuses (:mod:`tashika.pki.crl_head`); the entries by the one decoder of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from itertools import chain
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tashika.path.names import (
    Comparable,
    Form,
    comparable,
    comparable_der,
    comparable_part,
    form,
)
from tashika.pki import der
from tashika.pki.algorithms import SignatureAlgorithm, read_algorithm
from tashika.pki.certificates import decoding
from tashika.pki.crl_entries import Row, instant, read_rows
from tashika.pki.errors import Malformed
from tashika.pki.extensions import (
    AUTHORITY_KEY_IDENTIFIER,
    CRL_NUMBER,
    DELTA_CRL_INDICATOR,
    ISSUING_DISTRIBUTION_POINT,
    read_extensions,
)
from tashika.pki.standing import Reason, Revoked

_T = TypeVar("_T", bound=x509.ExtensionType)

_UNDERSTOOD = frozenset(
    {AUTHORITY_KEY_IDENTIFIER, CRL_NUMBER, DELTA_CRL_INDICATOR, ISSUING_DISTRIBUTION_POINT}
)
_REASON_BITS = {
    1: x509.ReasonFlags.key_compromise,
    2: x509.ReasonFlags.ca_compromise,
    3: x509.ReasonFlags.affiliation_changed,
    4: x509.ReasonFlags.superseded,
    5: x509.ReasonFlags.cessation_of_operation,
    6: x509.ReasonFlags.certificate_hold,
    7: x509.ReasonFlags.privilege_withdrawn,
    8: x509.ReasonFlags.aa_compromise,
}
"""ReasonFlags of RFC 5280 4.2.1.13; bit 0 is unused."""
ALL_REASONS = frozenset(_REASON_BITS.values())
"""Every reason that a distribution point can be limited to."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RevocationList:
    """One list, read; nobody has checked its signature yet."""

    encoded: bytes
    """The whole list in DER."""
    listed: range
    """The positions of the entries' octets."""
    sha256: bytes
    issuer: Comparable
    tbs: bytes
    algorithm: SignatureAlgorithm
    signature: bytes
    this_update: datetime
    next_update: datetime | None
    number: int | None
    base_number: int | None
    """The number of its base where it is a delta (RFC 5280 5.2.4)."""
    authority_key_id: bytes | None
    scope: x509.IssuingDistributionPoint | None
    names: frozenset[Form]
    """Of its distribution point."""
    reasons: frozenset[x509.ReasonFlags]
    """The reasons that it covers; a list for some that names none covers none (C7)."""
    unknown_critical: frozenset[str]

    @property
    def indirect(self) -> bool:
        """True where entries may belong to other issuers."""
        return self.scope is not None and self.scope.indirect_crl

    def find(self, issuer: Comparable, serial: int) -> Revoked | None:
        """Return what the list says of one certificate, None where it says nothing.

        Raises Malformed, and Unsupported for an unknown critical extension of
        any entry: the list then tells nothing of anybody (RFC 5280 5.3).
        """
        row = self._rows.get((issuer, serial))
        if row is None:
            return None
        _, revoked_at, reason, since, _ = row
        return Revoked(instant(revoked_at), reason, None if since is None else instant(since))

    @cached_property
    def _rows(self) -> dict[tuple[Comparable, int], Row]:
        issuer, found = self.issuer, dict[tuple[Comparable, int], Row]()
        content = self.encoded[self.listed.start : self.listed.stop]
        # PKITS 4.4.14: negative serial numbers of others are no reason to know nothing.
        rows = read_rows((content,), len(content), read_serial=der.Reader.integer)
        for row in chain.from_iterable(rows):
            if (named := row[4]) is not None:
                # It holds for the entries that follow too (RFC 5280 5.3.3).
                if not self.indirect:
                    raise Malformed("an entry of a CRL names its issuer where it may not")
                issuer = comparable_der(named)
            # Of two entries about one certificate, one that revokes is not taken back by the other.
            if row[2] is not Reason.REMOVE_FROM_CRL or (issuer, row[0]) not in found:
                found[issuer, row[0]] = row
        return found


def read_list(data: bytes) -> RevocationList:
    """Read the frame of a CRL in DER or PEM; raises Malformed and Unsupported."""
    with decoding("a CRL"):
        load = x509.load_der_x509_crl if data[:1] == b"\x30" else x509.load_pem_x509_crl
        crl = load(data)
        encoded = crl.public_bytes(Encoding.DER)
        issuer = comparable(crl.issuer)
        found = {each.oid.dotted_string: each for each in crl.extensions}
        this_update, next_update = crl.last_update_utc, crl.next_update_utc
    number = _value(found, CRL_NUMBER, x509.CRLNumber)
    base = _value(found, DELTA_CRL_INDICATOR, x509.DeltaCRLIndicator)
    key_id = _value(found, AUTHORITY_KEY_IDENTIFIER, x509.AuthorityKeyIdentifier)
    scope = _value(found, ISSUING_DISTRIBUTION_POINT, x509.IssuingDistributionPoint)
    with decoding("the distribution point of a CRL"):
        names = point_names(scope.full_name, scope.relative_name, issuer) if scope else frozenset()
    algorithm, reasons, listed = _read_frame(encoded)
    return RevocationList(
        encoded=encoded,
        listed=listed,
        sha256=sha256(encoded).digest(),
        issuer=issuer,
        tbs=crl.tbs_certlist_bytes,
        algorithm=algorithm,
        reasons=reasons,
        signature=crl.signature,
        this_update=this_update,
        next_update=next_update,
        number=number.crl_number if number else None,
        base_number=base.crl_number if base else None,
        authority_key_id=key_id.key_identifier if key_id else None,
        scope=scope,
        names=names,
        unknown_critical=frozenset(
            oid for oid, each in found.items() if each.critical and oid not in _UNDERSTOOD
        ),
    )


def point_names(
    full: Iterable[x509.GeneralName] | None,
    relative: x509.RelativeDistinguishedName | None,
    issuer: Comparable,
) -> frozenset[Form]:
    """Return the names of a distribution point; a relative one continues its CRL issuer's."""
    if relative is not None:
        return frozenset({("directory", (*issuer, comparable_part(relative)))})
    return frozenset(map(form, full or ()))


def _value(
    found: dict[str, x509.Extension[x509.ExtensionType]], oid: str, kind: type[_T]
) -> _T | None:
    value = found[oid].value if oid in found else None
    if value is not None and not isinstance(value, kind):
        raise Malformed("an extension of a CRL is of another kind than its OID says")
    return value


def _read_frame(
    encoded: bytes,
) -> tuple[SignatureAlgorithm, frozenset[x509.ReasonFlags], range]:
    """Read algorithm, reasons (pyca takes an empty set for all, C7), and where the entries are."""
    fields = der.Reader(encoded).only(der.SEQUENCE)
    inside = fields.take(der.SEQUENCE)
    named = fields.element(der.SEQUENCE)
    if inside.peek() == der.INTEGER:
        inside.integer()
    if inside.element(der.SEQUENCE) != named:  # RFC 5280 5.1.1.2
        raise Malformed("a CRL names two different signature algorithms")
    inside.element(der.SEQUENCE)  # issuer
    while inside.peek() in (der.UTC_TIME, der.GENERALIZED_TIME):
        inside.element()
    entries = inside.maybe(der.SEQUENCE)
    listed = range(entries.at, entries.stop) if entries else range(0)
    tagged = inside.maybe(der.explicit(0))
    inside.done()
    extensions = read_extensions(tagged) if tagged else {}
    scope = extensions.get(ISSUING_DISTRIBUTION_POINT)
    reasons = scope.read(_read_reasons) if scope else ALL_REASONS
    return read_algorithm(named), reasons, listed


def _read_reasons(value: der.Reader) -> frozenset[x509.ReasonFlags]:
    fields = value.take(der.SEQUENCE)
    while fields.more:
        if fields.peek() == der.implicit(3):
            bits = der.flags(fields.content(der.implicit(3)))
            return frozenset(each for bit, each in _REASON_BITS.items() if bit in bits)
        fields.element()
    return ALL_REASONS
