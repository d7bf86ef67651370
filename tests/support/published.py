"""A desk before a real index, which changes while it answers, as under a running ingester.

with published(tmp_path, make_issuer, ...) as world:    one issuer for each maker
    world.publish(issuer, added=[...])                  the next CRL of one of its partitions
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from support.asking import AT, DAY, ISSUED, NEIGHBOUR, Authority, ec_key, make_issuer, write_signer
from tashika.pki.certid import CertId
from tashika.pki.request import build_request
from tashika_server.index import Changes, Entry, IndexWriter, Mark, RegisterMark
from tashika_server.issuer import Issuer
from tashika_server.responder import Answer, Desk, Directory, Inspection, OfThisMachine, answer
from tashika_server.signing import Rack, Shelf, SignerFiles

HOUR = timedelta(hours=1)
PARTITIONS = ("", "second")


@dataclass(kw_only=True, eq=False)
class World:
    """Issuers, each with two partitions and a signer, and a desk that speaks for all."""

    desk: Desk
    writer: IndexWriter
    authorities: list[Authority]
    issuers: list[Issuer]
    files: list[SignerFiles]
    directory: Path
    at: datetime = AT
    crls: int = 0

    def publish(
        self,
        issuer: Issuer,
        partition: str = "",
        *,
        added: Sequence[Entry] = (),
        changed: Sequence[tuple[Entry, Entry]] = (),
        removed: Sequence[Entry] = (),
        this_update: datetime = AT - HOUR,
        next_update: datetime = AT + DAY,
        writer: IndexWriter | None = None,
    ) -> int:
        self.crls += 1
        mark = Mark(
            number=self.crls,
            this_update=this_update,
            next_update=next_update,
            sha256=bytes(32),
            entries=len(added),
            etag=None,
            last_modified=None,
        )
        changes = Changes(added=added, changed=changed, removed=removed)
        fingerprint = issuer.identity.fingerprint
        return (writer or self.writer).publish(fingerprint, partition, changes, mark)

    def register(self, issuer: Issuer, issued: range = ISSUED) -> None:
        mark = RegisterMark(sha256=bytes(32), last=issued[-1])
        self.writer.load_register(issuer.identity.fingerprint, [(issued[0], issued[-1])], mark)

    def replace_signer(self, which: int, name: str) -> None:
        """Put a new key and certificate in the old one's place, and have them taken up."""
        key, files = ec_key(name), self.files[which]
        certificate = self.authorities[which].issue_responder(key)
        write_signer(self.directory, certificate, key, files.key.stem)
        self.desk.shelf.refresh(at=self.at)

    def question(
        self,
        *serials: int,
        issuer: Issuer | None = None,
        hash_name: str = "sha256",
        nonce: bytes | None = None,
        preferred: Sequence[str] = (),
    ) -> bytes:
        identity = (issuer or self.issuers[0]).identity
        asked = [CertId.build(identity, each, hash_name) for each in serials]
        return build_request(asked, nonce=nonce, preferred=preferred)

    def ask(self, question: bytes, *, at: datetime | None = None) -> Answer:
        given = answer(question, NEIGHBOUR, self.desk, at=at or self.at)
        assert isinstance(given, Answer)
        return given


def open_index(directory: Path, issuers: Sequence[Issuer]) -> IndexWriter:
    """Make an index that expects two partitions of each issuer, and has none."""
    writer = IndexWriter.open(directory, 1 << 24)
    for each in issuers:
        writer.expect(each.identity.fingerprint, PARTITIONS)
    return writer


@contextmanager
def published(
    directory: Path, *makers: Callable[[Authority], Issuer], registers: int | None = None
) -> Iterator[World]:
    """Open a desk for one issuer by each maker, its CRLs published; the first have registers."""
    makers = makers or (make_issuer, lambda ca: make_issuer(ca, name="user-auth-g4"))
    authorities = [
        Authority.make(f"CA {number}", ec_key(f"ca {number}")) for number in range(len(makers))
    ]
    issuers = [make(ca) for make, ca in zip(makers, authorities, strict=True)]
    files = []
    for number, ca in enumerate(authorities):
        key = ec_key(f"responder {number}")
        certificate = ca.issue_responder(key)
        files.append(write_signer(directory, certificate, key, f"signer-{number}"))
    racks = [Rack(issuer=one, files=(each,)) for one, each in zip(issuers, files, strict=True)]
    with open_index(directory / "index", issuers) as writer:
        desk = Desk(
            admission=OfThisMachine(),
            directory=Directory(issuers),
            index=writer.reader,
            shelf=Shelf(racks, at=AT),
            inspection=Inspection(read_one_in=1),
            max_cert_ids=16,
        )
        world = World(
            desk=desk,
            writer=writer,
            authorities=authorities,
            issuers=issuers,
            files=files,
            directory=directory,
        )
        for each in issuers:
            for partition in PARTITIONS:
                world.publish(each, partition)
        for each in issuers[:registers]:
            world.register(each)
        yield world
