"""Compact sets made from the index: what they say is what the responder would say."""

import itertools
import os
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from support import dying
from support.compact import DAY, PKI, TRUST, delegate
from support.sdk import AT
from tashika import Cause
from tashika.compact import CompactSet, Listing, Trust, apply_delta, install
from tashika.pki.certid import IssuerIdentity
from tashika.pki.certificates import load_certificate
from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server import durable
from tashika_server.agreements.compromise_file import Compromised
from tashika_server.compact import Maker, NotMade, SetSigner
from tashika_server.index import Changes, Entry, IndexReader, IndexWriter, Mark, RegisterMark
from tashika_server.issuer import (
    Bounds,
    Issuer,
    NeverIssued,
    Partition,
    WithoutRegister,
)

IDENTITY = IssuerIdentity.of(PKI.issuer)
CA = IDENTITY.fingerprint
LATER = AT + timedelta(hours=1)


def issuer(**how: object) -> Issuer:
    usual = {
        "name": "sign-3",
        "family": Family.SIGNATURE,
        "certificate": PKI.issuer,
        "identity": IDENTITY,
        "partitions": (Partition(name="A", url=""), Partition(name="B", url="")),
        "register": None,
        "without_register": WithoutRegister.GOOD,
        "never_issued": NeverIssued.EXTENDED_REVOKED,
        "archive_cutoff": None,
        "bounds": Bounds(),
    }
    return Issuer(**{**usual, **how})  # type: ignore[arg-type]


def entry(serial: int, reason: Reason | None = None) -> Entry:
    return Entry(serial, AT - DAY, reason)


class Works:
    """An index of an issuer with two partitions, and the maker of its sets."""

    def __init__(self, directory: Path, writer: IndexWriter) -> None:
        self.directory, self.writer = directory, writer
        self.path, self.delta = directory / "sign-3.tset", directory / "2.delta"
        self.number = 0

    def publish(self, partition: str, *added: Entry, removed: tuple[Entry, ...] = ()) -> None:
        self.number += 1
        mark = Mark(
            number=self.number,
            this_update=AT - DAY / 2 if partition == "A" else AT,
            next_update=AT + DAY,
            sha256=bytes(32),
            entries=0,
            etag=None,
            last_modified=None,
        )
        self.writer.publish(CA, partition, Changes(added=added, removed=removed), mark)

    def make(
        self,
        *,
        delta: bool = False,
        signer: SetSigner | None = None,
        compromised: Compromised | None = None,
        at: datetime = AT,
        **how: object,
    ) -> None:
        maker = Maker(issuer=issuer(**how), signer=signer or SetSigner(PKI.ca.key), path=self.path)
        with self.writer.reader.snapshot() as snapshot:
            way = self.delta if delta else None
            maker.make(snapshot, delta=way, compromised=compromised, at=at)

    def open(self) -> CompactSet:
        return CompactSet.open(self.path, trust=TRUST, at=LATER)


@pytest.fixture
def works(tmp_path: Path) -> Iterator[Works]:
    with IndexWriter.open(tmp_path / "index", 2**24) as writer:
        writer.expect(CA, ["A", "B"])
        yield Works(tmp_path, writer)


@pytest.fixture
def loaded(works: Works) -> Works:
    works.publish("A", entry(3), entry(260, Reason.CERTIFICATE_HOLD), entry(1 << 100))
    works.publish("B", entry(4), entry(70_000), entry((1 << 100) + 1))
    return works


def test_all_partitions_are_in_it_and_their_weakest_times(loaded: Works) -> None:
    loaded.make()
    with loaded.open() as found:
        listed = (3, 4, 70_000, 1 << 100, (1 << 100) + 1)
        assert {found.find(serial) for serial in listed} == {Listing.REVOKED}
        assert found.find(260) is Listing.HELD
        assert found.find(5) is Listing.NOT_LISTED
        assert (found.head.number, found.head.family) == (1, Family.SIGNATURE)
        assert found.head.this_update == AT - DAY / 2
        assert found.status(3, at=LATER).standing.at == AT - DAY  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("rule", "listing"),
    [
        (NeverIssued.EXTENDED_REVOKED, Listing.NEVER_ISSUED),
        (NeverIssued.UNKNOWN, Listing.UNKNOWN),
    ],
)
def test_t19_with_a_register_what_was_never_issued_is_told(
    loaded: Works, rule: NeverIssued, listing: Listing
) -> None:
    ranges = [(1, 300), (301, 310), (1 << 99, 1 << 101)]
    loaded.writer.load_register(CA, ranges, RegisterMark(sha256=bytes(32), last=1 << 101))
    loaded.make(never_issued=rule)
    with loaded.open() as found:
        assert [found.find(s) for s in (1, 310, 1 << 99, 1 << 101)] == [Listing.ISSUED] * 4
        assert [found.find(s) for s in (0, 311, 1 << 98)] == [listing] * 3
        assert found.find(70_000) is Listing.REVOKED


