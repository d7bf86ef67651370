"""What clients that are not ours make of the service: openssl, curl, pkilint."""

import base64
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.x509 import ocsp

from support.scene import Scene, now
from support.service import PATIENCE
from tashika.pki.profile import Family
from tashika.pki.request import build_request
from tashika_server.lab import Cause, Certificate

Cards = dict[str, Certificate]
LINT = """
import sys
from pkilint.bin import lint_crl, lint_ocsp_response
found = 0
for path in sys.argv[1:]:
    if path.endswith(".crl"):
        found += lint_crl.main(["lint", "-t", "CRL", "-p", "PKIX", "-s", "WARNING", path])
    else:
        found += lint_ocsp_response.main(["lint", "-s", "WARNING", path])
sys.exit(found)
"""


@pytest.fixture(scope="module")
def cards(scene: Scene) -> Cards:
    """Certificates of one issuer, good, revoked and on hold; thus they fit into one question."""
    cards = {name: scene.issue() for name in ("good", "revoked", "hold")}
    compromised = cards["revoked"]
    scene.world.revoke(
        compromised, Cause.KEY_COMPROMISE, at=now(), invalid_since=compromised.not_before
    )
    scene.world.hold(cards["hold"], at=now())
    scene.publish()
    return cards


def run(*command: object) -> str:
    """Run a client and return all that it says: exit codes of openssl ocsp mean little."""
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.stdout + done.stderr


def openssl(scene: Scene, card: Certificate, *asked: object, ca: Path | None = None) -> str:
    issuer = scene.issuer_file(card)
    named = ("-issuer", issuer, "-cert", scene.file(card), "-CAfile", ca or issuer)
    return run("openssl", "ocsp", *asked, *named)


# --- openssl ocsp --------------------------------------------------------------------------------

SAID = {
    "good": (": good",),
    "revoked": (": revoked", "Reason: keyCompromise", "Revocation Time: "),
    "hold": (": revoked", "Reason: certificateHold"),
}


@pytest.mark.parametrize("nonce", ["-nonce", "-no_nonce"])
def test_openssl_agrees_about_each(scene: Scene, cards: Cards, nonce: str) -> None:
    for name, expected in SAID.items():
        said = openssl(scene, cards[name], "-url", scene.url, nonce)
        assert "Response verify OK" in said
        assert all(each in said for each in expected)
        assert "WARNING" not in said  # as when the nonce is missing


@pytest.mark.parametrize("digest", ["-sha1", "-sha256", "-sha384", "-sha512"])
def test_openssl_asks_of_several_at_once_with_any_hash(
    scene: Scene, cards: Cards, digest: str
) -> None:
    """The digest is for the certificates after it."""
    issuer = scene.issuer_file(cards["good"])
    named = [word for each in cards.values() for word in ("-cert", scene.file(each))]
    said = run(
        *("openssl", "ocsp", digest, "-issuer", issuer, *named),
        *("-CAfile", issuer, "-url", scene.url, "-nonce"),
    )
    assert "Response verify OK" in said
    standings = re.findall(r"^\S+\.pem: (\w+)$", said, re.MULTILINE)
    assert standings == ["good", "revoked", "revoked"]


def test_openssl_does_not_verify_with_another_generation_of_the_same_name(
    scene: Scene, cards: Cards
) -> None:
    namesake = scene.directory / "issuers" / "user-auth-g2.pem"
    said = openssl(scene, cards["good"], "-url", scene.url, ca=namesake)
    assert "Response Verify Failure" in said


# --- curl ----------------------------------------------------------------------------------------


def in_path(scene: Scene, *cards: Certificate, nonce: bytes | None = None) -> str:
    question = build_request([scene.cert_id(each) for each in cards], nonce=nonce)
    return f"{scene.url}/{quote(base64.b64encode(question).decode(), safe='')}"


def curl(*words: object) -> dict[str, str]:
    """Ask with curl and return the status, as "", and the headers of the answer."""
    head, *_ = run("curl", "-s", "-D", "-", *words).partition("\n\n")
    status, *fields = head.splitlines()
    named = (field.partition(": ") for field in fields)
    return {"": status.split()[1]} | {name.lower(): value for name, _, value in named}


@pytest.mark.parametrize("name", SAID)
def test_what_curl_gets_by_get_openssl_verifies(
    scene: Scene, cards: Cards, name: str, tmp_path: Path
) -> None:
    answer = tmp_path / "answer.der"
    headers = curl("-o", answer, in_path(scene, cards[name]))
    assert headers[""] == "200"
    assert headers["content-type"] == "application/ocsp-response"
    assert headers["cache-control"].startswith("max-age=300, public")
    said = openssl(scene, cards[name], "-respin", answer, "-no_nonce", "-sha256")
    assert "Response verify OK" in said
    assert all(each in said for each in SAID[name])


def test_a_cached_answer_is_304_until_the_next_publication(scene: Scene, tmp_path: Path) -> None:
    card, answer = scene.issue(), tmp_path / "answer.der"
    url = in_path(scene, card)
    tag = curl("-o", answer, url)["etag"]
    for _ in range(8):  # of both workers
        assert curl("-o", answer, "-H", f"If-None-Match: {tag}", url)[""] == "304"
    scene.world.revoke(card, Cause.APPLICATION, at=now())
    scene.publish()
    assert curl("-o", answer, "-H", f"If-None-Match: {tag}", url)[""] == "200"
    read = ocsp.load_der_ocsp_response(answer.read_bytes())
    assert read.certificate_status is ocsp.OCSPCertStatus.REVOKED


# --- pkilint -------------------------------------------------------------------------------------


def test_pkilint_finds_nothing_wrong_with_what_the_service_and_the_lab_send(
    scene: Scene, cards: Cards, tmp_path: Path
) -> None:
    signature = scene.issue(Family.SIGNATURE)
    asked = {
        **{name: in_path(scene, card) for name, card in cards.items()},
        "several": in_path(scene, *cards.values()),
        "nonce": in_path(scene, signature, nonce=b"n" * 32),
    }
    for name, url in asked.items():
        curl("-o", tmp_path / f"{name}.der", url)
    base = lab_base(scene)
    lists = sorted((scene.directory / "published" / "crl").rglob("*.crl"))
    for path in lists:
        name = f"{path.parent.name}-{path.name}"
        headers = curl("-o", tmp_path / name, f"{base}/crl/{path.parent.name}/{path.name}")
        assert headers["content-type"] == "application/pkix-crl"
        assert (tmp_path / name).read_bytes() == path.read_bytes()
    listed = [path for path in lists if b"\x55\x1d\x15" in path.read_bytes()]
    files = [tmp_path / f"{name}.der" for name in asked]
    files += [tmp_path / f"{path.parent.name}-{path.name}" for path in listed]
    assert run(sys.executable, "-c", LINT, *files).strip() == ""


def lab_base(scene: Scene) -> str:
    """Return where the simulated issuer listens, which the refresher was told."""
    command = Path(f"/proc/{scene.service.children()['refresher']}/cmdline").read_text()
    told = re.search(r"--lab-base=(http://127\.0\.0\.1:\d+)", command)
    assert told
    return told[1]
