"""The command `tashika-server`: each noun is a module here and brings its own verbs.

Not for doing the work: a handler reads its arguments, calls a component and prints.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from importlib import import_module
from typing import NoReturn

from tashika.pki.errors import TashikaError
from tashika_server.cli.loading import loading
from tashika_server.log import configure_log

__all__ = ["main"]

EX_USAGE, EX_TEMPFAIL, EX_CONFIG = 64, 75, 78
"""sysexits.h; service managers know them."""
CODES = {
    **dict.fromkeys(("ConfigError", "BadDsn", "BookOutdated", "ReloadRefused"), EX_CONFIG),
    **dict.fromkeys(("BookUnreachable", "IndexBusy", "IndexWriteFailed"), EX_TEMPFAIL),
    **dict.fromkeys(("NotServed", "StartRefused"), EX_TEMPFAIL),
    **dict.fromkeys(("ArchiveFailed", "HistoryFailed"), EX_TEMPFAIL),
}
"""By the names of errors: a command that fails need not load all that can fail in others."""
EX_PIPE = 141
"""What a shell calls the end of a process whose reader has left."""

NOUNS = {
    "lab": "simulated issuers: make a world, revoke, publish",
    "serve": "run the service until SIGTERM or Ctrl-C",
    "reload": "have the running service take up its configuration anew",
    "config": "check a configuration as the start would",
    "doctor": "examine the installation and every issuer, and name the remedies",
    "query": "look one certificate up in the index",
    "index": "load the revocation index ahead of the service",
    "files": "the revocation information files that are kept: list, get, verify, as of a moment",
    "history": "what happened to one certificate, and what was known at any moment",
    "compact": "revocation sets for verifiers that check without a network",
    "verifier": "the parties that may ask, and who asks under them",
    "agreement": "what a verifier may ask: draft, notify, agree, activate, change, end",
    "credential": "what verifiers prove themselves by",
    "suspension": "stop provision, and provide again",
    "compromise": "an issuer's key is compromised: revoke everything under it, by two persons",
    "handover": "give an issuer's records to its next operator, or take them over",
    "proposal": "what waits for a second person, or for a decision",
    "explain": "say what decided a refusal, by its id",
    "usage": "what was answered, as counted and as journalled, and what is amiss",
    "tariff": "what one provision costs, for whom, from which day",
    "month": "close a month: check, rate, freeze; what would differ by now",
    "statement": "what verifiers are given of frozen months",
    "adjustment": "corrections of frozen statements, by two persons",
    "ledger": "the book of all that was done: verify, export, signed days, its key",
    "report": "what was provided in a year, and reports demanded of verifiers",
    "operator": "who may use the management API and approve proposals",
    "book": "the database of all that, and who changed what in it",
    "bench-disk": "what a disk will give to metering",
}
"""Each has a module of its name, with _ for -; `process` is one too, for the supervisor alone."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    64 wrong usage, 78 wrong configuration, 75 try again (a disk, a database, another process),
    1 anything else expected; each with one line a problem on stderr and no traceback.
    """
    words = sys.argv[1:] if arguments is None else arguments
    with loading() if arguments is None else nullcontext():
        parser = _parser(words)
    options = parser.parse_args(words)
    configure_log(process=options.noun)
    try:
        code: int = options.handler(options)
        sys.stdout.flush()
    except TashikaError as wrong:
        for line in str(wrong).splitlines():
            print(f"tashika-server: {line}", file=sys.stderr)
        return _exit_code(wrong)
    except BrokenPipeError:  # as `| head` does; what else is to be flushed goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EX_PIPE
    except KeyboardInterrupt:
        return 130
    return code


def _exit_code(wrong: TashikaError) -> int:
    return next((CODES[each.__name__] for each in type(wrong).__mro__ if each.__name__ in CODES), 1)


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Load what the one noun that is asked for brings; where none is, what all of them are.

    A command need not wait for the libraries of the others, a second of imports.
    """
    parser = _Parser(prog="tashika-server", description="A validation authority under agreement.")
    nouns = parser.add_subparsers(dest="noun", required=True, metavar="COMMAND")
    asked = words[0] if words else ""
    if asked in (*NOUNS, "process"):
        import_module(f"tashika_server.cli.{asked.replace('-', '_')}").add_commands(nouns)
        nouns.choices[asked].description = NOUNS.get(asked)
    else:
        for noun, text in NOUNS.items():
            nouns.add_parser(noun, help=text)
    return parser


class _Parser(argparse.ArgumentParser):
    """Leaves with 64, since 2 is what `query` says when it cannot tell."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EX_USAGE, f"{self.prog}: {message}\n")
