"""`tashika-server compact`: compact revocation sets for verifiers that check without a network."""

import argparse
from contextlib import closing
from pathlib import Path

from tashika_server.certificate_file import read_certificate, read_private_key
from tashika_server.clock import SystemClock
from tashika_server.compact import Maker, NotMade, SetSigner
from tashika_server.config import load_config
from tashika_server.config.problem import nearest
from tashika_server.index import IndexReader
from tashika_server.issuer import Issuer

__all__ = ["add_commands"]


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `compact make`."""
    noun = nouns.add_parser("compact")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    make = verbs.add_parser("make", help="make the newest set of one issuer from the index")
    make.add_argument("config", type=Path, metavar="CONFIG")
    make.add_argument("--issuer", required=True, metavar="NAME", help="as [[issuer]] names it")
    make.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="replaced in one step"
    )
    make.add_argument("--key", type=Path, required=True, metavar="FILE", help="signs it; PEM")
    make.add_argument(
        "--certificate",
        type=Path,
        metavar="FILE",
        help="by which the issuer lets the key sign its sets; else verifiers are told the key",
    )
    make.add_argument(
        "--delta", type=Path, metavar="FILE", help="what leads there from the set now in --out"
    )
    make.set_defaults(handler=_make)


def _make(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    certificate = read_certificate(options.certificate) if options.certificate else None
    maker = Maker(
        issuer=_issuer(options.issuer, config.issuers),
        signer=SetSigner(read_private_key(options.key), certificate),
        path=options.out,
    )
    with closing(IndexReader.open(config.settings.index.path)) as index:
        try:
            with index.snapshot() as snapshot:
                head = maker.make(snapshot, delta=options.delta, at=SystemClock().now())
        except OSError as failure:
            raise NotMade(f"{options.out} cannot be written: {failure.strerror}") from failure
    listed = head.sections[0].count
    print(f"number {head.number}: {listed} listed, fresh until {head.next_update:%Y-%m-%dT%H:%MZ}")
    return 0


def _issuer(name: str, issuers: tuple[Issuer, ...]) -> Issuer:
    named = {each.name: each for each in issuers}
    if name not in named:
        raise NotMade(f"no [[issuer]] has the name {name}; {nearest(name, named)}")
    return named[name]
