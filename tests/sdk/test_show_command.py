"""The command ``tashika show``: what a file holds, without what concerns a person."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.sdk import AT
from tashika.cli import main
from tashika.cli.describing import describe
from tashika.pki import der
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.profile import POLICY, BasicItem, Family
from tashika.pki.request import build_request
from tashika.testing import FakeResponder, Pki

PKI = Pki(at=AT)
NAME = "公的　花子"
HOLDER = PKI.make(
    "12345678901234567890",
    issuer=PKI.ca,
    serial=0xABCDEF,
    extensions=[
        (
            x509.SubjectAlternativeName(
                [x509.OtherName(x509.ObjectIdentifier(BasicItem.NAME), der.wrap(12, NAME.encode()))]
            ),
            False,
        ),
        (
            x509.CertificatePolicies(
                [x509.PolicyInformation(x509.ObjectIdentifier(POLICY[Family.SIGNATURE]), None)]
            ),
            True,
        ),
    ],
)
UNWRAPPED = ("crl", "ocsp_answer", "cms_signature")
PERSONAL = ("12345678901234567890", "ABCDEF", NAME, "2026-09-30", "2025-09-30")


def crl() -> bytes:
    revoked = x509.RevokedCertificateBuilder().serial_number(0xABCDEF).revocation_date(AT).build()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(PKI.issuer.subject)
        .last_update(AT)
        .next_update(AT + timedelta(days=1))
        .add_extension(x509.CRLNumber(7), critical=False)
        .add_revoked_certificate(revoked)
    )
    return builder.sign(PKI.ca.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def answer() -> bytes:
    responder = FakeResponder(PKI, clock=lambda: AT)
    responder.hold(HOLDER.certificate)
    cert_id = CertId.build(IssuerIdentity.of(PKI.issuer), 0xABCDEF, "sha256")
    return responder.answer(build_request([cert_id], nonce=bytes(32)))


def signature(*options: PKCS7Options) -> bytes:
    builder = PKCS7SignatureBuilder().set_data(b"a form")
    builder = builder.add_signer(HOLDER.certificate, HOLDER.key, hashes.SHA384())
    return builder.sign(Encoding.DER, [PKCS7Options.Binary, *options])


FILES = {
    "certificate": HOLDER.pem,
    "crl": crl(),
    "ocsp_answer": answer(),
    "cms_signature": signature(),
}


class Shell:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._path = folder / "file"
        self._capsys = capsys

    def show(self, data: bytes, *options: str) -> tuple[int, str, str]:
        self._path.write_bytes(data)
        code = main(["show", str(self._path), *options])
        return code, *self._capsys.readouterr()


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("options", [[], ["--lang", "ja"], ["--json"]])
def test_what_concerns_a_person_is_shown_on_request_only(
    shell: Shell, kind: str, options: list[str]
) -> None:
    code, shown, errors = shell.show(FILES[kind], *options)
    assert (code, errors) == (0, "")
    assert not any(each in shown for each in PERSONAL)
    _, everything, _ = shell.show(FILES[kind], *options, "--personal")
    assert kind == "crl" or "ABCDEF" in everything


def test_a_certificate_in_words(shell: Shell) -> None:
    _, shown, _ = shell.show(FILES["certificate"])
    assert shown.startswith(
        "certificate (nothing of this is verified; `tashika check` and `tashika verify` verify)"
    )
    assert "  issuer       CN=Test CA" in shown
    assert f"  policies     {POLICY[Family.SIGNATURE]}" in shown
    _, shown, _ = shell.show(FILES["certificate"], "--personal", "--lang", "ja")
    assert all(each in shown for each in PERSONAL)
    assert f"  別名         {BasicItem.NAME}: {NAME}" in shown


def test_a_ca_has_no_secrets(shell: Shell) -> None:
    _, shown, _ = shell.show(PKI.ca.pem, "--json")
    assert json.loads(shown)["hidden"] == []
    assert "CN=Test CA" in shown


def test_who_issued_its_own_certificate_is_a_holder(shell: Shell) -> None:
    _, shown, _ = shell.show(PKI.make("12345678901234567890").pem)
    assert "12345678901234567890" not in shown


def test_an_answer_and_a_list_as_json(shell: Shell) -> None:
    _, shown, _ = shell.show(FILES["ocsp_answer"], "--json")
    told = json.loads(shown)
    facts = {each["name"]: each["value"] for each in told["facts"]}
    assert (told["kind"], told["verified"], told["hidden"]) == ("ocsp_answer", False, ["serial"])
    assert (facts["standing"], facts["reason"]) == ("revoked", "certificate_hold")
    assert facts["produced_at"] == "2026-04-01T09:00:00Z"
    _, shown, _ = shell.show(FILES["crl"], "--json")
    facts = {each["name"]: each["value"] for each in json.loads(shown)["facts"]}
    assert (facts["number"], facts["entries"]) == (7, 1)


def test_a_signature_with_its_document_or_beside_it(shell: Shell) -> None:
    for beside in ((), (PKCS7Options.DetachedSignature,)):
        _, shown, _ = shell.show(signature(*beside), "--json", "--personal")
        facts = {each["name"]: each["value"] for each in json.loads(shown)["facts"]}
        assert (facts["attached"], facts["scheme"]) == (not beside, "ecdsa-sha384")
        assert (facts["certificates"], facts["signer_serial"]) == (1, "ABCDEF")
    _, shown, _ = shell.show(signature(PKCS7Options.NoCerts))
    assert "  refused      certificate_missing" in shown


def test_a_strangers_text_cannot_steer_the_terminal(shell: Shell) -> None:
    odd = PKI.make("\x1b[2J\u202eevil", issuer=PKI.ca)
    _, shown, _ = shell.show(odd.pem, "--personal")
    assert "evil" in shown
    assert not {"\x1b", "\u202e"} & set(shown)


def test_what_is_not_known_exits_1_and_says_what_to_give(shell: Shell) -> None:
    code, shown, errors = shell.show(b"nothing")
    assert (code, shown) == (1, "")
    assert "is no certificate, OCSP answer, CRL, CMS signature or evidence; give one" in errors
    assert "失効情報ファイル" in shell.show(b"nothing", "--lang", "ja")[2]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.builds(
            lambda file, at, octet: (
                file[: at % len(file)] + bytes([octet]) + file[at % len(file) + 1 :]
            ),
            st.sampled_from(
                [PKI.issuer.public_bytes(Encoding.DER), *(FILES[kind] for kind in UNWRAPPED)]
            ),
            st.integers(0, 5000),
            st.integers(0, 255),
        ),
    )
)
def test_c11_random_bytes_are_described_or_not(data: bytes) -> None:
    found = describe(data)
    assert found is None or found.facts
