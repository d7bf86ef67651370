"""A small CA, and the openssl command: an oracle beside pyca and asn1crypto."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A CA with one certificate that it issued, in memory and as files for openssl."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    leaf: x509.Certificate
    directory: Path
    """Holds ca.pem, ca.key and leaf.pem."""

    @classmethod
    def found(cls, directory: Path) -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name.from_rfc4514_string("CN=CA,O=JPKI-SIM,C=JP")
        certificate = _issue(key, name, name, 1)
        leaf = _issue(key, name, x509.Name.from_rfc4514_string("CN=Leaf,C=JP"), 25_969_982)
        written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        directory.joinpath("ca.key").write_bytes(written)
        directory.joinpath("ca.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        directory.joinpath("leaf.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
        return cls(key=key, certificate=certificate, leaf=leaf, directory=directory)

    @property
    def question(self) -> list[str]:
        """How to ask openssl ocsp for the leaf."""
        return ["-issuer", f"{self.directory}/ca.pem", "-cert", f"{self.directory}/leaf.pem"]


def _issue(
    key: ec.EllipticCurvePrivateKey, issuer: x509.Name, subject: x509.Name, serial: int
) -> x509.Certificate:
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), serial, START, END)
    return builder.add_extension(key_id, critical=False).sign(key, SHA256())


def openssl(*arguments: str | Path, code: int = 0) -> str:
    """Run one openssl command, expect this exit code and return what it prints."""
    command = ["openssl", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert done.returncode == code, (done.stdout + done.stderr).decode()
    return done.stdout.decode()
