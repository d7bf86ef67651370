"""``tashika usage compare``: whether a month's statement counts the answers that came."""

import argparse
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from tashika.cli import output
from tashika.cli.output import Phrase, as_json, row
from tashika.comparison import Comparison, Difference, Finding, Verdict, compare
from tashika.errors import PkiError
from tashika.language import Language
from tashika.pki.receipt import Leaf
from tashika.receipts import fields_of, read_receipts
from tashika.statement import Statement, read_leaves, read_statement
from tashika.tally import Row

_EXIT = {Verdict.EQUAL: 0, Verdict.DIFFERS: 1, Verdict.CANNOT_TELL: 2}
_EPILOG = "exit status: 0 equal, 1 differs, 2 cannot tell, 64 usage"
_SHOWN = 20
_HEADLINE = {
    Verdict.EQUAL: Phrase("EQUAL", "一致"),
    Verdict.DIFFERS: Phrase("DIFFERS", "相違"),
    Verdict.CANNOT_TELL: Phrase("CANNOT TELL", "判定できず"),
}
_MEANING = {
    Difference.LEFT_OUT: Phrase("received, but not in the statement", "受領したが明細にない"),
    Difference.ADDED: Phrase("in the statement, but no receipt of it", "明細にあるが受領証がない"),
    Difference.MOVED: Phrase(
        "in the statement at another time or place", "明細では日時又は位置が異なる"
    ),
    Difference.ALTERED: Phrase(
        "in the statement about another certificate or with another standing",
        "明細では証明書又は状態が異なる",
    ),
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
    parser.add_argument(
        "--others",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="the lists of answers of your other agreements, if their receipts are among these",
    )
    output.add_options(parser)
    parser.set_defaults(handler=_compare)


def _compare(args: argparse.Namespace) -> int:
    try:
        statement = read_statement(args.statement)
        others = chain.from_iterable(map(read_leaves, args.others))
        kept = read_receipts(args.receipts).without(others)
        found = compare(statement, read_leaves(args.answers), kept)
    except PkiError as wrong:
        told = {"verdict": Verdict.CANNOT_TELL, "reason": str(wrong)}
        headline = _HEADLINE[Verdict.CANNOT_TELL].said(args.lang)
        print(as_json(told) if args.json else f"{headline}: {wrong}")
        return _EXIT[Verdict.CANNOT_TELL]
    print(_as_json(statement, found) if args.json else _as_words(statement, found, args.lang))
    return _EXIT[found.verdict]


def _as_words(statement: Statement, found: Comparison, language: Language) -> str:
    whose = Phrase("{agreement} in {month}", "{agreement}、{month}").said(
        language, agreement=statement.agreement, month=statement.month
    )
    lines = [f"{_HEADLINE[found.verdict].said(language)}: {whose}"]
    lines += [row(label.said(language), text) for label, text in _rows(statement, found, language)]
    for difference, count in Counter(each.difference for each in found.findings).items():
        lines.append(row(difference, f"{count} {_MEANING[difference].said(language)}"))
    lines += [f"    {_sentence(each, language)}" for each in found.findings[:_SHOWN]]
    if (more := len(found.findings) - _SHOWN) > 0:
        lines.append(f"    {_MORE.said(language, count=more)}")
    return "\n".join(lines)


def _rows(
    statement: Statement, found: Comparison, language: Language
) -> Iterator[tuple[Phrase, str]]:
    stated = sum(each.stated for each in found.rows)
    received = sum(each.received for each in found.rows)
    both = _COUNTED.said(language, stated=stated, received=received)
    yield Phrase("answers", "回答"), both
    yield Phrase("statement", "明細"), f"SHA-256 {statement.digest.hex()}"
    if found.uncertain:
        yield Phrase("waived", "請求なし"), _WAIVED.said(language, count=found.uncertain)
    if found.unproved:
        yield Phrase("unproved", "証明なし"), _UNPROVED.said(language, count=found.unproved)
    if found.torn:
        yield Phrase("lost", "欠落"), _TORN.said(language, count=found.torn)
    for contradiction in found.contradictions:
        yield Phrase("contradicts", "矛盾"), contradiction
    for each in found.rows:
        if not each.agrees:
            yield Phrase("counts", "件数"), _counts(each, language)


_COUNTED = Phrase("{stated} stated, {received} received", "明細 {stated}件、受領 {received}件")
_WAIVED = Phrase(
    "{count} without a receipt, perhaps never sent",
    "受領証のないもの {count}件(送られなかった可能性)",
)
_UNPROVED = Phrase(
    "{count} billed that carry no receipt; right only where receipts were agreed within the month",
    "受領証の付かない請求 {count}件。受領証の取決めが月の途中に始まった場合に限り正当",
)
_TORN = Phrase(
    "{count} files of receipts end in half a line", "行の途中で終わる受領証のファイル {count}件"
)
_MORE = Phrase("and {count} more: --json has them all", "ほか {count}件(--json で全件)")


def _counts(counted: Row, language: Language) -> str:
    day, fingerprint, standing = counted.kind
    issuer = counted.family or f"issuer {fingerprint.hex()[:8]}"
    both = _COUNTED.said(language, stated=counted.stated, received=counted.received)
    return f"{day} {issuer} ocsp {standing.word}: {both}"


def _sentence(finding: Finding, language: Language) -> str:
    stated, received = finding.stated, finding.received
    told = [finding.difference.value]
    told += [f"{Phrase('stated', '明細').said(language)} {_place(stated)}"] if stated else []
    told += [f"{Phrase('received', '受領').said(language)} {_place(received)}"] if received else []
    return ", ".join(told)


def _place(leaf: Leaf) -> str:
    fields = fields_of(leaf)
    return f"{fields['at']} {fields['standing']} at {fields['stream']}:{fields['sequence']}"


def _as_json(statement: Statement, found: Comparison) -> str:
    return as_json(
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
        }
    )
