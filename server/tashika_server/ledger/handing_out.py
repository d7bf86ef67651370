"""The files that a verifier is given of a statement, all of one name.

`.json` is the frozen text, octet for octet what the digest is of; `.csv` and `.pdf` add what was
adjusted since; `.answers`, where the agreement asks for receipts, lists every answer that has
one, for `tashika usage compare`.
"""

import os
from pathlib import Path

from sqlalchemy import Connection

from tashika_server.durable import sync_directory, write_atomically
from tashika_server.ledger.document import Document
from tashika_server.ledger.printed import print_statement
from tashika_server.ledger.receipts import write_leaves
from tashika_server.ledger.statement import Statement
from tashika_server.ledger.statement_csv import statement_csv
from tashika_server.ledger.statement_pdf import statement_pdf

__all__ = ["hand_out"]

OWNER_ONLY = 0o600
BYTE_ORDER_MARK = "\ufeff"
"""Without it, spreadsheets in Japan read UTF-8 as Shift JIS."""


def hand_out(connection: Connection, statement: Statement, directory: Path) -> tuple[Path, ...]:
    """Write a statement's files into a directory and return them.

    Raises StatementAltered before anything is written, and OSError.
    """
    printed = print_statement(connection, statement)
    contents = {
        ".json": printed.document.text.encode(),
        ".csv": (BYTE_ORDER_MARK + statement_csv(printed)).encode(),
        ".pdf": statement_pdf(printed),
    }
    directory.mkdir(parents=True, exist_ok=True)
    *files, answers = (directory.joinpath(statement.id + each) for each in (*contents, ".answers"))
    lists = [] if printed.document.receipts is None else [answers]
    for each in lists:  # before the others: it may be refused
        _write_answers(connection, printed.document, each)
    for file, content in zip(files, contents.values(), strict=True):
        write_atomically(file, content, mode=OWNER_ONLY)
    return (*files, *lists)


def _write_answers(connection: Connection, document: Document, file: Path) -> None:
    """Write a list that may be too long to be held in memory."""
    fresh = file.with_name(f".{file.name}.new")
    try:
        with fresh.open("wb") as opened:
            fresh.chmod(OWNER_ONLY)
            write_leaves(connection, document, opened)
            opened.flush()
            os.fsync(opened.fileno())
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
    sync_directory(file.parent)
