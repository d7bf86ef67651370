"""Makes signatures of every right and wrong kind; CMS with asn1crypto, apart from our reader.

`EE` stands under `CA` under `Root`, as support.paths has them; each keyword of `cms` makes one
thing different.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from hashlib import new as new_hash
from typing import Any

from asn1crypto import algos, cms
from asn1crypto import tsp as _names_signing_certificates  # noqa: F401 - by being imported
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from support.crls import make_key
from support.paths import AT, DAY, Lists, anchor, issue, named, usage
from tashika.signature import ByLists, SignatureReport, Submitted, Terms, verify_signature

DOCUMENT = b"I sign that I owe nobody anything.\n"
ROOT_LIST, CA_LIST = Lists(by="Root").crl(9), Lists(by="CA").crl(9)
CA = issue("CA", by="Root", ca=True)
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
    content_type: str = "data",
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
    seen = asn1_x509.Certificate.load(own)
    listed = _attributes(
        digest or new_hash(hash_name, document).digest(),
        content_type,
        naming,
        named_certificate or own,
        at,
        twice=twice,
    )
    what = cms.CMSAttributes(listed).dump() if attributes else document
    used = signed_hash or hash_name
    info = {
        "version": "v3" if by_key_id else "v1",
        "sid": cms.SignerIdentifier(
            name="subject_key_identifier", value=seen.key_identifier_value.native
        )
        if by_key_id
        else cms.SignerIdentifier(
            name="issuer_and_serial_number",
            value={"issuer": seen.issuer, "serial_number": seen.serial_number},
        ),
        "digest_algorithm": {"algorithm": hash_name},
        "signature_algorithm": _algorithm(key, used, pss=pss),
        "signature": signature
        or (b"-" if used == "sha1" else raw(what, key=key, hash_name=used, pss=pss)),
    }
    if attributes:
        info["signed_attrs"] = listed
    inside = {"content_type": "data"} | ({"content": document} if attached else {})
    data: dict[str, Any] = {
        "version": "v1",
        "digest_algorithms": [{"algorithm": hash_name}],
        "encap_content_info": inside,
        "signer_infos": [info] * signers,
    }
    coming = (own, CA) if certificates is None else certificates
    if coming:
        data["certificates"] = [asn1_x509.Certificate.load(each) for each in coming]
    if crls:
        data["crls"] = [cms.RevocationInfoChoice.load(each) for each in crls]
    return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)}).dump()


def _attributes(
    digest: bytes, content_type: str, naming: str, own: bytes, at: datetime | None, *, twice: bool
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"type": "content_type", "values": [content_type]},
        {"type": "message_digest", "values": [digest]},
    ]
    if at:
        found.append({"type": "signing_time", "values": [cms.Time(name="utc_time", value=at)]})
    if naming == "v1":
        entry = {"cert_hash": new_hash("sha1", own).digest()}  # noqa: S324 - RFC 2634
        found.append({"type": "signing_certificate", "values": [{"certs": [entry]}]})
    if naming == "v2":
        entry = {"cert_hash": new_hash("sha256", own).digest()}
        found.append({"type": "signing_certificate_v2", "values": [{"certs": [entry]}]})
    return found + found[:1] if twice else found


def _algorithm(key: Key, hash_name: str, *, pss: bool) -> dict[str, Any]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {"algorithm": f"{hash_name}_ecdsa"}
    if not pss:
        return {"algorithm": f"{hash_name}_rsa"}
    hashed = algos.DigestAlgorithm({"algorithm": hash_name})
    mask = {"algorithm": "mgf1", "parameters": hashed}
    parameters = {"hash_algorithm": hashed, "mask_gen_algorithm": mask, "salt_length": 32}
    return {"algorithm": "rsassa_pss", "parameters": parameters}


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
