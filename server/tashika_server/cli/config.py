"""`tashika-server config`: look at a configuration without starting anything."""

# ruff: noqa: PLC0415 - a book's libraries take half a second, and only some have a book

import argparse
from pathlib import Path

from tashika_server.assembly.starting import check_start
from tashika_server.clock import SystemClock
from tashika_server.config import Access, Config, load_config, write_duration

__all__ = ["add_commands"]


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `config check`."""
    noun = nouns.add_parser("config")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    check = verbs.add_parser("check", help="make the same checks as the start")
    check.add_argument("config", type=Path, metavar="FILE")
    check.set_defaults(handler=_check)


def _check(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    check_start(config, at=SystemClock().now())
    print("OK")
    for line in _summary(config):
        print(f"  {line}")
    return 0


def _summary(config: Config) -> list[str]:
    settings = config.settings
    ears = {
        "responder": settings.responder.listen,
        "TLS": settings.tls and settings.tls.listen,
        "management API": settings.office.listen,
        "simulated issuers": settings.lab and settings.lab.listen,
    }
    issuers = [
        f"issuer {issuer.name} ({issuer.family}): CRLs {len(issuer.partitions)}, "
        f"signers {len(own.signers)}, register {'yes' if issuer.register else 'no'}"
        for issuer, own in zip(config.issuers, settings.issuer, strict=True)
    ]
    return [
        f"access {settings.access}; "
        + ", ".join(f"{n} on {ear}" for n, ear in ears.items() if ear),
        (
            f"workers {settings.responder.processes}, refresh every "
            f"{write_duration(settings.refresh.every)}, index in {settings.index.path}"
        ),
        f"book: {_book(config)}",
        *issuers,
    ]


def _book(config: Config) -> str:
    if config.settings.access is not Access.CLOSED:
        return "not used"
    from tashika_server.assembly.registering import book_standing

    return book_standing(config)
