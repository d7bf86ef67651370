"""The numbered checks between a message of a push feed and the index.

What a message says is taken in as a whole or not at all. Not for how messages come (`feed`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from tashika.pki.errors import PkiError
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.feed import (
    FIRST_PREVIOUS,
    Event,
    Happened,
    Message,
    PartitionNews,
    key_digest,
    message_digest,
    open_message,
)
from tashika_server.index import Changes, Entry, FeedMark, Pushed, Snapshot
from tashika_server.index.layout import MAX_SERIAL_BYTES
from tashika_server.issuer import Issuer, PushFeed
from tashika_server.refresh.accept import EARLIEST, LATEST
from tashika_server.refresh.guards import check_guarded
from tashika_server.refresh.heads import MAX_SKEW, check_validity
from tashika_server.refresh.source import Check, NotTaken

__all__ = ["AcceptedMessage", "FeedSource", "accept_message", "known_mark"]

HOLD = Reason.CERTIFICATE_HOLD


@dataclass(frozen=True, slots=True, eq=False)
class FeedSource:
    """The push feed of one issuer; equal to itself only."""

    issuer: Issuer
    feed: PushFeed
    fingerprint: bytes

    def __str__(self) -> str:
        """Name it as an operator knows it."""
        return f"{self.issuer.name}: push feed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedMessage:
    """What a message changes, and the mark of it."""

    pushed: tuple[Pushed, ...]
    mark: FeedMark


def known_mark(source: FeedSource, view: Snapshot) -> FeedMark | None:
    """Return how far this feed is taken in; None for one under another key than before."""
    mark = view.feed(source.fingerprint)
    return mark if mark and mark.key == key_digest(source.feed.key) else None


def accept_message(
    line: bytes, source: FeedSource, known: FeedMark | None, view: Snapshot, *, at: datetime
) -> AcceptedMessage | None:
    """Check one message against its predecessor and the index; None for the last one again.

    1. It is a message, signed with the feed's key, of this issuer.
    2. It follows the last one that was taken in: its number, and its predecessor's digest. The
       first one is the feed's first, or no later than each CRL that the index has.
    3. Its times ascend, and are not ahead of ours.
    4. Each partition is expected, and has a CRL. What a CRL says already is left out.
    5. Each event is credible and legal after what the index has.
    6. No CA or OCSP signer is revoked, and no partition grows beyond its bounds (T16).
    7. Each partition then lists as many certificates as the issuer says (T10).

    Raises NotTaken.
    """
    message = _open(line, source)
    digest = message_digest(line)
    if known and message.sequence == known.sequence and digest == known.digest:
        return None
    _check_place(message, known, source, view)
    _check_times(message, known, at, source.issuer.bounds.max_validity)
    pushed = [_pushed(news, message, source, view, at) for news in message.partitions]
    mark = FeedMark(
        key=key_digest(source.feed.key),
        sequence=message.sequence,
        digest=digest,
        this_update=message.this_update,
        next_update=message.next_update,
    )
    return AcceptedMessage(pushed=tuple(each for each in pushed if each), mark=mark)


def _open(line: bytes, source: FeedSource) -> Message:
    try:
        message = open_message(line, source.feed.key)
    except PkiError as wrong:
        raise NotTaken(Check.SIGNATURE, f"{wrong}; look at the feed's URL and key") from wrong
    if message.issuer != sha256(source.issuer.identity.key).hexdigest():
        raise NotTaken(Check.ISSUER, "it speaks of another issuer's key; look at the feed's URL")
    return message


def _check_place(
    message: Message, known: FeedMark | None, source: FeedSource, view: Snapshot
) -> None:
    number = message.sequence
    if known is None:
        _check_first(message, source, view)
    elif number > known.sequence + 1:
        raise NotTaken(
            Check.NUMBER,
            f"message {number} came after {known.sequence}: what is between them is missing; "
            "the CRLs carry on until the feed has it",
        )
    elif number <= known.sequence or message.previous != known.digest:
        raise NotTaken(
            Check.NUMBER,
            f"message {known.sequence} has had another content before; ask the issuer, and if it "
            "has begun anew, have it sign with another key",
        )


def _check_first(message: Message, source: FeedSource, view: Snapshot) -> None:
    before = known_mark(source, view)
    if before and message.sequence <= before.sequence:
        raise NotTaken(
            Check.NUMBER,
            f"message {before.sequence} was taken in, and message {message.sequence} comes again; "
            "ask the issuer, and if it has begun anew, have it sign with another key",
        )
    marks = view.marks(source.fingerprint)
    if len(marks) < len(source.issuer.partitions):
        raise NotTaken(Check.NUMBER, "a CRL has not come yet; the feed is followed once it has")
    if message.sequence == 1 and message.previous == FIRST_PREVIOUS:
        return
    if message.this_update > min(mark.this_update for mark in marks.values()):
        raise NotTaken(
            Check.NUMBER,
            f"the feed begins at message {message.sequence}, after the oldest CRL was made; it is "
            "followed once all CRLs are newer",
        )


def _check_times(
    message: Message, known: FeedMark | None, at: datetime, longest: timedelta
) -> None:
    begins, ends = message.this_update, message.next_update
    if begins > at + MAX_SKEW:
        raise NotTaken(Check.THIS_UPDATE, f"it is of {begins:%F %T}Z; look at the clocks")
    if known and begins < known.this_update:
        raise NotTaken(Check.THIS_UPDATE, f"it is of {begins:%F %T}Z, before the last one")
    if ends <= begins:
        raise NotTaken(Check.NEXT_UPDATE, "it was over when it was made; ask the issuer")
    check_validity(begins, ends, longest)


def _pushed(
    news: PartitionNews, message: Message, source: FeedSource, view: Snapshot, at: datetime
) -> Pushed | None:
    mark = view.mark(source.fingerprint, news.partition)
    if mark is None:
        raise NotTaken(
            Check.SCOPE, "it speaks of a partition without a CRL; look at the issuer's partitions"
        )
    if news.number < mark.number:
        return None
    changes = _changes(news.events, source, news.partition, view, at)
    check_guarded(changes, source.issuer)
    listed = view.count(source.fingerprint, news.partition)
    _check_growth(listed + len(changes.added), source.issuer, mark.entries)
    speaks_whole = news.number == mark.number
    if speaks_whole:
        _check_count(news, changes, listed)
    return Pushed(
        partition=news.partition,
        number=news.number,
        # Built on a CRL that is not here, it says nothing of what that CRL has changed.
        this_update=message.this_update if speaks_whole else mark.this_update,
        changes=changes,
    )


def _changes(
    events: Sequence[Event], source: FeedSource, partition: str, view: Snapshot, at: datetime
) -> Changes:
    serials = sorted({event.serial for event in events})
    if serials and not 0 <= serials[0] <= serials[-1] < 1 << 8 * MAX_SERIAL_BYTES:
        raise _illegal("a serial is longer than any")
    before = view.entries_of(source.fingerprint, partition, serials)
    after: dict[int, Entry | None] = dict(before)
    for event in events:
        after[event.serial] = _next(after.get(event.serial), event, source.issuer, at)
    moves = [(before.get(serial), after[serial]) for serial in serials]
    return Changes(
        added=[new for old, new in moves if new and not old],
        changed=[(old, new) for old, new in moves if old and new and old != new],
        removed=[old for old, new in moves if old and not new],
    )


def _next(known: Entry | None, event: Event, issuer: Issuer, at: datetime) -> Entry | None:
    """Return what a certificate's entry becomes; raises NotTaken for what may not follow."""
    if event.what is Happened.RELEASED:
        if known and (known.reason is not HOLD or issuer.family is Family.SIGNATURE):
            # User terms section 9: a hold of a signature certificate is never released.
            raise _illegal("what is no hold, or is one that never ends, is released")
        return None
    entry = _entry(event, issuer, at)
    if known == entry:
        return entry
    is_revoked = known is not None and known.reason is not HOLD
    if (event.what is Happened.HELD) is not (entry.reason is HOLD):
        raise _illegal("holds and no others have the reason certificateHold")
    if event.what is Happened.CORRECTED and not is_revoked:
        raise _illegal("what is not revoked is corrected")
    if event.what is not Happened.CORRECTED and is_revoked:
        raise _illegal("what is revoked is revoked or held again")
    return entry


