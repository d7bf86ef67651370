"""What a worker does about metering: note each answer, wait for the disk, say what became of it.

    noted = meter.note(permit, cert_ids, standings, nonce=..., ...)    before signing
    ... sign, with noted.receipt where the agreement wants one, as of noted.produced_at
    await meter.commit(noted)                    no journal, no answer
    ... hand the answer over
    meter.settle(noted, Delivery.HANDED_OVER)    or ABANDONED, where that came to nothing

Noted before signing, because the answer may say where it stands in the journal. Whoever has
noted settles, whatever happens in between.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, NamedTuple, Protocol

from tashika.pki.certid import CertId
from tashika.pki.pseudonym import PSEUDONYM_BYTES, Pseudonyms, derive_key
from tashika.pki.receipt import Receipt, StandingCode
from tashika.pki.response import ResponseStatus
from tashika.pki.standing import Good, Revoked, Standing
from tashika_server.metering.group import GroupCommit, Then
from tashika_server.metering.journal import Journal, JournalStopped
from tashika_server.metering.repeats import Repeats, trace_of
from tashika_server.metering.usage import Context, Delivery, Occasion, instant, microseconds
from tashika_server.refusal import Refusal, Reply

__all__ = ["Meter", "NotJournalled", "Noted", "Permit", "standing_code"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
# For the hot path: to find a member of an enum takes as long as a call.
_FRESH: Final = Occasion.FRESH
_CACHED: Final = Occasion.CACHED
_RETRY: Final = Occasion.RETRY
_HANDED_OVER: Final = Delivery.HANDED_OVER
_GOOD: Final = StandingCode.GOOD
_LINES: Final = 10_000
"""Permits known at a time: a gate compiles some anew with every change of an agreement."""
NAMES: Final = 16_384
"""Pseudonyms remembered, about 3 MB: as many as a worker keeps answers."""


class NotJournalled(Refusal):
    """The answer cannot be recorded, so it is not given (rule 1); a moment later it may be."""

    reply = Reply(
        ocsp=ResponseStatus.TRY_LATER,
        http=HTTPStatus.OK,
        metric="not_journalled",
        ja="現在、提供の記録を行うことができません。時間をおいて再度照会してください。",
        en="Answers cannot be recorded at present. Try again later.",
    )


class Permit(Protocol):
    """By what right an answer is given: `agreements.party.Permit`, as far as metering reads it."""

    @property
    def verifier(self) -> str:
        """The party that asks."""
        ...

    @property
    def agreement(self) -> str:
        """Under which it asks."""
        ...

    @property
    def version(self) -> int:
        """Of the agreement."""
        ...

    @property
    def holder(self) -> str | None:
        """The tenant or confirmer; None is the verifier itself."""
        ...

    @property
    def family(self) -> str:
        """Of the certificates asked about."""
        ...

    @property
    def issuer(self) -> str:
        """Its name in the configuration."""
        ...

    @property
    def method(self) -> str:
        """Of provision."""
        ...

    @property
    def purpose(self) -> str:
        """What is asked for."""
        ...


class Noted:
    """An answer in the journal: one number for each of its certificates, from `first` on."""

    __slots__ = ("at", "certificates", "first", "fresh", "journal", "late")

    def __init__(self, journal: Journal, first: int, now: int, fresh: tuple[bytes, ...]) -> None:
        """Of what was noted last; `fresh` are the traces that make the next such a retry."""
        self.journal, self.first, self.fresh = journal, first, fresh
        self.certificates, self.at = journal.sequence - first, journal.at
        self.late = self.at != now
        """Whether the journal was ahead of the clock, which had been put back."""

    @property
    def receipt(self) -> Receipt:
        """Return the answer's place in the journal, as the answer may say it."""
        return Receipt(self.journal.stream, self.first)

    @property
    def produced_at(self) -> datetime:
        """Return the time that the answer must bear: the journal's, in whole seconds."""
        return instant(self.at - self.at % _SECOND)


class _Line(NamedTuple):
    """What all answers under one permit have in common, in one journal."""

    permit: Permit
    journal: Journal
    context: int
    pseudonyms: Pseudonyms


