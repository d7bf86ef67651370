"""Making a compact set from one generation of the index, and the delta that leads to it."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tashika.pki.algorithms import PrivateKey, algorithm_for, signing
from tashika.pki.compact.building import Written, assemble, build, write_octets
from tashika.pki.compact.changing import difference
from tashika.pki.compact.content import Content
from tashika.pki.compact.head import (
    Base,
    Head,
    Kind,
    Otherwise,
    Part,
    SignedHead,
)
from tashika.pki.compact.head_codec import (
    PREAMBLE,
    encode_head,
    key_hash,
    parse_head,
    read_preamble,
)
from tashika.pki.errors import Malformed, PkiError, TashikaError
from tashika_server.agreements.compromise_file import Compromised
from tashika_server.durable import write_atomically
from tashika_server.index import Coverage, Entry, Snapshot
from tashika_server.issuer import Issuer, NeverIssued, WithoutRegister

CONDEMNED_HOLDS = timedelta(days=1)
"""How long a set under a compromised key holds at most: a withdrawal is to be heard."""
NO_SERIAL = 1 << 256
"""Longer than any that can be listed: what the index says of it, it says of all not listed."""


class NotMade(TashikaError):
    """No set or delta was made, and what is in place stays; says why and what to do."""


@dataclass(frozen=True, slots=True)
class SetSigner:
    """Whose key signs: the operator's for files, or one that the issuer has certified for it."""

    key: PrivateKey = field(repr=False)
    certificate: x509.Certificate | None = None
    """None where verifiers are told the key itself."""

    def encode(self, head: Head) -> bytes:
        """Sign a head."""
        algorithm = algorithm_for(self.key.public_key())
        named = self.certificate.public_bytes(Encoding.DER) if self.certificate else None
        return encode_head(head, algorithm, signing(self.key, algorithm), named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes the sets of one issuer, one after the other at one path."""

    issuer: Issuer
    signer: SetSigner
    path: Path
    """Where the newest set lies; the directory also takes what is not finished."""

    def make(
        self,
        snapshot: Snapshot,
        *,
        delta: Path | None,
        compromised: Compromised | None,
        at: datetime,
    ) -> Head:
        """Make a set of all that the index says, and put it in the place of the last one.

        1. All partitions of the issuer are there, and none is stale: missing is not empty (T15).
           Where its key is compromised everything under it is revoked, whatever is there.
        2. Its number follows that of the set in place.
        3. It is written beside its place, from sorted entries, in constant memory.
        4. It takes its place.
        5. The delta to it from the one before is written to `delta`, where that is wanted.

        The same index gives the same octets, but for the times, the number and a signature by
        ECDSA. Whoever is killed on the way leaves the old set, or the new one without a delta
        to it: then verifiers take it whole. Raises NotMade and OSError.
        """
        # 1
        if compromised:
            coverage = Coverage(number=None, this_update=at, next_update=at + CONDEMNED_HOLDS)
        else:
            coverage = self._require_coverage(snapshot, at=at)
        # 2
        old = _Set.read(self.path)
        if old and old.signed.head.issuer != self.issuer.identity.fingerprint:
            raise NotMade(f"{self.path} is a set of another issuer; name another file")
        if delta and not old:
            raise NotMade(f"{self.path} is not there to make a delta from; make a set first")
        with Spools(self.path.parent) as spools:
            # 3
            written = self._write(snapshot, compromised, spools)
            number = old.signed.head.number + 1 if old else 1
            head = self._head(coverage, written, compromised, number=number, at=at)
            # 4
            write_atomically(self.path, assemble(self.signer.encode(head), written))
            # 5
            if delta and old:
                self._write_delta(delta, old, spools)
        return head

    def _require_coverage(self, snapshot: Snapshot, *, at: datetime) -> Coverage:
        coverage = snapshot.find(self.issuer.identity.fingerprint, NO_SERIAL).coverage
        if coverage is None:
            raise NotMade(f"the index lacks CRLs of {self.issuer.name}; see that all are loaded")
        if coverage.next_update <= at:
            raise NotMade(f"CRLs of {self.issuer.name} are stale; see why none came")
        return coverage

    def _write(
        self, snapshot: Snapshot, compromised: Compromised | None, spools: "Spools"
    ) -> list[Written]:
        fingerprint = self.issuer.identity.fingerprint
        entries: Iterable[Entry] = snapshot.everything(fingerprint)
        issued = snapshot.issued(fingerprint) if snapshot.register(fingerprint) else None
        if compromised:
            entries = (compromised.condemn(each.serial, each) for each in entries)
            issued = None
        try:
            return build(entries, issued, spools.open)
        except Malformed as wrong:
            raise NotMade(f"a set of {self.issuer.name} cannot be made: {wrong}") from wrong

    def _head(
        self,
        coverage: Coverage,
        written: Iterable[Written],
        compromised: Compromised | None,
        *,
        number: int,
        at: datetime,
    ) -> Head:
        sections = tuple(each.section for each in written)
        parts = {each.part for each in sections}
        return Head(
            kind=Kind.SET,
            issuer=self.issuer.identity.fingerprint,
            family=self.issuer.family,
            number=number,
            this_update=coverage.this_update,
            next_update=coverage.next_update,
            produced_at=at,
            otherwise=Otherwise.REVOKED if compromised else self._otherwise(parts),
            signer=key_hash(self.signer.key.public_key()),
            sections=sections,
            since=compromised.since if compromised else None,
        )

    def _otherwise(self, parts: set[Part]) -> Otherwise:
        if Part.ISSUED in parts:
            claimed = self.issuer.never_issued is NeverIssued.EXTENDED_REVOKED
            return Otherwise.NEVER_ISSUED if claimed else Otherwise.UNKNOWN
        good = self.issuer.without_register is WithoutRegister.GOOD
        return Otherwise.GOOD if good else Otherwise.UNKNOWN

    def _write_delta(self, delta: Path, old: "_Set", spools: "Spools") -> None:
        new = _Set.read(self.path)
        if new is None or old.content.has_details is not new.content.has_details:
            raise NotMade("the old set was without its details; no delta leads from there")
        target = new.signed
        changes = difference(old.content, new.content, spools.open)
        changes.insert(0, write_octets(Part.TARGET, target.encoded, spools.open))
        head = replace(
            target.head,
            kind=Kind.DELTA,
            sections=tuple(each.section for each in changes),
            base=Base(old.signed.head.number, old.signed.sha256),
        )
        write_atomically(delta, assemble(self.signer.encode(head), changes))


class Spools(ExitStack):
    """Files without a name, for what is not finished: gone at the end, or with the process."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    def open(self) -> BinaryIO:
        """Open one more."""
        return self.enter_context(cast("BinaryIO", TemporaryFile(dir=self._directory)))


@dataclass(frozen=True, slots=True)
class _Set:
    """A set in place, mapped. It is our own: nobody but us writes there."""

    signed: SignedHead
    content: Content

    @classmethod
    def read(cls, path: Path) -> "_Set | None":
        try:
            with path.open("rb") as file:
                data = mmap(file.fileno(), 0, access=ACCESS_READ)
            length = read_preamble(data[:PREAMBLE])
            signed = parse_head(data[PREAMBLE : PREAMBLE + length])
            return cls(signed, Content(data, signed.head, PREAMBLE + length))
        except FileNotFoundError:
            return None
        except (PkiError, ValueError) as wrong:
            raise NotMade(f"{path} is not a whole compact set ({wrong}); move it away") from wrong
