"""Pages of A4 in Japanese and English: type, tables and what stands on every page.

The font is embedded, so that a page looks the same on a machine that has none. The same content
gives the same bytes. What is set is for others to say (`statement_pdf`).
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    PageTemplate,
    Paragraph,
    Table,
    TableStyle,
)

__all__ = ["SUM", "TITLE", "Row", "facts", "pages", "section", "table", "text"]

Cell = str | int
"""Numbers are set to the right, with commas."""
Row = Sequence[Cell]

FONT = "Noto Sans JP"
GETA = "〓"
"""Stands for a character that the font does not have, as Japanese printers have it."""
MARGIN = 15 * mm
FOOT = 6 * mm
BESIDE_HEADING = 25 * mm
"""Room for a heading and the first rows under it; with less, they go to the next page."""

BODY = ParagraphStyle("body", fontName=FONT, fontSize=7, leading=9.5, wordWrap="CJK")
AMOUNT = ParagraphStyle("amount", BODY, alignment=TA_RIGHT)
HEADING = ParagraphStyle("heading", BODY, fontSize=9, leading=13, spaceBefore=10, spaceAfter=2)
SUM = ParagraphStyle("sum", AMOUNT, fontSize=11, leading=16, spaceBefore=4)
TITLE = ParagraphStyle("title", BODY, fontSize=14, leading=22, spaceAfter=2)
RULES = TableStyle(
    [
        ("LINEBELOW", (0, 0), (-1, -1), 0.2, colors.grey),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ]
)
HEADED = TableStyle([("LINEBELOW", (0, 0), (-1, 0), 0.6, colors.black)], parent=RULES)


def pages(story: Iterable[Flowable], *, title: str, foot: str) -> bytes:
    """Set a story on pages, each of which has its foot and its number."""

    def number(canvas: Canvas, _: object) -> None:
        canvas.setFont(FONT, 6)
        canvas.drawString(MARGIN, MARGIN, foot)
        canvas.drawRightString(A4[0] - MARGIN, MARGIN, f"{canvas.getPageNumber()}")

    _font()
    written = io.BytesIO()
    width, height = A4[0] - 2 * MARGIN, A4[1] - 2 * MARGIN - FOOT
    frame = Frame(MARGIN, MARGIN + FOOT, width, height, 0, 0, 0, 0)
    page = PageTemplate(frames=[frame], onPage=number)
    template = BaseDocTemplate(
        written,
        pagesize=A4,
        pageTemplates=[page],
        title=title,
        author="Tashika",
        creator="Tashika",
        lang="ja",
        invariant=1,  # no time of making
    )
    template.build(list(story))
    return written.getvalue()


def text(words: object, style: ParagraphStyle) -> Flowable:
    """Set a paragraph; a line feed is one."""
    known = _font().face.charToGlyph
    shown = "".join(each if each == "\n" or ord(each) in known else GETA for each in str(words))
    return Paragraph(escape(shown).replace("\n", "<br/>"), style)


def section(heading: object, rows: Iterable[Row], widths: Sequence[float]) -> Iterator[Flowable]:
    """Set a heading with its table."""
    yield CondPageBreak(BESIDE_HEADING)
    yield text(heading, HEADING)
    yield table(rows, widths)


def table(rows: Iterable[Row], widths: Sequence[float]) -> Flowable:
    """Set rows under the first, which heads every page of them; widths in millimetres."""
    heading, *body = rows
    numbers = [any(isinstance(row[at], int) for row in body) for at in range(len(widths))]
    cells = [
        [
            text(each, AMOUNT if right else BODY)
            for each, right in zip(heading, numbers, strict=True)
        ],
        *([_cell(each) for each in row] for row in body or [_none(len(widths))]),
    ]
    across = [width * mm for width in widths]
    return Table(cells, colWidths=across, repeatRows=1, style=HEADED, hAlign="LEFT")


def facts(rows: Iterable[Row], widths: Sequence[float]) -> Flowable:
    """Set rows that no row heads."""
    cells = [[_cell(each) for each in row] for row in rows]
    return Table(cells, colWidths=[width * mm for width in widths], style=RULES)


def _none(columns: int) -> Row:
    return ["なし / none", *[""] * (columns - 1)]


def _cell(cell: Cell) -> Flowable:
    return text(f"{cell:,}", AMOUNT) if isinstance(cell, int) else text(cell, BODY)


@cache
def _font() -> TTFont:
    """Have the font ready; it is read once."""
    file = files("tashika_server.ledger").joinpath("fonts", "NotoSansJP-Regular.ttf")
    font = TTFont(FONT, io.BytesIO(file.read_bytes()))
    pdfmetrics.registerFont(font)
    return font
