"""What a certificate, an answer, a CRL, a signature or evidence says, as facts with labels.

Nothing here is verified, and what concerns a person is marked: the serial
number and whatever names the holder or dates the holder's birthday, as the end
of a JPKI certificate's validity does.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tashika.cli.facts import Description, Fact
from tashika.cli.output import Phrase, as_time
from tashika.errors import Malformed, PkiError, SignatureRefused
from tashika.pki import der
from tashika.pki.certificates import decoding, extension, load_certificate, public_key, validity
from tashika.pki.crl import parse_crl
from tashika.pki.names import name_text
from tashika.pki.response import BasicResponse, SingleResponse, parse_response
from tashika.pki.standing import Revoked
from tashika.signature.causes import SignatureCause
from tashika.signature.cms import read_cms
from tashika.signature.evidence import PieceKind, read_evidence
from tashika.signature.presented import Presented
from tashika.signature.schemes import Digest

_UTF8_STRING = 12
_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign"),
)


def describe(data: bytes) -> Description | None:
    """Read whatever it is; None where it is nothing that is known."""
    for read in _READERS:
        with suppress(PkiError):
            return read(data)
    return None


def _certificate(data: bytes) -> Description:
    certificate = load_certificate(data)
    with decoding("a certificate"):
        facts = tuple(_certificate_facts(certificate))
    return Description("certificate", Phrase("certificate", "証明書"), facts)


def _certificate_facts(certificate: x509.Certificate) -> Iterator[Fact]:
    constraints = extension(certificate, x509.BasicConstraints)
    is_ca = bool(constraints and constraints.ca)
    begins, ends = validity(certificate)

    def fact(key: str, label: Phrase, value: str, *, of_holder: bool = False) -> Fact:
        return Fact(key, label, value, personal=of_holder and not is_ca)

    own = certificate.issuer == certificate.subject
    issuer = Phrase("issuer", "発行者")
    yield fact("issuer", issuer, _name(certificate.issuer), of_holder=own)
    yield Fact("ca", Phrase("CA", "認証局"), is_ca)
    subject = Phrase("subject", "主体者")
    yield fact("subject", subject, _name(certificate.subject), of_holder=True)
    serial = f"{certificate.serial_number:X}"
    yield fact("serial", Phrase("serial", "発行の番号"), serial, of_holder=True)
    yield fact("not_before", Phrase("from", "開始日時"), as_time(begins), of_holder=True)
    yield fact("not_after", Phrase("until", "満了日時"), as_time(ends), of_holder=True)
    yield fact("key", Phrase("key", "鍵"), _key(certificate))
    signed = certificate.signature_algorithm_oid.dotted_string
    yield fact("signed_with", Phrase("signed with", "署名方式"), signed)
    if usage := extension(certificate, x509.KeyUsage):
        allowed = ", ".join(each for each in _USAGES if getattr(usage, each))
        yield fact("key_usage", Phrase("key usage", "鍵用途"), allowed)
    if purposes := extension(certificate, x509.ExtendedKeyUsage):
        named = ", ".join(each.dotted_string for each in purposes)
        yield fact("purposes", Phrase("purposes", "拡張鍵用途"), named)
    if policies := extension(certificate, x509.CertificatePolicies):
        named = ", ".join(each.policy_identifier.dotted_string for each in policies)
        yield fact("policies", Phrase("policies", "ポリシー"), named)
    if names := extension(certificate, x509.SubjectAlternativeName):
        for each in names:
            label = Phrase("also named", "別名")
            yield fact("also_named", label, _general_name(each), of_holder=True)
    digest = sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
    yield fact("sha256", Phrase("SHA-256", "SHA-256"), digest, of_holder=True)


def _name(name: x509.Name) -> str:
    return name_text(name.public_bytes())


def _key(certificate: x509.Certificate) -> str:
    key = public_key(certificate)
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    return f"EC {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else "?"


def _general_name(name: x509.GeneralName) -> str:
    if isinstance(name, x509.OtherName):
        with suppress(Malformed, UnicodeDecodeError):
            text = der.Reader(name.value).content(_UTF8_STRING).decode()
            return f"{name.type_id.dotted_string}: {text}"
        return f"{name.type_id.dotted_string}: {name.value.hex()}"
    if isinstance(name, x509.DirectoryName):
        return _name(name.value)
    return str(name.value)


def _answer(data: bytes) -> Description:
    answer = parse_response(data)
    facts = (
        tuple(_answer_facts(answer))
        if isinstance(answer, BasicResponse)
        else (_status(answer.status.name.lower()),)
    )
    return Description("ocsp_answer", Phrase("OCSP answer", "OCSP 応答"), facts)


def _status(name: str) -> Fact:
    return Fact("status", Phrase("status", "応答の種別"), name)


def _answer_facts(answer: BasicResponse) -> Iterator[Fact]:
    yield _status("successful")
    yield Fact("produced_at", Phrase("signed at", "署名日時"), as_time(answer.produced_at))
    by = name_text(answer.responder_name) if answer.responder_name else ""
    by = by or f"SHA-1 {(answer.responder_key_hash or b'').hex()}"
    yield Fact("responder", Phrase("responder", "レスポンダ"), by)
    yield Fact("signed_with", Phrase("signed with", "署名方式"), answer.algorithm.name)
    nonce = answer.nonce.hex() if answer.nonce else "-"
    yield Fact("nonce", Phrase("nonce", "ノンス"), nonce)
    embedded = len(answer.certificates)
    yield Fact("certificates", Phrase("certificates", "添付証明書数"), embedded)
    for each in answer.responses:
        yield from _single_facts(each)


def _single_facts(single: SingleResponse) -> Iterator[Fact]:
    serial = f"{single.cert_id.serial:X}"
    yield Fact("serial", Phrase("serial", "発行の番号"), serial, personal=True)
    yield Fact("certid_hash", Phrase("CertID hash", "CertID ハッシュ"), single.cert_id.hash_name)
    standing = type(single.standing).__name__.lower()
    yield Fact("standing", Phrase("standing", "状態"), standing)
    if isinstance(single.standing, Revoked):
        at, reason = single.standing.at, single.standing.reason
        yield Fact("revoked_at", Phrase("revoked at", "失効日時"), as_time(at))
        if reason is not None:
            yield Fact("reason", Phrase("reason", "失効理由"), reason.name.lower())
    yield from _updates(single.this_update, single.next_update)


def _updates(this: datetime, following: datetime | None) -> Iterator[Fact]:
    yield Fact("this_update", Phrase("data of", "情報の日時"), as_time(this))
    if following:
        yield Fact("next_update", Phrase("newer data", "次回更新"), as_time(following))


def _crl(data: bytes) -> Description:
    with decoding("a CRL"):
        if data.startswith(b"-----BEGIN"):
            data = x509.load_pem_x509_crl(data).public_bytes(Encoding.DER)
    return Description("crl", Phrase("CRL", "失効情報ファイル"), tuple(_crl_facts(data)))


def _crl_facts(data: bytes) -> Iterator[Fact]:
    crl = parse_crl(data)
    yield Fact("issuer", Phrase("issuer", "発行者"), name_text(crl.issuer_name))
    if crl.number is not None:
        yield Fact("number", Phrase("number", "番号"), crl.number)
    if crl.base_number is not None:
        yield Fact("base_number", Phrase("delta to", "差分の元"), crl.base_number)
    for name in crl.scope.names if crl.scope else ():
        yield Fact("scope", Phrase("scope", "区分"), name)
    yield from _updates(crl.this_update, crl.next_update)
    entries = sum(1 for _ in crl.entries())
    yield Fact("entries", Phrase("entries", "件数"), entries)
    yield Fact("signed_with", Phrase("signed with", "署名方式"), crl.algorithm.name)


def _signature(data: bytes) -> Description:
    try:
        facts = tuple(_signature_facts(_presented(data)))
    except SignatureRefused as refused:
        facts = (Fact("cause", Phrase("refused", "拒否の理由"), refused.cause),)
    return Description("cms_signature", Phrase("CMS signature", "CMS 署名"), facts)


def _presented(data: bytes) -> Presented:
    """Read the first signature; the document that it stands beside is not asked for."""
    for stand_in in (None, *(Digest.of(b"", name) for name in ("sha256", "sha384", "sha512"))):
        try:
            return read_cms(data, stand_in, signer=0)
        except SignatureRefused as refused:
            if refused.cause is not SignatureCause.DOCUMENT_MISSING:
                raise
    raise Malformed("a CMS signature is by a hash that is not known")


def _signature_facts(signed: Presented) -> Iterator[Fact]:
    yield Fact("attached", Phrase("with content", "文書を含む"), signed.content is not None)
    yield Fact("scheme", Phrase("signed with", "署名方式"), signed.scheme)
    if signed.claimed_at:
        yield Fact("claimed_at", Phrase("claimed time", "申告日時"), as_time(signed.claimed_at))
    yield Fact("certificates", Phrase("certificates", "添付証明書数"), len(signed.others))
    yield Fact("answers", Phrase("answers", "添付応答数"), len(signed.stapled.answers))
    yield Fact("lists", Phrase("CRLs", "添付CRL数"), len(signed.stapled.lists))
    for fact in _certificate(signed.certificate).facts:
        yield replace(fact, key=f"signer_{fact.key}")


def _evidence(data: bytes) -> Description:
    return Description("evidence", Phrase("evidence", "証跡"), tuple(_evidence_facts(data)))


def _evidence_facts(data: bytes) -> Iterator[Fact]:
    evidence = read_evidence(data)
    yield Fact("library", Phrase("made by", "作成"), evidence.library)
    yield Fact("form", Phrase("form", "署名の形式"), evidence.form)
    yield Fact("scheme", Phrase("signed with", "署名方式"), evidence.scheme)
    yield Fact("purpose", Phrase("purpose", "目的"), evidence.purpose, personal=True)
    if evidence.account:
        yield Fact("account", Phrase("account", "アカウント"), evidence.account, personal=True)
    yield Fact("received_at", Phrase("received", "受領日時"), as_time(evidence.received_at))
    yield Fact("at", Phrase("judged about", "判定の時点"), as_time(evidence.at))
    yield Fact("outcome", Phrase("said then", "当時の結果"), evidence.outcome)
    yield Fact("cause", Phrase("because", "その理由"), evidence.cause)
    for piece in evidence.pieces:
        kept = "whole" if piece.content else "digest"
        is_signers = piece.kind is PieceKind.CERTIFICATE
        told = f"{kept} {piece.sha256.hex()}"
        yield Fact(piece.kind, Phrase(piece.kind, piece.kind), told, personal=is_signers)


_READERS: tuple[Callable[[bytes], Description], ...] = (
    _certificate,
    _answer,
    _crl,
    _signature,
    _evidence,
)
