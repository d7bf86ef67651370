"""What a path costs: `python benchmarks/path_validation.py`.

CPU time over all of PKITS, from bytes to the verdict, and of meshes of CAs that all certify each
other and lead to no anchor, with the work that was counted. No bound is set on time: compare runs
of one machine; the counts are the same on every one.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cryptography_vectors

TESTS = Path(__file__).parent.parent / "tests"
sys.path.append(str(TESTS))

from support.paths import AT, anchor, issue, mesh  # noqa: E402 - tests are no package
from tashika.path import (  # noqa: E402
    CrlSource,
    Demands,
    ListsSignedBy,
    NotChecked,
    TrustAnchor,
    check_path,
    read_list,
)
from tashika.pki.errors import PkiError  # noqa: E402

DATA = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
CASES = json.loads((TESTS / "path" / "pkits.json").read_text())["cases"]
OF_PKITS = datetime(2026, 4, 1, tzinfo=UTC)
FOR_PKITS = Demands(
    lists_signed_by=ListsSignedBy.ANY_KEY_OF_THE_NAME, max_age=timedelta(days=20 * 365)
)
MESHES = (3, 4, 5, 8, 12)


def main() -> None:
    """Measure and print."""
    print(f"{os.cpu_count()} processors, Python {sys.version.split()[0]}")
    trusted = TrustAnchor.of(_read("certs", "TrustAnchorRootCertificate.crt"))
    began = time.process_time()
    for case in CASES:
        check_path(
            _read("certs", case["leaf"]),
            candidates=[_read("certs", name) for name in case["certificates"]],
            anchors=[trusted],
            source=_lists([*case["crls"], "TrustAnchorRootCRL.crl"]),
            at=OF_PKITS,
            demands=FOR_PKITS,
        )
    spent = time.process_time() - began
    print(f"PKITS    {len(CASES)} cases {spent / len(CASES) * 1e3:8.2f} ms each")
    for size in MESHES:
        _climb(size)


def _climb(size: int) -> None:
    candidates, leaf = mesh(size), issue("EE", by="Mesh 0")
    began = time.process_time()
    report = check_path(
        leaf, candidates=candidates, anchors=[anchor()], source=NotChecked("paths only"), at=AT
    )
    spent = (time.process_time() - began) * 1e3
    work = ", ".join(f"{units} {kind}" for kind, units in report.work.items())
    print(f"mesh of {size:2} CAs {spent:8.1f} ms  {report.cause}: {work}")


def _lists(names: list[str]) -> CrlSource:
    found = []
    for name in names:
        try:
            found.append(read_list(_read("crls", name)))
        except PkiError:
            continue  # signed with DSA
    return CrlSource(found)


def _read(folder: str, name: str) -> bytes:
    return (DATA / folder / name).read_bytes()


if __name__ == "__main__":
    main()
