"""Addresses that a certificate may lead to, and those it may not (C9)."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tashika import Cause
from tashika.errors import SourceFailed
from tashika.outbound import require_outbound_url, require_public

INSIDE = [
    "0.0.0.0",  # noqa: S104 - refused
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.251",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.128.0.1", "169.253.1.1"]
INSIDE_6 = [
    "::",
    "::1",
    "::2",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "64:ff9b:1::1",
    "100::1",
    "3fff::1",
    "5f00::1",
    "fec0::1",
    "feff::1",
    "::ffff:0:127.0.0.1",
    "400::1",
    "4000::1",
]


def hidden(address: str) -> list[str]:
    """Return the IPv6 addresses that lead to an IPv4 one."""
    number = int(IPv4Address(address))
    high, low = number >> 16, number & 0xFFFF
    return [
        f"::ffff:{address}",
        f"::{address}",
        f"64:ff9b::{address}",
        f"2002:{high:x}:{low:x}::1",
        str(IPv6Address((0x20010000 << 96) | (0x08080808 << 64) | (number ^ 0xFFFFFFFF))),
    ]


@pytest.mark.parametrize("address", [*INSIDE, *INSIDE_6])
def test_c9_what_lies_inside_is_refused(address: str):
    with pytest.raises(SourceFailed) as refused:
        require_public(address)
    assert refused.value.cause is Cause.ADDRESS_REFUSED
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(SourceFailed):
        require_outbound_url(f"http://{host}/ocsp")


@pytest.mark.parametrize("address", INSIDE)
def test_c9_it_is_refused_in_every_disguise_too(address: str):
    for each in hidden(address):
        with pytest.raises(SourceFailed):
            require_public(each)


@pytest.mark.parametrize("address", [*PUBLIC, "2001:4860:4860::8888", "2606:4700::1111"])
def test_what_is_public_is_let_through(address: str):
    assert require_public(address) == ip_address(address)
    assert require_public(ip_address(address)) == ip_address(address)


def test_what_is_public_is_so_inside_another_address():
    for each in hidden("8.8.8.8"):
        assert require_public(each) == ip_address(each)


@pytest.mark.parametrize("noise", ["", "localhost", "0177.0.0.1", "2130706433", "1.2.3", "::g"])
def test_what_is_no_address_is_refused(noise: str):
    with pytest.raises(SourceFailed):
        require_public(noise)


@pytest.mark.parametrize(
    "url",
    ["http://ocsp.example.jp", "https://crl.example.jp/a?b=c", "http://8.8.8.8/", "http://x:80/"],
)
def test_a_usual_url_is_let_through(url: str):
    assert require_outbound_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ocsp.example.jp",
        "ldap://ocsp.example.jp/",
        "file:///etc/passwd",
        "http://",
        "http://user:secret@ocsp.example.jp/",
        "http://ocsp.example.jp:22/",
        "http://ocsp.example.jp:99999/",
        "http://[::1",
        "http://ocsp.example.jp/ HTTP/1.1",
        "http://ocsp.example.jp/\r\nHost: inside",
    ],
)
def test_c9_an_unusual_url_is_refused(url: str):
    with pytest.raises(SourceFailed) as refused:
        require_outbound_url(url)
    assert refused.value.cause is Cause.ADDRESS_REFUSED


@settings(max_examples=50, deadline=None)
@given(st.one_of(st.text(), st.ip_addresses().map(str), st.from_regex(r"http://[^/]+/")))
def test_c11_any_text_is_let_through_or_refused(text: str):
    for decide in (require_public, require_outbound_url):
        try:
            decide(text)
        except SourceFailed as refused:
            assert refused.cause is Cause.ADDRESS_REFUSED  # noqa: PT017 - nothing else is raised
