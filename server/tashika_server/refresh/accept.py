"""The numbered checks between a file from the network and the index.

An AcceptedCrl has passed all that can be seen in one file and the mark of its predecessor.
The last check, `check_bounds`, needs the difference as well and is made right after `diff`.
"""

from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from operator import attrgetter

from cryptography import x509

from tashika.pki.algorithms import digest, verify
from tashika.pki.crl import Crl, parse_crl
from tashika.pki.errors import Malformed, PkiError, Unsupported
from tashika.pki.names import same_name
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.index import Changes, Entry, Mark
from tashika_server.issuer import Issuer
from tashika_server.refresh.source import Check, NotTaken, Source

__all__ = ["AcceptedCrl", "accept", "check_bounds"]

MAX_SKEW = timedelta(minutes=5)
"""How far an issuer's clock may be ahead of ours (C13)."""
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2106, 1, 1, tzinfo=UTC)
"""The dates that the index can hold; a zero date is no date (T7)."""
_SEAL = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedCrl:
    """A CRL that speaks for its partition; only accept makes one."""

    number: int
    this_update: datetime
    next_update: datetime
    entries: list[Entry] = field(repr=False)
    """Sorted by serial."""
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("an AcceptedCrl comes from accept() only")


def accept(body: bytes, source: Source, mark: Mark | None, *, at: datetime) -> AcceptedCrl:
    """Check one CRL against its source and the mark of the last one; raises NotTaken.

    1. It is a version 2 CRL in DER (its size was counted while it was fetched).
    2. It names this issuer and this key (T14): all generations of a CA share one name.
    3. The issuer's key, which may sign CRLs, has signed it.
    4. Its scope is this partition and every certificate and reason in it (RFC 5280 5.2.5).
    5. No critical extension is unknown, neither in the list nor in an entry.
    6. It has a number, greater than the last one's (RFC 5280 5.2.3).
    7. thisUpdate is not in the future and not before the last one's.
    8. nextUpdate is there and ahead.
    9. It is not a delta.
    10. Its entries have credible dates (T7), legal reasons and no serial twice.
    """
    crl = _parse(body)
    _check_issuer(crl, source.issuer)
    _check_signature(crl, source.issuer)
    _check_scope(crl, source.partition.name)
    _check_critical(crl)
    number = _check_number(crl, mark)
    _check_this_update(crl, mark, at)
    next_update = _check_next_update(crl, at)
    _check_base(crl)
    return AcceptedCrl(
        number=number,
        this_update=crl.this_update,
        next_update=next_update,
        entries=_check_entries(crl, source.issuer, at),
        seal=_SEAL,
    )


def check_bounds(changes: Changes, issuer: Issuer, mark: Mark | None) -> None:
    """Check 11: entries vanish and appear within the issuer's bounds; raises NotTaken.

    The first CRL of a partition has nothing to be measured by. A released hold vanishes as it
    should; everything else vanishes by expiry alone, which comes in ones. Turning a
    revocation into a hold counts as vanishing, since a hold may go unnoticed afterwards.
    """
    if mark is None:
        return
    bounds = issuer.bounds
    vanished = sum(not _releasable(entry, issuer) for entry in changes.removed) + sum(
        after.reason is Reason.CERTIFICATE_HOLD is not before.reason
        for before, after in changes.changed
    )
    if vanished > max(bounds.shrink_slack, bounds.max_shrink * mark.entries):
        raise NotTaken(
            Check.BOUNDS,
            f"{vanished} of {mark.entries} entries would vanish; ask the issuer, and if it is "
            "right, raise max_shrink in the issuer's bounds",
        )
    if len(changes.added) > max(bounds.growth_slack, bounds.max_growth * mark.entries):
        raise NotTaken(
            Check.BOUNDS,
            f"{len(changes.added)} entries would be added to {mark.entries}; ask the issuer, "
            "and if it is right, raise max_growth in the issuer's bounds",
        )


def _parse(body: bytes) -> Crl:
    try:
        return parse_crl(body)
    except PkiError as wrong:
        raise NotTaken(Check.FORM, f"this is no CRL in DER that can be read: {wrong}") from wrong


def _check_issuer(crl: Crl, issuer: Issuer) -> None:
    if crl.issuer_name != issuer.identity.name:
        raise NotTaken(Check.ISSUER, "another issuer is named; look at the URL of the partition")
    if crl.authority_key_id not in (None, _key_id(issuer)):
        raise NotTaken(
            Check.ISSUER,
            "the key is of another generation of this issuer; look at the URL of the partition",
        )


def _key_id(issuer: Issuer) -> bytes:
    extensions = issuer.certificate.extensions
    try:
        return extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return digest("sha1", issuer.identity.key)  # RFC 5280 4.2.1.2, method 1


