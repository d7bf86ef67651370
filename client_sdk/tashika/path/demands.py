"""What a path must satisfy: trust anchors, and the inputs of RFC 5280 6.1.1."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from cryptography import x509

from tashika.errors import WrongUse
from tashika.limits import DEFAULT_MAX_AGE, DEFAULT_SKEW, MAX_SKEW
from tashika.path.certificate import read_certificate
from tashika.path.names import Comparable
from tashika.path.work import WorkLimits
from tashika.pki.certid import IssuerIdentity
from tashika.pki.certificates import public_key
from tashika.pki.errors import Unsupported

ANY_POLICY = "2.5.29.32.0"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrustAnchor:
    """A name and a key that the caller trusts, within constraints (RFC 5280 6.1.1 (d), RFC 5937).

    Several generations of a CA are several anchors of one name.
    """

    name: Comparable
    key: object
    """The public key as pyca has it."""
    identity: IssuerIdentity
    """Name and key as CertIDs hash them."""
    key_hash: bytes
    """SHA-256 of the SubjectPublicKeyInfo, algorithm included."""
    key_id: bytes | None = None
    """Helps to choose among generations; proves nothing."""
    name_constraints: x509.NameConstraints | None = None
    path_length: int | None = None

    @classmethod
    def of(cls, certificate: x509.Certificate | bytes) -> "TrustAnchor":
        """Trust name and key of a CA certificate, within its name constraints and path length.

        Its validity and signature are not looked at. Raises Malformed, and Unsupported also for
        one that says of itself that it is no CA's: its holder could vouch for anybody.
        """
        found = read_certificate(certificate)
        if (found.constraints and not found.is_ca) or (
            found.usage and not found.usage.key_cert_sign
        ):
            raise Unsupported(
                "a trust anchor is a CA's certificate, and this is none: pass the issuer's own"
            )
        return cls(
            name=found.subject,
            key=public_key(found.certificate),
            identity=found.identity,
            key_hash=found.key_hash,
            key_id=found.key_id,
            name_constraints=found.name_constraints,
            path_length=found.constraints.path_length if found.constraints else None,
        )

    @property
    def holder(self) -> tuple[Comparable, bytes]:
        """Name and key together, as of a certificate."""
        return self.name, self.key_hash


class ExplicitPolicy(Enum):
    """Whether a path must hold under a certificate policy (initial-explicit-policy)."""

    WHERE_NAMED = "where policies are named"
    """The default: REQUIRED where `Demands.policies` names some, else AS_ISSUERS_SAY."""
    AS_ISSUERS_SAY = "as issuers say"
    """The default of RFC 5280: only if a certificate of the path demands it."""
    REQUIRED = "required"


class PolicyMapping(Enum):
    """Whether CAs may equate policies (initial-policy-mapping-inhibit, inverted)."""

    ALLOWED = "allowed"
    INHIBITED = "inhibited"


class AnyPolicy(Enum):
    """Whether anyPolicy stands for a policy (initial-any-policy-inhibit, inverted)."""

    ALLOWED = "allowed"
    INHIBITED = "inhibited"


class ListsSignedBy(Enum):
    """Which keys of a CA may sign the CRLs that speak of a certificate of its."""

    ISSUING_KEY = "the key that issued the certificate"
    """The default. Generations of a CA such as JPKI's share one name and keep lists of their
    own: another generation's list would clear whom it has never heard of."""
    ANY_KEY_OF_THE_NAME = "any key of the issuer's name"
    """As RFC 5280 has it: for CAs that changed their key, or sign lists with another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """The caller's inputs to path validation and revocation."""

    policies: frozenset[str] = frozenset({ANY_POLICY})
    """The policies that the caller accepts (user-initial-policy-set), dotted: one of them must
    hold, unless `explicit_policy` says otherwise."""
    explicit_policy: ExplicitPolicy = ExplicitPolicy.WHERE_NAMED
    policy_mapping: PolicyMapping = PolicyMapping.ALLOWED
    any_policy: AnyPolicy = AnyPolicy.ALLOWED
    purpose: str | None = None
    """The extended key usage wanted; certificates without the extension allow every one."""
    lists_signed_by: ListsSignedBy = ListsSignedBy.ISSUING_KEY
    """CRL issuers of another name, where the certificate names them, are entitled either way."""
    skew: timedelta = DEFAULT_SKEW
    """The one tolerance, between our clock and a CRL issuer's (C13). Certificates get none."""
    max_age: timedelta = DEFAULT_MAX_AGE
    """The greatest age of a CRL (thisUpdate), whatever its nextUpdate promises (C4)."""
    limits: WorkLimits = field(default_factory=WorkLimits)

    @property
    def must_name_policy(self) -> bool:
        """True where a path needs a policy even if no certificate of it demands one."""
        if self.explicit_policy is ExplicitPolicy.WHERE_NAMED:
            return ANY_POLICY not in self.policies
        return self.explicit_policy is ExplicitPolicy.REQUIRED

    def __post_init__(self) -> None:
        oids = self.policies if isinstance(self.policies, frozenset) else ()
        if not oids or not all(isinstance(each, str) for each in oids):
            raise WrongUse(
                "Demands.policies must be a frozenset of OIDs; ANY_POLICY in it accepts all"
            )
        for each, kind in _CHOICES.items():
            # What only looks like the choice would be compared with it in vain.
            if not isinstance(getattr(self, each), kind):
                raise WrongUse(f"Demands.{each} must be a {kind.__name__}")
        if not isinstance(self.purpose, str | None):
            raise WrongUse("Demands.purpose must be an OID, dotted, as a text")
        if not timedelta(0) <= self.skew <= MAX_SKEW:
            raise WrongUse(f"Demands.skew must be between zero and {MAX_SKEW}")
        if self.max_age <= timedelta(0):
            raise WrongUse("Demands.max_age must be above zero")


_CHOICES = {
    "explicit_policy": ExplicitPolicy,
    "policy_mapping": PolicyMapping,
    "any_policy": AnyPolicy,
    "lists_signed_by": ListsSignedBy,
    "limits": WorkLimits,
}
