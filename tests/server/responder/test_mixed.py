"""T5: whoever asks what in whatever way, each answer belongs to its own question.

Akamai once answered a POST that had `Expect: 100-continue` with another certificate's status.
"""

import asyncio
import base64
import random
from urllib.parse import quote

from support.asking import (
    AT,
    DAY,
    ISSUED,
    Authority,
    ec_key,
    get,
    live,
    make_issuer,
    open_counter,
    post,
    write_signer,
)
from tashika.pki.certid import CertId
from tashika.pki.request import build_request
from tashika.pki.response import BasicResponse, parse_response
from tashika.pki.standing import Good, Revoked
from tashika_server.index import Coverage, Entry
from tashika_server.responder import Desk, Directory, Inspection, OfThisMachine, Patience
from tashika_server.signing import Rack, Shelf

QUESTIONS = 10_000
CALLERS = 40
HASHES = ("sha1", "sha256", "sha384", "sha512")


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


class Asked:
    """One question: the bytes to send, and the check of its answer."""

    def __init__(self, chance, issuers) -> None:
        self.parity = chance.randrange(2)
        many = chance.choice((*[1] * 8, 2, 16))
        self.cert_ids = [
            CertId.build(
                issuers[self.parity].identity, chance.choice(ISSUED), chance.choice(HASHES)
            )
            for _ in range(many)
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
        answer = parse_response(body)
        assert isinstance(answer, BasicResponse)
        assert answer.nonce == self.nonce
        assert [each.cert_id.der for each in answer.responses] == [
            each.der for each in self.cert_ids
        ]
        for each in answer.responses:
            revoked = each.cert_id.serial % 2 == self.parity
            assert isinstance(each.standing, Revoked if revoked else Good)


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


async def test_t05_ten_thousand_mixed_questions_get_their_own_answers(tmp_path):
    desk, issuers = make_world(tmp_path)
    with live(desk, patience=Patience()) as port:
        await asyncio.gather(
            *(
                call(port, random.Random(number), issuers, QUESTIONS // CALLERS)
                for number in range(CALLERS)
            )
        )
