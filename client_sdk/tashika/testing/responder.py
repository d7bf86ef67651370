"""A responder for tests: right by default, wrong on order."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ssl import SSLContext

from asn1crypto import ocsp
from cryptography import x509

from tashika.causes import Cause
from tashika.errors import SourceFailed
from tashika.pki.standing import Reason
from tashika.testing.encode import Recipe, Statement, cook, refuse
from tashika.testing.faults import BODIES, WIRE, Fault
from tashika.testing.pki import KeyPair, Pki
from tashika.testing.server import serve
from tashika.testing.spoiling import spoil
from tashika.transport import Reply

_DATA_AGE = timedelta(minutes=15)
_HOLDS_FOR = timedelta(hours=24)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Record:
    status: str
    at: datetime | None = None
    reason: str | None = None


class FakeResponder:
    """Answers for the certificates of one Pki, all of them good until told otherwise.

    Use it as ``transport=`` of a client, at any URL, or serve() it. Without a
    ``signer`` the Pki's delegated responder signs; ``pki.ca`` may do so too.
    """

    url = "http://responder.test/"
    """For a client whose transport this is; any other URL does as well."""

    def __init__(
        self,
        pki: Pki | None = None,
        *,
        signer: KeyPair | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.pki = pki or Pki(at=clock())
        self.asked: list[str] = []
        """The URLs asked, in order."""
        self._signer = signer
        self._clock = clock
        self._records: dict[int, _Record] = {}
        self._faults: dict[str | None, Fault] = {}
        self._stream: bytes | None = None
        self._counted = 0

    def revoke(
        self,
        certificate: x509.Certificate,
        *,
        at: datetime | None = None,
        reason: Reason | None = Reason.KEY_COMPROMISE,
    ) -> None:
        """Answer 'revoked' from now on."""
        named = None if reason is None else reason.name.lower()
        self._record(certificate, _Record("revoked", at or self._clock(), named))

    def hold(self, certificate: x509.Certificate) -> None:
        """Answer 'revoked' with the reason certificateHold from now on."""
        self.revoke(certificate, reason=Reason.CERTIFICATE_HOLD)

    def disown(self, certificate: x509.Certificate) -> None:
        """Answer that the certificate was never issued (RFC 6960 4.4.8) from now on."""
        self.revoke(certificate, at=_EPOCH, reason=Reason.CERTIFICATE_HOLD)

    def forget(self, certificate: x509.Certificate) -> None:
        """Answer 'unknown' from now on."""
        self._record(certificate, _Record("unknown"))

    def release(self, certificate: x509.Certificate) -> None:
        """Answer 'good' again from now on."""
        self._records.pop(certificate.serial_number, None)

    def give_receipts(self, stream: bytes = bytes(16)) -> None:
        """Give every statement a number from now on, from 0, and say it in the answer."""
        self._stream, self._counted = stream, 0

    def order(self, fault: Fault | None, *, url: str | None = None) -> None:
        """Have this fault from now on, at one URL or at all of them; None ends it."""
        if fault is None:
            self._faults.pop(url, None)
        else:
            self._faults[url] = fault

    def fault_at(self, url: str) -> Fault | None:
        """Return the fault ordered for a URL."""
        return self._faults.get(url, self._faults.get(None))

    def answer(self, body: bytes, *, fault: Fault | None = None) -> bytes:
        """Answer one request; wire faults do not show here."""
        if fault in BODIES:
            return BODIES[fault]
        if fault in WIRE:
            fault = None
        try:
            request = ocsp.OCSPRequest.load(body, strict=True)
            recipe = self._recipe(request)
        except ValueError:
            return refuse("malformed_request")
        return cook(spoil(recipe, fault, self.pki) if fault else recipe)

    async def post(self, url: str, body: bytes, *, limit: int) -> Reply:
        """Be the transport of a client."""
        self.asked.append(url)
        fault = self.fault_at(url)
        if fault in (Fault.SLOW, Fault.TRICKLE):
            await asyncio.Event().wait()
        if fault is Fault.DISCONNECT:
            raise SourceFailed(Cause.UNREACHABLE, "ordered")
        if fault in (Fault.HTTP_ERROR, Fault.REDIRECT):
            raise SourceFailed(Cause.HTTP_STATUS, "ordered")
        if fault is Fault.ENDLESS:
            return Reply(bytes(limit + 1))
        return Reply(self.answer(body, fault=fault)[: limit + 1])

    async def get(self, url: str, *, limit: int) -> Reply:  # noqa: ARG002 - of a Transport
        """Have no lists, as the transport of a client."""
        self.asked.append(url)
        raise SourceFailed(Cause.HTTP_STATUS, "HTTP 404")

    @contextmanager
    def serve(self, *, tls: SSLContext | None = None) -> Iterator[str]:
        """Serve over HTTP on 127.0.0.1, from a thread; yields the URL."""
        with serve(self, tls=tls) as url:
            yield url

    def _record(self, certificate: x509.Certificate, record: _Record) -> None:
        self._records[certificate.serial_number] = record

    def _recipe(self, request: ocsp.OCSPRequest) -> Recipe:
        now = self._clock()
        nonce = request.nonce_value
        signer = self._signer or self.pki.responder
        first, asked = self._counted, request["tbs_request"]["request_list"]
        self._counted += len(asked)
        return Recipe(
            statements=tuple(self._statement(each["req_cert"], now) for each in asked),
            produced_at=now,
            nonce=nonce.native if nonce else None,
            signer=signer,
            named=signer,
            # Go reads certs[0] only, and a CA-signed answer embeds no CA certificate.
            embedded=() if signer is self.pki.ca else (signer.certificate,),
            extended_revoke=True,
            receipt=(self._stream, first) if self._stream is not None else None,
        )

    def _statement(self, cert_id: ocsp.CertId, now: datetime) -> Statement:
        record = self._records.get(cert_id["serial_number"].native, _Record("good"))
        return Statement(
            cert_id=cert_id,
            status=record.status,
            revoked_at=record.at,
            reason=record.reason,
            this_update=now - _DATA_AGE,
            next_update=now + _HOLDS_FOR,
        )
