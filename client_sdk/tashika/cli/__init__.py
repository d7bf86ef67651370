"""The command ``tashika``. Each noun brings its own arguments and its own words."""

import argparse
import io
import os
import sys
import traceback
from collections.abc import Sequence
from itertools import pairwise
from typing import NoReturn

from tashika.cli import check, compact, doctor, show, usage, verify
from tashika.cli.output import Phrase
from tashika.errors import WrongUse
from tashika.language import Language

# None is 0, 1 or 2, which are answers.
USAGE = 64
"""EX_USAGE of sysexits.h: the command line cannot be carried out."""
BROKEN = 70
"""EX_SOFTWARE: a mistake of ours. Python's own 1 would say that a certificate is revoked."""
UNSAID = 74
"""EX_IOERR: the outcome cannot be written, as where the disk is full."""
INTERRUPTED = 130
"""As shells have it: 128 and the number of SIGINT."""
LEFT_ALONE = 141
"""And of SIGPIPE: whoever read our words has left."""
_WRONG = Phrase("{why}", "使い方に誤りがあります(--help で書式を表示): {why}")


class _WrongLine(Exception):
    """The command line cannot be understood."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _WrongLine(self.format_usage(), message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = sys.argv[1:] if argv is None else argv
    for each in (sys.stdout, sys.stderr):
        if isinstance(each, io.TextIOWrapper):
            each.reconfigure(errors="backslashreplace")  # its letters may not be ours
    parser = _Parser(prog="tashika", description="Check certificates of JPKI and other PKIs.")
    nouns = parser.add_subparsers(metavar="COMMAND", required=True)
    for noun in (check, verify, show, doctor, usage, compact):
        noun.add_commands(nouns)
    try:
        return _run(parser.parse_args(words))
    except _WrongLine as wrong:
        format_of_it, why = wrong.args
    except WrongUse as wrong:
        format_of_it, why = parser.format_usage(), str(wrong)
        if _language(words) is Language.JAPANESE:
            why, *_ = getattr(wrong, "__notes__", [why])
    told = _WRONG.said(_language(words), why=why)
    print(f"{format_of_it}tashika: {told}", file=sys.stderr)
    sys.exit(USAGE)


def _run(args: argparse.Namespace) -> int:
    try:
        code = int(args.handler(args))
        if sys.stdout:  # None where the caller has closed it
            sys.stdout.flush()
    except WrongUse:
        raise
    except OSError as failed:
        if sys.stdout:  # what else is to be flushed goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(failed, BrokenPipeError):  # as `| head` does
            return LEFT_ALONE
        print(f"tashika: cannot say the outcome: {failed.strerror}", file=sys.stderr)
        return UNSAID
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - whatever it is, it is no answer
        traceback.print_exc()
        return BROKEN
    return code


def _language(words: Sequence[str]) -> Language:
    """Return the language to say in that the line cannot be understood."""
    apart = [part for each in words for part in each.split("=", 1)]
    asked = [value for name, value in pairwise(apart) if name in ("--lang", "--language")]
    return Language(asked[-1]) if asked and asked[-1] in [*Language] else Language.of(os.environ)
