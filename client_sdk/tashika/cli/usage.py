"""``tashika usage compare``: whether a month's statement counts the answers that came."""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from tashika.comparison import Comparison, Difference, Finding, Verdict, compare
from tashika.errors import PkiError
from tashika.pki.receipt import Leaf
from tashika.receipts import fields_of, read_receipts
from tashika.statement import Statement, read_leaves, read_statement
from tashika.tally import Row

_EXIT = {Verdict.EQUAL: 0, Verdict.DIFFERS: 1, Verdict.CANNOT_TELL: 2}
_EPILOG = "exit status: 0 equal, 1 differs, 2 cannot tell, 64 usage"
_SHOWN = 20
_MEANING = {
    Difference.LEFT_OUT: "received, but not in the statement",
    Difference.ADDED: "in the statement, but no receipt of it",
    Difference.MOVED: "in the statement at another time or place",
    Difference.ALTERED: "in the statement about another certificate or with another standing",
}


def add_commands(nouns: "argparse._SubParsersAction[Any]") -> None:
    """Add ``usage`` to the command line."""
    verbs = nouns.add_parser("usage", help="what a statement counts").add_subparsers(
        metavar="COMMAND", required=True
    )
    parser = verbs.add_parser(
        "compare", help="compare a statement with the receipts of its answers", epilog=_EPILOG
    )
    parser.add_argument(
        "--statement", type=Path, required=True, metavar="FILE", help="the statement, JSON"
    )
    parser.add_argument(
        "--answers",
        type=Path,
        required=True,
        metavar="FILE",
        help="the list of its answers, which comes with it",
    )
    parser.add_argument(
        "--receipts",
        type=Path,
        nargs="+",
        required=True,
        metavar="PATH",
        help="what ReceiptBook has written, files or directories; other months may be among them",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of words")
    parser.set_defaults(handler=_compare)


def _compare(args: argparse.Namespace) -> int:
    try:
        statement = read_statement(args.statement)
        found = compare(statement, read_leaves(args.answers), read_receipts(args.receipts))
    except PkiError as wrong:
        told = {"verdict": Verdict.CANNOT_TELL, "reason": str(wrong)}
        print(json.dumps(told, indent=2) if args.json else f"CANNOT TELL: {wrong}")
        return _EXIT[Verdict.CANNOT_TELL]
    print(_as_json(statement, found) if args.json else _as_words(statement, found))
    return _EXIT[found.verdict]


def _as_words(statement: Statement, found: Comparison) -> str:
    stated = sum(each.stated for each in found.rows)
    received = sum(each.received for each in found.rows)
    lines = [
        f"{found.verdict.replace('-', ' ').upper()}: {statement.agreement} in {statement.month}",
        f"  answers      {stated} stated, {received} received",
        f"  statement    SHA-256 {statement.digest.hex()}",
    ]
    if found.uncertain:
        lines.append(f"  waived       {found.uncertain} without a receipt, perhaps never sent")
    if found.unproved:
        lines.append(
            f"  unproved     {found.unproved} billed that carry no receipt; "
            "right only where receipts were agreed within the month"
        )
    if found.torn:
        lines.append(f"  lost         {found.torn} files of receipts end in half a line")
    lines += [f"  contradicts  {each}" for each in found.contradictions]
    lines += [f"  counts       {_counts(each)}" for each in found.rows if not each.agrees]
    for difference, count in Counter(each.difference for each in found.findings).items():
        lines.append(f"  {difference:<12} {count} {_MEANING[difference]}")
    lines += [f"    {_sentence(each)}" for each in found.findings[:_SHOWN]]
    if len(found.findings) > _SHOWN:
        lines.append(f"    and {len(found.findings) - _SHOWN} more: --json has them all")
    return "\n".join(lines)


def _counts(row: Row) -> str:
    day, fingerprint, standing = row.kind
    issuer = row.family or f"issuer {fingerprint.hex()[:8]}"
    return f"{day} {issuer} ocsp {standing.word}: {row.stated} stated, {row.received} received"


def _sentence(finding: Finding) -> str:
    stated, received = finding.stated, finding.received
    told = [finding.difference.value]
    told += [f"stated {_place(stated)}"] if stated else []
    told += [f"received {_place(received)}"] if received else []
    return ", ".join(told)


def _place(leaf: Leaf) -> str:
    fields = fields_of(leaf)
    return f"{fields['at']} {fields['standing']} at {fields['stream']}:{fields['sequence']}"


def _as_json(statement: Statement, found: Comparison) -> str:
    return json.dumps(
        {
            "verdict": found.verdict,
            "month": statement.month,
            "verifier": statement.verifier,
            "agreement": statement.agreement,
            "digest": statement.digest.hex(),
            "counts": [
                {
                    "day": each.kind.day.isoformat(),
                    "family": each.family,
                    "method": "ocsp",
                    "fingerprint": each.kind.fingerprint.hex(),
                    "standing": each.kind.standing.word,
                    "stated": each.stated,
                    "uncertain": each.uncertain,
                    "received": each.received,
                }
                for each in found.rows
            ],
            "findings": [
                {
                    "difference": each.difference,
                    "stated": each.stated and fields_of(each.stated),
                    "received": each.received and fields_of(each.received),
                }
                for each in found.findings
            ],
            "contradictions": found.contradictions,
            "uncertain": found.uncertain,
            "unproved": found.unproved,
            "torn": found.torn,
        },
        indent=2,
    )
