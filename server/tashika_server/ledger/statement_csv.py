"""A statement as CSV (RFC 4180): a line for each line of it, headed in Japanese and English."""

import csv
import io
from collections.abc import Iterator

from tashika_server.ledger.cells import cell
from tashika_server.ledger.document import DocumentLine, DocumentUnbilled
from tashika_server.ledger.printed import PrintedStatement
from tashika_server.ledger.words import WORDS, tax_words

__all__ = ["statement_csv"]

HEADINGS = {
    "kind": "区分 kind",
    "statement": "明細書 statement",
    "month": "対象月 month",
    "agreement": "取決め agreement",
    "verifier": "署名検証者等 verifier",
    "family": "証明書 certificates",
    "method": "提供 method",
    "issuer": "発行者 issuer",
    "operator": "運用者 operator of record",
    "item": "内容 item",
    "provisions": "件数 provisions",
    "list_price": "定価 list price (yen)",
    "price": "単価 price (yen)",
    "list_yen": "定価額 list amount (yen)",
    "waived_yen": "減免額 waived (yen)",
    "due_yen": "請求額 due (yen)",
    "payee": "収入者 payee",
    "tariff": "料金表 tariff",
    "waiver": "減免 waiver",
}
Row = dict[str, str | int | None]


def statement_csv(printed: PrintedStatement) -> str:
    """Write a statement with its adjustments; amounts are numbers, and texts never formulas."""
    document = printed.document
    whole: Row = {
        "statement": printed.id,
        "month": document.month,
        "agreement": document.agreement,
        "verifier": document.verifier.name,
    }
    written = io.StringIO()
    table = csv.DictWriter(written, fieldnames=list(HEADINGS))
    table.writerow(HEADINGS)
    for row in _rows(printed):
        operator = document.operators.get(str(row.get("issuer")))
        cells = {**whole, "operator": operator, **row}
        table.writerow({key: cell(value) for key, value in cells.items()})
    return written.getvalue()


def _rows(printed: PrintedStatement) -> Iterator[Row]:
    document, totals, after = printed.document, printed.document.totals, printed.after_adjustments
    yield from map(_line, document.lines)
    yield from map(_unbilled, document.unbilled)
    sums = {name: getattr(totals, name) for name in ("list_yen", "waived_yen", "due_yen")}
    yield {"kind": "total", "item": "合計 total", "provisions": totals.provisions, **sums}
    yield {"kind": "tax", "item": str(tax_words(document.tax)), "due_yen": totals.tax_yen}
    yield {"kind": "to-pay", "item": "支払額 to be paid", "due_yen": totals.total_yen}
    for each in printed.adjustments:
        item = f"{each.id} {each.reason}"
        yield {"kind": "adjustment", "item": item, "due_yen": each.yen}
    if printed.adjustments:
        item = "調整後の支払額 to be paid after adjustments"
        yield {"kind": "to-pay-adjusted", "item": item, "due_yen": after.total_yen}


def _line(line: DocumentLine) -> Row:
    return {
        "kind": "line",
        "family": str(WORDS[line.family]),
        "method": str(WORDS[line.method]),
        "issuer": line.issuer,
        "provisions": line.provisions,
        "list_price": line.list_price,
        "price": line.price,
        "list_yen": line.list_yen,
        "waived_yen": line.waived_yen,
        "due_yen": line.due_yen,
        "payee": line.payee,
        "tariff": line.tariff,
        "waiver": line.waiver,
    }


def _unbilled(each: DocumentUnbilled) -> Row:
    return {
        "kind": "unbilled",
        "family": str(WORDS[each.family]),
        "method": str(WORDS[each.method]),
        "issuer": each.issuer,
        "item": f"{each.ja} / {each.en}",
        "provisions": each.provisions,
        "due_yen": 0,
    }
