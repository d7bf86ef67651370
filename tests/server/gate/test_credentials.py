"""Who asks: tokens, client certificates and proxies, rotation and revocation."""

import base64
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from support.mutations import mutants
from support.verifiers import (
    AT,
    DAY,
    SOURCE,
    TOKEN,
    Key,
    ask,
    credential,
    digest_of,
    gate_of,
    issue,
    issue_der,
    name,
    new_key,
    of_authority,
    pinned,
    suspension,
    terms,
)
from tashika_server.agreements import refusals as r
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.presented import (
    ClientCertificate,
    Presented,
    Proxies,
    address,
    bearer_token,
    mask_path_token,
    take_path_token,
)
from tashika_server.agreements.terms import CredentialKind, secret_digest

BANK = name("CN=bank.example,O=Bank,C=JP")
TICK = timedelta(microseconds=1)
PROXY, STRANGER = ip_address("10.0.0.1"), ip_address("203.0.113.9")
PROXIES = Proxies((ip_network("10.0.0.0/30"), ip_network("::1/128")))


def shown(certificate: ClientCertificate, **more: Any) -> Presented:
    return Presented(SOURCE, certificate=certificate, **more)


# --- rotation -------------------------------------------------------------------------------


def test_two_credentials_overlap_and_each_has_its_own_end(buckets: Buckets):
    old = credential(valid_to=AT + DAY)
    new = credential(id="C-000002", digest=secret_digest("new"), valid_from=AT)
    gate = gate_of(buckets, terms(credentials=(old, new)))
    assert ask(gate).credential == "C-000001"
    assert ask(gate, Presented(SOURCE, secret_digest("new"))).credential == "C-000002"
    assert ask(gate, Presented(SOURCE, secret_digest("new")), at=AT + DAY).credential == "C-000002"
    with pytest.raises(r.CredentialEnded):
        ask(gate, at=AT + DAY)
    with pytest.raises(r.CredentialNotBegun):
        ask(gate, Presented(SOURCE, secret_digest("new")), at=AT - TICK)


def test_t25_a_revoked_credential_bites_at_its_moment_on_a_gate_already_asked(buckets: Buckets):
    gate = gate_of(buckets, terms(credentials=(credential(revoked_at=AT + DAY),)))
    ask(gate)
    with pytest.raises(r.CredentialRevoked):
        ask(gate, at=AT + DAY)


# --- client certificates --------------------------------------------------------------------


def test_a_pinned_key_counts_whoever_issued_the_certificate(
    buckets: Buckets, key: Key, authority: Key
):
    gate = gate_of(buckets, terms(credentials=(pinned(key),)))
    assert ask(gate, shown(issue(key, key, BANK))).credential == "C-000001"
    assert ask(gate, shown(issue(authority, key, name("CN=other")))).credential == "C-000001"
    with pytest.raises(r.UnknownCredential):
        ask(gate, shown(issue(authority, new_key(), BANK)))


def test_a_subject_counts_only_under_its_ca(buckets: Buckets, key: Key, authority: Key):
    gate = gate_of(buckets, terms(credentials=(of_authority(authority, BANK),)))
    assert ask(gate, shown(issue(authority, key, BANK))).credential == "C-000001"
    for wrong in (issue(key, key, BANK), issue(authority, key, name("CN=bank.example"))):
        with pytest.raises(r.UnknownCredential):
            ask(gate, shown(wrong))


def test_one_subject_under_two_cas_is_two_credentials(buckets: Buckets, key: Key, authority: Key):
    other_authority = new_key()
    other = terms(
        agreement="A-000002",
        verifier="V-000002",
        credentials=(of_authority(other_authority, BANK, id="C-000002"),),
    )
    gate = gate_of(buckets, terms(credentials=(of_authority(authority, BANK),)), other)
    assert ask(gate, shown(issue(authority, key, BANK))).verifier == "V-000001"
    assert ask(gate, shown(issue(other_authority, key, BANK))).verifier == "V-000002"


