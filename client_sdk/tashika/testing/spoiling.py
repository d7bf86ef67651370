"""What each fault changes in a right answer."""

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from asn1crypto import ocsp
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tashika.testing.encode import Recipe, Statement, as_asn1
from tashika.testing.faults import Fault
from tashika.testing.pki import KeyPair, Pki

_BASIC_TYPE = b"\x2b\x06\x01\x05\x05\x07\x30\x01\x01"
_OTHER_TYPE = b"\x2b\x06\x01\x05\x05\x07\x30\x01\x7f"
_MORE_THAN_ANYBODY_READS = 100_000
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_UNKNOWN_CRITICAL = (
    x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
    True,
)

_Change = Callable[[Recipe, Pki], Recipe]


def spoil(recipe: Recipe, fault: Fault, pki: Pki) -> Recipe:
    """Return the recipe with one fault that is neither in WIRE nor in BODIES."""
    return CHANGES[fault](recipe, pki)


def _recipe(**changes: Any) -> _Change:
    return lambda recipe, _: replace(recipe, **changes)


def _statements(change: Callable[[Statement], dict[str, Any]]) -> _Change:
    return lambda recipe, _: replace(
        recipe, statements=tuple(replace(each, **change(each)) for each in recipe.statements)
    )


def _cert_ids(change: Callable[[ocsp.CertId], dict[str, Any]]) -> _Change:
    def changed(statement: Statement) -> dict[str, Any]:
        asked = statement.cert_id
        return {"cert_id": ocsp.CertId({name: asked[name] for name in asked} | change(asked))}

    return _statements(changed)


def _times(*, this: timedelta, following: timedelta | None) -> _Change:
    """Set thisUpdate and nextUpdate, relative to now."""
    return lambda recipe, pki: _statements(
        lambda _: {
            "this_update": recipe.produced_at + this,
            "next_update": None if following is None else recipe.produced_at + following,
        }
    )(recipe, pki)


def _signed_by(make: Callable[[Pki], KeyPair]) -> _Change:
    """Let somebody else sign, name itself and embed its certificate."""

    def change(recipe: Recipe, pki: Pki) -> Recipe:
        signer = make(pki)
        return replace(recipe, signer=signer, named=signer, embedded=(signer.certificate,))

    return change


def _delegated(**wrong: Any) -> _Change:
    return _signed_by(lambda pki: pki.delegate(**wrong))


def _wrong_issuer(recipe: Recipe, pki: Pki) -> Recipe:
    other = pki.namesake()
    key = bytes(as_asn1(other.issuer).public_key["public_key"])

    def key_hash(asked: ocsp.CertId) -> dict[str, Any]:
        name = asked["hash_algorithm"]["algorithm"].native
        return {"issuer_key_hash": hashlib.new(name, key).digest()}

    return _signed_by(lambda _: other.responder)(_cert_ids(key_hash)(recipe, pki), pki)


def _contradiction(recipe: Recipe, _: Pki) -> Recipe:
    revoked = replace(recipe.statements[0], status="revoked", revoked_at=recipe.produced_at)
    return replace(recipe, statements=(*recipe.statements, revoked))


def _changed_after_signing(recipe: Recipe, _: Pki) -> Recipe:
    signed = recipe.produced_at.strftime("%Y%m%d%H%M%SZ").encode()
    return replace(recipe, finish=lambda data: data.replace(signed, b"20010101000000Z"))


def _flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


