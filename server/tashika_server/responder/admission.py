"""Who is let through to an answer: whoever an agreement allows, or everybody on this machine.

Neither looks at a serial that is asked about before it has decided, so that a refusal says
nothing about which certificates there are. All that is looked up is the verifier's own.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol, Self

from tashika.pki.request import OcspRequest
from tashika_server.agreements.gate import Asked, Permit
from tashika_server.agreements.gatehouse import Gatehouse
from tashika_server.agreements.presented import Presented
from tashika_server.agreements.refusals import NoCredential
from tashika_server.agreements.replay import ReplayMemory
from tashika_server.agreements.scan import ScanAlarm, ScanSign, ScanWatch
from tashika_server.agreements.signed import check_signature
from tashika_server.agreements.terms import Method, Purpose
from tashika_server.issuer import Issuer
from tashika_server.log import get_log
from tashika_server.metrics import Tally
from tashika_server.responder.client_standing import ClientStandings
from tashika_server.responder.sight import Sight

__all__ = ["Admission", "Asker", "ByAgreement", "Leave", "OfThisMachine", "report_scan"]

log = get_log()

_scans = Tally(
    "tashika_scans",
    "Verifiers noticed to walk through serials, by the sign that gave them away.",
    label="sign",
    allowed=tuple(ScanSign),
)


class Asker(NamedTuple):
    """Who asks, as far as the request shows it, and what for."""

    presented: Presented
    purpose: Purpose | None = None
    """None where it is not stated: whatever the agreement grants will do."""


@dataclass(slots=True)
class Leave:
    """Leave to answer one question, within this context and no longer."""

    permit: Permit | None = None
    """None where no agreement is asked for."""
    earlier: bytes | None = None
    """The answer that this very question has had; it gets no other."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def keep(self, answer: bytes, *, until: datetime) -> None:
        """Hand in the answer, which is good until then, in case the question comes again."""


@dataclass(slots=True, kw_only=True)
class _SignedLeave(Leave):
    """Leave to answer a signed question, which nobody else answers meanwhile."""

    replays: ReplayMemory
    identity: bytes
    nonce: bytes | None
    at: datetime
    kept: bool = False

    def __exit__(self, *_: object) -> None:
        if not self.kept:
            self.replays.release(self.identity)

    def keep(self, answer: bytes, *, until: datetime) -> None:
        self.replays.remember(self.identity, answer, nonce=self.nonce, until=until, at=self.at)
        self.kept = True


class Admission(Protocol):
    """Decides which questions are answered."""

    def admit(
        self,
        question: bytes,
        request: OcspRequest,
        issuer: Issuer,
        asker: Asker,
        sight: Sight,
        *,
        at: datetime,
    ) -> Leave:
        """Let one question about this issuer through; raises a Refusal."""
        ...


class OfThisMachine:
    """Lets everybody through whose question comes from this machine: `access = "open"`."""

    def admit(
        self,
        _question: bytes,
        _request: OcspRequest,
        _issuer: Issuer,
        asker: Asker,
        _sight: Sight,
        *,
        at: datetime,
    ) -> Leave:
        """Look at the source alone."""
        del at
        if not asker.presented.source.is_loopback:
            raise NoCredential
        return Leave()


@dataclass(frozen=True, slots=True, kw_only=True)
class ByAgreement:
    """Lets through whoever an agreement in force allows to ask."""

    gatehouse: Gatehouse
    clients: ClientStandings
    replays: ReplayMemory
    scans: ScanWatch

    def admit(
        self,
        question: bytes,
        request: OcspRequest,
        issuer: Issuer,
        asker: Asker,
        sight: Sight,
        *,
        at: datetime,
    ) -> Leave:
        """Identify, authorise and count; what was answered before counts for nothing.

        Whose certificate is revoked is refused before the count: a thief of its key uses up
        nobody's limits.
        """
        gate = self.gatehouse.gate(at)
        presented, signed, earlier = asker.presented, None, None
        if request.signed and (signed := check_signature(question, gate)):
            presented = presented._replace(signer=signed.signer)
            earlier = self.replays.recall(signed.identity, at)
        new = 0 if earlier else len(request.cert_ids)
        asked = Asked(issuer.family, issuer.name, new)
        bearer = gate.identify(presented)
        self.clients.require(bearer, sight, at=at)
        permit = gate.authorise(bearer, asked, Method.OCSP, asker.purpose, at)
        if earlier:
            return Leave(permit, earlier)
        serials = [each.serial for each in request.cert_ids]
        self.scans.note(permit.verifier, issuer.name, serials, at)
        if signed is None:
            return Leave(permit)
        self.replays.claim(signed.identity, at)
        return _SignedLeave(
            permit,
            replays=self.replays,
            identity=signed.identity,
            nonce=request.nonce,
            at=at,
        )


def report_scan(alarm: ScanAlarm) -> None:
    """Tell the operator of a verifier that seems to walk through serials."""
    _scans.count(alarm.sign)
    log.warning("sequential_scan", verifier=alarm.verifier, issuer=alarm.issuer, sign=alarm.sign)
