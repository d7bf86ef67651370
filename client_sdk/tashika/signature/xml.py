"""XML signatures (W3C xmldsig-core1), by signxml: the extra ``xml``.

signxml canonicalises, resolves references and compares their digests; the
signature over SignedInfo is verified once more by our own code, like any
other. What does not sign the whole document is refused, so that signed
parts cannot be wrapped in others; what was signed stands in ``content``.
"""

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from tashika.errors import Malformed, SignatureRefused, TashikaError, WrongUse
from tashika.pki.certificates import decoding, load_certificate
from tashika.signature.causes import SignatureCause
from tashika.signature.limits import (
    MAX_CERTIFICATES,
    MAX_NAMESPACES,
    MAX_REFERENCES,
    MAX_TRANSFORMS,
    MAX_XML_ATTRIBUTES,
    MAX_XML_BYTES,
)
from tashika.signature.presented import Form, Presented
from tashika.signature.schemes import Digest, Scheme

signxml: Any
etree: Any
try:
    signxml, etree = import_module("signxml"), import_module("lxml.etree")
except ImportError:
    signxml = etree = None

_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_SCHEMES = {
    **{f"{_MORE}{each}": each for each in Scheme if each.kind != "pss"},
    **{
        f"http://www.w3.org/2007/05/xmldsig-more#{each.hash_name}-rsa-MGF1": each
        for each in Scheme
        if each.kind == "pss"
    },
}
"""RFC 9231 2.3."""
_BY_ID = "//*[@*[translate(local-name(), 'ID', 'id') = 'id'] = $uri]"
_DIGESTS = ("SHA256", "SHA384", "SHA512")


def read_xml(data: bytes, *, certificate: bytes | None = None) -> Presented:
    """Read the one signature that stands at the root of a document, or just below it.

    Its references are compared here, unlike those of the other forms. Raises
    SignatureRefused and Malformed, and WrongUse without the extra.
    """
    if signxml is None:
        raise WrongUse("XML signatures need the extra `xml`: install tashika[xml]")
    if len(data) > MAX_XML_BYTES:
        raise Malformed(f"an XML document is longer than {MAX_XML_BYTES} bytes")
    with _reading():
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        root = etree.fromstring(data, parser=parser)
        _require_plain(root)
        element = _only_signature(root)
        scheme = _scheme(element)
        others = tuple(_certificates(element))
        given = certificate or next(iter(others), None)
        if given is None:
            raise SignatureRefused(SignatureCause.CERTIFICATE_MISSING)
        results = _verified(data, load_certificate(given), scheme)
        content = _whole(root, element, results)
        covered = _signed_info(results[0].signature_xml)
        value = element.findtext(f"{_DS}SignatureValue")
        signature = base64.b64decode("".join((value or "").split()), validate=True)
    return Presented(
        form=Form.XML,
        digest=Digest.of(content, scheme.hash_name),
        covered=covered,
        content=content,
        signature=_in_der(signature) if scheme.kind == "ecdsa" else signature,
        scheme=scheme,
        certificate=given,
        others=others,
    )


@contextmanager
def _reading() -> Iterator[None]:
    """Turn what lxml and signxml raise into our tree; ours passes."""
    try:
        yield
    except TashikaError:
        raise
    except signxml.InvalidDigest as wrong:
        raise SignatureRefused(SignatureCause.DOCUMENT_DIFFERS) from wrong
    except signxml.InvalidSignature as wrong:
        raise SignatureRefused(SignatureCause.BAD_SIGNATURE) from wrong
    except Exception as wrong:
        # Neither library documents what it raises for wrong bytes.
        raise Malformed("an XML signature cannot be read") from wrong


def _require_plain(root: Any) -> None:
    """Refuse what would make canonical XML dear, before any of it is made."""
    in_scope = 0
    for event, what in etree.iterwalk(root, events=("start", "start-ns", "end-ns")):
        in_scope += {"start-ns": 1, "end-ns": -1}.get(event, 0)
        attributes = len(what.attrib) if event == "start" else 0
        if in_scope > MAX_NAMESPACES or attributes > MAX_XML_ATTRIBUTES:
            raise Malformed("an XML document has too many namespaces or attributes at one place")


def _only_signature(root: Any) -> Any:
    found = [root] if root.tag == f"{_DS}Signature" else root.findall(f"{_DS}Signature")
    if not found:
        raise SignatureRefused(SignatureCause.NO_SIGNER)
    if len(found) > 1:
        raise SignatureRefused(SignatureCause.UNSUPPORTED, "more than one XML signature")
    for name, most in (("Reference", MAX_REFERENCES), ("Transform", MAX_TRANSFORMS)):
        if sum(1 for _ in found[0].iter(f"{_DS}{name}")) > most:
            raise Malformed(f"an XML signature has more than {most} of {name}")
    return found[0]


