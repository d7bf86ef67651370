"""Generated chains: OpenSSL, pyca, pyHanko and we say the same, where all look at the same.

Where they differ, and why: docs/path-validation.md.
"""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asn1crypto.x509
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import ValidationError

from support.paths import (
    AT,
    HOUR,
    Extension,
    alternative,
    anchor,
    issue,
    names,
    policies,
    root,
    usage,
)
from tashika.path import ANY_POLICY, NotChecked, check_path

CHAINS_AT_ONCE = 12


@dataclass(frozen=True)
class Ca:
    """One intermediate; everything is in order unless it says otherwise."""

    fault: str = ""
    """expired, early, leaf, usage, forged."""
    path_length: int | None = None
    permitted: str = ""
    excluded: str = ""
    explicit: bool = False
    policies: tuple[int, ...] = (1,)

    @property
    def extra(self) -> Iterator[Extension]:
        yield policies(*self.policies)
        if self.permitted or self.excluded:
            yield names(
                permitted=[x509.DNSName(self.permitted)] if self.permitted else (),
                excluded=[x509.DNSName(self.excluded)] if self.excluded else (),
            )
        if self.explicit:
            yield x509.PolicyConstraints(0, None), True


@dataclass(frozen=True)
class Chain:
    cas: tuple[Ca, ...]
    name: str
    fault: str = ""
    policies: tuple[int, ...] = (1,)

    @property
    def looks_at_policies(self) -> bool:
        return any(ca.explicit for ca in self.cas)


HOSTS = st.sampled_from(["", "", "", "jp", "example.jp", "other.test"])
POLICIES = st.sampled_from([(1,), (1,), (1, 2), (2,)])
SOMETIMES = st.sampled_from([False, False, False, True])
CAS = st.builds(
    Ca,
    fault=st.sampled_from([""] * 12 + ["expired", "early", "leaf", "usage", "forged"]),
    path_length=st.sampled_from([None, None, None, 0, 1]),
    permitted=HOSTS,
    excluded=HOSTS,
    explicit=SOMETIMES,
    policies=POLICIES,
)
CHAINS = st.builds(
    Chain,
    cas=st.lists(CAS, max_size=3).map(tuple),
    name=st.sampled_from(["www.example.jp", "example.jp", "example.com"]),
    fault=st.sampled_from([""] * 8 + ["expired", "early", "forged"]),
    policies=POLICIES,
)


def times(fault: str) -> dict[str, timedelta]:
    return {"expired": {"ends": -HOUR}, "early": {"begins": HOUR}}.get(fault, {})


def write(chain: Chain, prefix: str) -> list[bytes]:
    """Write the certificates from the anchor's side down, under names of their own."""
    written, by = list[bytes](), "Root"
    for place, ca in enumerate(chain.cas):
        name = f"{prefix} {place}"
        written.append(
            issue(
                name,
                by=by,
                key=f"CA {place}",
                by_key="Root" if by == "Root" else f"CA {place - 1}",
                signed_by="somebody" if ca.fault == "forged" else None,
                ca=ca.fault != "leaf",
                path_length=ca.path_length if ca.fault != "leaf" else None,
                key_usage=usage(lists=True) if ca.fault == "usage" else usage(certificates=True),
                extra=[*ca.extra],
                **times(ca.fault),
            )
        )
        by = name
    written.append(
        issue(
            f"{prefix} EE",
            by=by,
            key="EE",
            by_key="Root" if by == "Root" else f"CA {len(chain.cas) - 1}",
            signed_by="somebody" if chain.fault == "forged" else None,
            extra=[alternative(x509.DNSName(chain.name)), policies(*chain.policies)],
            **times(chain.fault),
        )
    )
    return written


def pem(certificate: bytes) -> bytes:
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)


