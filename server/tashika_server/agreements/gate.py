"""Who may ask what: the one place where agreements are enforced.

Two steps a request, both under a few microseconds and neither with any input from the index,
so that a refusal says nothing about which serials exist. What is presented is looked up anew
with every request: a connection keeps no rights, so a halt or a revoked certificate bites on
living connections (T25).

The order of the checks, which decides the refusal where several are due:

identify
 1. something is presented                                   NoCredential
 2. each token and request signature is registered; only
    where there is none, the client certificate is looked at UnknownCredential
 3. all of them name one verifier                            CredentialsDisagree
 4. a certificate is not barred, and fit for its use        CredentialRevoked,
                                                             CertificateUnusable

authorise
 5. a certificate is within its own validity                 CertificateOutOfTime
 6. the rules of RULES, in their order: credential, environment, agreement, halts, scope
 7. the source network                                       SourceNotAllowed
 8. how many at once                                         TooManyForAgreement
 9. rate and daily cap                                       TooFast, DayIsFull

A credential may be registered in several agreements of one verifier, or in several versions of
one; the first that lets the question through decides, else the one that came furthest.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from tashika.pki.profile import Family
from tashika_server.agreements.limits import Buckets, Short
from tashika_server.agreements.party import Party, Permit, Verdict
from tashika_server.agreements.presented import Address, ClientCertificate, Presented
from tashika_server.agreements.refusals import (
    CertificateOutOfTime,
    CertificateUnusable,
    CredentialRevoked,
    CredentialsDisagree,
    DayIsFull,
    NoCredential,
    SourceNotAllowed,
    TooFast,
    TooManyForAgreement,
    UnknownCredential,
)
from tashika_server.agreements.rules import Question, Seat
from tashika_server.agreements.terms import (
    Credential,
    CredentialKind,
    Environment,
    Method,
    Purpose,
    Terms,
)

__all__ = ["Asked", "Bearer", "Gate", "Permit"]


class Asked(NamedTuple):
    """What a question is about: the issuer that speaks, and how many certificates."""

    family: Family
    issuer: str
    certificates: int
    """0 for a replay: nothing new is provided, so nothing is counted."""


class Bearer(NamedTuple):
    """Somebody the gate knows; good for the request it was identified with, and no longer."""

    party: Party
    source: Address
    certificate: ClientCertificate | None


class Gate:
    """One snapshot of the agreements, compiled. Not for several threads."""

    def __init__(
        self, agreements: Iterable[Terms], *, environment: Environment, buckets: Buckets
    ) -> None:
        """Compile; takes about 2 µs for each credential."""
        self._buckets = buckets
        self._tokens: dict[bytes, Party] = {}
        self._path_tokens: dict[bytes, Party] = {}
        self._signers: dict[bytes, Party] = {}
        self._keys: dict[bytes, Party] = {}
        self._subjects: dict[str, dict[bytes, Party]] = {}
        for terms in agreements:
            for credential in terms.credentials:
                self._party_for(credential).add(Seat(terms, credential, environment))

    def identify(self, presented: Presented) -> Bearer:
        """Find out who asks; raises a refusal of steps 1 to 4."""
        source, token, path_token, certificate, signer = presented
        party = used = None
        if token is not None:
            party = _find(self._tokens, token)
        if path_token is not None:
            party = _agree(_find(self._path_tokens, path_token), party)
        if signer is not None:
            party, used = _agree(_find(self._signers, signer.digest), party), signer
        if party is None:
            if certificate is None:
                raise NoCredential
            party, used = self._find_certified(certificate), certificate
        if party.verifier is None:
            raise CredentialsDisagree(party.grounds)
        if used is not None and not used.usable:
            raise CertificateUnusable(party.grounds)
        return Bearer(party, source, used)

    def knows_signer(self, digest: bytes) -> bool:
        """Tell whether a key is registered for signed requests; cheap, before any signature."""
        return digest in self._signers

    def authorise(
        self, bearer: Bearer, asked: Asked, method: Method, purpose: Purpose | None, at: datetime
    ) -> Permit:
        """Let a question through, and count it; raises a refusal of steps 5 to 9."""
        family, issuer, count = asked
        verdict = self.judge(bearer, Question(family, issuer, method, purpose), at)
        return self.enter(bearer, verdict, count, at)

    def judge(self, bearer: Bearer, question: Question, at: datetime) -> Verdict:
        """Find what the rules say to a question, and until when; nothing is counted."""
        verdict = bearer.party.verdicts.get(question)
        if verdict is None or not verdict.begin <= at < verdict.end:
            verdict = bearer.party.judge(question, at, self._buckets)
        return verdict

    def enter(self, bearer: Bearer, verdict: Verdict, count: int, at: datetime) -> Permit:
        """Let a question about so many certificates through by a verdict that is in force.

        Counts it; raises a refusal of steps 5 to 9.
        """
        party, source, certificate = bearer
        if certificate is not None and not certificate.begin <= at <= certificate.end:
            raise CertificateOutOfTime(party.grounds)
        if verdict.permit is None:
            raise verdict.refusal(verdict.grounds)
        if (networks := verdict.networks) and not any(source in network for network in networks):
            raise SourceNotAllowed(verdict.grounds)
        if count > verdict.most:
            raise TooManyForAgreement(verdict.grounds)
        if count:
            _draw(verdict, count, at)
        return verdict.permit

    # --- Compiling --------------------------------------------------------------------------

    def _party_for(self, credential: Credential) -> Party:
        match credential.kind:
            case CredentialKind.TOKEN:
                known, key = self._tokens, credential.digest
            case CredentialKind.PATH_TOKEN:
                known, key = self._path_tokens, credential.digest
            case CredentialKind.SIGNED_REQUEST:
                known, key = self._signers, credential.digest
            case CredentialKind.MTLS_KEY:
                known, key = self._keys, credential.digest
            case CredentialKind.MTLS_CA:
                known = self._subjects.setdefault(credential.subject or "", {})
                key = credential.authority or b""
        return known.setdefault(key, Party())

    # --- Identifying ------------------------------------------------------------------------

    def _find_certified(self, certificate: ClientCertificate) -> Party:
        """Look for the pinned key; else for the subject, under the CA that signed it."""
        if pinned := self._keys.get(certificate.digest):
            return pinned
        for authority, party in self._subjects.get(certificate.subject, {}).items():
            if certificate.issued_by(authority):
                if any(certificate.digest in seat.credential.barred for seat in party.seats):
                    raise CredentialRevoked(party.grounds)
                return party
        raise UnknownCredential


def _find(known: Mapping[bytes, Party], digest: bytes) -> Party:
    if (party := known.get(digest)) is None:
        raise UnknownCredential
    return party


def _agree(one: Party, other: Party | None) -> Party:
    """Return `one`, the stronger proof, if both are of the same verifier."""
    if other is not None and other.verifier != one.verifier:
        raise CredentialsDisagree(one.grounds)
    return one


def _draw(verdict: Verdict, count: int, at: datetime) -> None:
    """Take from every bucket or from none."""
    for place, bucket in enumerate(verdict.buckets):
        if short := bucket.take(count, at):
            for taken in verdict.buckets[:place]:
                taken.give_back(count)
            refusal = TooFast if short.what is Short.RATE else DayIsFull
            raise refusal(verdict.grounds, retry_after=short.retry_after)