def _scheme(element: Any) -> Scheme:
    method = element.find(f"{_DS}SignedInfo/{_DS}SignatureMethod").get("Algorithm")
    digests = [each.get("Algorithm") for each in element.iter(f"{_DS}DigestMethod")]
    if any(each.endswith(("sha1", "md5")) for each in (method, *digests)):
        raise SignatureRefused(SignatureCause.WEAK_ALGORITHM, "SHA-1 or MD5")
    transforms = element.iter(f"{_DS}Transform")
    if any(each.get("Algorithm").endswith("#base64") for each in transforms):
        # It signs the text before the first element, and nothing else of the document.
        raise SignatureRefused(SignatureCause.UNSUPPORTED, "a base64 transform")
    if method not in _SCHEMES:
        raise SignatureRefused(SignatureCause.UNSUPPORTED, "its signature method")
    return _SCHEMES[method]


def _certificates(element: Any) -> Iterator[bytes]:
    found = element.findall(f"{_DS}KeyInfo/{_DS}X509Data/{_DS}X509Certificate")
    if len(found) > MAX_CERTIFICATES:
        raise Malformed(f"more than {MAX_CERTIFICATES} certificates come along")
    for each in found:
        try:
            data = base64.b64decode("".join((each.text or "").split()), validate=True)
        except binascii.Error as wrong:
            raise Malformed("a certificate in XML is not base64") from wrong
        with decoding("a certificate"):
            yield load_certificate(data).public_bytes(Encoding.DER)


def _verified(data: bytes, certificate: x509.Certificate, scheme: Scheme) -> list[Any]:
    method = next(each for each in signxml.SignatureMethod if _SCHEMES.get(each.value) is scheme)
    config = signxml.SignatureConfiguration(
        location="./",
        expect_references=True,
        signature_methods=frozenset({method}),
        digest_algorithms=frozenset(signxml.DigestAlgorithm[each] for each in _DIGESTS),
        # Whether the certificate is in its validity is the judge's business, not this machine's.
        verification_time=certificate.not_valid_before_utc,
    )
    found = signxml.XMLVerifier().verify(data, x509_cert=certificate, expect_config=config)
    return list(found) if isinstance(found, list) else [found]


def _whole(root: Any, element: Any, results: list[Any]) -> bytes:
    """Return what the reference to the whole document signed; of an enveloping one, the object."""
    references = element.findall(f"{_DS}SignedInfo/{_DS}Reference")
    whole = _enclosed(element) if element is root else [root]
    for reference, result in zip(references, results, strict=True):
        uri = reference.get("URI")
        # However an id is spelt, no other element may have it too: that one might be signed.
        named = root.xpath(_BY_ID, uri=uri.removeprefix("#"))
        if (uri == "" and element is not root) or (len(named) == 1 and named[0] in whole):
            return bytes(result.signed_data)
    raise SignatureRefused(SignatureCause.NOT_ALL_SIGNED)


def _enclosed(element: Any) -> list[Any]:
    """Return the object that a signature encloses, and with it all that is in it, if that is one.

    The properties of XAdES have an object of their own, and are not the document.
    """
    found = element.findall(f"{_DS}Object")
    objects = [each for each in found if each.find("{*}QualifyingProperties") is None]
    if len(objects) != 1:
        enclosed = f"{len(objects)} objects are enclosed"
        raise SignatureRefused(SignatureCause.NOT_ALL_SIGNED, enclosed)
    (only,) = objects
    beside = "".join((only.text or "", *(each.tail or "" for each in only)))
    return [only, *only] if len(only) == 1 and not beside.strip() else [only]


def _signed_info(element: Any) -> bytes:
    """Canonicalise SignedInfo, as its CanonicalizationMethod says (4.4.1)."""
    signed = element.find(f"{_DS}SignedInfo")
    method = signed.find(f"{_DS}CanonicalizationMethod")
    algorithm = method.get("Algorithm")
    prefixes = method.find("{http://www.w3.org/2001/10/xml-exc-c14n#}InclusiveNamespaces")
    return bytes(
        etree.tostring(
            signed,
            method="c14n",
            exclusive=algorithm.startswith("http://www.w3.org/2001/10/xml-exc-c14n#"),
            with_comments=algorithm.endswith("#WithComments"),
            inclusive_ns_prefixes=None
            if prefixes is None
            else prefixes.get("PrefixList", "").split(),
        )
    )


def _in_der(signature: bytes) -> bytes:
    """Turn the two halves of RFC 9231 2.3.6 into the DER of everybody else."""
    half = len(signature) // 2
    if not half or len(signature) % 2:
        raise SignatureRefused(SignatureCause.BAD_SIGNATURE)
    return encode_dss_signature(
        int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    )
