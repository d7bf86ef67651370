"""What a verifier is given: a statement that holds by itself, as JSON, CSV and PDF."""

import csv
import io
import json
import re
import stat
import zlib
from base64 import a85decode
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select

from support.asking import ec_key
from support.till import AFTER, APRIL, FROM, USER_AUTH, Till, Use, no_progress, price
from tashika_server.book import accounts as a
from tashika_server.book.plain import canonical, plain
from tashika_server.ledger.adjustments import add_adjustment, approve_adjustment
from tashika_server.ledger.document import ReceiptTree, digest_of, read_document
from tashika_server.ledger.errors import StatementAltered
from tashika_server.ledger.handing_out import hand_out
from tashika_server.ledger.month import draft_month, freeze_month
from tashika_server.ledger.printed import PrintedStatement, print_statement
from tashika_server.ledger.roots import close_days
from tashika_server.ledger.statement import find_statement, statement_document, statements
from tashika_server.ledger.statement_csv import statement_csv
from tashika_server.ledger.statement_pdf import statement_pdf
from tashika_server.ledger.tariff import TariffKind
from tashika_server.ledger.tax import TaxCategory
from tashika_server.metering.usage import Delivery, Occasion, StandingCode
from tashika_server.policy import TaxTreatment

pytestmark = pytest.mark.parametrize("book_dsn", ["sqlite"], indirect=True)

DAY = timedelta(days=1)
NOTHING = sha256(b"").digest()
TREE = ReceiptTree(receipts=6, root=bytes(reversed(range(32))), counts=())


@pytest.fixture
def closed(till: Till, agreement) -> Till:
    """April with a waiver from the 16th, retries, an uncertain answer, and a tax on top."""
    till.tax = TaxCategory(treatment=TaxTreatment.ADDED, percent=10)
    till.priced(
        price(),
        price(2, family=USER_AUTH),
        price(15, kind=TariffKind.WAIVER, valid_from=date(2026, 4, 16)),
    )
    till.used(
        agreement,
        Use(date(2026, 4, 15), 3),
        Use(date(2026, 4, 16), 2),
        Use(date(2026, 4, 16), 4, occasion=Occasion.RETRY),
        Use(date(2026, 4, 30), 1, delivery=Delivery.UNKNOWN, family=USER_AUTH),
        Use(date(2026, 4, 30), 7, standing=StandingCode.HELD, family=USER_AUTH),
    )
    till.taken_in()
    till.close()
    return till


def printed(till: Till) -> PrintedStatement:
    with till.book.reading() as connection:
        return print_statement(connection, find_statement(connection, "M-000001"))


def text_of(till: Till) -> str:
    return till.see(lambda c: c.scalar(select(a.statement.c.document)))


def test_it_says_prices_waivers_sums_days_and_why_things_cost_nothing(closed: Till):
    document = printed(closed).document
    assert [
        (line.family, line.provisions, line.list_price, line.price, line.due_yen)
        for line in document.lines
    ] == [
        ("signature", 3, 20, 20, 60),
        ("signature", 2, 20, 15, 30),
        ("user-auth", 7, 2, 2, 14),
    ]
    assert [(each.rule, each.provisions) for each in document.unbilled] == [
        ("retry", 4),
        ("delivery-unknown", 1),
    ]
    assert [(f"{day.day:%d}", day.billable, day.unbilled) for day in document.days] == [
        ("15", 3, 0),
        ("16", 2, 4),
        ("30", 7, 1),
    ]
    assert plain(document.totals) == {
        "provisions": 17,
        "billable": 12,
        "list_yen": 114,
        "waived_yen": 10,
        "due_yen": 104,
        "tax_yen": 10,
        "total_yen": 114,
    }
    assert (document.first, document.last) == (FROM, date(2026, 4, 30))