def test_t19_without_a_register_the_issuers_rule_holds(loaded: Works) -> None:
    loaded.make(without_register=WithoutRegister.UNKNOWN)
    with loaded.open() as found:
        assert found.status(5, at=LATER).cause is Cause.UNKNOWN


def test_t15_a_missing_partition_is_not_an_empty_one(works: Works) -> None:
    works.publish("A", entry(3))
    with pytest.raises(NotMade, match="lacks CRLs of sign-3"):
        works.make()
    assert not works.path.exists()


def test_stale_lists_make_no_set(loaded: Works) -> None:
    maker = Maker(issuer=issuer(), signer=SetSigner(PKI.ca.key), path=loaded.path)
    with (
        loaded.writer.reader.snapshot() as snapshot,
        pytest.raises(NotMade, match="stale"),
    ):
        maker.make(snapshot, delta=None, compromised=None, at=AT + DAY)


def test_numbers_rise_and_deltas_follow_the_index(loaded: Works, tmp_path: Path) -> None:
    loaded.make()
    theirs = tmp_path / "theirs"
    install(loaded.path, theirs, trust=TRUST, at=LATER).close()
    loaded.publish("A", entry(5), removed=(entry(260, Reason.CERTIFICATE_HOLD),))
    loaded.make(delta=True)
    with apply_delta(loaded.delta, theirs, trust=TRUST, at=LATER) as found:
        assert (found.head.number, found.find(5)) == (2, Listing.REVOKED)
        assert found.find(260) is Listing.NOT_LISTED
    assert theirs.read_bytes() == loaded.path.read_bytes()


def test_the_same_index_gives_the_same_sections(loaded: Works) -> None:
    heads = []
    for _ in range(2):
        loaded.path.unlink(missing_ok=True)
        loaded.make()
        with loaded.open() as found:
            heads.append(found.head)
    assert heads[0] == heads[1]


def test_a_key_by_name_and_one_that_the_issuer_certified_may_sign(loaded: Works) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    loaded.make(signer=SetSigner(key))
    trust = Trust(issuer=PKI.issuer, signers=(key.public_key(),))
    CompactSet.open(loaded.path, trust=trust, at=LATER).close()
    pair = delegate()
    loaded.make(signer=SetSigner(pair.key, pair.certificate))
    loaded.open().close()


def test_what_is_in_place_and_no_set_of_this_issuer_is_left_alone(loaded: Works) -> None:
    with pytest.raises(NotMade, match="make a set first"):
        loaded.make(delta=True)
    loaded.path.write_bytes(b"something else")
    with pytest.raises(NotMade, match="move it away"):
        loaded.make()
    assert loaded.path.read_bytes() == b"something else"


@pytest.mark.parametrize(("step", "nth"), [("_write", 1), ("sync_directory", 1), ("_write", 2)])
def test_whoever_is_killed_on_the_way_leaves_a_whole_set(
    loaded: Works, step: str, nth: int
) -> None:
    """Before the set is written, behind that, and before the delta is written."""
    loaded.make()
    loaded.publish("A", entry(5))
    key = PKI.ca.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert dying.run(make_and_die, loaded.directory, step, nth, key, PKI.ca.pem) == -9
    with loaded.open() as found:
        number = found.head.number
    assert number == (1 if (step, nth) == ("_write", 1) else 2)
    left = {each.name for each in loaded.directory.iterdir()}
    assert left == {"index", loaded.path.name}


def make_and_die(directory: Path, step: str, nth: int, key: bytes, certificate: bytes) -> None:
    """Make a set and a delta, and be killed at the nth durable step."""
    calls, right = itertools.count(1), getattr(durable, step)

    def die(*given: object, **named: object) -> object:
        if next(calls) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return right(*given, **named)

    own = load_certificate(certificate)
    maker = Maker(
        issuer=issuer(certificate=own, identity=IssuerIdentity.of(own)),
        signer=SetSigner(load_pem_private_key(key, None)),  # type: ignore[arg-type] - a P-256 key
        path=directory / "sign-3.tset",
    )
    with (
        IndexReader.open(directory / "index").snapshot() as snapshot,
        patch.object(durable, step, die),
    ):
        maker.make(snapshot, delta=directory / "2.delta", compromised=None, at=AT)
