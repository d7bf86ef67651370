"""One compact set, opened and checked: what it says of a certificate."""

import os
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Self

from tashika.causes import Cause
from tashika.compact.mapped import Mapped
from tashika.compact.trust import Trust, Validity, identity_of
from tashika.errors import AnswerRefused, WrongUse
from tashika.freshness import require_fresh, require_zone
from tashika.issuance import Subject
from tashika.ocsp import NEVER_ISSUED, SEAL, CheckedAnswer
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.compact.content import Content
from tashika.pki.compact.faults import CompactRefused, Fault
from tashika.pki.compact.head import NOT_STATED, Head, Kind, Otherwise, Part
from tashika.pki.errors import Malformed
from tashika.pki.standing import Good, Reason, Revoked, Standing, Unknown
from tashika.policy import DEFAULT_POLICY, Policy
from tashika.report import Report

EVER_SINCE = datetime(1970, 1, 1, tzinfo=UTC)
"""When a revocation was, where the details are not there: before all that it could be asked of."""

_WRITTEN_INTO = "the set was written into; put another in its place, by `tashika compact install`"
_FEW = 4096
"""Boundaries of the issued register that are kept in memory; sequential serials have few."""


class Listing(Enum):
    """What a set says of a serial number, without its time."""

    REVOKED = "revoked"
    HELD = "held"
    NOT_LISTED = "not listed"
    """And the issuer's rule is that it is in force."""
    ISSUED = "issued"
    """In the issued register, and not listed: it is in force."""
    NEVER_ISSUED = "never issued"
    COMPROMISED = "under a compromised key"
    """Not listed, and revoked with everything else under the issuer's key."""
    UNKNOWN = "unknown"
    """Neither listed nor in the register, and nothing is claimed of such."""


_OTHERWISE = {
    Otherwise.GOOD: Listing.NOT_LISTED,
    Otherwise.UNKNOWN: Listing.UNKNOWN,
    Otherwise.NEVER_ISSUED: Listing.NEVER_ISSUED,
    Otherwise.REVOKED: Listing.COMPROMISED,
}


