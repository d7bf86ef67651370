"""Evidence: kept, read to the octet, and judged again with nothing but what it holds."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import product
from typing import Any

import pytest

from support.crls import make_key
from support.paths import AT, DAY
from support.signatures import (
    CA,
    CA_LIST,
    DOCUMENT,
    ROOT_LIST,
    cms_signature,
    judge,
    pdf,
    raw,
    signer,
    submitted,
    terms,
    verify,
)
from tashika.errors import Malformed, WrongUse
from tashika.path import NotChecked, Outcome, Settled, check_path
from tashika.pki.standing import Good
from tashika.signature import (
    ByLists,
    Digest,
    Form,
    KeepCertificate,
    KeepLists,
    KeyUse,
    OneTier,
    PieceKind,
    SignatureReport,
    Stapled,
    Submitted,
    keep_evidence,
    read_evidence,
    recheck,
    verify_signature,
)
from tashika.signature.evidence import write_evidence

LISTS = Stapled(lists=(ROOT_LIST, CA_LIST))
PARTS = ("form", "covered", "signature")
FORMS: dict[str, Callable[[], tuple[Submitted, bytes]]] = {
    "raw": lambda: (submitted(), DOCUMENT),
    "cms": lambda: (Submitted(signature=cms_signature(at=AT), form=Form.CMS), DOCUMENT),
    "pdf": lambda: (Submitted(signature=(made := pdf()), form=Form.PDF), made),
}


def trusting() -> Any:
    """Terms of somebody who has the root and nothing else."""
    return terms(judge=replace(judge(), lists=(), candidates=()))


def kept(report: SignatureReport, **how: Any) -> bytes:
    whole = {"certificate": KeepCertificate.WHOLE, "lists": KeepLists.WHOLE, "material": LISTS}
    return keep_evidence(report, **whole | how)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_verdict_from_the_file_and_the_document_alone(form: str):
    made, document = FORMS[form]()
    report = verify(made)
    data = kept(report)
    again = recheck(data, document, trusting())
    assert again, (again.because, again.detail)
    assert (again.at, again.received_at, again.use) == (report.at, report.received_at, report.use)
    assert again.presented.digest == report.presented.digest
    assert recheck(data, document + b" ", trusting()).outcome is Outcome.INVALID


def test_a_digest_of_the_document_will_do():
    data = kept(verify(submitted()))
    assert recheck(data, Digest.of(DOCUMENT), trusting())
    assert recheck(data, Digest.of(b"another"), trusting()).cause == "document_differs"
    with pytest.raises(WrongUse, match="the file"):
        recheck(kept(verify(FORMS["pdf"]()[0])), Digest.of(b""), trusting())


def test_by_default_it_holds_neither_certificate_nor_lists():
    made = submitted(certificate=signer("Hanako", serial=0x77AA77AA77), signature=b"-")
    made = replace(made, signature=raw(key=make_key("Hanako")))
    data = keep_evidence(verify(made))
    for secret in (made.certificate, CA_LIST, b"Hanako", bytes.fromhex("77AA77AA77"), DOCUMENT):
        assert secret not in data
        assert b64encode(secret).strip(b"=")[:-1] not in data
    evidence = read_evidence(data)
    assert "Hanako" not in repr(evidence)
    assert {each.kind: each.sha256 for each in evidence.pieces}[PieceKind.CERTIFICATE] == (
        sha256(made.certificate).digest()
    )
    assert [each.number for each in evidence.pieces if each.kind is PieceKind.LIST] == [1, 1]


def test_what_is_missing_is_named_and_can_be_supplied():
    data = keep_evidence(verify(submitted()))
    first = recheck(data, DOCUMENT, trusting())
    assert (first.cause, first.outcome) == ("not_kept", Outcome.UNDETERMINED)
    assert first.detail == f"certificate {sha256(signer()).hexdigest()}"
    second = recheck(data, DOCUMENT, trusting(), supplied=[signer(), ROOT_LIST])
    assert (second.cause, sha256(CA_LIST).hexdigest() in second.detail) == ("not_kept", True)
    assert recheck(data, DOCUMENT, trusting(), supplied=[signer(), ROOT_LIST, CA_LIST, b"more"])


def test_a_revocation_is_found_again():
    made = submitted(certificate=signer(serial=7))
    by = judge(revoked=(7,))
    report = verify(made, judge=by)
    data = kept(report, material=Stapled(lists=by.lists))
    again = recheck(data, DOCUMENT, trusting())
    assert (again.cause, again.because) == (report.cause, report.because)
    assert again.because == "revoked"


def test_the_verdict_in_the_file_is_never_believed():
    data = kept(verify(submitted(document=b"another")))
    evidence = read_evidence(data)
    assert (evidence.outcome, evidence.cause) == ("invalid", "bad_signature")
    lying = write_evidence(replace(evidence, outcome="valid", cause="valid"))
    assert recheck(lying, b"another", trusting()).cause == "bad_signature"


@pytest.mark.parametrize(
    "lie",
    [
        {"at": AT + 40 * DAY},
        {"at": AT - 40 * DAY},
        {"signature": b"-"},
        {"digest": Digest.of(b"another")},
        {"pieces": ()},
        {"use": KeyUse.DECLARATION},
        {"form": Form.CMS},
    ],
)
def test_whoever_changes_the_file_gains_nothing(lie: dict[str, Any]):
    evidence = read_evidence(kept(verify(submitted())))
    report = recheck(write_evidence(replace(evidence, **lie)), DOCUMENT, trusting())
    assert not report


@pytest.mark.parametrize("form", ["raw", "cms", "pdf"])
def test_c1_a_signature_over_one_thing_cannot_vouch_for_another(form: str):
    """What is under the signature must be the document, whatever form the file says it has."""
    made, document = FORMS[form]()
    evidence = read_evidence(kept(verify(made)))
    for covered in (evidence.covered or document, document):
        lie = {"form": Form.RAW, "covered": covered, "digest": Digest.of(b"I owe you 900")}
        forged = write_evidence(replace(evidence, **lie))
        assert recheck(forged, b"I owe you 900", trusting()).cause == "malformed"


def test_c1_parts_of_several_pieces_of_evidence_make_no_other_one():
    """Whatever is put together: what is valid was signed, as it says, and over this document."""
    made = [FORMS[form]() for form in FORMS]
    whole = [read_evidence(kept(verify(each))) for each, _ in made]
    documents = {document: Digest.of(document) for document in (DOCUMENT, b"I owe you 900")}
    documents |= {each.covered: Digest.of(each.covered) for each in whole if each.covered}
    documents[made[2][1]] = whole[2].digest
    valid = set[tuple[str, bool, bytes]]()
    for form, covered, signature in product(*({getattr(e, n) for e in whole} for n in PARTS)):
        for document, digest in documents.items():
            parts = {"form": form, "covered": covered, "signature": signature, "digest": digest}
            mixed = write_evidence(replace(whole[0], **parts))
            if recheck(mixed, document, trusting()):
                valid.add((form, covered is not None, document))
    assert valid == {
        (Form.RAW, False, DOCUMENT),
        (Form.CMS, True, DOCUMENT),
        (Form.PDF, True, made[2][1]),
    }


def test_c1_signed_attributes_are_no_document():
    evidence = read_evidence(kept(verify(FORMS["cms"]()[0])))
    attributes = evidence.covered
    lie = {"form": Form.RAW, "covered": None, "digest": Digest.of(attributes)}
    forged = write_evidence(replace(evidence, **lie))
    assert recheck(forged, attributes, trusting()).cause == "document_differs"


def test_c1_the_use_is_the_terms_and_not_the_file_s():
    made = submitted()  # its key signs, and declares nothing
    assert verify(made, use=KeyUse.DECLARATION).cause == "key_usage"
    evidence = read_evidence(kept(verify(made, use=KeyUse.DECLARATION)))
    for lie in (KeyUse.SIGNATURE, KeyUse.AUTHENTICATION):
        forged = write_evidence(replace(evidence, use=lie))
        with pytest.raises(WrongUse, match="another use"):
            recheck(forged, DOCUMENT, replace(trusting(), use=KeyUse.DECLARATION))


def test_what_is_supplied_may_be_pem():
    def pem(label: str, content: bytes) -> bytes:
        text = b64encode(content).decode()
        return f"-----BEGIN {label}-----\n{text}\n-----END {label}-----\n".encode()

    data = keep_evidence(verify(submitted()))
    lists = [pem("X509 CRL", each) for each in (ROOT_LIST, CA_LIST)]
    assert recheck(data, DOCUMENT, trusting(), supplied=[pem("CERTIFICATE", signer()), *lists])
    for noise in (b"-----BEGIN CERTIFICATE-----", b"-----BEGIN A-----\n!!\n-----END A-----"):
        assert recheck(data, DOCUMENT, trusting(), supplied=[noise]).cause == "not_kept"


def test_another_certificate_under_the_digest_of_the_right_one_is_not_taken():
    evidence = read_evidence(kept(verify(submitted())))
    own, *others = evidence.pieces
    forged = replace(evidence, pieces=(replace(own, content=CA), *others))
    assert recheck(write_evidence(forged), DOCUMENT, trusting()).cause == "not_kept"


def test_the_purpose_is_part_of_it():
    data = kept(verify(submitted()))
    with pytest.raises(WrongUse, match="another purpose"):
        recheck(data, DOCUMENT, replace(trusting(), purpose="something else"))


class Loan:
    kind = "signature-verification"
    reference = "loan 4711"


def test_a_purpose_may_have_two_parts():
    data = kept(verify(submitted(), purpose=Loan()))
    assert read_evidence(data).purpose == "signature-verification: loan 4711"
    assert recheck(data, DOCUMENT, replace(trusting(), purpose=Loan()))
    with pytest.raises(WrongUse, match="kind and a reference"):
        verify(submitted(), purpose=object())


def test_nothing_is_fetched():
    data = kept(verify(submitted()))
    report = recheck(data, DOCUMENT, terms(judge=OneTier((CA,))))
    assert (report.cause, report.because) == ("certificate_undetermined", "unreachable")
    sent: list[object] = []

    def wanting(certificate: Any, **how: Any):
        sent.append((yield ("one", "two")))
        return (yield from trusting().judge(certificate, **how))

    assert recheck(data, DOCUMENT, terms(judge=wanting))
    assert [[str(each.cause) for each in came] for came in sent] == [["unreachable"] * 2]

    def odd(*_: object, **__: object):
        yield "something"

    with pytest.raises(WrongUse, match="str"):
        recheck(data, DOCUMENT, terms(judge=odd))


def test_the_form_is_as_documented():
    data = kept(verify(submitted()), policy="rules 3", account="k1:00ff")
    document = json.loads(data)
    assert data == json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    assert document["format"] == "tashika-evidence-1"
    assert document["library"].startswith("tashika ")
    assert document["check"] == {
        "purpose": "a test",
        "use": "signature",
        "policy": "rules 3",
        "account": "k1:00ff",
        "received_at": "2026-04-01T03:00:00.000000Z",
        "at": "2026-04-01T03:00:00.000000Z",
        "judged_at": "2026-04-01T03:00:00.000000Z",
    }
    assert document["verdict"] == {"outcome": "valid", "cause": "valid"}
    assert [each["kind"] for each in document["pieces"]] == [
        "certificate",
        "issuer",
        "list",
        "list",
    ]
    assert document["pieces"][2]["number"] == "1"
    assert document["signature"]["scheme"] == "ecdsa-sha256"


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\n",
        lambda data: data.replace(b":", b": ", 1),
        lambda data: data.replace(b"evidence-1", b"evidence-2"),
        lambda data: data.replace(b'"scheme"', b'"schema"'),
        lambda data: data.replace(b'"form":"raw"', b'"form":"raw","form":"raw"'),
        lambda data: data.replace(b'"form"', b'"extra":1,"form"'),
        lambda data: data.replace(b"00.000000Z", b"00.000000+00:00"),
        lambda data: data.replace(b"00.000000Z", b"00.000000"),
        lambda data: data.replace(b"2026-04-01T03:00:00.000000Z", b"0001-01-01T00:00:00+09:00"),
        lambda data: data.replace(b'"a test"', b"5"),
        lambda data: data.replace(b'"number":"1"', b'"number":"01"'),
        lambda data: data[:-1],
        lambda _: b"[" * 100_000,
        lambda _: b"null",
        lambda _: b"",
        lambda _: b"\xff",
    ],
)
def test_c11_one_file_is_written_one_way(change: Callable[[bytes], bytes]):
    data = kept(verify(submitted()))
    changed = change(data)
    assert changed != data
    with pytest.raises(Malformed):
        read_evidence(changed)


def test_what_could_not_be_read_again_is_not_written():
    report = verify(submitted(), judge=judge(lists=()))
    large = Stapled(lists=(bytes(13 * 2**20),))
    by_digest = kept(report, material=large, lists=KeepLists.DIGEST)
    assert recheck(by_digest, DOCUMENT, trusting()).cause == "not_kept"
    with pytest.raises(WrongUse, match=r"KeepLists\.DIGEST"):
        kept(report, material=large)


def test_there_must_be_something_to_keep():
    unread = verify(submitted(signature=bytes(2000)))
    with pytest.raises(WrongUse, match="nothing was read"):
        keep_evidence(unread)
    with pytest.raises(WrongUse):
        keep_evidence(verify(submitted()), policy="x" * 201)
    with pytest.raises(WrongUse):
        read_evidence("text")  # type: ignore[arg-type]


@dataclass(frozen=True)
class AnswerUsed:
    """What a source by OCSP says that a status rests on."""

    encoded: bytes = b"\x30\x03\x0a\x01\x00"

    @property
    def sha256(self) -> bytes:
        return sha256(self.encoded).digest()


class Responders:
    """A source by OCSP that takes everything for good."""

    def status(self, _: object) -> Settled:
        return Settled(standing=Good(), evidence=(AnswerUsed(),))


def test_answers_are_kept_whole_and_handed_to_the_judge_again():
    seen: list[Stapled] = []

    def by_answers(certificate: Any, *, candidates: Any, stapled: Stapled, at: Any, **_: Any):
        yield from ()
        seen.append(stapled)
        return check_path(
            certificate,
            candidates=[CA, *candidates],
            anchors=judge().anchors,
            source=Responders(),
            at=at,
        )

    by = terms(judge=by_answers)
    report = verify_signature(submitted(), by, received_at=AT)
    data = keep_evidence(report, certificate=KeepCertificate.WHOLE)
    kinds = [each.kind for each in read_evidence(data).pieces]
    assert kinds == [PieceKind.CERTIFICATE, PieceKind.ISSUER, PieceKind.ANSWER]
    assert recheck(data, DOCUMENT, by)
    assert seen == [Stapled(), Stapled(answers=(AnswerUsed().encoded,))]


def test_a_status_that_nobody_looked_up_is_remarked():
    inner = judge()

    def trusting_all(certificate: Any, *, at: Any, **_: object):
        yield from ()
        return check_path(
            certificate,
            candidates=[CA],
            anchors=inner.anchors,
            source=NotChecked("a drill"),
            at=at,
        )

    evidence = read_evidence(kept(verify(submitted(), judge=trusting_all)))
    assert evidence.remarks == ("not checked: a drill",)


def test_bylists_leaves_out_what_it_cannot_read():
    by = ByLists(anchors=judge().anchors, lists=(b"rubbish", ROOT_LIST, CA_LIST))
    assert verify(submitted(), judge=by)
