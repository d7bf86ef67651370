"""Name constraints beyond PKITS 4.13: wildcards, addresses, forms that nobody compares (C10)."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from support.paths import AT, alternative, anchor, issue, named, names, root
from tashika.path import NotChecked, PathCause, TrustAnchor, check_path
from tashika.pki import der

DNS, EMAIL, URI = x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier


def ip(text: str) -> x509.IPAddress:
    return x509.IPAddress(ip_network(text) if "/" in text else ip_address(text))


def directory(*parts: str) -> x509.DirectoryName:
    return x509.DirectoryName(
        x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, part) for part in parts])
    )


def other(oid: str) -> x509.OtherName:
    return x509.OtherName(x509.ObjectIdentifier(oid), b"\x0c\x01x")


def cause(
    *given: x509.GeneralName,
    permitted: Any = (),
    excluded: Any = (),
    subject: str | x509.Name = "EE",
) -> PathCause:
    ca = issue("CA", by="Root", ca=True, extra=[names(permitted=permitted, excluded=excluded)])
    leaf = issue(subject, by="CA", key="EE", extra=[alternative(*given)] if given else [])
    return check_path(
        leaf, candidates=[ca], anchors=[anchor()], source=NotChecked("names"), at=AT
    ).cause


@pytest.mark.parametrize(
    ("base", "inside", "outside"),
    [
        (DNS("example.jp"), DNS("example.jp"), DNS("example.com")),
        (DNS("example.jp"), DNS("a.b.example.jp"), DNS("badexample.jp")),
        (DNS("Example.JP"), DNS("www.eXample.jp"), DNS("jp")),
        (DNS("example.jp"), DNS("*.example.jp"), DNS("*.com")),
        (DNS("example.jp"), DNS("www.example.jp."), DNS("example.jp.test")),
        (DNS(".example.jp"), DNS("www.example.jp"), DNS("wwwexample.jp")),
        (EMAIL("example.jp"), EMAIL("a@example.jp"), EMAIL("a@sub.example.jp")),
        (EMAIL(".example.jp"), EMAIL("a@sub.example.jp"), EMAIL("a@example.jp")),
        (EMAIL("a@example.jp"), EMAIL("a@EXAMPLE.jp"), EMAIL("b@example.jp")),
        (URI("example.jp"), URI("http://example.jp:8/x"), URI("http://www.example.jp/")),
        (URI(".example.jp"), URI("ldap://www.example.jp/"), URI("http://example.jp/")),
        (URI("example.jp"), URI("http://u@example.jp/"), URI("http://example.jp@test/")),
        (ip("192.0.2.0/24"), ip("192.0.2.255"), ip("192.0.3.0")),
        (ip("2001:db8::/32"), ip("2001:db8::1"), ip("192.0.2.1")),
        (directory("A"), directory("a", "B"), directory("B", "A")),
    ],
)
def test_c10_within_and_without(
    base: x509.GeneralName, inside: x509.GeneralName, outside: x509.GeneralName
):
    # The subject's own name is a directory name: constrain that kind from the inside only.
    subject = x509.Name([]) if isinstance(base, x509.DirectoryName) else "EE"
    assert cause(inside, permitted=[base], subject=subject) is PathCause.VALID
    assert cause(outside, permitted=[base], subject=subject) is PathCause.NAME_NOT_PERMITTED
    assert cause(inside, excluded=[base], subject=subject) is PathCause.NAME_NOT_PERMITTED
    assert cause(outside, excluded=[base], subject=subject) is PathCause.VALID
    # One name out of place is enough, wherever it stands.
    assert cause(inside, outside, permitted=[base]) is PathCause.NAME_NOT_PERMITTED
    assert cause(outside, inside, excluded=[base]) is PathCause.NAME_NOT_PERMITTED


def test_c10_a_wildcard_may_stand_for_an_excluded_host():
    assert cause(DNS("*.example.jp"), excluded=[DNS("host.example.jp")]) is (
        PathCause.NAME_NOT_PERMITTED
    )
    assert cause(DNS("h*.example.jp"), excluded=[DNS("host.example.jp")]) is (
        PathCause.NAME_NOT_PERMITTED
    )
    assert cause(DNS("*.example.jp"), permitted=[DNS("host.example.jp")]) is (
        PathCause.NAME_NOT_PERMITTED
    )
    assert cause(DNS("*.example.jp"), excluded=[DNS("example.com")]) is PathCause.VALID


def test_c10_what_is_unclear_is_neither_permitted_nor_left_out():
    """A period before a domain: RFC 5280 says nothing, others take it for what is below."""
    apex, below = DNS("example.jp"), DNS(".example.jp")
    assert cause(apex, permitted=[below]) is PathCause.NAME_NOT_PERMITTED
    assert cause(apex, excluded=[below]) is PathCause.NAME_NOT_PERMITTED


@pytest.mark.parametrize("name", [DNS("a.test"), URI("http://a.test/")])
def test_c10_an_empty_base_excludes_all_of_its_kind(name: x509.GeneralName):
    assert cause(name, excluded=[type(name)("")]) is PathCause.NAME_NOT_PERMITTED


MAILBOX = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9")


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        (der.wrap(0x0C, "花子@example.jp".encode()), True),
        (der.wrap(0x0C, "花子@bad.test".encode()), False),
        (der.wrap(0x16, b"a@example.jp"), False),
        (der.wrap(0x0C, b"\xff@example.jp"), False),
        (b"\x05\x00", False),
    ],
)
def test_c10_an_internationalised_mailbox_is_held_to_the_constraints_of_mail(
    value: bytes,
    valid: bool,  # noqa: FBT001 - parametrized
):
    """RFC 9598 6."""
    mailbox = x509.OtherName(MAILBOX, value)
    expected = PathCause.VALID if valid else PathCause.NAME_NOT_PERMITTED
    assert cause(mailbox, permitted=[EMAIL("example.jp")]) is expected
    assert cause(mailbox, excluded=[EMAIL("bad.test")]) is expected
    assert cause(mailbox, permitted=[DNS("example.jp")]) is PathCause.VALID


@pytest.mark.parametrize(
    "spelt",
    ["Ac\u00adme", "Ac\u200bme", "\u200eAcme", "\uff21cme", "ACME", " acme\u0007 ", "Acme\ufe0f"],
)
def test_c10_an_excluded_name_is_excluded_however_it_is_spelt(spelt: str):
    """RFC 4518 2.2: what no reader sees is mapped to nothing before names are compared."""
    found = cause(directory(spelt), excluded=[directory("Acme")])
    assert found is PathCause.NAME_NOT_PERMITTED


def test_c10_a_name_that_is_a_net_is_no_address():
    net = ip("192.0.2.0/24")
    for side in ("permitted", "excluded"):
        assert cause(net, **{side: [net]}) is PathCause.NAME_NOT_PERMITTED
        assert cause(net, **{side: [DNS("example.jp")]}) is PathCause.VALID


@pytest.mark.parametrize(
    "uri",
    [
        "http://192.0.2.1/",
        "http://[2001:db8::1]/",
        "urn:x:y",
        "http://[",
        "http://bad.test\\@example.jp/",
        "http://b%61d.test/",
        "http://bad.test\t/",
    ],
)
@pytest.mark.parametrize("side", ["permitted", "excluded"])
def test_c10_a_uri_without_a_host_is_refused_where_uris_are_constrained(uri: str, side: str):
    assert cause(URI(uri), **{side: [URI("example.jp")]}) is PathCause.NAME_NOT_PERMITTED
    assert cause(URI(uri), **{side: [DNS("example.jp")]}) is PathCause.VALID


@pytest.mark.parametrize(
    "form", [other("2.25.1"), x509.RegisteredID(x509.ObjectIdentifier("2.25.1"))]
)
@pytest.mark.parametrize("side", ["permitted", "excluded"])
def test_c10_a_form_that_nobody_compares_is_refused_where_constrained(
    form: x509.GeneralName, side: str
):
    assert cause(form, **{side: [form]}) is PathCause.NAME_NOT_PERMITTED
    assert cause(form, **{side: [DNS("example.jp")]}) is PathCause.VALID


def test_c10_an_address_in_the_subject_counts_too():
    subject = x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@bad.test")])
    assert cause(subject=subject, excluded=[EMAIL("bad.test")]) is PathCause.NAME_NOT_PERMITTED
    assert cause(subject=subject, permitted=[EMAIL("good.test")]) is PathCause.NAME_NOT_PERMITTED


def test_constraints_of_several_cas_all_hold():
    top = issue("A", by="Root", ca=True, extra=[names(permitted=[DNS("jp")])])
    below = issue("B", by="A", ca=True, extra=[names(permitted=[DNS("example.jp"), DNS("com")])])

    def outcome(name: str) -> PathCause:
        leaf = issue("EE", by="B", extra=[alternative(DNS(name))])
        return check_path(
            leaf, candidates=[top, below], anchors=[anchor()], source=NotChecked("names"), at=AT
        ).cause

    assert outcome("www.example.jp") is PathCause.VALID
    assert outcome("www.com") is PathCause.NAME_NOT_PERMITTED
    assert outcome("other.jp") is PathCause.NAME_NOT_PERMITTED


def test_an_anchor_s_own_constraints_hold():
    constrained = issue("Root", by="Root", ca=True, extra=[names(excluded=[DNS("bad.test")])])
    leaf = issue("EE", by="Root", extra=[alternative(DNS("www.bad.test"))])
    for trusted, expected in (
        (constrained, PathCause.NAME_NOT_PERMITTED),
        (root(), PathCause.VALID),
    ):
        found = check_path(
            leaf, anchors=[TrustAnchor.of(trusted)], source=NotChecked("names"), at=AT
        )
        assert found.cause is expected


@pytest.mark.parametrize("bound", [der.implicit(0), der.implicit(1)], ids=["minimum", "maximum"])
def test_a_minimum_or_maximum_is_not_understood(bound: int):
    subtree = der.sequence(der.wrap(der.implicit(2), b"example.jp"), der.integer(1, bound))
    value = der.sequence(der.wrap(der.explicit(0), subtree))
    odd = x509.UnrecognizedExtension(x509.NameConstraints.oid, value), True
    ca = issue("CA", by="Root", ca=True, extra=[odd])
    leaf = issue("EE", by="CA", extra=[alternative(DNS("example.jp"))])
    report = check_path(
        leaf, candidates=[ca], anchors=[anchor()], source=NotChecked("names"), at=AT
    )
    assert report.cause is PathCause.NO_PATH  # the CA cannot be read, and is left out
    assert check_path(ca, anchors=[anchor()], source=NotChecked("x"), at=AT).cause is (
        PathCause.UNSUPPORTED
    )


def test_names_compare_without_case_and_space_but_not_without_order():
    ca = issue(named("Some  CA"), by="Root", key="CA", ca=True)
    leaf = issue("EE", by="some cA", by_key="CA")
    assert check_path(leaf, candidates=[ca], anchors=[anchor()], source=NotChecked("names"), at=AT)
