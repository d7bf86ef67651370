"""T5: whoever asks what in whatever way, each answer belongs to its own question.

Akamai once answered a POST that had `Expect: 100-continue` with another certificate's status.
"""

import asyncio
import base64
import random
import socket
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from urllib.parse import quote

import uvloop
from cryptography.x509 import ocsp

from support.asking import (
    AT,
    DAY,
    ISSUED,
    NO_PROXIES,
    NOTEBOOK,
    Authority,
    ec_key,
    get,
    make_issuer,
    open_counter,
    post,
    write_signer,
)
from support.clock import FakeClock
from tashika.pki.certid import CertId
from tashika.pki.request import build_request
from tashika_server.index import Coverage, Entry
from tashika_server.responder import (
    Desk,
    Directory,
    Inspection,
    OfThisMachine,
    Patience,
    WorkerParts,
    serve,
)
from tashika_server.signing import Rack, Shelf

QUESTIONS = 10_000
CALLERS = 40
HASHES = ("sha1", "sha256", "sha384", "sha512")
STANDING = {ocsp.OCSPCertStatus.GOOD: False, ocsp.OCSPCertStatus.REVOKED: True}


def make_world(tmp_path):
    """Two generations of one CA under one name; a serial is revoked in just one of them."""
    first = open_counter(tmp_path)
    ca = Authority.make(first.authority.name, ec_key("next generation"))
    second, key = make_issuer(ca, name="user-auth-g4"), ec_key("responder of the next")
    files = write_signer(tmp_path, ca.issue_responder(key), key, "next")
    issuers = (first.issuer, second)
    first.index.entries.clear()
    for parity, issuer in enumerate(issuers):
        mark = issuer.identity.fingerprint
        first.index.coverage[mark] = Coverage(number=1, this_update=AT, next_update=AT + DAY)
        first.index.issued[mark] = ISSUED
        for serial in ISSUED:
            if serial % 2 == parity:
                entry = Entry(serial=serial, revoked_at=AT - DAY, reason=None, invalid_since=None)
                first.index.entries[mark, serial] = entry
    desk = Desk(
        admission=OfThisMachine(),
        directory=Directory(issuers),
        index=first.index,
        shelf=Shelf(
            [Rack(issuer=issuers[0], files=(first.files,)), Rack(issuer=second, files=(files,))],
            at=AT,
        ),
        inspection=Inspection(),
        max_cert_ids=16,
    )
    return desk, issuers


cert_id_of = cache(CertId.build)


class Asked:
    """One question: the bytes to send, and the check of its answer."""

    def __init__(self, chance, issuers) -> None:
        self.parity = chance.randrange(2)
        identity, hash_name = issuers[self.parity].identity, chance.choice(HASHES)
        many = chance.choice((*[1] * 14, 2, 16))
        self.cert_ids = [
            cert_id_of(identity, chance.choice(ISSUED), hash_name) for _ in range(many)
        ]
        self.nonce = chance.choice((None, chance.randbytes(chance.randint(1, 128))))
        self.expects = False
        self.wire = self._write(chance, build_request(self.cert_ids, nonce=self.nonce))

    def _write(self, chance, question):
        way = chance.choice(("post", "post", "post", "get", "chunked", "expect"))
        if way == "get" and len(question) < 4000:
            text = base64.b64encode(question).decode()
            return get(f"/ocsp/{chance.choice((text, quote(text, safe='')))}")
        if way == "chunked":
            cut = chance.randrange(1, len(question))
            chunks = b"".join(
                b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (question[:cut], question[cut:])
            )
            head = b"POST /ocsp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            return head + chunks + b"0\r\n\r\n"
        self.expects = way == "expect"
        return post(question, *["Expect: 100-continue"] * self.expects)

    def check(self, body):
        """Read it with pyca; the very bytes of the CertIDs and of the nonce must be in it."""
        answer = ocsp.load_der_ocsp_response(body)
        nonces = [each.value.nonce for each in answer.extensions]
        assert nonces == [self.nonce] * (self.nonce is not None)
        assert all(each.der in body for each in self.cert_ids)
        said = [(each.serial_number, each.certificate_status) for each in answer.responses]
        assert [(serial, STANDING[status]) for serial, status in said] == [
            (each.serial, each.serial % 2 == self.parity) for each in self.cert_ids
        ]
        assert {each.issuer_key_hash for each in answer.responses} == {self.cert_ids[0].key_hash}


async def hear(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    status, length = int(head.split()[1]), 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return status, await reader.readexactly(length)


async def call(port, chance, issuers, many):
    """Keep one connection busy: batches of up to eight questions, sent before any is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while many:
        batch = [Asked(chance, issuers) for _ in range(min(many, chance.randint(1, 8)))]
        many -= len(batch)
        writer.write(b"".join(each.wire for each in batch))
        for each in batch:
            status, body = await hear(reader)
            if each.expects:
                assert status == 100
                status, body = await hear(reader)
            assert status == 200
            each.check(body)
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def serving(desk):
    """Serve in the loop of the callers: in a thread of its own both would wait for the GIL."""
    listener = socket.create_server(("127.0.0.1", 0))
    parts = WorkerParts(
        desk=desk,
        reception=NO_PROXIES,
        notebook=NOTEBOOK,
        clock=FakeClock(AT),
        cache_for=timedelta(minutes=5),
        group=None,
        tls=None,
        patience=Patience(),
    )
    ready, stop = asyncio.Event(), asyncio.Event()
    server = asyncio.create_task(
        serve(parts, [listener], ready=ready.set, stop=stop, relieved=asyncio.Event())
    )
    await ready.wait()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        await server


def test_t5_ten_thousand_mixed_questions_get_their_own_answers(tmp_path):
    desk, issuers = make_world(tmp_path)

    async def ask_all():
        async with serving(desk) as port:
            await asyncio.gather(
                *(
                    call(port, random.Random(number), issuers, QUESTIONS // CALLERS)
                    for number in range(CALLERS)
                )
            )

    uvloop.run(ask_all())
