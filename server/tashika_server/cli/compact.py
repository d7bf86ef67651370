"""`tashika-server compact`: compact revocation sets for verifiers that check without a network."""

import argparse
from contextlib import closing
from pathlib import Path

from tashika.pki.compact.head import Head
from tashika_server.assembly.archiving import archive_of
from tashika_server.assembly.providing import declared
from tashika_server.certificate_file import read_certificate, read_private_key
from tashika_server.clock import SystemClock
from tashika_server.compact import Maker, NotMade, SetSigner
from tashika_server.config import Config, load_config
from tashika_server.config.problem import nearest
from tashika_server.files.compact_sets import CompactPress
from tashika_server.index import IndexReader
from tashika_server.issuer import Issuer

__all__ = ["add_commands"]


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `compact make` and `compact publish`."""
    noun = nouns.add_parser("compact")
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    make = _verb(verbs, "make", "make the newest set of one issuer from the index, to a file")
    make.add_argument("--issuer", required=True, metavar="NAME", help="as [[issuer]] names it")
    make.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="replaced in one step"
    )
    make.add_argument("--key", type=Path, required=True, metavar="FILE", help="signs it; PEM")
    make.add_argument(
        "--delta", type=Path, metavar="FILE", help="what leads there from the set now in --out"
    )
    make.set_defaults(handler=_make)
    publish = _verb(verbs, "publish", "make the newest sets and deltas, and provide them as files")
    publish.add_argument("--issuer", metavar="NAME", help="of this issuer alone")
    publish.add_argument(
        "--key", type=Path, metavar="FILE", help="signs them; default: [ledger] key"
    )
    publish.set_defaults(handler=_publish)


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, what: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=what, description=what)
    verb.add_argument("config", type=Path, metavar="CONFIG")
    verb.add_argument(
        "--certificate",
        type=Path,
        metavar="FILE",
        help="by which the issuer lets the key sign its sets; else verifiers are told the key",
    )
    return verb


def _make(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    issuer = _issuer(options.issuer, config.issuers)
    maker = Maker(issuer=issuer, signer=_signer(options, options.key), path=options.out)
    with closing(IndexReader.open(config.settings.index.path)) as index:
        try:
            with index.snapshot() as snapshot:
                head = maker.make(
                    snapshot,
                    delta=options.delta,
                    compromised=declared(config).get(issuer.identity.fingerprint),
                    at=SystemClock().now(),
                )
        except OSError as failure:
            raise NotMade(f"{options.out} cannot be written: {failure.strerror}") from failure
    print(_described(head))
    return 0


def _publish(options: argparse.Namespace) -> int:
    """Publish what can be, and end with 1 if anything could not."""
    config = load_config(options.config)
    issuers = (_issuer(options.issuer, config.issuers),) if options.issuer else config.issuers
    known, failed = declared(config), False
    with closing(IndexReader.open(config.settings.index.path)) as index:
        press = CompactPress(
            archive=archive_of(config), index=index, signer=_signer(options, _key(options, config))
        )
        for issuer in issuers:
            try:
                compromised = known.get(issuer.identity.fingerprint)
                head = press.publish(issuer, compromised, at=SystemClock().now())
            except NotMade as wrong:
                failed = True
                print(f"{issuer.name}: {wrong}")
            else:
                print(f"{issuer.name}: {_described(head)}")
    return int(failed)


def _key(options: argparse.Namespace, config: Config) -> Path:
    key: Path | None = options.key or config.settings.ledger.key
    if key is None:
        raise NotMade(f"{config.file} has no key to sign with; give --key or [ledger] key")
    return key


def _signer(options: argparse.Namespace, key: Path) -> SetSigner:
    certificate = read_certificate(options.certificate) if options.certificate else None
    return SetSigner(read_private_key(key), certificate)


def _described(head: Head) -> str:
    listed = head.sections[0].count
    until = f"fresh until {head.next_update:%Y-%m-%dT%H:%MZ}"
    condemned = ", and all else is revoked: the key is compromised" if head.since else ""
    return f"number {head.number}: {listed} listed{condemned}, {until}"


def _issuer(name: str, issuers: tuple[Issuer, ...]) -> Issuer:
    named = {each.name: each for each in issuers}
    if name not in named:
        raise NotMade(f"no [[issuer]] has the name {name}; {nearest(name, named)}")
    return named[name]
