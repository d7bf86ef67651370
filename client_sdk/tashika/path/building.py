"""Finding paths: from the certificate up, through candidates, to a trust anchor (RFC 4158).

Depth first, the likeliest issuer first, each link's signature verified before
it is followed. Whether a path holds is :mod:`tashika.path.validation`'s business.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from tashika.path.causes import PathCause
from tashika.path.certificate import Given, PathCertificate, as_path_certificate
from tashika.path.demands import Demands, TrustAnchor
from tashika.path.names import Comparable
from tashika.path.validation import PathRefused, require_issuer, require_validity
from tashika.path.work import Work
from tashika.pki.algorithms import verify
from tashika.pki.certificates import public_key
from tashika.pki.errors import BadSignature, PkiError

MAX_LENGTH = 12
"""Certificates of a path without the anchor; a bridge between two governments takes 6.

What lies beyond is not looked at, so that nothing can be said of it."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A path whose names chain and whose signatures hold; the anchor's side comes first."""

    anchor: TrustAnchor
    certificates: tuple[PathCertificate, ...]

    def issuer_of(self, place: int) -> PathCertificate | TrustAnchor:
        """Return who issued the certificate at this place."""
        return self.certificates[place - 1] if place else self.anchor


class Search:
    """One check's certificates and anchors, what is known of them, and what was spent."""

    def __init__(self, anchors: Iterable[TrustAnchor], demands: Demands, *, at: datetime) -> None:
        self.demands = demands
        self.at = at
        self.work = Work(demands.limits)
        self.by_subject = defaultdict[Comparable, list[PathCertificate]](list)
        self._known = set[bytes]()
        self._links: dict[tuple[bytes, bytes], PathRefused | None] = {}
        self._anchors = defaultdict[Comparable, list[TrustAnchor]](list)
        for anchor in anchors:
            self._anchors[anchor.name].append(anchor)

    def add(self, candidates: Iterable[Given]) -> None:
        """Take up certificates that may be issuers; those that cannot be read are left out.

        Raises BudgetSpent and WrongUse.
        """
        for given in candidates:
            self.work.spend("candidates")
            if isinstance(given, bytes) and sha256(given).digest() in self._known:
                continue
            try:
                each = as_path_certificate(given)
            except PkiError:
                continue
            if each.fingerprint not in self._known:
                self._known.add(each.fingerprint)
                self.by_subject[each.subject].append(each)

    def chains(self, leaf: PathCertificate, refused: list[PathRefused]) -> Iterator[Chain]:
        """Yield every path to ``leaf``; ``refused`` collects why others end early.

        Raises BudgetSpent.
        """
        yield from self._climb((leaf,), refused)

    def _climb(
        self, below: tuple[PathCertificate, ...], refused: list[PathRefused]
    ) -> Iterator[Chain]:
        child = below[0]
        for anchor in _likeliest(self._anchors[child.issuer], child):
            if self._follows(child, anchor, refused):
                yield Chain(anchor, below)
        if len(below) == MAX_LENGTH:
            refused.append(PathRefused(PathCause.BUDGET_SPENT, child, "MAX_LENGTH"))
            return
        # A name and key that has been passed leads nowhere new, whoever certified it.
        passed = {each.holder for each in below}
        passed.update(each.holder for each in self._anchors[child.issuer])
        for issuer in _likeliest(self.by_subject[child.issuer], child):
            if issuer.holder not in passed and self._follows(child, issuer, refused):
                yield from self._climb((issuer, *below), refused)

    def _follows(
        self,
        child: PathCertificate,
        issuer: PathCertificate | TrustAnchor,
        refused: list[PathRefused],
    ) -> bool:
        self.work.spend("steps")
        try:
            if isinstance(issuer, PathCertificate):
                require_validity(issuer, self.at)
                require_issuer(issuer)
            self._require_link(child, issuer)
        except PathRefused as wrong:
            refused.append(wrong)
            return False
        return True

    def _require_link(self, child: PathCertificate, issuer: PathCertificate | TrustAnchor) -> None:
        """6.1.3 (a) (1); every pair is verified once."""
        pair = child.fingerprint, issuer.key_hash
        if pair not in self._links:
            self.work.spend("signatures")
            self._links[pair] = _verify_link(child, issuer)
        if (wrong := self._links[pair]) is not None:
            raise wrong


def key_of(issuer: PathCertificate | TrustAnchor) -> object:
    """Return the public key; raises Malformed and Unsupported."""
    return issuer.key if isinstance(issuer, TrustAnchor) else public_key(issuer.certificate)


def _verify_link(
    child: PathCertificate, issuer: PathCertificate | TrustAnchor
) -> PathRefused | None:
    if child.algorithm is None:
        return PathRefused(PathCause.UNSUPPORTED, child, "its signature algorithm")
    try:
        verify(key_of(issuer), child.algorithm, child.signature, child.tbs)
    except BadSignature:
        return PathRefused(PathCause.BAD_SIGNATURE, child)
    except PkiError as unusable:
        return PathRefused(PathCause.UNSUPPORTED, child, f"its issuer's key: {unusable}")
    return None


_Issuer = TypeVar("_Issuer", PathCertificate, TrustAnchor)


def _likeliest(issuers: list[_Issuer], child: PathCertificate) -> list[_Issuer]:
    """Put those first whose key identifier fits (RFC 4158 3.5.12); it is a hint, not a proof."""
    return sorted(
        issuers,
        key=lambda each: child.authority_key_id is None or each.key_id != child.authority_key_id,
    )
