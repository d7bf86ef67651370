"""``tashika show``: what a certificate, answer, CRL, signature or evidence says, unbelieved."""

import argparse
import sys
import unicodedata
from pathlib import Path
from typing import Any

from tashika.cli import output
from tashika.cli.describing import describe
from tashika.cli.facts import Description, Fact
from tashika.cli.files import read_file
from tashika.cli.output import Phrase, as_json, row
from tashika.language import Language

_SHOWN, _NOT_KNOWN = 0, 1
_MAX_BYTES = 64 * 1024 * 1024
"""A CRL of a nation's municipality is some MB; larger ones are for other tools."""
_UNVERIFIED = Phrase(
    "nothing of this is verified; `tashika check` and `tashika verify` verify",
    "以下は検証されていません。検証には `tashika check` と `tashika verify` を使ってください",
)
_HIDDEN = Phrase("not shown; --personal shows it", "非表示(--personal で表示)")
_UNKNOWN = Phrase(
    "{path} is no certificate, OCSP answer, CRL, CMS signature or evidence;"
    " give one of these, whole",
    "{path} は証明書、OCSP 応答、失効情報ファイル、CMS 署名、証跡のいずれでもありません。"
    "欠けのないファイルを指定してください",
)


def add_commands(nouns: "argparse._SubParsersAction[Any]") -> None:
    """Add ``show`` to the command line."""
    parser = nouns.add_parser(
        "show",
        help="say what a certificate, an OCSP answer, a CRL, a CMS signature or evidence holds",
        epilog="exit status: 0 shown, 1 not known what it is, 64 usage",
    )
    parser.add_argument("path", type=Path, metavar="FILE", help="DER or PEM")
    parser.add_argument(
        "--personal",
        action="store_true",
        help="show the holder's name, address, serial number and validity too",
    )
    output.add_options(parser)
    parser.set_defaults(handler=_show)


def _show(args: argparse.Namespace) -> int:
    found = describe(read_file(args.path, _MAX_BYTES))
    if found is None:
        print(f"tashika: {_UNKNOWN.said(args.lang, path=args.path)}", file=sys.stderr)
        return _NOT_KNOWN
    if args.json:
        print(as_json(_told(found, personal=args.personal)))
    else:
        print(_as_words(found, args.lang, personal=args.personal))
    return _SHOWN


def _as_words(found: Description, language: Language, *, personal: bool) -> str:
    def value(fact: Fact) -> str:
        if fact.personal and not personal:
            return _HIDDEN.said(language)
        if isinstance(fact.value, bool):
            return (Phrase("yes", "はい") if fact.value else Phrase("no", "いいえ")).said(language)
        return _printable(str(fact.value))

    lines = [f"{found.label.said(language)} ({_UNVERIFIED.said(language)})"]
    lines += [row(each.label.said(language), value(each)) for each in found.facts]
    return "\n".join(lines)


def _printable(text: str) -> str:
    """Return a stranger's text so that it cannot steer the terminal."""
    return "".join(each if _is_harmless(each) else "\ufffd" for each in text)


def _is_harmless(character: str) -> bool:
    # The full-width space between family and given name is not "printable".
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _told(found: Description, *, personal: bool) -> dict[str, object]:
    shown = [each for each in found.facts if personal or not each.personal]
    return {
        "kind": found.kind,
        "verified": False,
        "facts": [{"name": each.key, "value": each.value} for each in shown],
        "hidden": sorted({each.key for each in found.facts} - {each.key for each in shown}),
    }
