"""Makes signatures of every right and wrong kind, fast; pyca and OpenSSL make others beside them.

`EE` stands under `CA` under `Root`, as support.paths has them; each keyword of `cms` makes one
thing different.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from hashlib import new as new_hash
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from support.crls import make_key
from support.paths import AT, DAY, Lists, anchor, issue, named, usage
from tashika.pki import der
from tashika.pki.algorithms import BY_OID, HASH_OIDS
from tashika.signature import ByLists, SignatureReport, Submitted, Terms, verify_signature

DOCUMENT = b"I sign that I owe nobody anything.\n"
ROOT_LIST, CA_LIST = Lists(by="Root").crl(9), Lists(by="CA").crl(9)
CA = issue("CA", by="Root", ca=True)
_DATA, _SIGNED_DATA = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2"
_HASH_OIDS = {name: oid for oid, name in HASH_OIDS.items()}
_ALGORITHMS = {(each.key_type, each.hash_name): oid for oid, each in BY_OID.items()} | {
    ("ec", "sha1"): "1.2.840.10045.4.1",
    ("rsa", "sha1"): "1.2.840.113549.1.1.5",
}
_HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_HASHES["sha1"] = hashes.SHA1()  # noqa: S303 - refused by name

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def signer(name: str = "EE", **how: Any) -> bytes:
    """Return a certificate, made once."""
    return issue(name, by="CA", **how)


@cache
def rsa_key(which: str = "") -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def rsa_signer() -> bytes:
    builder = x509.CertificateBuilder(
        issuer_name=named("CA"),
        subject_name=named("RSA"),
        public_key=rsa_key().public_key(),
        serial_number=500,
        not_valid_before=AT - DAY,
        not_valid_after=AT + DAY,
    ).add_extension(usage(), critical=True)
    return builder.sign(make_key("CA"), hashes.SHA256()).public_bytes(Encoding.DER)


def judge(*, revoked: Sequence[int] = (), lists: Iterable[bytes] | None = None) -> ByLists:
    held = (ROOT_LIST, Lists(by="CA").crl(*revoked) if revoked else CA_LIST)
    return ByLists(anchors=(anchor(),), lists=held if lists is None else tuple(lists))


def terms(**how: Any) -> Terms:
    return Terms(**{"judge": judge(), "purpose": "a test"} | how)


def verify(submitted: Submitted, **how: Any) -> SignatureReport:
    return verify_signature(submitted, terms(**how), received_at=AT)


def raw(
    document: bytes = DOCUMENT,
    *,
    key: Key | None = None,
    hash_name: str = "sha256",
    pss: bool = False,
) -> bytes:
    key, chosen = key or make_key("EE"), _HASHES[hash_name]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(document, ec.ECDSA(chosen))
    pad = padding.PSS(padding.MGF1(chosen), 32) if pss else padding.PKCS1v15()
    return key.sign(document, pad, chosen)


def submitted(**how: Any) -> Submitted:
    """A raw signature that is in order."""
    whole = {"document": DOCUMENT, "signature": raw(), "certificate": signer(), "candidates": (CA,)}
    return Submitted(**whole | how)


def cms_signature(
    document: bytes = DOCUMENT,
    *,
    attached: bool = True,
    hash_name: str = "sha256",
    signed_hash: str | None = None,
    attributes: bool = True,
    digest: bytes | None = None,
    content_type: str = _DATA,
    naming: str = "v2",
    named_certificate: bytes | None = None,
    at: datetime | None = None,
    twice: bool = False,
    by_key_id: bool = False,
    certificates: Sequence[bytes] | None = None,
    crls: Sequence[bytes] = (),
    signers: int = 1,
    key: Key | None = None,
    certificate: bytes | None = None,
    pss: bool = False,
    signature: bytes | None = None,
) -> bytes:
    own = certificate or signer()
    key = key or make_key("EE")
    seen = x509.load_der_x509_certificate(own)
    listed = _attributes(
        digest or new_hash(hash_name, document).digest(),
        content_type,
        naming,
        named_certificate or own,
        at,
    )
    what = der.wrap(der.SET, *listed, listed[0] if twice else b"") if attributes else document
    used = signed_hash or hash_name
    hashed = der.sequence(der.oid(_HASH_OIDS[hash_name]))
    key_id = x509.SubjectKeyIdentifier.from_public_key(seen.public_key()).digest
    number = der.sequence(seen.issuer.public_bytes(), der.integer(seen.serial_number))
    info = der.sequence(
        der.integer(3 if by_key_id else 1),
        der.wrap(der.implicit(0), key_id) if by_key_id else number,
        hashed,
        bytes((der.explicit(0),)) + what[1:] if attributes else b"",
        _algorithm(key, used, pss=pss),
        der.octet_string(signature or raw(what, key=key, hash_name=used, pss=pss)),
    )
    content = der.wrap(der.explicit(0), der.octet_string(document)) if attached else b""
    coming = (own, CA) if certificates is None else certificates
    data = der.sequence(
        der.integer(1),
        der.wrap(der.SET, hashed),
        der.sequence(der.oid(_DATA), content),
        der.wrap(der.explicit(0), *coming) if coming else b"",
        der.wrap(der.explicit(1), *crls) if crls else b"",
        der.wrap(der.SET, *[info] * signers),
    )
    return der.sequence(der.oid(_SIGNED_DATA), der.wrap(der.explicit(0), data))


def ocsp_answer(answer: bytes) -> bytes:
    """An answer as it comes along in CMS (RFC 5940), for `crls`."""
    return der.wrap(der.explicit(1), der.oid("1.3.6.1.5.5.7.16.2"), answer)


def _attributes(
    digest: bytes, content_type: str, naming: str, own: bytes, at: datetime | None
) -> list[bytes]:
    found = [_attribute(3, der.oid(content_type)), _attribute(4, der.octet_string(digest))]
    if at:
        found.append(_attribute(5, der.wrap(der.UTC_TIME, at.strftime("%y%m%d%H%M%SZ").encode())))
    if naming:
        kind, hashed = {"v1": ("16.2.12", "sha1"), "v2": ("16.2.47", "sha256")}[naming]
        entry = der.sequence(der.octet_string(new_hash(hashed, own).digest()))
        found.append(_attribute(kind, der.sequence(der.sequence(entry))))
    return found


def _attribute(kind: int | str, value: bytes) -> bytes:
    return der.sequence(der.oid(f"1.2.840.113549.1.9.{kind}"), der.wrap(der.SET, value))


def _algorithm(key: Key, hash_name: str, *, pss: bool) -> bytes:
    if not pss:
        kind = "ec" if isinstance(key, ec.EllipticCurvePrivateKey) else "rsa"
        return der.sequence(der.oid(_ALGORITHMS[kind, hash_name]))
    hashed = der.sequence(der.oid(_HASH_OIDS[hash_name]))
    mask = der.sequence(der.oid("1.2.840.113549.1.1.8"), hashed)
    parameters = (hashed, mask, der.integer(32))
    tagged = (der.wrap(der.explicit(number), each) for number, each in enumerate(parameters))
    return der.sequence(der.oid("1.2.840.113549.1.1.10"), der.sequence(*tagged))


def pdf(*, before: bytes = b"", after: bytes = b"", room: int = 4096, **how: Any) -> bytes:
    """The least that has a signature over all of it; no viewer is asked."""
    head = b"%PDF-1.7\n" + before + b"1 0 obj <</Type/Sig/SubFilter/ETSI.CAdES.detached/Contents "
    gap = 2 * room + 2
    rest = len(head) + gap
    tail = b"/ByteRange [0 %d %d %9d]>> endobj\n%%%%EOF\n"
    length = len(tail % (len(head), rest, 0))
    tail = tail % (len(head), rest, length)
    made = cms_signature(head + tail, attached=False, **how)
    return head + b"<" + made.hex().encode().ljust(2 * room, b"0") + b">" + tail + after
