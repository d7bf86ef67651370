"""Writes OCSP answers, right and wrong ones, with asn1crypto and nothing of tashika.pki.

Independent on purpose: a mistake in our codec must not be repeated here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from asn1crypto import core, ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tashika.testing.pki import KeyPair

_RECEIPT = "1.2.840.113556.1.8000.2554.44752.47074.36088.18438.46743.6530262.14365004.1"
_DIGESTS = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}  # noqa: S303 - SHA-1 is a fault


class _Receipt(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [("stream", core.OctetString), ("first", core.Integer)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is said of one certificate: a SingleResponse before it is encoded."""

    cert_id: ocsp.CertId
    status: str = "good"
    """``good``, ``revoked`` or ``unknown``."""
    revoked_at: datetime | None = None
    reason: str | None = None
    """A name of asn1crypto's CRLReason, such as ``key_compromise``."""
    this_update: datetime
    next_update: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that goes into an answer; a fault is a change of some of it."""

    statements: tuple[Statement, ...]
    produced_at: datetime
    nonce: bytes | None
    signer: KeyPair
    named: KeyPair
    """Whom the ResponderID names."""
    by_name: bool = False
    embedded: tuple[x509.Certificate, ...]
    extended_revoke: bool = False
    receipt: tuple[bytes, int] | None = None
    """Stream and number of the first statement."""
    critical_extension: bool = False
    hash_name: str = "sha256"
    tamper: Callable[[bytes], bytes] = bytes
    """Applied to the signature."""
    finish: Callable[[bytes], bytes] = bytes
    """Applied to the whole answer."""


def cook(recipe: Recipe) -> bytes:
    """Encode and sign."""
    tbs = ocsp.ResponseData(
        {
            "responder_id": _responder_id(recipe),
            "produced_at": recipe.produced_at.replace(microsecond=0),
            "responses": [_single(each) for each in recipe.statements],
            **_extensions(recipe),
        }
    )
    algorithm, signature = _sign(recipe, tbs.dump())
    basic = {
        "tbs_response_data": tbs,
        "signature_algorithm": {"algorithm": algorithm},
        "signature": recipe.tamper(signature),
    }
    if recipe.embedded:
        basic["certs"] = [as_asn1(each) for each in recipe.embedded]
    response = ocsp.OCSPResponse(
        {
            "response_status": "successful",
            "response_bytes": {
                "response_type": "basic_ocsp_response",
                "response": ocsp.BasicOCSPResponse(basic),
            },
        }
    )
    return recipe.finish(bytes(response.dump()))


def refuse(status: str) -> bytes:
    """Encode an error reply: a name of asn1crypto's OCSPResponseStatus."""
    return bytes(ocsp.OCSPResponse({"response_status": status}).dump())


def as_asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    """Return asn1crypto's view of a certificate."""
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))


def _sign(recipe: Recipe, tbs: bytes) -> tuple[str, bytes]:
    key, digest = recipe.signer.key, _DIGESTS[recipe.hash_name]
    if isinstance(key, rsa.RSAPrivateKey):
        return f"{recipe.hash_name}_rsa", key.sign(tbs, padding.PKCS1v15(), digest)
    return f"{recipe.hash_name}_ecdsa", key.sign(tbs, ec.ECDSA(digest))


def _responder_id(recipe: Recipe) -> ocsp.ResponderId:
    certificate = as_asn1(recipe.named.certificate)
    if recipe.by_name:
        return ocsp.ResponderId("by_name", certificate.subject)
    return ocsp.ResponderId("by_key", core.OctetString(certificate.public_key.sha1))


def _single(statement: Statement) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "cert_id": statement.cert_id,
        "cert_status": _status(statement),
        "this_update": statement.this_update.replace(microsecond=0),
    }
    if statement.next_update is not None:
        fields["next_update"] = statement.next_update.replace(microsecond=0)
    return fields


def _status(statement: Statement) -> ocsp.CertStatus:
    if statement.status != "revoked" or statement.revoked_at is None:
        return ocsp.CertStatus(statement.status, core.Null())
    revoked: dict[str, Any] = {"revocation_time": statement.revoked_at.replace(microsecond=0)}
    if statement.reason:
        revoked["revocation_reason"] = statement.reason
    return ocsp.CertStatus("revoked", revoked)


def _extensions(recipe: Recipe) -> dict[str, Any]:
    extensions = []
    if recipe.nonce is not None:
        extensions.append(_extension("nonce", core.OctetString(recipe.nonce)))
    if recipe.extended_revoke:
        extensions.append(_extension("extended_revoke", core.Null()))
    if recipe.receipt is not None:
        stream, first = recipe.receipt
        extensions.append(_extension(_RECEIPT, _Receipt({"stream": stream, "first": first})))
    if recipe.critical_extension:
        extensions.append(_extension("1.2.3.4", core.Null(), critical=True))
    return {"response_extensions": extensions} if extensions else {}


def _extension(oid: str, value: core.Asn1Value, *, critical: bool = False) -> dict[str, Any]:
    encoded = core.ParsableOctetString(value.dump())
    return {"extn_id": oid, "critical": critical, "extn_value": encoded}
