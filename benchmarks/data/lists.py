"""A nation's CRLs as files, and taking them all in as the refresher does at its first start."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks.index_load import Nation
from tashika.pki import der
from tashika.pki.algorithms import ECDSA_SHA256
from tashika.pki.certid import IssuerIdentity
from tashika.pki.profile import Family
from tashika_server.clock import SystemClock
from tashika_server.issuer import Bounds, Issuer, NeverIssued, Partition, WithoutRegister
from tashika_server.refresh.process import Refresher, RefreshParts

__all__ = ["publish", "take_in"]

DAY = timedelta(days=1)
SERIAL_BYTES = 4
REASONS = (1, 3, 4, 5)


def publish(directory: Path, nation: Nation, *, at: datetime) -> list[Issuer]:
    """Write a CRL for each partition of each issuer; returns the issuers that publish them."""
    return [_issuer(directory / str(number), nation, at) for number in range(len(nation.issuers))]


def take_in(issuers: list[Issuer], index: Path, nation: Nation) -> int:
    """Take everything in, as a refresher that finds no index; returns how many were published."""
    parts = RefreshParts(
        issuers=tuple(issuers),
        index=index,
        index_size=nation.room,
        run=index.parent,
        every=DAY,
        lab_base=None,
        clock=SystemClock(),
        random=Random(1),
        spool=index.parent / "spool",
    )

    async def refresh() -> int:
        async with Refresher.of(parts) as refresher:
            return int((await refresher.refresh_all())["published"])

    return asyncio.run(refresh())


def _issuer(directory: Path, nation: Nation, at: datetime) -> Issuer:
    directory.mkdir(parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string(f"OU=Benchmark {directory.name},O=JPKI-SIM,C=JP")
    blank = x509.CertificateBuilder(name, name, key.public_key(), 1, at - 4000 * DAY, at + DAY)
    certificate = blank.sign(key, SHA256())
    partitions = []
    apart = len(nation.partitions)
    for number in range(apart):
        # Cards are numbered as they are issued, wherever that is: partitions take turns.
        serials = nation.listed[number::apart]
        point = f"http://crl.invalid/{number:05}.crl"
        file = directory / f"{number:05}.crl"
        file.write_bytes(_crl(certificate, key, point, serials, at))
        partitions.append(Partition(name=point, url=file.as_uri()))
    return Issuer(
        name=f"benchmark-{directory.name}",
        family=Family.OTHER,
        certificate=certificate,
        identity=IssuerIdentity.of(certificate),
        partitions=tuple(partitions),
        register=None,
        without_register=WithoutRegister.UNKNOWN,
        never_issued=NeverIssued.EXTENDED_REVOKED,
        archive_cutoff=None,
        bounds=Bounds(),
    )


def _crl(
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    point: str,
    serials: range,
    at: datetime,
) -> bytes:
    uri = der.wrap(0x86, point.encode())
    scope = der.sequence(der.wrap(der.explicit(0), der.wrap(der.explicit(0), uri)))
    tbs = der.sequence(
        der.integer(1),
        ECDSA_SHA256.der,
        certificate.subject.public_bytes(),
        _utc_time(at - DAY),
        _utc_time(at + DAY),
        der.sequence(*_entries(serials, at)),
        der.wrap(
            der.explicit(0),
            der.sequence(
                _extension("2.5.29.20", der.integer(1)),
                _extension("2.5.29.28", scope, der.TRUE),
            ),
        ),
    )
    signature = key.sign(tbs, ec.ECDSA(SHA256()))
    return der.sequence(tbs, ECDSA_SHA256.der, der.bit_string(signature))


def _entries(serials: range, at: datetime) -> Iterator[bytes]:
    endings = [
        _utc_time(at - DAY - timedelta(minutes=minutes))
        + der.sequence(_extension("2.5.29.21", der.integer(REASONS[minutes % 4], der.ENUMERATED)))
        for minutes in range(0, 400_000, 1999)
    ]
    # Written out: there are a nation's, and all have one length.
    opening = bytes((der.SEQUENCE, 2 + SERIAL_BYTES + len(endings[0]), der.INTEGER, SERIAL_BYTES))
    for start in range(0, len(serials), len(endings)):
        some = serials[start : start + len(endings)]
        for serial, ending in zip(some, endings, strict=False):
            yield opening + serial.to_bytes(SERIAL_BYTES) + ending


def _extension(oid: str, value: bytes, *critical: bytes) -> bytes:
    return der.sequence(der.oid(oid), *critical, der.octet_string(value))


def _utc_time(at: datetime) -> bytes:
    return der.wrap(der.UTC_TIME, at.astimezone(UTC).strftime("%y%m%d%H%M%SZ").encode())