def ask_openssl(written: list[list[bytes]], where: Path) -> list[bool]:
    """Verify every chain in one process; the intermediates are one pool."""
    (where / "root.pem").write_bytes(pem(root()))
    pool = b"".join(pem(each) for chain in written for each in chain[:-1])
    (where / "pool.pem").write_bytes(pool or pem(root()))
    leaves = [f"{number}.pem" for number in range(len(written))]
    for leaf, chain in zip(leaves, written, strict=True):
        (where / leaf).write_bytes(pem(chain[-1]))
    options = ["-policy_check", "-policy", ANY_POLICY, "-attime", str(int(AT.timestamp()))]
    trust = ["-CAfile", "root.pem", "-untrusted", "pool.pem"]
    said = subprocess.run(
        ["openssl", "verify", *options, *trust, *leaves],
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    return [f"{leaf}: OK" in said for leaf in leaves]


PYCA = (
    verification.PolicyBuilder()
    .store(verification.Store([x509.load_der_x509_certificate(root())]))
    .time(AT)
    .extension_policies(
        ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(),
        ee_policy=verification.ExtensionPolicy.permit_all(),
    )
)


def ask_pyca(chain: list[bytes]) -> bool:
    *cas, leaf = map(x509.load_der_x509_certificate, chain)
    try:
        PYCA.build_client_verifier().verify(leaf, cas)
    except verification.VerificationError:
        return False
    return True


def ask_pyhanko(chain: list[bytes]) -> bool:
    *cas, leaf = map(asn1crypto.x509.Certificate.load, chain)
    context = ValidationContext(
        trust_roots=[asn1crypto.x509.Certificate.load(root())],
        moment=AT,
        best_signature_time=AT,
        allow_fetching=False,
        revocation_mode="soft-fail",
    )
    validator = CertificateValidator(leaf, intermediate_certs=cas, validation_context=context)
    try:
        asyncio.run(validator.async_validate_path())
    except ValidationError:
        return False
    return True


def ask_ours(chain: list[bytes]) -> bool:
    return bool(
        check_path(
            chain[-1],
            candidates=chain[:-1],
            anchors=[anchor()],
            source=NotChecked("the others do not check it either"),
            at=AT,
        )
    )


@settings(
    max_examples=int(os.environ.get("TASHIKA_FUZZ", "8")),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a shorter chain explains no more
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(st.lists(CHAINS, min_size=CHAINS_AT_ONCE, max_size=CHAINS_AT_ONCE))
def test_generated_chains(tmp_path_factory: pytest.TempPathFactory, chains: list[Chain]):
    written = [write(chain, f"Chain {number}") for number, chain in enumerate(chains)]
    ours = [ask_ours(each) for each in written]
    theirs = ask_openssl(written, tmp_path_factory.mktemp("chains"))
    assert [*zip(chains, ours, strict=True)] == [*zip(chains, theirs, strict=True)]
    for chain, certificates, valid in zip(chains, written, ours, strict=True):
        if not chain.looks_at_policies:  # pyca does not process them
            assert (chain, ask_pyca(certificates)) == (chain, valid)
        assert (chain, ask_pyhanko(certificates)) == (chain, valid)


def test_the_chains_are_not_all_of_one_kind():
    good = Chain(cas=(Ca(), Ca(path_length=0)), name="www.example.jp")
    assert ask_ours(write(good, "Good"))
    for bad in (
        Chain(cas=(Ca(path_length=0), Ca()), name="example.jp"),
        Chain(cas=(Ca(explicit=True, policies=(2,)),), name="example.jp"),
        Chain(cas=(Ca(permitted="other.test"),), name="example.jp"),
        Chain(cas=(), name="example.jp", fault="forged"),
    ):
        assert not ask_ours(write(bad, "Bad"))


def test_where_others_differ(tmp_path: Path):
    """The table of docs/path-validation.md: ours, OpenSSL, pyca."""
    cased = [
        issue("Some  CA", by="Root", key="CA 0", ca=True),
        issue("EE", by="some ca", by_key="CA 0", extra=[alternative(x509.DNSName("a.jp"))]),
    ]
    excluded = names(excluded=[x509.DNSName("host.example.jp")])
    wildcard = [
        issue("Wild", by="Root", key="CA 0", ca=True, extra=[excluded]),
        issue("EE", by="Wild", by_key="CA 0", extra=[alternative(x509.DNSName("*.example.jp"))]),
    ]
    plain = [
        issue("Plain", by="Root", key="CA 0", ca=True, extra=[policies(1)]),
        issue(
            "EE",
            by="Plain",
            by_key="CA 0",
            extra=[alternative(x509.DNSName("a.jp")), (x509.PolicyConstraints(0, None), False)],
        ),
    ]
    chains = [cased, wildcard, plain]
    asked = zip(
        map(ask_ours, chains), ask_openssl(chains, tmp_path), map(ask_pyca, chains), strict=True
    )
    assert [*asked] == [(True, True, False), (False, True, False), (False, False, True)]
