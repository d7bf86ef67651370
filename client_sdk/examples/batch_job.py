r"""A batch job: thousands of certificates from a CSV file, several in each question.

    python batch_job.py customers.csv checked.csv --url https://ocsp.example.jp/ \
        --token-file ocsp.token --issuer auth-g2.pem auth-g3.pem

``customers.csv`` has the columns ``reference`` and ``certificate`` (DER in base64); ``checked.csv``
gets the reference with what was found, in the same order, and neither certificate nor serial
number. Exit status: 0 every status is known, 1 some are not (``cause`` says why), 2 wrong input.
"""

import argparse
import csv
import sys
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography.x509 import Certificate

from tashika import BearerToken, Cause, Client, Status, TashikaError, load_certificate
from tashika.errors import CertificateRefused
from tashika.path.tier import issuer_among

TOLD_EVERY = 1000
Row = Mapping[str, str]


class Checked(NamedTuple):
    """One line of the outcome."""

    reference: str
    status: str
    cause: Cause
    at: str
    data_of: str


def check_all(rows: Sequence[Row], issuers: Sequence[Certificate], client: Client) -> list[Checked]:
    """Return what is found, in the order of the rows: what is wrong with one is an outcome."""
    outcome, issued = dict[int, Checked](), defaultdict[Certificate, dict[int, bytes]](dict)
    for place, row in enumerate(rows):
        at = datetime.now(UTC)
        try:
            certificate = b64decode(row["certificate"], validate=True)
            issued[issuer_among(certificate, issuers, at=at).issuer][place] = certificate
        except (ValueError, TypeError):  # not base64, or a row cut short
            outcome[place] = found(row, Cause.CERTIFICATE_MALFORMED, at, None)
        except CertificateRefused as refused:
            outcome[place] = found(row, refused.cause, at, None)
    for issuer, asked in issued.items():
        reports = client.check_many(list(asked.values()), issuer, progress=tell)
        for place, report in zip(asked, reports, strict=True):
            outcome[place] = found(rows[place], report.cause, report.at, report.this_update)
    return [outcome[place] for place in range(len(rows))]


def tell(done: int, of: int) -> None:
    """Tell how far it is with one issuer's."""
    if done % TOLD_EVERY == 0 or done == of:
        print(f"{done} of {of} checked", file=sys.stderr)


def found(row: Row, cause: Cause, at: datetime, data: datetime | None) -> Checked:
    """Write an outcome down."""
    told = data.isoformat(timespec="seconds") if data else ""
    status = cause.status.value
    return Checked(row["reference"], status, cause, at.isoformat(timespec="seconds"), told)


def read(source: Path) -> list[Row]:
    """Read the customers; ValueError unless the file has our columns."""
    with source.open(newline="", encoding="utf-8-sig") as file:  # with the mark of Excel or not
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


def run(args: argparse.Namespace) -> list[Checked]:
    """Check what one file names, and write the other."""
    token = BearerToken(args.token_file.read_text().strip()) if args.token_file else None
    rows, issuers = read(args.source), [load_certificate(each.read_bytes()) for each in args.issuer]
    with Client(*args.url, credential=token) as client:
        outcome = check_all(rows, issuers, client)
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
        counted = Counter(each.status for each in run(args))
    except (OSError, ValueError, csv.Error, TashikaError) as wrong:
        parser.error(str(wrong))
    print(", ".join(f"{number} {status}" for status, number in sorted(counted.items())))
    return int(counted[Status.UNDETERMINED.value] > 0)


if __name__ == "__main__":
    sys.exit(main())
