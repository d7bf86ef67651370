"""What the yearly report says (art. 41), and its face as a table in Japanese and English.

Counts only: by family, way of provision, issuer and category of verifier. No verifier is named
and nothing is said of any certificate, so it can be published.

What one provision is has not been laid down in public. So repeated answers, answers that a
certificate is not known, and answers of which nobody knows whether they arrived are told apart
from the others, each in its own column; together they are all that was journalled.
"""

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import date
from enum import StrEnum

from tashika.pki.profile import Family
from tashika_server.agreements.act import Category
from tashika_server.agreements.terms import Method
from tashika_server.ledger.words import WORDS, Words

__all__ = [
    "HEADINGS",
    "AnnualReport",
    "Figures",
    "ReportLine",
    "ReportSum",
    "Service",
    "report_rows",
    "report_title",
]

FORMAT = "tashika-annual-report/1"


class Service(StrEnum):
    """The three things that are provided, however each is asked for."""

    INFORMATION = "information"
    FILES = "files"
    NUMBERS = "numbers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How many answers there were."""

    provided: int = 0
    """Handed over, with what was asked for, the first time."""
    repeated: int = 0
    """The same, to a question that had been answered a moment before."""
    unknown: int = 0
    """Handed over, saying that nothing is known of the certificate."""
    uncertain: int = 0
    """Written down, and then nobody can tell whether they were handed over."""
    undelivered: int = 0
    """Never handed over: the verifier had gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine:
    """What was provided of one issuer in one way to one category of verifiers."""

    family: Family
    method: Method
    issuer: str
    category: Category
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSum:
    """What was provided of one family in all."""

    family: Family
    service: Service
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnualReport:
    """One fiscal year; JSON of it is the report for programs."""

    format: str = FORMAT
    fiscal_year: int
    first: date
    last: date
    interim: bool
    """Whether something of the year may still come."""
    sums: tuple[ReportSum, ...]
    lines: tuple[ReportLine, ...]
    operators: Mapping[str, str]
    """The operators of record of the issuers that have one, when the report was made."""


# --- As a table -----------------------------------------------------------------------------

SERVICE_WORDS = {
    Service.INFORMATION: WORDS[Method.OCSP],
    Service.FILES: WORDS[Method.FILE],
    Service.NUMBERS: WORDS[Method.CORRESPONDING],
}
HEADINGS = (
    "証明書 certificates",
    "提供 provided",
    "発行者 issuer",
    "運用者 operator of record",
    "検証者の区分 category of verifiers",
    "提供件数 provided",
    "再送 repeated",
    "不明の回答 not known",
    "到達不明 uncertain",
    "未到達 undelivered",
)

Cell = str | int


def report_title(report: AnnualReport) -> str:
    """Head the table."""
    words = Words("失効情報等の提供の状況", "provision of revocation information")
    year = Words(f"{report.fiscal_year}年度", f"fiscal year {report.fiscal_year}")
    interim = f" ({Words('暫定', 'interim')})" if report.interim else ""
    return f"{words}\n{year}, {report.first} - {report.last}{interim}"


def report_rows(report: AnnualReport) -> Iterator[tuple[Cell, ...]]:
    """Yield the rows of the table: each line, then what was provided of each family in all."""
    for line in report.lines:
        operator = report.operators.get(line.issuer, "")
        what = (str(WORDS[line.family]), str(WORDS[line.method]), line.issuer, operator)
        yield *what, str(WORDS[line.category]), *astuple(line.figures)
    for each in report.sums:
        what = (str(WORDS[each.family]), str(SERVICE_WORDS[each.service]), "計 total", "")
        yield *what, "", *astuple(each.figures)
