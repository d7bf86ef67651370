"""Names compare alike, whether pyca has read them or our own reader has."""

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from tashika.path.names import comparable, comparable_der
from tashika.pki import der
from tashika.pki.errors import Malformed, Unsupported
from tashika.pki.limits import MAX_NAME_PARTS

TEXTS = {
    _ASN1Type.UTF8String: st.text(min_size=1, max_size=8),
    _ASN1Type.BMPString: st.text(
        st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), min_size=1, max_size=8
    ),
    _ASN1Type.T61String: st.text(min_size=1, max_size=8),
    _ASN1Type.PrintableString: st.text("AZaz 09", min_size=1, max_size=8),
    _ASN1Type.IA5String: st.text("AZaz@.", min_size=1, max_size=8),
}
ATTRIBUTES = st.sampled_from([*TEXTS]).flatmap(
    lambda kind: TEXTS[kind].map(
        lambda text: x509.NameAttribute(NameOID.ORGANIZATION_NAME, text, kind)
    )
)


@settings(max_examples=50, deadline=None)
@given(st.lists(ATTRIBUTES, max_size=4))
def test_both_readers_say_the_same(attributes: list[x509.NameAttribute]):
    name = x509.Name(attributes)
    # As a list's issuer comes to us: written, and read again by pyca.
    assert comparable_der(name.public_bytes()) == comparable(name)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (der.wrap(0x03, b"\x00\x01"), Unsupported),
        (der.wrap(0x0C, b"\xff"), Malformed),
        (der.wrap(0x1E, b"\x00"), Malformed),
    ],
)
def test_c7_what_cannot_be_compared_is_refused(value: bytes, error: type[Exception]):
    pair = der.sequence(der.oid("2.5.4.3"), value)
    with pytest.raises(error):
        comparable_der(der.sequence(der.wrap(der.SET, pair)))


def test_a_name_of_too_many_parts_is_refused():
    part = der.wrap(der.SET, der.sequence(der.oid("2.5.4.3"), der.wrap(0x0C, b"a")))
    assert len(comparable_der(der.sequence(*[part] * MAX_NAME_PARTS))) == MAX_NAME_PARTS
    with pytest.raises(Malformed):
        comparable_der(der.sequence(*[part] * (MAX_NAME_PARTS + 1)))
