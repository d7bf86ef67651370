"""An installation that keeps files: a configuration, one issuer of two partitions, an archive."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.serialization import Encoding

from support.crls import AT, DAY, HOUR, NAKA, NISHI, Ca
from tashika_server.assembly.archiving import ArchiveKeeper, archive_of
from tashika_server.config import Config, load_config
from tashika_server.files.archive import Archive
from tashika_server.ledger.keys import make_key
from tashika_server.refresh.source import Source

CONFIG = """
[files]
keep = "3650d"
[ledger]
key = "ledger.key"
[[issuer]]
name = "user-auth-g3"
family = "user-auth"
certificate = "ca.pem"
partitions = "crls.csv"
signers = [{ certificate = "ca.pem", key = "ledger.key" }]
"""


@contextmanager
def openings() -> Iterator[list[str]]:
    """List each opening of a catalogue that is there, while the block runs."""
    real, found = sqlite3.connect, list[str]()

    def connect(database: Any, *args: Any, **named: Any) -> sqlite3.Connection:
        if Path(str(database)).name == "catalogue.sqlite":
            found.append(str(database))
        return real(database, *args, **named)

    with patch.object(sqlite3, "connect", connect):
        yield found


class Cellar:
    """Keep CRLs in it as the refresher does; number n is made at hour n and comes an hour later."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "tashika.toml"
        self.file.write_text(CONFIG)
        make_key(directory / "ledger.key")
        self.ca = Ca.found()
        pem = self.ca.issuer({NAKA: "file:///x"}).certificate.public_bytes(Encoding.PEM)
        (directory / "ca.pem").write_bytes(pem)
        lines = (f'file:///nowhere,"{name}"' for name in (NAKA, NISHI))
        (directory / "crls.csv").write_text("\n".join(["url,name", *lines]) + "\n")

    @property
    def config(self) -> Config:
        return load_config(self.file)

    @property
    def archive(self) -> Archive:
        return archive_of(self.config)

    def keep(self, number: int, *, partition: str = NAKA, base: int | None = None) -> bytes:
        """Keep a CRL and return it."""
        made = AT + number * HOUR
        spooled = self.directory / "spooled"
        body = self.ca.crl(
            range(number),
            number=number,
            base=base,
            scope=partition,
            this_update=made,
            next_update=made + DAY,
        )
        spooled.write_bytes(body)
        ArchiveKeeper(self.archive).keep(
            self.source(partition),
            spooled,
            number=number,
            base=base,
            this_update=made,
            next_update=made + DAY,
            sha256=sha256(body).digest(),
            at=came(number),
        )
        return body

    def source(self, partition: str) -> Source:
        (issuer,) = self.config.issuers
        place = next(each for each in issuer.partitions if each.name == partition)
        return Source(issuer, place, issuer.identity.fingerprint)


def came(number: int) -> datetime:
    """When CRL number n came."""
    return AT + timedelta(hours=number + 1)
