"""What strangers show, before anybody knows who they are."""

from base64 import b64decode
from ipaddress import ip_address, ip_network

import pytest

from support.asking import Authority, ec_key
from support.odd_files import STRANGE, strange
from tashika_server.agreements.presented import ClientCertificate, Proxies
from tashika_server.agreements.refusals import CertificateUnusable

PROXY = ip_address("192.0.2.1")
PROXIES = Proxies((ip_network("192.0.2.1/32"),))


@pytest.fixture(scope="module")
def ca():
    return Authority.make("some CA", ec_key("ca"))


@pytest.mark.parametrize("which", STRANGE)
def test_a_strange_certificate_is_unusable_and_breaks_nothing(ca, which):
    pem = strange(which, ca.issue_responder(ec_key("client")), ca.key)
    der = b64decode(b"".join(pem.splitlines()[1:-1]))
    try:
        shown = ClientCertificate.read(der)
    except CertificateUnusable:
        return
    assert not shown.usable


@pytest.mark.parametrize("header", ["日本", "\xff\xfe", ":%FF%:", "::", "%", "-----BEGIN"])
def test_a_proxys_nonsense_is_unusable(header):
    with pytest.raises(CertificateUnusable):
        PROXIES.certificate(PROXY, header)
