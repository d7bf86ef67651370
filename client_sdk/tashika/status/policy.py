"""What a relying party demands of revocation data, as values with safe defaults.

What an OCSP answer must be is :class:`tashika.policy.Policy`, and what a CRL must be
:class:`tashika.path.Demands`: both are used here as they are.
"""

from dataclasses import dataclass, fields
from enum import Enum, StrEnum

from tashika.errors import WrongUse
from tashika.policy import DEFAULT_POLICY, Policy


class Kind(StrEnum):
    """The kinds of sources, to be put in an order."""

    STAPLED = "stapled"
    """Answers and CRLs that came with the signature; they have no nonce of ours."""
    COMPACT = "compact"
    """Compact sets on this machine."""
    OCSP = "ocsp"
    """Responders, one after the other."""
    LISTS = "lists"
    """CRLs fetched, one after the other."""


class WhenSilent(Enum):
    """What becomes of a path when nobody could be asked: no connection, no time, no HTTP 200.

    Never of one where a source said revoked or unknown, or sent anything that is wrong, an
    error reply included: those can be forged by whoever would profit (C6).
    """

    REFUSE = "refuse"
    """The default, hard-fail: undetermined, as any other lack of proof."""
    TOLERATE = "tolerate"
    """Soft-fail: undetermined still, but `report.tolerated` says that this was all."""


class Freshness(Enum):
    """Which time revocation data must be fresh for."""

    AT_CHECK = "at the time of the check"
    """The default: what the Act demands on receipt (art. 19(1), 38(1)). Data made later counts
    for nothing, and a revocation counts whatever its date."""
    SINCE_SIGNING = "at the signing time or later"
    """For old signatures: data of the signing time, or made after it, up to now, while the
    certificate had not ended (RFC 5280 3.3; RFC 6960 4.4.4). A revocation after the
    signing time counts as LaterRevocation says."""


class LaterRevocation(Enum):
    """What a revocation after the signing time does to the signature (Freshness.SINCE_SIGNING).

    One that was in effect by then, by its date or its invalidity date (RFC 5280 5.3.2),
    undoes it in any case.
    """

    UNDOES_UNLESS_HARMLESS = "undoes it unless the reason shows that the key stayed in good hands"
    """The default: only a change of affiliation, a successor or the end of its use leaves it
    alone, or an issuer that says since when the key is lost, and that this is later."""
    LEAVES = "leaves it"
    """As ETSI EN 319 102-1 has it for signatures that are proved to be older than the revocation:
    for those whose time is proved by a time stamp or by the relying party's own record."""


class UrlsFrom(Enum):
    """Whose word on URLs counts (C9)."""

    CONFIGURATION = "configuration"
    """The default."""
    CERTIFICATES_TOO = "certificates too"
    """After those configured, public ones out of certificates whose path holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How much one judgement may fetch before it is made of what there is."""

    rounds: int = 8
    """Times that something is fetched; a path of three with two sources each needs 4."""
    fetches: int = 32
    """URLs asked in all."""
    list_octets: int = 32 * 1024 * 1024
    """Of one CRL: a municipality's takes under 1 MB, whole CAs' of 100 MB exist (C8)."""
    octets: int = 64 * 1024 * 1024
    """Of all CRLs together."""

    def __post_init__(self) -> None:
        for each in fields(self):
            if getattr(self, each.name) < 1:
                raise WrongUse(f"FetchLimits.{each.name} must be at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationPolicy:
    """Which sources are asked, in which order, and what counts; every default is strict."""

    order: tuple[Kind, ...] = (Kind.COMPACT, Kind.OCSP, Kind.LISTS, Kind.STAPLED)
    """The first that settles the matter is believed; a kind that is not here is not used.

    What came along is last: whoever brought it chose it, and could choose one of before a
    revocation, as old as the greatest age allows.
    """
    answers: Policy = DEFAULT_POLICY
    """Nonce, CertID hash, greatest age and skew of OCSP answers and compact sets."""
    when_silent: WhenSilent = WhenSilent.REFUSE
    freshness: Freshness = Freshness.AT_CHECK
    later_revocation: LaterRevocation = LaterRevocation.UNDOES_UNLESS_HARMLESS
    urls_from: UrlsFrom = UrlsFrom.CONFIGURATION
    limits: FetchLimits = FetchLimits()

    def __post_init__(self) -> None:
        for each, kind in _CHOICES.items():
            if not isinstance(getattr(self, each), kind):
                raise WrongUse(f"RevocationPolicy.{each} must be a {kind.__name__}")
        if not self.order or len(set(self.order)) != len(self.order):
            raise WrongUse("RevocationPolicy.order must name some kinds of sources, each once")
        if not all(isinstance(each, Kind) for each in self.order):
            raise WrongUse("RevocationPolicy.order must be of Kind")


_CHOICES = {
    "order": tuple,
    "answers": Policy,
    "when_silent": WhenSilent,
    "freshness": Freshness,
    "later_revocation": LaterRevocation,
    "urls_from": UrlsFrom,
    "limits": FetchLimits,
}