def _check_signature(crl: Crl, issuer: Issuer) -> None:
    try:
        usage = issuer.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        permitted = usage.crl_sign
    except x509.ExtensionNotFound:
        permitted = True
    if not permitted:  # RFC 5280 6.3.3 (f)
        raise NotTaken(Check.SIGNATURE, "the issuer's certificate may not sign CRLs; replace it")
    try:
        verify(issuer.certificate.public_key(), crl.algorithm, crl.signature, crl.tbs)
    except PkiError as wrong:
        raise NotTaken(Check.SIGNATURE, f"{wrong}; fetch it over another way") from wrong


def _check_scope(crl: Crl, name: str) -> None:
    scope = crl.scope
    if scope is None:
        if name:
            raise NotTaken(Check.SCOPE, "it names no distribution point but should be a partition")
        return
    if not name:
        raise NotTaken(
            Check.SCOPE, "it is one partition but should be complete; list the issuer's partitions"
        )
    if not any(_same_point(each, name) for each in scope.names):
        raise NotTaken(Check.SCOPE, "it is another partition's; look at the URL of this one")
    if scope.only_ca or scope.only_attribute or scope.some_reasons or scope.indirect:
        raise NotTaken(
            Check.SCOPE, "it leaves certificates or reasons out, or speaks for other issuers"
        )


def _same_point(one: str, other: str) -> bool:
    # Directory names compare loosely, URIs to the letter: /A.crl is not /a.crl.
    return one == other or ("://" not in one and same_name(one, other))


def _check_critical(crl: Crl) -> None:
    if crl.unknown_critical:
        raise NotTaken(
            Check.CRITICAL, f"critical extension {crl.unknown_critical[0]} is not understood"
        )


def _check_number(crl: Crl, mark: Mark | None) -> int:
    if crl.number is None:
        raise NotTaken(Check.NUMBER, "it has no number; ask the issuer (RFC 5280 5.2.3)")
    if mark and crl.number == mark.number:
        raise NotTaken(Check.NUMBER, f"its number {crl.number} has had another content before")
    if mark and crl.number < mark.number:
        # The number only grows: this is a replay or a restored backup of the CA.
        raise NotTaken(Check.NUMBER, f"its number {crl.number} comes after {mark.number}")
    return crl.number


def _check_this_update(crl: Crl, mark: Mark | None, at: datetime) -> None:
    if crl.this_update > at + MAX_SKEW:
        raise NotTaken(Check.THIS_UPDATE, f"it is of {crl.this_update:%F %T}Z; look at the clocks")
    if mark and crl.this_update < mark.this_update:
        raise NotTaken(
            Check.THIS_UPDATE,
            f"it is of {crl.this_update:%F %T}Z, before {mark.this_update:%F %T}Z of the last one",
        )


def _check_next_update(crl: Crl, at: datetime) -> datetime:
    if crl.next_update is None:
        raise NotTaken(Check.NEXT_UPDATE, "it has no nextUpdate; ask the issuer (RFC 5280 5.1.2.5)")
    if crl.next_update <= at:
        raise NotTaken(Check.NEXT_UPDATE, f"it was to be replaced by {crl.next_update:%F %T}Z")
    return crl.next_update


def _check_base(crl: Crl) -> None:
    if crl.base_number is not None:
        raise NotTaken(Check.DELTA, "it is a delta; give the URL of the full CRL")


def _check_entries(crl: Crl, issuer: Issuer, at: datetime) -> list[Entry]:
    begin = max(EARLIEST, issuer.certificate.not_valid_before_utc)
    end = min(LATEST, at + MAX_SKEW)
    entries: list[Entry] = []
    try:
        for entry in crl.entries():
            if not begin <= entry.revoked_at <= end:
                raise Malformed("its date is not within the issuer's life until now")
            if entry.invalid_since is not None and not begin <= entry.invalid_since <= end:
                raise Malformed("its invalidityDate is not within the issuer's life until now")
            if entry.reason is Reason.REMOVE_FROM_CRL:
                raise Malformed("removeFromCRL belongs in deltas only")  # RFC 5280 5.3.1
            entries.append(entry)
    except (Malformed, Unsupported) as wrong:
        check = Check.ENTRIES if isinstance(wrong, Malformed) else Check.CRITICAL
        raise NotTaken(check, f"entry {len(entries) + 1}: {wrong}") from wrong
    entries.sort(key=attrgetter("serial"))
    if any(one.serial == other.serial for one, other in pairwise(entries)):
        raise NotTaken(Check.ENTRIES, "a serial is listed twice")
    return entries


def _releasable(entry: Entry, issuer: Issuer) -> bool:
    """Tell whether an entry may vanish as a released hold."""
    # User terms section 9: a hold of a signature certificate is never released.
    return entry.reason is Reason.CERTIFICATE_HOLD and issuer.family is not Family.SIGNATURE
