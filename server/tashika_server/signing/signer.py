"""One responder key with its certificate, and the checks that let it speak for an issuer.

Not for choosing between signers, nor for noticing that files have changed: see `shelf`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tashika.pki import algorithms
from tashika.pki.algorithms import PrivateKey, SignatureAlgorithm
from tashika.pki.certid import IssuerIdentity
from tashika.pki.certificates import extension, public_key, require_signed_by
from tashika.pki.errors import BadSignature, PkiError, TashikaError
from tashika_server.certificate_file import BadFile, read_certificate, read_private_key
from tashika_server.signing.envelope import Envelope

__all__ = ["Signer", "SignerFiles", "SignerRefused", "load_signer"]


class SignerRefused(TashikaError):
    """A responder certificate or key may not sign; says which file, why and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerFiles:
    """Where a responder's certificate and its private key lie; the key in PEM, unencrypted."""

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
    envelopes: dict[str, Envelope] = field(default_factory=dict, repr=False, compare=False)
    """What surrounds its answers, by the OID of the algorithm, as `encode` needs them."""

    def algorithm(self, oid: str) -> SignatureAlgorithm | None:
        """Return the algorithm of this OID if the key can sign with it."""
        return next((each for each in self.algorithms if each.oid == oid), None)

    def signing(self, algorithm: SignatureAlgorithm) -> Callable[[bytes], bytes]:
        """Return what signs by one of `algorithms`."""
        return algorithms.signing(self.key, algorithm)


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
    try:
        certificate = read_certificate(files.certificate)
        _check_in_force(certificate, at)
        itself = certificate == issuer
        if not itself:
            _check_delegated(certificate, issuer)
        key = _key_of(certificate, files.key)
        return _signer(certificate, key, embed=not itself)
    except BadFile as bad:
        raise SignerRefused(str(bad)) from bad
    except _Unfit as unfit:
        raise SignerRefused(f"{files.certificate}: {unfit}") from unfit
    except PkiError as broken:
        raise SignerRefused(f"{files.certificate}: {broken}; have it issued anew") from broken


class _Unfit(Exception):
    """One of the numbered checks failed."""


def _check_in_force(certificate: x509.Certificate, at: datetime) -> None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < begin:
        raise _Unfit(f"not valid before {begin:%Y-%m-%dT%H:%M:%SZ}; use it from then on")
    if at >= end:
        raise _Unfit(f"expired at {end:%Y-%m-%dT%H:%M:%SZ}; have the issuer renew it")


def _check_delegated(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    try:
        require_signed_by(certificate, issuer)
    except BadSignature as wrong:
        raise _Unfit(
            "not issued directly by the issuer it would speak for; have that CA issue it"
        ) from wrong
    _check_is_leaf(certificate)
    _check_only_signs_ocsp(certificate)


def _check_is_leaf(certificate: x509.Certificate) -> None:
    constraints = extension(certificate, x509.BasicConstraints)
    usage = extension(certificate, x509.KeyUsage)
    if (constraints and constraints.ca) or (usage and (usage.key_cert_sign or usage.crl_sign)):
        raise _Unfit("a CA certificate; a responder needs one of its own")
    if usage and not usage.digital_signature:
        raise _Unfit("its key usage lacks digitalSignature; have it issued with that")


def _check_only_signs_ocsp(certificate: x509.Certificate) -> None:
    usage = extension(certificate, x509.ExtendedKeyUsage)
    if usage is None or list(usage) != [ExtendedKeyUsageOID.OCSP_SIGNING]:
        raise _Unfit("its extended key usage must be OCSPSigning and nothing else")
    if extension(certificate, x509.OCSPNoCheck) is None:
        raise _Unfit("lacks the ocsp-nocheck extension; have it issued with that")


def _key_of(certificate: x509.Certificate, file: Path) -> PrivateKey:
    key = read_private_key(file)
    if key.public_key() != public_key(certificate):
        raise BadFile(file, "is not the key of the certificate beside it", "name the two together")
    return key


def _signer(certificate: x509.Certificate, key: PrivateKey, *, embed: bool) -> Signer:
    default = algorithms.algorithm_for(key.public_key())
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