def test_anybody_can_check_the_digest_with_nothing_but_json(closed: Till):
    sent = json.loads(json.dumps(plain(printed(closed))))
    again = json.dumps(sent["document"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert digest_of(again).hex() == sent["digest"]
    assert canonical(read_document(again)) == again


CHANGES = {
    "a price": ('"list_price":20', '"list_price":10'),
    "a count": ('"provisions":3', '"provisions":2'),
    "an amount": ('"due_yen":60', '"due_yen":59'),
    "a tariff row": ('"yen":15', '"yen":14'),
    "a day": ('"billable":7', '"billable":6'),
    "the tax": ('"percent":10', '"percent":8'),
    "the format": ("tashika-statement-1", "tashika-statement-2"),
    "a number in quotes": ('"percent":10', '"percent":"10"'),
    "a fraction": ('"percent":10', '"percent":10.0'),
    "white space": ('"percent":10', '"percent": 10'),
    "a row that is not there": ('"id":"T-000003"', '"id":"T-000004"'),
    "a key": ('"tax_yen"', '"tax_sen"'),
    "the end": ("}", ""),
}


def test_what_does_not_hold_together_is_refused(closed: Till):
    text = text_of(closed)
    for case, (old, new) in CHANGES.items():
        assert old in text, case
        with pytest.raises(StatementAltered, match="does not hold"):
            read_document(text.replace(old, new, 1))


def test_a_sound_text_that_is_not_what_was_frozen_is_refused(closed: Till):
    statement = replace(closed.see(find_statement, "M-000001"), digest=bytes(32))
    with pytest.raises(StatementAltered, match="M-000001 is not what was frozen"):
        closed.see(statement_document, statement)


def test_statements_are_listed_by_month_and_by_verifier(closed: Till, bank):
    assert [each.id for each in closed.see(statements, verifier=bank.id)] == ["M-000001"]
    assert closed.see(statements, month=APRIL, verifier="V-000002") == ()


# --- Faces ----------------------------------------------------------------------------------


@pytest.fixture
def adjusted(closed: Till) -> Till:
    closed.do(add_adjustment, "M-000001", yen=-14, reason="=HYPERLINK: counted twice")
    closed.do(add_adjustment, "M-000001", yen=99, reason="never approved")
    closed.actor = "suzuki"
    closed.do(approve_adjustment, "J-000001")
    return closed


def test_csv_has_every_line_as_numbers_under_headings_in_two_languages(adjusted: Till):
    first, *rows = csv.reader(io.StringIO(statement_csv(printed(adjusted)), newline=""))
    assert "件数 provisions" in first
    kind, due = first.index("区分 kind"), first.index("請求額 due (yen)")
    assert [(row[kind], row[due]) for row in rows] == [
        ("line", "60"),
        ("line", "30"),
        ("line", "14"),
        ("unbilled", "0"),
        ("unbilled", "0"),
        ("total", "104"),
        ("tax", "10"),
        ("to-pay", "114"),
        ("adjustment", "-14"),
        ("to-pay-adjusted", "99"),
    ]


WIDE = ["＝1+1", "＋1", "－1", "＠A1"]  # noqa: RUF001 - as a Japanese keyboard writes them


@pytest.mark.parametrize("name", ["=1+1", "-1", *WIDE])
def test_a_name_is_never_a_formula_to_a_spreadsheet(closed: Till, name: str):
    whole = printed(closed)
    party = replace(whole.document.verifier, name=name)
    hostile = replace(whole, document=replace(whole.document, verifier=party))
    assert f",'{name}," in statement_csv(hostile)
    assert f",{name}," not in statement_csv(hostile)


def words(pdf: bytes) -> str:
    """Read the text of a PDF back, by what its embedded fonts say of their codes."""
    objects = dict(re.findall(rb"\n(\d+) 0 obj\n(.*?)endobj", pdf, re.DOTALL))
    fonts = {
        name: code_map(objects[re.search(rb"/ToUnicode (\d+)", objects[number])[1]])
        for name, number in re.findall(rb"/(F2\+\d+) (\d+) 0 R", pdf)
    }
    found, font = [], {}
    for each in objects.values():
        if b"ASCII85" in each:
            page = inflated(a85decode(each.partition(b"stream")[2].partition(b"~>")[0].strip()))
            for name, quoted in re.findall(rb"/(F\S+) \d+ Tf|\((.*?)(?<!\\)\) Tj", page):
                font = fonts.get(name, {}) if name else font
                raw = re.sub(rb"\\([0-7]{3})", lambda code: bytes([int(code[1], 8)]), quoted)
                raw = re.sub(rb"\\(.)", rb"\1", raw)
                found.append(raw.decode("latin-1").translate(font))
    return "".join(found)


def code_map(stream: bytes) -> dict[int, int]:
    """Read a ToUnicode CMap: which character each code of a font is (PDF 32000-1, 9.10.3)."""
    text = inflated(stream.partition(b"stream")[2].lstrip(b"\r\n"))
    pairs = re.findall(rb"<(\w\w)> <(\w{4})>\n", text)
    return {int(code, 16): int(character, 16) for code, character in pairs}


def inflated(stream: bytes) -> bytes:
    return zlib.decompressobj().decompress(stream)


def test_pdf_is_in_both_languages_and_adjustments_are_on_a_later_sheet(adjusted: Till):
    sheet = printed(adjusted)
    said = words(statement_pdf(sheet))
    frozen, later = said.split("Adjustments after freezing")
    assert f"支払額 / to be paid: {sheet.document.totals.total_yen:,} 円" in frozen
    for words_of_it in (
        "明細書",
        "Statement of fees",
        "署名用電子証明書",
        "2026年度 / FY 2026",
        "Bank A",
        "外税",
        "delivery unknown",
        sheet.digest.hex(),
    ):
        assert words_of_it in frozen
    assert "counted twice" in later
    assert "never approved" not in said
    assert "-14" in later


def test_the_same_statement_gives_the_same_pdf(closed: Till):
    assert statement_pdf(printed(closed)) == statement_pdf(printed(closed))


def test_the_ledgers_root_is_printed_once_the_day_of_the_freeze_is_closed(closed: Till):
    before = printed(closed)
    assert before.root is None
    assert "未確定 / not known yet" in words(statement_pdf(before))
    *_, newest = close_days(closed.book, ec_key("ledger"), actor="office", at=AFTER + DAY)
    assert newest.day == date(2026, 5, 1)
    assert printed(closed).root == newest
    assert f"2026-05-01 {newest.root.hex()}" in words(statement_pdf(printed(closed)))


def test_the_tree_of_receipts_is_printed(closed: Till):
    whole = printed(closed)
    with_tree = replace(whole, document=replace(whole.document, receipts=TREE))
    assert TREE.root.hex() in words(statement_pdf(with_tree))


def test_the_operator_of_record_stands_on_every_face(closed: Till):
    """Of the issuers that are on it; who serves another one is nobody's business here."""
    whole = printed(closed)
    assert '"operators":{"signature-g3":"Body S"}' in whole.document.text
    header, *rows = csv.DictReader(io.StringIO(statement_csv(whole), newline=""))
    named = {row["発行者 issuer"]: row["運用者 operator of record"] for row in (header, *rows)}
    assert named.pop("signature-g3") == "Body S"
    assert set(named.values()) == {""}
    assert "signature-g3: Body S" in words(statement_pdf(whole))
    assert "Body N" not in words(statement_pdf(whole))


def test_a_statement_of_before_operators_were_named_still_holds(closed: Till):
    before = replace(printed(closed).document, operators={})
    assert "operators" not in json.loads(before.text)
    assert read_document(before.text) == before


def test_any_name_can_be_printed(closed: Till):
    whole = printed(closed)
    party = replace(whole.document.verifier, name="𠮷野家 髙﨑 & <b>銀行</b> ½ é")
    odd = replace(whole, document=replace(whole.document, verifier=party))
    assert "〓野家 髙﨑 & <b>銀行</b> ½ é" in words(statement_pdf(odd))


def test_a_pdf_brings_the_only_font_that_it_uses(closed: Till):
    pdf = statement_pdf(printed(closed))
    assert pdf.count(b"/FontFile2 ") == pdf.count(b"/Subtype /TrueType") > 0
    # reportlab names this one on every page, and nothing is set in it.
    assert re.findall(rb"/BaseFont /([\w+-]+) .*?/Subtype /Type1", pdf) == [b"Helvetica"]


def test_a_long_statement_goes_on_under_the_same_headings(closed: Till):
    whole = printed(closed)
    lines = whole.document.lines * 60
    said = words(statement_pdf(replace(whole, document=replace(whole.document, lines=lines))))
    pages = said.count(f"SHA-256 {whole.digest.hex()}")
    assert pages > 3
    assert said.count("減免額waived") == pages - 1


def test_what_is_handed_out_has_the_answers_too_where_the_agreement_asks_for_them(
    till: Till, agreement, tmp_path: Path
):
    till.taken_in()
    till.at = AFTER
    rules = replace(
        till.rules, receipts=lambda *_: lambda _: ReceiptTree(receipts=0, root=NOTHING, counts=())
    )
    with till.book.reading() as connection:
        draft = draft_month(connection, APRIL, rules, at=AFTER, progress=no_progress)
    till.do(freeze_month, draft)
    statement = till.see(find_statement, "M-000001")
    files = till.see(hand_out, statement, tmp_path)
    assert [each.suffix for each in files] == [".json", ".csv", ".pdf", ".answers"]
    assert sorted(tmp_path.iterdir()) == sorted([*files, *tmp_path.glob("book.sqlite*")])
    assert files[-1].read_bytes() == b""
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in files)
    assert digest_of(files[0].read_text()) == statement.digest
