"""A responder's desk to ask at: a small PKI, an index in memory, and a live server with a raw
client. Time stands at AT unless told otherwise."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Self

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from support.clock import FakeClock
from tashika.pki.algorithms import PrivateKey
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.profile import Family
from tashika.pki.request import build_request
from tashika.pki.response import BasicResponse, SingleResponse, parse_response
from tashika.pki.standing import Reason
from tashika_server.agreements.notes import Notebook
from tashika_server.agreements.presented import Presented, Proxies
from tashika_server.clock import Clock
from tashika_server.index import Coverage, Entry, Finding
from tashika_server.issuer import Bounds, Issuer, NeverIssued, Partition, WithoutRegister
from tashika_server.metering.group import GroupCommit
from tashika_server.metering.meter import Meter
from tashika_server.responder import (
    Asker,
    Desk,
    Directory,
    Inspection,
    OfThisMachine,
    Patience,
    Reception,
    TlsIdentity,
    WorkerParts,
    answer,
    serve,
)
from tashika_server.signing import Rack, Shelf, SignerFiles
from tashika_server.signing.envelope import Envelope

AT = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)

GOOD, REVOKED, HELD, NO_REASON, UNSPECIFIED, NEVER = 1001, 1002, 1003, 1004, 1005, 5000
ISSUED = range(1000, 2000)
NEIGHBOUR = Asker(Presented(ip_address("127.0.0.1")))
"""Somebody on this machine who shows nothing."""
NOTEBOOK = Notebook(bytes(range(64)))
NO_PROXIES = Reception(proxies=Proxies(), certificate_header="Client-Cert")

# --- keys and certificates ------------------------------------------------------------------


@cache
def rsa_key(_which: str = "") -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(_which: str = "", curve: type[ec.EllipticCurve] = ec.SECP256R1) -> PrivateKey:
    return ec.generate_private_key(curve())


def dn(unit: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "JPKI-SIM"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        ]
    )


KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def key_usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{each: each in allowed for each in KEY_USAGES})


@dataclass(frozen=True, kw_only=True)
class Authority:
    """One CA key generation; several may share a name."""

    name: str
    key: PrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, name: str, key: PrivateKey, *, at: datetime = AT) -> "Authority":
        certificate = (
            _blank(dn(name), dn(name), key, at - 400 * DAY, at + 3000 * DAY, serial=1)
            .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(name=name, key=key, certificate=certificate)

    def issue(
        self,
        key: PrivateKey,
        *extensions: x509.ExtensionType,
        at: datetime = AT,
        begin: timedelta = -DAY,
        end: timedelta = 30 * DAY,
        serial: int = 900,
        subject: str = "OCSP responder",
    ) -> x509.Certificate:
        builder = _blank(dn(subject), dn(self.name), key, at + begin, at + end, serial=serial)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue_responder(
        self,
        key: PrivateKey,
        *,
        at: datetime = AT,
        begin: timedelta = -DAY,
        end: timedelta = 30 * DAY,
    ) -> x509.Certificate:
        return self.issue(key, *RESPONDER, at=at, begin=begin, end=end)


RESPONDER: tuple[x509.ExtensionType, ...] = (
    key_usage("digital_signature"),
    x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]),
    x509.OCSPNoCheck(),
)


def _blank(
    subject: x509.Name,
    issuer: x509.Name,
    key: PrivateKey,
    begin: datetime,
    end: datetime,
    *,
    serial: int,
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=serial,
        not_valid_before=begin.replace(tzinfo=None),
        not_valid_after=end.replace(tzinfo=None),
    )


def write_pem(path: Path, thing: x509.Certificate | PrivateKey) -> Path:
    if isinstance(thing, x509.Certificate):
        path.write_bytes(thing.public_bytes(Encoding.PEM))
    else:
        path.write_bytes(thing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def write_signer(
    directory: Path, certificate: x509.Certificate, key: PrivateKey, name: str = "signer"
) -> SignerFiles:
    return SignerFiles(
        certificate=write_pem(directory / f"{name}.pem", certificate),
        key=write_pem(directory / f"{name}.key", key),
    )


def make_issuer(
    authority: Authority,
    *,
    name: str = "user-auth-g3",
    without_register: WithoutRegister = WithoutRegister.UNKNOWN,
    never_issued: NeverIssued = NeverIssued.EXTENDED_REVOKED,
    archive_cutoff: timedelta | None = None,
) -> Issuer:
    return Issuer(
        name=name,
        family=Family.USER_AUTH,
        certificate=authority.certificate,
        identity=IssuerIdentity.of(authority.certificate),
        partitions=(Partition(name="", url="lab:/crl/x"),),
        register=None,
        without_register=without_register,
        never_issued=never_issued,
        archive_cutoff=archive_cutoff,
        bounds=Bounds(),
    )


# --- the index in memory --------------------------------------------------------------------


@dataclass
class MemoryView:
    generation: int
    entries: dict[tuple[bytes, int], Entry]
    coverage: dict[bytes, Coverage]
    issued: dict[bytes, range]
    looked_up: list[int]
    lineage: object = None

    def changes(self, *, after: int) -> None:
        """Say that whatever is known of an older generation may have changed."""

    def find(self, fingerprint: bytes, serial: int) -> Finding:
        self.looked_up.append(serial)
        issued = self.issued.get(fingerprint)
        return Finding(
            entry=self.entries.get((fingerprint, serial)),
            coverage=self.coverage.get(fingerprint),
            issued=None if issued is None else serial in issued,
        )


@dataclass
class MemoryIndex:
    """Honours what responder.sight.Index promises; change it and the next snapshot sees it."""

    generation: int = 0
    entries: dict[tuple[bytes, int], Entry] = field(default_factory=dict)
    coverage: dict[bytes, Coverage] = field(default_factory=dict)
    issued: dict[bytes, range] = field(default_factory=dict)
    looked_up: list[int] = field(default_factory=list)
    _shown: object = None

    @contextmanager
    def snapshot(self) -> Iterator[MemoryView]:
        content = dict(self.entries), dict(self.coverage), dict(self.issued)
        if content != self._shown:
            self.generation, self._shown = self.generation + 1, content
        yield MemoryView(self.generation, *content, self.looked_up)

    def fill(self, issuer: Issuer, *, at: datetime, register: range | None = ISSUED) -> None:
        """Put in the usual serials of an issuer, from a CRL of an hour ago."""
        mark = issuer.identity.fingerprint
        yesterday = at - DAY
        for serial, reason, since in (
            (REVOKED, Reason.KEY_COMPROMISE, yesterday - 7 * DAY),
            (HELD, Reason.CERTIFICATE_HOLD, None),
            (NO_REASON, None, None),
            (UNSPECIFIED, Reason.UNSPECIFIED, None),
        ):
            self.entries[mark, serial] = Entry(
                serial=serial, revoked_at=yesterday, reason=reason, invalid_since=since
            )
        self.coverage[mark] = Coverage(
            number=7, this_update=at - timedelta(hours=1), next_update=at + DAY
        )
        if register is not None:
            self.issued[mark] = register


# --- the desk -------------------------------------------------------------------------------


@dataclass(kw_only=True, eq=False)
class Counter:
    """A whole desk, and a person before it who asks."""

    authority: Authority
    issuer: Issuer
    index: MemoryIndex
    files: SignerFiles
    desk: Desk
    at: datetime

    def cert_id(self, serial: int, hash_name: str = "sha256") -> CertId:
        return CertId.build(self.issuer.identity, serial, hash_name)

    def question(
        self, *serials: int, hash_name: str = "sha256", nonce: bytes | None = None
    ) -> bytes:
        return build_request([self.cert_id(each, hash_name) for each in serials], nonce=nonce)

    def ask(self, *serials: int, nonce: bytes | None = None) -> BasicResponse:
        return self.put(self.question(*serials, nonce=nonce))

    def put(self, question: bytes) -> BasicResponse:
        read = parse_response(answer(question, NEIGHBOUR, self.desk, at=self.at).body)
        assert isinstance(read, BasicResponse)
        return read

    def envelope(self) -> Envelope:
        """Return what signs the answers, by its `sign`, compiled or not."""
        self.ask(GOOD, nonce=b"n")
        mark = self.issuer.identity.fingerprint
        signer, algorithm = self.desk.shelf.pick(mark, (), at=self.at)
        return signer.envelopes[algorithm.oid]

    def ask_one(self, serial: int) -> SingleResponse:
        (single,) = self.ask(serial).responses
        return single


def open_counter(
    directory: Path,
    *,
    at: datetime = AT,
    authority: Authority | None = None,
    key: PrivateKey | None = None,
    signer: x509.Certificate | None = None,
    register: range | None = ISSUED,
    max_cert_ids: int = 16,
    read_one_in: int = 1,
    issuer: Callable[[Authority], Issuer] = make_issuer,
) -> Counter:
    """Open a desk with one issuer and one signer (both P-256 unless given)."""
    authority = authority or Authority.make("JPKI for user authentication", ec_key("ca"), at=at)
    served = issuer(authority)
    signer_key = key or ec_key("responder")
    certificate = signer or authority.issue_responder(signer_key, at=at)
    files = write_signer(directory, certificate, signer_key)
    index = MemoryIndex()
    index.fill(served, at=at, register=register)
    desk = Desk(
        admission=OfThisMachine(),
        directory=Directory([served]),
        index=index,
        shelf=Shelf([Rack(issuer=served, files=(files,))], at=at),
        inspection=Inspection(read_one_in=read_one_in),
        max_cert_ids=max_cert_ids,
    )
    return Counter(authority=authority, issuer=served, index=index, files=files, desk=desk, at=at)


# --- the live server ------------------------------------------------------------------------

HASTE = Patience(
    head=timedelta(seconds=1.0),
    body=timedelta(seconds=0.5),
    reply=timedelta(seconds=0.5),
    linger=timedelta(seconds=0.2),
)
"""Deadlines a test can wait for."""


class Relief:
    """What relieves the worker that it was lent to."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop

    def __call__(self) -> None:
        self.loop.call_soon_threadsafe(self.event.set)