class Meter:
    """Notes the answers of one worker. For the thread of its event loop."""

    def __init__(
        self,
        *,
        group: GroupCommit,
        master: bytes,
        fingerprints: Mapping[str, bytes],
        repeats: Repeats,
        most_names: int = NAMES,
    ) -> None:
        """Note with the pseudonyms of a master key, for issuers known by name."""
        self._group, self._repeats = group, repeats
        self._master, self._fingerprints = master, fingerprints
        self._lines: dict[int, _Line] = {}
        self._most_names = most_names
        self._names: dict[tuple[Pseudonyms, int], bytes] = {}
        """By who makes them, so by key and issuer, and by the serial."""
        # All answers of a turn have one time.
        self._at, self._now = _EPOCH, 0

    def note(
        self,
        permit: Permit,
        cert_ids: Sequence[CertId],
        standings: Sequence[Standing],
        *,
        nonce: bytes | None,
        generation: int,
        at: datetime,
        occasion: Occasion = _FRESH,
    ) -> Noted:
        """Note an answer that is to be given, what it says of each; raises NotJournalled.

        A FRESH one to a nonce is a RETRY of what was handed over within the last minute.
        """
        try:
            journal = self._group.journal
            line = self._lines.get(id(permit))
            if line is None or line.permit is not permit or line.journal is not journal:
                line = self._add_line(permit, journal)
            context, pseudonyms, first = line.context, line.pseudonyms, journal.sequence
            if at is not self._at:
                self._at, self._now = at, microseconds(at)
            now = self._now
            fresh: tuple[bytes, ...] = ()
            for place, cert_id in enumerate(cert_ids):
                standing = standings[place]
                what = occasion
                if occasion is _CACHED:
                    name = self._recall(pseudonyms, cert_id.serial)
                else:
                    name = pseudonyms.of(cert_id.serial)
                if nonce is not None and occasion is _FRESH:
                    left = trace_of(name, nonce)
                    if self._repeats.seen(left, now // _SECOND):
                        what = _RETRY
                    else:
                        fresh += (left,)
                code = _GOOD if type(standing) is Good else standing_code(standing)
                journal.note(context, code, what, generation, name, now)
        except JournalStopped as stopped:
            raise NotJournalled from stopped
        return Noted(journal, first, now, fresh)

    def note_file(
        self, permit: Permit, digest: bytes, *, at: datetime, occasion: Occasion = _FRESH
    ) -> Noted:
        """Note a file, by its SHA-256, that is to be provided; raises NotJournalled.

        It says nothing of one certificate: its standing is that of whatever is provided, and
        in place of a pseudonym stand the first 16 octets of the digest.
        """
        try:
            journal = self._group.journal
            line = self._lines.get(id(permit))
            if line is None or line.permit is not permit or line.journal is not journal:
                line = self._add_line(permit, journal)
            first, now = journal.sequence, microseconds(at)
            journal.note(line.context, _GOOD, occasion, 0, digest[:PSEUDONYM_BYTES], now)
        except JournalStopped as stopped:
            raise NotJournalled from stopped
        return Noted(journal, first, now, ())

    async def commit(self, noted: Noted) -> None:
        """Wait until an answer's record is durable; raises NotJournalled."""
        try:
            await self._group.commit(noted.journal)
        except JournalStopped as stopped:
            raise NotJournalled from stopped

    def on_commit(self, noted: Noted, then: Then) -> None:
        """Call `then` once an answer's record is durable, or never will be."""
        self._group.on_commit(noted.journal, then)

    def look(self) -> None:
        """Call those now whose answers' records are durable by now."""
        self._group.look()

    def settle(self, noted: Noted, delivery: Delivery) -> None:
        """Say what became of an answer, once."""
        noted.journal.settle(noted.first, noted.certificates, delivery)
        if delivery is _HANDED_OVER:
            for left in noted.fresh:
                self._repeats.mark(left, noted.at // _SECOND)

    def _recall(self, pseudonyms: Pseudonyms, serial: int) -> bytes:
        """Return the pseudonym for an answer from the cache, which will be wanted once more."""
        who = pseudonyms, serial
        name = self._names.get(who)
        if name is None:
            if len(self._names) >= self._most_names:
                self._names.clear()
            name = self._names[who] = pseudonyms.of(serial)
        return name

    def _add_line(self, permit: Permit, journal: Journal) -> _Line:
        fingerprint = self._fingerprints[permit.issuer]
        context = Context(
            verifier=permit.verifier,
            holder=permit.holder or "",
            agreement=permit.agreement,
            version=permit.version,
            family=permit.family,
            issuer=permit.issuer,
            fingerprint=fingerprint,
            method=permit.method,
            purpose=permit.purpose,
        )
        if len(self._lines) >= _LINES:
            self._lines.clear()
        pseudonyms = Pseudonyms(derive_key(self._master, permit.verifier), fingerprint)
        line = _Line(permit, journal, journal.context(context), pseudonyms)
        self._lines[id(permit)] = line
        return line


def standing_code(standing: Standing) -> StandingCode:
    """Return the code of what was said of a certificate.

    RFC 6960 2.2 has "never issued" said as on hold since 1970.
    """
    if isinstance(standing, Good):  # most are
        return _GOOD
    never = isinstance(standing, Revoked) and standing.on_hold and standing.at == _EPOCH
    return StandingCode.of(standing, never_issued=never)