CHANGES: dict[Fault, _Change] = {
    Fault.STALE: _times(this=-_DAY, following=-_HOUR),
    Fault.TOO_OLD: _times(this=-30 * _DAY, following=_DAY),
    Fault.FROM_THE_FUTURE: _times(this=_DAY, following=2 * _DAY),
    Fault.PRODUCED_IN_THE_FUTURE: lambda recipe, _: replace(
        recipe, produced_at=recipe.produced_at + _DAY
    ),
    Fault.NO_NEXT_UPDATE: _times(this=-_HOUR, following=None),
    Fault.NEXT_UPDATE_FIRST: _times(this=-_MINUTE, following=-2 * _MINUTE),
    Fault.NO_NONCE: _recipe(nonce=None),
    Fault.WRONG_NONCE: _recipe(nonce=b"?" * 32),
    Fault.SHORT_NONCE: lambda recipe, _: replace(recipe, nonce=(recipe.nonce or b"")[:16]),
    Fault.WRONG_CERTID: _cert_ids(
        lambda asked: {"serial_number": asked["serial_number"].native + 1}
    ),
    Fault.WRONG_ISSUER_NAME: _cert_ids(
        lambda asked: {"issuer_name_hash": _flipped(asked["issuer_name_hash"].native)}
    ),
    Fault.WRONG_ISSUER_KEY: _cert_ids(
        lambda asked: {"issuer_key_hash": _flipped(asked["issuer_key_hash"].native)}
    ),
    Fault.WRONG_ISSUER: _wrong_issuer,
    Fault.UNKNOWN_CERTID_HASH: _cert_ids(lambda _: {"hash_algorithm": {"algorithm": "md5"}}),
    Fault.TWO_STATEMENTS: lambda recipe, _: replace(recipe, statements=recipe.statements * 2),
    Fault.CONTRADICTION: _contradiction,
    Fault.NO_STATEMENT: _recipe(statements=()),
    Fault.BAD_SIGNATURE: _recipe(tamper=_flipped),
    Fault.CUT_SIGNATURE: _recipe(tamper=lambda signature: signature[:-1]),
    Fault.EMPTY_SIGNATURE: _recipe(tamper=lambda _: b""),
    Fault.SHA1_SIGNATURE: _recipe(hash_name="sha1"),
    Fault.WRONG_KEY: lambda recipe, pki: replace(recipe, signer=pki.end_entity),
    Fault.CHANGED_AFTER_SIGNING: _changed_after_signing,
    Fault.WRONG_EKU: _delegated(purposes=[ExtendedKeyUsageOID.SERVER_AUTH]),
    Fault.NO_EKU: _delegated(purposes=[]),
    Fault.EXTRA_EKU: _delegated(
        purposes=[ExtendedKeyUsageOID.OCSP_SIGNING, ExtendedKeyUsageOID.SERVER_AUTH]
    ),
    Fault.RESPONDER_EXPIRED: _delegated(ends=-_HOUR),
    Fault.RESPONDER_NOT_YET_VALID: _delegated(begins=_HOUR),
    Fault.RESPONDER_IS_CA: _delegated(ca=True),
    Fault.RESPONDER_WITHOUT_NOCHECK: _delegated(nocheck=False),
    Fault.RESPONDER_MAY_NOT_SIGN: _delegated(digital_signature=False),
    Fault.RESPONDER_CRITICAL_EXTENSION: _delegated(extra=[_UNKNOWN_CRITICAL]),
    Fault.RESPONDER_OF_NAMESAKE: _signed_by(lambda pki: pki.namesake().responder),
    Fault.RESPONDER_OF_SUBORDINATE: _signed_by(
        lambda pki: pki.delegate(issuer=pki.make("Test sub-CA", issuer=pki.ca, ca=True))
    ),
    Fault.RESPONDER_SELF_SIGNED: _signed_by(lambda pki: pki.make("Test responder")),
    Fault.RESPONDER_IS_END_ENTITY: _signed_by(lambda pki: pki.end_entity),
    Fault.RESPONDER_NOT_EMBEDDED: _recipe(embedded=()),
    Fault.NAMESAKE_SIGNS: lambda recipe, pki: replace(
        _signed_by(lambda pki: pki.namesake().ca)(recipe, pki), by_name=True
    ),
    Fault.WRONG_RESPONSE_TYPE: _recipe(
        finish=lambda data: data.replace(_BASIC_TYPE, _OTHER_TYPE, 1)
    ),
    Fault.CRITICAL_EXTENSION: _recipe(critical_extension=True),
    Fault.TRUNCATED: _recipe(finish=lambda data: data[:-10]),
    Fault.TRAILING_BYTES: _recipe(finish=lambda data: data + b"\x00"),
    Fault.OVERSIZED: _recipe(finish=lambda data: data + bytes(_MORE_THAN_ANYBODY_READS)),
    Fault.COMPRESSED: _recipe(finish=gzip.compress),
}