def test_t25_a_revoked_certificate_is_refused_while_its_subject_goes_on(
    buckets: Buckets, key: Key, authority: Key
):
    barred = of_authority(authority, BANK, barred=frozenset({digest_of(key)}))
    gate = gate_of(buckets, terms(credentials=(barred,)))
    with pytest.raises(r.CredentialRevoked):
        ask(gate, shown(issue(authority, key, BANK)))
    assert ask(gate, shown(issue(authority, new_key(), BANK))).credential == "C-000001"


def test_t25_one_connection_keeps_no_rights(buckets: Buckets, key: Key):
    """The certificate was read when the connection began; the agreements change under it."""
    connection = shown(issue(key, key, BANK))
    agreed = terms(credentials=(pinned(key),))
    ask(gate_of(buckets, agreed), connection)
    suspended = terms(credentials=(pinned(key),), halts=(suspension(since=AT),))
    with pytest.raises(r.ProvisionSuspended):
        ask(gate_of(buckets, suspended), connection)
    withdrawn = terms(credentials=(pinned(key, revoked_at=AT),))
    with pytest.raises(r.CredentialRevoked):
        ask(gate_of(buckets, withdrawn), connection)
    with pytest.raises(r.UnknownCredential):
        ask(gate_of(buckets, terms()), connection)


def test_a_certificate_counts_within_its_own_validity(buckets: Buckets, key: Key):
    gate = gate_of(buckets, terms(credentials=(pinned(key),)))
    certificate = shown(issue(key, key, BANK, begin=AT, end=AT + DAY))
    ask(gate, certificate)
    ask(gate, certificate, at=AT + DAY)
    for outside in (AT - TICK, AT + DAY + TICK):
        with pytest.raises(r.CertificateOutOfTime):
            ask(gate, certificate, at=outside)


@pytest.mark.parametrize(
    "weak",
    [
        rsa.generate_private_key(public_exponent=65537, key_size=1024),  # noqa: S505 - on purpose
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["RSA-1024", "Ed25519"],
)
def test_a_weak_key_is_refused_even_if_pinned(buckets: Buckets, authority: Key, weak: Any):
    certificate = issue(authority, weak, BANK)
    gate = gate_of(
        buckets,
        terms(credentials=(credential(kind="mtls-key", digest=certificate.digest),)),
    )
    with pytest.raises(r.CertificateUnusable):
        ask(gate, shown(certificate))


def test_a_certificate_for_servers_is_no_clients(buckets: Buckets, key: Key, authority: Key):
    gate = gate_of(buckets, terms(credentials=(of_authority(authority, BANK),)))
    with pytest.raises(r.CertificateUnusable):
        ask(gate, shown(issue(authority, key, BANK, usages=(ExtendedKeyUsageOID.SERVER_AUTH,))))
    ask(gate, shown(issue(authority, key, BANK, usages=(ExtendedKeyUsageOID.CLIENT_AUTH,))))


@pytest.mark.parametrize("nonsense", [b"", b"\x30\x00", b"\x30\x80" + bytes(40), bytes(9000)])
def test_nonsense_for_a_certificate_is_refused(nonsense: bytes):
    with pytest.raises(r.CertificateUnusable):
        ClientCertificate.read(nonsense)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_broken_certificate_is_refused_and_nothing_else_happens(key: Key):
    for mutant in mutants(issue_der(key, key, BANK), seed=5, count=2000):
        with suppress(r.CertificateUnusable):
            ClientCertificate.read(mutant).issued_by(mutant)


# --- several at once ------------------------------------------------------------------------


def test_an_ambient_certificate_neither_helps_nor_hinders_a_token(buckets: Buckets, key: Key):
    stranger = issue(key, key, BANK)
    assert ask(gate_of(buckets, terms()), shown(stranger, token=TOKEN)).credential == "C-000001"
    gate = gate_of(buckets, terms(credentials=(pinned(key),)))
    with pytest.raises(r.UnknownCredential):
        ask(gate, shown(stranger, token=secret_digest("wrong")))


def test_tokens_of_two_verifiers_in_one_question_are_refused(buckets: Buckets):
    other = credential(id="C-000002", kind=CredentialKind.PATH_TOKEN, digest=secret_digest("other"))
    gate = gate_of(
        buckets,
        terms(),
        terms(agreement="A-000002", verifier="V-000002", credentials=(other,)),
    )
    with pytest.raises(r.CredentialsDisagree):
        ask(gate, Presented(SOURCE, TOKEN, path_token=secret_digest("other")))


# --- what comes over HTTP -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer ", None),
        ("abc", None),
        ("", None),
        (None, None),
    ],
)
def test_a_bearer_token_is_read_from_its_header(header: str | None, token: str | None):
    assert bearer_token(header) == (token and secret_digest(token))


