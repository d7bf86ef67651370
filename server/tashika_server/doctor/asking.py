"""How probes are asked: at the responder that runs, or at a desk in this process.

What comes back is what would reach a relying party; that its signature is a signer's of ours is
checked here, who may sign was checked before (`signing.load_signer`).
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from secrets import token_bytes
from typing import Protocol

from cryptography import x509

from tashika.pki import algorithms
from tashika.pki.certid import CertId
from tashika.pki.certificates import public_key
from tashika.pki.errors import PkiError, TashikaError
from tashika.pki.request import build_request
from tashika.pki.response import BasicResponse, parse_response
from tashika.pki.standing import Standing
from tashika_server.agreements.presented import Presented
from tashika_server.issuer import Issuer
from tashika_server.refusal import Refusal
from tashika_server.responder import Answer, Asker, Desk, answer

__all__ = ["AtDesk", "AtResponder", "Oracle", "Unanswered", "is_alive"]

PATIENCE_SECONDS = 5.0
NONCE_BYTES = 16
MAX_ANSWER_BYTES = 64 * 1024
OK = 200


class Unanswered(TashikaError):
    """There is no answer, or none that can be believed; says why, in one line."""


class Oracle(Protocol):
    """Whoever answers about a certificate."""

    @property
    def where(self) -> str:
        """Say where it was asked, for people."""
        ...

    def ask(self, issuer: Issuer, serial: int, signers: Sequence[x509.Certificate]) -> Standing:
        """Ask about one serial, to be answered by one of these signers; raises Unanswered."""
        ...


def is_alive(host: str, port: int) -> bool:
    """Tell whether a responder says there that it is alive."""
    connection = HTTPConnection(host, port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class AtResponder:
    """The service that runs on this machine, asked as a verifier asks."""

    host: str
    port: int
    token: str | None
    """The bearer token of a verifier; None where everybody may ask."""

    @property
    def where(self) -> str:
        """Name its address."""
        return f"http://{self.host}:{self.port}/ocsp"

    def ask(self, issuer: Issuer, serial: int, signers: Sequence[x509.Certificate]) -> Standing:
        """Send one question with a nonce over HTTP."""
        cert_id, nonce = CertId.build(issuer.identity, serial), token_bytes(NONCE_BYTES)
        headers = {"Content-Type": "application/ocsp-request"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        connection = HTTPConnection(self.host, self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("POST", "/ocsp", build_request([cert_id], nonce=nonce), headers)
            body = connection.getresponse().read(MAX_ANSWER_BYTES)
        except (OSError, HTTPException) as silent:
            raise Unanswered(str(silent)) from silent
        finally:
            connection.close()
        return _read(body, cert_id, nonce, signers)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtDesk:
    """A desk of this process, with the index and the signers that the workers have."""

    desk: Desk
    at: datetime

    @property
    def where(self) -> str:
        """Say that nobody else was asked."""
        return "in this process"

    def ask(self, issuer: Issuer, serial: int, signers: Sequence[x509.Certificate]) -> Standing:
        """Have one answer made; it is recorded nowhere."""
        cert_id, nonce = CertId.build(issuer.identity, serial), token_bytes(NONCE_BYTES)
        asker = Asker(Presented(ip_address("127.0.0.1")))
        try:
            given = answer(build_request([cert_id], nonce=nonce), asker, self.desk, at=self.at)
        except Refusal as refusal:
            raise Unanswered(refusal.reply.metric) from refusal
        assert isinstance(given, Answer)  # noqa: S101 - a fresh nonce was never asked before
        return _read(given.body, cert_id, nonce, signers)


def _read(
    body: bytes, cert_id: CertId, nonce: bytes, signers: Sequence[x509.Certificate]
) -> Standing:
    try:
        read = parse_response(body)
    except PkiError as broken:
        raise Unanswered(f"no OCSP response: {broken}") from broken
    if not isinstance(read, BasicResponse):
        raise Unanswered(read.status.name.lower())
    if read.nonce != nonce or [each.cert_id for each in read.responses] != [cert_id]:
        raise Unanswered("the answer is about something else")
    for signer in signers:
        with suppress(PkiError):
            algorithms.verify(public_key(signer), read.algorithm, read.signature, read.tbs)
            return read.responses[0].standing
    raise Unanswered("the answer is signed by nobody who may")
