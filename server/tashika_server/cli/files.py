"""`tashika-server files`: what is kept of the issuers' CRLs, now and as of a moment."""

import argparse
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tashika.pki.errors import TashikaError
from tashika_server.assembly.archiving import archive_of
from tashika_server.certificate_file import read_private_key
from tashika_server.cli.arguments import past_moment
from tashika_server.cli.display import print_json, print_table
from tashika_server.clock import SystemClock
from tashika_server.config import Config, load_config
from tashika_server.files.bundle import write_bundle
from tashika_server.files.catalog import Catalog
from tashika_server.files.facts import COMPACT, Kept
from tashika_server.files.manifest import compile_manifest, public_der
from tashika_server.files.verifying import verify

__all__ = ["add_commands"]

COLUMNS = ["sha256", "issuer", "partition", "kind", "number", "this_update", "received_at", "size"]


def add_commands(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `files list`, `get`, `verify` and `as-of`."""
    verbs = nouns.add_parser("files").add_subparsers(dest="verb", required=True, metavar="VERB")
    kept = _add(verbs, "list", _list, "list what is kept, or what was known at a moment")
    kept.add_argument("--at", type=past_moment, metavar="TIME", help="as of this moment")
    got = _add(verbs, "get", _get, "write one file, as it came, and check it on the way")
    got.add_argument("sha256", type=_digest, metavar="SHA256")
    got.add_argument("--out", type=Path, metavar="FILE", help="default: standard output")
    _add(verbs, "verify", _verify, "read everything that is kept and say what is wrong with it")
    past = _add(verbs, "as-of", _as_of, "write the files of a moment with a signed manifest")
    past.add_argument(
        "at", type=past_moment, metavar="TIME", help="2026-04-01T00:00+09:00, or a day of Japan"
    )
    past.add_argument("--out", type=Path, required=True, metavar="DIRECTORY", help="a new one")


def _add(verbs: Any, name: str, handler: Any, text: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    verb.add_argument("config", type=Path, metavar="CONFIG", help="the service's configuration")
    verb.add_argument("--json", action="store_true", help="print one JSON value")
    if name in {"list", "as-of"}:
        verb.add_argument("--issuer", metavar="NAME", help="of this issuer alone")
    verb.set_defaults(handler=handler)
    return verb


def _digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no SHA-256 in hexadecimal") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A kept file as it is listed."""

    sha256: bytes
    issuer: str
    partition: str
    kind: str
    number: int
    this_update: datetime
    next_update: datetime
    received_at: datetime
    size: int
    kept: bool


def _list(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    archive, names = archive_of(config), _names(config)
    rows: list[Kept] = []
    with archive.catalog.kept_open() as catalog:
        for place in _places(catalog, config, options.issuer):
            known = catalog.known(*place, options.at) if options.at else None
            rows += catalog.of(*place) if known is None else known
    shown = [_shown(row, names) for row in rows]
    if options.json:
        print_json(shown)
    else:
        print_table(shown, COLUMNS)
    return 0


def _get(options: argparse.Namespace) -> int:
    archive = archive_of(load_config(options.config))
    file = archive.find(options.sha256)
    if options.out is None:
        sys.stdout.buffer.writelines(archive.content(file))
        return 0
    fresh = options.out.with_name(f".{options.out.name}.new")
    try:
        with fresh.open("wb") as target:
            target.writelines(archive.content(file))
        fresh.replace(options.out)
    except OSError as wrong:
        raise TashikaError(f"{options.out} cannot be written: {wrong}; name another") from wrong
    finally:
        fresh.unlink(missing_ok=True)
    return 0


def _verify(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    found = [
        {
            "fault": each.fault,
            "detail": each.detail,
            "sha256": each.file.sha256,
            "issuer": _names(config).get(each.file.issuer, each.file.issuer.hex()),
            "partition": each.file.partition,
        }
        for each in verify(archive_of(config))
    ]
    if options.json:
        print_json(found)
    else:
        for each in found:
            print(f"{each['fault']:9} {each['issuer']} {each['partition']}: {each['detail']}")
        print("everything is as it came" if not found else f"{len(found)} are not in order")
    return 1 if found else 0


def _as_of(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    archive, key_file = archive_of(config), config.settings.ledger.key
    if key_file is None:
        raise TashikaError(f"{config.file} has no key to sign with; give [ledger] key")
    key = read_private_key(key_file)
    with archive.catalog.kept_open() as catalog:
        manifest = compile_manifest(
            catalog,
            _names(config),
            [each for each in _places(catalog, config, options.issuer) if each[1] != COMPACT],
            as_of=options.at,
            at=SystemClock().now(),
            key=public_der(key),
        )
    written = write_bundle(archive, manifest, key, options.out)
    if options.json:
        print_json(manifest)
    else:
        print(
            f"{written} files written to {options.out}; {len(manifest.missing)} partitions had "
            f"none by then, {len(manifest.files) - written} files are kept no more"
        )
    return 1 if manifest.missing or any(not each.kept for each in manifest.files) else 0


def _names(config: Config) -> dict[bytes, str]:
    return {each.identity.fingerprint: each.name for each in config.issuers}


def _places(catalog: Catalog, config: Config, issuer: str | None) -> list[tuple[bytes, str]]:
    """List the places that are looked at: the configured partitions, and all that once were."""
    names = _names(config)
    if issuer is not None and issuer not in names.values():
        raise TashikaError(f"no issuer is called {issuer!r}; the configuration names them")
    configured = {
        (each.identity.fingerprint, partition.name)
        for each in config.issuers
        for partition in each.partitions
    }
    known = configured | {place for place in catalog.places() if place[0] in names}
    return sorted(place for place in known if issuer in {None, names[place[0]]})


def _shown(file: Kept, names: dict[bytes, str]) -> _Shown:
    return _Shown(
        sha256=file.sha256,
        issuer=names.get(file.issuer, file.issuer.hex()),
        partition=file.partition,
        kind=file.kind,
        number=file.number,
        this_update=file.this_update,
        next_update=file.next_update,
        received_at=file.received_at,
        size=file.size,
        kept=file.leaving is None,
    )
