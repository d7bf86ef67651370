"""Who is let through to an answer: whoever an agreement allows, or everybody on this machine.

Neither looks at a serial that is asked about before it has decided, so that a refusal says
nothing about which certificates there are. All that is looked up is the verifier's own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple, Protocol

from tashika.pki.request import OcspRequest
from tashika_server.agreements.gate import Bearer, Gate, Permit
from tashika_server.agreements.gatehouse import Gatehouse
from tashika_server.agreements.party import Verdict
from tashika_server.agreements.presented import Presented
from tashika_server.agreements.refusals import NoCredential
from tashika_server.agreements.replay import ReplayMemory
from tashika_server.agreements.rules import Question
from tashika_server.agreements.scan import ScanAlarm, ScanSign, ScanWatch
from tashika_server.agreements.signed import check_signature
from tashika_server.agreements.terms import Method, Purpose
from tashika_server.issuer import Issuer
from tashika_server.log import get_log
from tashika_server.metrics import Tally
from tashika_server.refusal import Refusal
from tashika_server.responder.client_standing import ClientStandings
from tashika_server.responder.line import stranger
from tashika_server.responder.sight import Sight

__all__ = ["Admission", "Asker", "ByAgreement", "Leave", "OfThisMachine", "report_scan"]

log = get_log()

_scans = Tally(
    "tashika_scans",
    "Verifiers noticed to walk through serials, by the sign that gave them away.",
    label="sign",
    allowed=tuple(ScanSign),
)


class _Way(NamedTuple):
    """What a gate makes of an asker and an issuer, as long as it is that gate."""

    gate: Gate
    issuer: Issuer
    bearer: Bearer
    verdict: Verdict
    leave: "Leave"


@dataclass(slots=True)
class Asker:
    """Who asks, as far as the request shows it, and what for."""

    presented: Presented
    purpose: Purpose | None = None
    """None where it is not stated: whatever the agreement grants will do."""
    way: _Way | None = field(default=None, repr=False, compare=False)
    """For the admission to keep: who asks again comes the same way."""


@dataclass(slots=True)
class Leave:
    """Leave to answer one question."""

    permit: Permit | None = None
    """None where no agreement is asked for."""
    earlier: bytes | None = None
    """The answer that this very question has had; it gets no other."""
    claimed: bool = False
    """True for a question that nobody else answers meanwhile: end with keep() or give_back()."""

    def keep(self, answer: bytes, *, until: datetime) -> None:
        """Hand in the answer, which is good until then, in case the question comes again."""

    def give_back(self) -> None:
        """Answer nothing after all."""

    def renew(self) -> None:
        """Answer anew: what the earlier answer says is not so any more. Raises a Refusal."""


@dataclass(slots=True, kw_only=True)
class _SignedLeave(Leave):
    """Leave to answer a signed question."""

    replays: ReplayMemory
    identity: bytes
    nonce: bytes | None
    at: datetime
    enter: Callable[[], None]
    """Goes through the gate once more, as a new question, and is counted."""

    def keep(self, answer: bytes, *, until: datetime) -> None:
        self.replays.remember(self.identity, answer, nonce=self.nonce, until=until, at=self.at)

    def give_back(self) -> None:
        if self.claimed:
            self.replays.release(self.identity, self.at)

    def renew(self) -> None:
        self.enter()
        self.replays.claim(self.identity, self.at, instead_of=self.earlier)
        self.earlier, self.claimed = None, True


class Admission(Protocol):
    """Decides which questions are answered."""

    def name(self, asker: Asker, *, at: datetime) -> str:
        """Say with whom somebody waits his turn: nothing that he may do follows from it.

        Of a stranger, `line.stranger`.
        """
        ...

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

    def name(self, asker: Asker, *, at: datetime) -> str:
        """Go by the source."""
        del at
        return str(asker.presented.source)

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

    def name(self, asker: Asker, *, at: datetime) -> str:
        """Go by the verifier that is shown; else by the source, as a stranger."""
        try:
            bearer = self.gatehouse.gate(at).identify(asker.presented)
        except Refusal:
            return stranger(asker.presented.source)
        return bearer.party.verifier or ""

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
        """Identify, authorise and count; raises a Refusal.

        Whose certificate is revoked is refused before the count: a thief of its key uses up
        nobody's limits.
        """
        gate = self.gatehouse.gate(at)
        if request.signed:
            return self._admit_signed(question, request, issuer, asker, sight, gate, at=at)
        way = asker.way
        if (
            way is None
            or way.gate is not gate
            or way.issuer is not issuer
            or not way.verdict.begin <= at < way.verdict.end
        ):
            way = asker.way = _find_way(gate, asker.presented, issuer, asker.purpose, at)
        self._pass(way, request, len(request.cert_ids), sight, at)
        return way.leave

    def _admit_signed(  # noqa: PLR0917 - `admit` alone calls it
        self,
        question: bytes,
        request: OcspRequest,
        issuer: Issuer,
        asker: Asker,
        sight: Sight,
        gate: Gate,
        *,
        at: datetime,
    ) -> Leave:
        """Do likewise for a signed question; if it was answered before it counts for nothing."""
        presented, earlier = asker.presented, None
        if signed := check_signature(question, gate):
            presented = presented._replace(signer=signed.signer)
            earlier = self.replays.recall(signed.identity, at)
        way = _find_way(gate, presented, issuer, asker.purpose, at)
        asked = len(request.cert_ids)
        self._pass(way, request, 0 if earlier else asked, sight, at)
        if signed is None:
            return way.leave
        if earlier is None:
            self.replays.claim(signed.identity, at)
        return _SignedLeave(
            way.leave.permit,
            earlier,
            claimed=earlier is None,
            replays=self.replays,
            identity=signed.identity,
            nonce=request.nonce,
            at=at,
            enter=partial(self._pass, way, request, asked, sight, at),
        )

    def _pass(self, way: _Way, request: OcspRequest, new: int, sight: Sight, at: datetime) -> None:
        """Go this way with a question about so many certificates that nobody has counted."""
        gate, issuer, bearer, verdict, _ = way
        if bearer.certificate is not None:
            self.clients.require(bearer, sight, at=at)
        permit = gate.enter(bearer, verdict, new, at)
        if new:
            serials = [each.serial for each in request.cert_ids]
            self.scans.note(permit.verifier, issuer.name, serials, at)


def _find_way(
    gate: Gate, presented: Presented, issuer: Issuer, purpose: Purpose | None, at: datetime
) -> _Way:
    bearer = gate.identify(presented)
    asked = Question(issuer.family, issuer.name, Method.OCSP, purpose)
    verdict = gate.judge(bearer, asked, at)
    return _Way(gate, issuer, bearer, verdict, Leave(verdict.permit))


def report_scan(alarm: ScanAlarm) -> None:
    """Tell the operator of a verifier that seems to walk through serials."""
    _scans.count(alarm.sign)
    log.warning("sequential_scan", verifier=alarm.verifier, issuer=alarm.issuer, sign=alarm.sign)
