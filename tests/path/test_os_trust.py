"""The operating system's roots as trust anchors, by the extra ``os-trust``."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from oscrypto import trust_list

from support.odd_files import strange
from support.sdk import AT
from tashika.errors import WrongUse
from tashika.os_trust import os_anchors
from tashika.path import NotChecked, PathCause, check_path
from tashika.testing import Pki

TLS_SERVER = ExtendedKeyUsageOID.SERVER_AUTH.dotted_string
CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING.dotted_string
PKI = Pki(at=AT)

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere the list is not a file that a test can give"
)


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The system's list of roots, for one test."""
    listed = tmp_path / "roots.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(listed))
    trust_list.clear_cache()
    yield listed
    trust_list.clear_cache()


def test_a_root_of_the_system_is_an_anchor(roots: Path) -> None:
    roots.write_bytes(PKI.ca.pem + Pki(at=AT, name="Other CA").ca.pem)
    anchors = os_anchors(purpose=TLS_SERVER)
    assert len(anchors) == 2
    report = check_path(
        PKI.certificate, candidates=[], anchors=anchors, source=NotChecked("a test"), at=AT
    )
    assert report.cause is PathCause.VALID


@pytest.mark.parametrize(
    ("option", "usable_for"),
    [
        (["-addtrust", "serverAuth"], {TLS_SERVER}),
        (["-addtrust", "anyExtendedKeyUsage"], {TLS_SERVER, CODE_SIGNING}),
        (["-addreject", "serverAuth"], {CODE_SIGNING}),
        (["-addreject", "anyExtendedKeyUsage"], set()),
    ],
)
def test_what_the_system_limits_is_limited(
    roots: Path, option: list[str], usable_for: set[str]
) -> None:
    """As OpenSSL writes it into a TRUSTED CERTIFICATE."""
    trusted = subprocess.run(
        ["openssl", "x509", "-trustout", *option],
        input=PKI.ca.pem,
        capture_output=True,
        check=True,
        timeout=30,
    )
    roots.write_bytes(trusted.stdout)
    found = {each for each in (TLS_SERVER, CODE_SIGNING) if os_anchors(purpose=each)}
    assert found == usable_for


@pytest.mark.parametrize("odd", ["version 4", "broken extension", "repeated extension"])
def test_a_root_that_we_cannot_read_is_left_out(roots: Path, odd: str) -> None:
    roots.write_bytes(strange(odd, PKI.issuer, PKI.ca.key) + PKI.ca.pem)
    (anchor,) = os_anchors(purpose=TLS_SERVER)
    assert anchor.key == PKI.issuer.public_key()


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "oscrypto", None)
    monkeypatch.delitem(sys.modules, "oscrypto.trust_list")
    with pytest.raises(WrongUse, match=r"pip install 'tashika\[os-trust\]'"):
        os_anchors(purpose=TLS_SERVER)


def test_without_a_list_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise OSError("Unable to find a CA certs bundle")

    monkeypatch.setattr(trust_list, "get_list", none)
    with pytest.raises(WrongUse, match="no list of roots"):
        os_anchors(purpose=TLS_SERVER)