def _entry(event: Event, issuer: Issuer, at: datetime) -> Entry:
    begin = max(EARLIEST, issuer.certificate.not_valid_before_utc)
    end = min(LATEST, at + MAX_SKEW)
    if event.at is None or not begin <= event.at <= end:
        raise _illegal("a date is not within the issuer's life until now")
    if event.invalid_since is not None and not begin <= event.invalid_since <= end:
        raise _illegal("a date of invalidity is not within the issuer's life until now")
    if event.reason is Reason.REMOVE_FROM_CRL:
        raise _illegal("removeFromCRL belongs in deltas only")  # RFC 5280 5.3.1
    return Entry(event.serial, event.at, event.reason, event.invalid_since)


def _check_growth(then: int, issuer: Issuer, entries: int) -> None:
    """Measure all that has been added since the CRL: a feed could go beyond it step by step."""
    bounds = issuer.bounds
    if then - entries > max(bounds.growth_slack, bounds.max_growth * entries):
        raise NotTaken(
            Check.BOUNDS,
            f"{then - entries} entries would have been added to the {entries} of the CRL; ask the "
            "issuer: its CRLs can be released, its feed cannot",
        )


def _check_count(news: PartitionNews, changes: Changes, listed: int) -> None:
    then = listed + len(changes.added) - len(changes.removed)
    if then != news.entries:
        raise NotTaken(
            Check.ENTRIES,
            f"a partition would list {then} certificates, and its issuer says {news.entries}; "
            "its next CRL decides",
        )


def _illegal(what: str) -> NotTaken:
    return NotTaken(Check.ENTRIES, f"{what}; ask the issuer")
