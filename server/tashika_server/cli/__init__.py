"""The command `tashika-server`: each noun is a module here and brings its own commands.

Not for doing the work: a handler reads its arguments, calls a component and prints.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from tashika.pki.errors import TashikaError
from tashika_server.config import ConfigError
from tashika_server.index import IndexBusy, IndexWriteFailed
from tashika_server.log import configure_log
from tashika_server.supervisor import StartRefused

__all__ = ["main"]

EX_USAGE, EX_TEMPFAIL, EX_CONFIG = 64, 75, 78
"""sysexits.h; service managers know them."""

NOUNS = {
    **{each: each for each in ("lab", "serve", "query")},
    "config": "configuration",
    **{each: each for each in ("index", "process", "verifier", "agreement", "credential")},
    **{each: each for each in ("suspension", "proposal", "explain", "book", "operator")},
}
"""The module of each noun, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    64 wrong usage, 78 wrong configuration, 75 try again (a disk, another process), 1 anything
    else expected; each with one line a problem on stderr and no traceback.
    """
    words = sys.argv[1:] if arguments is None else arguments
    options = _parser(words).parse_args(words)
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


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Read what the one noun asked for brings, or all of them where none is.

    A command need not wait for the libraries of the others, a second of imports.
    """
    parser = _Parser(prog="tashika-server", description="A validation authority under agreement.")
    nouns = parser.add_subparsers(dest="noun", required=True, metavar="COMMAND")
    asked = NOUNS.get(words[0]) if words else None
    for module in [asked] if asked else NOUNS.values():
        import_module(f"tashika_server.cli.{module}").add_commands(nouns)
    return parser


class _Parser(argparse.ArgumentParser):
    """Leaves with 64, since 2 is what `query` says when it cannot tell."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EX_USAGE, f"{self.prog}: {message}\n")
