"""OpenSSL and ours say the same of answers and of lists, where they look at the same.

Where they differ, and why: docs/revocation-sources.md.
"""

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from support.paths import AT, DAY, HOUR, Extension, Lists, anchor, issue, point, points, root, scope
from tashika import Nonce, Policy, ask, verify_issued
from tashika.path import PathCause, TrustAnchor, check_path
from tashika.status import (
    HeldAnswer,
    Means,
    OcspSource,
    RevocationPolicy,
    Stapled,
    by_fetch,
    drive,
    judge,
)
from tashika.testing import FakeResponder, Fault, Pki
from tashika.testing.faults import WIRE

# --- answers -------------------------------------------------------------------------------------

UNASKED = {Fault.NO_NONCE, Fault.WRONG_NONCE, Fault.SHORT_NONCE}
"""Nobody has sent a nonce here."""
OPENSSL_ACCEPTS = {
    Fault.TOO_OLD,  # without -status_age
    Fault.PRODUCED_IN_THE_FUTURE,
    Fault.NO_NEXT_UPDATE,
    Fault.TWO_STATEMENTS,
    Fault.CONTRADICTION,  # the first statement is believed
    Fault.SHA1_SIGNATURE,
    Fault.EXTRA_EKU,
    Fault.RESPONDER_IS_CA,
    Fault.RESPONDER_WITHOUT_NOCHECK,
    Fault.RESPONDER_MAY_NOT_SIGN,
    Fault.CRITICAL_EXTENSION,
    Fault.TRAILING_BYTES,
    Fault.OVERSIZED,
}
"""The table of docs/revocation-sources.md."""


def test_c1_openssl_accepts_no_answer_that_we_refuse_but_those_of_the_table(tmp_path: Path):
    pki = Pki(at=datetime.now(UTC))  # OpenSSL judges an answer's times by the machine's clock
    responder = FakeResponder(pki)
    for name, certificate in (("ca.pem", pki.issuer), ("ee.pem", pki.certificate)):
        (tmp_path / name).write_bytes(certificate.public_bytes(Encoding.PEM))
    subject = verify_issued(pki.certificate, pki.issuer, at=datetime.now(UTC))
    question = ask(subject, Policy(nonce=Nonce.OFF), bytes)
    ours, theirs = set[Fault | None](), set[Fault | None]()
    for fault in (None, *(each for each in Fault if each not in WIRE)):
        body = responder.answer(question.body, fault=fault)
        if accepted_by_us(pki, body):
            ours.add(fault)
        if accepted_by_openssl(body, tmp_path):
            theirs.add(fault)
    assert ours == {None} | UNASKED
    assert theirs - ours == OPENSSL_ACCEPTS
    assert ours <= theirs


def accepted_by_us(pki: Pki, body: bytes) -> bool:
    return bool(
        check_path(
            pki.certificate,
            anchors=[TrustAnchor.of(pki.issuer)],
            source=OcspSource([HeldAnswer(body=body)]),
            at=datetime.now(UTC),
        )
    )


def accepted_by_openssl(body: bytes, where: Path) -> bool:
    """Its exit code says nothing (C4): it is 0 for what is stale and for what is revoked."""
    (where / "answer.der").write_bytes(body)
    said = subprocess.run(
        [
            *("openssl", "ocsp", "-respin", "answer.der", "-no_nonce", "-sha256"),
            *("-issuer", "ca.pem", "-cert", "ee.pem", "-CAfile", "ca.pem"),
        ],
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
    )
    return (
        "Response verify OK" in said.stderr
        and "ee.pem: good" in said.stdout
        and "WARNING" not in said.stdout + said.stderr
    )


# --- lists ---------------------------------------------------------------------------------------

HERE = x509.UniformResourceIdentifier("http://crl.test/here")
THERE = x509.UniformResourceIdentifier("http://crl.test/there")
SERIAL = 7
CASES_AT_ONCE = 12


@dataclass(frozen=True)
class Case:
    """One certificate and the one list that there is; all is in order unless it says otherwise."""

    listed: bool
    fault: str = ""
    """stale, future, forged, critical, delta."""
    kinds: str = ""
    """users, cas."""
    at_point: bool = False
    partition: str = ""
    """here, there."""

    @property
    def extra(self) -> tuple[Extension, ...]:
        found: list[Extension] = []
        if self.kinds or self.partition:
            names = {"": None, "here": [HERE], "there": [THERE]}[self.partition]
            users, cas = self.kinds == "users", self.kinds == "cas"
            found.append(scope(full_name=names, users=users, cas=cas))
        if self.fault == "critical":
            odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.5"), b"\x05\x00")
            found.append((odd, True))
        if self.fault == "delta":
            found.append((x509.DeltaCRLIndicator(1), True))
        return tuple(found)


