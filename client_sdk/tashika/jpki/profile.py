"""Recognise a JPKI certificate under the keys a relying party trusts, for one purpose."""

from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime

from cryptography import x509

from tashika.errors import ProfileRefused, WrongUse
from tashika.issuance import IssuedCertificate
from tashika.jpki.accounts import AccountKey, AccountSecrets
from tashika.jpki.causes import JpkiCause
from tashika.jpki.purpose import Purpose
from tashika.jpki.shape import read, recognise
from tashika.path.tier import issuer_among
from tashika.pki.certificates import load_certificate
from tashika.pki.errors import PkiError
from tashika.pki.profile import (
    CONFIRMED_POLICIES,
    CertificatePolicy,
    Family,
    Hierarchy,
    Medium,
)

_SEAL = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """The key of a CA that issued a certificate: public, the same for millions."""

    fingerprint: bytes
    """SHA-256 over the CA's name and key, as IssuerIdentity has it."""
    since: datetime
    """When the CA's certificate begins."""

    @classmethod
    def of(cls, issued: IssuedCertificate) -> "Generation":
        """Name the generation of a certificate whose issuer is known."""
        return cls(
            fingerprint=issued.identity.fingerprint, since=issued.issuer.not_valid_before_utc
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Recognised:
    """What one certificate is, and what it was looked at for; only JpkiProfile makes one (C1).

    May be kept and logged: it holds neither the certificate nor its serial
    number, subject, items or validity, whose end falls on the holder's birthday.
    Says nothing of revocation.
    """

    family: Family
    medium: Medium
    hierarchy: Hierarchy
    policy: str
    """The OID of the certificate policy."""
    generation: Generation
    purpose: Purpose
    at: datetime
    """The time at which it was in its validity."""
    accounts: tuple[AccountKey, ...]
    """Its account under each of the profile's secrets, the current first; none without secrets."""
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise WrongUse("a Recognised comes from JpkiProfile.examine() only")

    @property
    def account(self) -> AccountKey:
        """The account to store; raises WrongUse where the profile has no secrets."""
        if not self.accounts:
            raise WrongUse("give the profile AccountSecrets to have accounts")
        return self.accounts[0]

    def is_account(self, stored: AccountKey) -> bool:
        """Tell whether a stored account is this certificate's, in constant time.

        Raises WrongUse where the key it was stored under is not among the secrets:
        a dropped key must not look like another person.
        """
        for account in self.accounts:
            if account.key_id == stored.key_id:
                return account == stored
        raise WrongUse(f"no secret {stored.key_id!r}: keep it until no account is stored under it")

    def __repr__(self) -> str:
        """Name neither holder nor transaction."""
        at = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        kind = f"{self.hierarchy} {self.family} {self.medium}"
        return f"<Recognised {kind} for {self.purpose.kind} at {at}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class JpkiProfile:
    """What a relying party accepts as a JPKI certificate.

    Raises WrongUse for generations that cannot be read, for a hierarchy that is
    none, and for policies that give one OID two meanings.
    """

    generations: Sequence[x509.Certificate | bytes]
    """CA certificates trusted, of one or both families: 16 at most. Get them from J-LIS."""
    hierarchy: Hierarchy = Hierarchy.PRODUCTION
    """The one hierarchy accepted. A profile of the test hierarchy refuses real cards."""
    policies: tuple[CertificatePolicy, ...] = CONFIRMED_POLICIES
    """The policies known. Others that J-LIS has told you of are added here."""
    secrets: AccountSecrets | None = None
    """Keys for accounts; none, no accounts."""
    _by_oid: dict[str, CertificatePolicy] = field(init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.hierarchy, Hierarchy):
            raise WrongUse("the hierarchy is one of Hierarchy")
        try:
            loaded = tuple(
                load_certificate(each) if isinstance(each, bytes) else each
                for each in self.generations
            )
        except PkiError as wrong:
            raise WrongUse(f"a CA certificate cannot be read: {wrong}") from wrong
        object.__setattr__(self, "generations", loaded)
        object.__setattr__(self, "_by_oid", {each.oid: each for each in self.policies})
        if len(self._by_oid) != len(self.policies):
            raise WrongUse("two policies have one OID")

    def examine(
        self, certificate: x509.Certificate | bytes, *, purpose: Purpose, at: datetime
    ) -> Recognised:
        """Recognise a certificate for a purpose, in its validity at `at`.

        1. It is a JPKI certificate of the accepted hierarchy: recognise().
        2. Its family serves the purpose.
        3. One of the generations issued it, and both are in order: issuer_among().

        Raises ProfileRefused from 1 and 2, CertificateRefused from 3, WrongUse.
        Revocation is not looked at, and no signature but the issuer's.
        """
        if not isinstance(purpose, Purpose) or at.tzinfo is None:
            raise WrongUse("pass a Purpose, and a time with its zone")
        subject = read(certificate)
        # 1
        kind = recognise(subject, self._by_oid, self.hierarchy)
        # 2
        if kind.family is not purpose.kind.family:
            raise ProfileRefused(JpkiCause.WRONG_FAMILY, f"{kind.family} for {purpose.kind}")
        # 3
        issued = issuer_among(subject, self.generations, at=at)
        return Recognised(
            family=kind.family,
            medium=kind.medium,
            hierarchy=kind.hierarchy,
            policy=kind.oid,
            generation=Generation.of(issued),
            purpose=purpose,
            at=at,
            accounts=self.secrets.accounts(issued) if self.secrets else (),
            seal=_SEAL,
        )

    def __repr__(self) -> str:
        """Say what is accepted."""
        return f"<JpkiProfile {self.hierarchy}, {len(self.generations)} generations>"
