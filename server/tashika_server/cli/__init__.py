"""The command `tashika-server`: each noun is a module here and brings its own commands.

Not for doing the work: a handler reads its arguments, calls a component and prints.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from tashika.pki.errors import TashikaError
from tashika_server.cli import configuration, index, lab, process, query, serve
from tashika_server.config import ConfigError
from tashika_server.index import IndexBusy, IndexWriteFailed
from tashika_server.log import configure_log
from tashika_server.supervisor import StartRefused

__all__ = ["main"]

EX_USAGE, EX_TEMPFAIL, EX_CONFIG = 64, 75, 78
"""sysexits.h; service managers know them."""

NOUNS = (lab, serve, query, configuration, index, process)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    64 wrong usage, 78 wrong configuration, 75 try again (a disk, another process), 1 anything
    else expected; each with one line a problem on stderr and no traceback.
    """
    options = _parser().parse_args(arguments)
    configure_log(process=options.noun)
    try:
        code: int = options.handler(options)
    except TashikaError as wrong:
        for line in str(wrong).splitlines():
            print(f"tashika-server: {line}", file=sys.stderr)
        return _exit_code(wrong)
    except KeyboardInterrupt:
        return 130
    return code


def _exit_code(wrong: TashikaError) -> int:
    if isinstance(wrong, ConfigError):
        return EX_CONFIG
    return EX_TEMPFAIL if isinstance(wrong, IndexWriteFailed | IndexBusy | StartRefused) else 1


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="tashika-server", description="A validation authority under agreement.")
    nouns = parser.add_subparsers(dest="noun", required=True, metavar="COMMAND")
    for noun in NOUNS:
        noun.add_commands(nouns)
    return parser


class _Parser(argparse.ArgumentParser):
    """Leaves with 64, since 2 is what `query` says when it cannot tell."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EX_USAGE, f"{self.prog}: {message}\n")
