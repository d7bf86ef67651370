"""PDFs that pyHanko signed, and what it says of those that were changed."""

from io import BytesIO

import pytest
from asn1crypto import keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator.registry import SimpleCertificateStore

from support.crls import make_key
from support.signatures import CA, signer, verify
from tashika.signature import Form, SignatureReport, Submitted


def blank() -> bytes:
    writer = PdfFileWriter()
    stream = writer.add_object(generic.StreamObject(stream_data=b"q Q"))
    box = generic.ArrayObject(map(generic.NumberObject, (0, 0, 200, 200)))
    writer.insert_page(PageObject(contents=stream, media_box=box))
    made = BytesIO()
    writer.write(made)
    return made.getvalue()


def signed(document: bytes, *, field: str = "One", adobe: bool = False) -> bytes:
    own = make_key("EE").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    store = SimpleCertificateStore()
    store.register(asn1_x509.Certificate.load(CA))
    signing = signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(signer()),
        signing_key=keys.PrivateKeyInfo.load(own),
        cert_registry=store,
    )
    kind = SigSeedSubFilter.ADOBE_PKCS7_DETACHED if adobe else SigSeedSubFilter.PADES
    about = signers.PdfSignatureMetadata(field_name=field, subfilter=kind, md_algorithm="sha256")
    made = signers.sign_pdf(
        IncrementalPdfFileWriter(BytesIO(document)), about, signer=signing, bytes_reserved=8192
    )
    return bytes(made.getbuffer())


def updated(document: bytes) -> bytes:
    writer = IncrementalPdfFileWriter(BytesIO(document))
    writer.root["/Lang"] = generic.TextStringObject("ja")
    writer.update_root()
    made = BytesIO()
    writer.write(made)
    return made.getvalue()


def look(made: bytes) -> SignatureReport:
    return verify(Submitted(signature=made, form=Form.PDF))


def coverage(made: bytes) -> SignatureCoverageLevel:
    return PdfFileReader(BytesIO(made)).embedded_signatures[-1].evaluate_signature_coverage()


@pytest.fixture(scope="module")
def one() -> bytes:
    return signed(blank())


def test_what_pyhanko_signs_is_valid(one: bytes):
    assert look(one), look(one).detail
    assert coverage(one) is SignatureCoverageLevel.ENTIRE_FILE
    adobe = look(signed(blank(), adobe=True))
    assert adobe, adobe.detail


def test_what_pyhanko_adds_later_is_named(one: bytes):
    later = updated(one)
    assert coverage(later) is SignatureCoverageLevel.ENTIRE_REVISION
    assert look(later).cause == "not_all_signed"


def test_of_two_signatures_the_second_covers_all(one: bytes):
    assert look(signed(one, field="Two"))


def test_both_see_that_an_octet_was_changed(one: bytes):
    bad = one.replace(b"200 200", b"200 900")
    assert bad != one
    assert look(bad).cause == "document_differs"
    embedded = PdfFileReader(BytesIO(bad)).embedded_signatures[0]
    embedded.compute_integrity_info()
    assert embedded.compute_digest() != embedded.signer_info["signed_attrs"][1]["values"][0].native
