"""The numbered checks between a file from the network and the index.

An AcceptedCrl has passed all that can be seen in one file and the mark of its predecessor.
The last check, `check_bounds`, needs the difference as well and is made right after `diff`.
"""

import hashlib
import os
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import BinaryIO

from cryptography import x509
from cryptography.x509 import Certificate

from tashika.pki.algorithms import digest, read_algorithm, verify_digest
from tashika.pki.certid import IssuerIdentity
from tashika.pki.crl_head import CrlHead, Scope, read_frame
from tashika.pki.errors import PkiError
from tashika.pki.names import same_name
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.index import Changes, Entry, Mark
from tashika_server.issuer import Covers, Issuer, Partition
from tashika_server.refresh.cell import Cell
from tashika_server.refresh.fetch import Fetched
from tashika_server.refresh.hearing import Listed, hearing
from tashika_server.refresh.messages import Order
from tashika_server.refresh.room import Room
from tashika_server.refresh.source import Check, Kind, NotTaken, Source

__all__ = ["AcceptedCrl", "NotNews", "Reading", "ReadingLimits", "accept", "check_bounds"]

MAX_SKEW = timedelta(minutes=5)
"""How far an issuer's clock may be ahead of ours (C13)."""
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2106, 1, 1, tzinfo=UTC)
"""The dates that the index can hold; a zero date is no date (T7)."""
PIECE = 1 << 20
_SEAL = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingLimits:
    """How much of a CRL is read, and how long (T30); a cell has limits of its own."""

    max_entries: int = 100_000_000
    """Twice the revoked certificates of a nation."""
    patience: timedelta = timedelta(minutes=15)
    """By the clock, for 50 M entries on a busy core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one file is read with."""

    cell: Cell
    room: Room
    limits: ReadingLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedCrl:
    """A CRL that speaks for its partition; only accept makes one."""

    number: int
    base: int | None
    """Where it is a delta, the number of the oldest complete CRL that it can follow."""
    this_update: datetime
    next_update: datetime
    freshest: str | None
    listed: Listed = field(repr=False)
    """Sorted by serial; with the room it ends."""
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("an AcceptedCrl comes from accept() only")


class NotNews(Exception):
    """A CRL is in order, and the index has been brought beyond it in another way."""


