"""An operator's papers for a month, honest ones and others, made without the server."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from tashika.pki.merkle import leaf_hash, root
from tashika.pki.receipt import Leaf, StandingCode, leaf
from tashika.receipts import KeptReceipts, day_of

MONTH = "2026-04"
BEGIN = int(datetime(2026, 3, 31, 15, tzinfo=UTC).timestamp())
"""The first second of April in Japan."""
END = BEGIN + 30 * 24 * 3600
ISSUERS = {
    sha256(b"s").digest(): ("signature", "J-LIS signature", 20),
    sha256(b"u").digest(): ("user-auth", "J-LIS user authentication", 2),
}
STREAMS = (b"a" * 16, b"b" * 16)
FREE = (StandingCode.UNKNOWN, StandingCode.NEVER_ISSUED)


@dataclass(frozen=True, slots=True)
class Given:
    """One answer as the operator has it in its journal."""

    leaf: Leaf
    delivery: str = "handed-over"
    occasion: str = "fresh"

    @property
    def billable(self) -> bool:
        fresh = (self.delivery, self.occasion) == ("handed-over", "fresh")
        return fresh and self.leaf.standing not in FREE


@dataclass(slots=True)
class Papers:
    """What the operator hands out for a month; a fraud changes some of it."""

    given: list[Given] = field(default_factory=list)
    month: str = MONTH

    @property
    def leaves(self) -> list[bytes]:
        return sorted(leaf(*each.leaf) for each in self.given)

    @property
    def document(self) -> dict[str, Any]:
        """A statement that agrees with itself."""
        lines = Counter[tuple[str, str, int, bool]]()
        for each in self.given:
            lines[(*ISSUERS[each.leaf.issuer], each.billable)] += 1
        billed = [
            {
                "family": family,
                "method": "ocsp",
                "issuer": issuer,
                "provisions": count,
                "price": price,
                "due_yen": count * price,
            }
            for (family, issuer, price, billable), count in lines.items()
            if billable
        ]
        return {
            "format": "tashika-statement-1",
            "month": self.month,
            "verifier": {"id": "V-000001", "name": "Bank"},
            "agreement": "A-000001",
            "lines": billed,
            "unbilled": [
                {"family": family, "method": "ocsp", "issuer": issuer, "provisions": count}
                for (family, issuer, _, billable), count in lines.items()
                if not billable
            ],
            "totals": {"due_yen": sum(each["due_yen"] for each in billed)},
            "receipts": {
                "receipts": len(self.given),
                "root": root(map(leaf_hash, self.leaves)).hex(),
                "counts": _counts(self.given),
            },
        }

    def write(self, directory: Path, document: dict[str, Any] | None = None) -> list[str]:
        """Write both files; returns the options that name them."""
        statement, answers = directory / "statement.json", directory / "answers"
        statement.write_text(json.dumps(document or self.document, indent=1))
        answers.write_bytes(b"".join(self.leaves))
        return ["--statement", str(statement), "--answers", str(answers)]


def _counts(given: Iterable[Given]) -> list[dict[str, Any]]:
    counts: Counter[tuple[Any, ...]] = Counter()
    for each in given:
        family, issuer, _ = ISSUERS[each.leaf.issuer]
        counts[
            (
                *(day_of(each.leaf).isoformat(), family, "ocsp", issuer, each.leaf.issuer.hex()),
                *(StandingCode(each.leaf.standing).word, each.delivery, each.billable, True),
            )
        ] += 1
    names = ("day", "family", "method", "issuer", "fingerprint")
    names += ("standing", "delivery", "billable", "receipted", "count")
    return [dict(zip(names, (*row, count), strict=True)) for row, count in counts.items()]


def received(given: Iterable[Given], *, torn: int = 0) -> KeptReceipts:
    """Return the receipts of a verifier that got all of these."""
    return KeptReceipts(leaves=sorted({leaf(*each.leaf) for each in given}), torn=torn)


def answer(
    number: int,
    *,
    day: int = 1,
    standing: StandingCode = StandingCode.GOOD,
    delivery: str = "handed-over",
    occasion: str = "fresh",
) -> Given:
    """Return an answer about a certificate of its own, on that day of April."""
    issuer = sorted(ISSUERS)[number % 2]
    at = BEGIN + int(timedelta(days=day - 1, hours=9).total_seconds()) + number
    name = sha256(b"%d" % number).digest()[:16]
    return Given(Leaf(STREAMS[0], number, at, issuer, name, standing), delivery, occasion)