@pytest.mark.parametrize(
    ("target", "token", "rest", "logged"),
    [
        ("/t/secret/ocsp", "secret", "/ocsp", "/t/***/ocsp"),
        ("/t/secret/ocsp/MEUw//x%2F=", "secret", "/ocsp/MEUw//x%2F=", "/t/***/ocsp/MEUw//x%2F="),
        ("//t/secret/ocsp", "secret", "//ocsp", "//t/***/ocsp"),
        ("http://host/t/secret/ocsp", "secret", "http://host/ocsp", "http://host/t/***/ocsp"),
        ("/t/cut-off", "cut-off", "", "/t/***"),
        ("/t/secret?x=1", "secret", "?x=1", "/t/***?x=1"),
        ("/ocsp/t/secret/x", None, "/ocsp/t/secret/x", "/ocsp/t/secret/x"),
        ("/ocsp", None, "/ocsp", "/ocsp"),
        ("/t//ocsp", None, "/t//ocsp", "/t//ocsp"),
    ],
)
def test_a_path_token_is_taken_out_and_masked(
    target: str, token: str | None, rest: str, logged: str
):
    assert take_path_token(target) == (token and secret_digest(token), rest)
    assert mask_path_token(target) == logged


def test_an_ipv4_address_in_ipv6s_clothes_is_the_ipv4_address():
    assert address("::ffff:192.0.2.7") == SOURCE
    assert address("2001:db8::1") == ip_address("2001:db8::1")


# --- behind a proxy -------------------------------------------------------------------------


def headers(der: bytes) -> dict[str, str]:
    encoded = base64.b64encode(der).decode()
    pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    return {"RFC 9440": f":{encoded}:", "HAProxy": encoded, "nginx": quote(pem)}


@pytest.mark.parametrize("form", ["RFC 9440", "HAProxy", "nginx"])
def test_a_certificate_header_counts_from_a_proxy_and_from_nobody_else(key: Key, form: str):
    header = headers(issue_der(key, key, BANK))[form]
    from_proxy = PROXIES.certificate(PROXY, header)
    assert from_proxy is not None
    assert from_proxy.digest == digest_of(key)
    assert PROXIES.certificate(STRANGER, header) is None
    assert Proxies().certificate(PROXY, header) is None


def test_a_proxy_may_have_no_certificate_to_show_but_no_nonsense():
    assert PROXIES.certificate(PROXY, None) is None
    assert PROXIES.certificate(PROXY, "") is None
    assert PROXIES.certificate(STRANGER, "nonsense") is None
    with pytest.raises(r.CertificateUnusable):
        PROXIES.certificate(PROXY, "nonsense")


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        (PROXY, "192.0.2.7", "192.0.2.7"),
        (PROXY, " 198.51.100.1 , 192.0.2.7", "192.0.2.7"),
        (PROXY, "192.0.2.7, 10.0.0.2", "192.0.2.7"),
        (PROXY, "::ffff:192.0.2.7", "192.0.2.7"),
        (PROXY, None, "10.0.0.1"),
        (PROXY, "unknown", "10.0.0.1"),
        (PROXY, "192.0.2.7, unknown", "10.0.0.1"),
        (STRANGER, "192.0.2.7", "203.0.113.9"),
    ],
)
def test_where_a_question_comes_from_only_proxies_may_say(
    peer: Any, forwarded: str | None, source: str
):
    assert PROXIES.source(peer, forwarded) == ip_address(source)
