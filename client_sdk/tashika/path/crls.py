"""Revocation by CRLs (RFC 5280 6.3): complete, partitioned, indirect, by reasons, with deltas."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from cryptography import x509

from tashika.path.building import Chain, key_of
from tashika.path.causes import PathCause
from tashika.path.certificate import PathCertificate
from tashika.path.demands import Demands, ListsSignedBy, TrustAnchor
from tashika.path.lists import ALL_REASONS, RevocationList
from tashika.path.names import Comparable
from tashika.path.points import points_of, speaks_of
from tashika.path.status import ListUsed, Settled, Status, StatusNeed, Unsettled
from tashika.path.validation import PathRefused, validate
from tashika.pki.algorithms import verify
from tashika.pki.errors import BadSignature, PkiError
from tashika.pki.standing import Good, Reason, Revoked

MAX_SIGNERS = 3
"""Signers of lists about signers of lists; PKITS needs one, nobody was seen to need two."""


class _Unusable(Exception):
    """A list proves nothing."""

    def __init__(self, cause: PathCause, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause
        self.detail = detail


class CrlSource:
    """Answers from lists that the caller has got, whoever they are from.

    A list's signer is the certificate's own issuer, or somebody with a path of
    their own from the same trust anchor among the check's candidates.
    Where the check is about the past, lists made after its time count too, up
    to ``until``, as long as they still had to name the certificate.
    """

    def __init__(self, lists: Iterable[RevocationList], *, until: datetime | None = None) -> None:
        self._until = until
        # Of two lists that cover the same, the newer one speaks.
        newest = sorted(lists, key=lambda each: (each.this_update, each.number or 0), reverse=True)
        self._complete = [each for each in newest if each.base_number is None]
        self._deltas = [each for each in newest if each.base_number is not None]

    def status(self, need: StatusNeed) -> Status:
        """Answer once every reason is covered, by all distribution points together (C7)."""
        covered = frozenset[x509.ReasonFlags]()
        evidence: list[ListUsed] = []
        why = Unsettled(cause=PathCause.STATUS_MISSING)
        try:
            points = list(points_of(need.certificate))
        except PkiError as unreadable:
            return Unsettled(cause=PathCause.STATUS_UNUSABLE, detail=str(unreadable))
        for point in points:
            for crl in self._complete:
                need.search.work.spend("names")
                reasons = point.reasons & crl.reasons
                if reasons <= covered or not speaks_of(crl, need.certificate, point):
                    continue
                try:
                    standing, used = self._look_up(crl, need)
                except _Unusable as wrong:
                    why = Unsettled(cause=wrong.cause, detail=wrong.detail)
                    continue
                evidence += map(_evidence, used)
                if isinstance(standing, Revoked):
                    return Settled(standing=standing, evidence=tuple(evidence))
                covered |= reasons
        if covered >= ALL_REASONS:
            return Settled(standing=Good(), evidence=tuple(evidence))
        return why

    def _look_up(
        self, crl: RevocationList, need: StatusNeed
    ) -> tuple[Good | Revoked, list[RevocationList]]:
        """6.3.3 (f) to (k)."""
        _require_in_force(crl, need, self._until)
        key = self._require_signed(crl, need)
        delta = self._delta_of(crl, need, key)
        used = [crl] if delta is None else [crl, delta]
        which = need.certificate.issuer, need.certificate.serial
        try:
            newer = delta.find(*which) if delta else None
            found = crl.find(*which)
        except PkiError as wrong:
            raise _Unusable(PathCause.STATUS_UNUSABLE, str(wrong)) from wrong
        # 5.3.1: only a delta can take back what its base said, and only a hold is taken back.
        if newer is not None and newer.reason is Reason.REMOVE_FROM_CRL:
            newer, found = None, None if found is None or found.on_hold else found
        return newer or found or Good(), used

    def _delta_of(
        self, crl: RevocationList, need: StatusNeed, key: object
    ) -> RevocationList | None:
        """6.3.3 (c), (h): the newest delta that goes on from this list, if there is one."""
        for delta in self._deltas:
            if _continues(delta, crl):
                try:
                    _require_in_force(delta, need, self._until)
                    _verify(delta, key, need)
                except _Unusable:
                    continue
                return delta
        return None

    def _require_signed(self, crl: RevocationList, need: StatusNeed) -> object:
        """6.3.3 (f), (g): return the key of whoever signed the list and may do so."""
        same_key = need.search.demands.lists_signed_by is ListsSignedBy.ISSUING_KEY
        own = crl.issuer == need.certificate.issuer
        for above in (need.issuer,) if own and same_key else (need.issuer, need.chain.anchor):
            if crl.issuer == _name_of(above) and _may_sign_lists(above):
                # Several keys share one name (PKITS 4.5): another may have signed.
                with suppress(_Unusable):
                    return _verify(crl, _key(above), need)
        wrong = _Unusable(PathCause.STATUS_UNUSABLE, "no signer of a CRL is known, or entitled")
        if own and same_key:
            raise wrong
        for signer in need.search.by_subject[crl.issuer]:
            if signer is need.issuer or not _may_sign_lists(signer):
                continue
            try:
                key = _verify(crl, _key(signer), need)
                self._require_trusted(signer, need)
            except _Unusable as unusable:
                wrong = unusable
            else:
                return key
        raise wrong

    def _require_trusted(self, signer: PathCertificate, need: StatusNeed) -> None:
        """Validate the signer from the same trust anchor, its own revocation included."""
        if signer is need.certificate and _is_told_to_judge_itself(signer):
            return
        if signer.fingerprint in need.waiting:
            raise _Unusable(PathCause.STATUS_UNUSABLE, "signers of CRLs vouch for each other")
        if len(need.waiting) == MAX_SIGNERS:
            raise _Unusable(PathCause.STATUS_UNUSABLE, "signers of CRLs form a long row")
        wrong = PathRefused(PathCause.NO_PATH, signer)
        search, refused = need.search, list[PathRefused]()
        for chain in search.chains(signer, refused):
            if chain.anchor is not need.chain.anchor:
                continue
            try:
                validate(chain.certificates, chain.anchor, _FOR_SIGNERS, search.work, at=need.at)
            except PathRefused as refusal:
                wrong = refusal
                continue
            if _all_good(chain, need):
                return
            wrong = PathRefused(PathCause.STATUS_MISSING, signer)
        raise _Unusable(PathCause.STATUS_UNUSABLE, f"the signer of a CRL: {wrong.cause}")


_FOR_SIGNERS = Demands()
"""A list's signer needs no policy of the caller's and no purpose."""


def _all_good(chain: Chain, need: StatusNeed) -> bool:
    asked = replace(need, chain=chain, waiting=need.waiting | {chain.certificates[-1].fingerprint})
    for place in range(len(chain.certificates)):
        answer = need.source.status(replace(asked, place=place))
        if not isinstance(answer, Settled) or isinstance(answer.standing, Revoked):
            return False
    return True


def _continues(delta: RevocationList, crl: RevocationList) -> bool:
    """RFC 5280 5.2.4: same issuer, key and scope; base at or before the list, delta after it."""
    if delta.base_number is None or delta.number is None or crl.number is None:
        return False
    return _identity(delta) == _identity(crl) and delta.base_number <= crl.number < delta.number


def _identity(crl: RevocationList) -> tuple[object, ...]:
    return crl.issuer, crl.authority_key_id, crl.scope, crl.reasons


def _require_in_force(crl: RevocationList, need: StatusNeed, until: datetime | None) -> None:
    demands, at = need.search.demands, need.at
    if crl.unknown_critical:
        raise _Unusable(PathCause.STATUS_UNUSABLE, "a CRL has an unknown critical extension")
    if until is not None and at < crl.this_update <= until:
        # RFC 5280 3.3: a list made later may leave out whoever has expired by then.
        if crl.this_update > need.certificate.validity[1]:
            raise _Unusable(PathCause.STATUS_STALE, "a CRL was made after the certificate's end")
        return
    # Differences, not sums: a date near year 9999 must not overflow.
    if crl.this_update - at > demands.skew:
        raise _Unusable(PathCause.STATUS_STALE, "a CRL was made later than now")
    if crl.next_update is None:
        raise _Unusable(PathCause.STATUS_STALE, "a CRL does not say how long it holds")
    if at - crl.next_update >= demands.skew:
        raise _Unusable(PathCause.STATUS_STALE, "a CRL is past its nextUpdate")
    if at - crl.this_update > demands.max_age + demands.skew:
        raise _Unusable(PathCause.STATUS_STALE, "a CRL is older than Demands.max_age")


def _is_told_to_judge_itself(signer: PathCertificate) -> bool:
    """Tell whether its issuer named it as the CRL issuer of its own certificate (PKITS 4.14.30)."""
    return any(signer.subject in point.crl_issuers for point in points_of(signer))


def _name_of(signer: PathCertificate | TrustAnchor) -> Comparable:
    return signer.name if isinstance(signer, TrustAnchor) else signer.subject


def _may_sign_lists(signer: PathCertificate | TrustAnchor) -> bool:
    """Tell whether cRLSign is there, or key usage is not limited at all."""
    if isinstance(signer, TrustAnchor) or signer.usage is None:
        return True
    return signer.usage.crl_sign


def _key(signer: PathCertificate | TrustAnchor) -> object:
    try:
        return key_of(signer)
    except PkiError as wrong:
        raise _Unusable(PathCause.STATUS_UNUSABLE, str(wrong)) from wrong


def _verify(crl: RevocationList, key: object, need: StatusNeed) -> object:
    need.search.work.spend("signatures")
    try:
        verify(key, crl.algorithm, crl.signature, crl.tbs)
    except BadSignature as wrong:
        raise _Unusable(PathCause.STATUS_UNUSABLE, "a CRL's signature does not hold") from wrong
    except PkiError as wrong:
        raise _Unusable(PathCause.STATUS_UNUSABLE, str(wrong)) from wrong
    return key


def _evidence(crl: RevocationList) -> ListUsed:
    return ListUsed(
        sha256=crl.sha256,
        this_update=crl.this_update,
        next_update=crl.next_update or crl.this_update,
        number=crl.number,
        base_number=crl.base_number,
        encoded=crl.encoded,
    )
