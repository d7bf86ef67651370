"""What a relying party hands in to be verified, and the readers that it is given to."""

from dataclasses import dataclass, field, replace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tashika.errors import SignatureRefused, WrongUse
from tashika.pki.certificates import decoding, load_certificate, public_key
from tashika.pki.errors import Malformed, PkiError
from tashika.signature.attributes import read_attributes
from tashika.signature.causes import SignatureCause
from tashika.signature.cms import read_cms
from tashika.signature.limits import MAX_CERTIFICATES, MAX_RAW_BYTES
from tashika.signature.pdf import read_pdf
from tashika.signature.presented import Form, Presented
from tashika.signature.schemes import Digest, Scheme, scheme_for
from tashika.status.stapled import MAX_STAPLED, Stapled

Certificate = x509.Certificate | bytes
"""PEM or DER, or as pyca has it."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Submitted:
    """Document, signature and certificates, as they were received.

    A PDF, an XML document or a CMS signature with its document inside stands in ``signature``.
    """

    signature: bytes
    document: bytes | Digest | None = None
    """Or its digest, by the signature's hash. Not for PDF and XML, which hold it themselves."""
    certificate: Certificate | None = None
    """The signer's; wanted for RAW, and where it does not come along."""
    form: Form = Form.RAW
    scheme: Scheme | None = None
    """How a RAW signature was made; by default PKCS#1 v1.5 or ECDSA, see scheme_for()."""
    signer: int | None = None
    """Which of several signatures of a CMS, from 0."""
    candidates: tuple[Certificate, ...] = ()
    """More certificates for the path."""
    stapled: Stapled = field(default_factory=Stapled)
    """OCSP answers and CRLs that the signer sent beside the signature."""

    def __post_init__(self) -> None:
        if not isinstance(self.signature, bytes):
            raise WrongUse("a signature is passed as bytes")
        if not isinstance(self.document, bytes | Digest | None):
            raise WrongUse("a document is passed as bytes or as a Digest")
        if not isinstance(self.form, Form):
            raise WrongUse("Submitted.form is a Form")
        if self.form in (Form.PDF, Form.XML) and self.document is not None:
            raise WrongUse(f"{self.form} holds its document: pass the file as `signature` alone")
        if self.form is not Form.RAW and self.scheme is not None:
            raise WrongUse("only a RAW signature does not say how it was made")
        if self.form is not Form.CMS and self.signer is not None:
            raise WrongUse("only CMS has signatures to choose from")

    def read(self) -> Presented:
        """Read the signature; raises SignatureRefused, PkiError, and WrongUse without the extra."""
        given = None if self.certificate is None else _der_of(self.certificate)
        if self.form is Form.RAW:
            found = self._read_raw(given)
        elif self.form is Form.CMS:
            found = read_cms(self.signature, self.document, certificate=given, signer=self.signer)
        elif self.form is Form.PDF:
            found = read_pdf(self.signature, certificate=given)
        else:
            from tashika.signature.xml import read_xml  # noqa: PLC0415 - it loads lxml

            found = read_xml(self.signature, certificate=given)
        return self._with_more(found)

    def _read_raw(self, certificate: bytes | None) -> Presented:
        if certificate is None:
            raise SignatureRefused(SignatureCause.CERTIFICATE_MISSING)
        if self.document is None:
            raise SignatureRefused(SignatureCause.DOCUMENT_MISSING)
        if len(self.signature) > MAX_RAW_BYTES:
            raise Malformed(f"a raw signature is longer than {MAX_RAW_BYTES} bytes")
        given = self.document
        hash_name = given.hash_name if isinstance(given, Digest) else None
        scheme = self.scheme or scheme_for(_key_of(certificate), hash_name)
        if isinstance(given, bytes):
            refuse_attributes(given)
        digest = Digest.of(given, scheme.hash_name) if isinstance(given, bytes) else given
        if digest.hash_name != scheme.hash_name:
            raise SignatureRefused(SignatureCause.DOCUMENT_MISSING, f"pass its {scheme.hash_name}")
        return Presented(
            form=Form.RAW,
            digest=digest,
            covered=None,
            signature=self.signature,
            scheme=scheme,
            certificate=certificate,
        )

    def _with_more(self, found: Presented) -> Presented:
        others = found.others + tuple(_bytes_of(each) for each in self.candidates)
        stapled = found.stapled + self.stapled
        if len(others) > 2 * MAX_CERTIFICATES or len(stapled) > 2 * MAX_STAPLED:
            raise Malformed("too many certificates, answers or lists are given")
        return replace(found, others=others, stapled=stapled)


def refuse_attributes(document: bytes) -> None:
    """Refuse what was signed as the attributes of a CMS, and is passed off as a document."""
    try:
        read_attributes(document)
    except (Malformed, SignatureRefused):
        return
    raise SignatureRefused(SignatureCause.DOCUMENT_DIFFERS, "it is the attributes of a CMS")


def _bytes_of(given: Certificate) -> bytes:
    """Return PEM or DER; whoever builds a path leaves out what cannot be read."""
    if isinstance(given, bytes):
        return given
    if not isinstance(given, x509.Certificate):
        raise WrongUse(f"pass an x509.Certificate or PEM or DER bytes, not {type(given).__name__}")
    with decoding("a certificate"):
        return given.public_bytes(Encoding.DER)


def _der_of(given: Certificate) -> bytes:
    """Return DER of the signer's certificate, which must be readable."""
    try:
        data = _bytes_of(given)
        with decoding("a certificate"):
            return load_certificate(data).public_bytes(Encoding.DER)
    except PkiError as wrong:
        raise SignatureRefused(SignatureCause.CERTIFICATE_MALFORMED, str(wrong)) from wrong


def _key_of(certificate: bytes) -> object:
    try:
        return public_key(load_certificate(certificate))
    except PkiError as wrong:
        raise SignatureRefused(SignatureCause.CERTIFICATE_MALFORMED, str(wrong)) from wrong
