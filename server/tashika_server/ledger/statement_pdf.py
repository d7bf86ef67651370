"""A statement as PDF, in Japanese and English, with adjustments on a sheet of their own.

The same statement gives the same bytes. The Japanese font is named and not embedded: readers set
it in their own. Layout only: every number is one that `printed` holds.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from tashika_server.agreements.period import JST
from tashika_server.ledger.document import Document
from tashika_server.ledger.printed import PrintedStatement
from tashika_server.ledger.words import WORDS, Words, tax_words

__all__ = ["statement_pdf"]

Cell = str | int
Row = Sequence[Cell]

FONT = "HeiseiKakuGo-W5"
MARGIN = 15 * mm
DAYS_ACROSS = 3

BODY = ParagraphStyle("body", fontName=FONT, fontSize=7, leading=9, wordWrap="CJK")
AMOUNT = ParagraphStyle("amount", BODY, alignment=TA_RIGHT)
HEADING = ParagraphStyle("heading", BODY, fontSize=9, leading=13, spaceBefore=10)
TITLE = ParagraphStyle("title", BODY, fontSize=13, leading=20)
RULES = TableStyle(
    [
        ("LINEBELOW", (0, 0), (-1, -1), 0.2, colors.grey),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2),
    ]
)


def statement_pdf(printed: PrintedStatement) -> bytes:
    """Set a statement on pages of A4, each of which names the statement and its digest."""
    _register_font()
    pages = io.BytesIO()
    template = SimpleDocTemplate(
        pages,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 6 * mm,
        title=f"{printed.id} {printed.document.month}",
        invariant=1,  # no time of making
    )

    def foot(canvas: Canvas, _: object) -> None:
        canvas.setFont(FONT, 6)
        canvas.drawString(MARGIN, MARGIN, f"{printed.id}  SHA-256 {printed.digest.hex()}")
        canvas.drawRightString(A4[0] - MARGIN, MARGIN, f"{canvas.getPageNumber()}")

    template.build(list(_story(printed)), onFirstPage=foot, onLaterPages=foot)
    return pages.getvalue()


def _story(printed: PrintedStatement) -> Iterator[Flowable]:
    document = printed.document
    yield _text(Words("失効情報提供手数料 明細書", "Statement of fees"), TITLE)
    yield _table(_facts(printed), (38, 142))
    yield _text(Words("合計", "Totals"), HEADING)
    yield _table(_totals(document), (140, 40))
    yield _text(Words("有償の提供", "Provisions with a price"), HEADING)
    yield _table(_lines(document), (52, 23, 17, 14, 14, 20, 20, 20))
    yield _text(Words("請求しない提供", "Provisions that are not billed"), HEADING)
    yield _table(_unbilled(document), (65, 95, 20))
    yield _text(Words("適用した料金表", "Tariff rows applied"), HEADING)
    yield _table(_tariffs(document), (18, 14, 24, 40, 44, 40))
    yield _text(Words("日別件数", "Provisions by day"), HEADING)
    yield _table(_days(document), (26, 17, 17) * DAYS_ACROSS)
    if printed.adjustments:
        yield PageBreak()
        yield _text(Words("凍結後の調整", "Adjustments after freezing"), TITLE)
        yield _table(_adjustments(printed), (20, 90, 45, 25))
        yield Spacer(0, 4 * mm)
        yield _table(_adjusted(printed), (140, 40))


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
    yield "算定日時 / rated at", _moment(document.rated_at)
    table = document.billable
    yield "課金対象の表 / table", f"{table.version}, SHA-256 {table.digest.hex()}"
    yield (
        "受領証 / receipts",
        f"{receipts.receipts:,}, Merkle {receipts.root.hex()}" if receipts else "なし / none",
    )
    yield (
        "台帳の根 / ledger root",
        f"{root.day} {root.root.hex()}" if root else "未確定 / not known yet",
    )


def _totals(document: Document) -> Iterator[Row]:
    totals = document.totals
    yield "項目 / item", "円 / yen"
    yield f"定価額 ({totals.billable:,}件) / at list price", totals.list_yen
    yield "減免額 / waived", -totals.waived_yen
    yield "請求額 / amount due", totals.due_yen
    yield str(tax_words(document.tax)), totals.tax_yen
    yield "支払額 / to be paid", totals.total_yen
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
        yield row.id, price.yen, days, price.legal_basis, price.approval, payee


def _days(document: Document) -> Iterator[Row]:
    """Set the days in columns side by side."""
    yield ("日\nday", "有償\nbillable", "他\nother") * DAYS_ACROSS
    cells = [(f"{each.day}", each.billable, each.unbilled) for each in document.days]
    deep = -(-len(cells) // DAYS_ACROSS)
    for number in range(deep):
        row = [cell for day in cells[number::deep] for cell in day]
        yield row + [""] * (3 * DAYS_ACROSS - len(row))


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
    yield "調整後の支払額 / to be paid after adjustments", after.total_yen


# --- Type -----------------------------------------------------------------------------------


@cache
def _register_font() -> None:
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))


def _table(rows: Iterable[Row], widths: Sequence[int]) -> Flowable:
    cells = [[_cell(cell) for cell in row] for row in rows]
    return Table(cells, colWidths=[width * mm for width in widths], repeatRows=1, style=RULES)


def _cell(cell: Cell) -> Flowable:
    return _text(f"{cell:,}", AMOUNT) if isinstance(cell, int) else _text(cell, BODY)


def _text(text: object, style: ParagraphStyle) -> Flowable:
    return Paragraph(escape(str(text)).replace("\n", "<br/>"), style)


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(JST):%Y-%m-%d %H:%M JST}"
