"""Pushes what has happened since the last time: the giving side of docs/push-feed.md.

A message is a row of lab.sqlite, and published by being there: the commit is the one step, so
a crash repeats no number and leaves no gap.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tashika.pki.certid import IssuerIdentity
from tashika.pki.names import name_text
from tashika.pki.standing import Reason
from tashika_server.feed import (
    FIRST_PREVIOUS,
    Event,
    Message,
    PartitionNews,
    message_digest,
    sign_message,
)
from tashika_server.feed import Happened as What
from tashika_server.lab.authorities import Authority
from tashika_server.lab.errors import LabError
from tashika_server.lab.keys import read_key
from tashika_server.lab.layout import Layout, write, write_key
from tashika_server.lab.naming import distribution_point
from tashika_server.lab.premises import Premises
from tashika_server.lab.records import Happening
from tashika_server.lab.said import Happened, Said, happened_since, last_said, say

__all__ = ["found_feed", "has_feed", "push_news"]

PROMISE = timedelta(minutes=5)
"""The next message comes before that: upkeep is each minute, and may be late."""
EVERY = timedelta(minutes=1)
"""How soon a message says that nothing happened."""
MOST_EVENTS = 20_000
"""Of a message, unless they are all of one municipality; 4 MiB hold some 25,000."""

_WHAT = {
    Happening.HELD: What.HELD,
    Happening.RELEASED: What.RELEASED,
    Happening.REVOKED: What.REVOKED,
}


def found_feed(layout: Layout) -> None:
    """Make the key that signs the feeds of all issuers of a lab."""
    key = ec.generate_private_key(ec.SECP256R1())
    write_key(layout.feed_key, key)
    form = PublicFormat.SubjectPublicKeyInfo
    write(layout.feed_public_key, key.public_key().public_bytes(Encoding.PEM, form))


def has_feed(layout: Layout) -> bool:
    """Tell whether this lab pushes."""
    return layout.feed_key.is_file()


def push_news(premises: Premises, *, at: datetime) -> int:
    """Say what has happened, of each issuer where something has or that was silent for a minute.

    Returns the number of events. The caller is alone. LabError in a lab that has no feed.
    """
    if not has_feed(premises.layout):
        raise LabError("this lab has no feed; make one with `tashika-server lab init --feed`")
    key = read_key(premises.layout.feed_key)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise LabError(f"{premises.layout.feed_key} is no key of a feed; make the lab anew")
    at = at.astimezone(UTC).replace(microsecond=0)
    with premises.state.transaction():
        return sum(_say(premises, authority, key, at) for authority in premises.authorities())


def _say(
    premises: Premises, authority: Authority, key: ec.EllipticCurvePrivateKey, at: datetime
) -> int:
    db = premises.state.connection
    last = last_said(db, authority.name)
    news = happened_since(db, authority.name, last.event if last else 0)
    event = news[-1].event if news else last.event if last else 0
    if last is None:
        news = []  # a feed is founded where all that has happened is in CRLs
    elif not news and at < last.at + EVERY:
        return 0
    issuer = sha256(IssuerIdentity.of(authority.certificate).key).hexdigest()
    *shares, rest = _shares(_partitions(premises, authority, news))
    now = max(at, last.at) if last else at
    # Only with the last one is everything said until now.
    for until, share in [*((last.at if last else now, each) for each in shares), (now, rest)]:
        message = Message(
            issuer=issuer,
            sequence=last.sequence + 1 if last else 1,
            previous=message_digest(last.line) if last else FIRST_PREVIOUS,
            this_update=until,
            next_update=at + PROMISE,
            partitions=share,
        )
        line = sign_message(message, key)
        last = Said(sequence=message.sequence, at=until, event=event, line=line)
        say(db, authority.name, last)
    return len(news)


def _shares(partitions: Iterable[PartitionNews]) -> Iterator[tuple[PartitionNews, ...]]:
    """Deal partitions out to messages that anybody takes (T38); the last share may be empty."""
    share, events = list[PartitionNews](), 0
    for each in partitions:
        if share and events + len(each.events) > MOST_EVENTS:
            yield tuple(share)
            share, events = [], 0
        share.append(each)
        events += len(each.events)
    yield tuple(share)


def _partitions(
    premises: Premises, authority: Authority, news: list[Happened]
) -> tuple[PartitionNews, ...]:
    told = defaultdict[str, list[Event]](list)
    for each in news:
        told[each.municipality].append(_event(each))
    marks, counts = premises.state.marks(), _counts(premises, authority.name) if news else {}
    return tuple(
        PartitionNews(
            partition=name_text(distribution_point(authority.family, place).public_bytes()),
            number=marks[authority.name, place.code].number,
            entries=counts[place.code],
            events=tuple(told[place.code]),
        )
        for place in premises.places
        if place.code in told
    )


def _counts(premises: Premises, issuer: str) -> Counter[str]:
    """Count what each municipality lists: what its last CRL left out for its age stays out."""
    marks = premises.state.marks()
    counts = Counter[str]()
    for entry in premises.state.listed():
        since = marks[entry.issuer, entry.municipality].before
        if entry.issuer == issuer and (since is None or entry.not_after >= since):
            counts[entry.municipality] += 1
    return counts


def _event(happened: Happened) -> Event:
    reason = None if happened.reason is Reason.UNSPECIFIED else happened.reason
    ends = happened.happening is Happening.RELEASED
    return Event(
        what=_WHAT[happened.happening],
        serial=happened.serial,
        at=None if ends else happened.at,
        reason=None if ends else reason,
        invalid_since=happened.invalid_since,
    )
