"""The command ``tashika verify``: words for people, JSON and exit codes for scripts."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7Options,
    PKCS7SignatureBuilder,
)

from tashika.cli import main
from tashika.pki.algorithms import algorithm_for, sign
from tashika.testing import FakeResponder, Fault

DOCUMENT = "申込書".encode()


class Counter:
    """Where signatures are handed in."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.responder = FakeResponder()
        self._capsys = capsys
        self.card = self.responder.pki.end_entity
        self.write("ca.pem", self.responder.pki.ca.pem)
        self.write("cert.pem", self.card.pem)
        self.write("document", DOCUMENT)
        algorithm = algorithm_for(self.card.key.public_key())
        self.write("signature", sign(self.card.key, algorithm, DOCUMENT))

    def write(self, name: str, data: bytes) -> str:
        (self.folder / name).write_bytes(data)
        return str(self.folder / name)

    def verify(self, *options: str) -> tuple[int, str]:
        with self.responder.serve() as url:
            required = (
                "--issuer",
                str(self.folder / "ca.pem"),
                "--url",
                url,
                "--purpose",
                "loan 7",
            )
            code = main(["verify", *required, *options])
        shown = self._capsys.readouterr()
        assert not shown.err
        return code, shown.out

    def raw(self, *options: str) -> tuple[int, str]:
        files = [("--signature", "signature"), ("--document", "document"), ("--cert", "cert.pem")]
        named = [each for option, name in files for each in (option, str(self.folder / name))]
        return self.verify(*named, *options)


@pytest.fixture
def counter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Counter:
    return Counter(tmp_path, capsys)


def test_valid_exits_0(counter: Counter) -> None:
    code, said = counter.raw()
    assert (code, said.startswith("VALID: ")) == (0, True)
    assert "  purpose      loan 7\n" in said


def test_c1_another_document_exits_1_and_nobody_is_asked(counter: Counter) -> None:
    counter.write("document", b"another")
    code, said = counter.raw("--lang", "ja")
    assert (code, said.startswith("無効な署名: ")) == (1, True)
    assert not counter.responder.asked


def test_a_revoked_certificate_exits_1_and_says_why(counter: Counter) -> None:
    counter.responder.revoke(counter.card.certificate)
    code, said = counter.raw("--json")
    told = json.loads(said)
    assert (code, told["outcome"], told["because"]) == (1, "invalid", "revoked")
    assert told["meaning"] == "The issuer has revoked the certificate."


def test_what_nobody_could_tell_exits_2(counter: Counter) -> None:
    counter.responder.order(Fault.TRY_LATER)
    code, said = counter.raw()
    assert (code, said.startswith("NOT DETERMINED: The responder cannot answer now")) == (2, True)


def test_cms_around_its_document(counter: Counter) -> None:
    builder = PKCS7SignatureBuilder().set_data(DOCUMENT)
    builder = builder.add_signer(counter.card.certificate, counter.card.key, hashes.SHA256())
    signed = counter.write("signed", builder.sign(Encoding.DER, [PKCS7Options.Binary]))
    assert counter.verify("--signature", signed, "--form", "cms")[0] == 0


def test_evidence_is_written_and_shown_without_the_person(
    counter: Counter, capsys: pytest.CaptureFixture[str]
) -> None:
    evidence = str(counter.folder / "evidence.json")
    assert counter.raw("--evidence", evidence)[0] == 0
    assert main(["show", evidence]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("evidence (nothing of this is verified")
    assert "  said then    valid" in shown
    assert "loan 7" not in shown
    assert main(["show", evidence, "--personal"]) == 0
    assert "loan 7" in capsys.readouterr().out


def test_evidence_is_judged_again_without_a_network(
    counter: Counter, capsys: pytest.CaptureFixture[str]
) -> None:
    evidence = counter.write("evidence.json", b"")
    assert counter.raw("--evidence", evidence)[0] == 0
    asked = len(counter.responder.asked)

    def again(*options: str, document: str = "document") -> tuple[int, str]:
        files = ("--document", str(counter.folder / document), "--issuer")
        code = main(["recheck", evidence, *files, str(counter.folder / "ca.pem"), *options])
        return code, capsys.readouterr().out

    loan, card = ("--purpose", "loan 7"), str(counter.folder / "cert.pem")
    code, said = again(*loan)
    assert (code, said.startswith("NOT DETERMINED: The evidence lacks something")) == (2, True)
    code, said = again(*loan, "--supply", card)
    assert (code, said.startswith("VALID: ")) == (0, True)
    counter.write("other", b"another")
    code, said = again(*loan, "--supply", card, "--json", document="other")
    assert (code, json.loads(said)["cause"]) == (1, "document_differs")
    assert len(counter.responder.asked) == asked
    for wrong in (("--purpose", "loan 8"), loan):
        with pytest.raises(SystemExit) as left:
            again(*wrong)
        assert left.value.code == 64
        assert capsys.readouterr().err
        counter.write("evidence.json", b"{}")


def test_a_document_too_long_is_not_taken_for_a_changed_one(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tashika.cli.verify.MAX_PDF_BYTES", len(DOCUMENT) - 1)
    with pytest.raises(SystemExit) as left:
        counter.raw()
    assert left.value.code == 64
    assert "is longer than" in capsys.readouterr().err