class CompactSet:
    """What `path` held when it was opened; for any number of threads until it is closed.

    A newer file is put in its place by `install` and `apply_delta`, and is another set.
    """

    def __init__(
        self, mapped: Mapped, content: Content, identity: IssuerIdentity, fit: Validity
    ) -> None:
        self.head: Head = mapped.head
        """Number, times, issuer: what the signer says."""
        self.source = mapped.path.absolute().as_uri()
        """What reports name as the source of their answer."""
        self._mapped, self._content = mapped, content
        self._identity, self._fit = identity, fit
        self._seek: Callable[[int], tuple[int, bool]] = content.serials(Part.LISTED).seek
        self._held = content.serials(Part.HELD)
        self._issued = content.serials(Part.ISSUED)
        self._register = list(self._issued) if self._issued.count <= _FEW else None
        self._otherwise = _OTHERWISE[self.head.otherwise]
        self._details = content.has_details
        # Made once: to make one anew takes as long as the look-up.
        self._answers = {
            each: self._said(each, _standing(each, self.head.since)) for each in Listing
        }

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, trust: Trust, at: datetime) -> Self:
        """Open and check a file, which reads all of it once; raises CompactRefused.

        Every opening checks everything: that nobody has written to a file since cannot be told
        from what the file system says of it. It may be past its nextUpdate: its answers say so.
        """
        require_zone(at)
        identity = identity_of(trust.issuer)
        mapped = Mapped(Path(path))
        try:
            content, fit = mapped.check(Kind.SET, trust, at=at)
            return cls(mapped, content, identity, fit)
        except BaseException as failure:
            mapped.close()
            if isinstance(failure, Malformed):
                raise CompactRefused(Fault.MALFORMED, str(failure)) from failure
            raise

    @property
    def has_details(self) -> bool:
        """True where the file tells when and why a certificate was revoked."""
        return self._details

    def find(self, serial: int) -> Listing:
        """Look one serial number up, whatever the time; raises Malformed (see answer)."""
        if self._seek(serial)[1]:
            return Listing.HELD if serial in self._held else Listing.REVOKED
        if self._register is not None:
            is_issued = bisect_right(self._register, serial) & 1
        else:
            below, is_boundary = self._issued.seek(serial)
            is_issued = below + is_boundary & 1
        return Listing.ISSUED if is_issued else self._otherwise

    def status(
        self,
        asked: CertId | int,
        *,
        at: datetime,
        policy: Policy = DEFAULT_POLICY,
    ) -> Report:
        """Report on a certificate, by its CertID or by its serial number alone, as of `at`.

        That the issuer issued it, and its validity, are not checked: Client does. Fails closed
        as Client.check does. Raises WrongUse only.
        """
        try:
            verdict = self._answer(asked, policy, at)
        except AnswerRefused as refused:
            return Report(at=at, verdict=refused.cause, detail=refused.detail, source=self.source)
        return Report(at=at, verdict=verdict, source=self.source)

    def answer(self, subject: Subject, policy: Policy, *, at: datetime) -> CheckedAnswer:
        """Answer for a client, as a source of it; raises AnswerRefused.

        1. The set is of the certificate's issuer.
        2. Its signer was fit to sign, and still is at `at`.
        3. Its times fit `at`, as those of an OCSP answer must (C4, C13).
        """
        if subject.identity != self._identity:
            raise AnswerRefused(Cause.OTHER_CERTIFICATE, "the set is of another issuer")
        return self._answer(subject.serial, policy, at)

    def close(self) -> None:
        """Unmap the file; whoever asks afterwards gets WrongUse."""
        self._seek = _closed
        self._mapped.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, asked: CertId | int, policy: Policy, at: datetime) -> CheckedAnswer:
        require_zone(at)
        head = self.head
        serial = asked if isinstance(asked, int) else asked.serial
        if isinstance(asked, CertId) and not asked.names(self._identity, serial):
            raise AnswerRefused(Cause.OTHER_CERTIFICATE, "the set is of another issuer")
        begins, ends = self._fit
        if not begins <= at <= ends:
            raise AnswerRefused(Cause.RESPONDER_UNAUTHORISED, "its signer is not in its validity")
        require_fresh(
            this_update=head.this_update,
            next_update=head.next_update,
            produced_at=head.produced_at,
            policy=policy,
            at=at,
        )
        try:
            if not self._mapped.is_untouched:
                # What was checked is gone; and what was cut off would end the process (SIGBUS).
                raise AnswerRefused(Cause.MALFORMED, _WRITTEN_INTO)
            listing = self.find(serial)
            if self._details and listing in (Listing.REVOKED, Listing.HELD):
                return self._said(listing, self._detailed(listing, serial))
        except Malformed as wrong:
            raise AnswerRefused(Cause.MALFORMED, str(wrong)) from wrong
        return self._answers[listing]

    def _said(self, listing: Listing, standing: Standing) -> CheckedAnswer:
        head = self.head
        return CheckedAnswer(
            standing=standing,
            this_update=head.this_update,
            next_update=head.next_update,
            produced_at=head.produced_at,
            never_issued=listing is Listing.NEVER_ISSUED,
            issuer=head.issuer,
            receipt=None,
            seal=SEAL,
        )

    def _detailed(self, listing: Listing, serial: int) -> Revoked:
        content, (rank, _) = self._content, self._seek(serial)
        since = None
        if content.octets(Part.INVALIDITY):
            since = _instant(content.value(Part.INVALIDITY, rank))
        return Revoked(
            EVER_SINCE + timedelta(seconds=content.value(Part.TIMES, rank)),
            _reason(content.value(Part.REASONS, rank), listing),
            since,
        )


def _standing(listing: Listing, compromised: datetime | None) -> Standing:
    """Tell what a listing says alone, without details."""
    match listing:
        case Listing.NOT_LISTED | Listing.ISSUED:
            return Good()
        case Listing.REVOKED:
            return Revoked(EVER_SINCE)
        case Listing.HELD:
            return Revoked(EVER_SINCE, Reason.CERTIFICATE_HOLD)
        case Listing.COMPROMISED:
            return Revoked(compromised or EVER_SINCE, Reason.CA_COMPROMISE)
        case Listing.NEVER_ISSUED:
            return NEVER_ISSUED
        case Listing.UNKNOWN:
            return Unknown()


def _closed(_: int) -> tuple[int, bool]:
    raise WrongUse("this compact set is closed; open it again")


def _reason(code: int, listing: Listing) -> Reason | None:
    try:
        reason = Reason(code - 1) if code else None
    except ValueError as wrong:
        raise Malformed("the details state a reason that does not exist") from wrong
    if (reason is Reason.CERTIFICATE_HOLD) is not (listing is Listing.HELD):
        raise Malformed("the details contradict what is on hold")
    return reason


def _instant(seconds: int) -> datetime | None:
    if seconds == NOT_STATED:
        return None
    try:
        return EVER_SINCE + timedelta(seconds=seconds)
    except OverflowError as wrong:
        raise Malformed("the details state a time that does not exist in the calendar") from wrong
