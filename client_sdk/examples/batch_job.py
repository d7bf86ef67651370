r"""A batch job: thousands of certificates from a CSV file, each asked about, once.

    python batch_job.py customers.csv checked.csv --url https://ocsp.example.jp/ \
        --token-file ocsp.token --issuer auth-g2.pem auth-g3.pem

``customers.csv`` has the columns ``reference`` and ``certificate`` (DER in base64); ``checked.csv``
gets the reference with what was found, in the same order, and neither certificate nor serial
number. Exit status: 0 every status is known, 1 some are not (``cause`` says why), 2 wrong input.
"""

import argparse
import asyncio
import csv
import sys
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

from tashika import AsyncClient, BearerToken, Cause, Status
from tashika.errors import CertificateRefused, WrongUse
from tashika.path.tier import issuer_among

AT_ONCE = 32
"""Questions under way: enough to hide the network's delay, few enough for the agreement's limit."""
TOLD_EVERY = 1000
Row = Mapping[str, str]


class Checked(NamedTuple):
    """One line of the outcome."""

    reference: str
    status: str
    cause: Cause
    at: str
    data_of: str


async def check_all(
    rows: Sequence[Row], issuers: Sequence[bytes], client: AsyncClient
) -> list[Checked]:
    """Return what is found, in the order of the rows; tell how far it is."""
    turn, done = asyncio.Semaphore(AT_ONCE), count(1)

    async def checked(row: Row) -> Checked:
        async with turn:
            outcome = await check(row, issuers, client)
        if (number := next(done)) % TOLD_EVERY == 0:
            print(f"{number} of {len(rows)} checked", file=sys.stderr)
        return outcome

    return await asyncio.gather(*map(checked, rows))


async def check(row: Row, issuers: Sequence[bytes], client: AsyncClient) -> Checked:
    """Check one certificate; what is wrong with it is an outcome, not an error."""
    at = datetime.now(UTC)
    try:
        certificate = b64decode(row["certificate"], validate=True)
        issued = issuer_among(certificate, issuers, at=at)
    except (ValueError, TypeError):  # not base64, or a row cut short
        return found(row, Cause.CERTIFICATE_MALFORMED, at, None)
    except CertificateRefused as refused:
        return found(row, refused.cause, at, None)
    report = await client.check(certificate, issued.issuer)
    return found(row, report.cause, report.at, report.this_update)


def found(row: Row, cause: Cause, at: datetime, data: datetime | None) -> Checked:
    """Write an outcome down."""
    told = data.isoformat(timespec="seconds") if data else ""
    status = cause.status.value
    return Checked(row["reference"], status, cause, at.isoformat(timespec="seconds"), told)


def read(source: Path) -> list[Row]:
    """Read the customers; ValueError unless the file has our columns."""
    with source.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file, strict=True)
        if not {"reference", "certificate"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{source} has no columns named reference and certificate")
        return list(rows)


def write(target: Path, outcome: Iterable[Checked]) -> None:
    """Write the outcome; it takes its name only when it is whole."""
    part = target.with_name(target.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([Checked._fields, *outcome])
    part.replace(target)


async def run(args: argparse.Namespace) -> list[Checked]:
    """Check what one file names, and write the other."""
    token = BearerToken(args.token_file.read_text().strip()) if args.token_file else None
    rows, issuers = read(args.source), [each.read_bytes() for each in args.issuer]
    async with AsyncClient(*args.url, credential=token) as client:
        outcome = await check_all(rows, issuers, client)
    write(args.target, outcome)
    return outcome


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job."""
    parser = argparse.ArgumentParser(description="Check the certificates of a CSV file.")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--url", action="append", required=True)
    parser.add_argument("--issuer", type=Path, nargs="+", required=True)
    parser.add_argument("--token-file", type=Path)
    args = parser.parse_args(argv)
    try:
        counted = Counter(each.status for each in asyncio.run(run(args)))
    except (OSError, ValueError, csv.Error, WrongUse) as wrong:
        parser.error(str(wrong))
    print(", ".join(f"{number} {status}" for status, number in sorted(counted.items())))
    return int(counted[Status.UNDETERMINED.value] > 0)


if __name__ == "__main__":
    sys.exit(main())