@contextmanager
def live(
    desk: Desk,
    *,
    clock: Clock | None = None,
    patience: Patience = HASTE,
    cache_for: timedelta = timedelta(minutes=5),
    keys_every: timedelta = timedelta(milliseconds=20),
    reception: Reception = NO_PROXIES,
    tls: TlsIdentity | None = None,
    group: Callable[[], GroupCommit] | None = None,
    meter: Callable[[GroupCommit], Meter] | None = None,
    relief: Relief | None = None,
    public: Path | None = None,
) -> Iterator[int]:
    """Serve the desk on a port of loopback, on uvloop in a thread of its own; all over TLS
    where that is given."""
    listener = socket.create_server(("127.0.0.1", 0))
    own = group() if group else None
    if own and meter:
        desk = replace(desk, meter=meter(own))
    parts = WorkerParts(
        desk=desk,
        reception=reception,
        notebook=NOTEBOOK,
        clock=clock or FakeClock(AT),
        cache_for=cache_for,
        public=public,
        patience=patience,
        keys_every=keys_every,
        group=own,
        tls=tls,
    )
    stop, ready, relief = asyncio.Event(), threading.Event(), relief or Relief()

    async def main() -> None:
        relief.loop = asyncio.get_running_loop()
        ears = {"sockets": (), "tls_sockets": [listener]} if tls else {"sockets": [listener]}
        await serve(parts, **ears, ready=ready.set, stop=stop, relieved=relief.event)

    thread = threading.Thread(target=uvloop.run, args=(main(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield listener.getsockname()[1]
    finally:
        with suppress(RuntimeError):  # it was relieved, and has left
            relief.loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        listener.close()
    assert not thread.is_alive()


# --- the raw client -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class HttpMessage:
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection on which a test says exactly the bytes it wants to."""

    def __init__(self, port: int, *, timeout: float = 10) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._read = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._read.close()
        self.socket.close()

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self, *, head: bool = False) -> HttpMessage | None:
        """Read one response; None when the server has closed."""
        try:
            line = self._read.readline()
        except ConnectionError:
            return None
        if not line:
            return None
        headers = {}
        while (field_line := self._read.readline().strip()) != b"":
            name, _, value = field_line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if head else int(headers.get("content-length", "0"))
        return HttpMessage(
            status=int(line.split()[1]), headers=headers, body=self._read.read(length)
        )

    def hear_all(self) -> list[HttpMessage]:
        """Read until the server closes."""
        return list(iter(self.hear, None))


def post(question: bytes, *headers: str, path: str = "/ocsp", version: str = "1.1") -> bytes:
    lines = (
        f"POST {path} HTTP/{version}",
        "Host: localhost",
        "Content-Type: application/ocsp-request",
        f"Content-Length: {len(question)}",
        *headers,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + question


def get(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    lines = (f"{method} {path} HTTP/{version}", "Host: localhost", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def talk(port: int, data: bytes) -> HttpMessage:
    """Ask once on a connection of its own."""
    with Wire(port) as wire:
        wire.say(data)
        heard = wire.hear()
        assert heard is not None, "the server closed without a word"
        return heard
