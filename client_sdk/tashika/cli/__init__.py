"""The command ``tashika``. Each noun brings its own arguments and its own words."""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from tashika.cli import check
from tashika.errors import WrongUse

USAGE = 64
"""EX_USAGE of sysexits.h: the command line cannot be carried out."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"tashika: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = _Parser(prog="tashika", description="Check certificates of JPKI and other PKIs.")
    nouns = parser.add_subparsers(metavar="COMMAND", required=True)
    check.add_commands(nouns)
    args = parser.parse_args(argv)
    try:
        return int(args.handler(args))
    except WrongUse as wrong:
        parser.error(str(wrong))