def accept(
    fetched: Fetched,
    source: Source,
    mark: Mark | None,
    reading: Reading,
    *,
    kind: Kind = Kind.COMPLETE,
    at: datetime,
) -> AcceptedCrl:
    """Check one CRL against its source and the mark of the last one; raises NotTaken, NotNews.

    1. It is a version 2 CRL in DER (its size was counted while it was fetched).
    2. It names this issuer and this key (T14): all generations of a CA share one name.
    3. The issuer's key, which may sign CRLs, has signed it. No entry is read before (T30).
    4. Its scope is this partition and every certificate and reason in it (RFC 5280 5.2.5).
    5. No critical extension is unknown, neither in the list nor in an entry.
    6. It has a number, greater than the last one's (RFC 5280 5.2.3).
    7. thisUpdate is not in the future and not before the last one's.
    8. nextUpdate is there and ahead.
    9. It is complete, or a delta to what the index has (RFC 5280 5.2.4), as was asked for.
    10. Its entries have credible dates (T7), legal reasons and no serial twice.

    The head and the entries are read in a process apart (T28); only the outermost frame, which
    the signature is verified by, is read in this one.
    """
    with (
        fetched.path.open("rb") as file,
        hearing(reading.cell, file, reading.room, patience=reading.limits.patience) as heard,
    ):
        head = heard.head()
        signer = source.partition.crl_issuer or source.issuer.certificate
        _check_issuer(head, signer)
        _check_signature(file, signer)
        _check_scope(head, source.partition)
        _check_critical(head)
        number = _check_number(head, mark, kind, fetched.sha256)
        _check_this_update(head, mark, at)
        next_update = _check_next_update(head, at)
        _check_base(head, mark, kind)
        return AcceptedCrl(
            number=number,
            base=head.base_number,
            this_update=head.this_update,
            next_update=next_update,
            freshest=next(iter(head.freshest), None),
            listed=heard.listed(_order(source, kind, reading.limits, at)),
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


def _check_issuer(head: CrlHead, signer: Certificate) -> None:
    if head.issuer_name != signer.subject.public_bytes():
        raise NotTaken(Check.ISSUER, "another issuer is named; look at the URL of the partition")
    if head.authority_key_id not in (None, _key_id(signer)):
        raise NotTaken(
            Check.ISSUER,
            "the key is of another generation of this issuer; look at the URL of the partition",
        )


def _key_id(signer: Certificate) -> bytes:
    try:
        return signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return digest("sha1", IssuerIdentity.of(signer).key)  # RFC 5280 4.2.1.2, method 1


def _check_signature(file: BinaryIO, signer: Certificate) -> None:
    try:
        permitted = signer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        permitted = True
    if not permitted:  # RFC 5280 6.3.3 (f)
        raise NotTaken(Check.SIGNATURE, "the issuer's certificate may not sign CRLs; replace it")
    try:
        frame = read_frame(partial(_window, file), os.fstat(file.fileno()).st_size)
        algorithm = read_algorithm(frame.algorithm)
        said = _digest(file, frame.tbs, algorithm.hash_name)
        verify_digest(signer.public_key(), algorithm, frame.signature, said)
    except PkiError as wrong:
        raise NotTaken(Check.SIGNATURE, f"{wrong}; fetch it over another way") from wrong


def _window(file: BinaryIO, at: int, count: int) -> bytes:
    return os.pread(file.fileno(), count, at)


def _digest(file: BinaryIO, within: range, hash_name: str) -> bytes:
    digesting = hashlib.new(hash_name)
    for at in range(within.start, within.stop, PIECE):
        digesting.update(_window(file, at, min(PIECE, within.stop - at)))
    return digesting.digest()


def _check_scope(head: CrlHead, partition: Partition) -> None:
    scope, name = head.scope or Scope(), partition.name
    if scope.some_reasons:
        raise NotTaken(
            Check.REASONS,
            "it is of some reasons only, and a partition here has all reasons of its "
            "certificates; ask the issuer for a CRL with onlySomeReasons left out",
        )
    if scope.names and not name:
        raise NotTaken(
            Check.SCOPE, "it is one partition but should be complete; list the issuer's partitions"
        )
    if name and not scope.names:
        raise NotTaken(Check.SCOPE, "it names no distribution point but should be a partition")
    if name and not any(_same_point(each, name) for each in scope.names):
        raise NotTaken(Check.SCOPE, "it is another partition's; look at the URL of this one")
    if scope.indirect != (partition.crl_issuer is not None):
        raise NotTaken(
            Check.SCOPE,
            "it is an indirect CRL and the partition has no crl_issuer, or the other way round",
        )
    _check_kinds(scope, partition)


def _check_kinds(scope: Scope, partition: Partition) -> None:
    if scope.only_ca or scope.only_attribute:
        raise NotTaken(Check.SCOPE, "it leaves users' certificates out; look at the URL")
    if scope.only_user and not partition.name and partition.covers is Covers.EVERYTHING:
        raise NotTaken(
            Check.SCOPE,
            "it is of users' certificates only; if no others are asked about, say "
            'covers = "user-certificates"',
        )


def _same_point(one: str, other: str) -> bool:
    # Directory names compare loosely, URIs to the letter: /A.crl is not /a.crl.
    return one == other or ("://" not in one and same_name(one, other))


def _check_critical(head: CrlHead) -> None:
    if head.unknown_critical:
        raise NotTaken(
            Check.CRITICAL, f"critical extension {head.unknown_critical[0]} is not understood"
        )


def _check_number(head: CrlHead, mark: Mark | None, kind: Kind, sha256: bytes) -> int:
    number = head.number
    if number is None:
        raise NotTaken(Check.NUMBER, "it has no number; ask the issuer (RFC 5280 5.2.3)")
    if mark is None or number > mark.number:
        return number
    by_delta = mark.delta if mark.delta and mark.delta.complete < mark.number else None
    if number == mark.number:
        # RFC 5280 5.2.4: the complete CRL and the delta of one moment share their number.
        if by_delta and kind is Kind.COMPLETE:
            return number
        if kind is Kind.COMPLETE or (by_delta and by_delta.sha256 != sha256):
            raise NotTaken(Check.NUMBER, f"its number {number} has had another content before")
        raise NotNews
    if kind is Kind.DELTA or (by_delta and number > by_delta.complete):
        raise NotNews
    # The number only grows: this is a replay or a restored backup of the CA.
    raise NotTaken(Check.NUMBER, f"its number {number} comes after {mark.number}")


def _check_this_update(head: CrlHead, mark: Mark | None, at: datetime) -> None:
    if head.this_update > at + MAX_SKEW:
        raise NotTaken(Check.THIS_UPDATE, f"it is of {head.this_update:%F %T}Z; look at the clocks")
    if mark and head.this_update < mark.this_update:
        raise NotTaken(
            Check.THIS_UPDATE,
            f"it is of {head.this_update:%F %T}Z, before {mark.this_update:%F %T}Z of the last one",
        )


def _check_next_update(head: CrlHead, at: datetime) -> datetime:
    if head.next_update is None:
        raise NotTaken(Check.NEXT_UPDATE, "it has no nextUpdate; ask the issuer (RFC 5280 5.1.2.5)")
    if head.next_update <= at:
        raise NotTaken(Check.NEXT_UPDATE, f"it was to be replaced by {head.next_update:%F %T}Z")
    return head.next_update


def _check_base(head: CrlHead, mark: Mark | None, kind: Kind) -> None:
    """Make sure that a delta follows on what the index has (RFC 5280 5.2.4 (c), (d))."""
    base = head.base_number
    if kind is Kind.COMPLETE:
        if base is not None:
            raise NotTaken(Check.DELTA, "it is a delta; give the URL of the complete CRL")
        return
    if base is None:
        raise NotTaken(Check.DELTA, "it is no delta; look at the URL of the partition's deltas")
    if head.number is None or base >= head.number:
        raise NotTaken(Check.DELTA, f"it is based on number {base}, which is not before its own")
    if mark is None or base > mark.number:
        raise NotTaken(
            Check.BASE,
            f"it is based on number {base} and the index has {mark.number if mark else 'none'}; "
            "the complete CRL is fetched",
        )


def _order(source: Source, kind: Kind, limits: ReadingLimits, at: datetime) -> Order:
    begin = max(EARLIEST, source.issuer.certificate.not_valid_before_utc)
    indirect = source.partition.crl_issuer is not None
    return Order(
        begin=int(begin.timestamp()),
        end=int(min(LATEST, at + MAX_SKEW).timestamp()),
        max_entries=limits.max_entries,
        is_delta=kind is Kind.DELTA,
        other_issuer=source.issuer.identity.name.hex() if indirect else None,
    )


def _releasable(entry: Entry, issuer: Issuer) -> bool:
    """Tell whether an entry may vanish as a released hold."""
    # User terms section 9: a hold of a signature certificate is never released.
    return entry.reason is Reason.CERTIFICATE_HOLD and issuer.family is not Family.SIGNATURE
