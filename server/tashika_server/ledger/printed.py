"""A statement as it is handed out: frozen sheets first, then what was adjusted since.

The document and its digest never change; adjustments that were approved and the ledger's root
come on later sheets. Faces of it are in `statement_csv` and `statement_pdf`; as JSON it is
simply `plain`.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from tashika_server.book.accounts import ledger_root
from tashika_server.book.tables import audit
from tashika_server.ledger.adjustments import Adjustment, Decision, adjustments
from tashika_server.ledger.document import Document
from tashika_server.ledger.root import Root
from tashika_server.ledger.roots import roots
from tashika_server.ledger.statement import FREEZE, Statement, statement_document

__all__ = ["AdjustedSums", "PrintedStatement", "print_statement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedSums:
    """What is to be paid after all adjustments."""

    adjusted_yen: int
    due_yen: int
    tax_yen: int
    total_yen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedStatement:
    """All that a verifier is given of one statement."""

    id: str
    digest: bytes
    document: Document
    adjustments: tuple[Adjustment, ...]
    after_adjustments: AdjustedSums
    root: Root | None
    """The ledger's signed root over the entry of the freeze; None until that day is closed."""


def print_statement(connection: Connection, statement: Statement) -> PrintedStatement:
    """Put a statement and its approved adjustments together; StatementAltered."""
    document = statement_document(connection, statement)
    counting = tuple(
        each for each in adjustments(connection, statement.id) if each.state is Decision.APPROVED
    )
    adjusted = sum(each.yen for each in counting)
    due = document.totals.due_yen + adjusted
    return PrintedStatement(
        id=statement.id,
        digest=statement.digest,
        document=document,
        adjustments=counting,
        after_adjustments=AdjustedSums(
            adjusted_yen=adjusted,
            due_yen=due,
            tax_yen=document.tax.tax_yen(due),
            total_yen=document.tax.total_yen(due),
        ),
        root=_root(connection, statement),
    )


def _root(connection: Connection, statement: Statement) -> Root | None:
    frozen = (audit.c.subject == statement.id, audit.c.action == FREEZE)
    entry = connection.execute(select(audit.c.id).where(*frozen)).scalar_one()
    found = roots(connection, ledger_root.c.first <= entry, ledger_root.c.last >= entry)
    return found[0] if found else None
