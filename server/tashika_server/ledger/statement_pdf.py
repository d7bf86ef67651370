"""A statement as PDF, in Japanese and English, with adjustments on a sheet of their own.

What stands where; `typesetting` knows of fonts and pages. Every number is one that `printed`
holds, and the same statement gives the same bytes.
"""

from collections.abc import Iterator
from datetime import datetime

from reportlab.platypus import Flowable, PageBreak

from tashika_server.agreements.period import JST
from tashika_server.ledger.document import Document
from tashika_server.ledger.printed import PrintedStatement
from tashika_server.ledger.typesetting import SUM, TITLE, Row, facts, pages, section, table, text
from tashika_server.ledger.words import WORDS, Words, tax_words

__all__ = ["statement_pdf"]

DAYS_ACROSS = 3


def statement_pdf(printed: PrintedStatement) -> bytes:
    """Set a statement on pages of A4, each of which names the statement and its digest."""
    return pages(
        _story(printed),
        title=f"{printed.id} {printed.document.month}",
        foot=f"{printed.id}  SHA-256 {printed.digest.hex()}",
    )


def _story(printed: PrintedStatement) -> Iterator[Flowable]:
    document = printed.document
    across = min(DAYS_ACROSS, len(document.days)) or 1
    yield text(Words("失効情報提供手数料 明細書", "Statement of fees"), TITLE)
    yield facts(_facts(printed), (38, 142))
    yield from section(Words("合計", "Totals"), _totals(document), (140, 40))
    yield text(_to_pay(document.totals.total_yen), SUM)
    heading = Words("有償の提供", "Provisions with a price")
    yield from section(heading, _lines(document), (52, 25, 17, 13, 13, 20, 20, 20))
    heading = Words("請求しない提供", "Provisions that are not billed")
    yield from section(heading, _unbilled(document), (65, 95, 20))
    heading = Words("適用した料金表", "Tariff rows applied")
    yield from section(heading, _tariffs(document), (22, 14, 24, 39, 41, 40))
    heading = Words("日別件数", "Provisions by day")
    yield from section(heading, _days(document, across), (20, 20, 20) * across)
    if printed.adjustments:
        yield PageBreak()
        yield text(Words("凍結後の調整", "Adjustments after freezing"), TITLE)
        yield table(_adjustments(printed), (20, 90, 45, 25))
        yield from section(
            Words("調整後の合計", "Totals after them"), _adjusted(printed), (140, 40)
        )
        yield text(_to_pay(printed.after_adjustments.total_yen), SUM)


# --- Tables, headings first -----------------------------------------------------------------


def _facts(printed: PrintedStatement) -> Iterator[Row]:
    document, party = printed.document, printed.document.verifier
    year, receipts, root = document.fiscal_year, document.receipts, printed.root
    yield "明細書 / statement", printed.id
    yield (
        "対象月 / month",
        f"{document.month} ({document.first} - {document.last} JST), {year}年度 / FY {year}",
    )
    yield "宛先 / to", f"{party.name} ({party.id}), {WORDS[party.category]}"
    yield "取決め / agreement", f"{document.agreement}, {WORDS[document.environment]}"
    for issuer, operator in document.operators.items():
        yield "運用者 / operator of record", f"{issuer}: {operator}"
    yield "算定日時 / rated at", _moment(document.rated_at)
    billable = document.billable
    yield "課金対象の表 / table", f"{billable.version}, SHA-256 {billable.digest.hex()}"
    yield (
        "受領証 / receipts",
        f"{receipts.receipts:,}, Merkle {receipts.root.hex()}" if receipts else "なし / none",
    )
    yield (
        "台帳の根 / ledger root",
        f"{root.day} {root.root.hex()}" if root else "未確定 / not known yet",
    )
    if printed.adjustments:
        yield (
            "凍結後の調整 / adjusted since",
            f"最終ページ参照 / see the last page; {_to_pay(printed.after_adjustments.total_yen)}",
        )


def _totals(document: Document) -> Iterator[Row]:
    totals = document.totals
    yield "項目 / item", "円 / yen"
    yield f"定価額 ({totals.billable:,}件) / at list price", totals.list_yen
    yield "減免額 / waived", -totals.waived_yen
    yield "請求額 / amount due", totals.due_yen
    yield str(tax_words(document.tax)), totals.tax_yen
    for each in document.payees:
        yield f"請求額の収入者 / amount due to: {each.payee}", each.due_yen


def _lines(document: Document) -> Iterator[Row]:
    yield (
        "証明書・提供\nwhat",
        "発行者\nissuer",
        "件数\nnumber",
        "定価\nlist",
        "単価\nprice",
        "定価額\nat list",
        "減免額\nwaived",
        "請求額\ndue",
    )
    for line in document.lines:
        yield (
            f"{WORDS[line.family]}\n{WORDS[line.method]}",
            line.issuer,
            line.provisions,
            line.list_price,
            line.price,
            line.list_yen,
            -line.waived_yen,
            line.due_yen,
        )


def _unbilled(document: Document) -> Iterator[Row]:
    yield "証明書・提供 / what", "理由 / reason", "件数 / number"
    for each in document.unbilled:
        what = f"{WORDS[each.family]}\n{WORDS[each.method]}, {each.issuer}"
        yield what, f"{each.ja}\n{each.en}", each.provisions


def _tariffs(document: Document) -> Iterator[Row]:
    yield "行 / row", "円 / yen", "期間 / days", "根拠 / basis", "認可 / approval", "収入者 / payee"
    for row in document.tariffs:
        price = row.price
        days = f"{price.valid_from} - {price.valid_last or ''}"
        payee = f"{price.payee}\n{price.note}"
        what = f"{row.id}\n{WORDS[price.kind]}"
        yield what, price.yen, days, price.legal_basis, price.approval, payee


def _days(document: Document, across: int) -> Iterator[Row]:
    """Set the days in columns side by side."""
    yield ("日\nday", "有償\nbillable", "他\nother") * across
    cells = [(f"{each.day}", each.billable, each.unbilled) for each in document.days]
    deep = -(-len(cells) // across)
    for number in range(deep):
        row = [cell for day in cells[number::deep] for cell in day]
        yield row + [""] * (3 * across - len(row))


def _adjustments(printed: PrintedStatement) -> Iterator[Row]:
    yield "番号 / number", "理由 / reason", "入力・承認 / entered, approved", "円 / yen"
    for each in printed.adjustments:
        entered = f"{each.entered_by}, {_moment(each.entered_at)}"
        approved = f"{each.approved_by}, {_moment(each.approved_at)}"
        yield each.id, each.reason, f"{entered}\n{approved}", each.yen


def _adjusted(printed: PrintedStatement) -> Iterator[Row]:
    after = printed.after_adjustments
    yield "項目 / item", "円 / yen"
    yield "凍結した請求額 / amount due as frozen", printed.document.totals.due_yen
    yield "調整額 / adjustments", after.adjusted_yen
    yield "調整後の請求額 / amount due after adjustments", after.due_yen
    yield str(tax_words(printed.document.tax)), after.tax_yen


def _to_pay(yen: int) -> str:
    return f"支払額 / to be paid: {yen:,} 円 / yen"


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(JST):%Y-%m-%d %H:%M JST}"
