"""One responder key with its certificate, and the checks that let it speak for an issuer.

Not for choosing between signers, nor for noticing that files have changed: see `shelf`.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from tashika.pki import algorithms
from tashika.pki.algorithms import PrivateKey, SignatureAlgorithm
from tashika.pki.certid import IssuerIdentity
from tashika.pki.errors import PkiError, TashikaError

__all__ = ["Signer", "SignerFiles", "SignerRefused", "load_signer"]

T = TypeVar("T", bound=x509.ExtensionType)


class SignerRefused(TashikaError):
    """A responder certificate or key may not sign; says which file, why and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerFiles:
    """Where a responder's certificate and its private key lie, both PEM, the key unencrypted."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A checked responder key. Safe from several threads."""

    certificate: x509.Certificate
    key: PrivateKey
    key_hash: bytes
    """The SHA-1 of the key: the responder ID (RFC 6960 4.2.1, byKey)."""
    algorithms: tuple[SignatureAlgorithm, ...]
    """What the key can sign with, the default first. SHA-1 is never among them."""
    not_before: datetime
    not_after: datetime
    embedded: bytes
    """The certificate's DER for the answer; empty where the CA itself signs."""

    def algorithm(self, oid: str) -> SignatureAlgorithm | None:
        """Return the algorithm of this OID if the key can sign with it."""
        return next((each for each in self.algorithms if each.oid == oid), None)

    def sign(self, algorithm: SignatureAlgorithm, data: bytes) -> bytes:
        """Sign `data` with one of `algorithms`."""
        return algorithms.sign(self.key, algorithm, data)


def load_signer(files: SignerFiles, issuer: x509.Certificate, *, at: datetime) -> Signer:
    """Read and check one responder of `issuer`; raises SignerRefused.

    The certificate must, as RFC 6960 4.2.2.2 and T20 have it,

    1. be in force at `at`;
    2. be the issuer's own (the CA signs answers itself; 4 to 7 do not apply then), or else
    3. be issued directly by the issuer: its name, and a signature by its key;
    4. be no CA: otherwise it could speak for its siblings;
    5. have OCSPSigning as its only extended key usage;
    6. have ocsp-nocheck: nobody can ask it whether it itself is in force;
    7. allow digitalSignature, if it has a key usage;

    and 8. the private key must be the certificate's, of an accepted kind and strength.
    """
    certificate = _read_certificate(files.certificate)
    try:
        _check_in_force(certificate, at)
        itself = certificate == issuer
        if not itself:
            _check_delegated(certificate, issuer)
        key = _read_key(files.key, certificate)
        return _signer(certificate, key, embed=not itself)
    except _Unfit as unfit:
        raise SignerRefused(f"{files.certificate}: {unfit}") from unfit


class _Unfit(Exception):
    """One of the numbered checks failed."""


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as missing:
        raise SignerRefused(f"{path}: cannot be read: {missing.strerror}") from missing
    except ValueError as broken:
        raise SignerRefused(f"{path}: is not a PEM certificate; export it again") from broken


def _check_in_force(certificate: x509.Certificate, at: datetime) -> None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < begin:
        raise _Unfit(f"not valid before {begin:%Y-%m-%dT%H:%M:%SZ}; use it from then on")
    if at >= end:
        raise _Unfit(f"expired at {end:%Y-%m-%dT%H:%M:%SZ}; have the issuer renew it")


def _check_delegated(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    _check_issued_by(certificate, issuer)
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension) as broken:
        raise _Unfit("its extensions cannot be read; have it issued anew") from broken
    _check_is_leaf(extensions)
    _check_only_signs_ocsp(extensions)


def _check_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    wrong = _Unfit("not issued directly by the issuer it would speak for; have that CA issue it")
    if certificate.issuer != issuer.subject:
        raise wrong
    algorithm = algorithms.BY_OID.get(certificate.signature_algorithm_oid.dotted_string)
    if algorithm is None:
        raise _Unfit("signed with an algorithm that is not accepted; have it issued with SHA-256")
    try:
        algorithms.verify(
            issuer.public_key(),
            algorithm,
            certificate.signature,
            certificate.tbs_certificate_bytes,
        )
    except (PkiError, UnsupportedAlgorithm, ValueError) as failed:
        raise wrong from failed


def _check_is_leaf(extensions: x509.Extensions) -> None:
    constraints = _value(extensions, x509.BasicConstraints)
    usage = _value(extensions, x509.KeyUsage)
    if (constraints and constraints.ca) or (usage and (usage.key_cert_sign or usage.crl_sign)):
        raise _Unfit("a CA certificate; a responder needs one of its own")
    if usage and not usage.digital_signature:
        raise _Unfit("its key usage lacks digitalSignature; have it issued with that")


def _check_only_signs_ocsp(extensions: x509.Extensions) -> None:
    usage = _value(extensions, x509.ExtendedKeyUsage)
    if usage is None or list(usage) != [ExtendedKeyUsageOID.OCSP_SIGNING]:
        raise _Unfit("its extended key usage must be OCSPSigning and nothing else")
    if _value(extensions, x509.OCSPNoCheck) is None:
        raise _Unfit("lacks the ocsp-nocheck extension; have it issued with that")


def _value(extensions: x509.Extensions, kind: type[T]) -> T | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _read_key(path: Path, certificate: x509.Certificate) -> PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as missing:
        raise SignerRefused(f"{path}: cannot be read: {missing.strerror}") from missing
    except (ValueError, TypeError, UnsupportedAlgorithm) as broken:
        raise SignerRefused(f"{path}: is not an unencrypted PEM private key") from broken
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise SignerRefused(f"{path}: neither an RSA nor an elliptic curve key")
    if key.public_key() != certificate.public_key():
        raise SignerRefused(f"{path}: is not the key of the certificate beside it")
    return key


def _signer(certificate: x509.Certificate, key: PrivateKey, *, embed: bool) -> Signer:
    try:
        default = algorithms.algorithm_for(key.public_key())
    except PkiError as weak:
        raise _Unfit(f"{weak}; have it issued for a stronger key") from weak
    others = (
        each
        for each in algorithms.BY_OID.values()
        if each.key_type == default.key_type and each != default
    )
    return Signer(
        certificate=certificate,
        key=key,
        key_hash=algorithms.digest("sha1", IssuerIdentity.of(certificate).key),
        algorithms=(default, *others),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        embedded=certificate.public_bytes(Encoding.DER) if embed else b"",
    )
