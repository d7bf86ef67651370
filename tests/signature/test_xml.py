"""XML signatures, made by signxml: what is accepted signs the whole document."""

import os
import re
from base64 import b64encode
from functools import cache
from typing import Any

import pytest
import signxml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from signxml.xades import XAdESSigner

import tashika.signature.xml
from support.crls import make_key
from support.signatures import (
    CA,
    CA_LIST,
    ROOT_LIST,
    judge,
    raw,
    rsa_key,
    rsa_signer,
    signer,
    terms,
    verify,
)
from tashika.errors import WrongUse
from tashika.path import Outcome
from tashika.signature import (
    Digest,
    Form,
    KeepCertificate,
    KeepLists,
    Scheme,
    SignatureReport,
    Stapled,
    Submitted,
    keep_evidence,
    recheck,
)
from tashika.signature.xml import _enclosed, _signed_info

ORDER = b'<order Id="all"><to>bank.example</to><yen>100</yen></order>'


def signed(
    document: bytes = ORDER,
    *,
    method: Any = signxml.methods.enveloped,
    algorithm: str = "ecdsa-sha256",
    key: Any = None,
    certificate: bytes | None = None,
    signing: Any = signxml.XMLSigner,
    **how: Any,
) -> bytes:
    key, certificate = key or make_key("EE"), certificate or signer()
    pems = [x509.load_der_x509_certificate(each) for each in (certificate, CA)]
    chain = "".join(each.public_bytes(Encoding.PEM).decode() for each in pems)
    own = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    by = signing(method=method, signature_algorithm=algorithm)
    return etree.tostring(by.sign(etree.fromstring(document), key=own, cert=chain, **how))


def look(made: bytes, **how: Any) -> SignatureReport:
    return verify(Submitted(signature=made, form=Form.XML, **how))


@pytest.mark.parametrize(
    ("algorithm", "scheme"),
    [
        ("ecdsa-sha256", Scheme.ECDSA_SHA256),
        ("rsa-sha512", Scheme.RSA_SHA512),
        ("sha256-rsa-MGF1", Scheme.PSS_SHA256),
    ],
)
def test_an_enveloped_signature_over_the_whole_document(algorithm: str, scheme: Scheme):
    own = {} if "ecdsa" in algorithm else {"key": rsa_key(), "certificate": rsa_signer()}
    report = look(signed(algorithm=algorithm, **own))
    assert report, report.detail
    assert (report.presented.scheme, report.presented.content) == (scheme, ORDER)
    assert report.presented.digest == Digest.of(ORDER, scheme.hash_name)


def test_an_enveloping_signature_says_what_it_signed():
    report = look(signed(method=signxml.methods.enveloping))
    assert report, report.detail
    assert b"<yen>100</yen>" in report.presented.content


def test_c1_what_stands_beside_an_enclosed_object_is_not_signed():
    made = signed(method=signxml.methods.enveloping)
    more = made.replace(b"<ds:Object", b"<ds:Object><yen>900</yen></ds:Object><ds:Object", 1)
    report = look(more)
    assert (report.cause, report.detail) == ("not_all_signed", "2 objects are enclosed")
    properties = b'<q:QualifyingProperties xmlns:q="urn:q"/>'
    assert look(more.replace(b"<yen>900</yen>", properties))


def test_the_properties_of_xades_are_not_taken_for_the_document():
    """They are signed too, and may be named first."""
    root = etree.fromstring(signed(signing=XAdESSigner, method=signxml.methods.enveloping))
    information = root.find("{*}SignedInfo")
    document, *properties = information.findall("{*}Reference")
    assert len(properties) == 2
    information.append(document)  # behind the properties and the key
    halves = decode_dss_signature(raw(_signed_info(root)))
    value = b"".join(each.to_bytes(32, "big") for each in halves)
    root.find("{*}SignatureValue").text = b64encode(value).decode()
    report = look(etree.tostring(root))
    assert report, report.detail
    assert report.presented.content.startswith(b"<ds:Object")
    assert b"<yen>100</yen>" in report.presented.content


def test_a_reference_to_the_root_by_its_id_is_the_whole():
    assert look(signed(reference_uri="#all"))
    assert look(signed(ORDER.replace(b' Id="all"', b"")))