CASES = st.builds(
    Case,
    listed=st.booleans(),
    fault=st.sampled_from([""] * 6 + ["stale", "future", "forged", "critical", "delta"]),
    kinds=st.sampled_from(["", "", "", "users", "cas"]),
    at_point=st.booleans(),
    partition=st.sampled_from(["", "", "here", "there"]),
)


def write(case: Case, name: str) -> tuple[bytes, bytes]:
    """Write certificate and list of a CA of its own name, all with one key."""
    extra = [points(point(HERE))] if case.at_point else []
    certificate = issue("EE", by=name, by_key="Root", serial=SERIAL, extra=extra)
    times = {
        "stale": {"this_update": -DAY, "next_update": -HOUR},
        "future": {"this_update": HOUR},
    }.get(case.fault, {})
    key = "somebody" if case.fault == "forged" else "Root"
    lists = Lists(by=name, key=key, extra=case.extra)
    return certificate, lists.crl(*[SERIAL] * case.listed, number=2, **times)


def ask_ours(certificate: bytes, crl: bytes, name: str) -> str:
    judging = judge(
        certificate,
        trust=[anchor(name, key="Root")],
        stapled=Stapled(lists=(crl,)),
        at=AT,
        means=Means(policy=RevocationPolicy(), nonces=bytes),
    )
    report = drive(judging, by_fetch(NoNetwork()))
    if report.cause is PathCause.REVOKED:
        return "revoked"
    return "good" if report else "undetermined"


class NoNetwork:
    """Nothing is configured, so nobody is asked."""

    def post(self, url: str, body: bytes, *, limit: int) -> None:
        raise AssertionError(url)

    def get(self, url: str, *, limit: int) -> None:
        raise AssertionError(url)


def ask_openssl(written: list[tuple[bytes, bytes, str]], where: Path) -> list[str]:
    """Verify every certificate in one process; all lists are one pool."""
    trusted = b"".join(pem(root(name, key="Root")) for _, _, name in written)
    lists = b"".join(
        x509.load_der_x509_crl(crl).public_bytes(Encoding.PEM) for _, crl, _ in written
    )
    (where / "roots.pem").write_bytes(trusted)
    (where / "lists.pem").write_bytes(lists)
    leaves = [f"{number}.pem" for number in range(len(written))]
    for leaf, (certificate, _, _) in zip(leaves, written, strict=True):
        (where / leaf).write_bytes(pem(certificate))
    said = subprocess.run(
        [
            *("openssl", "verify", "-crl_check", "-extended_crl", "-CAfile", "roots.pem"),
            *("-CRLfile", "lists.pem", "-attime", str(int(AT.timestamp())), *leaves),
        ],
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = (said.stdout + said.stderr).splitlines()
    return [verdict(leaf, lines) for leaf in leaves]


def verdict(leaf: str, lines: list[str]) -> str:
    if f"{leaf}: OK" in lines:
        return "good"
    end = lines.index(f"error {leaf}: verification failed")
    codes = []
    for line in reversed(lines[:end]):
        if "verification failed" in line:
            break
        if " at 0 depth lookup: " in line:
            codes.append(int(line.split()[1]))
    return "revoked" if codes == [REVOKED] else "undetermined"


REVOKED = 23
"""X509_V_ERR_CERT_REVOKED."""


def pem(certificate: bytes) -> bytes:
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)


@settings(
    max_examples=int(os.environ.get("TASHIKA_FUZZ", "4")),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a shorter list explains no more
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(st.lists(CASES, min_size=CASES_AT_ONCE, max_size=CASES_AT_ONCE))
def test_generated_lists(tmp_path_factory: pytest.TempPathFactory, cases: list[Case]):
    written = [(*write(each, f"Root {n}"), f"Root {n}") for n, each in enumerate(cases)]
    ours = [ask_ours(*each) for each in written]
    theirs = ask_openssl(written, tmp_path_factory.mktemp("lists"))
    assert [*zip(cases, ours, strict=True)] == [*zip(cases, theirs, strict=True)]


def test_the_lists_are_not_all_of_one_kind():
    kinds = {
        Case(listed=False): "good",
        Case(listed=True): "revoked",
        Case(listed=True, fault="stale"): "undetermined",
        Case(listed=False, at_point=True, partition="here"): "good",
        Case(listed=False, partition="here"): "undetermined",
        Case(listed=False, kinds="users"): "good",
    }
    for number, (case, said) in enumerate(kinds.items()):
        name = f"Kind {number}"
        assert ask_ours(*write(case, name), name) == said
