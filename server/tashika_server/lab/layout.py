"""Where a lab keeps what in its directory, and how files get there: whole or not at all."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tashika.pki.algorithms import PrivateKey
from tashika_server.durable import write_atomically
from tashika_server.lab.keys import key_pem
from tashika_server.lab.records import Certificate, Role

__all__ = [
    "GUIDE",
    "SIMULATED",
    "Layout",
    "write",
    "write_certificate",
    "write_key",
    "write_register",
    "write_secret",
]

BANK = "bank"
"""The verifier that examples ask as; what its files are called."""

SIMULATED = "Simulated (O=JPKI-SIM): nothing in it is real, nobody in it exists."

GUIDE = f"""\
{SIMULATED}

tashika.toml     the configuration for `tashika-server serve`
issuers/         NAME.pem and the distribution points, NAME.csv, of each key generation
certs/           FAMILY-SERIAL.pem and .key of every holder; with --prefectures, NAME-3.pem in force
                 and NAME-4.pem revoked of each predecessor issuer
signers/         delegated OCSP responders, two for each key generation
register/        NAME.txt, the serials issued under each key
published/crl/   NAME/MUNICIPALITY.crl, also served over HTTP
authorities/     the CAs' private keys
ledger.key       what signs the days of the ledger, where verifiers have agreements
lab.sqlite       the event log, CRL numbers, what was pushed; prefectures.json: of predecessors
feed.key         with --feed: what signs the push feeds; issuers/feed.pem is its public half

and unless it was made with --open:
verifiers/       what each verifier shows when it asks; README.txt there says which is for what
tls/             server.pem and .key: the service's own certificate
book.sqlite      verifiers, agreements, credentials, suspensions, and who changed them
"""

_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one lab."""

    root: Path

    @property
    def configuration(self) -> Path:
        """What `serve` is given."""
        return self.root / "tashika.toml"

    @property
    def memory(self) -> Path:
        """The database."""
        return self.root / "lab.sqlite"

    @property
    def lock(self) -> Path:
        """Locked by whoever changes the lab."""
        return self.root / "lab.lock"

    @property
    def unfinished(self) -> Path:
        """There while `lab init` is at work, and for good where it was killed."""
        return self.root / "UNFINISHED"

    @property
    def published(self) -> Path:
        """The tree that is served over HTTP."""
        return self.root / "published"

    @property
    def feed_key(self) -> Path:
        """Return the private key that signs the push feeds; not there where there are none."""
        return self.root / "feed.key"

    @property
    def feed_public_key(self) -> Path:
        """Return its public half, which the service checks messages with."""
        return self.root / "issuers" / "feed.pem"

    @property
    def run(self) -> Path:
        """Where the running service has its control socket."""
        return self.root / "run"

    def crl(self, issuer: str, municipality: str) -> Path:
        """Return the file of one CRL."""
        return self.published / "crl" / issuer / f"{municipality}.crl"

    def predecessor_certificate(self, issuer: str, serial: int) -> Path:
        """Return the file of a holder's certificate under a predecessor law's issuer."""
        return self.root / "certs" / f"{issuer}-{serial}.pem"

    def authority_key(self, issuer: str) -> Path:
        """Return the file of a CA's private key."""
        return self.root / "authorities" / f"{issuer}.key"

    def issuer(self, name: str) -> Path:
        """Return the file of a CA certificate."""
        return self.root / "issuers" / f"{name}.pem"

    def certificate(self, certificate: Certificate) -> Path:
        """Return the file of a CA's or a holder's certificate."""
        if certificate.role is Role.AUTHORITY:
            return self.issuer(certificate.issuer)
        return self.root / "certs" / f"{certificate.name}.pem"

    def signer(self, name: str) -> Path:
        """Return the file of a responder's certificate; its key is beside it."""
        return self.root / "signers" / f"{name}.pem"

    def verifier(self, name: str) -> Path:
        """Return a file of something that a verifier shows."""
        return self.root / "verifiers" / name

    @property
    def server(self) -> Path:
        """The service's own certificate for TLS; its key is beside it."""
        return self.root / "tls" / "server.pem"

    def register(self, issuer: str) -> Path:
        """Return the file of the serials issued under one key."""
        return self.root / "register" / f"{issuer}.txt"


def write_certificate(path: Path, certificate: x509.Certificate) -> None:
    """Write a certificate as PEM."""
    write(path, certificate.public_bytes(Encoding.PEM))


def write_key(path: Path, key: PrivateKey) -> None:
    """Write a private key that only the owner may read."""
    write(path, key_pem(key), mode=_PRIVATE)


def write_secret(path: Path, secret: str) -> None:
    """Write a token, in one line, that only the owner may read."""
    write(path, f"{secret}\n".encode(), mode=_PRIVATE)


def write_register(path: Path, serials: Iterable[int]) -> None:
    """Write the serials issued under one key, in ascending order, as ranges."""
    lines = [f"# {SIMULATED}", *map(_range_text, _ranges(serials))]
    text = "\n".join(lines).encode() + b"\n"
    if not path.exists() or path.read_bytes() != text:
        write(path, text)


def write(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put a file in its place in one step, its folder too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data, mode=mode)


def _ranges(serials: Iterable[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for serial in serials:
        if ranges and serial == ranges[-1][1] + 1:
            ranges[-1] = ranges[-1][0], serial
        else:
            ranges.append((serial, serial))
    return ranges


def _range_text(bounds: tuple[int, int]) -> str:
    first, last = bounds
    return str(first) if first == last else f"{first}-{last}"