def test_c1_wrapping_and_changes_are_never_valid():
    good = signed()
    assert look(good)
    signature = re.search(rb"<ds:Signature.*</ds:Signature>", good, re.DOTALL)[0]
    part = signed(b'<a><b Id="part"><yen>100</yen></b></a>', reference_uri="#part")
    wrong = {
        "changed": (good.replace(b"100", b"900"), "document_differs"),
        "another": (
            b'<order Id="all"><yen>900</yen>' + signature + b"</order>",
            "document_differs",
        ),
        "wrapped": (b"<all><yen>900</yen>" + good + b"</all>", "no_signer"),
        "two": (good.replace(signature, signature * 2), "unsupported"),
        "part": (part, "not_all_signed"),
        "part with more": (part.replace(b"</b>", b"</b><yen>900</yen>"), "not_all_signed"),
        "under its id": (part.replace(b"<a>", b'<a ID="part"><yen>900</yen>'), "not_all_signed"),
        "none": (ORDER, "no_signer"),
        "many": (re.sub(rb"(<ds:Reference.*</ds:Reference>)", rb"\1" * 5, good), "malformed"),
        "long": (re.sub(rb"(<ds:Transform .*?/>)", rb"\1" * 9, good), "malformed"),
        "no XML": (b"%PDF-", "malformed"),
        "value": (re.sub(rb"(<ds:SignatureValue>)....", rb"\1AAAA", good), "bad_signature"),
    }
    found = {name: look(made) for name, (made, _) in wrong.items()}
    assert {name: each.cause for name, each in found.items()} == {
        name: cause for name, (_, cause) in wrong.items()
    }
    assert {each.outcome for each in found.values()} == {Outcome.INVALID}


def test_weak_and_foreign_algorithms():
    weak = signed().replace(b"xmldsig-more#ecdsa-sha256", b"xmldsig-more#ecdsa-sha1")
    assert look(weak).cause == "weak_algorithm"
    other = signed().replace(b"xmldsig-more#ecdsa-sha256", b"xmldsig-more#ecdsa-ripemd160")
    assert look(other).cause == "unsupported"
    part = signed().replace(b"xmldsig#enveloped-signature", b"xmldsig#base64")
    assert (look(part).cause, look(part).detail) == ("unsupported", "a base64 transform")


def test_the_certificate_may_be_given_and_must_be_the_right_one():
    bare = re.sub(rb"<ds:KeyInfo>.*</ds:KeyInfo>", b"", signed(), flags=re.DOTALL)
    assert look(bare).cause == "certificate_missing"
    assert look(bare, certificate=signer(), candidates=(CA,))
    assert look(signed(key=make_key("X"))).cause == "bad_signature"


@pytest.mark.parametrize(
    "bomb",
    [
        b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>" * 100_000,
        b"<a " + b" ".join(b'b%d=""' % each for each in range(5000)) + b"/>",
    ],
)
def test_c11_bombs_are_refused(bomb: bytes):
    assert look(bomb).cause in ("malformed", "no_signer")


@pytest.mark.parametrize(
    "wide",
    [
        b"<a " + b" ".join(b'xmlns:b%d="urn:%d"' % (each, each) for each in range(33)) + b"/>",
        b"".join(b'<a xmlns:b%d="urn:%d">' % (each, each) for each in range(33)) + b"</a>" * 33,
        b"<a " + b" ".join(b'b%d=""' % each for each in range(257)) + b"/>",
    ],
)
def test_c11_what_would_make_canonical_xml_dear_is_refused_first(wide: bytes):
    report = look(b"<order>" + wide + b"</order>")
    assert (report.cause, "too many" in report.detail) == ("malformed", True)


def test_many_declarations_side_by_side_are_no_attack():
    beside = b"".join(b'<a xmlns:b="urn:%d"/>' % each for each in range(100))
    assert look(signed(b"<order>" + beside + b"</order>"))


@settings(max_examples=int(os.environ.get("TASHIKA_FUZZ", "10")), deadline=None)
@given(place=st.floats(0, 1), octet=st.integers(1, 127))
def test_c1_c11_no_xml_with_another_octet_vouches_for_anything_else(place: float, octet: int):
    bad = bytearray(one())
    bad[int(place * (len(bad) - 1))] ^= octet
    report = look(bytes(bad))
    assert not report or report.presented.content == ORDER, bytes(bad)


@cache
def one() -> bytes:
    return signed()


def test_evidence_needs_the_document_and_nothing_else():
    made = signed()
    data = keep_evidence(
        look(made),
        certificate=KeepCertificate.WHOLE,
        lists=KeepLists.WHOLE,
        material=Stapled(lists=(ROOT_LIST, CA_LIST)),
    )
    by = terms(judge=judge(lists=()))
    assert recheck(data, made, by)
    assert recheck(data, signed(ORDER.replace(b"100", b"900")), by).cause == "document_differs"


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tashika.signature.xml, "signxml", None)
    with pytest.raises(WrongUse, match=r"tashika\[xml\]"):
        look(signed())


def test_an_enclosed_element_may_be_named_itself_if_it_is_all():
    root = etree.fromstring(signed(method=signxml.methods.enveloping))
    (thing,) = whole = root.find("{*}Object")
    assert _enclosed(root) == [whole, thing]
    thing.tail = "and 800 more"
    assert _enclosed(root) == [whole]
    thing.tail, whole.text = None, "no less than"
    assert _enclosed(root) == [whole]
