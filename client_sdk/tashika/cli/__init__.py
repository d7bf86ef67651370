"""The command ``tashika``. Each noun brings its own arguments and its own words."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from tashika.cli import check, compact, doctor, show, usage, verify
from tashika.errors import WrongUse

USAGE = 64
"""EX_USAGE of sysexits.h: the command line cannot be carried out."""

INTERRUPTED = 130
"""As shells have it: 128 and the number of SIGINT."""
LEFT_ALONE = 141
"""And of SIGPIPE: whoever read our words has left. Never 0, 1 or 2, which are answers."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"tashika: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = _Parser(prog="tashika", description="Check certificates of JPKI and other PKIs.")
    nouns = parser.add_subparsers(metavar="COMMAND", required=True)
    for each in (check, verify, show, doctor, usage, compact):
        each.add_commands(nouns)
    args = parser.parse_args(argv)
    try:
        code = int(args.handler(args))
        sys.stdout.flush()
    except WrongUse as wrong:
        parser.error(str(wrong))
    except BrokenPipeError:  # as `| head` does; what else is to be flushed goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return LEFT_ALONE
    except KeyboardInterrupt:
        return INTERRUPTED
    return code
