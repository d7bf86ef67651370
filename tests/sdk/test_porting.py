"""The page for those who come from elsewhere says the truth: of ours, and of `openssl ocsp`."""

import asyncio
import re
import subprocess
import textwrap
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from support.sdk import AT, write_pems
from tashika import Client
from tashika.testing import FakeResponder, Fault, Pki

PAGE = (Path(__file__).parents[2] / "docs" / "porting.md").read_text()
(TABLE, *_) = re.findall(r"(?m)^\|(?:---\|)+\n((?:\|.*\n)+)", PAGE)
ROWS = {
    re.findall(r"\w+", answer)[0]: (ours, openssl.strip("*"))
    for _, answer, ours, _, openssl, *_ in (
        re.split(r" ?\| ?", line) for line in TABLE.splitlines()
    )
}


@pytest.fixture(scope="module")
def responder() -> FakeResponder:
    return FakeResponder()


def test_the_table_is_read_whole() -> None:
    assert {"good", "revoked", "unknown", "none"} <= set(ROWS)
    assert len(ROWS) == TABLE.count("\n")


@pytest.mark.parametrize("answer", sorted(ROWS))
def test_ours_and_openssls_columns(responder: FakeResponder, answer: str, tmp_path: Path) -> None:
    certificate, issuer = write_pems(responder, tmp_path)
    prepare(responder, answer)
    with responder.serve() as url:
        gone = "http://127.0.0.1:9/" if answer == "none" else url
        with Client(gone) as client:
            report = client.check(responder.pki.certificate, responder.pki.issuer)
        files = ("-CAfile", issuer, "-issuer", issuer, "-cert", certificate)
        asked = subprocess.run(
            ["openssl", "ocsp", *files, "-url", gone], capture_output=True, timeout=30, check=False
        )
    assert (report.status.value, str(asked.returncode)) == ROWS[answer]


def prepare(responder: FakeResponder, answer: str) -> None:
    responder.order(None)
    responder.release(responder.pki.certificate)
    if answer == "revoked":
        responder.revoke(responder.pki.certificate)
    elif answer == "unknown":
        responder.forget(responder.pki.certificate)
    elif answer in set(Fault):
        responder.order(Fault(answer))


def test_what_is_written_now_runs(responder: FakeResponder) -> None:
    prepare(responder, "good")
    pki = Pki(at=AT)
    crl = x509.CertificateRevocationListBuilder(
        issuer_name=pki.issuer.subject, last_update=AT, next_update=pki.issuer.not_valid_after_utc
    ).add_extension(x509.CRLNumber(1), critical=False)
    path = {
        "certificate": pki.certificate,
        "intermediates": [],
        "root": pki.issuer,
        "crls": [crl.sign(pki.ca.key, hashes.SHA256()).public_bytes(Encoding.DER)],
        "at": AT,
    }
    names = {"certificate": responder.pki.certificate, "issuer": responder.pki.issuer}
    under_the_ca, longer, sync, signed = re.findall(r"```python\n(# now.*?)```", PAGE, re.DOTALL)
    with responder.serve() as url:
        run(sync, names | {"url": url})
        run(f"async def main():\n{textwrap.indent(under_the_ca, '    ')}", names | {"url": url})
        run(signed, names | {"url": url, "document": b"a form", "cms": cms(responder.pki)})
    run(longer, path)
    assert path["report"]


def cms(pki: Pki) -> bytes:
    builder = PKCS7SignatureBuilder().set_data(b"a form")
    builder = builder.add_signer(pki.certificate, pki.end_entity.key, hashes.SHA256())
    how = [PKCS7Options.Binary, PKCS7Options.DetachedSignature]
    return builder.sign(Encoding.DER, how)


def run(code: str, names: dict[str, object]) -> None:
    exec(compile(code, "porting.md", "exec"), names)  # noqa: S102 - our own page
    if "main" in names:
        asyncio.run(names["main"]())  # type: ignore[operator]
