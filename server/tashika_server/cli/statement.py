"""`tashika-server statement`: what verifiers are given of frozen months."""

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace, _SubParsersAction
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sqlalchemy import Connection

from tashika.pki.receipt import MAX_SEQUENCE, Receipt
from tashika_server.cli.days import month
from tashika_server.cli.display import print_cells, print_json
from tashika_server.cli.registrar import add_list, add_show, open_house
from tashika_server.ledger import statement as record
from tashika_server.ledger.detail import ItemLine, itemise
from tashika_server.ledger.document import DocumentLine, Totals
from tashika_server.ledger.errors import CannotWrite
from tashika_server.ledger.handing_out import hand_out
from tashika_server.ledger.printed import PrintedStatement, print_statement
from tashika_server.ledger.receipts import Proof, proof
from tashika_server.ledger.statement import Statement
from tashika_server.ledger.statement_csv import statement_csv
from tashika_server.ledger.words import tax_words
from tashika_server.metering.recount import Item, Span, extents, items

__all__ = ["add_commands"]

RECEIPT = re.compile(r"([0-9a-f]{32}):([0-9]{1,19})")


def add_commands(nouns: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `statement` and its verbs."""
    noun = nouns.add_parser("statement")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    text = "list the statements, as they were frozen"
    columns = ["id", "month", "verifier", "agreement", "list_yen", "waived_yen", "due_yen"]
    listed = add_list(verbs, "list", _list, text, *columns)
    listed.add_argument("--month", type=month, metavar="YYYY-MM", help="those of one month only")
    listed.add_argument("--verifier", metavar="V-NUMBER", help="those of one verifier only")
    text = "show one with what was adjusted since; --json has all of it"
    show = _of(add_show(verbs, "show", _show, text))
    show.add_argument("--csv", action="store_true", help="print its lines as CSV")
    show.set_defaults(handler=_or_table(show.get_default("handler")))
    _add_export(verbs)
    text = "prove to anybody that an answer with a receipt is in one (RFC 9162 2.1.3)"
    proved = _of(add_show(verbs, "proof", _proof, text))
    place = "its receipt, as the verifier keeps it: stream and sequence"
    proved.add_argument("receipt", type=_receipt, metavar="STREAM:SEQUENCE", help=place)
    text = "list the items of one, read from the journals again"
    columns = ["at", "stream", "sequence", "holder", "family", "issuer", "standing", "rule"]
    detail = _of(add_list(verbs, "items", _items, text, *columns, "list_yen", "due_yen"))
    detail.add_argument(
        "--journals",
        type=Path,
        action="append",
        required=True,
        metavar="DIR",
        help="of each machine that provided anything in the month",
    )


def _add_export(verbs: "_SubParsersAction[ArgumentParser]") -> None:
    text = "write the files that the verifier is given: JSON, CSV, PDF, and answers with receipts"
    export = verbs.add_parser("export", help=text, description=text)
    export.add_argument("config", type=Path, metavar="CONFIG", help="the service's configuration")
    _of(export).add_argument("--to", type=Path, required=True, metavar="DIR")
    export.add_argument("--dry-run", action="store_true", help="check it, write nothing")
    export.add_argument("--json", action="store_true", help="print one JSON value")
    export.set_defaults(handler=_export)


def _of(verb: ArgumentParser) -> ArgumentParser:
    verb.add_argument("id", metavar="M-NUMBER")
    return verb


def _list(options: Namespace, connection: Connection) -> Sequence[Statement]:
    return record.statements(connection, month=options.month, verifier=options.verifier)


def _show(options: Namespace, connection: Connection) -> PrintedStatement:
    return print_statement(connection, record.find_statement(connection, options.id))


def _proof(options: Namespace, connection: Connection) -> Proof:
    statement = record.find_statement(connection, options.id)
    document = record.statement_document(connection, statement)
    return proof(connection, document, options.receipt)


def _receipt(text: str) -> Receipt:
    form = RECEIPT.fullmatch(text)
    if form is None or int(form[2]) > MAX_SEQUENCE:
        raise ArgumentTypeError(f"{text!r} is no place: 32 hexadecimal digits, a colon, a number")
    return Receipt(bytes.fromhex(form[1]), int(form[2]))


def _or_table(handler: Callable[[Namespace], int]) -> Callable[[Namespace], int]:
    """Leave only JSON to `handler`: all of a statement is too long for a terminal."""

    def handle(options: Namespace) -> int:
        if options.json:
            return handler(options)
        with open_house(options.config) as house, house.book.reading() as connection:
            printed = _show(options, connection)
        if options.csv:
            print(statement_csv(printed), end="")
        else:
            _tell(printed)
        return 0

    return handle


def _tell(printed: PrintedStatement) -> None:
    document, after = printed.document, printed.after_adjustments
    party, totals = document.verifier, document.totals
    print(f"{printed.id}: {document.month}, {document.agreement} of {party.name} ({party.id})")
    print(f"SHA-256 {printed.digest.hex()}")
    print_cells(
        ("family", "method", "issuer", "provisions", "price", "list yen", "waived yen", "due yen"),
        [
            *((*each.what, each.provisions, each.price, *_yen(each)) for each in document.lines),
            *((*each.what, each.provisions, each.rule, 0, 0, 0) for each in document.unbilled),
            ("all", "", "", totals.provisions, "", *_yen(totals)),
        ],
    )
    for each in printed.adjustments:
        print(f"{each.id}: {each.yen} yen, {each.reason}")
    print(f"{tax_words(document.tax).en}: {after.tax_yen} yen")
    print(f"to be paid: {after.total_yen} yen")


def _yen(of: DocumentLine | Totals) -> tuple[int, int, int]:
    return of.list_yen, of.waived_yen, of.due_yen


def _export(options: Namespace) -> int:
    with open_house(options.config) as house, house.book.reading() as connection:
        statement = record.find_statement(connection, options.id)
        if options.dry_run:
            print_statement(connection, statement)
            files: tuple[Path, ...] = ()
        else:
            files = _written(connection, statement, options.to)
    if options.json:
        print_json({"dry_run": options.dry_run, "files": [str(file) for file in files]})
    elif options.dry_run:
        print(f"{statement.id} holds; nothing is written")
    for file in () if options.json else files:
        print(file)
    return 0


def _written(connection: Connection, statement: Statement, directory: Path) -> tuple[Path, ...]:
    try:
        return hand_out(connection, statement, directory)
    except OSError as wrong:
        raise CannotWrite(
            f"{directory}: {wrong.strerror}",
            rule="a statement is handed out as files",
            remedy="name a folder to write in",
        ) from None


def _items(options: Namespace, connection: Connection) -> Sequence[ItemLine]:
    def journals(agreement: str, span: Span) -> Iterable[Item]:
        found = extents(connection, options.journals, span)
        return items(found, span, agreement=agreement)

    statement = record.find_statement(connection, options.id)
    return tuple(itemise(connection, statement, journals))
